"""A small host that drives the check as the Agent does, in a process of its own, for the tests of several processes.

It reads commands from its standard input, a JSON object a line, and answers each with one: `{"now": 1.0, "monotonic":
1.0}` is a run at that time. The cache is a folder, read and written as pkg/persistentcache of the Agent does.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path
from typing import Any

from datadog_checks.amazon_ses import AmazonSesCheck
from datadog_checks.base.stubs import aggregator, datadog_agent

COUNTS = re.compile(r'.*\.(count|covered_seconds|periods_skipped|periods_unknown)')


class FileCache:
    """One file for each key. A missing file reads as an empty text; what cannot be read raises as rtloader does."""

    def __init__(self, run_path: str) -> None:
        self._run_path = Path(run_path)

    def read(self, key: str) -> str:
        try:
            path = self._path(key)
            return path.read_text() if path.exists() else ''
        except OSError:
            raise RuntimeError('failed to read data') from None

    def write(self, key: str, text: str) -> None:
        try:
            path = self._path(key)
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            with os.fdopen(descriptor, 'w') as file:
                file.write(text)
        except OSError:
            # The Agent logs it and goes on.
            pass

    def _path(self, key: str) -> Path:
        folder, *names = (re.sub(r'[^a-zA-Z0-9_-]', '', part) for part in key.split(':', 1))
        if not names:
            return self._run_path / folder
        # Also for a read, as the Agent does.
        (self._run_path / folder).mkdir(mode=0o700, parents=True, exist_ok=True)
        return self._run_path / folder / names[0]


def main(run_path: str, instance: dict[str, Any], config: dict[str, Any], attributes: dict[str, Any]) -> None:
    cache = FileCache(run_path)
    datadog_agent.read_persistent_cache, datadog_agent.write_persistent_cache = cache.read, cache.write
    datadog_agent._config = {**datadog_agent.get_default_config(), 'run_path': run_path, **config}
    check = AmazonSesCheck('amazon_ses', {}, [instance])
    check.check_id = 'amazon_ses:test:0123456789abcdef'
    check.clock_is_turned = True
    for name, value in attributes.items():
        setattr(check, name, value)
    for line in sys.stdin:
        command = json.loads(line)
        check.clock, check.monotonic = lambda now=command['now']: now, lambda now=command['now']: now
        aggregator.reset()
        error = check.run()
        print(json.dumps({'error': error, 'warnings': check.get_warnings(), **submissions()}), flush=True)


def submissions() -> dict[str, Any]:
    """What a run submitted: the counts added up by name and Region, the names of gauges, events and statuses."""
    counts: dict[str, float] = {}
    gauges: set[str] = set()
    for name in aggregator.metric_names:
        for metric in aggregator.metrics(name):
            region = next((tag for tag in metric.tags if tag.startswith('region:')), '')
            if metric.type == aggregator.COUNT:
                key = f'{name.removeprefix("amazon_ses.")} {region.removeprefix("region:")}'
                counts[key] = counts.get(key, 0.0) + metric.value
            else:
                gauges.add(name.removeprefix('amazon_ses.'))
    statuses = [
        [status.name.removeprefix('amazon_ses.'), status.status, status.message, status.tags]
        for name in aggregator.service_check_names
        for status in aggregator.service_checks(name)
    ]
    events = [[event['event_type'], event['msg_title']] for event in aggregator.events]
    return {'counts': counts, 'gauges': sorted(gauges), 'events': events, 'statuses': statuses}


if __name__ == '__main__':
    main(sys.argv[1], *map(json.loads, sys.argv[2:5]))
