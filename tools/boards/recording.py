"""Records what the real check hands over against the simulator: `python -m tools.boards.recording PLAY FILE`.

In a process of its own, because the standalone host must be imported before anything of datadog_checks is.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tools.boards.evaluate import Recording


def read(path: Path) -> Recording:
    """A recording that was written by `main`."""
    return of(json.loads(path.read_text(encoding='utf-8')))


def of(document: Mapping[str, Any]) -> Recording:
    """What `record` gives, as it is evaluated."""
    return Recording(
        document['start'],
        document['end'],
        {(name, kind, tuple(tags)): [tuple(one) for one in points] for name, kind, tags, points in document['series']},
        {(name, tuple(tags)): [tuple(one) for one in points] for name, tags, points in document['statuses']},
    )


def begin(play: str, path: Path) -> subprocess.Popen[str]:
    """Start the recording of a play in a process of its own."""
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, '-m', 'tools.boards.recording', play, str(path.resolve())]
    return subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str], path: Path, seconds: float = 300) -> Recording:
    """The recording of a process that `begin` started. Raises RuntimeError where it failed."""
    _, said = process.communicate(timeout=seconds)
    if process.returncode:
        raise RuntimeError(f'{path.stem} was not recorded: {said}')
    return read(path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Record one play and write it."""
    name, path = sys.argv[1:] if arguments is None else arguments
    from tools.boards.plays import PLAYS

    Path(path).write_text(json.dumps(record(PLAYS[name]())), encoding='utf-8')
    return 0


def record(play: object) -> dict[str, Any]:
    """Run the check through a play. A run that fails where the play does not expect it is an error."""
    from simulator import Clock, Simulator
    from standalone.agent import AGENT
    from standalone.host import Host
    from tools.boards.plays import LEAD, START, STEP, Play

    assert isinstance(play, Play)
    AGENT.set_log_level(logging.CRITICAL)
    series: dict[tuple[str, str, tuple[str, ...]], list[tuple[float, float]]] = {}
    statuses: dict[tuple[str, tuple[str, ...]], list[tuple[float, int]]] = {}
    clock = Clock(START - LEAD)
    coming = sorted(play.happenings, key=lambda one: one.at)
    # That answers fit the models of botocore is proven elsewhere, and costs half of the time.
    with Simulator(scenario=play.scenario, clock=clock, strict=False) as aws:
        clock.advance(LEAD)
        instance = {
            'regions': list(play.regions),
            'endpoint_url': aws.endpoint_url,
            'aws_access_key_id': 'AKIAIOSFODNN7EXAMPLE',
            'aws_secret_access_key': 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
            'min_collection_interval': 60,
            'empty_default_hostname': True,
            **play.options,
        }
        with Host(instance, clock=clock) as host:
            while clock() < START + play.seconds:
                while coming and clock() >= START + coming[0].at:
                    coming.pop(0).happen(aws, clock)
                run = host.run()
                for sample in run.metrics:
                    series.setdefault((sample.name, sample.type, sample.tags), []).append((run.time, sample.value))
                for status in run.service_checks:
                    statuses.setdefault((status.name, status.tags), []).append((run.time, status.status))
                clock.advance(STEP)
    return {
        'start': START,
        'end': clock(),
        'series': [(*key, points) for key, points in series.items()],
        'statuses': [(*key, points) for key, points in statuses.items()],
    }


if __name__ == '__main__':
    sys.exit(main())
