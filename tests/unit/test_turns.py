"""Which batches a run asks for first, where it cannot ask for all of them."""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from datadog_checks.amazon_ses.cloudwatch import slots
from datadog_checks.amazon_ses.cloudwatch.ledger import Ledger, Lookback, new_ledger
from datadog_checks.amazon_ses.cloudwatch.metric_table import ACCOUNT_SERIES
from datadog_checks.amazon_ses.cloudwatch.periods import Window
from datadog_checks.amazon_ses.cloudwatch.queries import Batch, Queries
from datadog_checks.amazon_ses.cloudwatch.series import SUM, Query
from datadog_checks.amazon_ses.cloudwatch.slots import Slots

FIRST_SLOT = 5_966_667
KEYS = tuple(f'series {number}' for number in range(12))


def batch(*indexes: int) -> Batch:
    """A batch of series that are known by their index only."""
    queries = [Query(replace(ACCOUNT_SERIES[0], metric_name=f'Metric{index}'), SUM) for index in indexes]
    return Batch(Queries.of(*queries), indexes, Window(0, 300), 300)


def ledger_with(read_slots: Iterable[int]) -> Ledger:
    ledger = new_ledger(KEYS, 300, 300.0 * FIRST_SLOT, Lookback(4200, 10800))
    return replace(ledger, read_slots=array('q', read_slots))


def test_what_was_read_longest_ago_goes_first() -> None:
    """The batch with the series that was read longest ago is asked first, and one that was never read before all."""
    ledger = ledger_with([5, 5, 9, 7, 0, 6, *[9] * 6])
    batches = [batch(2, 6), batch(0, 7), batch(3, 8), batch(4, 9), batch(5, 10)]
    assert slots.in_turn(batches, ledger, Slots()) == [batches[3], batches[1], batches[4], batches[2], batches[0]]


def test_what_does_not_answer_goes_last() -> None:
    """A batch that was asked in vain in a slot waits for those that were not asked in it yet."""
    ledger = ledger_with([5] * 12)
    batches = [batch(0, 1), batch(2, 3), batch(4, 5)]
    after = slots.after_no_answer(Slots(), 6, batches[0].keys.values())
    assert slots.in_turn(batches, ledger, after) == [batches[1], batches[2], batches[0]]


@given(
    hanging=st.sets(st.integers(0, 11), max_size=10),
    at_once=st.integers(1, 4),
    runs_in_a_slot=st.integers(1, 5),
)
def test_every_series_gets_its_turn(hanging: set[int], at_once: int, runs_in_a_slot: int) -> None:
    """However many series never answer, and however few are asked in a run, each is asked again at the latest in as
    many runs as it takes to ask for all of them twice."""
    ledger, state = ledger_with([0] * 12), Slots()
    last_asked = dict.fromkeys(range(12), 0)
    longest = 2 * -(-12 // at_once) + runs_in_a_slot
    for run in range(1, 100):
        slot = FIRST_SLOT + run // runs_in_a_slot
        due = [index for index in range(12) if ledger.read_slots[index] != slot]
        first_batches = slots.in_turn([batch(index) for index in due], ledger, state)[:at_once]
        indexes = {index for due_batch in first_batches for index in due_batch.indexes}
        read_slots = array(
            'q', [slot if index in indexes - hanging else last for index, last in enumerate(ledger.read_slots)]
        )
        ledger = replace(ledger, read_slots=read_slots)
        state = slots.after_no_answer(
            state,
            slot,
            [key for due_batch in first_batches for index, key in due_batch.keys.items() if index in hanging],
        )
        last_asked.update(dict.fromkeys(indexes, run))
        if runs_in_a_slot == 1 or at_once * runs_in_a_slot <= 12:
            assert all(run - last <= longest for last in last_asked.values()), (run, last_asked)
