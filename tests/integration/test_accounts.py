"""Many accounts in one process: what their instances share, and what they must not."""

from __future__ import annotations

import gc
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from os.path import isfile
from pathlib import Path
from typing import Any

import pytest
from common import OTHER, REGION, connected, instance_of

from datadog_checks.amazon_ses import AmazonSesCheck
from datadog_checks.amazon_ses.aws.access import Access
from datadog_checks.amazon_ses.aws.connections import Connections
from datadog_checks.amazon_ses.collectors import account
from datadog_checks.amazon_ses.configuration import settings
from datadog_checks.amazon_ses.model import Failure
from simulator import Simulator
from simulator.network import ConnectProxy, TlsTwin, certificates

pytest.importorskip('cryptography')

Check = Callable[..., AmazonSesCheck]

pytestmark = pytest.mark.usefixtures('bare_machine')


@pytest.fixture
def twin(sim: Simulator) -> Iterator[TlsTwin]:
    with TlsTwin(sim) as running:
        yield running


@pytest.fixture
def check(
    sim: Simulator, twin: TlsTwin, clock: Any, aggregator: Any, datadog_agent: Any, no_waiting: None
) -> Iterator[Check]:
    """Makes instances, each with the role of an account of its own, that ask the names of AWS."""
    made: list[AmazonSesCheck] = []

    def make(**options: Any) -> AmazonSesCheck:
        given = {'endpoint_url': None, 'tls_ca_cert': twin.ca_file, 'role_arn': role(len(made)), **options}
        one = AmazonSesCheck('amazon_ses', {}, [instance_of(sim, **given)])
        one.clock = clock
        made.append(one)
        return one

    yield make
    for one in made:
        one.cancel()


def role(number: int) -> str:
    return f'arn:aws:iam::{200_000_000_000 + number}:role/mail'


def access(at: Any, number: int, **options: Any) -> Access:
    """What the instance of one account may ask."""
    read = settings.from_options(instance_of(at, role_arn=role(number), **options), {}, None, {}, isfile)
    return Access(read.sign_in, read.network, REGION)


# What is shared.


def test_connections_are_shared(check: Check, proxy: ConnectProxy, aggregator: Any) -> None:
    """Further instances use the connections that are open already, and each reads its own account over them."""
    through = {'https': proxy.url}
    assert not check(proxy=through).run()
    opened = list(proxy.hosts)
    for _ in range(3):
        assert not check(proxy=through).run()
    assert opened and proxy.hosts == opened
    assert {
        tag for one in aggregator.metrics('amazon_ses.quota.max_24_hour') for tag in one.tags if 'account' in tag
    } == {f'aws_account:{200_000_000_000 + number}' for number in range(4)}


def test_the_sdk_is_loaded_by_a_run(sim: Simulator) -> None:
    """Neither to load nor to set up the check takes the SDK, and a run takes only botocore of it."""
    program = f"""if True:
        import sys
        from datadog_checks.amazon_ses import AmazonSesCheck
        check = AmazonSesCheck('amazon_ses', {{}}, [{instance_of(sim)!r}])
        assert not {{'botocore', 'boto3'}} & set(sys.modules), 'too early'
        assert not check.run()
        assert 'botocore' in sys.modules and not {{'boto3', 's3transfer'}} & set(sys.modules), 'too much'
        """
    subprocess.run([sys.executable, '-c', program], check=True, cwd=Path(__file__).parents[2])


# What is not.


def test_each_account_signs_for_itself(sim: Simulator) -> None:
    """Many accounts that are asked at the same time, over the same connections, are each asked with their own keys."""
    wanted = range(24)
    made = [access(sim, number) for number in wanted]
    with ThreadPoolExecutor(8) as pool:
        requests = [(access, region) for _ in range(3) for access in made for region in (REGION, OTHER)]
        answers = list(pool.map(lambda request: request[0].caller_account(request[1]), requests))
    assert answers == [f'{200_000_000_000 + number}' for _ in range(3) for number in wanted for _ in range(2)]
    for one in made:
        assert sum(one.calls.drain().sent.values()) == 7


def test_dropped_credentials_are_those_of_one_instance(sim: Simulator) -> None:
    """When AWS ends the session of one account, that account alone assumes its role anew."""
    made = [access(sim, number) for number in range(2)]
    for _ in range(2):
        for one in made:
            one.fetch(account.ACCOUNT, REGION)
        sim.expire_tokens(role_arn=role(1))
    assert not isinstance(made[0].fetch(account.ACCOUNT, REGION), Failure)
    assert not isinstance(made[1].fetch(account.ACCOUNT, REGION), Failure)
    assert [hop.params['RoleArn'] for hop in sim.log.where(operation='AssumeRole')] == [role(0), role(1), role(1)]


def test_trust_is_not_shared(check: Check, twin: TlsTwin, aggregator: Any, tmp_path: Path) -> None:
    """An instance that trusts another authority does not take a connection that was opened by one that trusts this."""
    other = certificates(tmp_path)[0]
    assert not check(endpoint_url=twin.endpoint_url).run()
    assert not check(endpoint_url=twin.endpoint_url, tls_ca_cert=None, tls_verify=False).run()
    assert check(endpoint_url=twin.endpoint_url, tls_ca_cert=str(other)).run()
    assert connected(aggregator)[0] == 2 and 'tls_ca_cert' in connected(aggregator)[1]
    assert check(endpoint_url=twin.endpoint_url, tls_ca_cert=None).run()
    assert connected(aggregator)[0] == 2 and 'tls_ca_cert' in connected(aggregator)[1]


def test_proxies_are_not_shared(check: Check, twin: TlsTwin, proxy: ConnectProxy) -> None:
    """An instance with a proxy of its own goes through it, whoever reaches the same host in another way."""
    assert not check(endpoint_url=twin.endpoint_url).run()
    assert not proxy.hosts
    assert not check(endpoint_url=twin.endpoint_url, proxy={'https': proxy.url}).run()
    assert proxy.hosts
    with ConnectProxy(twin.port, password='user:one') as guarded:
        for password in ('one', 'two'):
            named = {'https': guarded.url.replace('://', f'://user:{password}@')}
            assert bool(check(endpoint_url=twin.endpoint_url, proxy=named).run()) is (password == 'two')


def test_authorities_that_are_exchanged(check: Check, twin: TlsTwin, aggregator: Any, tmp_path: Path) -> None:
    """A file of authorities that is exchanged counts from the next connection on, without a restart."""
    (tmp_path / 'other').mkdir()
    trusted = tmp_path / 'trusted.pem'
    trusted.write_bytes(certificates(tmp_path / 'other')[0].read_bytes())
    one = check(endpoint_url=twin.endpoint_url, tls_ca_cert=str(trusted))
    assert one.run()
    trusted.write_bytes(Path(twin.ca_file).read_bytes())
    assert not one.run()
    assert connected(aggregator) == (0, '')


def test_connections_end_with_their_last_user(twin: TlsTwin) -> None:
    """The connections of instances that are gone are gone as well."""
    before = {id(one) for one in living()}
    made = [access(twin, number, tls_ca_cert=twin.ca_file) for number in range(2)]
    for one in made:
        assert not isinstance(one.fetch(account.ACCOUNT, REGION), Failure)
    del one
    for left in (1, 1, 0):
        assert len([found for found in living() if id(found) not in before]) == left
        made[:1] = []


def living() -> list[Connections]:
    gc.collect()
    return [one for one in gc.get_objects() if type(one) is Connections]
