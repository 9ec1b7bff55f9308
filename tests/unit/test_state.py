"""What is saved comes back as it was, and what is damaged is known for that."""

from __future__ import annotations

import json
from array import array
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datadog_checks.amazon_ses import progress
from datadog_checks.amazon_ses.cloudwatch import families
from datadog_checks.amazon_ses.cloudwatch.discovery import Inventory
from datadog_checks.amazon_ses.cloudwatch.discovery import known as known_metrics
from datadog_checks.amazon_ses.cloudwatch.families import Listed
from datadog_checks.amazon_ses.cloudwatch.gauges import Shown
from datadog_checks.amazon_ses.cloudwatch.ledger import Ledger
from datadog_checks.amazon_ses.cloudwatch.selection import select
from datadog_checks.amazon_ses.cloudwatch.series import ACCOUNT as SERIES
from datadog_checks.amazon_ses.cloudwatch.series import SUM, Query
from datadog_checks.amazon_ses.collectors.account import Standing
from datadog_checks.amazon_ses.progress import CLOUDWATCH, Progress, Source
from datadog_checks.amazon_ses.state import document, encoding
from datadog_checks.amazon_ses.state.encoding import Document

NOW = 1_790_000_100
SEND, BOUNCE = Query(SERIES[0], SUM), Query(SERIES[2], SUM)


DOCUMENT = Document({'a': 1}, [array('d', [4.0, 0.5]), array('q', [3, 2**40])])
OLDER = Document({'a': 0}, [])
NEWEST, BEFORE = encoding.pack(DOCUMENT, 8), encoding.pack(OLDER, 7)


@pytest.mark.parametrize(
    ('slots', 'noted', 'expected'),
    [
        (['', ''], '', (None, 0, True, False)),
        ([NEWEST, BEFORE], '8', (DOCUMENT, 8, True, False)),
        ([BEFORE, NEWEST], '8', (DOCUMENT, 8, True, False)),
        ([NEWEST, BEFORE], '7', (DOCUMENT, 8, True, False)),
        ([NEWEST, BEFORE], '', (DOCUMENT, 8, True, False)),
        ([NEWEST, ''], '8', (DOCUMENT, 8, True, False)),
        # Torn while it was written: never handed over, the older one is exact.
        ([NEWEST[:-9], BEFORE], '7', (OLDER, 7, True, True)),
        # Damaged later: what it booked was handed over.
        ([NEWEST[:-9], BEFORE], '8', (OLDER, 8, False, True)),
        (['', BEFORE], '8', (OLDER, 8, False, True)),
        ([NEWEST[:-9], BEFORE], '', (OLDER, 7, False, True)),
        ([NEWEST, BEFORE[:9]], '8', (DOCUMENT, 8, True, True)),
        (['x', 'y'], '', (None, 0, False, True)),
        (['', ''], '8', (None, 8, True, True)),
        ([NEWEST, BEFORE], 'x', (DOCUMENT, 8, True, False)),
        ([NEWEST, BEFORE], '\N{SUPERSCRIPT TWO}', (DOCUMENT, 8, True, False)),
    ],
)
def test_state(slots: list[str], noted: str, expected: tuple[Any, ...]) -> None:
    """The newest whole document is taken, and it is told whether it is all that was handed over."""
    loaded = encoding.load(slots, noted)
    assert (loaded.document, loaded.sequence, loaded.exact, loaded.damaged) == expected


@pytest.mark.parametrize(
    'text',
    ['null', '[]', '1', '{}', '"x"', '[' * 100_000, json.dumps({'version': 2, 'sequence': 8, 'sum': 0, 'body': '{}'})]
    + [NEWEST.replace('"version": 2', '"version": 1'), NEWEST.replace(' 8,', ' 9,'), NEWEST[:-4] + NEWEST[-5:]],
)
def test_state_that_is_none(text: str) -> None:
    """Whatever is in a slot but a document of this version with its checksum is damage, and the other slot is used."""
    loaded = encoding.load([text, BEFORE], '7')
    assert (loaded.document, loaded.damaged) == (OLDER, True)


@given(st.text(max_size=200), st.text(max_size=200), st.text(max_size=20))
def test_no_text_is_too_odd_for_a_slot(one: str, other: str, noted: str) -> None:
    """Loading never fails, whatever the files hold."""
    assert encoding.load([one, other], noted).document is None


@pytest.mark.parametrize(
    'numbers',
    [[], [0.0] * 5, [1.0, 4_294_967_295.0], [1.0, 4_294_967_296.0], [0.5, 3.0], [-1.0], [1e15, 1e-9], [2.0**53 - 1]],
)
def test_columns_survive_their_packing(numbers: list[float]) -> None:
    """Amounts come back to the bit, whether whole, large, broken or negative."""
    loaded = encoding.load([encoding.pack(Document({}, [array('d', numbers)]), 1), ''], '1').document
    assert loaded is not None
    (column,) = loaded.columns
    assert (column.typecode, list(column)) == ('d', numbers)


def test_progress_survives_its_document() -> None:
    """What outlives a restart comes back as it was; an address in a dimension is not written, and is looked for."""
    key, found = SEND.series.key, Listed('', 'AWS/SES', 'Send', (('ses:configuration-set', 'a,b/c'),))
    linked = Listed('210987654321', 'AWS/SES', 'Send', ())
    by_address = Listed('', 'AWS/SES', 'Send', (('who', 'jane.doe@mail.example'),))
    series = families.recognized([found, linked, by_address], ('configuration_sets', 'cloudwatch', 'unrecognized'))
    selected = select(SERIES[:1], series, (SUM,), {})
    keys = selected.keys
    assert len(keys) == 4
    ledger = Ledger(
        period=300, since=NOW, floor=NOW, kept_from=NOW + 300, read_at=NOW + 3599.5, read_to=NOW + 3600, keys=keys,
        marks=array('q', [NOW, NOW + 300, NOW, NOW, NOW + 600]), read_in=array('q', [1, 0, 1, 2]),
        seen=array('q', [0, NOW, 0, 0]),
        booked={NOW + 300: array('d', [4.0, 0.5, 0.0, 7.0, 1.0])}, others=('gone',), shrunk={NOW + 300: {key: 1.0}},
        born={'b': NOW}, closing=NOW + 7200, doubtful=True,
    )  # fmt: skip
    kept = Shown({(key, SUM): (3.0, NOW + 0.5)}, 300, {key: (4.0, NOW)}, {key: NOW})
    listed = Inventory(frozenset({found, linked}), (found, linked), {found: NOW - 60.0}, NOW + 1.5)
    known = Progress(
        ledger=ledger, shown=kept, standing=Standing('HEALTHY', True), inventory=listed, surveyed=NOW - 5.0,
        volumes={('', 'AWS/SES', found.dimensions): 12.0}, collected=NOW + 2.5, slot=77,
        sources={CLOUDWATCH: Source(NOW, NOW), progress.DISCOVERY: Source(NOW, NOW)}, selection=selected,
    )  # fmt: skip
    text = encoding.pack(document.to_document(known), 1)
    loaded = encoding.load([text, ''], '1').document
    assert loaded is not None
    assert replace(document.from_document(loaded), selection=selected) == known
    for name in loaded.values:
        broken = Document({**loaded.values, name: 5}, loaded.columns)
        with pytest.raises((KeyError, TypeError, ValueError, AttributeError, IndexError)):
            assert replace(document.from_document(broken), selection=selected) != known
            raise ValueError('a number in that place means nothing, so it may be ignored but not taken over')
    with pytest.raises(ValueError):
        document.from_document(Document(loaded.values, [*loaded.columns[:1], array('q', [1]), *loaded.columns[2:]]))

    addressed = replace(known, inventory=known_metrics(listed, listed.listed | {by_address}))
    written = document.to_document(addressed)
    assert 'jane.doe' not in repr(written.values)
    after = document.from_document(written)
    assert (after.inventory.ordered, after.inventory.whole_at) == (listed.ordered, None)
    assert progress.DISCOVERY not in after.sources
    assert after.ledger == ledger
