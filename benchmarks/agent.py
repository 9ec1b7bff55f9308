"""The parts of an Agent that a measurement needs: a sink that stores no samples, and a cache of one file per key."""

from __future__ import annotations

import logging
import re
import sys
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import standalone.agent

COUNT = standalone.agent.Aggregator.COUNT


class Sink:
    """Receives submissions like the Agent's aggregator, and stores only their number.

    `submitted` is the number of samples. `totals` are the sums of counts by name and tags, only if `totalling`: they
    would be most of the memory of a small client.
    """

    def __init__(self, totalling: bool = False) -> None:
        self.submitted = 0
        self.totalling = totalling
        self.totals: dict[tuple[str, tuple[str, ...]], float] = defaultdict(float)

    def submit_metric(
        self, check: Any, check_id: str, mtype: int, name: str, value: float, tags: Sequence[str], *options: Any
    ) -> None:
        self.submitted += 1
        if self.totalling and mtype == COUNT:
            self.totals[name, tuple(tags)] += value

    def submit_service_check(self, *arguments: Any) -> None:
        """Receives a status or an event and forgets it."""

    submit_event = submit_service_check


class Cache:
    """The Agent's persistent cache: a file for each key, written without waiting for the disk, as the Agent does.

    `largest` is the size in bytes of the longest text that was written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._paths: dict[str, str] = {}
        self.largest = 0

    def read(self, key: str) -> str:
        try:
            # Without buffers: the Agent reads its files in Go, and what Python adds would count as ours.
            with open(self._path(key), 'rb', buffering=0) as file:
                return file.read().decode()
        except FileNotFoundError:
            return ''

    def write(self, key: str, value: str) -> None:
        content = value.encode()
        self.largest = max(self.largest, len(content))
        with open(self._path(key), 'wb', buffering=0) as file:
            file.write(content)

    def _path(self, key: str) -> str:
        if key not in self._paths:
            name = re.sub(r'[^\w-]', '_', key)
            self._paths[key] = f'{self._folder}/{name}'
        return self._paths[key]


def install(folder: Path, totalling: bool = False) -> tuple[Sink, Cache]:
    """Put sink and cache where checks look for the Agent. Before the first import of `datadog_checks.base`."""
    standalone.agent.install()
    standalone.agent.AGENT.set_log_level(logging.ERROR)
    sink, cache = Sink(totalling), Cache(folder)
    aggregator, agent = sys.modules['aggregator'], sys.modules['datadog_agent']
    for name in ('submit_metric', 'submit_service_check', 'submit_event'):
        setattr(aggregator, name, getattr(sink, name))
    for name in ('read', 'write'):
        setattr(agent, f'{name}_persistent_cache', getattr(cache, name))
    return sink, cache
