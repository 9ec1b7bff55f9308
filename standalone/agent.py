"""What the Agent offers to a check, without an Agent: the modules `aggregator` and `datadog_agent`.

`install()` must come before the first import of `datadog_checks.base`, which decides then whether an Agent runs.
"""

from __future__ import annotations

import logging
import math
import os
import socket
import sys
import threading
import time
import types
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from standalone.model import Sample, ServiceCheck
from standalone.redaction import Redactor
from standalone.state import State
from standalone.terminal import visible

# These log requests with their headers, signatures and session tokens.
TALKATIVE_LOGGERS = ('boto3', 'botocore', 's3transfer', 'urllib3')
TRACEBACK = '\nTraceback (most recent call last):'


class Submissions:
    """The submissions of one check since the last `drain`.

    `hostname` applies where the check names no host; `tags` are added to everything, as the Agent does for `service`.
    """

    def __init__(self, hostname: str, tags: tuple[str, ...] = ()) -> None:
        self.hostname = hostname
        self.tags = tags
        self.metrics: list[Sample] = []
        self.service_checks: list[ServiceCheck] = []
        self.events: list[dict[str, Any]] = []

    def drain(self) -> tuple[list[Sample], list[ServiceCheck], list[dict[str, Any]]]:
        """Returns the submissions and forgets them."""
        drained = self.metrics, self.service_checks, self.events
        self.metrics, self.service_checks, self.events = [], [], []
        return drained


class Aggregator:
    """The module `aggregator`: sorts submissions by check."""

    GAUGE, RATE, COUNT, MONOTONIC_COUNT, COUNTER, HISTOGRAM, HISTORATE = range(7)
    TYPES = {GAUGE: 'gauge', COUNT: 'count'}

    def __init__(self) -> None:
        self._submissions: dict[int, Submissions] = {}

    def connect(self, check: Any, submissions: Submissions) -> None:
        # By the object, not by its id: two hosts of the same instance have the same check id.
        self._submissions[id(check)] = submissions

    def disconnect(self, check: Any) -> None:
        self._submissions.pop(id(check), None)

    def _sink(self, check: Any) -> Submissions:
        """Returns where a check submits to: nowhere while it is not connected."""
        return self._submissions.get(id(check)) or Submissions('')

    def submit_metric(
        self,
        check: Any,
        check_id: str,
        mtype: int,
        name: str,
        value: float,
        tags: list[str],
        hostname: str,
        flush_first_value: bool = False,
    ) -> None:
        if mtype not in self.TYPES:
            raise ValueError(f'{name}: this host takes gauges and counts only')
        sink = self._sink(check)
        # The Agent drops infinities and NaN, too.
        if math.isfinite(value):
            sink.metrics.append(Sample(name, self.TYPES[mtype], value, (*tags, *sink.tags), hostname or sink.hostname))

    def submit_service_check(
        self, check: Any, check_id: str, name: str, status: int, tags: list[str], hostname: str, message: str
    ) -> None:
        sink = self._sink(check)
        tagged = (*tags, *sink.tags)
        sink.service_checks.append(ServiceCheck(name, int(status), tagged, hostname or sink.hostname, message or ''))

    def submit_event(self, check: Any, check_id: str, event: dict[str, Any]) -> None:
        sink = self._sink(check)
        tags = [*(event.get('tags') or ()), *sink.tags]
        sink.events.append({**event, 'tags': tags, 'host': event.get('host') or sink.hostname})

    def submit_event_platform_event(self, check: Any, check_id: str, raw_event: str, event_type: str) -> None:
        """Drops the event: no format has a place for it."""

    def submit_histogram_bucket(
        self,
        check: Any,
        check_id: str,
        name: str,
        value: int,
        lower_bound: float,
        upper_bound: float,
        monotonic: bool,
        hostname: str,
        tags: list[str],
        flush_first_value: bool = False,
    ) -> None:
        """Takes a bucket as a count with its bounds as tags, because no format has distributions."""
        bounds = f'lower_bound:{lower_bound:g}', f'upper_bound:{upper_bound:g}'
        self.submit_metric(check, check_id, self.COUNT, name, value, [*tags, *bounds], hostname)


class DatadogAgent:
    """The module `datadog_agent`: configuration, log, cache and metadata. `settings` are those of datadog.yaml."""

    def __init__(self) -> None:
        self.settings: dict[str, Any] = {}
        self.redactor = Redactor()
        self.metadata: dict[str, dict[str, str]] = defaultdict(dict)
        self.log_level = logging.WARNING
        self._process_start_time = int(time.time())
        self._thread = threading.local()
        self._running: list[State] = []
        self._attached: list[State] = []

    def set_log_level(self, level: int) -> None:
        """Shows log records from `level` on, on stderr; tracebacks and Python's own warnings from DEBUG down only."""
        self.log_level = level
        logging.getLogger().setLevel(level)
        for name in TALKATIVE_LOGGERS:
            logging.getLogger(name).setLevel(max(level, logging.WARNING))
        logging.getLogger('py.warnings').setLevel(logging.NOTSET if self.verbose else logging.ERROR)

    @property
    def verbose(self) -> bool:
        return self.log_level <= logging.DEBUG

    @contextmanager
    def caching(self, state: State) -> Iterator[None]:
        """Makes `state` the persistent cache of all code inside, on this thread and on threads that it starts."""
        outer = getattr(self._thread, 'state', None)
        self._thread.state = state
        self._running.append(state)
        try:
            yield
        finally:
            self._running.remove(state)
            self._thread.state = outer

    def attach(self, state: State) -> None:
        """Registers the cache of a host, so that its check can be used outside of a run, too."""
        self._attached.append(state)

    def detach(self, state: State) -> None:
        self._attached.remove(state)

    def _state(self) -> State:
        state: State | None = getattr(self._thread, 'state', None)
        if state is not None:
            return state
        # A thread that a check started, or no run at all. A cache key does not name its check: only one may qualify.
        states = {id(state): state for state in self._running or self._attached}
        if len(states) != 1:
            raise RuntimeError(f'{len(states)} hosts could be meant by this use of the persistent cache')
        return next(iter(states.values()))

    def read_persistent_cache(self, key: str) -> str:
        return self._state().read(key)

    def write_persistent_cache(self, key: str, value: str) -> None:
        self._state().write(key, value)

    def get_config(self, option: str) -> Any:
        """Returns a setting, or what an Agent without it would, None where it has no default."""
        if option == 'log_level':
            return logging.getLevelName(self.log_level).lower()
        if option in ('hostname', 'hostname_fqdn'):
            return self.get_hostname()
        defaults = {'enable_metadata_collection': True, 'logs_enabled': False, 'min_collection_interval': 15}
        return {**defaults, **self.settings}.get(option)

    def get_hostname(self) -> str:
        return os.environ.get('DD_HOSTNAME') or socket.gethostname()

    def get_host_tags(self) -> str:
        return '{}'

    def get_version(self) -> str:
        return '0.0.0'

    def get_process_start_time(self) -> int:
        return self._process_start_time

    def headers(self, *args: Any, **kwargs: Any) -> dict[str, str]:
        return {'User-Agent': 'Datadog Agent/0.0.0', 'Accept': 'text/html, */*'}

    def tracemalloc_enabled(self) -> bool:
        return False

    def log(self, message: str, level: int) -> None:
        if level < self.log_level:
            return
        if not self.verbose:
            # The last line of a traceback names the exception; the others are for developers.
            message, _, trace = message.partition(TRACEBACK)
            if trace.strip():
                message += f': {trace.strip().splitlines()[-1]}'
        text = visible(self.redactor(message), '\n\t')
        print(f'{logging.getLevelName(level)} | {text}', file=sys.stderr, flush=True)

    def set_check_metadata(self, check_id: str, name: str, value: str) -> None:
        self.metadata[check_id][name] = value

    def _discard(self, *arguments: Any) -> None:
        """Does nothing: an Agent would send this to Datadog."""

    send_log = set_external_tags = emit_agent_telemetry = report_issue = resolve_issue = _discard


AGGREGATOR = Aggregator()
AGENT = DatadogAgent()


def install() -> None:
    """Makes `import aggregator` and `import datadog_agent` return AGGREGATOR and AGENT.

    Raises RuntimeError when the base package was imported earlier and therefore uses its test stubs.
    """
    base = sys.modules.get('datadog_checks.base.agent')
    if base is not None and not base.AGENT_RUNNING:
        raise RuntimeError('import standalone.host before datadog_checks.base: it has already chosen its test stubs')
    for name, provider in (('aggregator', AGGREGATOR), ('datadog_agent', AGENT)):
        module = types.ModuleType(name, provider.__doc__)
        for attribute in dir(provider):
            if not attribute.startswith('_') and attribute not in (
                'redactor',
                'metadata',
                'settings',
                'verbose',
                'log_level',
            ):
                setattr(module, attribute, getattr(provider, attribute))
        sys.modules.setdefault(name, module)
