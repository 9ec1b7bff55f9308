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

from simulator import SCENARIOS, Clock, Scenario, Simulator
from simulator.shapes import epoch


def _clock(start: float | None, speed: float) -> Callable[[], float]:
    if start is None and speed == 1.0:
        return time.time
    origin, began = time.time() if start is None else start, time.monotonic()
    return Clock(origin) if speed == 0.0 else lambda: origin + (time.monotonic() - began) * speed


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python -m simulator',
        description='A pretend AWS on loopback: SES, CloudWatch and STS for demo, tests and benchmarks.',
        epilog='Stop it with Ctrl-C. GET /_sim/ shows its state; see --list for the scenarios.',
    )
    add = parser.add_argument
    add('--port', type=int, default=0, help='port to serve; 0 picks a free one (default: 0)')
    add('--scenario', default='steady', metavar='NAME', help='what happens (default: steady)')
    add('--seed', type=int, default=1, help='same seed, same traffic (default: 1)')
    add('--account', default='123456789012', metavar='ID', help='account of any key (default: %(default)s)')
    add('--time', type=epoch, metavar='EPOCH|ISO', help='time at the start (default: now)')
    add(
        '--speed',
        type=float,
        default=1.0,
        metavar='X',
        help='X times as fast; 0 stands still until /_sim/clock moves it',
    )
    add('--latency', type=float, default=0.0, metavar='SECONDS', help='added to each answer (default: 0)')
    add(
        '--members', type=int, metavar='N', help='sets, identities or tenants that send as much each (default: as told)'
    )
    add('--volume', type=float, metavar='X', help='mean sends per minute of an account in a Region (default: as told)')
    add(
        '--between',
        type=float,
        nargs=2,
        metavar='SECONDS',
        help='after the start, let mail flow only between these times after it, so that everything can be counted',
    )
    add('--not-strict', action='store_true', help='remember answers and do not check them against the models: faster')
    add('--no-quotas', action='store_true', help='never throttle on its own')
    add('--list', action='store_true', help='print the scenarios and leave')
    return parser


def _scenario(options: argparse.Namespace) -> Scenario:
    scenario = SCENARIOS[options.scenario]
    if options.members is not None:
        scenario = scenario.sized(options.members)
    if options.volume is not None:
        scenario = replace(scenario, volume=options.volume)
    if options.between is not None:
        scenario = scenario.between(*options.between)
    return scenario


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
    sim = Simulator(
        _scenario(options),
        clock=_clock(options.time, options.speed),
        seed=options.seed,
        account=options.account,
        strict=not options.not_strict,
        port=options.port,
        latency=options.latency,
        quotas=not options.no_quotas,
    )
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    if options.not_strict:
        # Collection would take a third of the time, and among all that is remembered there are next to no cycles.
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
    while not stopped.wait(1.0):
        pass
    sim.stop()
    return 0


if __name__ == '__main__':
    sys.exit(main())
