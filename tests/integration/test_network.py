"""Proxies, certificates, endpoints and timeouts, tested through a real CONNECT proxy to a real TLS endpoint.

The proxy connects every host name to the TLS twin of the simulator, so requests use the host names of AWS.
"""

from __future__ import annotations

import base64
import gc
import logging
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import pytest
from botocore.client import BaseClient
from common import ACCOUNT, OTHER, REGION, StartSimulator, connection_status, instance_of

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
HOST_LABELS = ('email', 'monitoring', 'sts')
"""The first label of the host names of SES (both versions), CloudWatch and STS."""

SERVICES = {'cloudwatch', 'ses', 'sesv2', 'sts'}

MakeCheck = Callable[..., AmazonSesCheck]

pytestmark = pytest.mark.usefixtures('bare_machine')


@pytest.fixture(scope='module')
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The certificate file of an authority that signed none of the certificates in use."""
    return certificates(tmp_path_factory.mktemp('other'))[0]


@pytest.fixture
def twin(sim: Simulator) -> Iterator[TlsTwin]:
    with TlsTwin(sim, names=NAMES) as running:
        yield running


@pytest.fixture
def password_proxy(twin: TlsTwin) -> Iterator[ConnectProxy]:
    """A proxy that accepts only our user and password."""
    with ConnectProxy(twin.port, password=f'{USER}:{PASSWORD}') as running:
        yield running


@pytest.fixture
def make_check(
    sim: Simulator, twin: TlsTwin, clock: Any, aggregator: Any, datadog_agent: Any, no_waiting: None
) -> Iterator[MakeCheck]:
    """Makes instances that trust the twin's authority and use the host names of AWS; an option of None is omitted."""
    checks: list[AmazonSesCheck] = []

    def make_instance(init_config: Mapping[str, Any] | None = None, **options: Any) -> AmazonSesCheck:
        options = {'endpoint_url': None, 'tls_ca_cert': twin.ca_file, **options}
        check = AmazonSesCheck('amazon_ses', dict(init_config or {}), [instance_of(sim, **options)])
        check.clock = clock
        check.clock_is_turned = True
        checks.append(check)
        return check

    yield make_instance
    for check in checks:
        check.cancel()


def hosts(proxy: ConnectProxy) -> set[str]:
    return {host.removesuffix(':443') for host in proxy.hosts}


def proxy_option(proxy: ConnectProxy, password: str | None = None) -> dict[str, Any]:
    """The value of the option `proxy` for this proxy."""
    user = f'{USER}:{quote(password, safe="")}@' if password else ''
    return {'https': proxy.url.replace('://', f'://{user}')}


# Proxies.


def test_requests_go_through_the_proxy(make_check: MakeCheck, proxy: ConnectProxy, aggregator: Any) -> None:
    """Every request goes through the proxy, to the host names of AWS in the Region, without a password."""
    assert not make_check(proxy=proxy_option(proxy)).run()
    assert connection_status(aggregator) == (0, '') and aggregator.metrics('amazon_ses.quota.max_24_hour')
    assert hosts(proxy) == {f'{name}.{REGION}.amazonaws.com' for name in HOST_LABELS}
    assert set(proxy.authorizations) == {None}


def test_a_proxy_may_be_written_without_scheme(make_check: MakeCheck, proxy: ConnectProxy, aggregator: Any) -> None:
    """A proxy may be written as HOST:PORT."""
    assert not make_check(proxy={'https': proxy.url.removeprefix('http://')}).run()
    assert connection_status(aggregator) == (0, '') and proxy.hosts


def test_the_password_of_the_url_reaches_the_proxy(
    make_check: MakeCheck, password_proxy: ConnectProxy, aggregator: Any
) -> None:
    """A user and a password in the proxy's URL, percent-encoded, reach the proxy decoded."""
    assert not make_check(proxy=proxy_option(password_proxy, PASSWORD)).run()
    assert connection_status(aggregator) == (0, '') and set(password_proxy.authorizations) == {f'{USER}:{PASSWORD}'}


def test_role_through_the_proxy(
    sim: Simulator, make_check: MakeCheck, password_proxy: ConnectProxy, aggregator: Any
) -> None:
    """A role is assumed through the same Region, proxy with password, and certificates as other requests."""
    assert not make_check(region=OTHER, role_arn=ROLE, proxy=proxy_option(password_proxy, PASSWORD)).run()
    assert connection_status(aggregator) == (0, '')
    assert hosts(password_proxy) == {f'{name}.{OTHER}.amazonaws.com' for name in HOST_LABELS}
    (assumed,) = sim.log.where(operation='AssumeRole')
    assert assumed.region == OTHER and assumed.account == ACCOUNT and None not in password_proxy.authorizations


def test_web_identity_through_the_proxy(
    sim: Simulator, make_check: MakeCheck, proxy: ConnectProxy, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The STS request that botocore makes for a pod goes through the same proxy."""
    (tmp_path / 'token').write_text('a-token-of-the-cluster')
    monkeypatch.setenv('AWS_WEB_IDENTITY_TOKEN_FILE', str(tmp_path / 'token'))
    monkeypatch.setenv('AWS_ROLE_ARN', ROLE)
    assert not make_check(proxy=proxy_option(proxy), aws_access_key_id=None, aws_secret_access_key=None).run()
    assert sim.log.count(operation='AssumeRoleWithWebIdentity') == 1
    assert hosts(proxy) == {f'{name}.{REGION}.amazonaws.com' for name in HOST_LABELS}


def test_a_refusal_by_the_proxy_names_the_option(
    make_check: MakeCheck, password_proxy: ConnectProxy, aggregator: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """A 407 is a network failure that names the option `proxy`; the password is nowhere, not even in the debug log."""
    caplog.set_level(logging.DEBUG)
    wrong = 'a-wrong-p@ssword/for-it'
    check = make_check(proxy=proxy_option(password_proxy, wrong))
    error = check.run()
    level, message = connection_status(aggregator)
    assert level == 2 and 'network' in message and 'option proxy' in message
    assert set(password_proxy.authorizations) == {f'{USER}:{wrong}'}
    everything = '\n'.join([caplog.text, error, message, *check.get_warnings()])
    encoded = base64.b64encode(f'{USER}:{wrong}'.encode()).decode()
    assert [secret for secret in (wrong, quote(wrong, safe=''), quote(wrong), encoded) if secret in everything] == []


def test_a_proxy_that_is_down_is_not_bypassed(make_check: MakeCheck, aggregator: Any) -> None:
    """A proxy that does not answer is a network failure that names the option `proxy`, and AWS is not tried without."""
    with socket.create_server(('127.0.0.1', 0)) as unused:
        port = unused.getsockname()[1]
    assert make_check(proxy={'https': f'http://127.0.0.1:{port}'}).run()
    level, message = connection_status(aggregator)
    assert level == 2 and 'network' in message and 'option proxy' in message


# Precedence of proxies.

PLACES = ('instance', 'init_config', 'agent', 'environment')


class ProxyCase(NamedTuple):
    """Places that name a proxy, further options, and the place whose proxy is used."""

    places: tuple[str, ...]
    used: str | None
    instance: Mapping[str, bool] = {}
    init_config: Mapping[str, bool] = {}


PROXY_CASES = {
    'instance first': ProxyCase(PLACES, 'instance'),
    'then init_config': ProxyCase(PLACES[1:], 'init_config'),
    'then Agent': ProxyCase(PLACES[2:], 'agent'),
    'then environment': ProxyCase(PLACES[3:], 'environment'),
    'Agent not to be used': ProxyCase(PLACES[2:], 'environment', init_config={'use_agent_proxy': False}),
    'Agent not to be used, nothing else': ProxyCase(('agent',), None, init_config={'use_agent_proxy': False}),
    'skip_proxy': ProxyCase(PLACES, None, instance={'skip_proxy': True}),
    'skip_proxy in init_config': ProxyCase(PLACES[1:], None, init_config={'skip_proxy': True}),
    'instance does not skip': ProxyCase(
        PLACES, 'instance', instance={'skip_proxy': False}, init_config={'skip_proxy': True}
    ),
    'none': ProxyCase((), None),
}


@pytest.mark.parametrize('case', PROXY_CASES.values(), ids=PROXY_CASES)
def test_proxies_are_used_in_order_of_precedence(
    make_check: MakeCheck,
    twin: TlsTwin,
    datadog_agent: Any,
    monkeypatch: pytest.MonkeyPatch,
    aggregator: Any,
    case: ProxyCase,
) -> None:
    """The proxy of the instance comes first, then init_config, the Agent, the environment; skip_proxy uses none."""
    with ExitStack() as stack:
        running = {place: stack.enter_context(ConnectProxy(twin.port)) for place in case.places}
        if 'agent' in running:
            datadog_agent._config['proxy'] = {'https': running['agent'].url, 'no_proxy': ['elsewhere.example.com']}
        if 'environment' in running:
            monkeypatch.setenv('HTTPS_PROXY', running['environment'].url)
        proxies = {
            place: {'proxy': proxy_option(running[place])} for place in ('instance', 'init_config') if place in running
        }
        check = make_check(
            {**case.init_config, **proxies.get('init_config', {})},
            endpoint_url=twin.endpoint_url,
            account_id=ACCOUNT,
            collect=['account'],
            **case.instance,
            **proxies.get('instance', {}),
        )
        assert not check.run()
        assert connection_status(aggregator) == (0, '')
        assert {place for place, proxy in running.items() if proxy.hosts} == {case.used} - {None}


class NoProxyCase(NamedTuple):
    """A value of `no_proxy`, and where it is configured."""

    place: str
    no_proxy: list[str] | str


NO_PROXY_CASES = [
    NoProxyCase(place, no_proxy)
    for place in ('instance', 'agent')
    for no_proxy in (
        ['other.example.com', 'localhost'],
        'other.example.com, localhost',
        'other.example.com;localhost',
    )
]


@pytest.mark.parametrize('case', NO_PROXY_CASES, ids=lambda case: f'{case.place} {case.no_proxy}')
def test_no_proxy_names_hosts_to_reach_directly(
    make_check: MakeCheck, twin: TlsTwin, proxy: ConnectProxy, datadog_agent: Any, aggregator: Any, case: NoProxyCase
) -> None:
    """Hosts of `no_proxy`, a list or a text, are reached directly and all others through the proxy."""
    direct = f'https://localhost:{twin.port}'
    option = {**proxy_option(proxy), 'no_proxy': case.no_proxy}
    if case.place == 'agent':
        datadog_agent._config['proxy'] = option
    check = make_check(
        endpoint_url={'ses': direct, 'sesv2': direct}, proxy=option if case.place == 'instance' else None
    )
    assert not check.run()
    assert connection_status(aggregator) == (0, '')
    assert hosts(proxy) == {f'{name}.{REGION}.amazonaws.com' for name in ('monitoring', 'sts')}


def test_no_proxy_of_the_environment_applies_to_its_proxy_only(
    make_check: MakeCheck, twin: TlsTwin, proxy: ConnectProxy, aggregator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """NO_PROXY of the environment applies to the proxy of the environment and not to a proxy of the options."""
    monkeypatch.setenv('NO_PROXY', '127.0.0.1')
    check = make_check(endpoint_url=twin.endpoint_url, proxy=proxy_option(proxy))
    assert not check.run()
    assert hosts(proxy) == {f'127.0.0.1:{twin.port}'}
    check.cancel()
    proxy.hosts.clear()
    monkeypatch.setenv('HTTPS_PROXY', proxy.url)
    assert not make_check(endpoint_url=twin.endpoint_url).run()
    assert connection_status(aggregator) == (0, '') and proxy.hosts == []


@pytest.mark.parametrize('scheme', ['socks4', 'socks5', 'socks5h'])
@pytest.mark.parametrize('place', ['instance', 'init_config', 'agent'])
def test_socks_proxies_are_refused(
    sim: Simulator, make_check: MakeCheck, datadog_agent: Any, caplog: pytest.LogCaptureFixture, scheme: str, place: str
) -> None:
    """A SOCKS proxy is refused before anything is sent: the message says so, names `proxy` and hides the password."""
    option = {'https': f'{scheme}://{USER}:a-password-for-socks@127.0.0.1:1080'}
    if place == 'agent':
        datadog_agent._config['proxy'] = option
    init_config = {'proxy': option} if place == 'init_config' else {}
    error = make_check(init_config, proxy=option if place == 'instance' else None).run()
    assert '`proxy`' in error and 'SOCKS' in error and len(sim.log) == 0
    assert 'a-password-for-socks' not in error + caplog.text


# Certificates.


@pytest.mark.parametrize('trust', ['another authority', 'the authorities of the machine'])
def test_an_unknown_authority_is_refused(
    make_check: MakeCheck, twin: TlsTwin, authority: Path, sim: Simulator, aggregator: Any, trust: str
) -> None:
    """A certificate of an authority that is not trusted is a network failure that names `tls_ca_cert`."""
    trusted = str(authority) if trust == 'another authority' else None
    assert make_check(endpoint_url=twin.endpoint_url, tls_ca_cert=trusted).run()
    level, message = connection_status(aggregator)
    assert level == 2 and 'network' in message and 'tls_ca_cert' in message and len(sim.log) == 0


def test_https_to_a_plain_http_port_does_not_blame_certificates(
    make_check: MakeCheck, sim: Simulator, aggregator: Any
) -> None:
    """https:// to a port that speaks plain http names the URL, and no certificate."""
    assert make_check(endpoint_url=sim.endpoint_url.replace('http://', 'https://')).run()
    level, message = connection_status(aggregator)
    assert level == 2 and 'network' in message and 'write http:// in endpoint_url' in message
    assert 'certificate' not in message and 'tls_ca_cert' not in message


def test_a_certificate_of_another_host_is_refused(
    make_check: MakeCheck, sim: Simulator, proxy: ConnectProxy, aggregator: Any
) -> None:
    """A trusted certificate for another host name is refused."""
    elsewhere = 'https://email.elsewhere.example.com'
    assert make_check(endpoint_url=elsewhere, proxy=proxy_option(proxy)).run()
    level, message = connection_status(aggregator)
    assert level == 2 and 'SSLError' in message and len(sim.log) == 0 and proxy.hosts


def test_authorities_that_cannot_be_read(make_check: MakeCheck, sim: Simulator, tmp_path: Path) -> None:
    """A `tls_ca_cert` that is not there is refused before anything is sent, with the path in the message."""
    missing = str(tmp_path / 'missing.pem')
    error = make_check(tls_ca_cert=missing).run()
    assert '`tls_ca_cert`' in error and missing in error and len(sim.log) == 0


def test_authorities_of_the_environment(
    make_check: MakeCheck, twin: TlsTwin, aggregator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """AWS_CA_BUNDLE is used where `tls_ca_cert` is absent."""
    monkeypatch.setenv('AWS_CA_BUNDLE', twin.ca_file)
    assert not make_check(endpoint_url=twin.endpoint_url, tls_ca_cert=None, role_arn=ROLE).run()
    assert connection_status(aggregator) == (0, '')


@pytest.mark.parametrize('trusted', [False, True], ids=['no tls_ca_cert', 'another authority'])
def test_verification_can_be_switched_off(
    make_check: MakeCheck, twin: TlsTwin, authority: Path, aggregator: Any, trusted: bool
) -> None:
    """`tls_verify: false` takes any certificate, also for the role, and whatever `tls_ca_cert` says."""
    check = make_check(
        endpoint_url=twin.endpoint_url, tls_ca_cert=str(authority) if trusted else None, tls_verify=False, role_arn=ROLE
    )
    assert not check.run()
    assert connection_status(aggregator) == (0, '')


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
def test_options_and_partition_decide_host_names(
    make_check: MakeCheck, proxy: ConnectProxy, aggregator: Any, region: str, options: dict[str, bool], expected: str
) -> None:
    """FIPS, dual-stack and the partition decide the host names of all services, STS included."""
    assert not make_check(region=region, proxy=proxy_option(proxy), role_arn=ROLE, **options).run()
    assert connection_status(aggregator) == (0, '') and hosts(proxy) == {expected.format(name) for name in HOST_LABELS}


def test_names_of_fips_endpoints_in_govcloud(make_check: MakeCheck, proxy: ConnectProxy, aggregator: Any) -> None:
    """In GovCloud the ordinary endpoints of CloudWatch and STS are FIPS endpoints; SES has a separate FIPS endpoint."""
    assert not make_check(region='us-gov-west-1', proxy=proxy_option(proxy), use_fips=True).run()
    assert connection_status(aggregator) == (0, '')
    assert hosts(proxy) == {f'{name}.us-gov-west-1.amazonaws.com' for name in ('email-fips', 'monitoring', 'sts')}


@pytest.mark.parametrize(
    ('option', 'region'), [('use_fips', OTHER), ('use_fips', 'ap-southeast-2'), ('use_dualstack', 'us-iso-east-1')]
)
def test_endpoints_that_do_not_exist(make_check: MakeCheck, sim: Simulator, option: str, region: str) -> None:
    """Where AWS has no such endpoint the option is refused, with the Region in the message, before anything is sent."""
    for regions in ([region], [REGION, region]):
        error = make_check(regions=regions, **{option: True}).run()
        assert f'`{option}`' in error and region in error and len(sim.log) == 0


def test_endpoint_for_each_service(make_check: MakeCheck, start: StartSimulator, aggregator: Any) -> None:
    """A map as `endpoint_url` sends each service to its own URL."""
    simulators = {service: start() for service in SERVICES}
    urls = {service: simulator.endpoint_url for service, simulator in simulators.items()}
    # No role is assumed, because each simulator accepts only sessions that it opened itself.
    assert not make_check(endpoint_url=urls).run()
    assert connection_status(aggregator) == (0, '')
    for service, simulator in simulators.items():
        assert {request.service for request in simulator.log} == {service}


def test_endpoint_for_some_services(
    make_check: MakeCheck, sim: Simulator, proxy: ConnectProxy, aggregator: Any
) -> None:
    """A service that the map leaves out keeps its endpoint of AWS."""
    assert not make_check(endpoint_url={'cloudwatch': sim.endpoint_url}, proxy=proxy_option(proxy)).run()
    assert connection_status(aggregator) == (0, '') and hosts(proxy) == {
        f'{name}.{REGION}.amazonaws.com' for name in ('email', 'sts')
    }


# Timeouts.


def living_clients() -> list[BaseClient]:
    return [client for client in gc.get_objects() if issubclass(type(client), BaseClient)]


def test_timeouts_reach_every_client(make_check: MakeCheck, sim: Simulator) -> None:
    """Every client has the configured `connect_timeout` and `read_timeout`."""
    before = {id(client): client for client in living_clients()}
    assert not make_check(endpoint_url=sim.endpoint_url, connect_timeout=2.5, read_timeout=7).run()
    clients = [client for client in living_clients() if id(client) not in before]
    assert {client.meta.service_model.service_name for client in clients} == SERVICES
    assert {(client.meta.config.connect_timeout, client.meta.config.read_timeout) for client in clients} == {(2.5, 7)}


@pytest.mark.parametrize(('operation', 'role', 'severity'), [('GetAccount', None, 1), ('AssumeRole', ROLE, 2)])
def test_a_request_without_answer_ends_at_the_read_timeout(
    make_check: MakeCheck, sim: Simulator, aggregator: Any, operation: str, role: str | None, severity: int
) -> None:
    """A request without answer ends at `read_timeout`, also a request for a role; the message names the operation."""
    fault = sim.faults.add(Fault('hang', operation=operation))
    make_check(endpoint_url=sim.endpoint_url, read_timeout=0.5, role_arn=role).run()
    level, message = connection_status(aggregator)
    assert level == severity and f'{operation}: timeout' in message and fault.hits
    assert 'read_timeout' in message and 'connect_timeout' in message
