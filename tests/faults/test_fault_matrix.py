"""A sample of the fault matrix, on a check that starts. `make faults` runs all trials and writes the table."""

from __future__ import annotations

from collections import Counter

import pytest
from fault_matrix import FAULTS, OPERATIONS, Cell, holes, sample

from datadog_checks.amazon_ses.catalogue import ACTIONS

pytestmark = pytest.mark.usefixtures('no_waiting', 'datadog_agent')


@pytest.mark.parametrize('cell', sample(warm=False), ids=lambda cell: cell.name)
def test_a_fault_costs_itself_alone(cell: Cell) -> None:
    """What fails is named and costs its own values only, for as long as it fails, and no mail is lost or counted
    twice."""
    assert holes(cell) == []


NO_DOCUMENTS = ('no bytes', 'a page of a portal', 'no body', 'half a body', 'a body without its end')


@pytest.mark.parametrize('fault', NO_DOCUMENTS)
def test_a_queue_whose_answer_cannot_be_read_is_not_empty(fault: str) -> None:
    """An answer of a queue that is no document is a failure that is named, and not the answer of an empty queue."""
    (operation,) = (operation for operation in OPERATIONS if operation.name == 'ReceiveMessage')
    assert holes(Cell(operation, fault, warm=False)) == []


def test_the_matrix_has_every_operation_that_the_check_uses() -> None:
    """Each operation of the declared IAM actions, and each that signs in, is in the matrix."""
    declared = {action.name.partition(':')[2] for action in ACTIONS}
    # The one action whose operation has another name.
    declared = declared - {'DeleteMessage'} | {'DeleteMessageBatch'}
    assert declared | {'AssumeRole', 'GetCallerIdentity'} == {operation.name for operation in OPERATIONS}


@pytest.mark.parametrize('warm', [False, True])
def test_the_sample_has_every_fault_and_every_operation(warm: bool) -> None:
    """The suite tries each fault, and each operation with several."""
    cells = sample(warm)
    assert {cell.fault for cell in cells} == set(FAULTS)
    assert min(Counter(cell.operation.name for cell in cells)[operation.name] for operation in OPERATIONS) >= 2
