from __future__ import annotations

import threading

import boto3
import pytest
from aws_clients import ACCOUNT
from botocore.config import Config
from botocore.exceptions import ProxyConnectionError, SSLError

from simulator.network import ConnectProxy, TlsTwin

pytest.importorskip('cryptography')


@pytest.fixture
def twin(sim):
    with TlsTwin(sim) as running:
        yield running


def sts(url=None, verify=None, **config):
    return boto3.client(
        'sts',
        region_name='us-east-1',
        endpoint_url=url,
        aws_access_key_id='AKIA',
        aws_secret_access_key='x',
        verify=verify,
        config=Config(retries={'total_max_attempts': 1}, connect_timeout=2, read_timeout=2, **config),
    )


def test_tls_twin_needs_its_ca(twin):
    """HTTPS works with the private CA and is refused without it."""
    assert sts(twin.endpoint_url, verify=twin.ca_file).get_caller_identity()['Account'] == ACCOUNT
    with pytest.raises(SSLError):
        sts(twin.endpoint_url).get_caller_identity()


def test_proxy_leads_real_names_to_the_twin(twin):
    """Through the proxy a real AWS name reaches the twin, and the proxy sees the decoded password."""
    with ConnectProxy(twin.port, password='me:p@ss') as proxy:
        url = proxy.url.replace('http://', 'http://me:p%40ss@')
        client = sts(verify=twin.ca_file, proxies={'https': url})
        assert client.get_caller_identity()['Account'] == ACCOUNT
        assert proxy.hosts == ['sts.us-east-1.amazonaws.com:443'] and proxy.authorizations == ['me:p@ss']
        with pytest.raises(ProxyConnectionError):
            sts(verify=twin.ca_file, proxies={'https': proxy.url}).get_caller_identity()
        assert proxy.authorizations[-1] is None
    assert not [t for t in threading.enumerate() if t.name == 'simulator-proxy']
