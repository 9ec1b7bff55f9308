"""The parts of botocore that it does not document: with each one removed, the check collects the same over HTTP."""

from __future__ import annotations

import copy
import sys
from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import botocore.awsrequest
import botocore.client
import botocore.credentials
import botocore.handlers
import botocore.hooks
import botocore.httpsession
import botocore.parsers
import botocore.session
import botocore.signers
import pytest
from botocore.httpsession import URLLib3Session
from common import ACCOUNT, REGION, Driver, connection_status

from datadog_checks.amazon_ses.aws import botocore_internals
from datadog_checks.amazon_ses.aws.botocore_internals import INTERNALS
from datadog_checks.amazon_ses.aws.calls import CallRecord
from datadog_checks.amazon_ses.aws.sessions import Session
from datadog_checks.amazon_ses.configuration.network import Network
from datadog_checks.amazon_ses.configuration.sign_in import SignIn
from datadog_checks.amazon_ses.registry import SWEEPS
from simulator import Simulator
from simulator.inventory import Change
from simulator.network import ConnectProxy, TlsTwin
from simulator.scenarios import DEDICATED_IPS, MANAGED_POOLS, Scenario, configuration_sets

pytest.importorskip('cryptography')

pytestmark = pytest.mark.usefixtures('bare_machine')

EDGE = 'datadog_checks.amazon_ses.aws'
ROLE = f'arn:aws:iam::{ACCOUNT}:role/mail'
OF_SWEEPS = {action.name.partition(':')[2] for sweep in SWEEPS if not sweep.opt_in for action in sweep.actions}
OPERATIONS = {
    *('AssumeRole', 'GetAccount', 'GetMetricData', 'GetSendStatistics', 'ListMetrics'),
    *OF_SWEEPS,
}
DIFFERENT = {'collector.run_duration', 'collector.covered_seconds'}
"""Metrics that differ between two runs of the same minute."""

Patch = pytest.MonkeyPatch
MakeDriver = Callable[..., Driver]


@pytest.fixture
def sim(start: Callable[..., Simulator]) -> Simulator:
    """Without quotas, because two checks ask in the same seconds."""
    families = (configuration_sets(3), DEDICATED_IPS, MANAGED_POOLS)
    vdm_is_on = Change(0, 'account', values={'vdm': 'ENABLED'})
    return start(
        Scenario('all', 'an account that uses each source', families=families, changes=(vdm_is_on,)), quotas=False
    )


@pytest.fixture
def twin(sim: Simulator) -> Iterator[TlsTwin]:
    with TlsTwin(sim) as running:
        yield running


# Each takes a part away as another version of botocore might have it: botocore itself still works.


def remove_http_session(patch: Patch) -> None:
    """botocore's endpoints hold the class itself; its module offers it no longer."""
    patch.delattr(botocore.httpsession, 'URLLib3Session')


def remove_tls_context(patch: Patch) -> None:
    """The method that makes a TLS context has another name."""
    new_context, pool_options = URLLib3Session._get_ssl_context, URLLib3Session._get_pool_manager_kwargs

    def renamed(session: Any, **options: Any) -> Any:
        session._get_ssl_context = lambda: new_context(session)
        try:
            return pool_options(session, **options)
        finally:
            del session._get_ssl_context

    patch.setattr(URLLib3Session, '_get_pool_manager_kwargs', renamed)
    patch.delattr(URLLib3Session, '_get_ssl_context')


def remove_builtin_handlers(patch: Patch) -> None:
    """The list of event handlers is elsewhere."""
    patch.setattr(botocore.session, 'handlers', SimpleNamespace(**vars(botocore.handlers)))
    patch.delattr(botocore.handlers, 'BUILTIN_HANDLERS')


def change_builtin_handlers(patch: Patch) -> None:
    """Each entry of the list of event handlers has another form."""
    patch.setattr(botocore.session, 'handlers', SimpleNamespace(**vars(botocore.handlers)))
    patch.setattr(botocore.handlers, 'BUILTIN_HANDLERS', [SimpleNamespace(event='*', handler=print)])


def remove_register_first(patch: Patch) -> None:
    """The order of event handlers is declared in another way."""
    patch.setattr(botocore.session, 'handlers', SimpleNamespace(**vars(botocore.handlers)))
    patch.delattr(botocore.handlers, 'REGISTER_FIRST')


def remove_event_emitter(patch: Patch) -> None:
    """The class that sessions keep their event handlers in is elsewhere."""
    patch.delattr(botocore.hooks, 'HierarchicalEmitter')


def remove_components(patch: Patch) -> None:
    """Sessions take no component from outside."""
    patch.delattr(botocore.session.Session, 'register_component')


def remove_timestamp_parser(patch: Patch) -> None:
    """The parser of timestamps cannot be replaced."""
    patch.delattr(botocore.parsers.ResponseParserFactory, 'set_parser_defaults')


def remove_protocol(patch: Patch) -> None:
    """A client does not say which protocol it speaks."""

    class Model:
        def __init__(self, model: Any) -> None:
            self._model = model

        def __getattr__(self, name: str) -> Any:
            if name == 'resolved_protocol':
                raise AttributeError(name)
            return getattr(self._model, name)

    service_model = botocore.client.ClientMeta.service_model.fget
    patch.setattr(botocore.client.ClientMeta, 'service_model', property(lambda meta: Model(service_model(meta))))


def remove_frozen_credentials(patch: Patch) -> None:
    """Signing takes the keys from the properties of credentials, and does not ask for frozen credentials."""
    sign = botocore.signers.RequestSigner.get_auth_instance

    def from_properties(signer: Any, *arguments: Any, **options: Any) -> Any:
        keys = signer._credentials
        signer = copy.copy(signer)
        signer._credentials = botocore.credentials.Credentials(keys.access_key, keys.secret_key, keys.token)
        return sign(signer, *arguments, **options)

    patch.setattr(botocore.signers.RequestSigner, 'get_auth_instance', from_properties)
    patch.setattr(botocore.signers.RequestSigner, 'get_auth', from_properties)


def remove_renewal(patch: Patch) -> None:
    """There are no credentials that renew themselves on demand."""
    patch.delattr(botocore.credentials, 'DeferredRefreshableCredentials')


def remove_pool_classes(patch: Patch) -> None:
    """HTTP sessions keep the classes of their connections elsewhere."""
    make = URLLib3Session.__init__

    def renamed(session: Any, *arguments: Any, **options: Any) -> None:
        make(session, *arguments, **options)
        session._classes = vars(session).pop('_pool_classes_by_scheme')

    patch.setattr(URLLib3Session, '__init__', renamed)


def remove_provider_lookup(patch: Patch) -> None:
    """What finds credentials is not found by its name."""
    patch.delattr(botocore.credentials.CredentialResolver, 'get_provider')


def remove_signing(patch: Patch) -> None:
    """What signs the requests of a client has another method for it."""
    signer = botocore.signers.RequestSigner
    sign = signer.sign

    def handler(itself: Any, operation_name: str = '', request: Any = None, **_: Any) -> None:
        sign(itself, operation_name, request)

    patch.setattr(signer, 'handler', handler)
    patch.delattr(signer, 'sign')


def remove_response_parser(patch: Patch) -> None:
    """A client keeps what reads its answers elsewhere."""
    make = botocore.client.BaseClient.__init__

    def without(client: Any, *arguments: Any, **options: Any) -> None:
        make(client, *arguments, **options)
        del client._response_parser

    patch.setattr(botocore.client.BaseClient, '__init__', without)


REMOVALS: dict[str, tuple[Callable[[Patch], None], ...]] = {
    'HTTP_SESSION': (remove_http_session,),
    'TLS_CONTEXT': (remove_tls_context,),
    'EVENT_HANDLERS': (
        remove_builtin_handlers,
        change_builtin_handlers,
        remove_register_first,
        remove_event_emitter,
    ),
    'SERVICE_MODELS': (remove_components,),
    'TIMESTAMPS': (remove_timestamp_parser,),
    'PROTOCOL': (remove_protocol,),
    'SIGNING': (remove_frozen_credentials,),
    'RENEWAL': (remove_renewal,),
    'CONNECTIONS': (remove_pool_classes,),
    'METADATA': (remove_provider_lookup,),
    'REPEATED_REQUESTS': (remove_signing, remove_response_parser),
}
EACH_REMOVAL = [removal for removals in REMOVALS.values() for removal in removals]


def remove_everything(patch: Patch) -> None:
    """None of the parts is there."""
    for removal, *_ in REMOVALS.values():
        removal(patch)


def with_fresh_edge(patch: Patch, removal: Callable[[Patch], None]) -> None:
    """Take a part away, and let the next run load the edge as a new process does."""
    removal(patch)
    for module in [name for name in sys.modules if name == EDGE or name.startswith(f'{EDGE}.')]:
        patch.delitem(sys.modules, module)


def submitted(driver: Driver) -> list[dict[Any, float]]:
    """What ten runs submit, without what differs from one process to the next."""
    runs = []
    driver.new_values()
    for _ in range(10):
        assert driver.run() == ''
        runs.append({key: amount for key, amount in driver.new_values().items() if key[0] not in DIFFERENT})
        driver.clock.advance(60)
    return runs


def test_every_part_is_declared_and_removed_here() -> None:
    """Every declared part has a gain, a command that measures it, a plain way, and a test without it."""
    declared = {name: getattr(botocore_internals, name) for name in REMOVALS}
    assert tuple(declared.values()) == INTERNALS
    for part in INTERNALS:
        assert all(name.startswith('botocore.') for name in part.names)
        assert part.gain and part.command and part.without


@pytest.mark.parametrize('removal', [*EACH_REMOVAL, remove_everything], ids=lambda removal: removal.__name__)
def test_without_a_part_the_same_is_collected(
    make_driver: MakeDriver, sim: Simulator, twin: TlsTwin, monkeypatch: Patch, removal: Callable[[Patch], None]
) -> None:
    """With a part of botocore removed, each run is well, asks for the same and submits the same as with the part."""
    options = {'endpoint_url': twin.endpoint_url, 'tls_ca_cert': twin.ca_file, 'role_arn': ROLE, 'period': 60}
    driver = make_driver(**options, ledger='intact')
    begin = driver.clock()
    intact = submitted(driver)
    requests = sim.log.operations()
    assert set(requests) == OPERATIONS and len(intact[-1]) > 50
    driver.check.cancel()
    sim.log.clear()
    driver.clock.set(begin)
    with_fresh_edge(monkeypatch, removal)
    assert submitted(make_driver(**options, ledger='plain')) == intact
    assert sim.log.operations() == requests
    assert sys.modules[f'{EDGE}.botocore_internals'] is not botocore_internals


def test_proxies_of_the_options_hold_without_shared_connections(
    make_driver: MakeDriver, twin: TlsTwin, proxy: ConnectProxy, aggregator: Any, monkeypatch: Patch
) -> None:
    """Where each client opens connections of its own they go through the proxy of the options, and not through that of
    the environment where `skip_proxy` says so."""
    with_fresh_edge(monkeypatch, remove_http_session)
    options = {'endpoint_url': None, 'tls_ca_cert': twin.ca_file, 'account_id': ACCOUNT}
    assert make_driver(**options, proxy={'https': proxy.url}).run() == ''
    assert connection_status(aggregator) == (0, '')
    assert {host.partition('.')[0] for host in proxy.hosts} == {'email', 'monitoring'}
    proxy.hosts.clear()
    monkeypatch.setenv('HTTPS_PROXY', proxy.url)
    assert make_driver(**{**options, 'endpoint_url': twin.endpoint_url}, skip_proxy=True, ledger='direct').run() == ''
    assert not proxy.hosts


def test_session_that_cannot_be_renewed(make_driver: MakeDriver, sim: Simulator, monkeypatch: Patch) -> None:
    """Where botocore renews no session, the run that finds it ended fails, and the next one signs in again."""
    with_fresh_edge(monkeypatch, remove_renewal)
    driver = make_driver(role_arn=ROLE, collect=['account', 'cloudwatch'])
    assert driver.run() == ''
    sim.expire_tokens()
    driver.clock.advance(60)
    driver.run()
    assert driver.status('can_connect')[0] == 1
    driver.clock.advance(60)
    assert driver.run() == ''
    assert driver.status('can_connect') == (0, '')


# With every part there.


def member_of_botocore(name: str) -> Any:
    """The object of a full name in botocore."""
    parts = name.split('.')
    member = sys.modules['.'.join(parts[:2])]
    for part in parts[2:]:
        member = getattr(member, part)
    return member


@pytest.mark.parametrize('name', [name for part in INTERNALS for name in part.names])
def test_this_botocore_has_each_part(name: str) -> None:
    """The botocore that the check is tested with has every part, so that no gain is lost unnoticed."""
    member_of_botocore(name)


def session() -> Session:
    return Session(Network({}, 1.0, 1.0), CallRecord(), REGION, SignIn())


def test_sessions_share_models_and_leave_timestamps() -> None:
    """Sessions share one loader of service models, and leave timestamps to be read when they are needed."""
    sessions = [session(), session()]
    assert sessions[0].get_component('data_loader') is sessions[1].get_component('data_loader')
    parser = sessions[0].get_component('response_parser_factory').create_parser('query')
    assert parser._timestamp_parser('2026-10-01T00:00:00Z') == '2026-10-01T00:00:00Z'


STAGES = (
    'after-call',
    'before-call',
    'before-endpoint-resolution',
    'before-parameter-build',
    'before-parse',
    'before-send',
    'before-sign',
    'choose-signer',
    'needs-retry',
    'provide-client-params',
    'request-created',
    'response-received',
)


@pytest.mark.parametrize('service', ['cloudwatch', 'ses', 'sesv2', 'sts', 'sso', 'sso-oidc', 'signin'])
def test_handlers_of_our_services_are_those_of_botocore(service: str) -> None:
    """Whatever botocore does to the requests of a service that is asked here it still does, in the same order."""
    emitter = botocore.hooks.HierarchicalEmitter()
    plain_session = botocore.session.Session(event_hooks=emitter)
    try:
        model = plain_session.get_service_model(service)
    except botocore.exceptions.UnknownServiceError:
        pytest.skip('this botocore does not know the service')
    name = model.service_id.hyphenize()
    events = [f'{stage}.{name}.{operation}' for stage in STAGES for operation in model.operation_names]
    events += [f'getattr.{name}.{botocore.xform_name(operation)}' for operation in model.operation_names]
    events += ['choose-service-name', f'creating-client-class.{name}']
    handlers = 0
    ours = botocore_internals.new_event_emitter()
    for event in events:
        expected = list(emitter._handlers.prefix_search(event))
        assert list(ours._handlers.prefix_search(event)) == expected, event
        handlers += len(expected)
    assert handlers > len(model.operation_names)
