from __future__ import annotations

import json
import urllib.error
import urllib.request
from dataclasses import replace

import pytest
from aws_clients import ACCOUNT, client
from botocore.exceptions import ClientError

from simulator import SCENARIOS, Clock, Fault, Simulator
from simulator.inventory import DOMAIN, PLANTED, PLANTED_ADDRESS, PLANTED_TOKEN
from simulator.scenarios import HOUR, QUIET, STREAMS

SETTINGS = {'quotas': False}


def pages(operation, member, **params):
    """Every member of a list, over all its pages."""
    members, token = [], {}
    while True:
        page = operation(**params, **token)
        members += page[member]
        if 'NextToken' not in page:
            return members
        token = {'NextToken': page['NextToken']}


def refusal(call, **params):
    with pytest.raises(ClientError) as caught:
        call(**params)
    return caught.value.response['Error']['Code']


def identities(sim, region='us-east-1'):
    listed = client(sim, 'sesv2', region).list_email_identities()['EmailIdentities']
    return {identity['IdentityName']: identity for identity in listed}


@pytest.mark.parametrize('name', ['everything', 'many_tenants', 'identities'])
def test_the_inventory_has_what_the_families_name(start, name):
    """Configuration sets, tenants and domains of a scenario's series exist, and are well."""
    sim = start(name, **SETTINGS)
    mail = client(sim, 'sesv2')
    dimensions = {pair for series in sim.world.series(ACCOUNT, 'us-east-1') for pair in series.dimensions}
    sets = set(pages(mail.list_configuration_sets, 'ConfigurationSets'))
    assert sets == {value for key, value in dimensions if key == 'ses:configuration-set'}
    entities = pages(mail.list_reputation_entities, 'ReputationEntities', PageSize=100)
    named = {entity['ReputationEntityReference'].split('/')[1] for entity in entities}
    assert named == {value for key, value in dimensions if key == 'TenantName'}
    assert all(entity['SendingStatusAggregate'] == 'ENABLED' for entity in entities)
    domains = pages(mail.list_email_identities, 'EmailIdentities', PageSize=1000)
    assert {identity['IdentityName'] for identity in domains} == {DOMAIN} | {
        value for key, value in dimensions if key == 'ses:from-domain'
    }
    assert all(identity['VerificationStatus'] == 'SUCCESS' and identity['SendingEnabled'] for identity in domains)
    assert mail.list_recommendations()['Recommendations'] == []


def test_large_inventories_are_cheap():
    """10,000 domains, 1,000 sets and 10,000 tenants are made in a moment, and not made again."""
    for name, kind, number in (('identities', 'identities', 10_001), ('large', 'configuration_sets', 1000)):
        assert len(getattr(Simulator(name, clock=Clock()).world.inventory(ACCOUNT, 'us-east-1'), kind)) == number
    world = Simulator(SCENARIOS['many_tenants'].sized(10_000), clock=Clock()).world
    first = world.inventory(ACCOUNT, 'us-east-1')
    assert len(first.tenants) == 10_000 and world.inventory(ACCOUNT, 'us-east-1') is first


def test_pages_have_the_sizes_that_aws_states(start):
    """Pages are as large as was asked for, up to AWS's limit; a larger one and a token of another list are refused."""
    sim = start('identities', **SETTINGS)
    mail = client(sim, 'sesv2')
    assert len(mail.list_email_identities(PageSize=1000)['EmailIdentities']) == 1000
    assert len(mail.list_email_identities()['EmailIdentities']) == 100
    assert refusal(mail.list_email_identities, PageSize=1001) == 'BadRequestException'
    assert refusal(mail.list_recommendations, PageSize=101) == 'BadRequestException'
    token = mail.list_email_identities()['NextToken']
    assert refusal(mail.list_configuration_sets, NextToken=token) == 'BadRequestException'


def test_a_list_shows_one_moment(start, clock):
    """What changes between two pages moves no member from one page to another."""
    sim = start('many_tenants', **SETTINGS)
    mail = client(sim, 'sesv2')
    first = mail.list_reputation_entities(PageSize=150)
    clock.advance(1)
    sim.change('tenants', 'tenant-00000', None)
    second = mail.list_reputation_entities(PageSize=150, NextToken=first['NextToken'])
    assert len(first['ReputationEntities']) + len(second['ReputationEntities']) == 200
    assert len(pages(mail.list_reputation_entities, 'ReputationEntities', PageSize=1000)) == 199


def test_filters_of_findings_and_tenants(start):
    """Findings and tenants can be asked for by status, impact and type, in the combinations that AWS takes."""
    sim = start('many_tenants', **SETTINGS)
    mail = client(sim, 'sesv2')
    sim.change('tenants', 'tenant-00001', {'ses_status': 'DISABLED', 'impact': 'HIGH'})
    sim.change('tenants', 'tenant-00002', {'customer_status': 'DISABLED'})
    sim.change('tenants', 'tenant-00003', {'customer_status': 'REINSTATED', 'impact': 'LOW'})

    def tenants(**filters):
        entities = pages(mail.list_reputation_entities, 'ReputationEntities', Filter=filters)
        return [entity['ReputationEntityReference'].split('/')[1] for entity in entities]

    assert tenants(SENDING_STATUS='DISABLED') == ['tenant-00001', 'tenant-00002']
    assert tenants(SENDING_STATUS='REINSTATED') == ['tenant-00003']
    assert tenants(REPUTATION_IMPACT='HIGH') == ['tenant-00001']
    prefix = f'arn:aws:ses:us-east-1:{ACCOUNT}:tenant/tenant-00002/'
    assert tenants(ENTITY_TYPE='RESOURCE', ENTITY_REFERENCE_PREFIX=prefix) == ['tenant-00002']
    assert refusal(mail.list_reputation_entities, Filter={'COLOUR': 'red'}) == 'BadRequestException'
    sim.change('findings', 'a', {'type': 'BIMI', 'impact': 'LOW'})
    sim.change('findings', 'b', {'type': 'SPF', 'status': 'FIXED'})
    sim.change('findings', 'c', {'type': 'SPF', 'resource': 'identity/a.example'})

    def findings(**filters):
        return [finding['Type'] for finding in mail.list_recommendations(Filter=filters)['Recommendations']]

    assert findings(STATUS='OPEN') == ['BIMI', 'SPF']
    assert findings(STATUS='OPEN', IMPACT='HIGH') == findings(STATUS='OPEN', TYPE='SPF') == ['SPF']
    assert findings(RESOURCE_ARN=f'arn:aws:ses:us-east-1:{ACCOUNT}:identity/a.example') == ['SPF']
    assert refusal(mail.list_recommendations, Filter={'IMPACT': 'HIGH', 'TYPE': 'SPF'}) == 'BadRequestException'


def test_attributes_of_a_hundred_identities(start):
    """A batch answers for up to 100 identities, in the words of SES v1, and leaves out those that do not exist."""
    sim = start('identities', **SETTINGS)
    sim.change('identities', 'customer-00001.example', {'dkim_status': 'TEMPORARY_FAILURE', 'mail_from_domain': ''})
    sim.change('identities', 'ops@customer-00001.example')
    names = [f'customer-{number:05d}.example' for number in range(98)] + ['ops@customer-00001.example', 'no.example']
    mail = client(sim, 'ses')
    dkim = mail.get_identity_dkim_attributes(Identities=names)['DkimAttributes']
    assert len(dkim) == 99 and 'no.example' not in dkim
    assert dkim['customer-00001.example']['DkimVerificationStatus'] == 'TemporaryFailure'
    assert dkim['ops@customer-00001.example'] == {
        'DkimEnabled': False,
        'DkimVerificationStatus': 'NotStarted',
        'DkimTokens': [],
    }
    senders = mail.get_identity_mail_from_domain_attributes(Identities=names)['MailFromDomainAttributes']
    assert senders['customer-00000.example']['MailFromDomainStatus'] == 'Success'
    assert senders['customer-00001.example'] == {'BehaviorOnMXFailure': 'UseDefaultValue'}
    topics = mail.get_identity_notification_attributes(Identities=names)['NotificationAttributes']
    assert topics['customer-00000.example']['BounceTopic'].startswith('arn:aws:sns:us-east-1:')
    assert 'BounceTopic' not in topics['ops@customer-00001.example']
    for operation in ('dkim', 'mail_from_domain', 'notification'):
        call = getattr(mail, f'get_identity_{operation}_attributes')
        assert refusal(call, Identities=[*names, 'more.example']) == 'ValidationError'


def test_an_empty_suppression_list_is_not_an_absent_one(start):
    """A configuration set that inherits suppression says nothing of it; one that switched it off has an empty list."""
    sim = start('configuration_sets', **SETTINGS)
    sim.change('configuration_sets', 'set-00001', {'suppressed_reasons': ()})
    mail = client(sim, 'sesv2')
    assert 'SuppressionOptions' not in mail.get_configuration_set(ConfigurationSetName='set-00000')
    options = mail.get_configuration_set(ConfigurationSetName='set-00001')['SuppressionOptions']
    assert options == {'SuppressedReasons': []}


def test_every_text_that_must_not_leave_is_planted(start):
    """The answers hold an address, a token and an ARN in the texts that nobody may pass on."""
    sim = start('everything', **SETTINGS)
    sim.change('findings', 'a')
    mail = client(sim, 'sesv2')
    account, identity = mail.get_account(), mail.get_email_identity(EmailIdentity=DOMAIN)
    answers = [account, identity, mail.list_recommendations(), mail.list_reputation_entities()]
    assert all(PLANTED_ADDRESS in str(answer) for answer in answers)
    assert all(PLANTED_TOKEN in str(answer) for answer in answers[:3])
    destinations = mail.get_configuration_set_event_destinations(ConfigurationSetName='set-00000')
    assert any(planted in str(destinations) for planted in PLANTED)


@pytest.mark.parametrize('known', ['GET /v2/email/identities', 'POST /v2/email/list-identities'])
def test_both_ways_to_ask_for_a_list_are_answered(start, clock, known):
    """A client of any botocore may list identities and sets, whichever botocore the simulator has."""
    sim = start('everything', **SETTINGS)
    method, path = known.split()
    signing = (
        'AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260101/us-east-1/ses/aws4_request, SignedHeaders=host, Signature=0'
    )
    for target, member in (
        (path, 'EmailIdentities'),
        (path.replace('identities', 'configuration-sets'), 'ConfigurationSets'),
    ):
        body = {'data': b'{"PageSize": 1}'} if method == 'POST' else {}
        headers = {'Authorization': signing, 'Content-Type': 'application/json'}
        url = f'{sim.endpoint_url}{target}{"" if body else "?PageSize=1"}'
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers, method=method, **body)) as answer:
            assert len(json.load(answer)[member]) == 1


def test_what_is_denied_partial_endless_or_unknown(start):
    """The operations of the inventory fail in the ways in which AWS fails."""
    sim = start('identities', **SETTINGS)
    mail, old = client(sim, 'sesv2'), client(sim, 'ses')
    sim.deny('ses:GetIdentityDkimAttributes')
    assert refusal(old.get_identity_dkim_attributes, Identities=[DOMAIN]) == 'AccessDenied'
    assert sim.log[-1].action == 'ses:GetIdentityDkimAttributes'
    names = [f'customer-{number:05d}.example' for number in range(10)]
    for kind, lengths in (('partial', (50, 5)), ('missing_results', (50, 5)), ('empty_results', (0, 0))):
        rule = sim.faults.add(Fault(kind))
        listed = mail.list_email_identities().get('EmailIdentities', ())
        batch = old.get_identity_notification_attributes(Identities=names).get('NotificationAttributes', ())
        assert (len(listed), len(batch)) == lengths
        sim.faults.remove(rule)
    rule = sim.faults.add(Fault('token_loop'))
    assert mail.list_recommendations()['NextToken'] == 'the-same-token-again'
    sim.faults.remove(rule)
    sim.faults.add(Fault('error', operation='ListReputationEntities', argument=('UnknownOperationException', 404)))
    assert refusal(mail.list_reputation_entities) == 'UnknownOperationException'


def test_the_inventory_can_be_changed_over_http(start, clock):
    """The control port changes, adds and removes members, of one Region or of all, and says what it cannot."""
    sim = start('configuration_sets', **SETTINGS)

    def post(**body):
        request = urllib.request.Request(f'{sim.endpoint_url}/_sim/inventory', json.dumps(body).encode())
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    assert post(kind='identities', name='new.example', values={'verification': 'PENDING'}, region=QUIET) == 200
    assert identities(sim, QUIET)['new.example']['VerificationStatus'] == 'PENDING'
    assert 'new.example' not in identities(sim)
    assert post(kind='identities', name=DOMAIN, values=None) == 200
    assert DOMAIN not in identities(sim) and DOMAIN not in identities(sim, QUIET)
    destinations = [{'name': 'stream', 'type': 'firehose', 'event_types': ['SEND']}]
    assert post(kind='configuration_sets', name='set-00000', values={'destinations': destinations}) == 200
    read = client(sim, 'sesv2').get_configuration_set_event_destinations(ConfigurationSetName='set-00000')
    assert [each['Name'] for each in read['EventDestinations']] == ['stream']
    assert post(kind='account', values={'plan': 'PRO', 'suppressed_reasons': []}) == 200
    assert post(kind='standing', values={'max_send_rate': 500.0}) == 200
    account = client(sim, 'sesv2').get_account()
    assert account['SuppressionAttributes']['SuppressedReasons'] == [] and account['SendQuota']['MaxSendRate'] == 500
    assert [post(kind='colours', name='red'), post(kind='identities', name='a', values={'colour': 1})] == [400, 400]
    assert post(kind='standing', values={'colour': 1}) == 400


def story(sim, clock, hours, look):
    """What `look` sees so many hours after the start."""
    seen = []
    for hour in hours:
        clock.set(sim.world.started + hour * HOUR)
        seen.append(look())
    return seen


def test_stories_of_identities(start, clock):
    """DKIM is lost, and topics are removed, an hour after the start."""
    sim = start('dkim_broken', **SETTINGS)
    read = client(sim, 'ses')

    def dkim():
        return read.get_identity_dkim_attributes(Identities=[DOMAIN])['DkimAttributes'][DOMAIN][
            'DkimVerificationStatus'
        ]

    assert story(sim, clock, (0, 2, 26), dkim) == ['Success', 'TemporaryFailure', 'Failed']
    sim = start('topic_removed', **SETTINGS)
    reader = client(sim, 'ses')

    def feedback():
        answer = reader.get_identity_notification_attributes(Identities=[DOMAIN])['NotificationAttributes'][DOMAIN]
        return 'BounceTopic' in answer, answer['ForwardingEnabled']

    assert story(sim, clock, (0, 2), feedback) == [(True, False), (False, True)]


def test_stories_of_sets_tenants_and_findings(start, clock):
    """A destination is disabled, a tenant is paused and reinstated, a finding is opened and fixed."""
    sim = start('destination_disabled', **SETTINGS)
    mail = client(sim, 'sesv2')

    def takers():
        read = mail.get_configuration_set_event_destinations(ConfigurationSetName='set-00001')['EventDestinations']
        return [each['Name'] for each in read if each['Enabled']]

    assert story(sim, clock, (0, 2), takers) == [['metrics', 'feedback'], []]
    paused = start('tenant_paused', **SETTINGS)
    tenant_mail = client(paused, 'sesv2')

    def tenants():
        entities = tenant_mail.list_reputation_entities()['ReputationEntities']
        return [(e['SendingStatusAggregate'], e.get('ReputationImpact')) for e in entities][3]

    states = [('ENABLED', None), ('ENABLED', 'HIGH'), ('DISABLED', 'HIGH'), ('REINSTATED', 'HIGH')]
    assert story(paused, clock, (0, 1.5, 3, 6), tenants) == states
    found = start('finding', **SETTINGS)
    finding_mail = client(found, 'sesv2')

    def findings():
        return [(each['Type'], each['Status']) for each in finding_mail.list_recommendations()['Recommendations']]

    assert story(found, clock, (0, 2, 7), findings) == [[], [('SPF', 'OPEN')], [('SPF', 'FIXED')]]


def test_stories_of_the_account(start, clock):
    """An account leaves the sandbox; keys are stolen, which shows in a Region without mail only."""
    sim = start('sandbox_left', **SETTINGS)
    mail = client(sim, 'sesv2')

    def review():
        account = mail.get_account()
        return account['ProductionAccessEnabled'], account['Details']['ReviewDetails']['Status']

    assert story(sim, clock, (0, 3), review) == [(False, 'PENDING'), (True, 'GRANTED')]
    thief = start('stolen_key', **SETTINGS)

    def quiet():
        quota = client(thief, 'sesv2', QUIET).get_account()['SendQuota']
        return quota['Max24HourSend'], quota['SentLast24Hours'], len(identities(thief, QUIET)), list(identities(thief))

    before, after = story(thief, clock, (0, 3), quiet)
    assert before == (200, 0, 0, [DOMAIN]) and after == (10_000_000, 0, 3, [DOMAIN])


def test_findings_are_where_the_trouble_is(start, clock):
    """In the storm AWS has findings about the account and the newsletter, in the troubled Regions only, until it is
    over; whoever sends the mail exists everywhere."""
    sim = start(replace(SCENARIOS['bounce_storm'], troubled=('us-east-1',), streams=STREAMS), **SETTINGS)
    regions = ('us-east-1', QUIET)

    def findings():
        listed = [client(sim, 'sesv2', region).list_recommendations()['Recommendations'] for region in regions]
        return [[(each['ResourceArn'].rpartition(':')[2], each['Status']) for each in part] for part in listed]

    names = ('account', 'configuration-set/newsletter')
    seen = story(sim, clock, (0, 5, 45), findings)
    assert seen == [[[], []], *([[(name, status) for name in names], []] for status in ('OPEN', 'FIXED'))]
    assert {*identities(sim)} == {*identities(sim, QUIET)} == {DOMAIN, 'shop.example', 'news.example'}
