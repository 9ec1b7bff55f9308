"""What is done to a case to measure it, and the figures that come of it as plain values for JSON.

Seconds, bytes and numbers; nothing is judged here.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from statistics import median
from typing import Any

from benchmarks.cases import CASES, HOUR, PERIOD, Case
from benchmarks.processes import Aws, Client

LATENCIES = (0.0, 0.05)
HOUR_PERIODS = HOUR // PERIOD
WARM_UP = (PERIOD, PERIOD, 15 * PERIOD, PERIOD)
"""Seconds before each due run of the warm-up. What is listed is found in the first and asked for from the second on;
after the gap the ledger holds all the periods that it ever does."""

PROCESSES = 7
"""New processes of which the middle one is taken."""

MEASURED: dict[str, Callable[[Case], int]] = {
    'one_call_each': lambda case: min(case.number, case.sample),
    'plain_hour': lambda case: case.number // len(case.regions),
    'plain_same': lambda case: case.number // len(case.regions),
}
"""Series that a way is measured with. Those that ask one after the other take as long as they have to ask."""

Report = Callable[[str], None]
Figures = dict[str, Any]


def work(case: Case, aws: Aws, folder: str, report: Report) -> Figures:
    """Cold and steady runs of each way, in turn, at each latency."""
    report('warming up')
    with Client('ours', case, aws, folder) as ours:
        _warm_up(ours, aws)
    return {'rows': [row for latency in LATENCIES for row in _at(latency, case, aws, folder, report)]}


def _warm_up(ours: Client, aws: Aws) -> None:
    for seconds in WARM_UP:
        aws.advance(seconds)
        ours.ask('run', now=aws.now, periods=0)


def _at(latency: float, case: Case, aws: Aws, folder: str, report: Report) -> list[Figures]:
    told = f'{latency * 1000:.0f} ms'
    runs: dict[str, list[Figures]] = defaultdict(list)
    cold: dict[str, Figures | None] = {}
    with ExitStack() as opened:

        def begin(way: str, name: str, periods: int = 0) -> Client:
            report(f'{told}, cold: {way}')
            aws.asked()
            client = opened.enter_context(Client(name, case, aws, folder, periods))
            cold[way] = _figures(client.cold, aws.asked())
            return client

        def run(way: str, client: Client, periods: int = 0) -> Figures:
            report(f'{told}, steady: {way}')
            aws.asked()
            runs[way].append(_figures(client.ask('run', now=aws.now, periods=periods), aws.asked()))
            return runs[way][-1]

        # One call after the other for hundreds of series would take most of the time that there is for everything.
        patient = min(case.number, case.sample) * latency < 5.0
        aws.answer_after(latency if patient else 0.0)
        each = begin('one_call_each', 'one_call_each')
        if not patient:
            cold['one_call_each'] = None
        aws.answer_after(latency)
        plain = begin('plain_hour', 'plain_batches', HOUR_PERIODS)
        aws.advance(PERIOD)
        ours = begin('ours', 'ours')
        for place in range(case.rounds):
            aws.advance(PERIOD)
            asked = run('ours', ours)
            if case.number <= 20_000 or not place:
                run('plain_hour', plain, HOUR_PERIODS)
                run('plain_same', plain, round(asked['periods']))
            if patient or not place:
                run('one_call_each', each)
    return [_row(way, latency, case, cold.get(way), runs[way]) for way in runs]


def _figures(spent: Figures, asked: Figures) -> Figures:
    billed, datapoints = asked['billed_metrics'], asked['datapoints']
    return {
        'wall': spent['wall'],
        'cpu': spent['cpu'],
        'peak': spent['peak'],
        'submitted': spent['submitted'],
        'requests': asked['requests'],
        'errors': asked['errors'],
        'operations': asked['operations'],
        'places': asked['places'],
        'billed': billed,
        'datapoints': datapoints,
        'periods': datapoints / billed if billed else 0.0,
    }


def _row(way: str, latency: float, case: Case, cold: Figures | None, runs: Sequence[Figures]) -> Figures:
    # What is listed is listed again every 15 minutes, whatever is due then.
    steady = [run for run in runs if 'ListMetrics' not in run['operations']]
    listing = [run for run in runs if 'ListMetrics' in run['operations']]
    measured = MEASURED.get(way, lambda case: case.number)(case)
    return {
        'way': way,
        'latency': latency,
        'measured': measured,
        'cold': cold,
        'steady': _typical(steady or runs),
        'listing': _typical(listing) if listing else None,
        'runs': list(runs),
        'peak': max(run['peak'] for run in [*runs, *([cold] if cold else [])]),
    }


def _typical(runs: Sequence[Figures]) -> Figures:
    names = ('wall', 'cpu', 'requests', 'billed', 'datapoints', 'periods', 'submitted')
    return {name: median(run[name] for run in runs) for name in names}


def alone(case: Case, aws: Aws, folder: str, report: Report) -> Figures:
    """Steady runs of ours, to compare cases with each other."""
    report('ours alone')
    with Client('ours', case, aws, folder) as ours:
        _warm_up(ours, aws)
        aws.answer_after(LATENCIES[-1])
        runs = []
        for _ in range(case.rounds):
            aws.advance(PERIOD)
            aws.asked()
            runs.append(_figures(ours.ask('run', now=aws.now, periods=0), aws.asked()))
    return {'steady': _typical([run for run in runs if 'ListMetrics' not in run['operations']] or runs), 'runs': runs}


def first(case: Case, aws: Aws, folder: str, report: Report) -> Figures:
    """The first run in a new process, from a check that is not loaded yet to everything submitted."""
    each = []
    for place in range(PROCESSES):
        report(f'first run: process {place + 1} of {PROCESSES}')
        with Client('ours', case, aws, folder) as ours:
            each += ours.cold['each']
        aws.advance(PERIOD)
    wall, cpu, _ = zip(*each, strict=True)
    return {'wall': median(wall), 'cpu': median(cpu)}


def idle(case: Case, aws: Aws, folder: str, report: Report) -> Figures:
    """Runs in which nothing is due."""
    report('nothing due')
    with Client('ours', case, aws, folder) as ours:
        aws.advance(PERIOD)
        ours.ask('run', now=aws.now, periods=0)
        aws.asked()
        runs = ours.ask('idle', now=aws.now, times=30)['runs']
        return {'cpu': median(cpu for _, cpu in runs), 'requests': aws.asked()['requests']}


def ledger(case: Case, aws: Aws, folder: str, report: Report) -> Figures:
    """What is kept when the ledger is as full as it gets: memory, over that of an account alone, and saved state."""
    account = next(one for one in CASES if one.name == 'account')
    with Client('ours', account, aws, folder) as ours:
        before = ours.cold['resident']
        ours.ask('drop')
        ours.ask('add', case=asdict(case), now=aws.now)
        for place, seconds in enumerate(WARM_UP, 1):
            report(f'filling the ledger: run {place} of {len(WARM_UP)}')
            aws.advance(seconds)
            last = ours.ask('run', now=aws.now, periods=0)
    with Client('plain_batches', case, aws, folder, HOUR_PERIODS) as plain:
        active = plain.cold['with_data']
    return {
        'memory': last['peak'] - before,
        'saved': last['state_bytes'],
        'active': active,
        'each': last['state_bytes'] / max(1, active),
    }


def instances(case: Case, aws: Aws, folder: str, report: Report) -> Figures:
    """What one more instance costs, once some are there: CPU of making it and of its first run, and memory."""
    report('one instance after the other')
    with Client('ours', case, aws, folder) as ours:
        each = ours.cold['each']
    some = len(each) // 10
    _, cpu, resident = zip(*each, strict=True)
    return {
        'cpu': median(cpu[some:]),
        'bytes': (resident[-1] - resident[some - 1]) / (len(each) - some),
        'number': len(each) - some,
    }


def thrift(case: Case, aws: Aws, folder: str, report: Report) -> Figures:
    """What is billed while few series are active, and whether every amount is counted in the end."""
    assert case.between is not None
    first, last = (aws.now + seconds for seconds in case.between)
    billed = runs = 0
    start, end = aws.now, last + 1.5 * HOUR
    with Client('ours', case, aws, folder, totalling=True) as ours:
        while aws.now < end:
            report(f'simulated hour {(aws.now - start) / HOUR:.1f} of {(end - start) / HOUR:.0f}')
            aws.advance(PERIOD)
            aws.asked()
            ours.ask('run', now=aws.now, periods=0)
            if first < aws.now <= last:
                billed += aws.asked()['billed_metrics']
                runs += 1
        counted = _scopes((tags[2:], total) for (name, tags), total in _pairs(ours) if name.endswith('.count'))
    periods = int(end - start) // PERIOD
    with Client('plain_batches', case, aws, folder, periods, totalling=True) as plain:
        rates = 'Reputation.'
        true = _scopes((dims, total) for (_, metric, dims), total in _pairs(plain) if not metric.startswith(rates))
    return {
        'billed': billed,
        'all': case.number * runs,
        'share': billed / (case.number * runs),
        'runs': runs,
        'scopes': len(true),
        'wrong': sum(counted.get(scope) != true.get(scope) for scope in {*counted, *true}),
        'events': sum(sum(amounts) for amounts in true.values()),
        'counted': sum(sum(amounts) for amounts in counted.values()),
    }


def _pairs(client: Client) -> Iterable[tuple[Any, float]]:
    return ((key, total) for key, total in client.ask('totals')['totals'])


def _scopes(amounts: Iterable[tuple[Iterable[Any], float]]) -> dict[tuple[str, ...], list[float]]:
    """Amounts of every account, set or identity, by its values alone: the ways name metrics and tags differently."""
    found: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for named, total in amounts:
        values = (one.partition(':')[2] if isinstance(one, str) else one[1] for one in named)
        if total:
            found[tuple(values)].append(total)
    return {scope: sorted(totals) for scope, totals in found.items()}


MEASURES: dict[str, Callable[[Case, Aws, str, Report], Figures]] = {
    'work': work,
    'alone': alone,
    'first': first,
    'idle': idle,
    'ledger': ledger,
    'instances': instances,
    'thrift': thrift,
}


def measure(case: Case, report: Report) -> Figures:
    """Everything that is to be measured of a case, by name of the measure. Raises processes.Broken."""
    found: Figures = {'title': case.title, 'series': case.number, 'instances': case.instances}
    with Aws(case) as aws:
        for name in case.measures:
            # A folder of its own for each, so that none finds what another one has saved.
            with tempfile.TemporaryDirectory(prefix='amazon-ses-bench-') as folder:
                aws.answer_after(0.0)
                found[name] = MEASURES[name](case, aws, folder, report)
    return found
