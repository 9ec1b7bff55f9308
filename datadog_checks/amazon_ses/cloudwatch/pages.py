"""Pages of GetMetricData in JSON: usual results become columns.

Nearly every result is complete and has the timestamps of the result before it. Columns of them take a fraction of the
memory of one object for each result, and of the time to book them.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain
from math import hypot
from typing import Any, NamedTuple

from datadog_checks.amazon_ses.values import LARGEST

RESULTS = 'MetricDataResults'
COMPLETE = 'Complete'

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


def with_columns(document: Any) -> Any:
    """The document of an answer, in which the results are a `PageResults` where they can be."""
    results = document.get(RESULTS) if isinstance(document, dict) else None
    page = _page_results(results) if isinstance(results, list) else None
    return document if page is None else {**document, RESULTS: page}


def _page_results(results: Sequence[Any]) -> PageResults | None:
    """The results of a page, None where an Id stands twice, or a value is no possible number."""
    columns: dict[tuple[float, ...], tuple[list[str], list[float]]] = {}
    odd_results = []
    last_timestamps: Any = None
    for result in results:
        try:
            timestamps, amounts, query_id = result['Timestamps'], result['Values'], result['Id']
            is_usual = result['StatusCode'] == COMPLETE and len(timestamps) == len(amounts)
            if is_usual and timestamps != last_timestamps:
                ids, values = columns.setdefault(tuple(timestamps), ([], []))
                last_timestamps = timestamps
        except (KeyError, TypeError):
            is_usual = False
        if is_usual:
            ids.append(query_id)
            values += amounts
        else:
            odd_results.append(result)
    named = [other.get('Id') for other in odd_results if isinstance(other, dict)]
    every = [*chain.from_iterable(ids for ids, _ in columns.values()), *named]
    numbers = [*chain.from_iterable((*starts, *values) for starts, (_, values) in columns.items())]
    try:
        if not (_are_ids(every, len(results)) and _are_possible(numbers)):
            return None
    except (TypeError, OverflowError):
        return None
    all_columns = [Column(starts, ids, array('d', values)) for starts, (ids, values) in columns.items()]
    return PageResults(all_columns, odd_results)


def _are_ids(names: Sequence[Any], number: int) -> bool:
    """Whether these are as many different texts."""
    return len(names) == number == len({*names}) and {*map(type, names)} <= {str}


def _are_possible(numbers: Sequence[float]) -> bool:
    """Whether all of them are numbers of a possible size."""
    # The norm is no less than the largest number, and NaN where one of them is.
    return {*map(type, numbers)} <= _NUMBERS and hypot(*numbers) < LARGEST
