"""A sample of the fault matrix, on a check that runs. Its own file runs beside the others."""

from __future__ import annotations

import pytest
from fault_matrix import Cell, holes, sample

pytestmark = pytest.mark.usefixtures('no_waiting', 'datadog_agent')


@pytest.mark.parametrize('cell', sample(warm=True), ids=lambda cell: cell.name)
def test_a_fault_of_a_running_check_costs_itself_alone(cell: Cell) -> None:
    """What fails is named and costs its own values only, for as long as it fails, and no mail is lost or counted
    twice."""
    assert holes(cell) == []
