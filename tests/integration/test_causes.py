"""Promise P3: a failure names its true cause. What never left the machine is no answer of AWS."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from common import ACCOUNT, KEY, OTHER, REGION, SECRET, StartSimulator, connection_status, instance_of

from datadog_checks.amazon_ses import AmazonSesCheck
from simulator import Clock, Fault, Simulator
from simulator.network import ConnectProxy

ROLE = 'arn:aws:iam::222222222222:role/mail'
MakeCheck = Callable[..., AmazonSesCheck]
KEYS = {'aws_access_key_id': KEY, 'aws_secret_access_key': SECRET}

pytestmark = pytest.mark.usefixtures('bare_machine')


@pytest.fixture
def make_check(
    sim: Simulator, clock: Clock, aggregator: Any, datadog_agent: Any, no_waiting: None
) -> Iterator[MakeCheck]:
    """Makes instances that reach the simulator, without keys."""
    checks: list[AmazonSesCheck] = []

    def make_instance(**options: Any) -> AmazonSesCheck:
        nobody = {'aws_access_key_id': None, 'aws_secret_access_key': None}
        checks.append(AmazonSesCheck('amazon_ses', {}, [instance_of(sim, **{**nobody, **options})]))
        checks[-1].clock, checks[-1].clock_is_turned = clock, True
        return checks[-1]

    yield make_instance
    for check in checks:
        check.cancel()


class Machine(NamedTuple):
    """A machine whose credentials cannot be used: variables, files, options, and what the message names."""

    variables: dict[str, str]
    names: tuple[str, ...]
    config: str = ''
    options: dict[str, Any] = {}
    kind: str = 'credentials'


WEB = {'AWS_ROLE_ARN': ROLE, 'AWS_WEB_IDENTITY_TOKEN_FILE': '/nowhere/token'}
MFA = f'[profile mail]\nrole_arn = {ROLE}\nmfa_serial = arn:aws:iam::1:mfa/jane\nsource_profile = default\n'
FILES = '[default]\naws_access_key_id = AKIAX\naws_secret_access_key = y\n'
MACHINES = {
    'token that cannot be read': Machine(WEB, ('/nowhere/token', 'AWS_WEB_IDENTITY_TOKEN_FILE')),
    'token file without a token': Machine(
        {**WEB, 'AWS_WEB_IDENTITY_TOKEN_FILE': os.devnull}, ('AWS_WEB_IDENTITY_TOKEN_FILE',)
    ),
    'token without a role': Machine({'AWS_WEB_IDENTITY_TOKEN_FILE': '/nowhere/token'}, ('AWS_ROLE_ARN',)),
    'profile with MFA': Machine({}, ('profile mail', 'mfa_serial'), MFA + FILES, {'aws_profile': 'mail'}),
    'profile that leads to one with MFA': Machine(
        {},
        ('profile mail', 'mfa_serial'),
        f'{MFA}{FILES}[profile top]\nrole_arn = {ROLE}\nsource_profile = mail\n',
        {'aws_profile': 'top'},
    ),
    'container address': Machine(
        {'AWS_CONTAINER_CREDENTIALS_FULL_URI': 'http://10.0.0.1/x'}, ('AWS_CONTAINER_CREDENTIALS_FULL_URI',)
    ),
    'container token': Machine(
        {
            'AWS_CONTAINER_CREDENTIALS_FULL_URI': 'http://127.0.0.1:1/x',
            'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE': '/nowhere/token',
        },
        ('/nowhere/token', 'AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE'),
    ),
    'container token with a line end': Machine(
        {
            'AWS_CONTAINER_CREDENTIALS_FULL_URI': 'http://127.0.0.1:1/x',
            'AWS_CONTAINER_AUTHORIZATION_TOKEN': 'planted-token\n',
        },
        ('AWS_CONTAINER_AUTHORIZATION_TOKEN', 'line end'),
    ),
    'half of the keys': Machine({'AWS_ACCESS_KEY_ID': 'AKIAX'}, ('AWS_SECRET_ACCESS_KEY',)),
    'number that is none': Machine({'AWS_METADATA_SERVICE_TIMEOUT': 'soon'}, ('AWS_METADATA_SERVICE_TIMEOUT',)),
    'defaults mode': Machine({'AWS_DEFAULTS_MODE': 'fast'}, ('AWS_DEFAULTS_MODE',), FILES, kind='network'),
    'metadata endpoint': Machine(
        {'AWS_EC2_METADATA_SERVICE_ENDPOINT': 'no url'}, ('AWS_EC2_METADATA_SERVICE_ENDPOINT',)
    ),
    'file of authorities': Machine(
        {'AWS_CA_BUNDLE': '/nowhere/ca.pem'},
        ('/nowhere/ca.pem', 'AWS_CA_BUNDLE'),
        FILES,
        {'endpoint_url': 'https'},
        'network',
    ),
    'profile of the option': Machine(
        {}, ('profile mail', 'aws_profile', 'AWS_CONFIG_FILE'), FILES, {'aws_profile': 'mail'}
    ),
    'profile of the environment': Machine({'AWS_PROFILE': 'gone'}, ('profile gone', 'AWS_PROFILE'), FILES),
    'file that is none': Machine({}, ('aws_config_file',), 'this is no file of profiles'),
    'credential process': Machine(
        {}, ('credential_process',), '[default]\ncredential_process = sh -c "echo planted >&2; false"\n'
    ),
    'source profile': Machine(
        {}, ('"gone"',), f'[profile mail]\nrole_arn = {ROLE}\nsource_profile = gone\n', {'aws_profile': 'mail'}
    ),
    'FIPS where there is none': Machine(
        {'AWS_USE_FIPS_ENDPOINT': 'true'},
        ('AWS_USE_FIPS_ENDPOINT', OTHER),
        FILES,
        {'endpoint_url': None, 'region': OTHER},
        'network',
    ),
    'FIPS of the profile': Machine(
        {},
        ('use_fips_endpoint', OTHER),
        f'{FILES}[profile mail]\nuse_fips_endpoint = true\naws_access_key_id = AKIAX\naws_secret_access_key = y\n',
        {'endpoint_url': None, 'region': OTHER, 'aws_profile': 'mail'},
        'network',
    ),
}


@pytest.mark.parametrize('machine', MACHINES.values(), ids=MACHINES)
def test_cause_on_this_machine(
    sim: Simulator, make_check: MakeCheck, aggregator: Any, monkeypatch: pytest.MonkeyPatch, machine: Machine
) -> None:
    """A cause on this machine is named by its file, variable or profile, and nothing is counted as a request."""
    Path(os.environ['AWS_CONFIG_FILE']).write_text(machine.config)
    for name, text in machine.variables.items():
        monkeypatch.setenv(name, text)
    options = dict(machine.options)
    if options.get('endpoint_url') == 'https':
        options['endpoint_url'] = sim.endpoint_url.replace('http:', 'https:')
    error = make_check(account_id=ACCOUNT, collect=['account', 'cloudwatch'], **options).run()
    level, message = connection_status(aggregator)
    assert level == 2 and f': {machine.kind}: ' in message, message
    assert all(name in message for name in machine.names), message
    assert 'planted' not in message + error and 'malformed' not in message
    assert len(sim.log) == 0 and not aggregator.metrics('amazon_ses.collector.api_errors')
    assert not any(sample.value for sample in aggregator.metrics('amazon_ses.collector.api_calls'))


def test_failing_assumption_of_a_role_names_the_hop(sim: Simulator, make_check: MakeCheck, aggregator: Any) -> None:
    """Keys that ended are blamed where they assume the role, and the role where its session ended."""
    driver = make_check(**KEYS, role_arn=ROLE)
    assert not driver.run()
    sim.expire_tokens()
    driver.clock.advance(60)
    driver.run()
    assert 'The session of the role that role_arn names has ended' in connection_status(aggregator)[1]
    credentials = sim.accounts.open_session(sim.accounts.role(ROLE), 'elsewhere', 0)
    keys = {'aws_access_key_id': credentials.access_key, 'aws_secret_access_key': 'x-y-z'}
    make_check(**keys, aws_session_token=credentials.token, role_arn=ROLE, ledger='ended').run()
    message = connection_status(aggregator)[1]
    assert 'AssumeRole: credentials' in message and 'aws_session_token has ended' in message


# Answers of AWS, and pages in their place.


@pytest.mark.parametrize(
    ('reason', 'shown'),
    [
        ('because no identity-based policy allows the {action} action', 'no identity-based policy allows it'),
        ('because no permissions boundary allows the {action} action', 'no permissions boundary allows it'),
        ('because no session policy allows the {action} action', 'no session policy allows it'),
        ('because no service control policy allows the {action} action', 'no service control policy allows it'),
        ('because no resource-based policy allows the {action} action', 'no resource-based policy allows it'),
        ('because no VPC endpoint policy allows the {action} action', 'no VPC endpoint policy allows it'),
        ('with an explicit deny in an identity-based policy: arn:aws:iam::1:policy/jane', 'an explicit deny in'),
        ('with an explicit deny in a service control policy', 'explicit deny in a service control policy'),
        ('with an explicit deny in a permissions boundary', 'explicit deny in a permissions boundary'),
        ('for a reason of jane@mail.example', '(HTTP 403).'),
    ],
)
def test_class_of_a_denial(sim: Simulator, make_check: MakeCheck, aggregator: Any, reason: str, shown: str) -> None:
    """A denial keeps AWS's class of the policy and the request id, and no name that AWS's message holds."""
    text = f'User: arn:aws:iam::1:user/jane is not authorized to perform: ses:GetAccount {reason}'
    sim.faults.add(Fault('error', operation='GetAccount', argument=('AccessDenied', 403, text)))
    check = make_check(**KEYS, collect=['account', 'cloudwatch'])
    check.run()
    message = connection_status(aggregator)[1]
    assert 'GetAccount: denied: AWS answered AccessDenied' in message and shown in message, message
    request_id = sim.log.where(operation='GetAccount')[-1].request_id
    assert request_id in message and 'jane' not in message and 'arn:' not in message
    assert 'IAM action ses:GetAccount' in message


@pytest.mark.parametrize('status', [400, 401, 403, 302])
@pytest.mark.parametrize('operation', ['GetAccount', 'GetSendStatistics', 'GetMetricData'])
def test_page_of_a_proxy(sim: Simulator, make_check: MakeCheck, aggregator: Any, status: int, operation: str) -> None:
    """A page of a proxy, whatever its status, is no denial by IAM: it is malformed and asked again in the next run."""
    sim.faults.add(Fault('page', operation=operation, argument=status))
    make_check(**KEYS, account_id=ACCOUNT).run()
    message = connection_status(aggregator)[1]
    assert f'{operation}: malformed' in message and 'proxy' in message and 'denied' not in message
    assert 'Allow the IAM action' not in message


def test_code_of_a_gateway_is_shortened(sim: Simulator, make_check: MakeCheck, aggregator: Any) -> None:
    """A code is shown like any text of others: cut, printable, and without an address."""
    for number, code in enumerate(('X' * 5000, 'Denied\x1b[31m\u202e', 'jane.doe@mail.example')):
        sim.faults.clear()
        sim.faults.add(Fault('error', operation='GetAccount', argument=(code, 400)))
        make_check(**KEYS, ledger=f'l{number}', collect=['account']).run()
        message = connection_status(aggregator)[1]
        assert len(message) < 600 and 'jane' not in message and message.isprintable()


# The network.


def test_host_port_and_region_are_named(make_check: MakeCheck, aggregator: Any) -> None:
    """Where a host cannot be reached the message names host, port and Region, and no more of the URL."""
    with socket.create_server(('127.0.0.1', 0)) as unused:
        port = unused.getsockname()[1]
    make_check(**KEYS, account_id=ACCOUNT, endpoint_url=f'http://127.0.0.1:{port}/planted').run()
    message = connection_status(aggregator)[1]
    assert f'127.0.0.1:{port} for {REGION}' in message and 'network' in message and 'planted' not in message


def test_unknown_region(make_check: MakeCheck, sim: Simulator) -> None:
    """A name that no Region has is refused with the nearest one; one that the SDK does not know yet is warned of."""
    for wrong, nearest in (('us-eest-1', 'us-east-1'), ('eu-wets-1', 'eu-west-1'), ('us-east-11', 'us-east-1')):
        error = make_check(**KEYS, region=wrong).run()
        assert '`region`' in error and wrong in error and nearest in error and len(sim.log) == 0
    check = make_check(**KEYS, region='ap-southeast-9')
    assert check.run() == ''
    assert any('Region ap-southeast-9 is not known' in text for text in check.get_warnings())
    check = make_check(**KEYS, region='us-east-1', ledger='known')
    check.run()
    assert not any('is not known' in text for text in check.get_warnings())


# Where settings and credentials come from.


def test_settings_of_the_profile(
    sim: Simulator, start: StartSimulator, make_check: MakeCheck, aggregator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All settings of `aws_profile` hold, and none of [default]: keys of one never go to the endpoint of the other."""
    other = start()
    keys = 'aws_access_key_id = {}\naws_secret_access_key = y\n'
    Path(os.environ['AWS_CONFIG_FILE']).write_text(
        f'[default]\n{keys.format("AKIADEFAULT")}endpoint_url = {other.endpoint_url}\nca_bundle = /nowhere/ca.pem\n'
        f'[profile mail]\n{keys.format("AKIAOFMAIL")}services = mail\n'
        f'[services mail]\nses =\n  endpoint_url = {sim.endpoint_url}\n'
        f'sesv2 =\n  endpoint_url = {sim.endpoint_url}\n'
        f'sts =\n  endpoint_url = {sim.endpoint_url}\ncloudwatch =\n  endpoint_url = {sim.endpoint_url}\n'
    )
    assert make_check(aws_profile='mail', endpoint_url=None).run() == ''
    assert len(other.log) == 0 and {request.access_key for request in sim.log} == {'AKIAOFMAIL'}
    sim.log.clear()
    make_check(aws_profile='mail', endpoint_url=None, role_arn=ROLE, ledger='role').run()
    assert len(other.log) == 0 and sim.log.count(operation='AssumeRole') == 1


@pytest.mark.parametrize('role', [None, ROLE])
def test_keys_depend_on_nothing(
    sim: Simulator, make_check: MakeCheck, aggregator: Any, monkeypatch: pytest.MonkeyPatch, role: str | None
) -> None:
    """Keys in the options work beside a profile that is gone and files that cannot be read."""
    monkeypatch.setenv('AWS_PROFILE', 'gone')
    for name in ('AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE'):
        Path(os.environ[name]).write_text('this is no file of profiles')
    assert make_check(**KEYS, role_arn=role).run() == ''
    assert connection_status(aggregator) == (0, '')


@pytest.mark.parametrize('name', ['aws_access_key_id', 'aws_secret_access_key', 'aws_session_token', 'external_id'])
def test_white_space_around_keys(sim: Simulator, make_check: MakeCheck, aggregator: Any, name: str) -> None:
    """White space and line ends around a key, a token or an external id do no harm; inside they are refused unseen."""
    credentials = sim.accounts.open_session(sim.accounts.role(ROLE), 'elsewhere', 4e9)
    options = {
        'aws_access_key_id': credentials.access_key,
        'aws_secret_access_key': credentials.secret_key,
        'aws_session_token': credentials.token,
        'external_id': 'an-external-id',
        'role_arn': ROLE,
    }
    sim.accounts.declare_role(ROLE, external_id='an-external-id')
    assert make_check(**{**options, name: f'\n {options[name]} \r\n'}).run() == ''
    error = make_check(**{**options, name: f'{options[name][:5]} {options[name][5:]}'}).run()
    assert f'`{name}`' in error and '(not shown)' in error and options[name][5:] not in error


@pytest.mark.parametrize('external_id', ['x', 'x' * 1225, 'with space', 'ünïcode', 'semi;colon'])
def test_external_id_that_aws_refuses(make_check: MakeCheck, sim: Simulator, external_id: str) -> None:
    """An external id that AWS cannot have is refused before anything is sent."""
    error = make_check(**KEYS, role_arn=ROLE, external_id=external_id).run()
    assert '`external_id`' in error and '2 to 1,224' in error and len(sim.log) == 0


def test_account_of_the_role(make_check: MakeCheck, sim: Simulator) -> None:
    """An `account_id` that is not the account of `role_arn` is refused before anything is sent."""
    error = make_check(**KEYS, role_arn=ROLE, account_id=ACCOUNT).run()
    assert '`account_id`' in error and '222222222222' in error and len(sim.log) == 0


def test_account_of_the_keys(make_check: MakeCheck, sim: Simulator) -> None:
    """An `account_id` that is not the account of the keys is said; AWS is asked for it once."""
    check = make_check(**KEYS, account_id='777777777777')
    warnings: list[Any] = []
    for _ in range(4):
        assert check.run() == ''
        warnings += check.get_warnings()
        check.clock.advance(60)
    assert [text for text in warnings if 'account_id' in text and ACCOUNT in text and '777777777777' in text]
    assert sim.log.count(operation='GetCallerIdentity') == 1
    check = make_check(**KEYS, account_id=ACCOUNT, ledger='right')
    for _ in range(3):
        assert check.run() == ''
        assert not any('account_id' in text for text in check.get_warnings())
        check.clock.advance(60)


def test_metadata_without_proxy(
    sim: Simulator, make_check: MakeCheck, aggregator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The credentials of the machine are never asked for through a proxy, whose answer would be believed."""
    monkeypatch.delenv('AWS_EC2_METADATA_DISABLED')
    monkeypatch.setenv('AWS_EC2_METADATA_SERVICE_ENDPOINT', 'http://127.0.0.1:1/')
    monkeypatch.setenv('AWS_METADATA_SERVICE_TIMEOUT', '1')
    with ConnectProxy(1) as proxy, socket.create_server(('127.0.0.1', 0)) as listener:
        listener.settimeout(0.0)
        for name in ('http_proxy', 'HTTP_PROXY'):
            monkeypatch.setenv(name, f'http://127.0.0.1:{listener.getsockname()[1]}')
        make_check(skip_proxy=True).run()
        with pytest.raises(BlockingIOError):
            listener.accept()
        assert not proxy.hosts
    assert 'there are no credentials on this machine' in connection_status(aggregator)[1]
