"""What `standalone plan` says of a fleet, compared with the requests that a simulated AWS gets in an hour."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks import fleet

ROOT = Path(__file__).resolve().parents[2]


def figures(*arguments: str) -> dict[str, Any]:
    """What a fleet in a process of its own found."""
    command = [sys.executable, '-I', '-m', 'benchmarks.fleet', '--json', *arguments]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert ended.stdout, ended.stderr
    result: dict[str, Any] = json.loads(ended.stdout)
    assert ended.returncode == 0, result['compared']
    return result


def test_the_plan_of_a_fleet_is_right_to_five_percent() -> None:
    """The calls and billed metrics that the plan of 30 accounts in three Regions says are those of the next hour."""
    result = figures('--accounts', '30', '--regions', '3')
    assert set(result['compared']) == {'calls_an_hour', 'billed_metrics_an_hour'}
    assert result['planned']['targets'] == 90
    for operation, number in result['planned']['calls'].items():
        if operation != 'AssumeRole':
            assert number == pytest.approx(result['operations'][operation], rel=fleet.TOLERANCE), operation
    assert result['cost']['threads'] > 1 and result['cost']['bytes'] > 0


def test_the_plan_says_how_many_contexts_datadog_gets() -> None:
    """With mail and configuration sets in CloudWatch, billed metrics and contexts are those that the plan says.

    Where this fails after new metrics, correct the three numbers of contexts in standalone/estimate.py.
    """
    sets = ('--scenario', 'complaint_surge', '--volume', '4000', '--configuration-sets', '3', '--identities', '3')
    result = figures('--accounts', '1', '--regions', '1', *sets)
    assert set(result['compared']) == set(fleet.COUNTED_AS)
    assert result['counted']['billed_metrics_an_hour'] == 12 * (12 + 3 * 12)


def test_a_wrong_plan_is_noticed() -> None:
    """A plan that is wrong by more than 5 % in any figure is not passed over."""
    said = {'calls': {'AssumeRole': 4.0}, 'calls_an_hour': 104.0, 'billed_metrics_an_hour': 94.0, 'contexts': 100}
    measured = {'planned': said, 'counted': {'calls_an_hour': 100, 'billed_metrics_an_hour': 100, 'contexts': 200}}
    errors = {name: error for name, (_, _, error) in fleet.compared(measured, with_contexts=True).items()}
    assert errors['calls_an_hour'] == 0
    assert abs(errors['billed_metrics_an_hour']) > fleet.TOLERANCE and abs(errors['contexts']) > fleet.TOLERANCE
    assert 'contexts' not in fleet.compared(measured, with_contexts=False)
