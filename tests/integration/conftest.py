from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


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
