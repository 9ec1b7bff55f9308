"""Every tenth trial of the fault matrix, on a check that starts. `make faults` runs all and writes the table."""

from __future__ import annotations

import pytest
from fault_matrix import OPERATIONS, Cell, cells, holes

from datadog_checks.amazon_ses.catalogue import ACTIONS

pytestmark = pytest.mark.usefixtures('no_waiting', 'datadog_agent')

SHARE = 10


@pytest.mark.parametrize('cell', [cell for cell in cells() if not cell.warm][::SHARE], ids=lambda cell: cell.name)
def test_a_fault_costs_itself_alone(cell: Cell) -> None:
    """What fails is named and costs its own values only, for as long as it fails, and no mail is lost or counted
    twice."""
    assert holes(cell) == []


def test_the_matrix_has_every_operation_that_the_check_uses() -> None:
    """Each operation of the declared IAM actions, and each that signs in, is in the matrix."""
    declared = {action.name.partition(':')[2] for action in ACTIONS}
    # The one action whose operation has another name.
    declared = declared - {'DeleteMessage'} | {'DeleteMessageBatch'}
    assert declared | {'AssumeRole', 'GetCallerIdentity'} == {operation.name for operation in OPERATIONS}
