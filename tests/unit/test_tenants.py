"""Tenants as reputation entities: from literal answers of ListReputationEntities to gauges and events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from sweeping import NOW, Play, refused, values_of

from datadog_checks.amazon_ses.model import Failure, FailureKind
from datadog_checks.amazon_ses.sweeps import ApiRequest
from datadog_checks.amazon_ses.sweeps.tenant_rounds import EMPTY_INTERVAL, INTERVAL, SHORT_INTERVAL
from datadog_checks.amazon_ses.sweeps.tenants import TENANTS

ARN = 'arn:aws:ses:us-east-1:123456789012:tenant'
HOUR = 3600


def record(status: str) -> dict[str, Any]:
    return {'Status': status, 'Cause': 'secret of jane.doe@mail.example', 'LastUpdatedTimestamp': NOW}


def tenant(name: str = 'acme', **members: Any) -> dict[str, Any]:
    return {
        'ReputationEntityReference': f'{ARN}/{name}/tn-{name}',
        'ReputationEntityType': 'RESOURCE',
        'ReputationManagementPolicy': 'arn:aws:ses:us-east-1:aws:reputation-policy/standard',
        'CustomerManagedStatus': record('ENABLED'),
        'AwsSesManagedStatus': record('ENABLED'),
        'SendingStatusAggregate': 'ENABLED',
        **members,
    }


def paused_by_aws(name: str = 'acme', **members: Any) -> dict[str, Any]:
    return tenant(name, AwsSesManagedStatus=record('DISABLED'), SendingStatusAggregate='DISABLED', **members)


def paused_by_customer(name: str = 'acme') -> dict[str, Any]:
    return tenant(name, CustomerManagedStatus=record('DISABLED'), SendingStatusAggregate='DISABLED')


class Aws:
    """An account with tenants; `page` entries fit a page."""

    def __init__(self, *rows: Mapping[str, Any], page: int = 100) -> None:
        self.rows = list(rows)
        self.page = page
        self.failure: Failure | None = None

    def __call__(self, request: ApiRequest) -> Mapping[str, Any] | Failure:
        if self.failure:
            return self.failure
        assert request.operation == 'ListReputationEntities' and 'PageSize' not in request.parameters
        filters = request.parameters.get('Filter', {})
        assert len(filters) <= 1
        matching = [
            row
            for row in self.rows
            if filters.get('SENDING_STATUS') in (None, row.get('SendingStatusAggregate'))
            and filters.get('REPUTATION_IMPACT') in (None, row.get('ReputationImpact'))
            and row['ReputationEntityReference'].startswith(filters.get('ENTITY_REFERENCE_PREFIX', ''))
        ]
        offset = int(request.parameters.get('NextToken', 0))
        answer: dict[str, Any] = {'ReputationEntities': matching[offset : offset + self.page]}
        if offset + self.page < len(matching):
            answer['NextToken'] = str(offset + self.page)
        return answer


def hours(play: Play, number: float) -> Play:
    for _ in range(int(number * 6)):
        play.run(SHORT_INTERVAL)
    return play


def test_nobody_paused_is_zero() -> None:
    """Where no tenant is paused that is said as a zero for each who may pause, so that a monitor recovers."""
    shown = Play(TENANTS, Aws(tenant())).run().shown()
    paused = {key: value for key, value in shown.items() if key[0] == 'tenant.paused'}
    assert paused == {('tenant.paused', 'paused_by:aws'): 0, ('tenant.paused', 'paused_by:customer'): 0}


def test_tenants_are_counted_and_the_bad_ones_named() -> None:
    """Tenants are counted by status, impact and who paused them; those that are paused, let through or near a pause are
    named, the worst first."""
    strict = 'arn:aws:ses:us-east-1:aws:reputation-policy/strict'
    rows = (
        tenant('well'),
        tenant('low', ReputationImpact='LOW'),
        tenant('near', ReputationImpact='LOW', ReputationManagementPolicy=strict),
        tenant('high', ReputationImpact='HIGH'),
        tenant('through', CustomerManagedStatus=record('REINSTATED'), SendingStatusAggregate='REINSTATED'),
        paused_by_customer('own'),
        paused_by_aws('aws', ReputationImpact='HIGH'),
        tenant('odd', SendingStatusAggregate='SOMETHING_NEW'),
    )
    play = Play(TENANTS, Aws(*rows)).run()
    name = 'tenant.sending_enabled'
    standard = ('policy:standard',)
    shown = play.shown()
    assert {key: value for key, value in shown.items() if key[0] != name} == {
        ('tenant.count', 'status:enabled'): 4,
        ('tenant.count', 'status:reinstated'): 1,
        ('tenant.count', 'status:disabled'): 2,
        ('tenant.count', 'status:unknown'): 1,
        ('tenant.with_findings', 'impact:low'): 2,
        ('tenant.with_findings', 'impact:high'): 2,
        ('tenant.paused', 'paused_by:aws'): 1,
        ('tenant.paused', 'paused_by:customer'): 1,
    }
    assert list(values_of(shown, name).items()) == [
        (('tenant:aws', 'tenant_id:tn-aws', 'status:disabled', 'impact:high', *standard, 'paused_by:aws'), 0),
        (('tenant:own', 'tenant_id:tn-own', 'status:disabled', 'impact:none', *standard, 'paused_by:customer'), 0),
        (('tenant:high', 'tenant_id:tn-high', 'status:enabled', 'impact:high', *standard), 1),
        (('tenant:near', 'tenant_id:tn-near', 'status:enabled', 'impact:low', 'policy:strict'), 1),
        (('tenant:through', 'tenant_id:tn-through', 'status:reinstated', 'impact:none', *standard), 1),
    ]
    assert 'jane' not in str(shown) and 'arn' not in str(shown)


def test_an_account_without_tenants_costs_one_request_an_hour() -> None:
    """Without tenants nothing is shown, and one list an hour is all that is asked."""
    play = hours(Play(TENANTS, Aws()).run(), 12)
    assert play.shown() == {} and len(play.requests) in (12, 13)


def test_tenants_cost_eighteen_requests_an_hour() -> None:
    """100 tenants cost three short lists every ten minutes, and a whole one every six hours."""
    play = Play(TENANTS, Aws(*(tenant(f't{number}') for number in range(100)))).run()
    play.requests.clear()
    hours(play, 12)
    filters = Counter(next(iter(request.parameters.get('Filter', {'none': ''}))) for request in play.requests)
    assert filters == {'REPUTATION_IMPACT': 144, 'SENDING_STATUS': 72, 'none': 2}


@pytest.mark.parametrize(
    ('row', 'expected'),
    [
        ({'ReputationEntityReference': f'{ARN}/acme/tn-1'}, ('tenant:acme', 'tenant_id:tn-1')),
        ({'ReputationEntityReference': f'{ARN}/tn-1'}, ('tenant:tn-1',)),
        ({'ReputationEntityReference': f'{ARN}/jane.doe@mail.example/tn-1'}, ('identity:mail.example',)),
    ],
)
def test_spellings_of_the_arn_of_a_tenant(row: dict[str, Any], expected: tuple[str, ...]) -> None:
    """The ARN of a tenant has its name and id, or the id alone; an address in it is masked."""
    (tags,) = values_of(Play(TENANTS, Aws(paused_by_aws(**row))).run().shown(), 'tenant.sending_enabled')
    assert tags[: len(expected)] == expected and 'jane' not in str(tags)


def test_other_entities_are_no_tenants() -> None:
    """An entity of another kind is left out."""
    other = tenant(ReputationEntityReference='arn:aws:ses:us-east-1:123456789012:configuration-set/news')
    assert Play(TENANTS, Aws(other)).run().shown() == {}


def test_a_pause_is_told_within_ten_minutes() -> None:
    """A tenant that gets a finding, is paused and resumes is one event each, ten minutes later at most; it is shown for
    an hour after."""
    aws = Aws(tenant(), tenant('other'))
    play = Play(TENANTS, aws).run()
    aws.rows[0] = tenant(ReputationImpact='HIGH')
    assert play.run(SHORT_INTERVAL).event_titles() == [('tenant.escalated', 'a tenant with findings')]
    aws.rows[0] = paused_by_aws(ReputationImpact='HIGH')
    play.run(SHORT_INTERVAL)
    assert [event[-1] for event in play.events] == ['error'] and 'AWS paused it.' in play.events[0][2]
    assert play.event_titles() == [('tenant.paused', 'a tenant paused')]
    aws.rows[0] = tenant(ReputationImpact='HIGH', SendingStatusAggregate='REINSTATED')
    assert play.run(SHORT_INTERVAL).event_titles() == [('tenant.resumed', 'a tenant resumed')]
    aws.rows[0] = tenant()
    assert play.run(SHORT_INTERVAL).event_titles() == []
    (tags,) = values_of(play.shown(), 'tenant.sending_enabled')
    assert 'status:enabled' in tags and 'impact:none' in tags
    hours(play, 1.2)
    assert values_of(play.shown(), 'tenant.sending_enabled') == {} and play.event_titles() == []


def test_who_paused_a_tenant_is_told() -> None:
    """Tenants that AWS paused and those that their owner paused are two events, each with its number."""
    aws = Aws(*(tenant(f't{number}') for number in range(5)))
    play = Play(TENANTS, aws).run()
    aws.rows = [paused_by_aws('t0'), *(paused_by_customer(f't{number}') for number in range(1, 5))]
    play.run(SHORT_INTERVAL)
    assert sorted(play.event_titles()) == [('tenant.paused', '4 tenants paused'), ('tenant.paused', 'a tenant paused')]


def test_a_paused_tenant_that_is_deleted_did_not_resume() -> None:
    """A tenant that the short lists name no more is asked for by its ARN: a deleted one is gone, and not resumed."""
    aws = Aws(paused_by_aws(), tenant('other'))
    play = Play(TENANTS, aws).run()
    del aws.rows[0]
    play.run(SHORT_INTERVAL)
    assert play.requests[-1].parameters == {'Filter': {'ENTITY_REFERENCE_PREFIX': f'{ARN}/acme/tn-acme'}}
    assert play.event_titles() == []
    assert values_of(play.shown(), 'tenant.count') == {('status:enabled',): 1, ('status:disabled',): 0}


def test_many_that_are_missing_cost_one_list() -> None:
    """Where more than ten tenants are missing in a short list, all are listed instead of each being asked for."""
    aws = Aws(*(paused_by_aws(f't{number}') for number in range(30)))
    play = Play(TENANTS, aws).run()
    aws.rows = [tenant(f't{number}') for number in range(30)]
    play.requests.clear()
    play.run(SHORT_INTERVAL)
    filters = [key for request in play.requests for key in request.parameters.get('Filter', ())]
    assert len(play.requests) == 4 and 'ENTITY_REFERENCE_PREFIX' not in filters
    assert play.event_titles() == [('tenant.resumed', '30 tenants resumed')]


def test_the_bound_on_names_is_counted() -> None:
    """`max_tenants` names the worst tenants, and `tenant.unnamed` counts the others."""
    rows = [*(paused_by_customer(f'own{number}') for number in range(4)), paused_by_aws()]
    shown = Play(TENANTS, Aws(*rows), max_tenants=2).run().shown()
    assert [tags[0] for tags in values_of(shown, 'tenant.sending_enabled')] == ['tenant:acme', 'tenant:own0']
    assert shown['tenant.unnamed'] == 3


def test_names_are_hashed_on_request() -> None:
    """With `hash_tenant_names` neither tags nor events hold the name of a tenant; its id from AWS is shown."""
    aws = Aws(tenant())
    play = Play(TENANTS, aws, hash_tenants=True).run()
    aws.rows = [paused_by_aws()]
    play.run(SHORT_INTERVAL)
    texts = str(play.shown()) + str(play.events)
    assert play.events and 'tenant:acme' not in texts and 'tenant acme' not in texts and 'tenant_id:tn-acme' in texts


def test_ten_thousand_tenants_are_counted() -> None:
    """10,000 tenants are listed over all pages in one round, and are saved in less than 300 kB."""
    aws = Aws(*(tenant(f't{number}') for number in range(9_990)), *(paused_by_aws(f'p{n}') for n in range(10)))
    play = Play(TENANTS, aws).run()
    assert values_of(play.shown(), 'tenant.count') == {('status:enabled',): 9_990, ('status:disabled',): 10}
    assert len(str(TENANTS.to_document(play.state))) < 300_000


def test_a_restart_asks_for_little_and_tells_what_changed() -> None:
    """After a restart the short lists are asked for and not all tenants; who was paused or resumed meanwhile is told,
    and who was paused before is not."""
    aws = Aws(tenant('a'), tenant('b'), paused_by_aws('c'), paused_by_aws('d'))
    play = Play(TENANTS, aws).run().restart()
    play.requests.clear()
    assert play.run(60).event_titles() == []
    assert len(play.requests) == 3 and values_of(play.shown(), 'tenant.count')['status:disabled',] == 2
    play.restart()
    aws.rows = [paused_by_aws('a'), tenant('b'), tenant('c'), paused_by_aws('d')]
    assert play.run(60).event_titles() == [('tenant.paused', 'a tenant paused'), ('tenant.resumed', 'a tenant resumed')]
    assert 'acme' not in str(TENANTS.to_document(play.state))


def test_a_first_sight_is_no_event() -> None:
    """A tenant that is new and paused already is no event, nor is a tenant of an account that is seen first."""
    aws = Aws(paused_by_aws('a'))
    play = Play(TENANTS, aws).run()
    aws.rows.append(paused_by_aws('b', ReputationImpact='HIGH'))
    play.run(SHORT_INTERVAL)
    assert play.event_titles() == [] and values_of(play.shown(), 'tenant.count')['status:disabled',] == 2


@pytest.mark.parametrize(
    'answer',
    [
        {},
        {'ReputationEntities': None},
        {'ReputationEntities': 'x'},
        {'ReputationEntities': [{}]},
        {'ReputationEntities': [None]},
        {'ReputationEntities': [tenant(ReputationEntityReference=7)]},
        {'ReputationEntities': [], 'NextToken': 7},
    ],
)
def test_malformed_answers_change_nothing(answer: Mapping[str, Any]) -> None:
    """An answer of another form is a failure, and what was known is shown on."""
    aws = Aws(paused_by_aws(), tenant('other'))
    play = Play(TENANTS, aws).run()
    before = play.shown()
    play.aws = lambda request: answer
    play.run(SHORT_INTERVAL, most=1)
    assert [failure.kind for failure in play.current.failures(play.now)] == [FailureKind.MALFORMED]
    assert play.shown() == before and play.event_titles() == []


PARTS = ('ReputationManagementPolicy', 'CustomerManagedStatus', 'SendingStatusAggregate', 'ReputationImpact')


@pytest.mark.parametrize('part', [*PARTS, 'AwsSesManagedStatus'])
@pytest.mark.parametrize('garbage', [None, 'x y z?', 7, [], {}, {'Status': 7}])
def test_garbage_in_a_part_is_unknown(part: str, garbage: Any) -> None:
    """A part of a tenant of another form is unknown, and costs no other part."""
    row = {**paused_by_aws(), part: garbage}
    shown = Play(TENANTS, lambda request: {'ReputationEntities': [tenant('other'), row]}).run().shown()
    is_paused = part != 'SendingStatusAggregate'
    paused = {tags[0].partition(':')[2]: number for tags, number in values_of(shown, 'tenant.paused').items() if number}
    assert paused == ({'unknown' if part == 'AwsSesManagedStatus' else 'aws': 1} if is_paused else {})
    assert sum(values_of(shown, 'tenant.count').values()) == 2


@pytest.mark.parametrize('kind', [FailureKind.DENIED, FailureKind.UNSUPPORTED, FailureKind.THROTTLED])
def test_what_fails_is_shown_on_for_half_an_hour(kind: FailureKind) -> None:
    """While AWS denies the lists, what was known is shown for half an hour, and nothing is told."""
    aws = Aws(paused_by_aws())
    play = Play(TENANTS, aws).run()
    aws.failure = refused('ListReputationEntities', kind)
    play.run(SHORT_INTERVAL)
    assert values_of(play.shown(), 'tenant.count')
    play.run(2 * SHORT_INTERVAL)
    assert play.shown() == {} and play.event_titles() == []


def test_lists_without_end_forget_nobody() -> None:
    """Where AWS's pages never end, nobody is taken for well or deleted, and something waits."""
    aws = Aws(paused_by_aws(), tenant('other'))
    play = Play(TENANTS, aws).run()
    play.aws = lambda request: {'ReputationEntities': [], 'NextToken': 'again'}
    play.run(INTERVAL)
    assert values_of(play.shown(), 'tenant.count') == {('status:enabled',): 1, ('status:disabled',): 1}
    assert play.event_titles() == [] and TENANTS.pending(play.state, play.context, play.now) == 1
    assert EMPTY_INTERVAL == HOUR
