"""Records what the real check hands over against the simulator: `python -m tools.boards.recording NAME FILE`.

NAME is a play, or `demo` for the run of `make demo`. Each runs in a process of its own, because the standalone host
must be imported before anything of datadog_checks is.
"""

from __future__ import annotations

import json
import logging
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tools.boards.evaluate import Recording

DEMO = 'demo'


def read(path: Path) -> Recording:
    """A recording that was written by `main`."""
    document = json.loads(path.read_text(encoding='utf-8'))
    return Recording(
        document['start'],
        document['end'],
        {(name, kind, tuple(tags)): [tuple(one) for one in points] for name, kind, tags, points in document['series']},
        {(name, tuple(tags)): [tuple(one) for one in points] for name, tags, points in document['statuses']},
    )


def begin(name: str, path: Path) -> subprocess.Popen[str]:
    """Start a recording in a process of its own."""
    root = Path(__file__).resolve().parents[2]
    command = [sys.executable, '-m', 'tools.boards.recording', name, str(path.resolve())]
    return subprocess.Popen(command, cwd=root, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str], path: Path, seconds: float = 300) -> Recording:
    """The recording of a process that `begin` started. Raises RuntimeError where it failed."""
    _, said = process.communicate(timeout=seconds)
    if process.returncode:
        raise RuntimeError(f'{path.stem} was not recorded: {said}')
    return read(path)


def main(arguments: Sequence[str] | None = None) -> int:
    """Make one recording and write it."""
    name, path = sys.argv[1:] if arguments is None else arguments
    made = demo() if name == DEMO else played(name)
    document = {
        'start': made.start,
        'end': made.end,
        'series': [(*key, points) for key, points in made.series.items()],
        'statuses': [(*key, points) for key, points in made.statuses.items()],
    }
    Path(path).write_text(json.dumps(document), encoding='utf-8')
    return 0


def demo() -> Recording:
    """The run of `make demo` while there is mail."""
    from demo.choices import Choices
    from demo.picture import while_there_was_mail
    from demo.scene import play

    with tempfile.TemporaryDirectory() as folder:
        return while_there_was_mail(play(Choices(), Path(folder)))


def played(name: str) -> Recording:
    """The run of the check through a play. A run that fails where the play does not expect it is an error."""
    from simulator import Clock, Simulator
    from standalone.agent import AGENT
    from standalone.host import Host
    from tools.boards.plays import LEAD, PLAYS, START, STEP

    play = PLAYS[name]()
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
    return Recording(START, clock(), series, statuses)


if __name__ == '__main__':
    sys.exit(main())
