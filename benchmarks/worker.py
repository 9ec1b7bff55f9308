"""One way to collect, in a process of its own: `python -m benchmarks.worker`.

Its first line on stdin is a job, as JSON: `way` (a key of WAYS), `case` (as `Case.of` takes it), `endpoint`, `folder`
of the Agent's cache, `now`, `periods`, `begun` (monotonic seconds at which the process was started), `totalling`. It
makes the first run and answers with a line of JSON, as it does for each further line: `{do: run, now, periods}`,
`{do: idle, now, times}`, `{do: add, case, now}`, `{do: drop}`, `{do: totals}`. An answer has `wall` and `cpu` in
seconds and how memory and sink are now; or `error`, after which there is no other.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks import agent
from benchmarks.cases import Case
from benchmarks.meter import Cost, cost, memory


@dataclass(slots=True)
class Way:
    """What a way can be told. `each` is for every instance what it took to make it and to run it once, and after that.

    (wall seconds, CPU seconds, bytes of memory of the process)
    """

    run: Callable[[float, int], None]
    with_data: Callable[[], int] = lambda: 0
    totals: Callable[[], dict[Any, float]] = dict
    add: Callable[[Case, float], None] = lambda case, now: None
    drop: Callable[[], None] = lambda: None
    each: list[tuple[float, float, int]] | None = None


def _ours(job: dict[str, Any], case: Case, sink: agent.Sink) -> Way:
    # An Agent has loaded its own part before a check begins.
    import_module('datadog_checks.base.checks.base')
    from benchmarks.ways.ours import Ours, instances

    ours, each = Ours(), []

    def add(case: Case, now: float) -> None:
        for instance in instances(case, job['endpoint']):
            spent = cost(lambda instance=instance: ours.add(instance, now))
            each.append((*spent, memory()[0]))

    add(case, job['now'])
    return Way(lambda now, periods: ours.run(now), totals=lambda: sink.totals, add=add, drop=ours.drop, each=each)


def _one_call_each(job: dict[str, Any], case: Case, sink: agent.Sink) -> Way:
    from benchmarks.ways.obvious import one_call_each

    return _of_checks(one_call_each(case, job['endpoint'], job['totalling']), job, lambda now, periods: (now,))


def _plain_batches(job: dict[str, Any], case: Case, sink: agent.Sink) -> Way:
    from benchmarks.ways.obvious import plain_batches

    return _of_checks(plain_batches(case, job['endpoint'], job['totalling']), job, lambda now, periods: (now, periods))


def _of_checks(checks: list[Any], job: dict[str, Any], arguments: Callable[[float, int], tuple[Any, ...]]) -> Way:
    def run(now: float, periods: int) -> None:
        for check in checks:
            check.run_at(*arguments(now, periods))

    run(job['now'], job['periods'])
    return Way(
        run,
        with_data=lambda: sum(check.with_data for check in checks),
        totals=lambda: {key: total for check in checks for key, total in check.totals.items()},
    )


WAYS: dict[str, Callable[[dict[str, Any], Case, agent.Sink], Way]] = {
    'ours': _ours,
    'one_call_each': _one_call_each,
    'plain_batches': _plain_batches,
}


def main() -> None:
    """Serve the commands on stdin until it ends."""
    # Answers go where stdout went; whatever else is printed must not be taken for one.
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
    way = WAYS[job['way']](job, Case.of(job['case']), sink)
    # All that this process has done: the interpreter, the imports, the clients and the first run.
    answer: dict[str, Any] = Cost(time.monotonic() - job['begun'], time.process_time())._asdict()
    answer['each'] = way.each
    while True:
        resident, most = memory()
        answer |= {'resident': resident, 'peak': most, 'with_data': way.with_data()}
        yield {**answer, 'submitted': sink.submitted, 'state_bytes': cache.largest}
        sink.submitted = 0
        line = next(lines, None)
        if line is None:
            return
        answer = _done(way, json.loads(line))


def _done(way: Way, command: dict[str, Any]) -> dict[str, Any]:
    do = command['do']
    if do == 'totals':
        return {'totals': [[key, total] for key, total in way.totals().items()]}
    if do == 'idle':
        return {'runs': [cost(lambda: way.run(command['now'], 0)) for _ in range(command['times'])]}
    if do == 'run':
        return cost(lambda: way.run(command['now'], command['periods']))._asdict()
    if do == 'add':
        return cost(lambda: way.add(Case.of(command['case']), command['now']))._asdict()
    assert do == 'drop'
    return cost(way.drop)._asdict()


if __name__ == '__main__':
    main()
