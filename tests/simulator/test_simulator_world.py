from __future__ import annotations

from dataclasses import replace

import pytest
from aws_clients import ACCOUNT, REGION, client

from simulator import SCENARIOS, Clock, Simulator
from simulator.scenarios import BOUNCE_RATE

HOUR = 3600


def world(scenario: str = 'steady', **options):
    return Simulator(scenario, clock=Clock(1_790_000_040.0), **options).world


def test_same_seed_same_traffic():
    """Traffic depends on seed, account and Region, and on nothing else."""
    end = 1_790_000_000.0

    def total(w, account=ACCOUNT, region=REGION):
        return w.final_sum(account, region, 'Send', start=end - 86_400, end=end)

    assert total(world()) == total(world())
    totals = {total(world()), total(world(seed=2)), total(world(), '222222222222'), total(world(), region='eu-west-1')}
    assert len(totals) == 4


def test_hours_are_the_sum_of_their_minutes():
    """A long sum is the sum of its minutes, however it is computed."""
    w, end = world('bounce_storm'), 1_790_000_000 // 60 * 60
    minutes = sum(w.final_sum(ACCOUNT, REGION, 'Bounce', start=end - 60 * i - 60, end=end - 60 * i) for i in range(400))
    assert w.final_sum(ACCOUNT, REGION, 'Bounce', start=end - 24_000, end=end) == minutes


def test_history_begins_where_the_scenario_says():
    """With a history of an hour there is no mail and no reading before it. After it there is the same mail as without
    one, and readings at the same times: a rate is that of the mail since."""
    whole, short = world(), world(replace(SCENARIOS['steady'], history=HOUR))
    for metric in ('Send', BOUNCE_RATE):
        minutes = range(int(whole.started // 60) - 180, int(whole.started // 60) + 5)
        expected = whole.samples(ACCOUNT, REGION, metric, minutes.start, minutes.stop)
        begin = int((whole.started - HOUR) // 60)
        actual = short.samples(ACCOUNT, REGION, metric, minutes.start, minutes.stop)
        later = [sample for sample in expected if sample.minute >= begin]
        assert 0 < len(later) < len(expected)
        if metric == 'Send':
            assert actual == later
        else:
            assert [sample.minute for sample in actual] == [sample.minute for sample in later if sample.minute > begin]


@pytest.mark.parametrize('scenario', ['steady', 'late_data'])
def test_late_data_grows_and_never_shrinks(scenario):
    """The amount that CloudWatch shows of a window only grows, and ends at the final sum."""
    w, start = world(scenario), 1_790_000_000 // 300 * 300
    final = w.final_sum(ACCOUNT, REGION, 'Send', start=start, end=start + 300)
    shown = [
        w.visible_sum(ACCOUNT, REGION, 'Send', start=start, end=start + 300, now=start + age)
        for age in range(0, 7200, 20)
    ]
    assert shown == sorted(shown) and shown[0] == 0 and shown[-1] == final
    settled = w.visible_sum(ACCOUNT, REGION, 'Send', start=start, end=start + 300, now=start + 300 + 180)
    assert (settled < 0.85 * final) == (scenario == 'late_data')


def test_explicit_points_and_shrinking():
    """A put amount counts from its time on; a shrink lowers it from its own time on."""
    w = world('idle')
    w.put(ACCOUNT, REGION, 'Bounce', 600, 5)
    w.put(ACCOUNT, REGION, 'Bounce', 600, 4, visible_at=2000)
    w.shrink(ACCOUNT, REGION, 'Bounce', 600, 2, at=3000)
    shown = [w.visible_sum(ACCOUNT, REGION, 'Bounce', start=600, end=660, now=now) for now in (500, 600, 2000, 3000)]
    assert shown == [0, 5, 9, 7] and w.final_sum(ACCOUNT, REGION, 'Bounce', start=600, end=660) == 7
    assert w.final_sum(ACCOUNT, 'eu-west-1', 'Bounce', start=600, end=660) == 0


def test_silence_is_no_datapoint():
    """A minute without events has no datapoint, never a zero."""
    w = world()
    minute = 1_790_000_000 // 60 - 600
    samples = w.samples(ACCOUNT, REGION, 'Complaint', minute, minute + 300)
    assert 0 < len(samples) < 60 and all(s.total > 0 for s in samples)


def test_sources_count_the_same_mail(start, clock):
    """Quota, statistics and CloudWatch count the same mail."""
    sim = start()
    quota = client(sim, 'ses').get_send_quota()['SentLast24Hours']
    assert quota == client(sim, 'sesv2').get_account()['SendQuota']['SentLast24Hours']
    now = clock()
    assert now % 60 == 0, 'no running minute, so that the sums are exact'
    assert quota == sim.world.final_sum(ACCOUNT, REGION, 'Send', start=now - 86_340, end=now)
    buckets = client(sim, 'ses').get_send_statistics()['SendDataPoints']
    oldest = now - 14 * 86_400 + 900
    for field, metric in (('DeliveryAttempts', 'Send'), ('Bounces', 'Bounce'), ('Complaints', 'Complaint')):
        total = sim.world.final_sum(ACCOUNT, REGION, metric, start=oldest, end=now)
        assert sum(bucket[field] for bucket in buckets) == total > 0


def test_statistics_buckets_follow_the_request(sim, clock):
    """Buckets are 15 minutes apart, unordered, and their phase moves with the request."""
    ses = client(sim, 'ses')

    def stamps():
        return [point['Timestamp'].timestamp() for point in ses.get_send_statistics()['SendDataPoints']]

    first = stamps()
    clock.advance(240)
    second = stamps()
    assert first != sorted(first)
    assert len({stamp % 900 for stamp in first}) == len({stamp % 900 for stamp in second}) == 1
    assert first[0] % 900 != second[0] % 900


@pytest.mark.parametrize('name', [name for name in SCENARIOS if name != 'large'])
def test_every_scenario_answers(start, clock, name):
    """Each scenario has a standing and, but for idle, account traffic; its series are listed."""
    sim = start(name)
    account = client(sim, 'sesv2').get_account()
    assert account['EnforcementStatus'] in ('HEALTHY', 'PROBATION', 'SHUTDOWN')
    sent = sim.world.final_sum(ACCOUNT, REGION, 'Send', start=clock() - 86_400, end=clock())
    has_mail = SCENARIOS[name].volume > 0
    assert (sent > 0) == has_mail
    listed = client(sim, 'cloudwatch').list_metrics()['Metrics']
    assert bool(listed) == has_mail


def test_the_storm_reaches_reputation_and_review():
    """In the bounce storm the bounce ratio reaches 8 to 12 %, reputation follows, and AWS reviews the account."""
    w = world('bounce_storm')

    def ratio(hour):
        start = w.started + hour * HOUR
        bounces, sends = (w.final_sum(ACCOUNT, REGION, m, start=start, end=start + HOUR) for m in ('Bounce', 'Send'))
        return bounces / sends

    def reputation(hour):
        minute = int(w.started + hour * HOUR) // 60
        samples = w.samples(ACCOUNT, REGION, 'Reputation.BounceRate', minute, minute + 120)
        return sum(s.total for s in samples) / len(samples)

    assert ratio(-2) < 0.03 and 0.08 < ratio(8) < 0.12 and ratio(30) < 0.03
    assert reputation(2) < 0.05 < reputation(10)
    status = [w.standing(ACCOUNT, REGION, w.started + h * HOUR).enforcement_status for h in (0, 7, 50)]
    assert status == ['HEALTHY', 'PROBATION', 'HEALTHY']


def test_quota_and_standing_scenarios():
    """Quota and standing presets say what their names say."""
    now = 1_790_000_040.0
    nearly = world('quota_nearly_used')
    assert 0.92 < nearly.sent_last_24_hours(ACCOUNT, REGION, now) / 50_000 < 0.98
    assert world('unlimited_quota').standing(ACCOUNT, REGION).max_24_hour_send == -1
    assert world('sandbox').standing(ACCOUNT, REGION).production_access is False
    paused = world('paused').standing(ACCOUNT, REGION)
    assert (paused.sending_enabled, paused.enforcement_status) == (False, 'SHUTDOWN')
    silent = world('silence')
    assert silent.final_sum(ACCOUNT, REGION, 'Send', start=now + 7260, end=now + 20_000) == 0
    assert silent.final_sum(ACCOUNT, REGION, 'Send', start=now + 6000, end=now + 7140) > 0
