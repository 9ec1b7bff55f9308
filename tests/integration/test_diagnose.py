"""`agent diagnose`: what it says about an instance, what it asks AWS, and that it leaves everything as it is."""

from __future__ import annotations

import json
import re
import socket
from threading import Thread
from typing import Any

import pytest
from common import ACCOUNT, KEY, OTHER, REGION, SECRET, START, Driver, MakeDriver, StartSimulator, wait_for_workers

from datadog_checks.amazon_ses import AmazonSesCheck
from datadog_checks.amazon_ses.catalogue import ACTIONS
from datadog_checks.amazon_ses.collectors.account import QUOTA_V1, SENDING_V1
from datadog_checks.amazon_ses.diagnose import policies, probes
from datadog_checks.amazon_ses.diagnose.answers import Answers
from datadog_checks.amazon_ses.diagnose.hosts import host_on_the_way, reached
from datadog_checks.amazon_ses.diagnose.routines import Routines
from datadog_checks.amazon_ses.leases import Leases
from datadog_checks.amazon_ses.registry import SOURCE_NAMES
from datadog_checks.base.utils.diagnose import Diagnosis
from simulator import Clock, Simulator, mail_events
from simulator.inventory import Change
from simulator.scenarios import DEDICATED_IPS, SCENARIOS, Scenario, configuration_sets

SUCCESS, FAIL, WARNING = 0, 1, 2
SMALL = {'collect': ['account', 'cloudwatch'], 'min_collection_interval': 60}
STAND_INS = {action.name for collector in (QUOTA_V1, SENDING_V1) for action in collector.actions}
TIMED = ('collector.run_duration', 'collector.covered_seconds')
"""Metrics of a clock that no test turns."""

SES = ('ses', 'sesv2')


def diagnose(driver: Driver) -> dict[str, dict[str, Any]]:
    """The diagnoses by name. No name comes twice."""
    listed = json.loads(driver.check.get_diagnoses())
    diagnoses = {diagnosis['name']: diagnosis for diagnosis in listed}
    assert len(diagnoses) == len(listed)
    assert all(diagnosis['result'] in (SUCCESS, FAIL, WARNING) for diagnosis in listed), listed
    return diagnoses


def results(diagnoses: dict[str, dict[str, Any]], *results: int) -> set[str]:
    """The names of the diagnoses with these results."""
    return {name for name, diagnosis in diagnoses.items() if diagnosis['result'] in results}


def statement(diagnosis: dict[str, Any]) -> dict[str, Any]:
    """The statement that a diagnosis prints below a line of text."""
    statement: dict[str, Any] = json.loads(diagnosis['remediation'].partition('\n')[2])
    return statement


@pytest.fixture
def everything(start: StartSimulator, clock: Clock, make_driver: MakeDriver) -> Driver:
    """A driver with every source on, VDM, and a queue with a message."""
    families = (configuration_sets(1), DEDICATED_IPS)
    vdm = (Change(0, 'account', values={'vdm': 'ENABLED'}),)
    aws = start(Scenario('all', 'all that is asked', families=families, changes=vdm))
    queue = aws.queues.create('datadog-ses-events', ACCOUNT)
    aws.queues.put(queue, mail_events.sns(mail_events.bounce()))
    return make_driver(
        aws,
        regions=[REGION, OTHER],
        collect=list(SOURCE_NAMES),
        event_queues=[{'url': aws.queue_url(queue), 'region': REGION}],
    )


def test_every_action_is_tried_once_in_each_region(everything: Driver) -> None:
    """Where everything is allowed all is well, and each permission was tried once in each Region; no message of a queue
    is received or deleted."""
    diagnoses = diagnose(everything)
    assert results(diagnoses, FAIL, WARNING) == set(), [diagnoses[name] for name in results(diagnoses, FAIL, WARNING)]
    needed = {action.name for action in ACTIONS} - STAND_INS
    assert {name.partition(' ')[2] for name in diagnoses if name.startswith('Permission')} == needed
    for region in (REGION, OTHER):
        tried = [call.action for call in everything.sim.log if call.region == region and call.service != 'sts']
        in_one = {probes.QUEUE} if region == OTHER else set()
        assert set(tried) == needed - set(probes.NOT_TRIED) - in_one
        assert all(tried.count(action) == 1 for action in tried if action != probes.LIST_METRICS)
    assert {call.operation for call in everything.sim.log if call.service == 'sqs'} == {'GetQueueAttributes'}
    assert {call.error for call in everything.sim.log} <= {None, 'NotFoundException'}


def test_each_action_that_is_missing_is_named_with_the_statement(everything: Driver) -> None:
    """Where nothing is allowed each permission fails with what is lost, and one printed statement allows them all."""
    everything.sim.deny('ses:*')
    everything.sim.deny('cloudwatch:*')
    everything.sim.deny('sqs:*')
    diagnoses = diagnose(everything)
    needed = policies.needed_actions(everything.check.settings)
    for action in needed:
        diagnosis = diagnoses[f'Permission {action.name}']
        assert diagnosis['result'] == FAIL, diagnosis
        if action.name not in probes.NOT_TRIED:
            assert action.feature in diagnosis['diagnosis'] and 'identity-based policy' in diagnosis['diagnosis']
            assert action.name in diagnosis['remediation'] and action.name in diagnosis['description']
    text = diagnoses['Missing IAM statement']['remediation'].partition('\n')[2]
    of_ses, of_queues = json.loads(f'[{text}]')
    assert {*of_ses['Action'], *of_queues['Action']} == {action.name for action in needed}
    assert of_ses['Resource'] == '*'
    assert of_queues['Resource'] == f'arn:aws:sqs:{REGION}:{ACCOUNT}:datadog-ses-events'


def test_one_missing_action_is_the_only_failure(sim: Simulator, make_driver: MakeDriver) -> None:
    """One action that is denied in one Region costs one permission, and the statement names it alone."""
    sim.deny('ses:GetAccount', region=OTHER)
    diagnoses = diagnose(make_driver(regions=[REGION, OTHER], **SMALL))
    assert results(diagnoses, FAIL) == {'Permission ses:GetAccount', 'Missing IAM statement'}
    text = diagnoses['Permission ses:GetAccount']['diagnosis']
    assert f'Denied in {OTHER}' in text and f'Allowed in {REGION}' in text
    assert statement(diagnoses['Missing IAM statement'])['Action'] == ['ses:GetAccount']


def test_what_is_denied_explicitly_is_no_missing_statement(sim: Simulator, make_driver: MakeDriver) -> None:
    """No statement is printed for what a policy denies explicitly: it is to be taken out of the Deny."""
    sim.deny('ses:GetAccount', reason='with an explicit deny in a service control policy')
    diagnoses = diagnose(make_driver(**SMALL))
    assert results(diagnoses, FAIL) == {'Permission ses:GetAccount'}
    assert 'out of the Deny' in diagnoses['Permission ses:GetAccount']['remediation']


@pytest.mark.parametrize(
    ('skew', 'result', 'words'), [(0, SUCCESS, 'agrees'), (90, WARNING, '90 s ahead'), (-400, FAIL, '400 s behind')]
)
def test_a_wrong_clock_is_measured(make_driver: MakeDriver, skew: float, result: int, words: str) -> None:
    """The clock of the machine is compared with the Date of AWS's answers: from five minutes off AWS refuses."""
    driver = make_driver(**SMALL)
    driver.skew = skew
    clock = diagnose(driver)['Clock']
    assert clock['result'] == result and words in clock['diagnosis']


def test_refused_credentials_stop_the_questions(make_driver: MakeDriver) -> None:
    """Credentials that AWS refuses are one failure, and nothing more is asked with them."""
    driver = make_driver(**{**SMALL, 'aws_access_key_id': 'ASIAUNKNOWN000000001'})
    diagnoses = diagnose(driver)
    assert diagnoses['Credentials']['result'] == FAIL
    assert diagnoses['Credentials']['remediation']
    assert diagnoses['Permissions']['result'] == WARNING
    assert diagnoses[f'State {REGION}']['result'] == WARNING
    assert {call.operation for call in driver.sim.log} <= {'GetCallerIdentity', 'GetAccount'}
    assert driver.sim.log.count(operation='GetAccount') <= 1


def test_the_account_of_the_options_is_compared(make_driver: MakeDriver) -> None:
    """An `account_id` that is not that of the credentials is a failure that names both."""
    credentials = diagnose(make_driver(account_id='210987654321', **SMALL))['Credentials']
    assert credentials['result'] == FAIL
    assert ACCOUNT in credentials['diagnosis'] and '210987654321' in credentials['diagnosis']


def test_a_role_is_assumed_and_its_failure_is_said(make_driver: MakeDriver) -> None:
    """With a role its account is named; a role that may not be assumed fails with what to change."""
    driver = make_driver(role_arn='arn:aws:iam::210987654321:role/reader', **SMALL)
    credentials = diagnose(driver)['Credentials']
    assert credentials['result'] == SUCCESS and '210987654321' in credentials['diagnosis']
    assert 'sts:AssumeRole' in credentials['description']
    driver.sim.deny('sts:AssumeRole')
    refused = diagnose(driver)['Credentials']
    assert refused['result'] == FAIL and 'trust' in refused['remediation']


def test_a_region_that_is_not_enabled_is_named(sim: Simulator, make_driver: MakeDriver) -> None:
    """A Region that the account has not enabled fails alone, after one request, and says how to go on."""
    sim.disabled_regions.add(OTHER)
    diagnoses = diagnose(make_driver(regions=[REGION, OTHER]))
    assert results(diagnoses, FAIL) == {f'Region {OTHER}'}
    assert 'not enabled' in diagnoses[f'Region {OTHER}']['diagnosis']
    assert 'Enable the Region' in diagnoses[f'Region {OTHER}']['remediation']
    assert sim.log.count(region=OTHER) <= 2


def test_an_endpoint_out_of_reach_is_named(make_driver: MakeDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where nothing listens the host and port are named, each Region costs one request of each service, and all
    permissions are unknown instead of denied."""
    with socket.socket() as unused:
        unused.bind(('127.0.0.1', 0))
        url = f'http://127.0.0.1:{unused.getsockname()[1]}'
    diagnoses = diagnose(make_driver(endpoint_url=url, account_id=ACCOUNT))
    (name,) = (name for name in diagnoses if name.startswith('Endpoint'))
    assert diagnoses[name]['result'] == FAIL and url.removeprefix('http://') in name
    assert diagnoses[name]['remediation']
    assert results(diagnoses, FAIL) >= {name, 'Credentials', f'Region {REGION}'}
    assert 'Missing IAM statement' not in diagnoses


def test_a_service_out_of_reach_costs_one_request(make_driver: MakeDriver, sim: Simulator) -> None:
    """Where SES alone does not answer, its other permissions are not tried, and those of CloudWatch are."""
    urls = dict.fromkeys(('cloudwatch', 'sts'), sim.endpoint_url) | dict.fromkeys(SES, 'http://127.0.0.1:9')
    diagnoses = diagnose(make_driver(endpoint_url=urls, collect=['account', 'cloudwatch', 'identities']))
    assert diagnoses['Endpoint 127.0.0.1:9']['result'] == FAIL
    assert diagnoses['Permission cloudwatch:GetMetricData']['result'] == SUCCESS
    listing = diagnoses['Permission ses:ListEmailIdentities']
    assert listing['result'] == WARNING and 'the endpoint does not answer' in listing['diagnosis']


def test_secrets_are_taken_out_of_what_the_agent_does_not_clean() -> None:
    """The text of a diagnosis is cleaned of secrets, since the Agent's base class leaves that one field as it is."""
    diagnosis = Diagnosis()
    answers = Answers(defect='Option `proxy`: a planted-password')
    Routines(diagnosis, lambda: answers, lambda text: text.replace('planted-password', '***')).register()
    assert [result.diagnosis for result in diagnosis.run_explicit()] == ['Option `proxy`: a ***']


def test_a_name_that_does_not_resolve_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host without an address is told from one that takes no connection; a password in a URL is not shown."""

    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, 'Name or service not known')

    monkeypatch.setattr(socket, 'getaddrinfo', unknown)
    host = reached(host_on_the_way('https://email.us-east-1.amazonaws.com', 'http://me:hidden@proxy.corp:3128'), 1.0)
    assert str(host) == 'the proxy proxy.corp:3128'
    assert host.defect == 'the name does not resolve (Name or service not known)'


def test_the_budget_for_ses_is_shared(make_driver: MakeDriver, clock: Clock) -> None:
    """A run and a diagnosis together send SES at most one request a second, and at most 15 in a minute."""
    driver = make_driver()
    before = driver.check.pace.monotonic()
    assert driver.run() == ''
    diagnoses = diagnose(driver)
    assert 'VDM is off' in diagnoses[f'Permission {probes.VDM}']['diagnosis']
    assert driver.sim.log.count(operation='BatchGetMetricData') == 0
    requests = sum(call.service in SES for call in driver.sim.log)
    passed = driver.check.pace.monotonic() - before
    assert requests > 20
    assert passed >= requests - 1
    assert passed >= 60


def test_counts_stay_as_they_are(
    start: StartSimulator, make_driver: MakeDriver, clock: Clock, datadog_agent: Any
) -> None:
    """A check that is diagnosed between its runs submits the same values as its twin that is not, its calls among
    them."""
    submitted: list[list[dict[Any, float]]] = []
    for is_diagnosed in (False, True):
        clock.set(START)
        datadog_agent.reset()
        driver = make_driver(start(), **SMALL)
        driver.aggregator.reset()
        driver.check.leases = Leases()
        values: list[dict[Any, float]] = []
        for _ in range(8):
            assert driver.run() == ''
            if is_diagnosed:
                assert results(diagnose(driver), FAIL) == set()
            values.append({key: value for key, value in driver.new_values().items() if key[0] not in TIMED})
            clock.advance(60)
        submitted.append(values)
        driver.check.cancel()
    for alone, diagnosed in zip(*submitted, strict=True):
        assert alone == diagnosed
    assert any(name == 'send.count' for values in submitted[0] for name, _ in values)


def test_a_diagnosis_may_run_beside_a_run(start: StartSimulator, make_driver: MakeDriver, clock: Clock) -> None:
    """Diagnosed on another thread while it runs, a check counts what CloudWatch counts."""
    driver = make_driver(start(SCENARIOS['steady'].between(0, 900)), **SMALL)
    assert driver.run() == ''
    failures: list[set[str]] = []
    for _ in range(4):
        diagnosing = Thread(target=lambda: failures.append(results(diagnose(driver), FAIL)))
        diagnosing.start()
        clock.advance(300)
        assert driver.run() == ''
        diagnosing.join()
    wait_for_workers()
    clock.advance(7200)
    driver.run()
    first = driver.aggregator.metrics('amazon_ses.collector.counting_since')[0].value
    assert driver.total('send.count') == driver.cloudwatch_sum('Send', first) > 0
    assert failures == [set()] * 4


def test_the_saved_state_is_only_read(
    make_driver: MakeDriver, datadog_agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The Agent's cache is byte for byte the same before and after, and nothing is written in between."""
    driver = make_driver(**SMALL)
    driver.run_for(600, 300)
    before = dict(datadog_agent._cache)
    monkeypatch.setattr(datadog_agent, 'write_persistent_cache', lambda *_: pytest.fail('the state was written'))
    state = diagnose(driver)[f'State {REGION}']
    assert before and datadog_agent._cache == before
    assert state['result'] == SUCCESS and 'written by this process' in state['diagnosis']
    monkeypatch.undo()


def test_the_state_of_another_process_is_described(make_driver: MakeDriver, datadog_agent: Any, clock: Clock) -> None:
    """Before its first run a check says who wrote the state; a damaged copy, another version and a file that cannot be
    read are told apart."""
    driver = make_driver(account_id=ACCOUNT, **SMALL)
    assert 'Nothing is saved' in diagnose(driver)[f'State {REGION}']['diagnosis']
    driver.run_for(600, 300)
    driver.restart()
    state = diagnose(driver)[f'State {REGION}']
    assert state['result'] == SUCCESS and 'before it was restarted' in state['diagnosis']
    copies = [key for key in datadog_agent._cache if re.search(r'__[01]$', key)]
    saved = {key: datadog_agent._cache[key] for key in copies}
    assert len(saved) == 2
    datadog_agent._cache.update({key: text.replace('"version": 2', '"version": 3') for key, text in saved.items()})
    foreign = diagnose(driver)[f'State {REGION}']
    assert foreign['result'] == FAIL and 'version 3' in foreign['diagnosis']
    datadog_agent._cache.update(dict.fromkeys(copies, 'torn'))
    assert diagnose(driver)[f'State {REGION}']['result'] == WARNING


def test_a_state_that_cannot_be_read_is_named(
    make_driver: MakeDriver, datadog_agent: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A cache entry that cannot be read fails with its file."""

    def refuse(_: str) -> str:
        raise PermissionError('no')

    driver = make_driver(account_id=ACCOUNT, **SMALL)
    monkeypatch.setattr(datadog_agent, 'read_persistent_cache', refuse)
    state = diagnose(driver)[f'State {REGION}']
    assert state['result'] == FAIL and f'progress_{ACCOUNT}_{REGION}' in state['diagnosis']


def test_a_wrong_option_is_the_whole_diagnosis(make_driver: MakeDriver) -> None:
    """An option that cannot be used is named, and AWS is not asked."""
    driver = make_driver(period=7)
    diagnoses = diagnose(driver)
    assert set(diagnoses) == {'Options'}
    assert diagnoses['Options']['result'] == FAIL and '`period`' in diagnoses['Options']['diagnosis']
    assert list(driver.sim.log) == []


def test_a_defect_of_the_diagnosis_is_no_good_news(make_driver: MakeDriver, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the examination itself breaks, the Agent gets the error and nothing that looks well."""
    driver = make_driver(**SMALL)
    monkeypatch.setattr(AmazonSesCheck, '_inspect', lambda *_: 1 / 0)
    (only,) = json.loads(driver.check.get_diagnoses())
    assert only['result'] == 3 and 'division' in only['rawerror']


def test_a_misspelt_option_and_an_unknown_region_are_warnings(make_driver: MakeDriver) -> None:
    """What a run warns of is said here too."""
    driver = make_driver(**{**SMALL, 'perriod': 60})
    options = diagnose(driver)['Options']
    assert options['result'] == WARNING and 'perriod' in options['diagnosis']


def test_an_agent_that_names_no_provider_is_said(make_driver: MakeDriver, datadog_agent: Any) -> None:
    """Where an older Agent runs cluster checks and does not say which they are, the diagnosis says what follows."""
    driver = make_driver(**SMALL)
    assert diagnose(driver)['Options']['result'] == SUCCESS
    datadog_agent._config['extra_config_providers'] = ['clusterchecks']
    options = diagnose(driver)['Options']
    assert options['result'] == WARNING and 'cluster check' in options['diagnosis']
    driver.check.provider = 'file'
    assert diagnose(driver)['Options']['result'] == SUCCESS


def test_discovery_says_what_is_left_out(start: StartSimulator, make_driver: MakeDriver) -> None:
    """More series than max_series are a warning with both numbers, and so is a Region without any metric."""
    aws = start(Scenario('sets', 'three sets', families=(configuration_sets(3),)))
    driver = make_driver(aws, collect=['account', 'cloudwatch', 'configuration_sets'], max_series=5)
    discovery = diagnose(driver)[f'Discovery {REGION}']
    assert discovery['result'] == WARNING and 'max_series is 5' in discovery['diagnosis']
    quiet = start(Scenario('quiet', 'nothing', volume=0.0, gauges=()))
    nothing = diagnose(make_driver(quiet, collect=['account', 'configuration_sets']))[f'Discovery {REGION}']
    assert nothing['result'] == WARNING and 'no metric' in nothing['diagnosis']


def test_a_cancelled_check_asks_no_more(make_driver: MakeDriver) -> None:
    """After the Agent dropped the check nothing more is asked of SES."""
    driver = make_driver(account_id=ACCOUNT, **SMALL)
    driver.check.cancel()
    assert 'cancelled' in diagnose(driver)[f'Region {REGION}']['diagnosis']
    assert not [call for call in driver.sim.log if call.service in SES]


def test_no_secret_is_said(make_driver: MakeDriver, sim: Simulator, tmp_path: Any) -> None:
    """Keys, the external id and the password of a proxy are in no diagnosis, whatever fails."""
    sim.deny('*')
    secrets = [KEY, SECRET, 'planted-external-id', 'planted-password']
    with_role = {'role_arn': 'arn:aws:iam::210987654321:role/reader', 'external_id': 'planted-external-id'}
    proxy = {'http': 'http://me:planted-password@127.0.0.1:9'}
    for options in (SMALL, {**SMALL, **with_role}, {**SMALL, 'proxy': proxy}):
        text = make_driver(**options).check.get_diagnoses()
        assert '"result":1' in text
        assert not [secret for secret in secrets if secret in text]


def test_every_action_has_a_probe() -> None:
    """Each action of the policy that may be needed is tried by a probe, but those that take messages from a queue."""
    tried = [probe.action for probe in probes.PROBES]
    expected = {action.name for action in ACTIONS} - STAND_INS
    assert len(tried) == len(set(tried))
    assert {*tried, probes.LIST_METRICS, probes.QUEUE, *probes.NOT_TRIED} == expected


def test_the_listed_item_is_asked_for() -> None:
    """A probe of one item asks for one that the account has, and for one that nobody has where a list named none."""
    sets = next(probe for probe in probes.PROBES if probe.action == 'ses:GetConfigurationSet')
    identities = next(probe for probe in probes.PROBES if probe.action == 'ses:GetIdentityDkimAttributes')
    answers: dict[str, Any] = {
        'ses:ListConfigurationSets': {'ConfigurationSets': ['orders']},
        'ses:ListEmailIdentities': {'EmailIdentities': [{'IdentityName': 'example.com'}]},
    }

    def build(probe: probes.Probe, answers: dict[str, Any]) -> Any:
        return probes.request(probe, answers, START).parameters

    assert build(sets, answers) == {'ConfigurationSetName': 'orders'}
    assert build(identities, answers) == {'Identities': ['example.com']}
    assert build(sets, {}) == {'ConfigurationSetName': 'datadog-diagnose'}
    for malformed in ({'EmailIdentities': None}, {'EmailIdentities': [7]}, {'EmailIdentities': [{}]}, {}):
        assert build(identities, {'ses:ListEmailIdentities': malformed}) == {'Identities': ['datadog-diagnose.invalid']}
