from __future__ import annotations

from dataclasses import replace

import boto3
import pytest
from aws_clients import ACCOUNT, REGION, client, query, read
from botocore.config import Config
from botocore.exceptions import ClientError

from simulator import SCENARIOS, Family
from simulator.scenarios import EVENTS


def refused(call, **params):
    with pytest.raises(ClientError) as error:
        call(**params)
    return error.value.response['Error']['Code']


def test_sum_is_what_the_world_shows(sim, clock, protocol):
    """The Sum of GetMetricData is the visible truth, in each protocol."""
    start, end = clock() - 3600, clock() + 60
    values = read(client(sim, 'cloudwatch'), [query('a'), query('b', 'Bounce')], start, end)
    assert sum(values['a'].values()) == sim.world.visible_sum(ACCOUNT, REGION, 'Send', start=start, end=end)
    assert sum(values['b'].values()) == sim.world.visible_sum(ACCOUNT, REGION, 'Bounce', start=start, end=end)
    assert sum(values['a'].values()) > 1000


def test_statistics_of_events_are_those_of_ones(sim, clock):
    """An event is a sample of 1: Sum equals SampleCount and the others are 1."""
    stats = ('Sum', 'SampleCount', 'Average', 'Minimum', 'Maximum', 'p90')
    queries = [query(f's{i}', stat=stat) for i, stat in enumerate(stats)]
    values = read(client(sim, 'cloudwatch'), queries, clock() - 1800, clock() - 600)
    assert values['s0'] == values['s1'] and values['s0']
    for name in ('s2', 's3', 's4', 's5'):
        assert set(values[name].values()) == {1.0}


def test_reputation_is_a_fraction_with_gaps(sim, clock):
    """A reputation sample is a fraction, its Average means something and its Sum does not."""
    queries = [query('a', 'Reputation.BounceRate', 'Average', 3600), query('s', 'Reputation.BounceRate', 'Sum', 3600)]
    values = read(client(sim, 'cloudwatch'), queries, clock() - 86_400, clock())
    assert all(0.01 < value < 0.03 for value in values['a'].values())
    assert max(values['s'].values()) > 0.1
    minutes = read(
        client(sim, 'cloudwatch'), [query('a', 'Reputation.BounceRate', 'Average', 60)], clock() - 86_400, clock()
    )
    assert 100 < len(minutes['a']) < 360


@pytest.mark.parametrize(
    ('queries', 'code'),
    [
        ([query(f'a{i}') for i in range(501)], 'ValidationError'),
        ([query('a'), query('a', 'Bounce')], 'ValidationError'),
        ([query('A')], 'ValidationError'),
        ([query('a', period=90)], 'ValidationError'),
        ([query('a', period=7)], 'ValidationError'),
        ([query('a', stat='Median')], 'ValidationError'),
        ([{'Id': 'a', 'Expression': 'SUM(METRICS())'}], 'ValidationError'),
        ([{'Id': 'a'}], 'ValidationError'),
        ([], 'ValidationError'),
        ([query('a', unit='Furlongs')], 'ValidationError'),
    ],
)
def test_bad_queries_are_refused(sim, clock, protocol, queries, code):
    """A query that breaks AWS's limits is refused with AWS's code, in each protocol."""
    cloudwatch = client(sim, 'cloudwatch')
    got = refused(cloudwatch.get_metric_data, MetricDataQueries=queries, StartTime=clock() - 600, EndTime=clock())
    assert got == code
    assert sim.log.billed_metrics() == 0


def test_model_constraints_hold_for_clients_that_do_not_check(sim):
    """A parameter that the model does not allow is refused even if the client sends it."""
    unchecked = boto3.Session().client(
        'cloudwatch',
        region_name=REGION,
        endpoint_url=sim.endpoint_url,
        aws_access_key_id='AKIA',
        aws_secret_access_key='x',
        config=Config(parameter_validation=False, retries={'total_max_attempts': 1}),
    )
    assert refused(unchecked.get_metric_data, MetricDataQueries=[query('a')]) == 'MissingParameter'
    assert refused(unchecked.list_metrics, RecentlyActive='PT1H') == 'ValidationError'
    assert refused(unchecked.list_metrics, Namespace='') == 'ValidationError'


def test_window_must_not_be_empty(sim, clock):
    """StartTime must be before EndTime."""
    call = client(sim, 'cloudwatch').get_metric_data
    assert refused(call, MetricDataQueries=[query('a')], StartTime=clock(), EndTime=clock()) == 'ValidationError'


def test_dimensions_match_exactly(start, clock):
    """A query without dimensions never matches a series with some, nor a subset, nor another namespace."""
    scenario = replace(
        SCENARIOS['idle'],
        volume=10.0,
        mail=(),
        families=(Family(('a', 'b'), values=(('1', '2'),), events={'Send': 1.0}),),
    )
    sim = start(scenario)
    queries = [
        query('none'),
        query('part', dimensions={'a': '1'}),
        query('whole', dimensions={'b': '2', 'a': '1'}),
        query('other', dimensions={'a': '1', 'b': '2'}, namespace='AWS/Other'),
    ]
    values = read(client(sim, 'cloudwatch'), queries, clock() - 1800, clock())
    assert [bool(values[name]) for name in ('none', 'part', 'whole', 'other')] == [False, False, True, False]


def test_order_and_bounds_of_a_window(sim, clock):
    """Newest first by default; StartTime is inclusive, EndTime exclusive, timestamps start their period."""
    cloudwatch = client(sim, 'cloudwatch')
    base = clock() - clock() % 300 - 3000
    window = {'MetricDataQueries': [query('a')], 'StartTime': base, 'EndTime': base + 900}
    down = cloudwatch.get_metric_data(**window)['MetricDataResults'][0]
    up = cloudwatch.get_metric_data(**window, ScanBy='TimestampAscending')['MetricDataResults'][0]
    assert [t.timestamp() for t in up['Timestamps']] == [base, base + 300, base + 600]
    assert down['Timestamps'] == up['Timestamps'][::-1] and down['Values'] == up['Values'][::-1]


def test_start_is_rounded_down_to_the_minute(sim, clock):
    """A StartTime inside a minute counts the whole minute."""
    base = clock() - 3600
    values = read(client(sim, 'cloudwatch'), [query('a', period=60)], base + 40, base + 120)
    assert list(values['a']) == [base + 60, base]


@pytest.mark.parametrize(('align', 'offset'), [('epoch', 0), ('start', 120)])
def test_periods_align_at_the_epoch_or_the_start(start, clock, align, offset):
    """Periods begin at multiples of the period, or at StartTime with the other switch; the total is the same."""
    sim = start(align=align)
    base = clock() - clock() % 300 - 3000 + 120
    values = read(client(sim, 'cloudwatch'), [query('a')], base, base + 600)['a']
    assert {stamp % 300 for stamp in values} == {offset}
    assert sum(values.values()) == sim.world.final_sum(ACCOUNT, REGION, 'Send', start=base, end=base + 600)


def test_paging_loses_nothing(sim, clock):
    """Pages of MaxDatapoints merge by Id to the unpaged answer, and unfinished results say PartialData."""
    cloudwatch, queries = client(sim, 'cloudwatch'), [query('a', period=60), query('b', 'Delivery', period=60)]
    whole = read(cloudwatch, queries, clock() - 3600, clock() - 600)
    assert read(cloudwatch, queries, clock() - 3600, clock() - 600, MaxDatapoints=7) == whole
    page = cloudwatch.get_metric_data(
        MetricDataQueries=queries, StartTime=clock() - 3600, EndTime=clock() - 600, MaxDatapoints=7
    )
    assert [r['StatusCode'] for r in page['MetricDataResults']] == ['PartialData', 'PartialData']
    code = refused(
        cloudwatch.get_metric_data,
        MetricDataQueries=queries,
        StartTime=clock() - 3000,
        EndTime=clock() - 600,
        MaxDatapoints=7,
        NextToken=page['NextToken'],
    )
    assert code == 'InvalidNextToken'


def test_labels_tell_queries_of_one_metric_apart(sim, clock):
    """A label is the metric name, with the statistic where queries of a metric differ in it; Messages is empty."""
    queries = [query('a'), query('b', 'Bounce'), query('c', 'Bounce', 'Average'), query('d', Label='mine')]
    answer = client(sim, 'cloudwatch').get_metric_data(
        MetricDataQueries=queries, StartTime=clock() - 600, EndTime=clock()
    )
    labels = [r['Label'] for r in answer['MetricDataResults']]
    assert labels == ['Send', 'Bounce Sum', 'Bounce Average', 'mine']
    assert answer['Messages'] == []


def test_a_unit_that_does_not_match_returns_nothing(sim, clock):
    """Unit is a filter: Count finds the events, Percent finds nothing."""
    queries = [query('a', unit='Count'), query('b', unit='Percent')]
    values = read(client(sim, 'cloudwatch'), queries, clock() - 1800, clock())
    assert values['a'] and not values['b']


def test_linked_accounts_are_read_and_listed(start, clock):
    """AccountId reads a linked account and is Forbidden for another one; ListMetrics names the owners."""
    sim = start()
    sim.accounts.link(ACCOUNT, '222222222222')
    queries = [query('a', AccountId='222222222222'), query('b', AccountId='333333333333')]
    cloudwatch = client(sim, 'cloudwatch')
    results = cloudwatch.get_metric_data(MetricDataQueries=queries, StartTime=clock() - 1800, EndTime=clock())
    codes = [(r['StatusCode'], bool(r['Values'])) for r in results['MetricDataResults']]
    assert codes == [('Complete', True), ('Forbidden', False)]
    listed = cloudwatch.list_metrics(IncludeLinkedAccounts=True)
    assert set(listed['OwningAccounts']) == {ACCOUNT, '222222222222'}
    assert len(listed['OwningAccounts']) == len(listed['Metrics'])
    linked = cloudwatch.list_metrics(IncludeLinkedAccounts=True, OwningAccount='222222222222')
    assert set(linked['OwningAccounts']) == {'222222222222'}


def test_list_metrics_pages_and_filters(start):
    """ListMetrics gives 500 a page, every series once, and filters by metric and dimension."""
    sim = start(replace(SCENARIOS['large'], families=(replace(SCENARIOS['large'].families[0], count=120),)))
    cloudwatch = client(sim, 'cloudwatch')
    first = cloudwatch.list_metrics(Namespace='AWS/SES')
    assert len(first['Metrics']) == 500
    listed = [
        (m['MetricName'], tuple(d['Value'] for d in m['Dimensions']))
        for page in cloudwatch.get_paginator('list_metrics').paginate(Namespace='AWS/SES')
        for m in page['Metrics']
    ]
    assert len(listed) == len(set(listed)) == 121 * len(EVENTS) + len(SCENARIOS['large'].gauges)
    by_name = cloudwatch.list_metrics(MetricName='Bounce', Dimensions=[{'Name': 'ses:configuration-set'}])
    assert len(by_name['Metrics']) == 120
    by_value = cloudwatch.list_metrics(Dimensions=[{'Name': 'ses:configuration-set', 'Value': 'set-00007'}])
    assert len(by_value['Metrics']) == len(EVENTS)
    assert refused(cloudwatch.list_metrics, NextToken='nonsense') == 'InvalidParameterValue'


def test_new_and_old_metrics_in_the_listing(start, clock):
    """A metric is listed 15 minutes after its first datapoint, and for two weeks after its last one."""
    sim = start('idle')
    cloudwatch = client(sim, 'cloudwatch')
    sim.world.put(ACCOUNT, REGION, 'Bounce', clock(), 3)
    assert read(cloudwatch, [query('a', 'Bounce')], clock() - 60, clock() + 60)['a'], 'a query gets it at once'
    for seconds, recent, listed in ((0, 0, 0), (960, 1, 1), (4 * 3600, 0, 1), (14 * 86_400, 0, 0)):
        clock.advance(seconds)
        assert len(cloudwatch.list_metrics()['Metrics']) == listed
        assert len(cloudwatch.list_metrics(RecentlyActive='PT3H')['Metrics']) == recent


def test_datapoints_have_a_quota(sim, clock):
    """180,000 datapoints a second is the end, per account and Region and second."""
    cloudwatch = client(sim, 'cloudwatch')
    queries = [query(f'a{i}', period=60) for i in range(500)]
    window = {'MetricDataQueries': queries, 'StartTime': clock() - 10_800, 'EndTime': clock()}
    cloudwatch.get_metric_data(**window, MaxDatapoints=10)
    sim.log.clear()
    cloudwatch.get_metric_data(**window, MaxDatapoints=10)
    assert sim.log.datapoints() == 90_000 and sim.log.billed_metrics() == 1
    assert refused(cloudwatch.get_metric_data, **window) == 'Throttling'
    client(sim, 'cloudwatch', 'eu-west-1').get_metric_data(**window, MaxDatapoints=10)
    clock.advance(1)
    cloudwatch.get_metric_data(**window, MaxDatapoints=10)


def test_get_metric_statistics_agrees(sim, clock):
    """GetMetricStatistics gives the numbers of GetMetricData, unordered, at most 1,440 of them."""
    cloudwatch = client(sim, 'cloudwatch')
    common = {'Namespace': 'AWS/SES', 'MetricName': 'Send', 'Period': 300, 'StartTime': clock() - 86_400}
    points = cloudwatch.get_metric_statistics(**common, EndTime=clock(), Statistics=['Sum', 'Average'])['Datapoints']
    series = read(cloudwatch, [query('a')], clock() - 86_400, clock())['a']
    assert {p['Timestamp'].timestamp(): p['Sum'] for p in points} == series
    stamps = [p['Timestamp'] for p in points]
    assert stamps != sorted(stamps)
    code = refused(cloudwatch.get_metric_statistics, **{**common, 'Period': 30}, EndTime=clock(), Statistics=['Sum'])
    assert code == 'InvalidParameterCombination'
