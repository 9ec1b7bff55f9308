"""Saved state is restored unchanged, and damaged state is recognized as damaged."""

from __future__ import annotations

import json
from array import array
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datadog_checks.amazon_ses.cloudwatch import families
from datadog_checks.amazon_ses.cloudwatch.discovery import Inventory, with_metrics
from datadog_checks.amazon_ses.cloudwatch.families import ListedMetric
from datadog_checks.amazon_ses.cloudwatch.gauges import GaugeValues
from datadog_checks.amazon_ses.cloudwatch.ledger import Ledger
from datadog_checks.amazon_ses.cloudwatch.metric_table import ACCOUNT_SERIES as SERIES
from datadog_checks.amazon_ses.cloudwatch.selection import select
from datadog_checks.amazon_ses.cloudwatch.series import SUM, Query
from datadog_checks.amazon_ses.cloudwatch.slots import Slots
from datadog_checks.amazon_ses.cloudwatch.survey import Survey
from datadog_checks.amazon_ses.collectors.account import Standing
from datadog_checks.amazon_ses.progress import Progress
from datadog_checks.amazon_ses.sources import CLOUDWATCH, DISCOVERY, Source
from datadog_checks.amazon_ses.state import document, encoding
from datadog_checks.amazon_ses.state.encoding import Document

NOW = 1_790_000_100
SEND = Query(SERIES[0], SUM)

NEWER_DOCUMENT = Document({'a': 1}, [array('d', [4.0, 0.5]), array('q', [3, 2**40])])
OLDER_DOCUMENT = Document({'a': 0}, [])
NEWER_SLOT, OLDER_SLOT = encoding.pack(NEWER_DOCUMENT, 8), encoding.pack(OLDER_DOCUMENT, 7)


@pytest.mark.parametrize(
    ('slots', 'noted', 'expected'),
    [
        (['', ''], '', (None, 0, True, False)),
        ([NEWER_SLOT, OLDER_SLOT], '8', (NEWER_DOCUMENT, 8, True, False)),
        ([OLDER_SLOT, NEWER_SLOT], '8', (NEWER_DOCUMENT, 8, True, False)),
        ([NEWER_SLOT, OLDER_SLOT], '7', (NEWER_DOCUMENT, 8, True, False)),
        # Without the record nobody knows that a newer copy was not lost.
        ([NEWER_SLOT, OLDER_SLOT], '', (NEWER_DOCUMENT, 8, False, True)),
        (['', OLDER_SLOT], '', (OLDER_DOCUMENT, 7, False, True)),
        ([NEWER_SLOT, ''], '8', (NEWER_DOCUMENT, 8, True, False)),
        # Torn while it was written: it was never submitted, so the older document is exact.
        ([NEWER_SLOT[:-9], OLDER_SLOT], '7', (OLDER_DOCUMENT, 7, True, True)),
        # Damaged later: its amounts were submitted already.
        ([NEWER_SLOT[:-9], OLDER_SLOT], '8', (OLDER_DOCUMENT, 8, False, True)),
        (['', OLDER_SLOT], '8', (OLDER_DOCUMENT, 8, False, True)),
        ([NEWER_SLOT[:-9], OLDER_SLOT], '', (OLDER_DOCUMENT, 7, False, True)),
        ([NEWER_SLOT, OLDER_SLOT[:9]], '8', (NEWER_DOCUMENT, 8, True, True)),
        (['x', 'y'], '', (None, 0, False, True)),
        (['', ''], '8', (None, 8, True, True)),
        ([NEWER_SLOT, OLDER_SLOT], 'x', (NEWER_DOCUMENT, 8, False, True)),
        ([NEWER_SLOT, OLDER_SLOT], '\N{SUPERSCRIPT TWO}', (NEWER_DOCUMENT, 8, False, True)),
        ([NEWER_SLOT, OLDER_SLOT], '9' * 5000, (NEWER_DOCUMENT, 8, False, True)),
    ],
)
def test_the_newest_undamaged_document_is_loaded(slots: list[str], noted: str, expected: tuple[Any, ...]) -> None:
    """Of a state of the first version, with one record, the newest undamaged document is loaded, and with it whether it
    contains all that was submitted."""
    loaded = encoding.load(slots, [noted, ''])
    assert (loaded.document, loaded.sequence, loaded.exact, loaded.damaged) == expected


@pytest.mark.parametrize(
    'text',
    ['null', '[]', '1', '{}', '"x"', '[' * 100_000, json.dumps({'version': 2, 'sequence': 8, 'sum': 0, 'body': '{}'})]
    + [
        NEWER_SLOT.replace('"version": 2', '"version": 1'),
        NEWER_SLOT.replace(' 8,', ' 9,'),
        NEWER_SLOT[:-4] + NEWER_SLOT[-5:],
    ],
)
def test_a_slot_without_a_valid_document_is_damaged(text: str) -> None:
    """A slot without a document of this version and its checksum is damaged, and the other slot is used."""
    loaded = encoding.load([text, OLDER_SLOT], ['7', ''])
    assert (loaded.document, loaded.damaged) == (OLDER_DOCUMENT, True)


@given(st.text(max_size=200), st.text(max_size=200), st.text(max_size=20))
def test_any_text_in_the_slots_can_be_loaded(first: str, second: str, noted: str) -> None:
    """Loading never fails, whatever text the files contain."""
    assert encoding.load([first, second], [noted, noted]).document is None


@pytest.mark.parametrize(
    'numbers',
    [
        [],
        [0.0] * 5,
        [65_535.0],
        [65_536.0, 0.0],
        [1.0, 4_294_967_295.0],
        [1.0, 4_294_967_296.0],
        [0.5, 3.0],
        [-1.0],
        [1e15, 1e-9],
        [2.0**53 - 1],
    ],
)
def test_columns_survive_their_packing(numbers: list[float]) -> None:
    """Amounts are restored to the bit, whether integer, large, fractional or negative."""
    loaded = encoding.load([encoding.pack(Document({}, [array('d', numbers)]), 1), ''], ['1', '']).document
    assert loaded is not None
    (column,) = loaded.columns
    assert (column.typecode, list(column)) == ('d', numbers)


KEY = SEND.series.key
IN_SET = ListedMetric('', 'AWS/SES', 'Send', (('ses:configuration-set', 'a,b/c'),))
LINKED = ListedMetric('210987654321', 'AWS/SES', 'Send', ())
BY_ADDRESS = ListedMetric('', 'AWS/SES', 'Send', (('who', 'jane.doe@mail.example'),))
FAMILIES = ('configuration_sets', 'cloudwatch', 'unrecognized')
SELECTED = select(SERIES[:1], families.recognize([IN_SET, LINKED, BY_ADDRESS], FAMILIES), (SUM,), {})
INVENTORY = Inventory(
    frozenset({IN_SET, LINKED}),
    (IN_SET, LINKED),
    {IN_SET: NOW - 60.0},
    NOW + 1.5,
    listed_at=NOW + 2.5,
    begins={LINKED: NOW - 900.0},
)
LEDGER = Ledger(
    period=300,
    since=NOW,
    counting_from=NOW,
    retained_from=NOW + 300,
    read_at=NOW + 3599.5,
    read_to=NOW + 3600,
    keys=SELECTED.keys,
    watermarks=array('q', [NOW, NOW + 300, NOW, NOW, NOW + 600]),
    read_slots=array('q', [1, 0, 1, 2]),
    newest_data=array('q', [0, NOW, 0, 0]),
    booked={NOW + 300: array('d', [4.0, 0.5, 0.0, 7.0, 1.0])},
    inactive_keys=('gone',),
    lowered={NOW + 300: {KEY: 1.0}},
    series_since={'b': NOW},
    closes_at=NOW + 7200,
    doubt='another_writer',
    unread=frozenset({SELECTED.keys[1], 'gone'}),
    forgotten_before=NOW + 300,
)
PROGRESS = Progress(
    ledger=LEDGER,
    gauges=GaugeValues({(KEY, SUM): (3.0, NOW + 0.5)}, 300, {KEY: (4.0, NOW)}, {KEY: NOW}),
    standing=Standing('HEALTHY', True),
    inventory=INVENTORY,
    survey=Survey(volumes={('', 'AWS/SES', IN_SET.dimensions): 12.0}, surveyed_at=NOW - 5.0),
    slots=Slots(77, NOW + 2.5),
    sources={CLOUDWATCH: Source(NOW, NOW), DISCOVERY: Source(NOW, NOW)},
    selection=SELECTED,
)
"""A progress with every field that outlives a restart."""


@pytest.fixture(scope='module')
def saved() -> Document:
    """The document of `PROGRESS`, written to a slot and loaded from it."""
    loaded = encoding.load([encoding.pack(document.to_document(PROGRESS), 1), ''], ['1', '']).document
    assert loaded is not None
    return loaded


def test_a_document_after_another_is_what_it_would_be_alone() -> None:
    """What a process saves after it saved before is the same, to the byte, as what a new process would save."""
    ledger = PROGRESS.ledger
    assert ledger is not None
    start, column = next(iter(ledger.booked.items()))
    grown = array('d', [amount + 1 for amount in column])
    fewer = replace(INVENTORY, metrics=INVENTORY.metrics - {INVENTORY.ordered[0]}, ordered=INVENTORY.ordered[1:])
    progresses = [
        PROGRESS,
        replace(PROGRESS, ledger=replace(ledger, booked={**ledger.booked, start: grown})),
        replace(PROGRESS, ledger=None),
        replace(PROGRESS, inventory=fewer),
        PROGRESS,
    ]
    names, columns = document.Names(), encoding.PackedColumns()
    for progress in progresses:
        names = document.names_of(progress, names)
        after_others = encoding.pack(document.to_document(progress, names), 3, columns)
        assert after_others == encoding.pack(document.to_document(progress), 3)


def test_progress_survives_its_document(saved: Document) -> None:
    """All state that outlives a restart is restored unchanged."""
    assert len(SELECTED.keys) == 4
    assert replace(document.from_document(saved), selection=SELECTED) == PROGRESS


def test_an_implausible_document_is_refused(saved: Document) -> None:
    """A document with a number in place of any field, or with a short column, is refused or read without that field."""
    for name in saved.values:
        malformed = Document({**saved.values, name: 5}, saved.columns)
        try:
            restored = document.from_document(malformed)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError):
            continue
        assert replace(restored, selection=SELECTED) != PROGRESS
    with pytest.raises(ValueError):
        document.from_document(Document(saved.values, [*saved.columns[:1], array('q', [1]), *saved.columns[2:]]))


def test_a_document_of_an_earlier_version_is_read(saved: Document) -> None:
    """A document that says nothing of new series is read as one without any."""
    ledger = {key: value for key, value in saved.values['ledger'].items() if key not in ('unread', 'forgotten')}
    values = {key: value for key, value in saved.values.items() if key not in ('listed_at', 'begins')}
    restored = document.from_document(Document({**values, 'ledger': ledger}, saved.columns))
    assert restored.ledger == replace(LEDGER, unread=frozenset(), forgotten_before=0)
    assert restored.inventory == replace(INVENTORY, listed_at=INVENTORY.full_at, begins={})


def test_a_mail_address_in_a_dimension_is_not_saved() -> None:
    """A metric with a mail address in a dimension is not saved, so metrics are listed again after a restart."""
    listed = with_metrics(INVENTORY, INVENTORY.metrics | {BY_ADDRESS})
    written = document.to_document(replace(PROGRESS, inventory=listed))
    assert 'jane.doe' not in repr(written.values)
    restored = document.from_document(written)
    assert (restored.inventory.ordered, restored.inventory.full_at) == (INVENTORY.ordered, None)
    assert DISCOVERY not in restored.sources
    assert restored.ledger == LEDGER
