"""Runs one instance of the Amazon SES check. Importing this module first installs the modules of `agent`."""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from standalone.agent import AGENT, AGGREGATOR, Submissions, install
from standalone.model import Run
from standalone.state import State, StateError

install()

# After `install()`: the base package looks for an Agent when it is imported.
from datadog_checks.amazon_ses import AmazonSesCheck  # noqa: E402
from datadog_checks.base import ConfigurationError, is_affirmative  # noqa: E402

__all__ = ['ConfigurationError', 'Host']

# Again, for the loggers that the imports have created.
AGENT.set_log_level(AGENT.log_level)

CHECK_NAME = 'amazon_ses'
FRAME = re.compile(r'^  File ".*", line \d+', re.MULTILINE)
# The line that names the exception: the first line after a frame that is not indented.
RAISED = re.compile(r'^(?:[A-Za-z_]\w*\.)*([A-Za-z_]\w*)(?::|$)', re.MULTILINE)
CONFIGURATION_ERROR = re.compile(r'Config(?:uration|Type|Value|Missing|NotSupported)Error|SkipInstanceError')


class Host:
    """One instance of the check with an id, a persistent cache and a receiver for its submissions.

    `instance` and `init_config` are as in the Agent's conf.yaml. `state` is the file for the persistent cache and the
    counters, or an open State, which stays open; with None they are in memory. `clock` returns epoch seconds; it
    becomes `check.clock` and dates the runs. `source` is the configuration file. With `receives_events` it reads the
    queues of the option `event_queues`, which deletes what is read.
    Raises ConfigurationError when the check refuses the options, StateError when the state cannot be used.
    """

    def __init__(
        self,
        instance: dict[str, Any],
        init_config: dict[str, Any] | None = None,
        state: Path | str | State | None = None,
        clock: Callable[[], float] | None = None,
        source: str = '',
        receives_events: bool = False,
    ) -> None:
        init_config = init_config or {}
        AGENT.redactor.learn([instance, init_config])
        self.instance = instance
        self.source = f'file:{source}'
        self.check_id = check_id(instance, init_config)
        self._now = clock or time.time
        hostname = '' if is_affirmative(instance.get('empty_default_hostname')) else AGENT.get_hostname()
        service = instance.get('service') or init_config.get('service')
        self._submissions = Submissions(hostname, (f'service:{service}',) if service else ())
        with ExitStack() as cleanup:
            if isinstance(state, State):
                self.state = state
            else:
                self.state = State() if state is None else State.open(Path(state))
                cleanup.callback(self.state.close)
            with AGENT.caching(self.state):
                self.check = _construct(instance, init_config)
            self.check.check_id = self.check_id
            self.check.provider = 'file'
            # No other process has this state, so nothing waits for a second run.
            self.check.counts_at_once = True
            self.check.receives_events = receives_events
            # The process may end after the run, and with it whatever is under way.
            self.check.waits_for_requests = True
            if clock is not None:
                self.check.clock = clock
                self.check.clock_is_turned = True
            AGGREGATOR.connect(self.check, self._submissions)
            AGENT.attach(self.state)
            cleanup.callback(self._disconnect)
            self._cleanup = cleanup.pop_all()

    def initialize(self) -> None:
        """Does what the check would do before its first run, so that a wrong option is reported before any run.

        Raises ConfigurationError. Any other failure is left to the first run, which tries again.
        """
        try:
            with AGENT.caching(self.state):
                self.check.run_check_initializations()
        except ConfigurationError as error:
            raise ConfigurationError(AGENT.redactor(self.check.sanitize(str(error)))) from None
        except Exception as error:
            self.check.log.debug('The initialization failed and is left to the first run: %s', error)

    def run(self) -> Run:
        """Runs the check once. A failure of the check is not raised: see `Run.error`."""
        start = time.perf_counter()
        with AGENT.caching(self.state):
            report = self.check.run()
        duration = time.perf_counter() - start
        now = self._now()
        metrics, service_checks, events = self._submissions.drain()
        error, traceback, misconfigured = _failure(report)
        try:
            self.state.add_counts(metrics, now)
        except StateError as failure:
            error = error or str(failure)
        return Run(
            time=now,
            duration=duration,
            metrics=metrics,
            service_checks=[status._replace(message=AGENT.redactor(status.message)) for status in service_checks],
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
        """The metadata of this instance in the inventory of an Agent."""
        digest = self.check_id.rpartition(':')[2]
        return {'config.hash': digest, 'config.provider': 'file', **AGENT.metadata.get(self.check_id, {})}

    def close(self) -> None:
        """Cancels the check and releases its state. May be called twice."""
        self._cleanup.close()

    def _disconnect(self) -> None:
        try:
            with AGENT.caching(self.state):
                self.check.cancel()
        except Exception as error:
            self.check.log.warning('cancel() failed: %s', error)
        finally:
            AGGREGATOR.disconnect(self.check)
            AGENT.detach(self.state)
            AGENT.metadata.pop(self.check_id, None)

    def __enter__(self) -> Host:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def check_id(instance: dict[str, Any], init_config: dict[str, Any]) -> str:
    """Returns an id like the Agent's: the check's name, the instance's `name` if any, a digest of the options."""
    options = json.dumps(_with_text_keys([instance, init_config]), sort_keys=True, default=str)
    digest = hashlib.sha256(options.encode('utf-8')).hexdigest()[:16]
    name = str(instance.get('name') or '')
    return ':'.join(part for part in (CHECK_NAME, name, digest) if part)


def _with_text_keys(value: Any) -> Any:
    """YAML has keys that are numbers, and a mapping with those and texts cannot be sorted."""
    if isinstance(value, dict):
        return {str(name): _with_text_keys(inner) for name, inner in value.items()}
    return [_with_text_keys(inner) for inner in value] if isinstance(value, list) else value


def _construct(instance: dict[str, Any], init_config: dict[str, Any]) -> Any:
    try:
        return AmazonSesCheck(CHECK_NAME, init_config, [instance])
    except ConfigurationError as error:
        raise ConfigurationError(AGENT.redactor(str(error))) from None
    except Exception as error:
        text = AGENT.redactor(str(error))
        raise ConfigurationError(f'the check refused the options: {type(error).__name__}: {text}') from error


def _failure(report: str) -> tuple[str | None, str, bool]:
    """Returns message, traceback and `misconfigured` from the result of `run()`: '' or a JSON list with an object."""
    if not report:
        return None, '', False
    failure = json.loads(report)[0]
    traceback = AGENT.redactor(failure.get('traceback', ''))
    # In a chain of exceptions the last ended the run.
    frames = list(FRAME.finditer(traceback))
    raised = RAISED.search(traceback, frames[-1].end() if frames else 0)
    name = raised.group(1) if raised else ''
    message = AGENT.redactor(failure.get('message', '')).strip() or name or 'unknown error'
    return message, traceback, bool(CONFIGURATION_ERROR.fullmatch(name))
