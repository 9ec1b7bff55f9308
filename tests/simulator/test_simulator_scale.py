from __future__ import annotations

import json
import subprocess
import sys
import threading
import urllib.request
from dataclasses import replace
from pathlib import Path

import boto3
import pytest
from aws_clients import ACCOUNT, REGION, client, query

from simulator import SCENARIOS, Clock, Simulator, series_id
from simulator.listings import Filter, Listings
from simulator.operations.table import OPERATIONS
from simulator.repeats import Repeats
from simulator.series import Series, SeriesId
from simulator.wire import HttpRequest
from simulator.world import World

ROOT = Path(__file__).resolve().parents[2]
NOW = 1_789_999_840.0
SCOPE = 'AWS4-HMAC-SHA256 Credential=AKIAX/20260921/us-east-1/monitoring/aws4_request'


def answer(sim: Simulator, operation: str, **params) -> bytes:
    """The body of the answer to a JSON request."""
    headers = {'authorization': SCOPE, 'x-amz-target': f'GraniteServiceVersion20100801.{operation}'}
    return sim.answer(HttpRequest('POST', '/', headers, json.dumps(params).encode())).body


def pair(scenario='everything', **options) -> tuple[Clock, Simulator, Simulator]:
    """A simulator that checks everything, and another that remembers, on the same clock."""
    clock = Clock(NOW)
    return clock, *(
        Simulator(scenario, clock=clock, strict=strict, quotas=False, **options) for strict in (True, False)
    )


def listings_of(scenario: str) -> Listings:
    return Listings(Simulator(scenario, clock=Clock(NOW)).world)


def queries_of(sim: Simulator, limit: int = 120) -> list:
    return [
        query(f'q{number}', metric, dimensions=dimensions, namespace=namespace)
        for number, (namespace, metric, dimensions) in enumerate(sim.world.series(ACCOUNT, REGION)[:limit])
    ]


@pytest.fixture
def written(monkeypatch):
    """The answers that were written at little cost, None for each that was not."""
    answers = []
    key = ('cloudwatch', 'GetMetricData')
    write = OPERATIONS[key].write
    recording = replace(OPERATIONS[key], write=lambda call: answers.append(write(call)) or answers[-1])
    monkeypatch.setitem(OPERATIONS, key, recording)
    return answers


@pytest.mark.parametrize('scan', ['TimestampAscending', 'TimestampDescending'])
@pytest.mark.parametrize('scenario', ['everything', 'late_data', 'bounce_storm', 'sparse', 'silence'])
def test_remembered_sums_are_those_of_a_strict_simulator(written, scenario, scan):
    """A simulator that is not strict answers byte for byte like a strict one, while data settle and clocks jump."""
    clock, strict, lax = pair(scenario)
    queries = queries_of(strict)
    for step, periods in ((0, 3), (0, 3), (60, 17), (100, 3), (20, 3), (300, 3), (7200, 40), (-3600, 3), (600, 600)):
        clock.advance(step)
        end = (clock() // 300 + 1) * 300
        window = {'StartTime': end - periods * 300, 'EndTime': end, 'ScanBy': scan, 'MetricDataQueries': queries}
        assert answer(lax, 'GetMetricData', **window) == answer(strict, 'GetMetricData', **window)
    assert written and all(written), 'sums are remembered for requests of this kind'


@pytest.mark.parametrize(
    ('number', 'odd'),
    [
        (20, {'StartTime': NOW - 3500, 'EndTime': NOW}),
        (20, {'StartTime': NOW - 3600, 'EndTime': NOW - 1000}),
        (20, {'StartTime': NOW - 40 - 3600, 'EndTime': NOW, 'MaxDatapoints': 7}),
        (20, {'StartTime': NOW, 'EndTime': NOW}),
        (4, {'StartTime': 0, 'EndTime': NOW}),
        (4, {'StartTime': NOW - 20 * 86_400 // 60 * 60, 'EndTime': NOW}),
        (20, {'StartTime': 'yesterday', 'EndTime': NOW}),
        (20, {'EndTime': NOW}),
    ],
)
def test_odd_requests_are_answered_the_same(number, odd):
    """Windows that cut periods, pages and mistakes are answered like in a strict simulator, also when repeated."""
    _, strict, lax = pair(replace(SCENARIOS['everything'], history=21 * 86_400.0))
    odd = {'MetricDataQueries': queries_of(strict, number), **odd}
    expected = answer(strict, 'GetMetricData', **odd)
    assert [answer(lax, 'GetMetricData', **odd) for _ in range(2)] == [expected, expected]


@pytest.mark.parametrize(
    'mixed',
    [
        [query('a', 'Send'), query('b', 'Reputation.BounceRate', 'Average'), query('c', 'Send', unit='Percent')],
        [query('a', 'Send', Label='mine'), query('b', 'Send', 'Average'), query('c', 'Nothing')],
        [query('a', 'Send'), query('b', 'Send', AccountId='222222222222'), query('c', AccountId='333333333333')],
        [query('a', 'Send'), query('b', 'Send', period=60)],
        [query('a', 'Send'), query('b', 'Bounce', ReturnData=False)],
        [query('a', 'Send'), query('a', 'Bounce')],
        [query('a', 'Send'), query('b', stat='Median')],
        [query('a', 'Send'), {'Id': 'b', 'MetricStat': {'Period': 'often'}}],
        [],
    ],
)
def test_mixed_queries_are_answered_the_same(mixed):
    """Statistics, labels, units, accounts, periods and mistakes are answered like in a strict simulator."""
    _, strict, lax = pair()
    for sim in (strict, lax):
        sim.accounts.link(ACCOUNT, '222222222222')
    window = {'StartTime': NOW - 40 - 1800, 'EndTime': NOW - 40 + 300, 'MetricDataQueries': mixed}
    expected = answer(strict, 'GetMetricData', **window)
    assert [answer(lax, 'GetMetricData', **window) for _ in range(2)] == [expected, expected]


def test_an_explicit_amount_is_in_the_next_answer():
    """An amount that is put after a sum was remembered is in the next answer."""
    clock, _, lax = pair()
    window = {'StartTime': NOW - 40 - 1800, 'EndTime': NOW - 40, 'MetricDataQueries': [query('a')]}
    before = json.loads(answer(lax, 'GetMetricData', **window))['MetricDataResults'][0]['Values']
    lax.world.put(ACCOUNT, REGION, 'Send', NOW - 1500, 1000)
    after = json.loads(answer(lax, 'GetMetricData', **window))['MetricDataResults'][0]['Values']
    assert sum(after) == sum(before) + 1000


def test_refresh_changes_no_answer():
    """Answers that were worked out beforehand are those of a simulator that was not refreshed."""
    clock, strict, lax = pair('sparse')
    queries = queries_of(strict)
    for _ in range(4):
        end = (clock() // 300 + 1) * 300
        window = {'StartTime': end - 900, 'EndTime': end, 'MetricDataQueries': queries}
        assert answer(lax, 'GetMetricData', **window) == answer(strict, 'GetMetricData', **window)
        listed = {'Namespace': 'AWS/SES', 'RecentlyActive': 'PT3H'}
        assert answer(lax, 'ListMetrics', **listed) == answer(strict, 'ListMetrics', **listed)
        clock.advance(300)
        lax.refresh()


def test_cost_is_noted_the_same():
    """Billed metrics and datapoints do not depend on how an answer is worked out."""
    _, strict, lax = pair()
    queries = [query('a'), query('b', 'Bounce'), query('c', 'Bounce')]
    for sim in (strict, lax, lax):
        sim.log.clear()
        answer(sim, 'GetMetricData', StartTime=NOW - 40 - 900, EndTime=NOW - 40 + 300, MetricDataQueries=queries)
        assert (sim.log.billed_metrics(), sim.log.datapoints()) == (2, 12)


def test_only_an_equal_list_of_queries_is_remembered():
    """Only an equal list of queries counts as an earlier one, the oldest is forgotten, and oddities are left alone."""
    repeats = Repeats(limit=2)

    def parsed(body: bytes) -> list:
        params = repeats.parse(body)
        assert params == json.loads(body)
        return params.get('MetricDataQueries')

    bodies = [json.dumps({'MetricDataQueries': [number], 'End': number}).encode() for number in range(3)]
    for body in bodies:
        assert type(parsed(body)) is list
        repeats.remember(body, json.loads(body))
    assert [type(parsed(body)) is list for body in bodies] == [True, False, False]
    assert type(parsed(b'{"End": 7, "MetricDataQueries": [2]}')) is not list
    odd = (
        b'{"MetricDataQueries": [1], "Two": [2]}',
        b'{"MetricDataQueries": [], "Two": [2]}',
        b'{"MetricDataQueries": {"Two": [2]}}',
        b'{"Two": {"MetricDataQueries": [2]}}',
        b'{"MetricDataQueries": "[2]"}',
        b'{"MetricDataQueries": [2], "Two": "]"}',
        b'{"Two": "[", "MetricDataQueries": [2]}',
        b'{"MetricDataQueries": []}',
    )
    for body in odd * 2:
        repeats.remember(body, json.loads(body))
        parsed(body)


def test_queries_in_other_batches_are_answered_the_same():
    """Queries in other batches, under other Ids and next to mistakes, are answered like in a strict simulator."""
    _, strict, lax = pair()
    queries = queries_of(strict, 40)
    window = {'StartTime': NOW - 40 - 900, 'EndTime': NOW - 40 + 300}
    for step in (1, 3, 7, 11):
        batch = [{**queries[at * step % 40], 'Id': f'other{at}'} for at in range(20)]
        wrong = [{**batch[0], 'Id': 'w', 'MetricStat': {**batch[0]['MetricStat'], 'Period': step}}]
        for queries_asked in (batch, batch + wrong, batch):
            params = {**window, 'MetricDataQueries': queries_asked}
            assert answer(lax, 'GetMetricData', **params) == answer(strict, 'GetMetricData', **params)


def test_listings_with_filters_are_parts_of_the_whole():
    """A filtered listing is what the filter leaves of the whole one."""
    listings = listings_of('everything')

    def listed(**selection) -> tuple[SeriesId, ...]:
        return listings.listed(ACCOUNT, REGION, NOW, Filter(**selection))

    whole = listed()
    assert len({series.namespace for series in whole}) == 2
    assert listed(namespace='AWS/SES') == tuple(series for series in whole if series.namespace == 'AWS/SES')
    assert listed(metric='Bounce') == tuple(series for series in whole if series.metric == 'Bounce')
    sets = tuple(series for series in whole if dict(series.dimensions).keys() == {'ses:configuration-set'})
    assert listed(dimensions=(('ses:configuration-set', None),)) == sets != ()


@pytest.mark.parametrize('scenario', ['sparse', 'configuration_sets', 'silence', 'everything'])
def test_listings_remember_nothing_wrong(scenario):
    """A listing that follows others, while the clock moves to and fro, is that of a simulator without a past."""
    clock = Clock(NOW)
    used = listings_of(scenario)
    for seconds in (0, 300, 900, -600, 86_400, 3 * 3600, -86_400, 60):
        clock.advance(seconds)
        fresh = listings_of(scenario)
        for within in (3 * 3600.0, 14 * 86_400.0, 3 * 3600.0):
            selection = Filter(within, metric='Complaint')
            assert used.listed(ACCOUNT, REGION, clock(), selection) == fresh.listed(ACCOUNT, REGION, clock(), selection)


def test_members_send_the_same_each():
    """A scenario of another size has that many members, each of which sends as before."""
    small = Simulator(SCENARIOS['large'].sized(20), clock=Clock(NOW)).world
    large = Simulator('large', clock=Clock(NOW)).world
    sets = [series for series in small.series(ACCOUNT, REGION) if series.dimensions]
    assert len(sets) == 200
    series = series_id('Send', {'ses:configuration-set': 'set-00003'})

    def total(world: World) -> float:
        return world.final_sum(ACCOUNT, REGION, series, NOW - 86_400, NOW)

    assert total(small) == pytest.approx(total(large), rel=0.02) and total(large) > 1000


def test_identities_are_forty_thousand_series():
    """The scenario of identities has 10,000 domains with four metrics each, beside those of the account."""
    world = Simulator('identities', clock=Clock(NOW)).world
    domains = [series.dimensions for series in world.series(ACCOUNT, REGION) if series.dimensions]
    assert len(domains) == 40_000 and len(set(domains)) == 10_000
    assert {name for dimensions in domains for name, _ in dimensions} == {'ses:from-domain'}


def test_few_series_of_a_sparse_account_are_active():
    """Of the sparse account's series about 3 % have data within an hour, others a day later, and all in two weeks."""
    world = Simulator('sparse', clock=Clock(NOW)).world
    listings = Listings(world)
    sets = [series for series in world.series(ACCOUNT, REGION) if series.dimensions]

    def active(hour_begins: float) -> set[SeriesId]:
        first = int(hour_begins // 60)
        return {series for series in sets if world.samples(ACCOUNT, REGION, series, first, first + 60)}

    today, tomorrow = active(NOW - 3600), active(NOW + 86_400)
    assert len(sets) == 10_000
    assert 0.025 <= len(today) / len(sets) <= 0.04 and not today & tomorrow
    selection = Filter(metric='Send', dimensions=(('ses:configuration-set', None),))
    assert len(listings.listed(ACCOUNT, REGION, NOW, selection)) == 1000
    recent = listings.listed(ACCOUNT, REGION, NOW, selection._replace(within=3 * 3600.0))
    assert 30 <= len(recent) <= 30 + 3 * 5 + 1


def test_sparse_traffic_is_what_its_minutes_say():
    """A long sum of a set that falls asleep and wakes is the sum of its minutes, and the account's mail is even."""
    world = Simulator('sparse', clock=Clock(NOW)).world
    begin = int(NOW // 3600 - 201) * 3600
    series = series_id('Send', {'ses:configuration-set': 'set-00010'})

    def total(start: float, end: float) -> float:
        return world.final_sum(ACCOUNT, REGION, series, start, end)

    hours = [total(begin + hour * 3600, begin + (hour + 1) * 3600) for hour in range(201)]
    assert total(begin, begin + 201 * 3600) == sum(hours) > 0
    assert sum(hours[:200]) == sum(total(begin + first * 300, begin + (first + 1) * 300) for first in range(200 * 12))
    assert 6 <= sum(hour > 0 for hour in hours) <= 8


def test_a_newest_awake_minute_is_awake_and_the_newest():
    """The newest minute awake is one in which a series has data, and no later minute up to now is."""
    series = Series(series_id('Send'), rate=1.0, key=1, sender=1, cycle=50, wakes=20, awake=7)
    awake = {minute for minute in range(-100, 200) if (minute - 20) % 50 < 7}
    for minute in range(0, 150):
        assert series.newest_awake(minute) == max(moment for moment in awake if moment <= minute)


def test_linked_accounts_have_traffic_of_their_own(start, clock):
    """A linked account has other numbers; once unlinked it is Forbidden, with a message, and not listed."""
    other = '222222222222'
    sim = start(strict=False)
    sim.accounts.link(ACCOUNT, other)
    cloudwatch = client(sim, 'cloudwatch')
    window = {
        'MetricDataQueries': [query('a'), query('b', AccountId=other)],
        'StartTime': clock() - 1800,
        'EndTime': clock() - 600,
    }
    caller, linked = (sum(r['Values']) for r in cloudwatch.get_metric_data(**window)['MetricDataResults'])
    assert caller != linked
    assert linked == sim.world.visible_sum(other, REGION, 'Send', start=clock() - 1800, end=clock() - 600)
    sim.accounts.unlink(ACCOUNT, other)
    unchanged, refused = cloudwatch.get_metric_data(**window)['MetricDataResults']
    assert sum(unchanged['Values']) == caller and unchanged['StatusCode'] == 'Complete'
    assert refused['StatusCode'] == 'Forbidden' and not refused['Values']
    assert other in refused['Messages'][0]['Value']
    assert set(cloudwatch.list_metrics(IncludeLinkedAccounts=True)['OwningAccounts']) == {ACCOUNT}


def test_pages_of_linked_accounts_name_the_owner_of_each_metric(start):
    """Over all pages, owners stand at the places of their metrics, and each account has all of its series."""
    scenario = replace(SCENARIOS['large'], families=(replace(SCENARIOS['large'].families[0], count=70),))
    sim = start(scenario)
    for other in ('222222222222', '333333333333'):
        sim.accounts.link(ACCOUNT, other)
    listed: dict[str, list[str]] = {}
    for page in client(sim, 'cloudwatch').get_paginator('list_metrics').paginate(IncludeLinkedAccounts=True):
        for owner, metric in zip(page['OwningAccounts'], page['Metrics'], strict=True):
            listed.setdefault(owner, []).append(json.dumps(metric))
    assert [(len(metrics), len(set(metrics))) for metrics in listed.values()] == [(712, 712)] * 3


def test_threads_see_the_same(start, clock):
    """Eight clients at once, while the clock moves, get whole and right sums."""
    sim = start('everything', strict=False, quotas=False)
    queries, wrong = queries_of(sim), []
    first = int(clock() // 300) * 300 - 1500

    def poll() -> None:
        cloudwatch = client(sim, 'cloudwatch')
        for _ in range(15):
            page = cloudwatch.get_metric_data(
                MetricDataQueries=queries, StartTime=first, EndTime=first + 900, ScanBy='TimestampAscending'
            )
            wrong.extend(
                (series, result)
                for series, result in zip(sim.world.series(ACCOUNT, REGION), page['MetricDataResults'], strict=False)
                if series.metric == 'Send'
                and sum(result['Values']) != sim.world.final_sum(ACCOUNT, REGION, series, first, first + 900)
            )

    threads = [threading.Thread(target=poll) for _ in range(8)]
    for thread in threads:
        thread.start()
    for _ in range(10):
        clock.advance(30)
        sim.refresh()
    for thread in threads:
        thread.join()
    assert not wrong


def test_mail_between_two_times():
    """With mail between two times only, nothing happens from the start until the first and after the second."""
    scenario = SCENARIOS['sparse'].between(3600, 7200)
    world, begin = Simulator(scenario, clock=Clock(NOW)).world, NOW // 60 * 60 + 60

    def total(start: float, end: float) -> float:
        return world.final_sum(ACCOUNT, REGION, 'Send', begin + start, begin + end)

    assert total(-3600, 0) > 0 and total(3660, 7200) > 0
    assert total(0, 3600) == total(7260, 86_400) == 0


def test_the_log_counts_each_account_and_region_apart(start, clock):
    """The log counts calls and billed metrics of each account and Region."""
    sim = start(quotas=False)
    for region, count in (('us-east-1', 2), ('eu-west-1', 3)):
        client(sim, 'cloudwatch', region).get_metric_data(
            MetricDataQueries=[query(f'a{at}', ('Send', 'Bounce', 'Open')[at]) for at in range(count)],
            StartTime=clock() - 600,
            EndTime=clock(),
        )
    client(sim, 'sesv2').get_account()
    assert sim.log.targets() == {
        (ACCOUNT, 'us-east-1'): ({'GetMetricData': 1, 'GetAccount': 1}, 2),
        (ACCOUNT, 'eu-west-1'): ({'GetMetricData': 1}, 3),
    }


def test_the_command_line_serves_a_benchmark():
    """As a process with volume, time and no checks, it moves its clock and gets ready when HTTP requests say so."""
    command = [sys.executable, '-m', 'simulator', '--scenario', 'steady', '--not-strict', '--no-quotas']
    command += ['--time', str(NOW), '--speed', '0', '--volume', '7200']
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            url = process.stdout.readline().split()[0]

            def control(command: str, **body) -> dict:
                with urllib.request.urlopen(f'{url}/_sim/{command}', json.dumps(body).encode(), timeout=10) as reply:
                    return json.load(reply)

            assert control('clock', advance=300)['time'] == NOW + 300
            session = boto3.Session(aws_access_key_id='AKIAX', aws_secret_access_key='x', region_name=REGION)
            window = {'StartTime': NOW - 40 - 600, 'EndTime': NOW - 40}
            cloudwatch = session.client('cloudwatch', endpoint_url=url)
            answer = cloudwatch.get_metric_data(MetricDataQueries=[query('a')], **window)
            assert sum(answer['MetricDataResults'][0]['Values']) > 7200
            assert control('refresh')['places'][0]['operations'] == {'GetMetricData': 1}
        finally:
            process.terminate()
