"""Serve the pretend AWS in the foreground."""

from __future__ import annotations

import argparse
import gc
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace

from simulator import SCENARIOS, Clock, Simulator
from simulator.shapes import epoch


def _clock(start: float | None, speed: float) -> Callable[[], float]:
    if start is None and speed == 1.0:
        return time.time
    if speed == 0.0:
        return Clock(time.time() if start is None else start)
    begun, origin = time.monotonic(), time.time() if start is None else start
    return lambda: origin + (time.monotonic() - begun) * speed


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python -m simulator',
        description='A pretend AWS on loopback: SES, CloudWatch and STS for demo, tests and benchmarks.',
        epilog='Stop it with Ctrl-C. GET /_sim/ shows its state; see --list for the scenarios.',
    )
    parser.add_argument('--port', type=int, default=0, help='port to serve; 0 picks a free one (default: 0)')
    parser.add_argument('--scenario', default='steady', metavar='NAME', help='what happens (default: steady)')
    parser.add_argument('--seed', type=int, default=1, help='same seed, same traffic (default: 1)')
    parser.add_argument(
        '--account', default='123456789012', metavar='ID', help='account of any key (default: %(default)s)'
    )
    parser.add_argument('--time', type=epoch, metavar='EPOCH|ISO', help='time at the start (default: now)')
    parser.add_argument(
        '--speed',
        type=float,
        default=1.0,
        metavar='X',
        help='X times as fast; 0 stands still until /_sim/clock moves it',
    )
    parser.add_argument(
        '--latency', type=float, default=0.0, metavar='SECONDS', help='added to each answer (default: 0)'
    )
    parser.add_argument(
        '--members', type=int, metavar='N', help='sets, identities or tenants that send as much each (default: as told)'
    )
    parser.add_argument(
        '--volume', type=float, metavar='X', help='mean sends per minute of an account in a Region (default: as told)'
    )
    parser.add_argument(
        '--between',
        type=float,
        nargs=2,
        metavar='SECONDS',
        help='after the start, let mail flow only between these times after it, so that everything can be counted',
    )
    parser.add_argument(
        '--not-strict', action='store_true', help='remember answers and do not check them against the models: faster'
    )
    parser.add_argument('--no-quotas', action='store_true', help='never throttle on its own')
    parser.add_argument('--list', action='store_true', help='print the scenarios and leave')
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.list:
        for scenario in SCENARIOS.values():
            print(f'{scenario.name:20} {scenario.summary}')
        return 0
    if options.scenario not in SCENARIOS:
        parser.error(f'unknown scenario {options.scenario!r}; choose from: {", ".join(SCENARIOS)}')
    if not (options.account.isdigit() and len(options.account) == 12):
        parser.error('--account must be 12 digits')
    scenario = SCENARIOS[options.scenario]
    if options.members is not None:
        scenario = scenario.sized(options.members)
    if options.volume is not None:
        scenario = replace(scenario, volume=options.volume)
    if options.between is not None:
        scenario = scenario.between(*options.between)
    sim = Simulator(
        scenario,
        clock=_clock(options.time, options.speed),
        seed=options.seed,
        account=options.account,
        strict=not options.not_strict,
        port=options.port,
        latency=options.latency,
        quotas=not options.no_quotas,
    )
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    if options.not_strict:
        # A third of the time would go into looking for cycles among all that is remembered. There are next to none.
        gc.disable()
    try:
        sim.start()
    except OSError as error:
        parser.error(f'cannot serve port {options.port}: {error}')
    print(
        f'{sim.endpoint_url}  scenario {sim.scenario.name}; try: AWS_ACCESS_KEY_ID=AKIAEXAMPLE AWS_SECRET_ACCESS_KEY=x '
        f'aws --region us-east-1 --endpoint-url {sim.endpoint_url} sesv2 get-account',
        flush=True,
    )
    while not ended.wait(1.0):
        pass
    sim.stop()
    return 0


if __name__ == '__main__':
    sys.exit(main())
