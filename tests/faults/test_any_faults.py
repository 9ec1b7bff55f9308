"""Any operations that fail in any way, in any Regions, for any time: what does not fail is as if nothing failed."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
from common import ACCOUNT
from fault_matrix import FAULTS, OF_QUERIES
from fault_trial import REGIONS, SETTLING_RUNS, Record, Strike, play
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.usefixtures('no_waiting', 'datadog_agent')

RUNS = 12
HOSTS = {
    'GetAccount': 'email',
    'GetSendStatistics': 'email',
    'GetMetricData': 'monitoring',
    'ListMetrics': 'monitoring',
}
OPERATIONS_OF = {
    'quota.': ('GetAccount', 'GetMetricData'),
    'account.': ('GetAccount',),
    'sending_status': ('GetAccount',),
    'send_statistics.': ('GetSendStatistics',),
    'configuration_set.': ('ListMetrics', 'GetMetricData'),
    'can_connect': (),
    '': ('GetMetricData',),
}
"""The operations that metrics come from, by the beginning of their name. The first that matches counts."""
OPTIONS = {'account_id': ACCOUNT}


@st.composite
def strikes(draw: Any) -> Strike:
    operation = draw(st.sampled_from(sorted(HOSTS)))
    names = [name for name, fault in FAULTS.items() if fault['kind'] not in OF_QUERIES or operation == 'GetMetricData']
    begin = draw(st.integers(0, RUNS - 2))
    end = draw(st.integers(begin + 1, RUNS - 1))
    return Strike(operation, draw(st.sampled_from(REGIONS)), FAULTS[draw(st.sampled_from(names))], begin, end)


@cache
def twin() -> Record:
    return play(OPTIONS, (), RUNS)


@settings(max_examples=8, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(st.lists(strikes(), min_size=1, max_size=4, unique_by=lambda strike: strike[:2]))
def test_what_does_not_fail_is_as_if_nothing_failed(struck: list[Strike]) -> None:
    """Everything that needs none of the failing operations comes in its run, or later by as many runs as operations of
    its endpoint hang. In the end no mail is missing or counted twice."""
    actual = play(OPTIONS, struck, RUNS)
    failing = {(strike.operation, strike.region) for strike in struck}
    for number, expected in enumerate(twin().runs[: RUNS - 1]):
        for name, tags in expected:
            region = next(tag.partition(':')[2] for tag in tags if tag.startswith('region:'))
            operations = next(needed for prefix, needed in OPERATIONS_OF.items() if name.startswith(prefix))
            if not failing.isdisjoint((operation, region) for operation in operations):
                continue
            hosts = {HOSTS[operation] for operation in operations}
            delay = sum(
                strike.fault['kind'] == 'hang' and strike.region == region and HOSTS[strike.operation] in hosts
                for strike in struck
            )
            runs = actual.runs[number : number + delay + 1]
            assert any((name, tags) in values for values in runs), (number, name, sorted(tags))
    assert not any('Unexpected' in line for line in actual.log)
    assert set(actual.missing.values()) == {0.0}
    assert set(actual.skipped.values()) == {0.0}
    assert actual.messages[-SETTLING_RUNS:] == [''] * SETTLING_RUNS
