from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

from benchmarks.cases import ACCOUNT, CASES, HOUR, KEY, PERIOD, SECRET, SET, SETS, Case, Family
from benchmarks.measures import measure
from benchmarks.ways.one_call_each import OneCallEach
from benchmarks.ways.plain_batches import PlainBatches
from datadog_checks.amazon_ses import AmazonSesCheck
from simulator import SCENARIOS, Clock, Simulator
from simulator.series import SeriesId

REGION = 'us-east-1'
TINY = Case(
    'tiny', '3 sets x 10', 'large', (Family(SET, 'set-{:05d}', 3),), SETS, rounds=2, members=3, sample=15,
    measures=('work', 'alone', 'first', 'idle', 'ledger', 'instances'),
)  # fmt: skip
BY_NAME = {case.name: case for case in CASES}


def scenario_of(case: Case):
    scenario = SCENARIOS[case.scenario]
    return scenario if case.members is None else scenario.sized(case.members)


@pytest.mark.parametrize('name', list(BY_NAME))
def test_a_case_asks_for_what_there_is(name):
    """The obvious ways ask for exactly the series that the simulator has, in each Region."""
    case = BY_NAME[name]
    world = Simulator(scenario_of(case), clock=Clock()).world
    series = case.series()
    for region in case.regions if case.scenario != 'idle' else ():
        assert len(series) == len(set(series)) and set(series) == set(world.series(ACCOUNT, region))
    assert case.number == len(series) * len(case.regions) * case.instances


def test_the_cases_are_as_large_as_promised():
    """The sizes that the bounds speak of are those of the cases."""
    numbers = {name: case.number - 12 * len(case.regions) * case.instances for name, case in BY_NAME.items()}
    assert numbers == {
        'account': 0, 'sets50': 500, 'sets1000': 10_000, 'amounts': 10_000, 'identities': 40_000,
        'identities2500': 10_000, 'regions': 100_000, 'instances': 0, 'clients': 0, 'sparse': 10_000,
    }  # fmt: skip
    assert BY_NAME['instances'].instances == BY_NAME['clients'].instances == 100
    assert len(set(BY_NAME['regions'].regions)) == 10


@pytest.mark.parametrize('name', list(BY_NAME))
def test_the_check_takes_the_options(name, aggregator):
    """The options of each case are options of the check, and instances beside each other have different accounts."""
    case = BY_NAME[name]
    check = AmazonSesCheck('amazon_ses', {}, [case.instance(0, 'http://127.0.0.1:9')])
    check.run_check_initializations()
    roles = {case.instance(place, '').get('role_arn') for place in range(case.instances)}
    assert len(roles) == case.instances


def test_large_amounts_are_large():
    """Amounts of the case for saved state reach 100,000 a period, and not much more."""
    case = BY_NAME['amounts']
    world = Simulator(replace(scenario_of(case), volume=case.volume), clock=Clock()).world
    begin = Clock()() // 300 * 300
    largest = max(
        world.final_sum(ACCOUNT, REGION, SeriesId(*series), begin - PERIOD * back, begin - PERIOD * (back - 1))
        for series in case.series()[12:2000]
        if series[1] == 'Send'
        for back in range(1, 200, 20)
    )
    assert 80_000 <= largest <= 110_000


@pytest.mark.parametrize('name', list(BY_NAME))
def test_a_case_survives_the_way_to_its_process(name):
    """A case is the same after it was JSON."""
    assert Case.of(json.loads(json.dumps(asdict(BY_NAME[name])))) == BY_NAME[name]


@pytest.mark.parametrize('way', ['one_call_each', 'plain_batches'])
def test_the_obvious_ways_read_what_there_is(way, start, clock, aggregator):
    """Each obvious way reads the very totals that the simulator holds, and submits one count for each series."""
    sim = start(scenario_of(TINY), strict=False, quotas=False)
    client = {'region_name': REGION, 'endpoint_url': sim.endpoint_url}
    client |= {'aws_access_key_id': KEY, 'aws_secret_access_key': SECRET}
    series = TINY.series()
    now = clock()
    if way == 'plain_batches':
        check = PlainBatches(series, client, totalling=True)
        check.run_at(now, HOUR // PERIOD)
    else:
        check = OneCallEach(series, client, totalling=True)
        check.run_at(now)
    end = now // PERIOD * PERIOD + PERIOD
    events = [one for one in series if not one[1].startswith('Reputation.')]
    truth = {one: sim.world.visible_sum(ACCOUNT, REGION, SeriesId(*one), end - HOUR, end) for one in events}
    assert {one: check.totals.get(one, 0.0) for one in events} == truth and sum(truth.values()) > 0
    assert check.with_data == sum(total > 0 for total in truth.values()) + sum(
        'Reputation.' in metric for _, metric, _ in check.totals
    )
    assert sum(len(aggregator.metrics(name)) for name in aggregator.metric_names) == len(series)


def test_a_small_case_from_end_to_end():
    """A case is measured in processes of its own: every way asks for all of its series and submits them."""
    found = measure(TINY, lambda what: None)
    rows = {(row['way'], row['latency']): row for row in found['work']['rows']}
    assert len(rows) == 8 and found['series'] == 42
    for latency in (0.0, 0.05):
        plain, ours, each = (rows[way, latency] for way in ('plain_hour', 'ours', 'one_call_each'))
        assert [run['billed'] for run in plain['runs']] == [42, 42] and plain['steady']['submitted'] == 42
        assert each['measured'] == each['steady']['requests'] == each['steady']['submitted'] == 15
        windows = [run['periods'] for run in rows['plain_same', latency]['runs']]
        assert windows == [round(run['periods']) for run in ours['runs']]
        assert 12 <= ours['steady']['billed'] <= 42 and ours['steady']['submitted'] > 42
        assert ours['steady']['requests'] >= 2 and not any(run['errors'] for run in ours['runs'])
        assert plain['steady']['wall'] >= latency
    assert found['idle']['requests'] == 0 and found['idle']['cpu'] > 0
    assert found['ledger']['saved'] > 0 and 12 <= found['ledger']['active'] <= 42
    assert len(found['alone']['runs']) == 2 and found['alone']['steady']['billed'] > 12
    assert found['first']['wall'] > 0 and found['instances']['number'] >= 1


def test_what_is_billed_and_counted_from_end_to_end():
    """The sparse measure counts every amount that the simulator let flow, and what was billed for it."""
    case = replace(TINY, measures=('thrift',), between=(HOUR / 2, HOUR))
    found = measure(case, lambda what: None)['thrift']
    assert found['wrong'] == 0 and found['scopes'] == 4
    assert found['events'] == found['counted'] > 1000
    assert found['runs'] == 6 and found['all'] == 6 * 42 and 0 < found['share'] <= 1


def test_a_case_that_cannot_be_measured_says_why():
    """What the check says of an option that it does not know is what becomes of the case."""
    from benchmarks.processes import Broken

    with pytest.raises(Broken, match='max_series'):
        measure(replace(TINY, options={'max_series': -1}), lambda what: None)
