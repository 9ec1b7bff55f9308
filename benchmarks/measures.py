"""The measures: how a case is run, and the figures that result, as plain values for JSON.

Seconds, bytes and numbers. They are judged in `bounds`.
"""

from __future__ import annotations

import tempfile
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import Any

from benchmarks.case import HOUR, PERIOD, QUEUE, Case
from benchmarks.cases import CASES
from benchmarks.processes import Aws, Client, StandIn
from simulator import mail_events

LATENCIES = (0.0, 0.05)
FLOOR_LATENCIES = (0.0, 0.05, 0.5)
HOUR_PERIODS = HOUR // PERIOD
WARM_UP = (PERIOD, PERIOD, 15 * PERIOD, PERIOD)
"""Seconds before each due run of the warm-up. The first run lists the series, and the second reads them. After the gap
the ledger holds the most periods that it ever does."""

MINUTE = 60
BUDGET_HOURS = 3
"""The hours in which the requests to SES are counted."""

EVENTS_OF_A_MINUTE = 9000
"""Those of 150 events a second."""

QUEUE_LATENCY = 0.018
"""Seconds: the simulator itself takes about 2 of the 20 ms of a request."""

QUEUE_OPERATIONS = ('ReceiveMessage', 'DeleteMessageBatch', 'GetQueueAttributes')
CHUNK = 1000

PROCESSES = 7
"""The number of new processes whose median is taken."""

RESTARTS = 5
"""Restarts whose median is taken."""

GROWTH_TURNS = 20
"""Turns with the groups of a case and with a quarter of them. A third of the runs begins a listing, and is left out."""

PATIENCE = 5.0
"""Seconds. If a run with one call for each series would wait longer, its way has a single steady run and no cold run,
because such runs would take most of the time."""

MOST_REPEATED = 20_000
"""With more series the plain ways are measured once."""

Show = Callable[[str], None]
Figures = dict[str, Any]


@dataclass(frozen=True)
class Bench:
    """A case, its simulator, a folder for saved state, and a function that shows progress."""

    case: Case
    aws: Aws
    folder: str
    show: Show

    def client(
        self,
        way: str,
        periods: int = 0,
        case: Case | None = None,
        totalling: bool = False,
        server: StandIn | None = None,
    ) -> Client:
        return Client(way, case or self.case, server or self.aws, self.folder, periods, totalling)

    def run(self, client: Client, periods: int = 0) -> Figures:
        """One run of a client, with its requests."""
        self.aws.usage()
        return _figures(client.send(do='run', now=self.aws.now, periods=periods), self.aws.usage())

    def warm_up(self, client: Client) -> Figures:
        """The runs after which a client is in its steady state; returns the last."""
        for number, seconds in enumerate(WARM_UP, 1):
            self.show(f'warming up: run {number} of {len(WARM_UP)}')
            self.aws.advance(seconds)
            figures = client.send(do='run', now=self.aws.now, periods=0)
        return figures


def work(bench: Bench) -> Figures:
    """Cold and steady runs of each way, in turn, at each latency."""
    with bench.client('ours') as ours:
        bench.warm_up(ours)
    return {'rows': [row for latency in LATENCIES for row in _rows(bench, latency)]}


def _rows(bench: Bench, latency: float) -> list[Figures]:
    case, aws = bench.case, bench.aws
    runs: dict[str, list[Figures]] = defaultdict(list)
    cold: dict[str, Figures] = {}
    with ExitStack() as cleanup:

        def begin(way: str, module: str, periods: int = 0) -> Client:
            bench.show(f'{latency * 1000:.0f} ms, cold: {way}')
            aws.usage()
            client = cleanup.enter_context(bench.client(module, periods))
            cold[way] = _figures(client.cold, aws.usage())
            return client

        def run(way: str, client: Client, periods: int = 0) -> Figures:
            bench.show(f'{latency * 1000:.0f} ms, steady: {way}')
            runs[way].append(bench.run(client, periods))
            return runs[way][-1]

        patient = min(case.number, case.sample) * latency < PATIENCE
        aws.answer_after(latency if patient else 0.0)
        each = begin('one_call_each', 'one_call_each', HOUR_PERIODS)
        if not patient:
            del cold['one_call_each']
        aws.answer_after(latency)
        plain = begin('plain_hour', 'plain_batches', HOUR_PERIODS)
        aws.advance(PERIOD)
        ours = begin('ours', 'ours')
        for number in range(case.rounds):
            aws.advance(PERIOD)
            periods = round(run('ours', ours)['periods'])
            if case.number <= MOST_REPEATED or number == 0:
                run('plain_hour', plain, HOUR_PERIODS)
                run('plain_same', plain, periods)
            if patient or number == 0:
                run('one_call_each', each, HOUR_PERIODS)
    return [_row(way, latency, case, cold.get(way), runs[way]) for way in runs]


def _figures(answer: Figures, usage: Figures) -> Figures:
    billed, datapoints = usage['billed_metrics'], usage['datapoints']
    return {
        **{name: answer[name] for name in ('wall', 'cpu', 'peak', 'submitted')},
        **{name: usage[name] for name in ('requests', 'errors', 'operations', 'places')},
        'billed': billed,
        'datapoints': datapoints,
        'periods': datapoints / billed if billed else 0.0,
    }


def _row(way: str, latency: float, case: Case, cold: Figures | None, runs: Sequence[Figures]) -> Figures:
    listing = [run for run in runs if 'ListMetrics' in run['operations']]
    measured = {'ours': case.number, 'one_call_each': min(case.number, case.sample)}
    return {
        'way': way,
        'latency': latency,
        # The plain ways collect one Region: other Regions take the same time again.
        'measured': measured.get(way, case.number // len(case.regions)),
        'cold': cold,
        'steady': _steady(runs),
        'listing': _medians(listing) if listing else None,
        'runs': list(runs),
        'peak': max(run['peak'] for run in [*runs, *([cold] if cold else [])]),
    }


def _steady(runs: Sequence[Figures]) -> Figures:
    """The typical run. Series are listed every 15 minutes, whatever is due, so runs with a listing are left out."""
    return _medians([run for run in runs if 'ListMetrics' not in run['operations']] or runs)


def _medians(runs: Sequence[Figures]) -> Figures:
    names = ('wall', 'cpu', 'requests', 'billed', 'datapoints', 'periods', 'submitted')
    return {name: median(run[name] for run in runs) for name in names}


class Turns:
    """Runs of the check on the stand-in of a case, each beside its floor: the same requests, sent at once by a client
    that does nothing else. A server that does as little as it can answers both."""

    def __init__(self, bench: Bench, cleanup: ExitStack) -> None:
        """`cleanup` ends the processes."""
        self._stand_in = cleanup.enter_context(StandIn(bench.case))
        self._client = cleanup.enter_context(bench.client('with_floor', server=self._stand_in))
        bench.show('warming up')
        for seconds in (*WARM_UP, *WARM_UP[-1:]):
            self.turn(0.0, seconds)

    def turn(self, latency: float, seconds: float = PERIOD) -> Figures:
        """The costs of a run some seconds later, and of its floor."""
        self._stand_in.now += seconds
        return self._client.send(do='turn', now=self._stand_in.now, latency=latency)

    def restart(self, latency: float) -> Figures:
        """The cost of the first run of a new check that reads the saved state."""
        self._stand_in.now += PERIOD
        return self._client.send(do='restart', now=self._stand_in.now, latency=latency)


def floor(bench: Bench) -> Figures:
    """Steady runs of the check, each beside its floor, at each latency."""
    rows = []
    with ExitStack() as cleanup:
        turns = Turns(bench, cleanup)
        for latency in FLOOR_LATENCIES:
            figures = []
            for number in range(1, bench.case.rounds + 1):
                bench.show(f'{latency * 1000:.0f} ms: turn {number} of {bench.case.rounds}')
                figures.append(turns.turn(latency))
            rows.append({'latency': latency, **_typical(figures)})
    return {'rows': rows}


def growth(bench: Bench) -> Figures:
    """Steady runs of the check, in turns with those of a check that has a quarter of the groups."""
    figures: dict[str, list[Figures]] = {'quarter': [], 'whole': []}
    with ExitStack() as cleanup:
        # The accounts are the same, so each check has saved state of its own.
        folder = cleanup.enter_context(tempfile.TemporaryDirectory(prefix='amazon-ses-bench-'))
        quarter = replace(bench, case=bench.case.quarter(), folder=folder)
        turns = {'quarter': Turns(quarter, cleanup), 'whole': Turns(bench, cleanup)}
        for number in range(1, GROWTH_TURNS + 1):
            bench.show(f'growth: turn {number} of {GROWTH_TURNS}')
            for name in turns:
                figures[name].append(turns[name].turn(LATENCIES[-1]))
    return {name: _typical(figures[name]) for name in figures}


def restarts(bench: Bench) -> Figures:
    """The cost of the first run of a check that reads the saved state, and of steady runs in between, all without a
    listing, at the latency at which ways are compared."""
    firsts: list[Figures] = []
    steady: list[Figures] = []
    with ExitStack() as cleanup:
        turns = Turns(bench, cleanup)
        # A listing is due every three runs, and begins in every other restart.
        for number in range(1, 2 * RESTARTS + 1):
            bench.show(f'restart {number} of {2 * RESTARTS}')
            first = turns.restart(LATENCIES[-1])
            turn = turns.turn(LATENCIES[-1])
            firsts += [first] if not first['lists'] else []
            steady += [turn['ours']] if not turn['lists'] else []
    return {
        name: {figure: median(cost[figure] for cost in costs) for figure in ('wall', 'cpu')}
        for name, costs in (('first', firsts), ('steady', steady))
    }


def _typical(turns: Sequence[Figures]) -> Figures:
    """The typical turn: medians of the runs without a listing, and of those with one."""
    steady = [turn for turn in turns if not turn['lists']]
    listing = [turn for turn in turns if turn['lists']]
    return {
        **{name: _cost(steady, name) for name in ('ours', 'floor')},
        'listing': _cost(listing, 'ours') if listing else None,
        'turns': len(steady),
        'steps': {step: median(turn['steps'][step] for turn in steady) for step in steady[0]['steps']},
        **{name: median(turn[name] for turn in steady) for name in ('requests', 'submitted', 'server')},
    }


def _cost(turns: Sequence[Figures], name: str) -> Figures:
    return {figure: median(turn[name][figure] for turn in turns) for figure in ('wall', 'cpu')}


def first(bench: Bench) -> Figures:
    """The first run in a new process, from the import of the check to the last submission."""
    costs = []
    for number in range(1, PROCESSES + 1):
        bench.show(f'first run: process {number} of {PROCESSES}')
        with bench.client('ours') as ours:
            costs += ours.cold['instances']
        bench.aws.advance(PERIOD)
    wall, cpu, _ = zip(*costs, strict=True)
    return {'wall': median(wall), 'cpu': median(cpu)}


def idle(bench: Bench) -> Figures:
    """Runs in which nothing is due."""
    bench.show('nothing due')
    with bench.client('ours') as ours:
        bench.aws.advance(PERIOD)
        bench.run(ours)
        runs = ours.send(do='idle', now=bench.aws.now, times=30)['runs']
        return {'cpu': median(cpu for _, cpu in runs), 'requests': bench.aws.usage()['requests']}


def ledger(bench: Bench) -> Figures:
    """The size of the fullest ledger: memory, over that of an account without groups, and saved state."""
    account = next(case for case in CASES if case.name == 'account')
    with bench.client('ours', case=account) as ours:
        before = ours.cold['resident']
        ours.send(do='drop')
        ours.send(do='add', case=asdict(bench.case), now=bench.aws.now)
        last = bench.warm_up(ours)
    with bench.client('plain_batches', HOUR_PERIODS) as plain:
        active = plain.cold['with_data']
    return {
        'memory': last['peak'] - before,
        'saved': last['state_bytes'],
        'active': active,
        'each': last['state_bytes'] / max(1, active),
    }


def instances(bench: Bench) -> Figures:
    """The cost of a further instance: CPU of its creation and first run, and memory. The first tenth is left out."""
    bench.show('one instance after the other')
    with bench.client('ours') as ours:
        costs = ours.cold['instances']
    start = len(costs) // 10
    _, cpu, resident = zip(*costs, strict=True)
    number = len(costs) - start
    return {'cpu': median(cpu[start:]), 'bytes': (resident[-1] - resident[start - 1]) / number, 'number': number}


def thrift(bench: Bench) -> Figures:
    """The metrics that are billed while few series are active, and whether every amount is counted in the end."""
    case, aws = bench.case, bench.aws
    assert case.between is not None
    first, last = (aws.now + seconds for seconds in case.between)
    billed = runs = 0
    start, end = aws.now, last + 1.5 * HOUR
    with bench.client('ours', totalling=True) as ours:
        while aws.now < end:
            bench.show(f'simulated hour {(aws.now - start) / HOUR:.1f} of {(end - start) / HOUR:.0f}')
            aws.advance(PERIOD)
            figures = bench.run(ours)
            if first < aws.now <= last:
                billed += figures['billed']
                runs += 1
        counted = _amounts(ours)
    with bench.client('plain_batches', int(end - start) // PERIOD, totalling=True) as plain:
        true = _amounts(plain)
    return {
        'billed': billed,
        'all': case.number * runs,
        'share': billed / (case.number * runs),
        'runs': runs,
        'scopes': len(true),
        'wrong': sum(counted.get(scope) != true.get(scope) for scope in {*counted, *true}),
        'events': sum(map(sum, true.values())),
        'counted': sum(map(sum, counted.values())),
    }


def budget(bench: Bench) -> Figures:
    """The requests to the APIs of SES in each of some hours, in a run a minute, the first hour included."""
    aws, hours = bench.aws, []
    with bench.client('ours') as ours:
        for hour in range(BUDGET_HOURS):
            bench.show(f'simulated hour {hour + 1} of {BUDGET_HOURS}')
            calls = sum(aws.usage()['operations'].values())
            for _ in range(HOUR // MINUTE):
                aws.advance(MINUTE)
                calls += sum(bench.run(ours)['operations'].values())
            hours.append(calls)
    return {'most': max(hours), 'hours': hours}


def queue(bench: Bench) -> Figures:
    """A run that receives, submits and deletes the failure events of a minute."""
    aws, runs = bench.aws, []
    aws.answer_after(QUEUE_LATENCY)
    with bench.client('ours') as ours:
        for number in range(1, bench.case.rounds + 1):
            bench.show(f'events of minute {number} of {bench.case.rounds}')
            for _ in range(EVENTS_OF_A_MINUTE // CHUNK):
                aws.send(QUEUE, [mail_events.sns(mail_events.bounce()) for _ in range(CHUNK)])
            aws.advance(MINUTE)
            runs.append(bench.run(ours))
    of_queue = [{name: run['operations'].get(name, 0) for name in QUEUE_OPERATIONS} for run in runs]
    deleted = [operations['DeleteMessageBatch'] for operations in of_queue]
    return {
        'wall': median(run['wall'] for run in runs),
        'cpu': median(run['cpu'] for run in runs) / EVENTS_OF_A_MINUTE,
        'requests': max(sum(operations.values()) for operations in of_queue) / EVENTS_OF_A_MINUTE,
        'left': EVENTS_OF_A_MINUTE / 10 - min(deleted),
    }


def _amounts(client: Client) -> dict[tuple[str, ...], list[float]]:
    """The counts of the account and of each group, by tag values only: the ways name metrics and tags differently."""
    amounts: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for (name, tags), total in client.send(do='totals')['totals']:
        if total and 'collector.' not in name:
            scope = (tag.rpartition(':')[2] for tag in tags if not tag.startswith(('aws_account:', 'region:')))
            amounts[tuple(scope)].append(total)
    return {scope: sorted(totals) for scope, totals in amounts.items()}


MEASURES = {
    measure.__name__: measure
    for measure in (work, floor, growth, restarts, first, idle, ledger, instances, thrift, budget, queue)
}


def measure(case: Case, show: Show) -> Figures:
    """All measures of a case, by name. Raises processes.ProcessFailed."""
    figures: Figures = {'title': case.title, 'series': case.number, 'instances': case.instances}
    with Aws(case) as aws:
        for name in case.measures:
            # A new folder for each measure, so that none reads the saved state of another.
            with tempfile.TemporaryDirectory(prefix='amazon-ses-bench-') as folder:
                aws.answer_after(0.0)
                figures[name] = MEASURES[name](Bench(case, aws, folder, show))
    return figures
