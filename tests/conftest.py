from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import botocore.endpoint
import pytest
from common import START, Driver, instance_of
from hypothesis import settings

from datadog_checks.amazon_ses import leases
from datadog_checks.amazon_ses.aws import ses_budget
from simulator import Clock, Simulator
from simulator.network import ConnectProxy

# The duration of an example depends on the load of the machine, so there is no deadline.
settings.register_profile('untimed', deadline=None)
settings.load_profile('untimed')

MARKS = {'unit': 'without HTTP', 'integration': 'the whole check against the simulator', 'contract': 'files agree'}


def pytest_configure(config: pytest.Config) -> None:
    for name, meaning in MARKS.items():
        config.addinivalue_line('markers', f'{name}: {meaning}')


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        folder = Path(item.path).parent.name
        if folder in MARKS:
            item.add_marker(folder)


@pytest.fixture(scope='session')
def dd_environment() -> Iterator[dict[str, Any]]:
    """For `ddev env`: nothing is started, because the tests run against a simulated AWS."""
    yield {}


@pytest.fixture(autouse=True)
def own_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test is a process with leases and budgets of its own: another test may have turned the clock that the leases
    are timed by, or had a simulator at the same port."""
    monkeypatch.setattr(leases, 'OF_THIS_PROCESS', leases.Leases())
    monkeypatch.setattr(ses_budget, '_budgets', {})


@pytest.fixture
def clock() -> Any:
    return Clock(START)


@pytest.fixture
def start(clock: Any) -> Iterator[Callable[..., Any]]:
    """A function that starts simulators on the test's clock; they are stopped at the end."""
    running: list[Any] = []

    def start_simulator(scenario: Any = 'steady', **options: Any) -> Any:
        sim = Simulator(scenario, **{'clock': clock, **options}).start()
        running.append(sim)
        return sim

    yield start_simulator
    for sim in running:
        sim.stop()


@pytest.fixture
def sim(start: Callable[..., Any]) -> Any:
    return start()


@pytest.fixture
def instance(sim: Any) -> dict[str, Any]:
    return instance_of(sim)


@pytest.fixture
def make_driver(
    sim: Any, clock: Any, aggregator: Any, datadog_agent: Any, no_waiting: None
) -> Iterator[Callable[..., Any]]:
    """A function that makes drivers of checks on the test's simulator, or on another; options complete the instance."""
    drivers: list[Driver] = []

    def new_driver(other_sim: Any = None, **options: Any) -> Driver:
        target = other_sim or sim
        drivers.append(Driver(target, clock, aggregator, instance_of(target, **options)))
        return drivers[-1]

    yield new_driver
    for driver in drivers:
        driver.check.cancel()


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Retries without pauses: botocore would wait up to a second before each, and no test depends on it."""
    monkeypatch.setattr(botocore.endpoint, 'time', SimpleNamespace(**{**vars(time), 'sleep': lambda _: None}))


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Removes proxies, AWS variables and AWS files of the machine that runs the tests from the environment."""
    for name in os.environ:
        if name.startswith('AWS_') or name.lower() in ('http_proxy', 'https_proxy', 'no_proxy', 'all_proxy'):
            monkeypatch.delenv(name)
    for name in ('AWS_SHARED_CREDENTIALS_FILE', 'AWS_CONFIG_FILE', 'BOTO_CONFIG'):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setenv('AWS_EC2_METADATA_DISABLED', 'true')


@pytest.fixture
def proxy(twin: Any) -> Iterator[Any]:
    """A proxy that connects every host name to the test's TLS twin."""
    with ConnectProxy(twin.port) as running:
        yield running
