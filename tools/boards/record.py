"""Records what the real check submits against the simulator: `python -m tools.boards.record FOLDER PLAY ...`."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

# Stays first: it installs the fake Agent, which must be there before anything of datadog_checks is imported.
import standalone.host
from simulator import Clock, Simulator
from standalone.agent import AGENT
from tools.boards import recording
from tools.boards.play import LEAD, START, Play
from tools.boards.plays import PLAYS
from tools.boards.recording import Recording, SeriesKey, StatusKey


def main(folder: str, *names: str) -> None:
    """Record plays, one after the other, and write each to the file of its name."""
    for name in names:
        recording.write(record(PLAYS[name]()), Path(folder) / name)


def record(play: Play) -> Recording:
    """Run the check through a play. A run that fails where the play does not expect it is an error."""
    AGENT.set_log_level(logging.CRITICAL)
    series: dict[SeriesKey, list[tuple[float, float]]] = {}
    statuses: dict[StatusKey, list[tuple[float, int]]] = {}
    clock = Clock(START - LEAD)
    incidents = sorted(play.incidents, key=lambda incident: incident.at)
    # Other tests prove that responses fit the models of botocore. Here that would cost half of the time.
    with Simulator(scenario=play.scenario, clock=clock, strict=False) as aws:
        clock.advance(LEAD)
        instance = {
            'regions': ['us-east-1'],
            'endpoint_url': aws.endpoint_url,
            'aws_access_key_id': 'AKIAIOSFODNN7EXAMPLE',
            'aws_secret_access_key': 'wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY',
            'min_collection_interval': 60,
            'empty_default_hostname': True,
            **play.options,
        }
        with standalone.host.Host(instance, clock=clock, receives_events=True) as host:
            while clock() < START + play.seconds:
                while incidents and clock() >= START + incidents[0].at:
                    incidents.pop(0).strike(aws, clock)
                run = host.run()
                for sample in run.metrics:
                    series.setdefault((sample.name, sample.type, sample.tags), []).append((run.time, sample.value))
                for status in run.service_checks:
                    statuses.setdefault((status.name, status.tags), []).append((run.time, status.status))
                clock.advance(play.step)
    return Recording(START, clock(), series, statuses)


if __name__ == '__main__':
    main(*sys.argv[1:])
