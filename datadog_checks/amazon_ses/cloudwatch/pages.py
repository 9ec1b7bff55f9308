"""Pages of GetMetricData in JSON: usual results are read into columns while the document is read.

Nearly every result is complete and has the timestamps of the result before it. Columns of them take a fraction of the
memory of one object for each result, and of the time to read them.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from math import hypot
from typing import Any, NamedTuple

from datadog_checks.amazon_ses.values import LARGEST

RESULTS = 'MetricDataResults'
COMPLETE = 'Complete'

_MEMBER = f'"{RESULTS}"'.encode()
_TAKEN = object()
"""What a result that was read into a column leaves behind."""

_NUMBERS = frozenset((int, float))


class Column(NamedTuple):
    """Complete results with the same timestamps: the Id of each, and their values, result after result."""

    timestamps: tuple[float, ...]
    ids: Sequence[str]
    values: array[float]

    def results(self) -> Iterable[Mapping[str, Any]]:
        """The results as CloudWatch sent them."""
        length = len(self.timestamps)
        for place, query_id in enumerate(self.ids):
            values = self.values[place * length : (place + 1) * length]
            yield {'Id': query_id, 'Timestamps': self.timestamps, 'Values': values, 'StatusCode': COMPLETE}


class PageResults(NamedTuple):
    """The results of a page, in which no Id stands twice: columns of the usual ones, and the odd ones as they came."""

    columns: Sequence[Column]
    odd_results: Sequence[Any]


def read(content: bytes) -> Any:
    """The document of an answer in JSON, in which usual results are a `PageResults`. Raises what `json.loads` does."""
    if _MEMBER not in content:
        return json.loads(content)
    reader = _Reader()
    document = json.loads(content, object_hook=reader.take)
    results = reader.page_results(document)
    return json.loads(content) if results is None else {**document, RESULTS: results}


class _Reader:
    """Takes usual results out of a document while it is read. They leave `_TAKEN` behind."""

    __slots__ = ('_columns', '_ids', '_timestamps', '_values')

    def __init__(self) -> None:
        self._columns: dict[tuple[float, ...], tuple[list[str], list[float]]] = {}
        self._timestamps: Sequence[float] | None = None
        self._ids: list[str] = []
        self._values: list[float] = []

    def take(self, result: dict[str, Any]) -> Any:
        """Take a result, and return `_TAKEN`, or return what is no usual result as it is."""
        try:
            timestamps, values = result['Timestamps'], result['Values']
            if result['StatusCode'] != COMPLETE or len(timestamps) != len(values):
                return result
            query_id = result['Id']
            if timestamps != self._timestamps:
                self._ids, self._values = self._columns.setdefault(tuple(timestamps), ([], []))
                self._timestamps = timestamps
        except (KeyError, TypeError):
            return result
        self._ids.append(query_id)
        self._values += values
        return _TAKEN

    def page_results(self, document: Any) -> PageResults | None:
        """The results of the document, None where they cannot be told from their columns."""
        results = document.get(RESULTS) if isinstance(document, dict) else None
        if not isinstance(results, list):
            return None
        ids = [*chain.from_iterable(ids for ids, _ in self._columns.values())]
        if results.count(_TAKEN) != len(ids):
            return None
        odd_results = [result for result in results if result is not _TAKEN]
        every = [*ids, *(other.get('Id') for other in odd_results if isinstance(other, dict))]
        try:
            is_usual = len(every) == len(results) == len(set(every)) and {*map(type, every)} <= {str}
            if not (is_usual and _are_possible([*chain.from_iterable(self._columns), *self._all_values()])):
                return None
        except (TypeError, OverflowError):
            return None
        columns = [Column(times, ids, array('d', values)) for times, (ids, values) in self._columns.items()]
        return PageResults(columns, odd_results)

    def _all_values(self) -> Iterable[float]:
        return chain.from_iterable(values for _, values in self._columns.values())


def _are_possible(numbers: Sequence[float]) -> bool:
    """Whether all of them are numbers of a possible size."""
    # The norm is no less than the largest number, and NaN where one of them is.
    return {*map(type, numbers)} <= _NUMBERS and hypot(*numbers) < LARGEST
