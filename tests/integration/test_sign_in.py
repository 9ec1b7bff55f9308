"""Every way to sign in to AWS, over real HTTP: the check, botocore, and a pretend AWS that tells who signed what."""

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
from common import ACCOUNT, KEY, OTHER, REGION, SECRET, connected, instance_of

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

Check = Callable[..., AmazonSesCheck]

pytestmark = pytest.mark.usefixtures('bare_machine')


@pytest.fixture
def check(sim: Simulator, clock: Clock, aggregator: Any, datadog_agent: Any, no_waiting: None) -> Iterator[Check]:
    """Makes instances of the check that reach the simulator; their account is not known before somebody signs in."""
    made: list[AmazonSesCheck] = []

    def make(**options: Any) -> AmazonSesCheck:
        nobody = {'aws_access_key_id': None, 'aws_secret_access_key': None}
        one = AmazonSesCheck('amazon_ses', {}, [instance_of(sim, **{**nobody, **options})])
        one.clock = clock
        made.append(one)
        return one

    yield make
    for one in made:
        one.cancel()


def accounts(aggregator: Any) -> set[str]:
    """The accounts that the quota was submitted for."""
    samples = aggregator.metrics('amazon_ses.quota.max_24_hour')
    return {tag for sample in samples for tag in sample.tags if tag.startswith('aws_account:')}


def signers(sim: Simulator, operation: str = 'GetAccount') -> list[str | None]:
    return [request.access_key for request in sim.log.where(operation=operation)]


def session(sim: Simulator, role: str = HUB) -> Any:
    """Temporary credentials that AWS has handed out."""
    return sim.accounts.open_session(sim.accounts.role(role), 'elsewhere', time.time() + 3600)


def as_answered(credentials: Any) -> dict[str, str]:
    """Credentials as the metadata services of AWS answer them."""
    return {
        'Code': 'Success',
        'Type': 'AWS-HMAC',
        'AccessKeyId': credentials.access_key,
        'SecretAccessKey': credentials.secret_key,
        'Token': credentials.token,
        'Expiration': f'{datetime.fromtimestamp(credentials.expires, timezone.utc):%Y-%m-%dT%H:%M:%SZ}',
    }


class Metadata:
    """A metadata service on loopback: answers by method and path, to those who send a header. `asked` are the paths."""

    def __init__(self, header: tuple[str, str]) -> None:
        self.answers: dict[tuple[str, str], Callable[[], str]] = {}
        self.asked: list[str] = []
        service = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                path = urlsplit(self.path).path
                service.asked.append(path)
                known = service.answers.get((self.command, path))
                allowed = self.command == 'PUT' or self.headers.get(header[0]) == header[1]
                body = known().encode() if known and allowed else b''
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


def test_keys_sign_every_request(sim: Simulator, check: Check, aggregator: Any) -> None:
    """Keys in the options sign each request, and the account is that of the keys."""
    sim.accounts.add(KEY, '555555555555')
    assert not check(**KEYS).run()
    assert {request.access_key for request in sim.log} == {KEY}
    assert accounts(aggregator) == {'aws_account:555555555555'} and connected(aggregator)[0] == 0


def test_temporary_keys_need_their_token(sim: Simulator, check: Check, aggregator: Any) -> None:
    """Temporary keys work with `aws_session_token`; without it AWS refuses them, and the message says credentials."""
    given = session(sim)
    keys = {'aws_access_key_id': given.access_key, 'aws_secret_access_key': given.secret_key}
    assert not check(**keys, aws_session_token=given.token).run()
    assert accounts(aggregator) == {'aws_account:222222222222'} and connected(aggregator)[0] == 0
    aggregator.reset()
    assert check(**keys).run()
    level, message = connected(aggregator)
    assert level == 2 and 'credentials' in message and not aggregator.metrics('amazon_ses.quota.max_24_hour')


def test_profile_of_the_shared_file(
    sim: Simulator, check: Check, aggregator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`aws_profile` takes the keys of that profile and not those of [default], nor those of the environment."""
    sim.accounts.add('AKIAOFMAIL', '666666666666')
    Path(os.environ['AWS_SHARED_CREDENTIALS_FILE']).write_text(
        '[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key = one-secret\n'
        '[mail]\naws_access_key_id = AKIAOFMAIL\naws_secret_access_key = other-secret\n'
    )
    monkeypatch.setenv('AWS_ACCESS_KEY_ID', 'AKIAENVIRONMENT')
    monkeypatch.setenv('AWS_SECRET_ACCESS_KEY', 'a-third-secret')
    assert not check(aws_profile='mail').run()
    assert {request.access_key for request in sim.log} == {'AKIAOFMAIL'}
    assert accounts(aggregator) == {'aws_account:666666666666'}


def test_profile_that_assumes_a_role(sim: Simulator, check: Check, aggregator: Any) -> None:
    """A profile of the config file with role_arn and source_profile assumes that role, at our `endpoint_url`."""
    Path(os.environ['AWS_SHARED_CREDENTIALS_FILE']).write_text(
        '[base]\naws_access_key_id = AKIABASE\naws_secret_access_key = a-secret\n'
    )
    Path(os.environ['AWS_CONFIG_FILE']).write_text(f'[profile mail]\nrole_arn = {HUB}\nsource_profile = base\n')
    assert not check(aws_profile='mail').run()
    assert signers(sim, 'AssumeRole') == ['AKIABASE']
    assert accounts(aggregator) == {'aws_account:222222222222'} and connected(aggregator)[0] == 0


def test_profile_that_is_not_there(check: Check, aggregator: Any) -> None:
    """A profile that no file has is a credentials failure that names `aws_profile`."""
    assert check(aws_profile='nowhere').run()
    level, message = connected(aggregator)
    assert level == 2 and 'credentials' in message and 'aws_profile' in message


def test_environment(sim: Simulator, check: Check, aggregator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without options the keys of the environment are used, token included."""
    given = session(sim)
    monkeypatch.setenv('AWS_ACCESS_KEY_ID', given.access_key)
    monkeypatch.setenv('AWS_SECRET_ACCESS_KEY', given.secret_key)
    monkeypatch.setenv('AWS_SESSION_TOKEN', given.token)
    assert not check().run()
    assert signers(sim) == [given.access_key] and accounts(aggregator) == {'aws_account:222222222222'}


def test_options_come_before_the_environment(sim: Simulator, check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys in the options win over everything that the machine offers, and take no token from the environment."""
    monkeypatch.setenv('AWS_ACCESS_KEY_ID', 'AKIAENVIRONMENT')
    monkeypatch.setenv('AWS_SECRET_ACCESS_KEY', 'another-secret')
    monkeypatch.setenv('AWS_SESSION_TOKEN', 'another-token')
    assert not check(**KEYS).run()
    assert {request.access_key for request in sim.log} == {KEY}


def test_web_identity(
    sim: Simulator, check: Check, aggregator: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A pod's web identity becomes its role's credentials, through the STS of `endpoint_url`, once for all runs."""
    (tmp_path / 'token').write_text(TOKEN)
    monkeypatch.setenv('AWS_WEB_IDENTITY_TOKEN_FILE', str(tmp_path / 'token'))
    monkeypatch.setenv('AWS_ROLE_ARN', POD)
    one = check()
    for _ in range(3):
        assert not one.run()
        one.clock.advance(300)
    (asked,) = sim.log.where(operation='AssumeRoleWithWebIdentity')
    assert asked.access_key is None and asked.params['WebIdentityToken'] == TOKEN
    assert accounts(aggregator) == {'aws_account:444444444444'} and connected(aggregator)[0] == 0


def test_web_identity_is_renewed(
    sim: Simulator, check: Check, aggregator: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """When a pod's session was revoked, the next run signs in anew with the token that the file holds by then."""
    (tmp_path / 'token').write_text(TOKEN)
    monkeypatch.setenv('AWS_WEB_IDENTITY_TOKEN_FILE', str(tmp_path / 'token'))
    monkeypatch.setenv('AWS_ROLE_ARN', POD)
    one = check()
    one.run()
    (tmp_path / 'token').write_text('the-next-token')
    sim.expire_tokens()
    one.clock.advance(60)
    one.run()
    assert connected(aggregator)[0] == 1
    one.clock.advance(60)
    assert not one.run()
    assert connected(aggregator) == (0, '')
    tokens = [request.params['WebIdentityToken'] for request in sim.log.where(operation='AssumeRoleWithWebIdentity')]
    assert tokens == [TOKEN, 'the-next-token']


def test_container(sim: Simulator, check: Check, aggregator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The credentials of a container come from its endpoint, once for all runs; revoked ones are asked for again."""
    with Metadata(('Authorization', TOKEN)) as metadata:
        metadata.answers['GET', '/credentials'] = lambda: json.dumps(as_answered(session(sim)))
        monkeypatch.setenv('AWS_CONTAINER_CREDENTIALS_FULL_URI', f'{metadata.url}/credentials')
        monkeypatch.setenv('AWS_CONTAINER_AUTHORIZATION_TOKEN', TOKEN)
        one = check()
        for _ in range(3):
            assert not one.run()
            one.clock.advance(60)
        assert metadata.asked == ['/credentials'] and accounts(aggregator) == {'aws_account:222222222222'}
        sim.expire_tokens()
        one.run()
        assert connected(aggregator)[0] == 1
        one.clock.advance(60)
        assert not one.run()
        assert connected(aggregator) == (0, '') and metadata.asked == ['/credentials'] * 2


def test_instance_metadata(sim: Simulator, check: Check, aggregator: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine of AWS the role of the machine is used, with IMDSv2; revoked credentials are asked for again."""
    roles = '/latest/meta-data/iam/security-credentials/'
    with Metadata(('x-aws-ec2-metadata-token', TOKEN)) as metadata:
        metadata.answers['PUT', '/latest/api/token'] = lambda: TOKEN
        metadata.answers['GET', roles] = lambda: 'mailer'
        metadata.answers['GET', f'{roles}mailer'] = lambda: json.dumps(as_answered(session(sim)))
        monkeypatch.delenv('AWS_EC2_METADATA_DISABLED')
        monkeypatch.setenv('AWS_EC2_METADATA_SERVICE_ENDPOINT', f'{metadata.url}/')
        one = check()
        for _ in range(3):
            assert not one.run()
            one.clock.advance(60)
        assert metadata.asked.count(f'{roles}mailer') == 1 and accounts(aggregator) == {'aws_account:222222222222'}
        sim.expire_tokens()
        one.run()
        one.clock.advance(60)
        assert not one.run()
        assert connected(aggregator) == (0, '') and metadata.asked.count(f'{roles}mailer') == 2


def test_no_credentials(sim: Simulator, check: Check, aggregator: Any) -> None:
    """Without any credentials nothing is sent or submitted, and the message names the options that help."""
    error = check().run()
    level, message = connected(aggregator)
    assert level == 2 and len(sim.log) == 0 and not aggregator.metrics('amazon_ses.quota.max_24_hour')
    for text in (message, error):
        assert 'credentials' in text and all(option in text for option in OPTIONS) and 'default chain' in text


def test_credentials_that_appear_later(
    sim: Simulator, check: Check, aggregator: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Credentials that are put in place while the Agent runs are found by the next run, without a restart."""
    one = check()
    assert one.run()
    Path(os.environ['AWS_SHARED_CREDENTIALS_FILE']).write_text(
        '[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key = one-secret\n'
    )
    assert not one.run()
    assert signers(sim) == ['AKIADEFAULT'] and connected(aggregator) == (0, '')


# Roles.


def test_role(sim: Simulator, check: Check, aggregator: Any) -> None:
    """`role_arn` reads with the role's session, and the account is that of the role without asking AWS."""
    assert not check(**KEYS, role_arn=HUB).run()
    assert signers(sim, 'AssumeRole') == [KEY]
    keys = {request.access_key for request in sim.log if request.operation != 'AssumeRole'}
    assert len(keys) == 1 and keys.pop().startswith('ASIA')
    assert accounts(aggregator) == {'aws_account:222222222222'} and sim.log.count(operation='GetCallerIdentity') == 0


def test_role_chain(sim: Simulator, check: Check, aggregator: Any) -> None:
    """A list of roles is assumed one from the other, each with the external id, and the last one's account is shown."""
    sim.accounts.declare_role(HUB, external_id=EXTERNAL_ID, trusted=[ACCOUNT])
    sim.accounts.declare_role(LEAF, external_id=EXTERNAL_ID, trusted=[HUB])
    one = check(**KEYS, role_arn=[HUB, LEAF], external_id=EXTERNAL_ID)
    assert not one.run()
    hops = sim.log.where(operation='AssumeRole')
    assert [hop.params['RoleArn'] for hop in hops] == [HUB, LEAF]
    assert [hop.params['ExternalId'] for hop in hops] == [EXTERNAL_ID] * 2
    assert hops[0].access_key == KEY and hops[1].account == '222222222222'
    assert accounts(aggregator) == {'aws_account:333333333333'} and sim.log.count(operation='GetCallerIdentity') == 0
    assert {request.account for request in sim.log.where(operation='GetAccount')} == {'333333333333'}


@pytest.mark.parametrize('refusing', [HUB, LEAF])
@pytest.mark.parametrize('external_id', [None, 'a-wrong-external-id'])
def test_wrong_external_id(
    sim: Simulator,
    check: Check,
    aggregator: Any,
    caplog: pytest.LogCaptureFixture,
    refusing: str,
    external_id: str | None,
) -> None:
    """A role that does not let us in is critical: the message names role_arn and external_id, but not id and user."""
    sim.accounts.declare_role(refusing, external_id=EXTERNAL_ID)
    one = check(**KEYS, role_arn=[HUB, LEAF], external_id=external_id)
    error = one.run()
    level, message = connected(aggregator)
    assert level == 2 and 'AssumeRole: denied' in message and 'role_arn' in message and 'external_id' in message
    assert error and all(str(external_id) not in text for text in (message, error, *one.get_warnings()))
    assert 'is not authorized' not in caplog.text + error and f'{ACCOUNT}:user' not in caplog.text + error
    assert sim.log.count(operation='GetAccount') == 0


def test_role_that_is_opened_later(sim: Simulator, check: Check, aggregator: Any) -> None:
    """A role that is opened to us while the Agent runs is read by the next run."""
    denial = sim.deny('sts:AssumeRole')
    one = check(**KEYS, role_arn=HUB)
    one.run()
    assert connected(aggregator)[0] == 2
    sim.allow(denial)
    one.clock.advance(60)
    assert not one.run()
    assert accounts(aggregator) == {'aws_account:222222222222'}


@pytest.mark.parametrize(('given', 'seen'), [(None, 'datadog-amazon-ses'), ('mail+team@host', 'mail+team@host')])
def test_session_name(sim: Simulator, check: Check, given: str | None, seen: str) -> None:
    """CloudTrail shows each session by `role_session_name`, and by our own name where none is given."""
    assert not check(**KEYS, role_arn=[HUB, LEAF], role_session_name=given).run()
    assert [hop.params['RoleSessionName'] for hop in sim.log.where(operation='AssumeRole')] == [seen] * 2


def test_role_is_assumed_once(sim: Simulator, check: Check, clock: Clock) -> None:
    """A role is assumed once for many runs and Regions, not once in each."""
    one = check(**KEYS, regions=[REGION, OTHER], role_arn=[HUB, LEAF])
    for _ in range(8):
        assert not one.run()
        clock.advance(300)
    assert sim.log.count(operation='GetAccount') == 16 and sim.log.count(operation='AssumeRole') == 2


@pytest.mark.parametrize('home', [REGION, OTHER])
def test_home_signs_in(sim: Simulator, home: str) -> None:
    """Roles are assumed in the one Region that signs in, whichever Region is asked first."""
    read = settings.from_options({**instance_of(sim), 'role_arn': [HUB, LEAF]}, {}, None, {}, isfile)
    access = Access(read.sign_in, read.network, home)
    for region in (OTHER, REGION):
        assert not isinstance(access.fetch(account.ACCOUNT, region), Failure)
    assert [hop.region for hop in sim.log.where(operation='AssumeRole')] == [home] * 2
    assert [request.region for request in sim.log.where(operation='GetAccount')] == [OTHER, REGION]


def test_first_region_is_home(sim: Simulator, check: Check) -> None:
    """The first Region of the options is the one that signs in."""
    for regions in ([REGION, OTHER], [OTHER, REGION]):
        sim.log.clear()
        one = check(**KEYS, regions=regions, role_arn=HUB)
        assert not one.run()
        one.cancel()
        assert [hop.region for hop in sim.log.where(operation='AssumeRole')] == regions[:1]


def test_role_is_renewed_before_it_expires(sim: Simulator, check: Check, aggregator: Any, clock: Clock) -> None:
    """A session that is about to end is renewed before it does: no request fails, and the next runs use the new one."""

    def ends_soon(answer: dict[str, Any]) -> None:
        answer['Credentials']['Expiration'] = time.time() + 300

    sim.faults.add(Fault('mutate', operation='AssumeRole', times=1, argument=ends_soon))
    one = check(**KEYS, role_arn=HUB)
    for _ in range(5):
        assert not one.run()
        clock.advance(60)
    first, *later = signers(sim)
    assert sim.log.count(operation='AssumeRole') == 2 and later and set(later) != {first} and len(set(later)) == 1
    assert not [request for request in sim.log if request.error]


@pytest.mark.parametrize('roles', [[HUB], [HUB, LEAF]], ids=['role', 'chain'])
def test_revoked_session(sim: Simulator, check: Check, aggregator: Any, clock: Clock, roles: list[str]) -> None:
    """Sessions that AWS has ended early are dropped and asked for again: the next run recovers, with the same check."""
    one = check(**KEYS, role_arn=roles)
    one.run()
    assert sim.expire_tokens() == len(roles)
    clock.advance(60)
    one.run()
    level, message = connected(aggregator)
    assert level == 1 and 'GetAccount: credentials' in message
    clock.advance(60)
    assert not one.run()
    assert connected(aggregator) == (0, '') and sim.log.count(operation='AssumeRole') == 2 * len(roles)


def test_end_of_the_first_hop(sim: Simulator, check: Check, aggregator: Any, clock: Clock) -> None:
    """When both the hub's and the leaf's session are gone, none of the two is kept for the next run."""
    one = check(**KEYS, role_arn=[HUB, LEAF])
    one.run()
    sim.expire_tokens(role_arn=LEAF)
    clock.advance(60)
    one.run()
    clock.advance(60)
    one.run()
    assert connected(aggregator) == (0, '')
    signed = {request.access_key for request in sim.log.where(operation='GetAccount', status=200)}
    assert len(signed) == 2 and all(key and key.startswith('ASIA') for key in signed)


# What it costs, and what may be seen.


def living(kind: type) -> list[Any]:
    return [one for one in gc.get_objects() if issubclass(type(one), kind)]


def test_clients_live_as_long_as_the_check(check: Check, clock: Clock) -> None:
    """One client for each Region and service, and one that assumes the role, the same ones in every run."""
    before = {id(one): one for kind in (BaseClient, botocore.session.Session) for one in living(kind)}
    one = check(**KEYS, regions=[REGION, OTHER], role_arn=HUB)

    def ours(kind: type) -> dict[int, Any]:
        gc.collect()
        return {id(found): found for found in living(kind) if id(found) not in before}

    one.run()
    clients, sessions = ours(BaseClient), ours(botocore.session.Session)
    assert Counter((found.meta.service_model.service_name, found.meta.region_name) for found in clients.values()) == {
        **{(service, region): 1 for service in ('cloudwatch', 'ses', 'sesv2') for region in (REGION, OTHER)},
        ('sts', REGION): 1,
    }
    # One signs with the keys, the other with those of the role.
    assert len(sessions) == 2
    for _ in range(5):
        clock.advance(900)
        assert not one.run()
    assert ours(BaseClient).keys() == clients.keys() and ours(botocore.session.Session).keys() == sessions.keys()


def test_account_id_saves_a_call(sim: Simulator, check: Check, aggregator: Any, clock: Clock) -> None:
    """AWS is asked once for the account in the life of a check, and not at all where `account_id` tells it."""
    one = check(**KEYS)
    for _ in range(3):
        one.run()
        clock.advance(60)
    assert sim.log.count(operation='GetCallerIdentity') == 1
    one.cancel()
    sim.log.clear()
    aggregator.reset()
    assert not check(**KEYS, account_id='777777777777').run()
    assert sim.log.count(operation='GetCallerIdentity') == 0 and accounts(aggregator) == {'aws_account:777777777777'}


def test_govcloud(sim: Simulator, check: Check, aggregator: Any) -> None:
    """A Region of GovCloud and a role of its partition need no further option."""
    role = 'arn:aws-us-gov:iam::888888888888:role/hub'
    assert not check(**KEYS, region='us-gov-west-1', role_arn=role).run()
    assert {request.region for request in sim.log} == {'us-gov-west-1'}
    assert [hop.params['RoleArn'] for hop in sim.log.where(operation='AssumeRole')] == [role]
    assert accounts(aggregator) == {'aws_account:888888888888'} and connected(aggregator) == (0, '')


def test_no_secret_is_logged(
    sim: Simulator, check: Check, caplog: pytest.LogCaptureFixture, aggregator: Any, clock: Clock
) -> None:
    """Neither the Agent's log at level debug nor any message has a key, a token or an external id in it."""
    caplog.set_level(logging.DEBUG)
    one = check(**KEYS, role_arn=[HUB, LEAF], external_id=EXTERNAL_ID)
    errors = [one.run()]
    sim.expire_tokens()
    for _ in range(2):
        clock.advance(60)
        errors.append(one.run())
    secrets = [SECRET, EXTERNAL_ID]
    for request in sim.log:
        if request.access_key and request.access_key.startswith('ASIA'):
            mark = request.access_key.removeprefix('ASIA')
            secrets += [f'secret{mark}', f'token-{mark}']
    assert len(set(secrets)) > 6
    messages = [sample.message for sample in aggregator.service_checks('amazon_ses.can_connect')]
    everything = '\n'.join([caplog.text, *errors, *messages, *one.get_warnings()])
    assert 'ExpiredToken' in everything
    assert [secret for secret in dict.fromkeys(secrets) if secret in everything] == []
