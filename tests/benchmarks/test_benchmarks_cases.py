from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

from benchmarks.case import ACCOUNT, HOUR, KEY, PERIOD, SECRET, Case
from benchmarks.cases import ACCOUNT_LEVEL, CASES, EVENTS, RATES, of_sets
from benchmarks.measures import MEASURES, measure
from benchmarks.processes import ProcessFailed
from benchmarks.ways.one_call_each import OneCallEach
from benchmarks.ways.plain_batches import PlainBatches
from datadog_checks.amazon_ses import AmazonSesCheck
from simulator import SCENARIOS, Clock, Simulator, series_id

REGION = 'us-east-1'
TINY = of_sets(
    'tiny', 3, rounds=4, members=3, sample=15, measures=tuple(MEASURES.keys() - {'thrift', 'budget', 'queue'})
)
OF_ACCOUNT = len(ACCOUNT_LEVEL.metrics)
BY_NAME = {case.name: case for case in CASES}


def scenario_of(case: Case):
    scenario = SCENARIOS[case.scenario]
    return scenario if case.members is None else scenario.sized(case.members)


@pytest.mark.parametrize('name', list(BY_NAME))
def test_a_case_reads_all_series(name):
    """The obvious ways read exactly the series that the simulator has, in each Region."""
    case = BY_NAME[name]
    world = Simulator(scenario_of(case), clock=Clock()).world
    series = case.series()
    for region in case.regions if case.families and case.scenario != 'idle' else ():
        keys = {(metric.namespace, metric.name, dimensions) for metric, dimensions in series}
        traffic = set(world.series(ACCOUNT, region))
        lacking = {name for _, name, _ in keys - traffic}
        assert not lacking, f'{sorted(lacking)}: add it to EVENTS or to the gauges of simulator/scenarios.py'
        assert len(series) == len(keys) and keys == traffic
    assert case.number == len(series) * len(case.regions) * case.instances


def test_the_cases_are_as_large_as_promised():
    """The sizes that the bounds speak of are those of the cases."""
    with_mail = {name: case for name, case in BY_NAME.items() if case.families}
    numbers = {name: case.number - OF_ACCOUNT * len(case.regions) * case.instances for name, case in with_mail.items()}
    of_sets = {'sets50': 50, 'sets1000': 1000, 'amounts': 1000, 'regions': 10_000, 'sparse': 1000}
    assert {name: number for name, number in numbers.items() if number} == {
        **{name: sets * len(EVENTS) for name, sets in of_sets.items()},
        **{f'floor{sets}': sets * len(EVENTS) for sets in (1, 50, 1000, 4000)},
        'identities': 40_000,
    }
    assert BY_NAME['instances'].instances == BY_NAME['clients'].instances == 100
    assert len(set(BY_NAME['regions'].regions)) == 10


def test_what_grows_is_compared_with_a_quarter_of_it():
    """A case whose growth is measured has four times as many series as what it is compared with, those of the account
    apart, and the same otherwise."""
    growing = [case for case in CASES if 'growth' in case.measures]
    assert {case.name for case in growing} == {'identities', 'floor4000'}
    for case in growing:
        quarter = case.quarter()
        assert case.number - OF_ACCOUNT == 4 * (quarter.number - OF_ACCOUNT) == 40_000
        assert replace(quarter, families=case.families) == case


@pytest.mark.parametrize('name', list(BY_NAME))
def test_the_check_accepts_the_options(name, aggregator):
    """The check accepts the options of each case, and the instances of a case have different accounts."""
    case = BY_NAME[name]
    check = AmazonSesCheck('amazon_ses', {}, [case.instance(0, 'http://127.0.0.1:9')])
    check.run_check_initializations()
    roles = {case.instance(number, '').get('role_arn') for number in range(case.instances)}
    assert len(roles) == case.instances


def test_large_amounts_are_large():
    """Amounts of the case for saved state reach 100,000 a period, and hardly exceed that."""
    case = BY_NAME['amounts']
    world = Simulator(replace(scenario_of(case), volume=case.volume), clock=Clock()).world
    begin = Clock()() // 300 * 300
    largest = max(
        world.final_sum(
            ACCOUNT, REGION, series_id('Send', dimensions), begin - PERIOD * back, begin - PERIOD * (back - 1)
        )
        for metric, dimensions in case.series()[OF_ACCOUNT:2000]
        if metric.name == 'Send'
        for back in range(1, 200, 20)
    )
    assert 80_000 <= largest <= 110_000


@pytest.mark.parametrize('name', list(BY_NAME))
def test_a_case_survives_json(name):
    """A case is unchanged after a conversion to JSON and back."""
    assert Case.from_document(json.loads(json.dumps(asdict(BY_NAME[name])))) == BY_NAME[name]


@pytest.mark.parametrize('way', [OneCallEach, PlainBatches])
def test_the_obvious_ways_submit_the_truth(way, start, clock, aggregator):
    """Each obvious way submits the totals of the simulator as counts, and a gauge for each rate."""
    sim = start(scenario_of(TINY), strict=False, quotas=False)
    client = {'region_name': REGION, 'endpoint_url': sim.endpoint_url}
    client |= {'aws_access_key_id': KEY, 'aws_secret_access_key': SECRET}
    series = TINY.series()
    check = way(series, client)
    check.run_at(clock(), HOUR // PERIOD)
    end = clock() // PERIOD * PERIOD + PERIOD
    truth = {}
    for metric, dimensions in series:
        tags = (f'region:{REGION}', *(f'{name}:{value}' for name, value in dimensions))
        if metric in EVENTS:
            identity = series_id(metric.name, dimensions, metric.namespace)
            truth[f'aws.ses.{metric.name}', tags] = sim.world.visible_sum(ACCOUNT, REGION, identity, end - HOUR, end)
    samples = [sample for name in aggregator.metric_names for sample in aggregator.metrics(name)]
    counts = {(sample.name, tuple(sample.tags)): sample.value for sample in samples if sample.type == aggregator.COUNT}
    gauges = [sample for sample in samples if sample.type == aggregator.GAUGE]
    assert counts == truth and sum(truth.values()) > 0
    assert len(gauges) == len(RATES) and len(samples) == len(series)
    assert check.with_data == sum(total > 0 for total in truth.values()) + len(RATES)


def test_a_small_case_from_end_to_end():
    """A case is measured in separate processes: every way reads all of its series and submits them."""
    number = TINY.number
    figures = measure(TINY, lambda step: None)
    rows = {(row['way'], row['latency']): row for row in figures['work']['rows']}
    assert len(rows) == 8 and figures['series'] == number == OF_ACCOUNT + 3 * len(EVENTS)
    for latency in (0.0, 0.05):
        plain, ours, each = (rows[way, latency] for way in ('plain_hour', 'ours', 'one_call_each'))
        assert [run['billed'] for run in plain['runs']] == [number] * 4 and plain['steady']['submitted'] == number
        assert each['measured'] == each['steady']['requests'] == each['steady']['submitted'] == TINY.sample
        windows = [run['periods'] for run in rows['plain_same', latency]['runs']]
        assert windows == [round(run['periods']) for run in ours['runs']]
        assert OF_ACCOUNT <= ours['steady']['billed'] <= number < ours['steady']['submitted']
        assert ours['steady']['requests'] >= 2 and not any(run['errors'] for run in ours['runs'])
        assert plain['steady']['wall'] >= latency
    for row in figures['floor']['rows']:
        assert row['requests'] == 2 and row['submitted'] > number and row['listing']
        assert row['floor']['wall'] >= row['latency'] and row['floor']['cpu'] > 0 and row['server'] > 0
        assert 0 < sum(row['steps'].values()) <= row['ours']['cpu']
    assert figures['restarts']['first']['cpu'] > 0 and figures['restarts']['steady']['cpu'] > 0
    assert figures['idle']['requests'] == 0 and figures['idle']['cpu'] > 0
    assert figures['ledger']['saved'] > 0 and OF_ACCOUNT <= figures['ledger']['active'] <= number
    growth = figures['growth']
    assert growth['quarter']['submitted'] < growth['whole']['submitted'] and growth['quarter']['turns'] > 9
    assert figures['first']['wall'] > 0 and figures['instances']['number'] >= 1


def test_a_sparse_case_from_end_to_end():
    """The sparse measure counts every amount that the simulator let flow, and the metrics that were billed for it."""
    case = replace(TINY, measures=('thrift',), between=(HOUR / 2, HOUR))
    figures = measure(case, lambda step: None)['thrift']
    assert figures['wrong'] == 0 and figures['scopes'] == 4
    assert figures['events'] == figures['counted'] > 1000
    assert figures['runs'] == 6 and figures['all'] == 6 * TINY.number and 0 < figures['share'] <= 1


def test_a_failed_case_has_a_reason():
    """A case with an unknown option fails with the message of the check."""
    with pytest.raises(ProcessFailed, match='max_series'):
        measure(replace(TINY, options={'max_series': -1}), lambda step: None)
