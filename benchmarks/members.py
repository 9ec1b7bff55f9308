"""The members of a fleet: their instances as `standalone plan` writes them, and their checks in this process.

The parts of an Agent (`benchmarks.agent`) are installed before this module is imported.
"""

from __future__ import annotations

import argparse
import json
import threading
import time
from collections.abc import Sequence
from typing import Any

from datadog_checks.amazon_ses import AmazonSesCheck
from datadog_checks.amazon_ses.threads import BUSY
from standalone import accounts, plan

FIRST_ACCOUNT = 200_000_000_000
REGIONS = ('us-east-1', 'eu-west-1', 'ap-northeast-1')


class Fleet:
    """The checks of all instances in this process, on a clock that stands at `now`."""

    def __init__(self, instances: Sequence[dict[str, Any]], now: float) -> None:
        self.now = now
        self._checks = [AmazonSesCheck('amazon_ses', {}, [instance]) for instance in instances]
        for number, check in enumerate(self._checks):
            check.counts_at_once, check.clock_is_turned = True, True
            check.check_id = f'amazon_ses:{number}'
            check.clock = lambda: self.now

    def run(self, now: float) -> None:
        """Run every check once, and wait for what it began."""
        self.now = now
        for check in self._checks:
            report = check.run()
            check.get_warnings()
            if report:
                raise RuntimeError(json.loads(report)[0]['message'])
        while any(thread.name == BUSY for thread in threading.enumerate()):
            time.sleep(0.001)


def planned(options: argparse.Namespace) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """What `standalone plan` says of the fleet, and its instances."""
    sizes = {'configuration_sets': options.configuration_sets, 'identities': options.identities}
    listed = tuple(
        accounts.Account(
            account=str(FIRST_ACCOUNT + number),
            regions=REGIONS[: options.regions],
            role_arn=f'arn:aws:iam::{FIRST_ACCOUNT + number}:role/datadog-amazon-ses',
            **sizes,
        )
        for number in range(options.accounts)
    )
    fleet = plan.make(accounts.AccountList(listed, {}), 'account_name')
    return plan.figures(fleet), [dict(instance) for instance in fleet.instances.values()]
