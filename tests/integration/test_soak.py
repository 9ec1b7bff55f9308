"""A tenth of a month in the suite; `make soak` runs the whole one, `make soak DAYS=90` more."""

from __future__ import annotations

import logging
import os
from pathlib import Path

import pytest
from common import REGION, START
from counting_trials import HOUR, METRICS, Auditor
from soak import Soak, traffic

from datadog_checks.base.stubs import aggregator, datadog_agent
from simulator import Clock, Simulator

DAYS = float(os.environ.get('SOAK_DAYS', '3'))
SEED = int(os.environ.get('SOAK_SEED', '12'))
ROLE = 'arn:aws:iam::123456789012:role/ses'

MEMORY = 8 << 20
"""Bytes by which the process may have grown in the second half of a month, as caches fill: 1.7 MB were measured."""

pytestmark = pytest.mark.usefixtures('no_waiting', 'bare_machine')


def test_weeks_of_trouble_lose_nothing_and_use_nothing_up() -> None:
    """Through weeks of faults, gaps, restarts, revoked sessions and rotated keys, counts are what CloudWatch has, but
    for reported periods, and memory, threads and descriptors stay what they were."""
    aggregator.reset()
    datadog_agent.reset()
    clock, auditor = Clock(START), Auditor()
    logging.getLogger().addHandler(auditor)
    keys = Path(os.environ['AWS_SHARED_CREDENTIALS_FILE'])
    try:
        with Simulator('idle', clock=clock) as sim:
            options = {'aws_profile': 'mail', 'role_arn': ROLE, 'collect': ['account', 'cloudwatch', 'send_statistics']}
            soak = Soak(sim, clock, auditor, keys, SEED, **options)
            soak.add(traffic(DAYS, SEED))
            try:
                soak.live(DAYS)
                report(soak)
                soak.verify()
                assert all(soak.submitted(metric, REGION) > 0 for metric in METRICS)
            finally:
                soak.driver.check.cancel()
    finally:
        logging.getLogger().removeHandler(auditor)
    middle, last = soak.usages[len(soak.usages) // 2], soak.usages[-1]
    assert last.memory - middle.memory <= MEMORY, soak.usages
    assert last.threads <= middle.threads + 2 and last.descriptors <= middle.descriptors + 4, soak.usages


def report(soak: Soak) -> None:
    """Print what happened and what it used."""
    print(f'\n{DAYS:g} days:', ', '.join(f'{number} {what}' for what, number in sorted(soak.happened.items())))
    for day, used in enumerate(soak.usages):
        print(f'day {day}: {used.memory / 1e6:.1f} MB, {used.threads} threads, {used.descriptors} descriptors')
    for region, starts in soak.counting_since.items():
        for metric in METRICS:
            truth = sum(amount.amount for amount in soak._amounts(metric, region, '')) if starts else 0
            print(f'{region} {metric}: {soak.submitted(metric, region):.0f} submitted, {truth} in CloudWatch')
    hours = sum(skip.end - skip.start for skip in soak.auditor.skipped) / HOUR
    print(f'{len(soak.auditor.skipped)} spans reported as given up, {hours:.1f} hours of both Regions')
