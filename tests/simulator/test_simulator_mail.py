"""The messages of the simulator add up: in every account and Region, for each sender, in each minute."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from aws_clients import ACCOUNT, REGION, client

from demo.series import staged
from simulator import SCENARIOS, Clock, Simulator, series_id
from simulator.mail import REPRESENTATIVE
from simulator.rows import METRICS
from simulator.scenarios import EVENTS, HOUR, SES, Family, Scenario, configuration_sets, tenants
from simulator.series import Dimensions
from simulator.streams import Chances, Stream
from simulator.world import World

NOW = 1_790_000_040.0
OTHER = 'eu-west-1'
SET, TENANT = 'ses:configuration-set', 'TenantName'
SPELLINGS = {'Sends': 'Send', 'Bounces': 'Bounce', 'Complaints': 'Complaint'}
SIZES = {'large': 7, 'identities': 7, 'sparse': 100}
SMALL = {name: scenario.sized(SIZES[name]) if name in SIZES else scenario for name, scenario in SCENARIOS.items()}
STAGED = {f'{name} on stage': staged(SMALL[name], (REGION, OTHER)) for name in ('bounce_storm', 'everything', 'paused')}


def world_of(scenario: Scenario, **options: int) -> World:
    return Simulator(scenario, clock=Clock(NOW), **options).world


def by_sender(world: World, region: str, hours: tuple[int, int]) -> dict[Dimensions, dict[str, list[int]]]:
    """The messages of each minute by metric, for each sender."""
    first, last = (int(NOW // 60) + hour * 60 for hour in hours)
    senders: dict[Dimensions, dict[str, list[int]]] = {}
    for identity in world.series(ACCOUNT, region, SES):
        series = world.find(region, identity)
        if series is not None and series.part is not None and not series.gauge:
            name = SPELLINGS.get(identity.metric, identity.metric)
            numbers = world.events(ACCOUNT, region, series, first, last)
            senders.setdefault(identity.dimensions, {})[name] = numbers
    return senders


def sums(*minutes: list[int]) -> list[int]:
    return [sum(numbers) for numbers in zip(*minutes, strict=True)]


def contradictions(dimensions: Dimensions, metrics: dict[str, list[int]]) -> Iterator[str]:
    """Where the metrics of a sender contradict each other."""
    outcomes = [metrics[name] for name in ('Delivery', 'Bounce', 'Reject') if name in metrics]
    if len(outcomes) == 3 and sums(*outcomes) != metrics['Send']:
        yield f'{dimensions}: the outcomes are not what was sent'
    wholes = {'Open': 'Delivery', 'Click': 'Open', 'Complaint': 'Delivery', 'Subscription': 'Delivery'}
    for part, whole in {**wholes, 'Bounce': 'Send', 'Delivery': 'Send', 'DeliveryDelay': 'Send'}.items():
        if {part, whole} <= metrics.keys():
            if any(more > all_ for more, all_ in zip(metrics[part], metrics[whole], strict=True)):
                yield f'{dimensions}: more {part} than {whole}'
    if any(number < 0 for numbers in metrics.values() for number in numbers):
        yield f'{dimensions}: less than none'


@pytest.mark.parametrize('region', [REGION, OTHER])
@pytest.mark.parametrize('scenario', [*SMALL.values(), *STAGED.values()], ids=[*SMALL, *STAGED])
def test_each_message_has_one_outcome(scenario: Scenario, region: str) -> None:
    """In each minute, of the account and of every sender, what was sent was delivered, bounced or rejected, and no more
    is opened, clicked, complained about or delayed than there was."""
    world = world_of(scenario)
    for hours in ((-30, -28), (1, 3), (9, 11)):
        senders = by_sender(world, region, hours)
        assert [text for sender in senders.items() for text in contradictions(*sender)] == []
    assert senders or not scenario.volume or region not in (scenario.regions or [region])


def families_of(scenario: Scenario) -> list[Family]:
    return [family for family in scenario.families if family.mail]


@pytest.mark.parametrize('scenario', [*SMALL.values(), *STAGED.values()], ids=[*SMALL, *STAGED])
def test_senders_and_mail_of_nobody_are_the_account(scenario: Scenario) -> None:
    """In each minute the members of a family have together no more than the account, of each outcome, and where each
    message has a sender they have all of it."""
    world = world_of(scenario)
    senders = by_sender(world, REGION, (1, 3))
    for family in families_of(scenario):
        members = [tuple(sorted(dimensions)) for dimensions in family.members()]
        for metric in family.mail:
            name = SPELLINGS.get(metric, metric)
            if name not in senders.get((), {}):
                continue
            together = sums(*(senders[dimensions][name] for dimensions in members))
            pairs = list(zip(together, senders[()][name], strict=True))
            assert all(members <= account for members, account in pairs)
            if not any(member.dimensions for member in scenario.streams) and family.share == 1.0:
                assert together == senders[()][name]


def test_named_sets_and_mail_without_a_set_are_the_account() -> None:
    """The sets, tenants and campaigns of the storm have the messages of their streams, and the rest of the account is
    the stream without a set."""
    scenario = STAGED['bounce_storm on stage']
    world, minutes = world_of(scenario), range(int(NOW // 60) + 60, int(NOW // 60) + 180)
    senders = by_sender(world, REGION, (1, 3))

    def of_streams(**labels: str) -> list[list[int]]:
        numbers = [
            number
            for number, stream in enumerate(scenario.streams)
            if all(getattr(stream, label) == text for label, text in labels.items())
        ]
        outcomes = [[world.outcomes(ACCOUNT, REGION, number, minute) for number in numbers] for minute in minutes]
        fields = ('sent', 'delivered', 'rejected', 'complained', 'delayed')
        return [[sum(getattr(outcome, field) for outcome in minute) for minute in outcomes] for field in fields]

    def of_series(dimensions: Dimensions) -> list[list[int]]:
        return [senders[dimensions][name] for name in ('Send', 'Delivery', 'Reject', 'Complaint', 'DeliveryDelay')]

    names = {name: ((SET, name),) for name in ('receipts', 'alerts', 'newsletter')}
    assert all(of_series(dimensions) == of_streams(configuration_set=name) for name, dimensions in names.items())
    parts = [*map(of_series, names.values()), of_streams(configuration_set='')]
    assert [sums(*metric) for metric in zip(*parts, strict=True)] == of_series(())
    travel = senders[tuple(sorted({'TenantId': 'tn-00000003', TENANT: 'travel'}.items()))]
    assert travel['Bounce'] == senders[names['newsletter']]['Bounce']
    campaigns = [senders[('campaign', name),]['Bounce'] for name in ('spring', 'welcome')]
    assert sums(*campaigns) == senders[names['newsletter']]['Bounce']


def test_a_named_member_has_its_streams_and_the_members_without_share_the_others() -> None:
    """A tenant that a stream names has the messages of that stream; the other tenants divide a share of the other mail,
    so that no message has two tenants."""
    usual, bad = Stream(), Stream(0.5, Chances(permanent=0.5), tenant='tenant-00001')
    world = world_of(Scenario('tenants', 'a tenant with bad lists', streams=(usual, bad), families=(tenants(4),)))
    of_tenants = {dict(dimensions).get(TENANT): sent for dimensions, sent in by_sender(world, REGION, (0, 2)).items()}
    minutes = range(int(NOW // 60), int(NOW // 60) + 120)
    first, second = ([world.outcomes(ACCOUNT, REGION, number, m).sent for m in minutes] for number in (0, 1))
    assert of_tenants['tenant-00001']['Send'] == second
    remaining = sums(*(metrics['Send'] for name, metrics in of_tenants.items() if name not in (None, 'tenant-00001')))
    assert all(part <= whole for part, whole in zip(remaining, first, strict=True))
    assert 0.85 < sum(remaining) / sum(first) < 0.95
    assert of_tenants[None]['Send'] == sums(first, second)


def test_bounces_have_types_that_add_up() -> None:
    """Each bounce of a stream has one type and sub-type, and each outcome of a message is counted once."""
    scenario = SCENARIOS['bounce_storm']
    world, first = world_of(scenario), int(NOW // 60) + 300
    kinds = set()
    for number in range(len(scenario.streams)):
        for minute in range(first, first + 120):
            outcome = world.outcomes(ACCOUNT, REGION, number, minute)
            bounced = outcome.transient + outcome.permanent + outcome.suppressed
            assert outcome.sent == outcome.delivered + bounced + outcome.rejected
            assert sum(outcome.bounces.values()) == bounced and min(outcome.bounces.values()) >= 0
            assert sum(n for (kind, _), n in outcome.bounces.items() if kind == 'Transient') == outcome.transient
            kinds |= {kind for kind, n in outcome.bounces.items() if n}
    assert len(kinds) == 6


@pytest.mark.parametrize('scenario', ['late_data', 'bounce_storm', 'configuration_sets'])
def test_at_no_time_more_is_shown_as_delivered_than_as_sent(scenario: str) -> None:
    """While CloudWatch does not show everything yet, it shows of no sender more deliveries than messages."""
    world = world_of(replace(SCENARIOS[scenario], late_share=0.3))
    minute = int(NOW // 60) - 60
    for dimensions in {identity.dimensions for identity in world.series(ACCOUNT, REGION)}:
        for age in range(0, 3600, 45):
            now = minute * 60 + age
            sent, delivered = (
                [world.visible_sum(ACCOUNT, REGION, series_id(name, dimensions), (minute - at) * 60,
                                   (minute - at + 1) * 60, now) for at in range(6)]
                for name in ('Send', 'Delivery')
            )  # fmt: skip
            assert all(part <= whole for part, whole in zip(delivered, sent, strict=True))


@pytest.mark.parametrize('scenario', ['bounce_storm', 'large', 'steady'])
def test_the_bounce_rate_is_that_of_the_messages(scenario: str) -> None:
    """The reputation of an account and of a set is the share of hard bounces and of complaints in its mail before."""
    world = world_of(SCENARIOS[scenario].sized(3) if scenario == 'large' else SCENARIOS[scenario])
    minute = int(NOW // 60) + 360
    for sender in {identity.dimensions for identity in world.series(ACCOUNT, REGION)}:
        series = world.find(REGION, series_id('Reputation.BounceRate', sender))
        if series is None or series.part is None or series.part.division is not None:
            continue
        for sample in world.samples(ACCOUNT, REGION, series.id, minute, minute + 60):
            window = range(sample.minute - REPRESENTATIVE, sample.minute, 1)
            outcomes = [
                world.outcomes(ACCOUNT, REGION, number, minute) for number in series.part.streams for minute in window
            ]
            hard, sent = (sum(getattr(outcome, field) for outcome in outcomes) for field in ('permanent', 'sent'))
            assert sample.total == hard / sent


def test_only_the_guilty_set_stands_out() -> None:
    """In the storm one set bounces, in the troubled Region only, and the reputation of the others stays good."""
    world = world_of(STAGED['bounce_storm on stage'])
    end = NOW + 8 * HOUR

    def share(name: str, region: str) -> float:
        sent, bounced = (
            world.final_sum(ACCOUNT, region, series_id(metric, {SET: name}), end - HOUR, end)
            for metric in ('Send', 'Bounce')
        )
        return bounced / sent

    def rate(name: str, region: str) -> float:
        identity = series_id('Reputation.BounceRate', {SET: name})
        return world.samples(ACCOUNT, region, identity, int(end // 60) - 60, int(end // 60))[-1].total

    assert share('newsletter', REGION) > 0.2 and rate('newsletter', REGION) > 0.1
    for name, region in (('receipts', REGION), ('alerts', REGION), ('newsletter', OTHER), ('receipts', OTHER)):
        assert share(name, region) < 0.05 and rate(name, region) < 0.03
    standings = {region: world.standing(ACCOUNT, region, end).enforcement_status for region in (REGION, OTHER)}
    assert standings == {REGION: 'PROBATION', OTHER: 'HEALTHY'}
    sent = {region: world.final_sum(ACCOUNT, region, 'Send', end - HOUR, end) for region in (REGION, OTHER)}
    assert 0.3 < sent[OTHER] / sent[REGION] < 0.5


@pytest.mark.parametrize('name', list(SCENARIOS))
def test_a_review_has_a_reason(name: str) -> None:
    """Where AWS has begun a review or a pause, the rates say why, and where they are bad for hours it has begun one."""
    world = world_of(SMALL[name])
    bounces, complaints = (f'Reputation.{kind}Rate' for kind in ('Bounce', 'Complaint'))
    begun = {'HEALTHY'}
    for hour in range(0, 60, 2):
        minute = int(NOW // 60) + hour * 60
        status = world.standing(ACCOUNT, REGION, minute * 60.0).enforcement_status
        newest = [world.samples(ACCOUNT, REGION, rate, minute - 600, minute)[-1:] for rate in (bounces, complaints)]
        bounced, complained = (samples[0].total if samples else 0.0 for samples in newest)
        if status not in begun:
            assert bounced >= 0.05 or complained >= 0.001, f'{status} after {hour} hours'
            begun.add(status)
        if bounced >= 0.07 or complained >= 0.004:
            assert status != 'HEALTHY', f'after {hour} hours {bounced:.3f} of the mail bounces'


def test_quota_statistics_and_cloudwatch_are_of_the_same_mail(start, clock) -> None:
    """GetSendQuota, GetSendStatistics and CloudWatch count the messages of the streams."""
    sim = start('bounce_storm')
    clock.advance(7200)
    first, last = int(clock() // 60) - 1439, int(clock() // 60)
    outcomes = [
        sim.world.outcomes(ACCOUNT, REGION, number, minute)
        for number in range(len(sim.scenario.streams))
        for minute in range(first, last)
    ]
    sent = sum(outcome.sent for outcome in outcomes)
    assert client(sim, 'ses').get_send_quota()['SentLast24Hours'] == sent
    assert sim.world.final_sum(ACCOUNT, REGION, 'Send', first * 60, last * 60) == sent
    newest = last - 1440 + 15
    points = client(sim, 'ses').get_send_statistics()['SendDataPoints']
    day = [point for point in points if newest * 60 <= point['Timestamp'].timestamp() < last * 60]
    bounces = sim.world.final_sum(ACCOUNT, REGION, 'Bounce', newest * 60, last * 60)
    assert sum(point['Bounces'] for point in day) == bounces > 0


def test_mail_of_one_region_comes_when_it_is_declared() -> None:
    """A stream of one Region that appears later sends there only, and then only; the account's mail is the sum."""
    thief = Stream(5.0, identity='stolen.example', regions=(OTHER,), appears=HOUR)
    usual = Stream(regions=(REGION,))
    world = world_of(Scenario('stolen', 'a stolen key', streams=(usual, thief), families=(configuration_sets(2),)))

    def sent(region: str, begin: float, end: float) -> float:
        return world.final_sum(ACCOUNT, region, 'Send', NOW // 60 * 60 + begin, NOW // 60 * 60 + end)

    assert sent(OTHER, -86_400, HOUR) == 0 < 5 * sent(REGION, HOUR, 3 * HOUR) / 2 < sent(OTHER, HOUR + 60, 3 * HOUR)
    assert sent(REGION, -HOUR, 0) > 0
    assert 0 < world.sent_last_24_hours(ACCOUNT, OTHER, NOW + 2 * HOUR)


def test_a_chance_of_everything_is_still_one_outcome_each() -> None:
    """Chances above all messages leave no negative outcome: a message bounces or is rejected once."""
    storm = {'permanent': ((0.0, 1000.0),), '*': ((0.0, 2.0),)}
    stream = Stream(chances=Chances(transient=0.5, rejected=0.3), curves=storm)
    world = world_of(Scenario('worst', 'everything bounces', streams=(stream,), families=(configuration_sets(3),)))
    for sender in by_sender(world, REGION, (0, 2)).items():
        assert list(contradictions(*sender)) == []
        assert sum(sender[1]['Delivery']) == 0 < sum(sender[1]['Bounce'])


def test_every_metric_of_messages_is_known() -> None:
    """Each metric that the check reads as events of an account counts messages of the rows."""
    assert set(EVENTS) <= METRICS.keys()
