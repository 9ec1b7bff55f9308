"""Secrets and addresses stay inside."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from common import ACCOUNT, KEY, PREFIX, REGION, SECRET, START, Watch

from simulator import Clock, Fault, Simulator, series_id

Watching = Callable[..., Watch]


def test_secrets_and_addresses_stay_inside(
    watch: Watching, sim: Simulator, clock: Clock, aggregator: Any, datadog_agent: Any, caplog: Any
) -> None:
    """Neither logs at DEBUG nor metrics, messages, events or the state hold a key, token, external id or address."""
    caplog.set_level(logging.DEBUG)
    token, external, address = 'planted-session-token-0123456789', 'planted-external-id', 'jane.doe@mail.example'
    roles = [f'arn:aws:iam::{ACCOUNT}:role/first', f'arn:aws:iam::{ACCOUNT}:role/reader']
    sim.accounts.declare_role(roles[0], external_id=external)
    sim.accounts.add(KEY, ACCOUNT, user=address)
    watching = watch(
        aws_session_token=token,
        role_arn=roles,
        external_id=external,
        dimensions=[{'identity': address}],
        thresholds=[{'metric': 'dimension.send', 'warning': '@0:', 'tags': ['identity:mail.example']}],
    )
    sim.world.put(ACCOUNT, REGION, series_id('Send', {'identity': address}), START + 60, 7)
    opened: list[Any] = []
    for number, kind in enumerate((None, None, 'denied', 'throttle', 'expired_token', 'html', 'truncate', 'reset')):
        sim.faults.clear()
        if kind:
            sim.faults.add(Fault(kind))
        if number == 5:
            watching.restart()
        watching.run()
        opened += watching.check.get_warnings()
        clock.advance(300)
    watching.restart(external_id='another-planted-id')
    report = watching.run()
    assert report
    told = '\n'.join(
        [
            caplog.text,
            report,
            *map(str, opened),
            *(str(one) for name in aggregator.metric_names for one in aggregator.metrics(name)),
            *(str(one) for name in ('can_connect', 'sending_status', 'threshold')
              for one in aggregator.service_checks(PREFIX + name)),
            *map(str, aggregator.events),
            *(f'{key} {value}' for key, value in datadog_agent._cache.items()),
        ]
    )  # fmt: skip
    keys = {one.access_key for one in sim.log if one.access_key}
    assert len(keys) > 1
    for secret in (SECRET, token, external, 'another-planted-id', *keys):
        assert secret not in told, secret
    assert address not in told
    assert 'jane.doe' not in told
    assert 'identity:mail.example' in told
    assert 'Counts of' not in told
