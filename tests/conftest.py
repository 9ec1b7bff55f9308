from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import settings

ROOT = Path(__file__).resolve().parents[1]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

# How long an example takes says how busy the machine is, and nothing about the check.
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
    """For `ddev env`: there is nothing to start, because the tests bring their own AWS."""
    yield {}


@pytest.fixture
def clock() -> Any:
    from common import START

    from simulator import Clock

    return Clock(START)


@pytest.fixture
def start(clock: Any) -> Iterator[Callable[..., Any]]:
    """Starts simulators on the test's clock and stops them at the end."""
    from simulator import Simulator

    running: list[Any] = []

    def started(scenario: Any = 'steady', **options: Any) -> Any:
        sim = Simulator(scenario, **{'clock': clock, **options}).start()
        running.append(sim)
        return sim

    yield started
    for sim in running:
        sim.stop()


@pytest.fixture
def sim(start: Callable[..., Any]) -> Any:
    return start()


@pytest.fixture
def instance(sim: Any) -> dict[str, Any]:
    from common import instance_of

    return instance_of(sim)


@pytest.fixture
def watch(sim: Any, clock: Any, aggregator: Any, datadog_agent: Any, no_waiting: None) -> Iterator[Callable[..., Any]]:
    """Makes a Watch on the test's simulator; options that are given complete the instance."""
    from common import Watch, instance_of

    made: list[Watch] = []

    def watching(on: Any = None, **options: Any) -> Watch:
        at = on or sim
        made.append(Watch(at, clock, aggregator, instance_of(at, **options)))
        return made[-1]

    yield watching
    for one in made:
        one.check.cancel()


@pytest.fixture
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """botocore waits up to a second before it tries again; nothing that is tested here depends on how long."""
    import time

    import botocore.endpoint

    monkeypatch.setattr(botocore.endpoint, 'time', SimpleNamespace(**{**vars(time), 'sleep': lambda _: None}))


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A machine without proxies and without AWS, however the one that runs the tests is set up."""
    for name in os.environ:
        if name.startswith('AWS_') or name.lower() in ('http_proxy', 'https_proxy', 'no_proxy', 'all_proxy'):
            monkeypatch.delenv(name)
    for name in ('AWS_SHARED_CREDENTIALS_FILE', 'AWS_CONFIG_FILE', 'BOTO_CONFIG'):
        monkeypatch.setenv(name, str(tmp_path / name.lower()))
    monkeypatch.setenv('AWS_EC2_METADATA_DISABLED', 'true')


@pytest.fixture
def proxy(twin: Any) -> Iterator[Any]:
    """A proxy that leads every host to the test's TLS twin."""
    from simulator.network import ConnectProxy

    with ConnectProxy(twin.port) as running:
        yield running
