"""All ways to sign in to AWS, over real HTTP against the simulator, which records who signed each request."""

from __future__ import annotations

import gc
import json
import logging
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from os.path import isfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import botocore.session
import pytest
from botocore.client import BaseClient
from common import ACCOUNT, KEY, OTHER, REGION, SECRET, connection_status, instance_of

from datadog_checks.amazon_ses import AmazonSesCheck
from datadog_checks.amazon_ses.aws.access import Access
from datadog_checks.amazon_ses.collectors import account
from datadog_checks.amazon_ses.configuration import settings
from datadog_checks.amazon_ses.model import Failure
from simulator import Clock, Fault, Simulator

KEYS = {'aws_access_key_id': KEY, 'aws_secret_access_key': SECRET}
HUB, LEAF = 'arn:aws:iam::222222222222:role/hub', 'arn:aws:iam::333333333333:role/mail/leaf'
POD = 'arn:aws:iam::444444444444:role/pod'
TOKEN = 'a-token-of-the-cluster'
EXTERNAL_ID = 'an-external-id'
OPTIONS = ('aws_access_key_id', 'aws_profile', 'role_arn')

MakeCheck = Callable[..., AmazonSesCheck]

pytestmark = pytest.mark.usefixtures('bare_machine')


@pytest.fixture
def make_check(
    sim: Simulator, clock: Clock, aggregator: Any, datadog_agent: Any, no_waiting: None
) -> Iterator[MakeCheck]:
    """Makes instances of the check that reach the simulator; their account is unknown before they sign in."""
    checks: list[AmazonSesCheck] = []

    def make_instance(**options: Any) -> AmazonSesCheck:
        nobody = {'aws_access_key_id': None, 'aws_secret_access_key': None}
        check = AmazonSesCheck('amazon_ses', {}, [instance_of(sim, **{**nobody, **options})])
        check.clock = check.monotonic = clock
        check.clock_is_turned = True
        checks.append(check)
        return check

    yield make_instance
    for check in checks:
        check.cancel()


def accounts(aggregator: Any) -> set[str]:
    """The accounts that the quota was submitted for."""
    samples = aggregator.metrics('amazon_ses.quota.max_24_hour')
    return {tag for sample in samples for tag in sample.tags if tag.startswith('aws_account:')}


def signers(sim: Simulator, operation: str = 'GetAccount') -> list[str | None]:
    return [request.access_key for request in sim.log.where(operation=operation)]


def session(sim: Simulator, role: str = HUB) -> Any:
    """Temporary credentials that the simulated AWS has issued."""
    return sim.accounts.open_session(sim.accounts.role(role), 'elsewhere', time.time() + 3600)


def metadata_answer(credentials: Any) -> dict[str, str]:
    """Credentials in the answer format of the metadata services of AWS."""
    return {
        'Code': 'Success',
        'Type': 'AWS-HMAC',
        'AccessKeyId': credentials.access_key,
        'SecretAccessKey': credentials.secret_key,
        'Token': credentials.token,
        'Expiration': f'{datetime.fromtimestamp(credentials.expires, timezone.utc):%Y-%m-%dT%H:%M:%SZ}',
    }


class Metadata:
    """A metadata service on loopback that answers by method and path if the header matches; `requests` are paths."""

    def __init__(self, header: tuple[str, str]) -> None:
        self.answers: dict[tuple[str, str], Callable[[], str]] = {}
        self.requests: list[str] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                path = urlsplit(self.path).path
                service.requests.append(path)
                respond = service.answers.get((self.command, path))
                allowed = self.command == 'PUT' or self.headers.get(header[0]) == header[1]
                body = respond().encode() if respond and allowed else b''
                self.send_response(200 if body else 404 if allowed else 401)
                self.send_header('Content-Length', str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_PUT = answer

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(('127.0.0.1', 0), Handler)
        self.url = f'http://127.0.0.1:{self._server.server_address[1]}'

    def __enter__(self) -> Metadata:
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


# Keys, files, environment.


def test_keys_sign_every_request(sim: Simulator, make_check: MakeCheck, aggregator: Any) -> None:
    """Keys in the options sign each request, and the account is that of the keys."""
    sim.accounts.add(KEY, '555555555555')
    assert not make_check(**KEYS).run()
    assert {request.access_key for request in sim.log} == {KEY}
    assert accounts(aggregator) == {'aws_account:555555555555'} and connection_status(aggregator)[0] == 0


def test_temporary_keys_need_their_token(sim: Simulator, make_check: MakeCheck, aggregator: Any) -> None:
    """Temporary keys work with `aws_session_token`; without it AWS refuses them, and the message says credentials."""
    credentials = session(sim)
    keys = {'aws_access_key_id': credentials.access_key, 'aws_secret_access_key': credentials.secret_key}
    assert not make_check(**keys, aws_session_token=credentials.token).run()
    assert accounts(aggregator) == {'aws_account:222222222222'} and connection_status(aggregator)[0] == 0
    aggregator.reset()
    assert make_check(**keys).run()
    level, message = connection_status(aggregator)
    assert level == 2 and 'credentials' in message and not aggregator.metrics('amazon_ses.quota.max_24_hour')


def test_profile_of_the_shared_file(
    sim: Simulator, make_check: MakeCheck, aggregator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`aws_profile` takes the keys of that profile and not those of [default], nor those of the environment."""
    sim.accounts.add('AKIAOFMAIL', '666666666666')
    Path(os.environ['AWS_SHARED_CREDENTIALS_FILE']).write_text(
        '[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key = one-secret\n'
        '[mail]\naws_access_key_id = AKIAOFMAIL\naws_secret_access_key = other-secret\n'
    )
    monkeypatch.setenv('AWS_ACCESS_KEY_ID', 'AKIAENVIRONMENT')
    monkeypatch.setenv('AWS_SECRET_ACCESS_KEY', 'a-third-secret')
    assert not make_check(aws_profile='mail').run()
    assert {request.access_key for request in sim.log} == {'AKIAOFMAIL'}
    assert accounts(aggregator) == {'aws_account:666666666666'}


@pytest.mark.parametrize('kind', ['credential_process', 'role', 'profile'])
def test_an_edited_shared_file_is_noticed(
    sim: Simulator, make_check: MakeCheck, aggregator: Any, clock: Clock, tmp_path: Path, kind: str
) -> None:
    """An edited credential_process, role or profile of the AWS files signs from the next run on, without a restart and
    with the account that it belongs to, although AWS would still take the old one."""
    for number in (6, 7):
        sim.accounts.add(f'AKIAPROCESS{number}', f'{number}' * 12)
    config, credentials = (Path(os.environ[name]) for name in ('AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE'))

    def write(number: int) -> None:
        keys = {'Version': 1, 'AccessKeyId': f'AKIAPROCESS{number}', 'SecretAccessKey': 'a-secret'}
        (tmp_path / f'keys{number}').write_text(json.dumps(keys))
        profile = f'[mail]\naws_access_key_id = AKIAPROCESS{number}\naws_secret_access_key = a-secret\n'
        if kind == 'credential_process':
            config.write_text(f'[profile mail]\ncredential_process = cat {tmp_path}/keys{number}\n')
        elif kind == 'role':
            credentials.write_text(profile.replace('[mail]', '[base]'))
            role = HUB.replace('2' * 12, f'{number}' * 12)
            config.write_text(f'[profile mail]\nrole_arn = {role}\nsource_profile = base\n')
        else:
            credentials.write_text(profile)

    write(6)
    check = make_check(aws_profile='mail')
    assert not check.run()
    identities = sim.log.count(operation='GetCallerIdentity')
    clock.advance(60)
    assert not check.run()
    assert accounts(aggregator) == {f'aws_account:{"6" * 12}'}
    assert sim.log.count(operation='GetCallerIdentity') == identities
    aggregator.reset()
    write(7)
    os.utime(config if config.exists() else credentials, ns=(1, 1))
    clock.advance(60)
    assert not check.run()
    assert accounts(aggregator) == {f'aws_account:{"7" * 12}'} and connection_status(aggregator)[0] == 0


def test_profile_that_assumes_a_role(sim: Simulator, make_check: MakeCheck, aggregator: Any) -> None:
    """A profile of the config file with role_arn and source_profile assumes that role, at our `endpoint_url`."""
    Path(os.environ['AWS_SHARED_CREDENTIALS_FILE']).write_text(
        '[base]\naws_access_key_id = AKIABASE\naws_secret_access_key = a-secret\n'
    )
    Path(os.environ['AWS_CONFIG_FILE']).write_text(f'[profile mail]\nrole_arn = {HUB}\nsource_profile = base\n')
    assert not make_check(aws_profile='mail').run()
    assert signers(sim, 'AssumeRole') == ['AKIABASE']
    assert accounts(aggregator) == {'aws_account:222222222222'} and connection_status(aggregator)[0] == 0


def test_a_missing_profile_is_named(make_check: MakeCheck, aggregator: Any) -> None:
    """A profile that no file has is a credentials failure that names `aws_profile`."""
    assert make_check(aws_profile='nowhere').run()
    level, message = connection_status(aggregator)
    assert level == 2 and 'credentials' in message and 'aws_profile' in message


def test_keys_of_the_environment_are_used(
    sim: Simulator, make_check: MakeCheck, aggregator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without options the keys of the environment are used, token included."""
    credentials = session(sim)
    monkeypatch.setenv('AWS_ACCESS_KEY_ID', credentials.access_key)
    monkeypatch.setenv('AWS_SECRET_ACCESS_KEY', credentials.secret_key)
    monkeypatch.setenv('AWS_SESSION_TOKEN', credentials.token)
    assert not make_check().run()
    assert signers(sim) == [credentials.access_key] and accounts(aggregator) == {'aws_account:222222222222'}


def test_options_come_before_the_environment(
    sim: Simulator, make_check: MakeCheck, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Keys in the options win over everything that the machine offers, and take no token from the environment."""
    monkeypatch.setenv('AWS_ACCESS_KEY_ID', 'AKIAENVIRONMENT')
    monkeypatch.setenv('AWS_SECRET_ACCESS_KEY', 'another-secret')
    monkeypatch.setenv('AWS_SESSION_TOKEN', 'another-token')
    assert not make_check(**KEYS).run()
    assert {request.access_key for request in sim.log} == {KEY}


def test_web_identity_signs_in_once_for_all_runs(
    sim: Simulator, make_check: MakeCheck, aggregator: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A pod's web identity becomes its role's credentials, through the STS of `endpoint_url`, once for all runs."""
    (tmp_path / 'token').write_text(TOKEN)
    monkeypatch.setenv('AWS_WEB_IDENTITY_TOKEN_FILE', str(tmp_path / 'token'))
    monkeypatch.setenv('AWS_ROLE_ARN', POD)
    check = make_check()
    for _ in range(3):
        assert not check.run()
        check.clock.advance(300)
    (request,) = sim.log.where(operation='AssumeRoleWithWebIdentity')
    assert request.access_key is None and request.params['WebIdentityToken'] == TOKEN
    assert accounts(aggregator) == {'aws_account:444444444444'} and connection_status(aggregator)[0] == 0


def test_web_identity_is_renewed(
    sim: Simulator, make_check: MakeCheck, aggregator: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """When a pod's session was revoked, the next run signs in anew with the token that the file holds by then."""
    (tmp_path / 'token').write_text(TOKEN)
    monkeypatch.setenv('AWS_WEB_IDENTITY_TOKEN_FILE', str(tmp_path / 'token'))
    monkeypatch.setenv('AWS_ROLE_ARN', POD)
    check = make_check()
    check.run()
    (tmp_path / 'token').write_text('the-next-token')
    sim.expire_tokens()
    check.clock.advance(60)
    check.run()
    assert connection_status(aggregator)[0] == 1
    check.clock.advance(60)
    assert not check.run()
    assert connection_status(aggregator) == (0, '')
    tokens = [request.params['WebIdentityToken'] for request in sim.log.where(operation='AssumeRoleWithWebIdentity')]
    assert tokens == [TOKEN, 'the-next-token']


def test_container_credentials_are_read_once(
    sim: Simulator, make_check: MakeCheck, aggregator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The credentials of a container come from its endpoint, once for all runs; revoked credentials are read again."""
    with Metadata(('Authorization', TOKEN)) as metadata:
        metadata.answers['GET', '/credentials'] = lambda: json.dumps(metadata_answer(session(sim)))
        monkeypatch.setenv('AWS_CONTAINER_CREDENTIALS_FULL_URI', f'{metadata.url}/credentials')
        monkeypatch.setenv('AWS_CONTAINER_AUTHORIZATION_TOKEN', TOKEN)
        check = make_check()
        for _ in range(3):
            assert not check.run()
            check.clock.advance(60)
        assert metadata.requests == ['/credentials'] and accounts(aggregator) == {'aws_account:222222222222'}
        sim.expire_tokens()
        check.run()
        assert connection_status(aggregator)[0] == 1
        check.clock.advance(60)
        assert not check.run()
        assert connection_status(aggregator) == (0, '') and metadata.requests == ['/credentials'] * 2


def test_credentials_of_the_machine_are_read_once(
    sim: Simulator, make_check: MakeCheck, aggregator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a machine of AWS the role of the machine is used, with IMDSv2; revoked credentials are read again."""
    roles = '/latest/meta-data/iam/security-credentials/'
    with Metadata(('x-aws-ec2-metadata-token', TOKEN)) as metadata:
        metadata.answers['PUT', '/latest/api/token'] = lambda: TOKEN
        metadata.answers['GET', roles] = lambda: 'mailer'
        metadata.answers['GET', f'{roles}mailer'] = lambda: json.dumps(metadata_answer(session(sim)))
        monkeypatch.delenv('AWS_EC2_METADATA_DISABLED')
        monkeypatch.setenv('AWS_EC2_METADATA_SERVICE_ENDPOINT', f'{metadata.url}/')
        check = make_check()
        for _ in range(3):
            assert not check.run()
            check.clock.advance(60)
        assert metadata.requests.count(f'{roles}mailer') == 1 and accounts(aggregator) == {'aws_account:222222222222'}
        sim.expire_tokens()
        check.run()
        check.clock.advance(60)
        assert not check.run()
        assert connection_status(aggregator) == (0, '') and metadata.requests.count(f'{roles}mailer') == 2


def test_missing_credentials_are_reported_before_any_request(
    sim: Simulator, make_check: MakeCheck, aggregator: Any
) -> None:
    """Without any credentials nothing is sent or submitted, and the message names the options that help."""
    error = make_check().run()
    level, message = connection_status(aggregator)
    assert level == 2 and len(sim.log) == 0 and not aggregator.metrics('amazon_ses.quota.max_24_hour')
    for text in (message, error):
        assert 'credentials' in text and all(option in text for option in OPTIONS) and 'default chain' in text


def test_credentials_that_appear_later(
    sim: Simulator, make_check: MakeCheck, aggregator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Credentials that are put in place while the Agent runs are found by the next run, without a restart."""
    check = make_check()
    assert check.run()
    Path(os.environ['AWS_SHARED_CREDENTIALS_FILE']).write_text(
        '[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key = one-secret\n'
    )
    assert not check.run()
    assert signers(sim) == ['AKIADEFAULT'] and connection_status(aggregator) == (0, '')


# Roles.


def test_role_arn_reads_with_the_session_of_the_role(sim: Simulator, make_check: MakeCheck, aggregator: Any) -> None:
    """`role_arn` reads with the role's session, and the account is that of the role without asking AWS."""
    assert not make_check(**KEYS, role_arn=HUB).run()
    assert signers(sim, 'AssumeRole') == [KEY]
    keys = {request.access_key for request in sim.log if request.operation != 'AssumeRole'}
    assert len(keys) == 1 and keys.pop().startswith('ASIA')
    assert accounts(aggregator) == {'aws_account:222222222222'} and sim.log.count(operation='GetCallerIdentity') == 0


def test_roles_are_assumed_in_order(sim: Simulator, make_check: MakeCheck, aggregator: Any) -> None:
    """A list of roles is assumed one from the other, each with the external id, and the last one's account is shown."""
    sim.accounts.declare_role(HUB, external_id=EXTERNAL_ID, trusted=[ACCOUNT])
    sim.accounts.declare_role(LEAF, external_id=EXTERNAL_ID, trusted=[HUB])
    check = make_check(**KEYS, role_arn=[HUB, LEAF], external_id=EXTERNAL_ID)
    assert not check.run()
    hops = sim.log.where(operation='AssumeRole')
    assert [hop.params['RoleArn'] for hop in hops] == [HUB, LEAF]
    assert [hop.params['ExternalId'] for hop in hops] == [EXTERNAL_ID] * 2
    assert hops[0].access_key == KEY and hops[1].account == '222222222222'
    assert accounts(aggregator) == {'aws_account:333333333333'} and sim.log.count(operation='GetCallerIdentity') == 0
    assert {request.account for request in sim.log.where(operation='GetAccount')} == {'333333333333'}


@pytest.mark.parametrize('refusing', [HUB, LEAF])
@pytest.mark.parametrize('external_id', [None, 'a-wrong-external-id'])
def test_a_wrong_external_id_names_the_options(
    sim: Simulator,
    make_check: MakeCheck,
    aggregator: Any,
    caplog: pytest.LogCaptureFixture,
    refusing: str,
    external_id: str | None,
) -> None:
    """A role that does not let us in is critical: the message names role_arn and external_id, but not id and user."""
    sim.accounts.declare_role(refusing, external_id=EXTERNAL_ID)
    check = make_check(**KEYS, role_arn=[HUB, LEAF], external_id=external_id)
    error = check.run()
    level, message = connection_status(aggregator)
    assert level == 2 and 'AssumeRole: denied' in message and 'role_arn' in message and 'external_id' in message
    assert error and all(str(external_id) not in text for text in (message, error, *check.get_warnings()))
    assert 'is not authorized' not in caplog.text + error and f'{ACCOUNT}:user' not in caplog.text + error
    assert sim.log.count(operation='GetAccount') == 0


def test_role_that_is_opened_later(sim: Simulator, make_check: MakeCheck, aggregator: Any) -> None:
    """A role that is opened to us while the Agent runs is read three minutes later at the latest: until then nobody
    asks STS again."""
    denial = sim.deny('sts:AssumeRole')
    check = make_check(**KEYS, role_arn=HUB)
    check.run()
    assert connection_status(aggregator)[0] == 2
    sim.allow(denial)
    for _ in range(2):
        check.clock.advance(60)
        assert check.run() and sim.log.count(operation='AssumeRole') == 1
    check.clock.advance(60)
    assert not check.run()
    assert accounts(aggregator) == {'aws_account:222222222222'}


@pytest.mark.parametrize(('option', 'shown_name'), [(None, 'datadog-amazon-ses'), ('mail+team@host', 'mail+team@host')])
def test_sessions_carry_the_configured_name(
    sim: Simulator, make_check: MakeCheck, option: str | None, shown_name: str
) -> None:
    """CloudTrail shows each session by `role_session_name`, and by our own name where none is credentials."""
    assert not make_check(**KEYS, role_arn=[HUB, LEAF], role_session_name=option).run()
    assert [hop.params['RoleSessionName'] for hop in sim.log.where(operation='AssumeRole')] == [shown_name] * 2


def test_role_is_assumed_once(sim: Simulator, make_check: MakeCheck, clock: Clock) -> None:
    """A role is assumed once for many runs and Regions, not once in each."""
    check = make_check(**KEYS, regions=[REGION, OTHER], role_arn=[HUB, LEAF])
    for _ in range(8):
        assert not check.run()
        clock.advance(300)
    assert sim.log.count(operation='GetAccount') == 16 and sim.log.count(operation='AssumeRole') == 2


@pytest.mark.parametrize('home', [REGION, OTHER])
def test_roles_are_assumed_in_the_home_region(sim: Simulator, home: str) -> None:
    """Roles are assumed in the one Region that signs in, whichever Region is asked first."""
    configured = settings.from_options({**instance_of(sim), 'role_arn': [HUB, LEAF]}, {}, None, {}, isfile)
    access = Access(configured.sign_in, configured.network, [home])
    for region in (OTHER, REGION):
        assert not isinstance(access.fetch(account.ACCOUNT, region), Failure)
    assert [hop.region for hop in sim.log.where(operation='AssumeRole')] == [home] * 2
    assert [request.region for request in sim.log.where(operation='GetAccount')] == [OTHER, REGION]


def test_first_region_is_home(sim: Simulator, make_check: MakeCheck) -> None:
    """The first Region of the options is the one that signs in."""
    for regions in ([REGION, OTHER], [OTHER, REGION]):
        sim.log.clear()
        check = make_check(**KEYS, regions=regions, role_arn=HUB)
        assert not check.run()
        check.cancel()
        assert [hop.region for hop in sim.log.where(operation='AssumeRole')] == regions[:1]


def test_role_is_renewed_before_it_expires(
    sim: Simulator, make_check: MakeCheck, aggregator: Any, clock: Clock
) -> None:
    """A session that is about to end is renewed before it does: no request fails, and the next runs use the new one."""

    def ends_soon(answer: dict[str, Any]) -> None:
        answer['Credentials']['Expiration'] = time.time() + 300

    sim.faults.add(Fault('mutate', operation='AssumeRole', times=1, argument=ends_soon))
    check = make_check(**KEYS, role_arn=HUB)
    for _ in range(5):
        assert not check.run()
        clock.advance(60)
    first, *later = signers(sim)
    assert sim.log.count(operation='AssumeRole') == 2 and later and set(later) != {first} and len(set(later)) == 1
    assert not [request for request in sim.log if request.error]


@pytest.mark.parametrize('roles', [[HUB], [HUB, LEAF]], ids=['role', 'chain'])
def test_a_revoked_session_is_replaced(
    sim: Simulator, make_check: MakeCheck, aggregator: Any, clock: Clock, roles: list[str]
) -> None:
    """Sessions that AWS ended early are dropped and opened again: the next run of the same check recovers."""
    check = make_check(**KEYS, role_arn=roles)
    check.run()
    assert sim.expire_tokens() == len(roles)
    clock.advance(60)
    check.run()
    level, message = connection_status(aggregator)
    # Whichever request is the first meets the end of the session.
    assert level == 1 and ': credentials: AWS answered' in message
    clock.advance(60)
    assert not check.run()
    assert connection_status(aggregator) == (0, '') and sim.log.count(operation='AssumeRole') == 2 * len(roles)


def test_a_chain_recovers_when_both_sessions_end(
    sim: Simulator, make_check: MakeCheck, aggregator: Any, clock: Clock
) -> None:
    """When both the hub's and the leaf's session are gone, neither is reused by the next run."""
    check = make_check(**KEYS, role_arn=[HUB, LEAF])
    check.run()
    sim.expire_tokens(role_arn=LEAF)
    clock.advance(60)
    check.run()
    clock.advance(60)
    check.run()
    assert connection_status(aggregator) == (0, '')
    signed = {request.access_key for request in sim.log.where(operation='GetAccount', status=200)}
    assert len(signed) == 2 and all(key and key.startswith('ASIA') for key in signed)


# Clients, requests and logs.


def living(kind: type) -> list[Any]:
    return [instance for instance in gc.get_objects() if issubclass(type(instance), kind)]


def test_clients_live_as_long_as_the_check(make_check: MakeCheck, clock: Clock) -> None:
    """A check has one client per Region and service and one that assumes the role, the same in every run."""
    before = {id(instance): instance for kind in (BaseClient, botocore.session.Session) for instance in living(kind)}
    check = make_check(**KEYS, regions=[REGION, OTHER], role_arn=HUB)

    def new_instances(kind: type) -> dict[int, Any]:
        gc.collect()
        return {id(instance): instance for instance in living(kind) if id(instance) not in before}

    check.run()
    clients, sessions = new_instances(BaseClient), new_instances(botocore.session.Session)
    assert Counter(
        (client.meta.service_model.service_name, client.meta.region_name) for client in clients.values()
    ) == {
        **{(service, region): 1 for service in ('cloudwatch', 'ses', 'sesv2') for region in (REGION, OTHER)},
        ('sts', REGION): 1,
    }
    # One session signs with the keys, the other with the credentials of the role.
    assert len(sessions) == 2
    for _ in range(5):
        clock.advance(900)
        assert not check.run()
    assert (
        new_instances(BaseClient).keys() == clients.keys()
        and new_instances(botocore.session.Session).keys() == sessions.keys()
    )


def test_account_id_saves_a_call(sim: Simulator, make_check: MakeCheck, aggregator: Any, clock: Clock) -> None:
    """The account is requested once in the life of a check, and never where `account_id` names it."""
    check = make_check(**KEYS)
    for _ in range(3):
        check.run()
        clock.advance(60)
    assert sim.log.count(operation='GetCallerIdentity') == 1
    check.cancel()
    sim.log.clear()
    aggregator.reset()
    assert not make_check(**KEYS, account_id='777777777777').run()
    assert sim.log.count(operation='GetCallerIdentity') == 0 and accounts(aggregator) == {'aws_account:777777777777'}


def test_govcloud_needs_no_further_option(sim: Simulator, make_check: MakeCheck, aggregator: Any) -> None:
    """A Region of GovCloud and a role of its partition need no further option."""
    role = 'arn:aws-us-gov:iam::888888888888:role/hub'
    assert not make_check(**KEYS, region='us-gov-west-1', role_arn=role).run()
    assert {request.region for request in sim.log} == {'us-gov-west-1'}
    assert [hop.params['RoleArn'] for hop in sim.log.where(operation='AssumeRole')] == [role]
    assert accounts(aggregator) == {'aws_account:888888888888'} and connection_status(aggregator) == (0, '')


def test_no_secret_is_logged(
    sim: Simulator, make_check: MakeCheck, caplog: pytest.LogCaptureFixture, aggregator: Any, clock: Clock
) -> None:
    """Neither the Agent's log at level debug nor any message has a key, a token or an external id in it."""
    caplog.set_level(logging.DEBUG)
    check = make_check(**KEYS, role_arn=[HUB, LEAF], external_id=EXTERNAL_ID)
    errors = [check.run()]
    sim.expire_tokens()
    for _ in range(2):
        clock.advance(60)
        errors.append(check.run())
    secrets = [SECRET, EXTERNAL_ID]
    for request in sim.log:
        if request.access_key and request.access_key.startswith('ASIA'):
            mark = request.access_key.removeprefix('ASIA')
            secrets += [f'secret{mark}', f'token-{mark}']
    assert len(set(secrets)) > 6
    messages = [sample.message for sample in aggregator.service_checks('amazon_ses.can_connect')]
    everything = '\n'.join([caplog.text, *errors, *messages, *check.get_warnings()])
    assert 'ExpiredToken' in everything
    assert [secret for secret in dict.fromkeys(secrets) if secret in everything] == []
