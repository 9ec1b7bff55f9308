"""One way to collect, in a separate process: `python -m benchmarks.worker`.

The first line on stdin is a job, as JSON: `way` (a module of `ways`), `case` (for `Case.from_document`), `endpoint`,
`folder` of the Agent's cache, `now`, `periods`, `started` (monotonic seconds at which the process was started),
`totalling`. The worker makes the first run and answers with a line of JSON. So it does for each further line:
`{do: run, now, periods}`, `{do: idle, now, times}`, `{do: add, case, now}`, `{do: drop}`, `{do: totals}`,
`{do: turn, now, latency}`, `{do: restart, now, latency}`. An answer has
`wall` and `cpu` in seconds, and the present figures of memory and submissions; or `error`, and then it is the last.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks import agent
from benchmarks.case import Case
from benchmarks.meter import Cost, cost, memory


def main() -> None:
    """Serve the commands on stdin until it ends."""
    # Answers go to the original stdout; all other output goes to stderr, so that nothing else is read as an answer.
    answers = os.fdopen(os.dup(1), 'w')
    os.dup2(2, 1)
    try:
        for answer in _answers(sys.stdin):
            print(json.dumps(answer), file=answers, flush=True)
    except Exception as error:
        print(json.dumps({'error': f'{type(error).__name__}: {error}'}), file=answers, flush=True)


def _answers(lines: Iterator[str]) -> Iterator[dict[str, Any]]:
    job = json.loads(next(lines))
    sink, cache = agent.install(Path(job['folder']), job['totalling'])
    # Not at the top: a process loads its way only, and after the Agent.
    way = import_module(f'benchmarks.ways.{job["way"]}').Way(job['endpoint'])
    way.add(Case.from_document(job['case']), job['now'], job['periods'])
    # The whole process so far: interpreter, imports, clients and first run.
    answer: dict[str, Any] = Cost(time.monotonic() - job['started'], time.process_time())._asdict()
    answer['instances'] = getattr(way, 'costs', None)
    while True:
        resident, peak = memory()
        answer |= {'resident': resident, 'peak': peak, 'with_data': way.with_data}
        yield {**answer, 'submitted': sink.submitted, 'state_bytes': cache.largest}
        sink.submitted = 0
        line = next(lines, None)
        if line is None:
            return
        answer = _answer(way, sink, json.loads(line))


def _answer(way: Any, sink: agent.Sink, command: dict[str, Any]) -> dict[str, Any]:
    match command:
        case {'do': 'totals'}:
            return {'totals': list(sink.totals.items())}
        case {'do': 'idle', 'now': now, 'times': times}:
            return {'runs': [cost(lambda: way.run(now, 0)) for _ in range(times)]}
        case {'do': 'run', 'now': now, 'periods': periods}:
            return cost(lambda: way.run(now, periods))._asdict()
        case {'do': 'turn', 'now': now, 'latency': latency}:
            turn: dict[str, Any] = way.turn(now, latency)
            return turn
        case {'do': 'restart', 'now': now, 'latency': latency}:
            first: dict[str, Any] = way.restart(now, latency)
            return first
        case {'do': 'add', 'case': document, 'now': now}:
            return cost(lambda: way.add(Case.from_document(document), now, 0))._asdict()
        case {'do': 'drop'}:
            return cost(way.drop)._asdict()
    raise ValueError(f'unknown command {command}')


if __name__ == '__main__':
    main()
