from __future__ import annotations

import botocore.model
import botocore.session
import pytest

PROTOCOLS = {'query': 'query', 'json': 'json', 'cbor': 'smithy-rpc-v2-cbor'}


def spoken() -> str:
    """What new CloudWatch clients speak, by botocore's name of the protocol."""
    session = botocore.session.Session()
    model = session.get_service_model('cloudwatch')
    return getattr(model, 'resolved_protocol', None) or model.metadata['protocol']


@pytest.fixture(params=PROTOCOLS)
def protocol(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Makes new CloudWatch clients speak one protocol; skips, and says so, where this botocore does not offer it."""
    wanted = PROTOCOLS[request.param]
    order = (wanted, *(one for one in ('rest-json', *PROTOCOLS.values()) if one != wanted))
    monkeypatch.setattr(botocore.model, 'PRIORITY_ORDERED_SUPPORTED_PROTOCOLS', order)
    if spoken() != wanted:
        pytest.skip(f'botocore {botocore.__version__} does not speak {wanted} to CloudWatch')
    return request.param
