"""Runs one instance of the Amazon SES check. Importing this module installs the fake Agent modules first."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from standalone.agent import AGENT, AGGREGATOR, Submissions, install
from standalone.model import Run, ServiceCheck
from standalone.state import State, StateError

install()

# After it: the base class looks for the Agent when it is imported.
from datadog_checks.amazon_ses import AmazonSesCheck  # noqa: E402
from datadog_checks.base import ConfigurationError, is_affirmative  # noqa: E402

__all__ = ['ConfigurationError', 'Host', 'Run', 'StateError']

# Again, for the loggers that the imports have made.
AGENT.set_log_level(AGENT.log_level)

CHECK_NAME = 'amazon_ses'
FRAME = re.compile(r'^  File ".*", line \d+', re.MULTILINE)
# The line that names the exception: the first one after a frame that is not indented.
RAISED = re.compile(r'^(?:[A-Za-z_]\w*\.)*([A-Za-z_]\w*)(?::|$)', re.MULTILINE)
CONFIGURATION_ERRORS = frozenset(
    (
        'ConfigurationError',
        'ConfigTypeError',
        'ConfigValueError',
        'ConfigMissingError',
        'ConfigNotSupportedError',
        'SkipInstanceError',
    )
)


class Host:
    """One instance of the check with what it needs to run: an id, a cache and a place to hand its samples to.

    `instance` and `init_config` are as in the Agent's conf.yaml. `state` is the file that the persistent cache and the
    counters are kept in, a State that is already open (it stays open), or None to keep them in memory for this host.
    `clock` returns epoch seconds; it becomes `check.clock` and dates the runs. `source` is the configuration file.
    Raises ConfigurationError when the check refuses the options, StateError when the state cannot be used.
    """

    def __init__(
        self,
        instance: dict[str, Any],
        init_config: dict[str, Any] | None = None,
        state: Path | str | State | None = None,
        clock: Callable[[], float] | None = None,
        source: str = '',
    ) -> None:
        init_config = init_config or {}
        AGENT.redactor.learn(instance)
        AGENT.redactor.learn(init_config)
        self.instance = instance
        self.init_config = init_config
        self.source = f'file:{source}'
        self.check_id = check_id(instance, init_config)
        self._now = clock or time.time
        self._initialized = False
        self._owns_state = not isinstance(state, State)
        self._closed = False
        if isinstance(state, State):
            self.state = state
        else:
            self.state = State() if state is None else State.open(Path(state))
        try:
            with AGENT.caching(self.state):
                self.check = _construct(instance, init_config)
        except BaseException:
            self._close_state()
            raise
        self.check.check_id = self.check_id
        self.check.provider = 'file'
        # The process may end after the run, and with it whatever is under way.
        self.check.waits_for_requests = True
        if clock is not None:
            self.check.clock = clock
        self._submissions = Submissions(_default_hostname(instance), _service_tags(instance, init_config))
        AGGREGATOR.connect(self.check, self._submissions)
        AGENT.attach(self.state)

    def initialize(self) -> None:
        """Does now what the check does before its first run, so that a wrong option is known before anything runs.

        Raises ConfigurationError. Anything else that fails is left to the first run, which tries it again.
        """
        try:
            with AGENT.caching(self.state):
                self.check.run_check_initializations()
        except ConfigurationError as error:
            raise ConfigurationError(AGENT.redactor(self.check.sanitize(str(error)))) from None
        except Exception as error:
            self.check.log.debug('The initialization failed and is left to the first run: %s', error)

    def run(self) -> Run:
        """Runs the check once. Never raises for what the check does: see `Run.error`."""
        begun = time.perf_counter()
        with AGENT.caching(self.state):
            report = self.check.run()
        duration = time.perf_counter() - begun
        now = self._now()
        metrics, service_checks, events = self._submissions.take()
        error, traceback, misconfigured = _failure(report)
        try:
            self.state.add_counts(metrics, now)
        except StateError as failure:
            error = error or str(failure)
        return Run(
            time=now,
            duration=duration,
            metrics=metrics,
            service_checks=[_redacted(service_check) for service_check in service_checks],
            events=events,
            warnings=[AGENT.redactor(self.check.sanitize(str(warning))) for warning in self.check.get_warnings()],
            error=error,
            traceback=traceback,
            misconfigured=misconfigured,
        )

    @property
    def version(self) -> str:
        return str(self.check.check_version)

    @property
    def metadata(self) -> dict[str, str]:
        """What the inventory of an Agent would hold about this instance."""
        digest = self.check_id.rpartition(':')[2]
        return {'config.hash': digest, 'config.provider': 'file', **AGENT.metadata.get(self.check_id, {})}

    def close(self) -> None:
        """Unschedules the check and gives its state free. May be called twice."""
        if self._closed:
            return
        self._closed = True
        try:
            with AGENT.caching(self.state):
                self.check.cancel()
        except Exception as error:
            self.check.log.warning('cancel() failed: %s', error)
        finally:
            AGGREGATOR.disconnect(self.check)
            AGENT.detach(self.state)
            AGENT.metadata.pop(self.check_id, None)
            self._close_state()

    def __enter__(self) -> Host:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _close_state(self) -> None:
        if self._owns_state:
            self.state.close()


def check_id(instance: dict[str, Any], init_config: dict[str, Any]) -> str:
    """Returns the Agent's kind of id: the check's name, the instance's `name` if any, a digest of its options."""
    options = json.dumps([instance, init_config], sort_keys=True, default=str)
    digest = hashlib.sha256(options.encode('utf-8')).hexdigest()[:16]
    name = str(instance.get('name') or '')
    return ':'.join(part for part in (CHECK_NAME, name, digest) if part)


def _construct(instance: dict[str, Any], init_config: dict[str, Any]) -> Any:
    try:
        return AmazonSesCheck(CHECK_NAME, init_config, [instance])
    except ConfigurationError as error:
        raise ConfigurationError(AGENT.redactor(str(error))) from None
    except Exception as error:
        text = AGENT.redactor(str(error))
        raise ConfigurationError(f'the check refused the options: {type(error).__name__}: {text}') from error


def _default_hostname(instance: dict[str, Any]) -> str:
    return '' if is_affirmative(instance.get('empty_default_hostname')) else AGENT.get_hostname()


def _service_tags(instance: dict[str, Any], init_config: dict[str, Any]) -> tuple[str, ...]:
    service = instance.get('service') or init_config.get('service')
    return (f'service:{service}',) if service else ()


def _redacted(service_check: ServiceCheck) -> ServiceCheck:
    return service_check._replace(message=AGENT.redactor(service_check.message))


def _failure(report: str) -> tuple[str | None, str, bool]:
    """Reads what `run()` returned: '' or a JSON list with one object of message and traceback."""
    if not report:
        return None, '', False
    failure = json.loads(report)[0]
    traceback = AGENT.redactor(failure.get('traceback', ''))
    # In a chain of exceptions the one that ended the run comes last.
    frames = list(FRAME.finditer(traceback))
    raised = RAISED.search(traceback, frames[-1].end() if frames else 0)
    name = raised.group(1) if raised else ''
    message = AGENT.redactor(failure.get('message', '')).strip() or name or 'unknown error'
    return message, traceback, name in CONFIGURATION_ERRORS
