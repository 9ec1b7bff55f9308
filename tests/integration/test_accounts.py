"""Many accounts in one process: their instances share connections and SDK classes, but no credentials and no trust."""

from __future__ import annotations

import gc
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from os.path import isfile
from pathlib import Path
from typing import Any

import pytest
from common import OTHER, REGION, connection_status, instance_of

from datadog_checks.amazon_ses import AmazonSesCheck
from datadog_checks.amazon_ses.aws.access import Access
from datadog_checks.amazon_ses.aws.connections import Connections
from datadog_checks.amazon_ses.collectors import account
from datadog_checks.amazon_ses.configuration import settings
from datadog_checks.amazon_ses.model import Failure
from simulator import Simulator
from simulator.network import ConnectProxy, TlsTwin, certificates

pytest.importorskip('cryptography')

MakeCheck = Callable[..., AmazonSesCheck]

pytestmark = pytest.mark.usefixtures('bare_machine')


@pytest.fixture
def twin(sim: Simulator) -> Iterator[TlsTwin]:
    with TlsTwin(sim) as running:
        yield running


@pytest.fixture
def make_check(
    sim: Simulator, twin: TlsTwin, clock: Any, aggregator: Any, datadog_agent: Any, no_waiting: None
) -> Iterator[MakeCheck]:
    """Makes instances, each with the role of another account, that send to the host names of AWS."""
    checks: list[AmazonSesCheck] = []

    def make_instance(**options: Any) -> AmazonSesCheck:
        options = {'endpoint_url': None, 'tls_ca_cert': twin.ca_file, 'role_arn': role(len(checks)), **options}
        check = AmazonSesCheck('amazon_ses', {}, [instance_of(sim, **options)])
        check.clock = clock
        check.clock_is_turned = True
        checks.append(check)
        return check

    yield make_instance
    for check in checks:
        check.cancel()


def role(number: int) -> str:
    return f'arn:aws:iam::{200_000_000_000 + number}:role/mail'


def account_access(sim: Any, number: int, **options: Any) -> Access:
    """The access to AWS of the instance of one account."""
    configured = settings.from_options(instance_of(sim, role_arn=role(number), **options), {}, None, {}, isfile)
    return Access(configured.sign_in, configured.network, [REGION])


# Shared between instances.


def test_instances_share_open_connections(make_check: MakeCheck, proxy: ConnectProxy, aggregator: Any) -> None:
    """Instances use the connections that are open already, as many as one of them has requests at once, and each reads
    its own account over them."""
    for _ in range(4):
        assert not make_check(proxy={'https': proxy.url}).run()
    opened = Counter(host.partition('.')[0] for host in proxy.hosts)
    assert opened <= Counter(sts=1, email=2, monitoring=1) and len(opened) == 3
    quotas = aggregator.metrics('amazon_ses.quota.max_24_hour')
    assert {tag for sample in quotas for tag in sample.tags if 'account' in tag} == {
        f'aws_account:{200_000_000_000 + number}' for number in range(4)
    }


def test_the_sdk_is_loaded_by_a_run(sim: Simulator) -> None:
    """Importing and constructing the check loads no SDK, and a run loads only botocore."""
    program = f"""if True:
        import sys
        from datadog_checks.amazon_ses import AmazonSesCheck
        check = AmazonSesCheck('amazon_ses', {{}}, [{instance_of(sim)!r}])
        assert not {{'botocore', 'boto3'}} & set(sys.modules), 'too early'
        assert not check.run()
        assert 'botocore' in sys.modules and not {{'boto3', 's3transfer'}} & set(sys.modules), 'too much'
        """
    subprocess.run([sys.executable, '-c', program], check=True, cwd=Path(__file__).parents[2])


# Not shared between instances.


def test_each_account_signs_for_itself(sim: Simulator) -> None:
    """Many accounts that are read at the same time over the same connections are each read with their own keys."""
    numbers = range(24)
    accesses = [account_access(sim, number) for number in numbers]
    with ThreadPoolExecutor(8) as pool:
        futures = [
            pool.submit(access.caller_account, region)
            for _ in range(3)
            for access in accesses
            for region in (REGION, OTHER)
        ]
        accounts = [future.result() for future in futures]
    assert accounts == [f'{200_000_000_000 + number}' for _ in range(3) for number in numbers for _ in range(2)]
    for access in accesses:
        assert sum(access.calls.drain().sent.values()) == 7


def test_dropped_credentials_belong_to_a_single_instance(sim: Simulator) -> None:
    """When AWS ends the session of one account, that account alone assumes its role anew."""
    accesses = [account_access(sim, number) for number in range(2)]
    for _ in range(2):
        for access in accesses:
            access.fetch(account.ACCOUNT, REGION)
        sim.expire_tokens(role_arn=role(1))
    assert not isinstance(accesses[0].fetch(account.ACCOUNT, REGION), Failure)
    assert not isinstance(accesses[1].fetch(account.ACCOUNT, REGION), Failure)
    assert [hop.params['RoleArn'] for hop in sim.log.where(operation='AssumeRole')] == [role(0), role(1), role(1)]


def test_trusted_authorities_are_not_shared(
    make_check: MakeCheck, twin: TlsTwin, aggregator: Any, tmp_path: Path
) -> None:
    """An instance does not reuse a connection that an instance with other trusted authorities opened."""
    other_authority = certificates(tmp_path)[0]
    assert not make_check(endpoint_url=twin.endpoint_url).run()
    assert not make_check(endpoint_url=twin.endpoint_url, tls_ca_cert=None, tls_verify=False).run()
    assert make_check(endpoint_url=twin.endpoint_url, tls_ca_cert=str(other_authority)).run()
    assert connection_status(aggregator)[0] == 2 and 'tls_ca_cert' in connection_status(aggregator)[1]
    assert make_check(endpoint_url=twin.endpoint_url, tls_ca_cert=None).run()
    assert connection_status(aggregator)[0] == 2 and 'tls_ca_cert' in connection_status(aggregator)[1]


def test_proxies_are_not_shared(make_check: MakeCheck, twin: TlsTwin, proxy: ConnectProxy) -> None:
    """An instance with a proxy sends through it, also when other instances reach the same host without it."""
    assert not make_check(endpoint_url=twin.endpoint_url).run()
    assert not proxy.hosts
    assert not make_check(endpoint_url=twin.endpoint_url, proxy={'https': proxy.url}).run()
    assert proxy.hosts
    with ConnectProxy(twin.port, password='user:right') as guarded:
        for password in ('right', 'wrong'):
            proxy_option = {'https': guarded.url.replace('://', f'://user:{password}@')}
            assert bool(make_check(endpoint_url=twin.endpoint_url, proxy=proxy_option).run()) is (password == 'wrong')


def test_an_exchanged_file_of_authorities_needs_no_restart(
    make_check: MakeCheck, twin: TlsTwin, aggregator: Any, tmp_path: Path
) -> None:
    """A replaced file of authorities applies from the next connection on, without a restart."""
    (tmp_path / 'other').mkdir()
    trusted = tmp_path / 'trusted.pem'
    trusted.write_bytes(certificates(tmp_path / 'other')[0].read_bytes())
    check = make_check(endpoint_url=twin.endpoint_url, tls_ca_cert=str(trusted))
    assert check.run()
    trusted.write_bytes(Path(twin.ca_file).read_bytes())
    # After a failed sign-in nobody signs in for a moment.
    check.monotonic = lambda: time.monotonic() + 60
    assert not check.run()
    assert connection_status(aggregator) == (0, '')


def test_connections_end_with_their_last_user(twin: TlsTwin) -> None:
    """Connections are closed with the last instance that uses them."""
    before = {id(connections) for connections in living_connections()}
    accesses = [account_access(twin, number, tls_ca_cert=twin.ca_file) for number in range(2)]
    for access in accesses:
        assert not isinstance(access.fetch(account.ACCOUNT, REGION), Failure)
    del access
    for expected in (1, 1, 0):
        new = [connections for connections in living_connections() if id(connections) not in before]
        assert len(new) == expected
        del new, accesses[:1]


def living_connections() -> list[Connections]:
    gc.collect()
    return [connections for connections in gc.get_objects() if type(connections) is Connections]
