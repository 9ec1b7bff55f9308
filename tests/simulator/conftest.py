from __future__ import annotations

import botocore.model
import pytest

from simulator import Clock

PROTOCOLS = ('json', 'query', 'smithy-rpc-v2-cbor')


@pytest.fixture
def clock() -> Clock:
    return Clock(1_790_000_040.0)


@pytest.fixture(params=PROTOCOLS)
def protocol(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Makes new clients speak one protocol where the model offers it."""
    order = sorted(('rest-json', *PROTOCOLS), key=lambda name: name != request.param)
    monkeypatch.setattr(botocore.model, 'PRIORITY_ORDERED_SUPPORTED_PROTOCOLS', order)
    return request.param
