"""The gain from each part of botocore that botocore does not document: `python -m benchmarks.internals [PART ...]`.

Each part of `aws/botocore_internals.py` that saves time or memory is measured against a check without it: memory and
CPU of a further instance and of a further Region, over TLS at the names of AWS, and CPU of a run with 10,000 series.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from os.path import isfile
from pathlib import Path
from statistics import median
from typing import Any

import certifi

from benchmarks.case import PERIOD, Case
from benchmarks.cases import CASES
from benchmarks.measures import LATENCIES, Bench
from benchmarks.meter import cost, memory
from benchmarks.processes import Aws
from benchmarks.ways import without
from simulator import Simulator
from simulator.network import ConnectProxy, TlsTwin

REGIONS = (
    'us-east-1', 'us-east-2', 'us-west-1', 'us-west-2', 'ca-central-1', 'sa-east-1', 'eu-west-1', 'eu-west-2',
    'eu-central-1', 'eu-north-1', 'ap-south-1', 'ap-southeast-1', 'ap-southeast-2', 'ap-northeast-1',
)  # fmt: skip
INSTANCES = 44
WARM = 4
"""The first instances and Regions, which also load what all share, are left out."""

MILLI, MEBI = 1000.0, 1 / 1024**2

Figures = dict[str, float]


def main() -> None:
    """Measure and print a line for each part."""
    parser = argparse.ArgumentParser(prog='python -m benchmarks.internals', description=__doc__.split('\n')[0])
    parser.add_argument('parts', nargs='*', metavar='PART', help=', '.join(without.PLAIN))
    parser.add_argument('--rounds', type=int, default=3, help='measurements whose median counts (default: 3)')
    parser.add_argument('--network', nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.network:
        print(json.dumps(_network_figures(*options.network)))
        return
    complete = _medians('', options.rounds)
    print('with every part', _line(complete))
    for part in options.parts or without.PLAIN:
        figures = _medians(part, options.rounds)
        print(f'{part} gains', _line({name: figures[name] - complete[name] for name in figures}))


def _medians(part: str, rounds: int) -> Figures:
    os.environ[without.WITHOUT] = part
    measured = [_in_new_process() | _series() for _ in range(rounds)]
    return {name: median(figures[name] for figures in measured) for name in measured[0]}


def _line(figures: Figures) -> str:
    return ', '.join(f'{name} {number:.2f}' for name, number in figures.items())


def _series() -> Figures:
    case: Case = replace(next(case for case in CASES if case.name == 'sets1000'), rounds=4)
    with tempfile.TemporaryDirectory() as folder, Aws(case) as aws:
        bench = Bench(case, aws, folder, lambda step: None)
        with bench.client('without') as client:
            bench.warm_up(client)
            aws.answer_after(LATENCIES[-1])
            runs = []
            for _ in range(case.rounds):
                aws.advance(PERIOD)
                runs.append(bench.run(client))
    return {'ms of a run with 10,000 series': median(run['cpu'] for run in runs) * MILLI}


def _in_new_process() -> Figures:
    """The figures of instances and Regions, from a process that reaches a simulator here as if it were AWS."""
    names = [f'*.{region}.amazonaws.com' for region in REGIONS]
    with tempfile.TemporaryDirectory() as folder, Simulator().start() as sim, TlsTwin(sim, names=names) as twin:
        trusted = Path(folder, 'trusted.pem')
        trusted.write_bytes(Path(certifi.where()).read_bytes() + Path(twin.ca_file).read_bytes())
        with ConnectProxy(twin.port) as proxy:
            command = [sys.executable, '-I', '-m', 'benchmarks.internals', '--network', proxy.url, str(trusted)]
            output = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=600).stdout
    figures: Figures = json.loads(output)
    return figures


def _network_figures(proxy: str, authorities: str) -> Figures:
    without.remove(os.environ[without.WITHOUT])
    from datadog_checks.amazon_ses.aws.access import Access
    from datadog_checks.amazon_ses.cloudwatch.discovery import Listing
    from datadog_checks.amazon_ses.collectors.account import ACCOUNT
    from datadog_checks.amazon_ses.configuration import settings

    def access(number: int) -> Access:
        instance = {
            'regions': list(REGIONS), 'aws_access_key_id': 'AKIA', 'aws_secret_access_key': 'no-secret',
            'role_arn': f'arn:aws:iam::{200_000_000_000 + number}:role/mail', 'proxy': {'https': proxy},
            'tls_ca_cert': authorities,
        }  # fmt: skip
        configured = settings.from_options(instance, {}, None, {}, isfile)
        return Access(configured.sign_in, configured.network, REGIONS[:1])

    def ask(access: Access, region: str) -> None:
        answer: Any = access.fetch(ACCOUNT, region)
        listing = access.list_metrics(Listing(), region, '', 60.0)
        if listing.failure or not isinstance(answer, dict):
            raise SystemExit(f'{region}: {listing.failure or answer}')

    instances = [access(number) for number in range(INSTANCES)]
    return {
        **_each('instance', [partial(ask, instance, REGIONS[0]) for instance in instances]),
        **_each('Region', [partial(ask, instances[0], region) for region in REGIONS[1:]]),
    }


def _each(noun: str, steps: list[Callable[[], None]]) -> Figures:
    """CPU and memory of a step, without the first ones."""
    costs = [(cost(step).cpu, memory()[0]) for step in steps]
    cpu, resident = zip(*costs[WARM:], strict=True)
    bytes_each = (resident[-1] - costs[WARM - 1][1]) / len(resident)
    return {f'MB of a further {noun}': bytes_each * MEBI, f'ms of a further {noun}': median(cpu) * MILLI}


if __name__ == '__main__':
    main()
