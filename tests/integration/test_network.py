"""The way to AWS: proxies, certificates, endpoints and timeouts, through a real CONNECT proxy to a real TLS endpoint.

A proxy here leads every host to the TLS twin of the simulator, so requests go to the names of AWS and nowhere else.
"""

from __future__ import annotations

import base64
import gc
import logging
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from botocore.client import BaseClient
from common import ACCOUNT, OTHER, REGION, connected, instance_of

from datadog_checks.amazon_ses import AmazonSesCheck
from simulator import Fault, Simulator
from simulator.network import ConnectProxy, TlsTwin, certificates

pytest.importorskip('cryptography')

ROLE = 'arn:aws:iam::222222222222:role/mail'
USER, PASSWORD = 'proxy-user', 'p@ss:w/ord-of-the-proxy'
NAMES = (
    '*.us-gov-west-1.amazonaws.com',
    '*.us-gov-west-1.api.aws',
    '*.us-east-1.api.aws',
    '*.eu-west-1.api.aws',
)
OUTSIDE = ('email', 'monitoring', 'sts')
"""The names that SES (both versions), CloudWatch and STS have in a host name."""

SERVICES = {'cloudwatch', 'ses', 'sesv2', 'sts'}

Check = Callable[..., AmazonSesCheck]

pytestmark = pytest.mark.usefixtures('bare_machine')


@pytest.fixture(scope='module')
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of an authority that signed nothing here."""
    return certificates(tmp_path_factory.mktemp('other'))[0]


@pytest.fixture
def twin(sim: Simulator) -> Iterator[TlsTwin]:
    with TlsTwin(sim, names=NAMES) as running:
        yield running


@pytest.fixture
def guarded(twin: TlsTwin) -> Iterator[ConnectProxy]:
    """A proxy that lets in nobody but our user."""
    with ConnectProxy(twin.port, password=f'{USER}:{PASSWORD}') as running:
        yield running


@pytest.fixture
def check(
    sim: Simulator, twin: TlsTwin, clock: Any, aggregator: Any, datadog_agent: Any, no_waiting: None
) -> Iterator[Check]:
    """Makes instances that trust the twin's authority and ask the names of AWS; an option that is None is left out."""
    made: list[AmazonSesCheck] = []

    def make(init_config: Mapping[str, Any] | None = None, **options: Any) -> AmazonSesCheck:
        given = {'endpoint_url': None, 'tls_ca_cert': twin.ca_file, **options}
        one = AmazonSesCheck('amazon_ses', dict(init_config or {}), [instance_of(sim, **given)])
        one.clock = clock
        made.append(one)
        return one

    yield make
    for one in made:
        one.cancel()


def hosts(proxy: ConnectProxy) -> set[str]:
    return {host.removesuffix(':443') for host in proxy.hosts}


def through(proxy: ConnectProxy, password: str | None = None) -> dict[str, Any]:
    """The option `proxy` for it."""
    user = f'{USER}:{quote(password, safe="")}@' if password else ''
    return {'https': proxy.url.replace('://', f'://{user}')}


# Proxies.


def test_proxy(check: Check, proxy: ConnectProxy, aggregator: Any) -> None:
    """Every request goes through the proxy, to the names that AWS has in the Region, and none carries a password."""
    assert not check(proxy=through(proxy)).run()
    assert connected(aggregator) == (0, '') and aggregator.metrics('amazon_ses.quota.max_24_hour')
    assert hosts(proxy) == {f'{name}.{REGION}.amazonaws.com' for name in OUTSIDE}
    assert set(proxy.authorizations) == {None}


def test_proxy_without_scheme(check: Check, proxy: ConnectProxy, aggregator: Any) -> None:
    """A proxy may be written as HOST:PORT."""
    assert not check(proxy={'https': proxy.url.removeprefix('http://')}).run()
    assert connected(aggregator) == (0, '') and proxy.hosts


def test_proxy_with_password(check: Check, guarded: ConnectProxy, aggregator: Any) -> None:
    """A user and a password in the proxy's URL, percent-encoded, reach the proxy as they are meant."""
    assert not check(proxy=through(guarded, PASSWORD)).run()
    assert connected(aggregator) == (0, '') and set(guarded.authorizations) == {f'{USER}:{PASSWORD}'}


def test_role_through_the_proxy(sim: Simulator, check: Check, guarded: ConnectProxy, aggregator: Any) -> None:
    """A role is assumed on the same way as all the rest: Region, proxy with password, and certificates."""
    assert not check(region=OTHER, role_arn=ROLE, proxy=through(guarded, PASSWORD)).run()
    assert connected(aggregator) == (0, '')
    assert hosts(guarded) == {f'{name}.{OTHER}.amazonaws.com' for name in OUTSIDE}
    (assumed,) = sim.log.where(operation='AssumeRole')
    assert assumed.region == OTHER and assumed.account == ACCOUNT and None not in guarded.authorizations


def test_web_identity_through_the_proxy(
    sim: Simulator, check: Check, proxy: ConnectProxy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The STS call that botocore makes by itself for a pod takes the same way, too."""
    (tmp_path / 'token').write_text('a-token-of-the-cluster')
    monkeypatch.setenv('AWS_WEB_IDENTITY_TOKEN_FILE', str(tmp_path / 'token'))
    monkeypatch.setenv('AWS_ROLE_ARN', ROLE)
    assert not check(proxy=through(proxy), aws_access_key_id=None, aws_secret_access_key=None).run()
    assert sim.log.count(operation='AssumeRoleWithWebIdentity') == 1
    assert hosts(proxy) == {f'{name}.{REGION}.amazonaws.com' for name in OUTSIDE}


def test_refused_by_the_proxy(
    check: Check, guarded: ConnectProxy, aggregator: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A 407 is a network failure that names the option `proxy`; the password is nowhere, not even in the debug log."""
    caplog.set_level(logging.DEBUG)
    wrong = 'a-wrong-p@ssword/for-it'
    one = check(proxy=through(guarded, wrong))
    error = one.run()
    level, message = connected(aggregator)
    assert level == 2 and 'network' in message and 'option proxy' in message
    assert set(guarded.authorizations) == {f'{USER}:{wrong}'}
    everything = '\n'.join([caplog.text, error, message, *one.get_warnings()])
    encoded = base64.b64encode(f'{USER}:{wrong}'.encode()).decode()
    assert [secret for secret in (wrong, quote(wrong, safe=''), quote(wrong), encoded) if secret in everything] == []


def test_proxy_that_is_down(check: Check, aggregator: Any) -> None:
    """A proxy that does not answer is a network failure that names the option `proxy`, and AWS is not tried without."""
    with socket.create_server(('127.0.0.1', 0)) as unused:
        port = unused.getsockname()[1]
    assert check(proxy={'https': f'http://127.0.0.1:{port}'}).run()
    level, message = connected(aggregator)
    assert level == 2 and 'network' in message and 'option proxy' in message


# Which proxy.

PLACES = ('instance', 'init_config', 'agent', 'environment')


@pytest.mark.parametrize(
    ('named', 'more', 'used'),
    [
        pytest.param(PLACES, {}, 'instance', id='instance first'),
        pytest.param(PLACES[1:], {}, 'init_config', id='then init_config'),
        pytest.param(PLACES[2:], {}, 'agent', id='then Agent'),
        pytest.param(PLACES[3:], {}, 'environment', id='then environment'),
        pytest.param(PLACES[2:], {'use_agent_proxy': False}, 'environment', id='Agent not to be used'),
        pytest.param(('agent',), {'use_agent_proxy': False}, None, id='Agent not to be used, nothing else'),
        pytest.param(PLACES, {'skip_proxy': True}, None, id='skip_proxy'),
        pytest.param(PLACES[1:], {'init_config skip_proxy': True}, None, id='skip_proxy in init_config'),
        pytest.param(
            PLACES, {'init_config skip_proxy': True, 'skip_proxy': False}, 'instance', id='instance does not skip'
        ),
        pytest.param((), {}, None, id='none'),
    ],
)
def test_which_proxy(
    check: Check,
    twin: TlsTwin,
    datadog_agent: Any,
    monkeypatch: pytest.MonkeyPatch,
    aggregator: Any,
    named: tuple[str, ...],
    more: dict[str, bool],
    used: str | None,
) -> None:
    """The proxy of the instance comes first, then init_config, the Agent, the environment; skip_proxy uses none."""
    with ExitStack() as stack:
        running = {place: stack.enter_context(ConnectProxy(twin.port)) for place in named}
        if 'agent' in named:
            datadog_agent._config['proxy'] = {'https': running['agent'].url, 'no_proxy': ['elsewhere.example.com']}
        if 'environment' in named:
            monkeypatch.setenv('HTTPS_PROXY', running['environment'].url)
        init_config: dict[str, Any] = {'proxy': through(running['init_config'])} if 'init_config' in named else {}
        if 'use_agent_proxy' in more:
            init_config['use_agent_proxy'] = more['use_agent_proxy']
        if 'init_config skip_proxy' in more:
            init_config['skip_proxy'] = more['init_config skip_proxy']
        one = check(
            init_config,
            endpoint_url=twin.endpoint_url,
            account_id=ACCOUNT,
            collect=['account'],
            proxy=through(running['instance']) if 'instance' in named else None,
            skip_proxy=more.get('skip_proxy'),
        )
        assert not one.run()
        assert connected(aggregator) == (0, '')
        assert {place for place, proxy in running.items() if proxy.hosts} == {used} - {None}


@pytest.mark.parametrize(
    'no_proxy', [['other.example.com', 'localhost'], 'other.example.com, localhost', 'other.example.com;localhost']
)
@pytest.mark.parametrize('place', ['instance', 'agent'])
def test_no_proxy(
    check: Check, twin: TlsTwin, proxy: ConnectProxy, datadog_agent: Any, aggregator: Any, place: str, no_proxy: Any
) -> None:
    """Hosts of `no_proxy`, a list or a text, are reached directly and all others through the proxy."""
    direct = f'https://localhost:{twin.port}'
    given = {**through(proxy), 'no_proxy': no_proxy}
    if place == 'agent':
        datadog_agent._config['proxy'] = given
    one = check(endpoint_url={'ses': direct, 'sesv2': direct}, proxy=given if place == 'instance' else None)
    assert not one.run()
    assert connected(aggregator) == (0, '')
    assert hosts(proxy) == {f'{name}.{REGION}.amazonaws.com' for name in ('monitoring', 'sts')}


def test_no_proxy_for_a_domain(
    check: Check, twin: TlsTwin, proxy: ConnectProxy, aggregator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`no_proxy` of the options counts where a proxy is named there; NO_PROXY of the environment goes with its own."""
    monkeypatch.setenv('NO_PROXY', '127.0.0.1')
    one = check(endpoint_url=twin.endpoint_url, proxy=through(proxy))
    assert not one.run()
    assert hosts(proxy) == {f'127.0.0.1:{twin.port}'}
    one.cancel()
    proxy.hosts.clear()
    monkeypatch.setenv('HTTPS_PROXY', proxy.url)
    assert not check(endpoint_url=twin.endpoint_url).run()
    assert connected(aggregator) == (0, '') and proxy.hosts == []


@pytest.mark.parametrize('scheme', ['socks4', 'socks5', 'socks5h'])
@pytest.mark.parametrize('place', ['instance', 'init_config', 'agent'])
def test_socks(
    sim: Simulator, check: Check, datadog_agent: Any, caplog: pytest.LogCaptureFixture, scheme: str, place: str
) -> None:
    """A SOCKS proxy is refused before anything is sent: the message says so, names `proxy` and hides the password."""
    given = {'https': f'{scheme}://{USER}:a-password-for-socks@127.0.0.1:1080'}
    if place == 'agent':
        datadog_agent._config['proxy'] = given
    init_config = {'proxy': given} if place == 'init_config' else {}
    error = check(init_config, proxy=given if place == 'instance' else None).run()
    assert '`proxy`' in error and 'SOCKS' in error and len(sim.log) == 0
    assert 'a-password-for-socks' not in error + caplog.text


# Certificates.


@pytest.mark.parametrize('given', ['another authority', 'the authorities of the machine'])
def test_unknown_authority(
    check: Check, twin: TlsTwin, authority: Path, sim: Simulator, aggregator: Any, given: str
) -> None:
    """A certificate of an authority that is not trusted is a network failure that names `tls_ca_cert`."""
    trusted = str(authority) if given == 'another authority' else None
    assert check(endpoint_url=twin.endpoint_url, tls_ca_cert=trusted).run()
    level, message = connected(aggregator)
    assert level == 2 and 'network' in message and 'tls_ca_cert' in message and len(sim.log) == 0


def test_certificate_of_another_host(check: Check, sim: Simulator, proxy: ConnectProxy, aggregator: Any) -> None:
    """A trusted certificate that is not that of the host is refused as well."""
    elsewhere = 'https://email.elsewhere.example.com'
    assert check(endpoint_url=elsewhere, proxy=through(proxy)).run()
    level, message = connected(aggregator)
    assert level == 2 and 'SSLError' in message and len(sim.log) == 0 and proxy.hosts


def test_authorities_that_cannot_be_read(check: Check, sim: Simulator, tmp_path: Path) -> None:
    """A `tls_ca_cert` that is not there is refused before anything is sent, with the path in the message."""
    missing = str(tmp_path / 'missing.pem')
    error = check(tls_ca_cert=missing).run()
    assert '`tls_ca_cert`' in error and missing in error and len(sim.log) == 0


def test_authorities_of_the_environment(
    check: Check, twin: TlsTwin, aggregator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS_CA_BUNDLE is honoured where `tls_ca_cert` is not given."""
    monkeypatch.setenv('AWS_CA_BUNDLE', twin.ca_file)
    assert not check(endpoint_url=twin.endpoint_url, tls_ca_cert=None, role_arn=ROLE).run()
    assert connected(aggregator) == (0, '')


@pytest.mark.parametrize('trusted', [False, True], ids=['no tls_ca_cert', 'another authority'])
def test_verification_off(check: Check, twin: TlsTwin, authority: Path, aggregator: Any, trusted: bool) -> None:
    """`tls_verify: false` takes any certificate, also for the role, and whatever `tls_ca_cert` says."""
    one = check(
        endpoint_url=twin.endpoint_url, tls_ca_cert=str(authority) if trusted else None, tls_verify=False, role_arn=ROLE
    )
    assert not one.run()
    assert connected(aggregator) == (0, '')


# Endpoints.


@pytest.mark.parametrize(
    ('region', 'options', 'expected'),
    [
        (REGION, {'use_fips': True}, '{}-fips.us-east-1.amazonaws.com'),
        (REGION, {'use_dualstack': True}, '{}.us-east-1.api.aws'),
        (REGION, {'use_fips': True, 'use_dualstack': True}, '{}-fips.us-east-1.api.aws'),
        (OTHER, {'use_dualstack': True}, '{}.eu-west-1.api.aws'),
        ('us-gov-west-1', {}, '{}.us-gov-west-1.amazonaws.com'),
    ],
)
def test_names_of_endpoints(
    check: Check, proxy: ConnectProxy, aggregator: Any, region: str, options: dict[str, bool], expected: str
) -> None:
    """FIPS, dual-stack and the partition decide the host names of all services, STS included."""
    assert not check(region=region, proxy=through(proxy), role_arn=ROLE, **options).run()
    assert connected(aggregator) == (0, '') and hosts(proxy) == {expected.format(name) for name in OUTSIDE}


def test_names_of_fips_endpoints_in_govcloud(check: Check, proxy: ConnectProxy, aggregator: Any) -> None:
    """In GovCloud the ordinary endpoints of CloudWatch and STS are the FIPS ones; SES has one of its own."""
    assert not check(region='us-gov-west-1', proxy=through(proxy), use_fips=True).run()
    assert connected(aggregator) == (0, '')
    assert hosts(proxy) == {f'{name}.us-gov-west-1.amazonaws.com' for name in ('email-fips', 'monitoring', 'sts')}


@pytest.mark.parametrize(
    ('option', 'region'), [('use_fips', OTHER), ('use_fips', 'ap-southeast-2'), ('use_dualstack', 'us-iso-east-1')]
)
def test_endpoints_that_do_not_exist(check: Check, sim: Simulator, option: str, region: str) -> None:
    """Where AWS has no such endpoint the option is refused, with the Region in the message, before anything is sent."""
    for regions in ([region], [REGION, region]):
        error = check(regions=regions, **{option: True}).run()
        assert f'`{option}`' in error and region in error and len(sim.log) == 0


def test_endpoint_for_each_service(check: Check, start: Callable[..., Simulator], aggregator: Any) -> None:
    """A map as `endpoint_url` sends each service to its own URL."""
    places = {service: start() for service in SERVICES}
    urls = {service: place.endpoint_url for service, place in places.items()}
    # The four know nothing of each other's sessions, so nobody assumes a role here.
    assert not check(endpoint_url=urls).run()
    assert connected(aggregator) == (0, '')
    for service, place in places.items():
        assert {request.service for request in place.log} == {service}


def test_endpoint_for_some_services(check: Check, sim: Simulator, proxy: ConnectProxy, aggregator: Any) -> None:
    """A service that the map leaves out keeps its endpoint of AWS."""
    assert not check(endpoint_url={'cloudwatch': sim.endpoint_url}, proxy=through(proxy)).run()
    assert connected(aggregator) == (0, '') and hosts(proxy) == {
        f'{name}.{REGION}.amazonaws.com' for name in ('email', 'sts')
    }


# Timeouts.


def test_timeouts_reach_every_client(check: Check, sim: Simulator) -> None:
    """`connect_timeout` and `read_timeout` are those of every client that is made."""
    before = {id(one): one for one in gc.get_objects() if issubclass(type(one), BaseClient)}
    assert not check(endpoint_url=sim.endpoint_url, connect_timeout=2.5, read_timeout=7).run()
    made = [one for one in gc.get_objects() if issubclass(type(one), BaseClient) and id(one) not in before]
    assert {one.meta.service_model.service_name for one in made} == SERVICES
    assert {(one.meta.config.connect_timeout, one.meta.config.read_timeout) for one in made} == {(2.5, 7)}


@pytest.mark.parametrize(('operation', 'role', 'severity'), [('GetAccount', None, 1), ('AssumeRole', ROLE, 2)])
def test_answer_that_does_not_come(
    check: Check, sim: Simulator, aggregator: Any, operation: str, role: str | None, severity: int
) -> None:
    """A request that is not answered ends at `read_timeout`, also that for a role; the message names what hangs."""
    fault = sim.faults.add(Fault('hang', operation=operation))
    check(endpoint_url=sim.endpoint_url, read_timeout=0.1, role_arn=role).run()
    level, message = connected(aggregator)
    assert level == severity and f'{operation}: timeout' in message and fault.hits
    assert 'read_timeout' in message and 'connect_timeout' in message
