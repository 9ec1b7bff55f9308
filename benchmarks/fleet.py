"""One process with many accounts, compared with what `standalone plan` says of them: `python -m benchmarks.fleet`.

A fleet of instances runs through simulated minutes against a simulator in another process. It counts what the simulator
was asked for in an hour, and measures this process, which stands for the Agent: CPU, memory, threads.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks import agent
from benchmarks.case import HOUR, KEY, SECRET, Case
from benchmarks.meter import memory
from benchmarks.processes import Aws

WARM_UP = 10
"""Minutes before the hour that is counted: everything was asked once by then."""

MINUTE = 60
TOLERANCE = 0.05
"""By how much of what was counted the plan may be wrong."""

COUNTED_AS = {'calls_an_hour': 'calls of AWS in an hour', 'billed_metrics_an_hour': 'billed metrics in an hour',
              'contexts': 'contexts'}  # fmt: skip
EPILOG = """\
exit codes:
  0 the plan is right to 5 %, 1 it is not, 2 wrong usage

By default no mail is sent, which makes the simulator quick; then there are fewer contexts than the plan says, and they
are not compared. Seconds and bytes are those of this machine.
"""


class Contexts(agent.Sink):
    """A sink that knows how many different metrics with tags it got."""

    def __init__(self) -> None:
        super().__init__()
        self.contexts: set[int] = set()

    def submit_metric(
        self, check: Any, check_id: str, mtype: int, name: str, value: float, tags: Sequence[str], *options: Any
    ) -> None:
        self.contexts.add(hash((name, *sorted(tags))))


class Threads:
    """The most threads that there were when one was started."""

    def __init__(self) -> None:
        self.most = threading.active_count()
        self._start: Callable[[threading.Thread], None] = threading.Thread.start

    def watch(self) -> None:
        def start(thread: threading.Thread) -> None:
            self._start(thread)
            self.most = max(self.most, threading.active_count())

        # No hook of Python tells when a thread starts, and only that moment shows the most that there were.
        threading.Thread.start = start  # type: ignore[method-assign, assignment]  # mypy lets no method be replaced


def measure(options: argparse.Namespace, show: Callable[[str], None]) -> dict[str, Any]:
    """The figures of the plan, those that were counted, and the cost of this process."""
    case = Case('fleet', 'a fleet', options.scenario, (), volume=options.volume)
    with tempfile.TemporaryDirectory(prefix='amazon-ses-fleet-') as folder, Aws(case) as aws:
        agent.install(Path(folder))
        sink = Contexts()
        sys.modules['aggregator'].submit_metric = sink.submit_metric  # type: ignore[attr-defined]  # made by `agent`
        # Not at the top: it loads the check, which needs the parts of an Agent first.
        from benchmarks import members

        figures, instances = members.planned(options)
        keys = {'endpoint_url': aws.endpoint, 'aws_access_key_id': KEY, 'aws_secret_access_key': SECRET}
        before, threads = memory()[0], Threads()
        threads.watch()
        fleet = members.Fleet([{**instance, **keys} for instance in instances], aws.now)
        requests: Counter[str] = Counter()
        billed, started = 0, 0.0
        for minute in range(WARM_UP + HOUR // MINUTE):
            if minute == WARM_UP:
                sink.contexts.clear()
                started = time.process_time()
            fleet.run(aws.now)
            usage = aws.usage()
            if minute >= WARM_UP:
                requests.update(usage['operations'])
                billed += usage['billed_metrics']
            show(f'minute {minute + 1} of {WARM_UP + HOUR // MINUTE}')
            aws.advance(MINUTE)
        spent, peak = time.process_time() - started, memory()[1]
    counted = {
        'calls_an_hour': sum(requests.values()),
        'billed_metrics_an_hour': billed,
        'contexts': len(sink.contexts),
    }
    cost = {'cpu_seconds_an_hour': spent, 'bytes': peak - before, 'threads': threads.most}
    return {'planned': figures, 'counted': counted, 'operations': dict(requests.most_common()), 'cost': cost}


def compared(figures: dict[str, Any], with_contexts: bool) -> dict[str, tuple[float, float, float]]:
    """Each figure as planned and as counted, and by how much of it the plan is wrong.

    AssumeRole is left out: the simulator's clock ends no session.
    """
    said, counted = dict(figures['planned']), figures['counted']
    said['calls_an_hour'] -= said['calls'].get('AssumeRole', 0.0)
    names = [name for name in COUNTED_AS if name != 'contexts' or with_contexts]
    return {name: (said[name], counted[name], said[name] / counted[name] - 1) for name in names}


def lines(figures: dict[str, Any], comparison: dict[str, tuple[float, float, float]]) -> list[str]:
    """The figures, for people."""
    said, counted, cost = figures['planned'], figures['counted'], figures['cost']
    rows = [f'{said["accounts"]:,} accounts, {said["targets"]:,} of them by Region, in one process']
    rows += [
        f'{COUNTED_AS[name]:<26} planned {plan:>12,.0f}  counted {number:>12,}  {100 * error:+.1f} %'
        for name, (plan, number, error) in comparison.items()
    ]
    seconds, size = cost['cpu_seconds_an_hour'], cost['bytes']
    return [
        *rows,
        f'CPU {seconds:,.0f} s in an hour: {100 * seconds / HOUR:.1f} % of a core, '
        f'{1000 * seconds / counted["calls_an_hour"]:.2f} ms a call',
        f'memory {size / 1024**2:,.0f} MiB: {size / 1024 / said["targets"]:,.0f} KiB an account by Region',
        f'threads {cost["threads"]} at most',
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and return the exit code."""
    options = _parser().parse_args(arguments)
    clear = '\r\033[K' if sys.stderr.isatty() else ''

    def show(step: str) -> None:
        if clear:
            print(f'{clear}{step}', end='', file=sys.stderr, flush=True)

    figures = measure(options, show)
    comparison = compared(figures, with_contexts=options.scenario != 'idle')
    print(clear, end='', file=sys.stderr)
    print(json.dumps({**figures, 'compared': comparison}) if options.json else '\n'.join(lines(figures, comparison)))
    return int(any(abs(error) > TOLERANCE for *_, error in comparison.values()))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks.fleet',
        description='Runs many accounts in one process through an hour of a simulated AWS, and compares what is asked '
        'with what `standalone plan` says.',
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    option = parser.add_argument
    option('--accounts', type=int, default=300, metavar='N', help='default: 300')
    option('--regions', type=int, default=3, choices=(1, 2, 3), help='Regions of each (default: 3)')
    option('--scenario', default='idle', help='the scenario of the simulator (default: idle)')
    option('--volume', type=float, help='emails a minute in each account and Region')
    option('--configuration-sets', type=int, default=0, metavar='N', help='how many the scenario has (default: 0)')
    option('--identities', type=int, default=1, metavar='N', help='how many it has (default: 1)')
    option('--json', action='store_true', help='print the figures as JSON')
    return parser


if __name__ == '__main__':
    sys.exit(main())
