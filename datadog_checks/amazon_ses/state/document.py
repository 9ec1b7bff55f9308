"""The saved document: the part of a progress that outlives a restart. `encoding.py` says how it is written.

The inventory is written group by group: a configuration set stands once, with the names of its metrics, and the series
of the ledger are numbers in that list. A metric whose dimensions hold an e-mail address is not written. The ledger's
key of it holds a hash instead, which still finds its amounts.

The names in the document are those of its first version and must not change.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, groupby
from sys import intern
from typing import Any

from datadog_checks.amazon_ses.addresses import masked
from datadog_checks.amazon_ses.cloudwatch.discovery import Inventory
from datadog_checks.amazon_ses.cloudwatch.families import ListedMetric, listed_metric
from datadog_checks.amazon_ses.cloudwatch.gauges import GaugeValues
from datadog_checks.amazon_ses.cloudwatch.ledger import STATE_LOST, Ledger
from datadog_checks.amazon_ses.cloudwatch.series import Dimensions, Scope, Series, key_of
from datadog_checks.amazon_ses.cloudwatch.slots import Slots
from datadog_checks.amazon_ses.cloudwatch.survey import Survey
from datadog_checks.amazon_ses.collectors.account import Standing
from datadog_checks.amazon_ses.collectors.terms import Terms
from datadog_checks.amazon_ses.events import memory
from datadog_checks.amazon_ses.events.intake import Events
from datadog_checks.amazon_ses.events.memory import Memory
from datadog_checks.amazon_ses.progress import Progress
from datadog_checks.amazon_ses.registry import SWEEPS
from datadog_checks.amazon_ses.sources import CLOUDWATCH_SOURCES, DISCOVERY, Source
from datadog_checks.amazon_ses.state.encoding import Document
from datadog_checks.amazon_ses.sweeps import states

SAVED_SOURCES = CLOUDWATCH_SOURCES
"""Sources that a new process does not ask again at once."""

EXPLICIT_KEY = 2**32 - 1
"""In place of a number in the list: the key is written out."""

SEPARATOR = '\n'
"""Between the metric names of a group: one text is far smaller than a list of them."""

FIXED_COLUMNS = 4
"""Columns before those of the booked amounts: key numbers, watermarks, slots, newest data."""

LEDGER_FIELDS = {
    'period': 'period',
    'since': 'since',
    'floor': 'counting_from',
    'kept_from': 'retained_from',
    'read_at': 'read_at',
    'read_to': 'read_to',
    'closing': 'closes_at',
    'doubtful': 'doubt',
    'forgotten': 'forgotten_before',
}
"""The plain values of the ledger: name in the document, name in the program."""


def fingerprint(progress: Progress) -> tuple[object, ...]:
    """Identity of what is saved: while it is unchanged, so is the document."""
    values = (progress.ledger, progress.gauges, progress.inventory, progress.survey.volumes, progress.sweeps)
    identities = map(id, (*values, progress.events.memory))
    return (*identities, progress.standing, progress.survey.surveyed_at, tuple(_asked_at(progress).items()))


@dataclass(frozen=True, slots=True)
class Names:
    """The names in a document, and the values that they were made from: while these are the same, so are the names.

    `listed` are the metrics of the inventory by group, `written` how many they are. `key_numbers` has for each key of
    the ledger its number in that list, and `explicit` the keys that are not in it. `selected` says that the series of
    the keys were known.
    """

    metrics: frozenset[ListedMetric] = frozenset()
    selected: bool = False
    keys: tuple[str, ...] = ()
    listed: Sequence[Any] = ()
    written: int = 0
    key_numbers: array[int] = field(default_factory=lambda: array('q'))
    explicit: Sequence[str] = ()


def names_of(progress: Progress, before: Names) -> Names:
    """The names in the document of a progress; the same as before where nothing has another name."""
    metrics = progress.inventory.metrics
    keys, series = (progress.ledger.keys, progress.selection.series) if progress.ledger else ((), ())
    if before.metrics is metrics and before.selected >= bool(series):
        if before.keys is keys:
            return before
        if before.keys == keys:
            return replace(before, keys=keys)
    groups = list(_groups(progress.inventory))
    numbers = _numbers(groups)
    key_numbers = _key_numbers(keys, series, numbers)
    listed = [[*group, SEPARATOR.join([metric.metric_name for metric in metrics])] for group, metrics in groups]
    explicit = [key for key, number in zip(keys, key_numbers, strict=True) if number == EXPLICIT_KEY]
    return Names(metrics, bool(series), keys, listed, len(numbers), key_numbers, explicit)


def names_in(document: Document, progress: Progress) -> Names:
    """The names in a document from which a progress was read."""
    content, inventory, ledger = document.values, progress.inventory, progress.ledger
    listed, written = content['listed'], len(inventory.ordered)
    if ledger is None:
        return Names(inventory.metrics, listed=listed, written=written)
    explicit = content['ledger']['spelled']
    return Names(inventory.metrics, True, ledger.keys, listed, written, document.columns[0], explicit)


def _numbers(groups: Iterable[tuple[object, Sequence[ListedMetric]]]) -> dict[ListedMetric, int]:
    """The number of each metric in the list of a document."""
    return {metric: number for number, metric in enumerate(chain.from_iterable(metrics for _, metrics in groups))}


def to_document(progress: Progress, names: Names | None = None) -> Document:
    """The document of a progress. `names` are those of it, where they are known."""
    values, inventory, survey = progress.gauges, progress.inventory, progress.survey
    names = names or names_of(progress, Names())
    is_full = names.written == len(inventory.ordered)
    numbers = _numbers(_groups(inventory)) if inventory.missing_since or inventory.begins else {}
    asked_at = _asked_at(progress)
    if not is_full:
        # The next process must list again what is not written.
        asked_at.pop(DISCOVERY, None)
    content: dict[str, Any] = {
        'asked': asked_at,
        'settled': [[*key, *entry] for key, entry in values.settled.items()],
        'period': values.period,
        'readings': {key: list(entry) for key, entry in values.measurements.items()},
        'last_seen': dict(values.newest_data),
        'listed': names.listed,
        'missing': [[numbers[metric], since] for metric, since in inventory.missing_since.items() if metric in numbers],
        'whole_at': inventory.full_at if is_full else None,
        'listed_at': inventory.listed_at,
        'own_since': dict(inventory.own_since),
        'begins': [[numbers[metric], begin] for metric, begin in inventory.begins.items() if metric in numbers],
        'volumes': [[*group, volume] for group, volume in survey.volumes.items() if _has_no_address(chain(*group[2]))],
        'surveyed': survey.surveyed_at,
        'collected': progress.slots.polled_at,
        'slot': progress.slots.slot,
    }
    if progress.standing is not None:
        standing = progress.standing
        content['standing'] = [standing.enforcement_status, standing.sending_enabled, *standing.terms]
    if progress.sweeps:
        content['sweeps'] = states.to_document(SWEEPS, progress.sweeps)
    if progress.events.memory.since is not None:
        content['events'] = memory.to_document(progress.events.memory)
    if progress.ledger is None:
        return Document(content)
    content['ledger'] = _ledger_content(progress.ledger, names.explicit)
    return Document(content, _columns(progress.ledger, names.key_numbers))


def from_document(document: Document) -> Progress:
    """The progress of a document. Raises KeyError, TypeError, ValueError or IndexError where it holds none."""
    content = document.values
    listed = [metric for group in content['listed'] for metric in _listed(*group)]
    standing = content.get('standing')
    return Progress(
        ledger=_ledger(content.get('ledger'), document.columns, listed),
        gauges=_gauges(content),
        standing=Standing(standing[0], standing[1], Terms(*standing[2:])) if standing else None,
        inventory=Inventory(
            frozenset(listed),
            tuple(listed),
            {listed[number]: float(since) for number, since in content['missing']},
            _optional_time(content['whole_at']),
            listed_at=_optional_time(content.get('listed_at', content['whole_at'])),
            begins={listed[number]: float(begin) for number, begin in content.get('begins', ())},
            own_since={str(account): _optional_time(since) for account, since in content.get('own_since', {}).items()},
        ),
        survey=Survey(
            volumes={
                (str(account), str(namespace), _dimensions(dimensions)): float(volume)
                for account, namespace, dimensions, volume in content['volumes']
            },
            surveyed_at=_optional_time(content['surveyed']),
        ),
        slots=Slots(int(content['slot']), _optional_time(content['collected'])),
        sources={str(name): Source(float(at), float(at)) for name, at in content['asked'].items()},
        sweeps=states.from_document(SWEEPS, content.get('sweeps', {})),
        events=Events(memory.from_document(content['events']) if 'events' in content else Memory()),
    )


def _listed(account: object, namespace: object, dimensions: Any, names: str) -> list[ListedMetric]:
    """The metrics of a group, which share their texts and their dimensions."""
    group = intern(str(account)), intern(str(namespace))
    shared = _dimensions(dimensions)
    return [ListedMetric(*group, intern(name), shared) for name in names.split(SEPARATOR)]


def _groups(inventory: Inventory) -> Iterable[tuple[tuple[Any, ...], list[ListedMetric]]]:
    """The inventory by linked account, namespace and dimensions, without what cannot be written."""
    for group, iterator in groupby(inventory.ordered, lambda metric: metric[:2] + metric[3:]):
        metrics = list(iterator)
        names = [metric.metric_name for metric in metrics]
        if _has_no_address((*names, *chain(*group[2]))) and not any(SEPARATOR in name for name in names):
            yield group, metrics


def _key_numbers(keys: Sequence[str], series_list: Sequence[Series], numbers: Mapping[ListedMetric, int]) -> array[int]:
    """For each key of the ledger its number in the list. The ledger has the indexes of the selection."""
    listed_numbers = (
        numbers.get(listed_metric(series), EXPLICIT_KEY) if series.scope is Scope.LISTED else EXPLICIT_KEY
        for series in series_list
    )
    key_numbers = array('q', listed_numbers)
    key_numbers.extend([EXPLICIT_KEY] * (len(keys) - len(key_numbers)))
    return key_numbers


def _ledger_content(ledger: Ledger, explicit: Sequence[str]) -> dict[str, Any]:
    unread = ledger.unread
    return {
        **{name: getattr(ledger, attribute) for name, attribute in LEDGER_FIELDS.items()},
        'spelled': list(explicit),
        'others': list(ledger.inactive_keys),
        'born': dict(ledger.series_since),
        'starts': sorted(ledger.booked),
        'shrunk': [[start, dict(amounts)] for start, amounts in ledger.lowered.items()],
        'unread': [index for index, key in enumerate(_keys(ledger)) if key in unread] if unread else [],
    }


def _keys(ledger: Ledger) -> tuple[str, ...]:
    return (*ledger.keys, *ledger.inactive_keys)


def _columns(ledger: Ledger, key_numbers: array[int]) -> list[array[Any]]:
    booked = (ledger.booked[start] for start in sorted(ledger.booked))
    return [key_numbers, ledger.watermarks, ledger.read_slots, ledger.newest_data, *booked]


def _ledger(
    content: Mapping[str, Any] | None, columns: Sequence[array[Any]], listed: Sequence[ListedMetric]
) -> Ledger | None:
    if content is None:
        return None
    key_numbers, watermarks, read_slots, newest_data = columns[:FIXED_COLUMNS]
    explicit = iter(content['spelled'])
    keys = tuple(
        str(next(explicit)) if number == EXPLICIT_KEY else key_of(Scope.LISTED, *listed[number])
        for number in key_numbers
    )
    inactive_keys = tuple(map(str, content['others']))
    booked = dict(zip(map(int, content['starts']), columns[FIXED_COLUMNS:], strict=True))
    if {len(read_slots), len(newest_data)} != {len(keys)} or any(
        len(column) != len(keys) + len(inactive_keys) for column in (watermarks, *booked.values())
    ):
        raise ValueError('columns of different length')
    return Ledger(
        period=int(content['period']),
        since=int(content['since']),
        counting_from=int(content['floor']),
        retained_from=int(content['kept_from']),
        read_at=float(content['read_at']),
        read_to=int(content['read_to']),
        keys=keys,
        watermarks=watermarks,
        read_slots=read_slots,
        newest_data=newest_data,
        booked=booked,
        inactive_keys=inactive_keys,
        lowered={int(start): dict(amounts) for start, amounts in content['shrunk']},
        series_since={str(key): int(at) for key, at in content['born'].items()},
        closes_at=None if content['closing'] is None else int(content['closing']),
        doubt=_doubt(content['doubtful']),
        unread=frozenset((*keys, *inactive_keys)[index] for index in content.get('unread', ())),
        forgotten_before=int(content.get('forgotten', 0)),
    )


def _doubt(saved: object) -> str:
    """The reason for a doubt. States of the first version have a truth value in its place."""
    return saved if isinstance(saved, str) else STATE_LOST if saved else ''


def _gauges(content: Mapping[str, Any]) -> GaugeValues:
    return GaugeValues(
        {(str(key), str(statistic)): (float(value), float(at)) for key, statistic, value, at in content['settled']},
        int(content['period']),
        {str(key): (float(value), int(at)) for key, (value, at) in content['readings'].items()},
        {str(key): int(at) for key, at in content['last_seen'].items()},
    )


def _asked_at(progress: Progress) -> dict[str, float]:
    """When the CloudWatch sources were asked, those that answered without a failure."""
    sources = {name: progress.sources[name] for name in SAVED_SOURCES if name in progress.sources}
    return {name: source.asked_at for name, source in sources.items() if not source.failures}


def _has_no_address(texts: Iterable[str]) -> bool:
    return all(masked(text) == text for text in texts)


def _dimensions(pairs: Any) -> Dimensions:
    return tuple((str(name), str(value)) for name, value in pairs)


def _optional_time(value: Any) -> float | None:
    return None if value is None else float(value)
