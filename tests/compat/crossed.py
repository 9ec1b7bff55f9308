"""The check on this interpreter's botocore against a simulator that another process serves: `crossed.py URL`.

The simulator must stand still at common.START. Prints one JSON object: what three hours of runs handed over, and what
went wrong.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

sys.path[:0] = [str(Path(__file__).resolve().parents[1])]

# Before the check is imported: it installs what an Agent offers.
from standalone.host import Host  # noqa: E402 isort: skip

# Beside the tests, which are on the path only since the line above.
from common import KEY, REGION, SECRET, START  # noqa: E402

from simulator import Clock  # noqa: E402

RUNS, STEP = 36, 300
OWN = ('amazon_ses.collector.run_duration',)
"""What differs from one process to the next."""


def move(url: str, seconds: float) -> None:
    """Let the simulator's clock go on."""
    body = json.dumps({'advance': seconds}).encode()
    with urlopen(Request(f'{url}/_sim/clock', body, method='POST')) as answer:
        answer.read()


def handed_over(url: str) -> dict[str, Any]:
    """Counts added up, gauges as they came last, by name and tags; and every failure with the run it came in."""
    clock = Clock(START)
    instance = {
        'region': REGION,
        'endpoint_url': url,
        'aws_access_key_id': KEY,
        'aws_secret_access_key': SECRET,
        'min_collection_interval': 60,
    }
    values: dict[str, float] = {}
    wrong: list[str] = []
    with Host(instance, clock=clock) as host:
        for number in range(RUNS):
            run = host.run()
            if run.error is not None:
                wrong.append(f'run {number}: {run.error}')
            wrong += [f'run {number}: {warning}' for warning in run.warnings]
            for sample in run.metrics:
                name = ' '.join((sample.name, *sorted(sample.tags)))
                if sample.name not in OWN:
                    values[name] = sample.value + (values.get(name, 0.0) if sample.type == 'count' else 0.0)
            clock.advance(STEP)
            move(url, STEP)
    return {'values': values, 'wrong': wrong}


if __name__ == '__main__':
    print(json.dumps(handed_over(sys.argv[1])))
