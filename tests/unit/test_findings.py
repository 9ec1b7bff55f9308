"""Findings of AWS: from literal answers of ListRecommendations to gauges and events."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from sweeping import NOW, Play, refused, values_of

from datadog_checks.amazon_ses.model import Failure, FailureKind
from datadog_checks.amazon_ses.sweeps import ApiRequest
from datadog_checks.amazon_ses.sweeps.findings import FINDINGS, INTERVAL, URGENT_INTERVAL

ARN = 'arn:aws:ses:us-east-1:123456789012'
HOUR = 3600
SECRET = 'jane.doe@mail.example with token 0123'


def finding(resource: str = 'identity/example.com', **members: Any) -> dict[str, Any]:
    return {
        'ResourceArn': f'{ARN}:{resource}' if resource else ARN,
        'Type': 'DKIM',
        'Description': f'DKIM1 {SECRET}',
        'Status': 'OPEN',
        'CreatedTimestamp': datetime.fromtimestamp(NOW - HOUR, UTC),
        'LastUpdatedTimestamp': datetime.fromtimestamp(NOW, UTC),
        'Impact': 'HIGH',
        **members,
    }


class Aws:
    """An account with findings; `page` entries fit a page."""

    def __init__(self, *rows: Mapping[str, Any], page: int = 100) -> None:
        self.rows = list(rows)
        self.page = page
        self.failure: Failure | None = None

    def __call__(self, request: ApiRequest) -> Mapping[str, Any] | Failure:
        if self.failure:
            return self.failure
        filters = request.parameters['Filter']
        assert filters.keys() in ({'STATUS'}, {'STATUS', 'IMPACT'})
        matching = [row for row in self.rows if row['Status'] == filters['STATUS']]
        matching = [row for row in matching if filters.get('IMPACT') in (None, row['Impact'])]
        offset = int(request.parameters.get('NextToken', 0))
        answer: dict[str, Any] = {'Recommendations': matching[offset : offset + self.page]}
        if offset + self.page < len(matching):
            answer['NextToken'] = str(offset + self.page)
        return answer


def test_open_findings_are_counted_and_the_urgent_ones_named() -> None:
    """Open findings are counted by type, impact and scope, the oldest has an age, and those of high impact a name."""
    rows = (
        finding(),
        finding(Description='DKIM2'),
        finding('configuration-set/news', Type='COMPLAINT', Impact='LOW'),
        finding('tenant/acme/tn-1', Type='BOUNCE', CreatedTimestamp=NOW - 3 * HOUR),
        finding('', Type='IP_LISTING', Impact='LOW', CreatedTimestamp=NOW - 7200.0),
        finding('dedicated-ip-pool/main', Type='SOMETHING_NEW'),
    )
    assert Play(FINDINGS, Aws(*rows)).run().shown() == {
        ('finding.open', 'type:dkim', 'impact:high', 'scope:identity'): 2,
        ('finding.open', 'type:complaint', 'impact:low', 'scope:configuration_set'): 1,
        ('finding.open', 'type:bounce', 'impact:high', 'scope:tenant'): 1,
        ('finding.open', 'type:ip_listing', 'impact:low', 'scope:account'): 1,
        ('finding.open', 'type:something_new', 'impact:high', 'scope:other'): 1,
        ('finding.age', 'impact:high'): 3 * HOUR,
        ('finding.age', 'impact:low'): 7200,
        ('finding.high_impact', 'type:bounce', 'scope:tenant', 'tenant:acme', 'tenant_id:tn-1'): 1,
        ('finding.high_impact', 'type:dkim', 'scope:identity', 'identity:example.com', 'identity_type:domain'): 2,
        ('finding.high_impact', 'type:something_new', 'scope:other'): 1,
    }


def test_an_account_without_findings_has_zeros() -> None:
    """Without findings there is one zero for each impact, and nothing is named."""
    play = Play(FINDINGS, Aws())
    assert play.shown() == {}
    assert play.run().shown() == {
        ('finding.open', 'impact:low'): 0,
        ('finding.open', 'impact:high'): 0,
    }
    assert [request.parameters['Filter'] for request in play.requests] == [{'STATUS': 'OPEN'}]


@pytest.mark.parametrize(
    ('arn', 'scope', 'tags'),
    [
        (f'{ARN}:identity/example.com', 'identity', ('identity:example.com', 'identity_type:domain')),
        (
            f'{ARN}:identity/jane.doe@mail.example',
            'identity',
            ('identity:mail.example', 'identity_type:email_address', 'identity_hash:'),
        ),
        (
            f'{ARN}:identity/jane.doe%40mail.example',
            'identity',
            ('identity:mail.example', 'identity_type:email_address', 'identity_hash:'),
        ),
        (f'{ARN}:tenant/acme/tn-1', 'tenant', ('tenant:acme', 'tenant_id:tn-1')),
        (f'{ARN}:tenant/tn-1', 'tenant', ('tenant:tn-1',)),
        (f'{ARN}:configuration-set/news', 'configuration_set', ('configuration_set:news',)),
        (f'{ARN}:account', 'account', None),
        (f'{ARN}:account/123456789012', 'account', None),
        (f'{ARN}:*', 'account', None),
        (ARN, 'account', None),
        (f'{ARN}:mailmanager-archive/a-1', 'other', ()),
        ('', 'other', None),
        ('no ARN', 'other', None),
    ],
)
def test_scopes_of_arns(arn: str, scope: str, tags: tuple[str, ...] | None) -> None:
    """Every spelling of an ARN has a scope and, where it names a resource, its tags; no address and no ARN is shown."""
    shown = Play(FINDINGS, Aws(finding(ResourceArn=arn))).run().shown()
    assert values_of(shown, 'finding.open') == {
        ('impact:low',): 0,
        ('type:dkim', 'impact:high', f'scope:{scope}'): 1,
    }
    named = list(values_of(shown, 'finding.high_impact'))
    if tags is None:
        assert named == []
    else:
        (key,) = named
        assert len(key) == 2 + len(tags)
        assert all(tag.startswith(wanted) for tag, wanted in zip(key[2:], tags, strict=True))
    assert 'jane' not in str(shown) and 'arn:' not in str(shown)


def test_every_address_is_shown_on_request_and_tenants_are_hashed() -> None:
    """`show_addresses` names an address; `hash_tenant_names` hides the name of a tenant, in tags and in events."""
    aws = Aws(finding('identity/jane.doe@mail.example'))
    play = Play(FINDINGS, aws, show_addresses=True, hash_tenants=True).run()
    assert 'identity:jane.doe@mail.example' in str(play.shown())
    aws.rows.append(finding('tenant/acme/tn-1'))
    play.run(URGENT_INTERVAL)
    assert 'tenant_id:tn-1' in str(play.shown())
    assert 'acme' not in str(play.shown()) + str(play.events) and play.events


def test_what_is_missing_in_a_row_is_unknown() -> None:
    """A finding without type, impact, time or resource counts as other and unknown."""
    assert Play(FINDINGS, lambda request: {'Recommendations': [{}]}).run().shown() == {
        ('finding.open', 'type:other', 'impact:unknown', 'scope:other'): 1,
        ('finding.open', 'impact:low'): 0,
        ('finding.open', 'impact:high'): 0,
    }


@pytest.mark.parametrize(
    'answer',
    [
        {},
        {'Recommendations': None},
        {'Recommendations': 'x'},
        {'Recommendations': [None]},
        {'Recommendations': [finding(ResourceArn=7)]},
        {'Recommendations': [finding(CreatedTimestamp='soon')]},
        {'Recommendations': [], 'NextToken': 7},
    ],
)
def test_malformed_answers_change_nothing(answer: Mapping[str, Any]) -> None:
    """An answer of another form is a failure, and what was known before is shown on."""
    aws = Aws(finding())
    play = Play(FINDINGS, aws).run()
    before = values_of(play.shown(), 'finding.open')
    play.aws = lambda request: answer
    play.run(INTERVAL, most=1)
    assert [failure.kind for failure in play.current.failures(play.now)] == [FailureKind.MALFORMED]
    assert values_of(play.shown(), 'finding.open') == before
    play.aws = aws
    play.run(INTERVAL)
    assert not list(play.current.failures(play.now)) and play.event_titles() == []


def test_urgent_findings_come_within_ten_minutes() -> None:
    """One of high impact is known and told after ten minutes, one of low impact after an hour, each once."""
    aws = Aws()
    play = Play(FINDINGS, aws).run()
    aws.rows += [finding(), finding('configuration-set/news', Type='BIMI', Impact='LOW')]
    play.run(URGENT_INTERVAL)
    assert play.event_titles() == [('finding.opened', 'a finding opened')]
    assert play.run(URGENT_INTERVAL).event_titles() == []
    for _ in range(5):
        play.run(URGENT_INTERVAL)
    assert [event[-1] for event in play.events] == ['info']
    assert play.event_titles() == [('finding.opened', 'a finding opened')]
    filters = [request.parameters['Filter'] for request in play.requests]
    assert filters.count({'STATUS': 'OPEN'}) == 2 and filters.count({'STATUS': 'OPEN', 'IMPACT': 'HIGH'}) == 6


def test_a_fixed_finding_is_told_as_fixed() -> None:
    """A finding that AWS says is fixed is one event, ten minutes later, and its kind shows zero for an hour."""
    aws = Aws(finding())
    play = Play(FINDINGS, aws).run()
    aws.rows = [finding(Status='FIXED')]
    play.run(URGENT_INTERVAL)
    assert play.event_titles() == [('finding.fixed', 'a finding fixed')]
    kind = ('finding.open', 'type:dkim', 'impact:high', 'scope:identity')
    assert play.shown()[kind] == 0 and ('finding.open', 'impact:high') in play.shown()
    for _ in range(7):
        play.run(URGENT_INTERVAL)
    assert kind not in play.shown() and play.event_titles() == []
    aws.rows = [finding()]
    assert play.run(URGENT_INTERVAL).event_titles() == [('finding.opened', 'a finding opened')]


def test_an_expired_finding_is_not_fixed() -> None:
    """A finding that two whole lists lack, and the fixed ones too, is told as no longer listed; one that a single list
    lacked is not told."""
    aws = Aws(finding(), finding('identity/other.example'))
    play = Play(FINDINGS, aws).run()
    gone = aws.rows.pop()
    play.run(URGENT_INTERVAL)
    aws.rows.append(gone)
    play.run(INTERVAL)
    assert play.event_titles() == [] and sum(values_of(play.shown(), 'finding.open').values()) == 2
    aws.rows.pop()
    play.run(URGENT_INTERVAL)
    assert play.event_titles() == []
    play.run(INTERVAL)
    assert play.event_titles() == [('finding.unlisted', 'a finding no longer listed')]
    assert play.run(INTERVAL).event_titles() == []


def test_many_findings_are_one_event() -> None:
    """30 findings at once are one event with their number and ten names, over all pages; no description is shown."""
    aws = Aws(page=7)
    play = Play(FINDINGS, aws).run()
    aws.rows = [finding(f'identity/jane{number}@d{number:02}.example', Type='SPF') for number in range(30)]
    play.run(INTERVAL)
    ((name, title, text, alert),) = play.events
    assert (name, title, alert) == ('finding.opened', 'Amazon SES: 30 findings opened', 'error')
    assert text.count('spf of an address of') == 10 and 'and 20 more' in text
    assert 'jane' not in text and 'token' not in text
    aws.rows = [{**row, 'Status': 'FIXED'} for row in aws.rows]
    play.events.clear()
    assert play.run(INTERVAL).event_titles() == [('finding.fixed', '30 findings fixed')]


def test_the_bound_on_names_is_counted() -> None:
    """`max_findings` names the oldest, and `finding.unnamed` counts the others."""
    rows = [finding(f'identity/d{n}.example', CreatedTimestamp=NOW - n) for n in range(5)]
    shown = Play(FINDINGS, Aws(*rows), max_findings=2).run().shown()
    named = {tags[2] for tags in values_of(shown, 'finding.high_impact')}
    assert named == {'identity:d4.example', 'identity:d3.example'}
    assert shown['finding.unnamed'] == 3


def test_a_list_that_is_cut_short_loses_nothing() -> None:
    """Where AWS's pages never end, nothing is told as gone, and something waits."""
    aws = Aws(finding(), finding('identity/other.example'))
    play = Play(FINDINGS, aws).run()
    play.aws = lambda request: {'Recommendations': [finding()], 'NextToken': 'again'}
    play.run(INTERVAL)
    assert play.event_titles() == [] and sum(values_of(play.shown(), 'finding.open').values()) == 2
    assert FINDINGS.pending(play.state, play.context, play.now) == 1


@pytest.mark.parametrize('kind', [FailureKind.DENIED, FailureKind.UNSUPPORTED, FailureKind.THROTTLED])
def test_what_fails_is_shown_on_for_three_hours(kind: FailureKind) -> None:
    """While AWS denies the list, what was known is shown for three hours, and nothing is told."""
    aws = Aws(finding())
    play = Play(FINDINGS, aws).run()
    aws.failure = refused('ListRecommendations', kind)
    play.run(2 * HOUR)
    assert values_of(play.shown(), 'finding.open')
    play.run(2 * HOUR)
    assert play.shown() == {} and play.event_titles() == []


def test_a_restart_tells_what_changed_meanwhile() -> None:
    """After a restart, known findings are no event, and those that were opened or fixed meanwhile are."""
    aws = Aws(finding(), finding('identity/other.example', Type='SPF', Impact='LOW'))
    play = Play(FINDINGS, aws).run().restart()
    assert play.run(60).event_titles() == []
    play.restart()
    aws.rows = [finding(Status='FIXED'), aws.rows[1], finding('identity/new.example', Type='DMARC')]
    assert play.run(60).event_titles() == [('finding.opened', 'a finding opened'), ('finding.fixed', 'a finding fixed')]
    assert 'example' not in str(FINDINGS.to_document(play.state))
