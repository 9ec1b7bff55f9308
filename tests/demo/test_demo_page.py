"""The parts of the printed page that decide something."""

from __future__ import annotations

import pytest

from demo import page
from demo.proof import Comparison
from demo.tally import Key, Tally
from standalone.model import Run, Sample


@pytest.mark.parametrize(
    ('name', 'family'),
    [
        ('amazon_ses.send', 'account'),
        ('amazon_ses.delivery_delay.count', 'account'),
        ('amazon_ses.account.sending_enabled', 'standing'),
        ('amazon_ses.reputation.bounce_rate', 'reputation'),
        ('amazon_ses.can_connect', 'collector'),
        ('amazon_ses.collector.api_calls', 'collector'),
        ('amazon_ses.configuration_set.send.count', 'configuration_set'),
        ('amazon_ses.unrecognized.count', 'unrecognized'),
    ],
)
def test_each_metric_has_its_family(name: str, family: str) -> None:
    """The family follows from the name, also for a new family."""
    assert page.family(name) == family


@pytest.mark.parametrize(
    ('value', 'text'), [(0, '0'), (-1, '-1'), (18819, '18,819'), (57.393, '57.39'), (0.0399, '0.0399'), (0.5, '0.5')]
)
def test_small_numbers_keep_three_digits(value: float, text: str) -> None:
    """Whole numbers stay whole and small ones do not become zero."""
    assert page.number(value) == text


def test_a_count_shows_its_total_and_a_missing_value_shows_none() -> None:
    """A metric that a Region did not submit is a dash, never a zero."""
    lines = list(
        page.metrics(
            {Key('amazon_ses.send', 'us-east-1'): 5.0},
            {Key('amazon_ses.send.count', 'eu-west-1'): 1234.0},
            ('us-east-1', 'eu-west-1'),
            {'amazon_ses.send': 'email', 'amazon_ses.send.count': 'email'},
        )
    )

    assert [line.split() for line in lines[2:]] == [
        ['send', '5', '-', 'email'],
        ['send.count', '-', '1,234', 'email,', 'total'],
    ]


def test_tags_that_a_family_shares_are_shown_once() -> None:
    """Tags that all metrics of a family share stand below its name, and only other tags stand in the metric's row."""
    pairs = (
        ('namespace:AWS/SES/MailManager', 'metric_name:Received'),
        ('namespace:AWS/SES/MailManager', 'metric_name:Sent'),
    )
    values = {Key('amazon_ses.unrecognized', 'us-east-1', tags): 1.0 for tags in pairs}

    lines = list(page.metrics(values, {}, ('us-east-1',), {}))

    assert [line.split() for line in lines[2:]] == [
        ['namespace:AWS/SES/MailManager'],
        ['unrecognized', 'metric_name:Received', '1'],
        ['unrecognized', 'metric_name:Sent', '1'],
    ]


def test_a_family_with_many_series_does_not_fill_the_page() -> None:
    """Of a family only so many metrics are shown, and the others are counted."""
    values = {Key('amazon_ses.new.send', 'us-east-1', (f'who:{number:03}',)): 1.0 for number in range(100)}

    lines = list(page.metrics(values, {}, ('us-east-1',), {}))

    assert len(lines) == page.METRIC_LIMIT + 3
    assert lines[-1].split() == ['and', '70', 'more']


def test_deliveries_of_a_tenant_are_a_dash() -> None:
    """AWS has no count of deliveries for a tenant: that is no zero. The tenant is shown by its name."""
    tally = Tally()
    tags = ('tenant:bakery', 'tenant_id:tn-1')
    tally.totals[Key('amazon_ses.tenant.send.count', 'eu-west-1', tags)] = 100.0

    _, line = page.senders('tenant', tally, ['eu-west-1'], {})

    assert line.split()[1:4] == ['bakery', '100', '-']


def test_many_reasons_are_folded_and_name_who_throttled() -> None:
    """A request that failed for every reason there is still fits the page."""
    tally = Tally()
    for reason in ('denied', 'malformed', 'network', 'partial', 'throttled', 'timeout'):
        tags = ('operation:GetMetricData', f'reason:{reason}')
        tally.totals[Key(page.ERRORS, 'eu-central-1', tags)] = 2.0
    compared = [Comparison('GetMetricData', 'eu-central-1', 12, 12)]

    lines = list(page.calls(tally, compared, {('eu-central-1', 'GetMetricData'): {'on purpose': 2}}))

    assert all(len(line) <= 120 for line in lines)
    assert 'throttled 2 (2 on purpose)' in ' '.join(' '.join(lines).split())


def test_a_series_that_differs_has_a_separate_line() -> None:
    """Sums may hide a difference: each series that differs is shown below the sum of its count."""
    name = 'amazon_ses.receiving.publish_success.count'
    compared = [
        Comparison(name, 'eu-central-1', 5, 4, tags=('rule:keep',)),
        Comparison(name, 'us-east-1', 2, 3, tags=('rule_set:in',)),
    ]

    lines = list(page.counts_of_families(compared))

    assert [line.split() for line in lines[1:]] == [
        [name, '2', '7', '7', '0'],
        ['of', 'rule:keep,', 'eu-central-1', '5', '4', '-1'],
        ['of', 'rule_set:in,', 'us-east-1', '2', '3', '1'],
    ]


def test_the_worst_set_comes_first() -> None:
    """Sets are ordered by bounces, and those that are too many are counted."""
    tally = Tally()
    for number in range(12):
        tags = (f'configuration_set:set-{number:02}',)
        tally.totals[Key('amazon_ses.configuration_set.send.count', 'eu-west-1', tags)] = 100.0
        tally.totals[Key('amazon_ses.configuration_set.bounce.count', 'eu-west-1', tags)] = float(number)
    rate = Key('amazon_ses.configuration_set.reputation.bounce_rate', 'eu-west-1', ('configuration_set:set-11',))

    lines = [line.split() for line in page.senders('configuration_set', tally, ['eu-west-1'], {rate: 9.04})]

    assert lines[1] == 'eu-west-1 set-11 100 - 11 11.0 % 16.7 % 9.0 %'.split()
    assert lines[-1] == 'eu-west-1 and 2 more'.split()
    assert len(lines) == 12


def test_a_rule_that_received_most_comes_first() -> None:
    """Rule sets and rules stand in the same table, each with the outcomes of its emails."""
    tally = Tally()
    for tag, received in (('rule:small', 2.0), ('rule_set:all', 9.0)):
        tally.totals[Key('amazon_ses.receiving.received.count', 'eu-west-1', (tag,))] = received
    tally.totals[Key('amazon_ses.receiving.publish_expired.count', 'eu-west-1', ('rule:small',))] = 1.0

    lines = [line.split() for line in page.receivers(tally, ['eu-west-1'])]

    assert lines[1:] == [
        ['eu-west-1', 'rule_set:all', '9', '0', '0', '0'],
        ['eu-west-1', 'rule:small', '2', '0', '0', '1'],
    ]


def test_series_that_max_series_leaves_out_are_counted() -> None:
    """A Region in which series are not asked for says how many, once."""
    tally = Tally()
    tally.last[Key(page.LEFT_OUT, 'eu-west-1', ('reason:max_series',))] = 10.0

    (line,) = page.left_out(tally, ['us-east-1', 'eu-west-1'])

    assert line.split()[:3] == ['eu-west-1', '10', 'series']


def test_headings_and_verdict_have_colours() -> None:
    """On a terminal headings are bold and the verdict is green or red. Indented lines stay plain."""
    lines = ['EVENTS', 'PROOF: 20 counts', 'PROOF FAILED: none', '  none', '']

    assert [page.painted(line) for line in lines] == [
        '\033[1mEVENTS\033[0m',
        '\033[32mPROOF: 20 counts\033[0m',
        '\033[31mPROOF FAILED: none\033[0m',
        '  none',
        '',
    ]


def test_what_aws_says_is_counted_by_region() -> None:
    """Each Region has its identities, sets and tenants, and the findings of high impact among all findings."""
    values = {
        Key('amazon_ses.identity.count', 'us-east-1', ('identity_type:domain', 'verification:success')): 3.0,
        Key('amazon_ses.identity.count', 'us-east-1', ('identity_type:domain', 'verification:failed')): 1.0,
        Key('amazon_ses.tenant.count', 'us-east-1', ('status:enabled',)): 4.0,
        Key('amazon_ses.tenant.count', 'us-east-1', ('status:disabled',)): 2.0,
        Key('amazon_ses.finding.open', 'us-east-1', ('impact:high', 'type:bounce', 'scope:account')): 1.0,
        Key('amazon_ses.finding.open', 'us-east-1', ('impact:low', 'type:dkim', 'scope:identity')): 5.0,
    }
    _, sending, quiet = page.verdicts(values, ('us-east-1', 'eu-west-1'))
    assert sending.split() == ['us-east-1', '4', '0', '6', '2', '6', '1']
    assert quiet.split() == ['eu-west-1', *'000000']


def test_the_provider_that_refuses_comes_first() -> None:
    """Each provider has its bounces of the whole run and of the worst hour, and the reason that it gives most often."""
    tally = Tally()

    def add(time: float, amount: float, provider: str, kind: str, reason: str) -> None:
        tags = ('region:eu-west-1', f'provider:{provider}', f'event:{kind}', f'reason:{reason}')
        tally.add(Run(time, 0.0, metrics=[Sample('amazon_ses.event.provider.count', 'count', amount, tags, '')]))

    add(0.0, 2.0, 'gmail', 'bounce', 'unknown_user')
    add(7200.0, 5.0, 'yahoo', 'bounce', 'unknown_user')
    add(7260.0, 6.0, 'yahoo', 'bounce', 'blocklisted')
    add(7260.0, 1.0, 'gmail', 'delivery_delay', 'mailbox_full')
    add(10800.0, 1.0, 'yahoo', 'bounce', 'unknown_user')

    lines = [line.split() for line in page.refusals(tally, ['eu-west-1', 'us-east-1'])]

    assert lines[1:] == [
        'eu-west-1 yahoo 12 85.7 % 11 from 02:00 0 0 blocklisted'.split(),
        'eu-west-1 gmail 2 14.3 % 0 from 02:00 1 0 unknown_user'.split(),
    ]
