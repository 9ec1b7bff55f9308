"""What of a progress outlives a restart, as a document, and back. See state.py for how documents are kept.

What CloudWatch lists is written group by group, so a configuration set is written once, with the names of its metrics;
the series of the ledger are numbers in that list. A metric whose dimensions hold an e-mail address is not written: the
ledger's key of it holds a hash instead, which still finds what was booked.
"""

from __future__ import annotations

from array import array
from itertools import groupby
from typing import Any

from datadog_checks.amazon_ses.addresses import masked
from datadog_checks.amazon_ses.cloudwatch.discovery import Inventory
from datadog_checks.amazon_ses.cloudwatch.families import Listed
from datadog_checks.amazon_ses.cloudwatch.gauges import Shown
from datadog_checks.amazon_ses.cloudwatch.ledger import Ledger
from datadog_checks.amazon_ses.cloudwatch.series import Dimensions, Series, key_of
from datadog_checks.amazon_ses.collectors.account import Standing
from datadog_checks.amazon_ses.progress import CLOUDWATCH, DAILY, DISCOVERY, Progress, Source
from datadog_checks.amazon_ses.state.encoding import Document

LASTING = (CLOUDWATCH, DISCOVERY, DAILY)
"""Sources that a new process does not ask again at once."""

SPELLED = 2**32 - 1
"""In place of a number of the list: the key is spelled out."""

BETWEEN = '\n'
"""Between the names of the metrics of a group: one text is far smaller than a list of them."""

COLUMNS = 4
"""Columns in front of those that were booked: numbers of keys, marks, slots, newest data."""


def lasting(progress: Progress) -> tuple[object, ...]:
    """What of a progress outlives a restart: where these are the same objects, so is the document."""
    kept = (progress.ledger, progress.shown, progress.inventory, progress.volumes)
    return (*map(id, kept), progress.standing, progress.surveyed, tuple(_asked(progress).items()))


def to_document(progress: Progress) -> Document:
    """What outlives a restart."""
    shown, inventory = progress.shown, progress.inventory
    groups = [(group, list(its)) for group, its in groupby(inventory.ordered, lambda one: one[:2] + one[3:])]
    groups = [
        (group, its)
        for group, its in groups
        if _is_clean(group[2]) and not any(BETWEEN in one.metric_name for one in its)
    ]
    listed = [one for _, its in groups for one in its]
    whole = len(listed) == len(inventory.ordered)
    numbers = {one: number for number, one in enumerate(listed)}
    asked = _asked(progress)
    if not whole:
        # The next process must look for what is not written.
        asked.pop(DISCOVERY, None)
    values: dict[str, Any] = {
        'asked': asked,
        'settled': [[*key, *kept] for key, kept in shown.settled.items()],
        'period': shown.period,
        'readings': {key: list(kept) for key, kept in shown.readings.items()},
        'last_seen': dict(shown.last_seen),
        'listed': [[*group, BETWEEN.join([one.metric_name for one in its])] for group, its in groups],
        'missing': [[numbers[one], since] for one, since in inventory.missing.items() if one in numbers],
        'whole_at': inventory.whole_at if whole else None,
        'volumes': [[*group, volume] for group, volume in progress.volumes.items() if _is_clean(group[2])],
        'surveyed': progress.surveyed,
        'collected': progress.collected,
        'slot': progress.slot,
    }
    if progress.standing is not None:
        values['standing'] = [progress.standing.enforcement_status, progress.standing.sending_enabled]
    ledger = progress.ledger
    if ledger is None:
        return Document(values)
    # The ledger is arranged for the selection, so a series stands where its key does.
    places = array('q', [numbers.get(_listed(one), SPELLED) if one.found else SPELLED for one in progress.series])
    places.extend([SPELLED] * (len(ledger.keys) - len(places)))
    starts = sorted(ledger.booked)
    values['ledger'] = {
        **{
            name: getattr(ledger, name)
            for name in ('period', 'since', 'floor', 'kept_from', 'read_at', 'read_to', 'closing', 'doubtful')
        },
        'spelled': [key for key, number in zip(ledger.keys, places, strict=True) if number == SPELLED],
        'others': list(ledger.others),
        'born': dict(ledger.born),
        'starts': starts,
        'shrunk': [[start, dict(series)] for start, series in ledger.shrunk.items()],
    }
    columns: list[array[Any]] = [
        places,
        ledger.marks,
        ledger.read_in,
        ledger.seen,
        *(ledger.booked[start] for start in starts),
    ]
    return Document(values, columns)


def from_document(document: Document) -> Progress:
    """The progress that a document holds. Raises KeyError, TypeError, ValueError or IndexError where it holds none."""
    values = document.values
    listed = [
        Listed(str(account), str(namespace), str(name), _dimensions(dimensions))
        for account, namespace, dimensions, names in values['listed']
        for name in names.split(BETWEEN)
    ]
    told, kept = values.get('standing'), values.get('ledger')
    ledger = None
    if kept is not None:
        numbers, marks, read_in, seen = document.columns[:COLUMNS]
        spelled = iter(kept['spelled'])
        keys = tuple(
            str(next(spelled)) if number == SPELLED else key_of('found', *listed[number]) for number in numbers
        )
        others = tuple(map(str, kept['others']))
        booked = dict(zip(map(int, kept['starts']), document.columns[COLUMNS:], strict=True))
        if {len(read_in), len(seen)} != {len(keys)} or any(
            len(column) != len(keys) + len(others) for column in (marks, *booked.values())
        ):
            raise ValueError('columns of different length')
        ledger = Ledger(
            period=int(kept['period']),
            since=int(kept['since']),
            floor=int(kept['floor']),
            kept_from=int(kept['kept_from']),
            read_at=float(kept['read_at']),
            read_to=int(kept['read_to']),
            keys=keys,
            marks=marks,
            read_in=read_in,
            seen=seen,
            booked=booked,
            others=others,
            shrunk={int(start): dict(series) for start, series in kept['shrunk']},
            born={str(key): int(at) for key, at in kept['born'].items()},
            closing=None if kept['closing'] is None else int(kept['closing']),
            doubtful=bool(kept['doubtful']),
        )
    shown = Shown(
        {(str(key), str(statistic)): (float(value), float(at)) for key, statistic, value, at in values['settled']},
        int(values['period']),
        {str(key): (float(value), int(at)) for key, (value, at) in values['readings'].items()},
        {str(key): int(at) for key, at in values['last_seen'].items()},
    )
    return Progress(
        ledger=ledger,
        shown=shown,
        standing=Standing(*told) if told else None,
        inventory=Inventory(
            frozenset(listed),
            tuple(listed),
            {listed[number]: float(since) for number, since in values['missing']},
            None if values['whole_at'] is None else float(values['whole_at']),
        ),
        volumes={
            (str(account), str(namespace), _dimensions(dimensions)): float(volume)
            for account, namespace, dimensions, volume in values['volumes']
        },
        collected=None if values['collected'] is None else float(values['collected']),
        slot=int(values['slot']),
        surveyed=None if values['surveyed'] is None else float(values['surveyed']),
        sources={str(name): Source(float(asked), float(asked)) for name, asked in values['asked'].items()},
    )


def _asked(progress: Progress) -> dict[str, float]:
    """When the CloudWatch sources were asked, those that answered without a failure."""
    asked = {name: progress.sources[name] for name in LASTING if name in progress.sources}
    return {name: source.asked for name, source in asked.items() if not source.failures}


def _listed(series: Series) -> Listed:
    return Listed(series.account, series.namespace, series.metric_name, series.dimensions)


def _is_clean(dimensions: Dimensions) -> bool:
    return all(masked(value) == value for _, value in dimensions)


def _dimensions(written: Any) -> Dimensions:
    return tuple((str(name), str(value)) for name, value in written)
