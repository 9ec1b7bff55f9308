"""Blocks: the datapoints of queries that have data in the same periods, which nearly all queries of a batch have."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from itertools import chain, compress
from typing import NamedTuple

Starts = tuple[int, ...]
"""The starts of periods."""


class Block(NamedTuple):
    """The queries of a batch with data in the same periods.

    `positions` are those of the queries in the batch. `values` has for each of them the value of each period, query
    after query. `complete` says whether these are all of their values.
    """

    starts: Starts
    positions: Sequence[int]
    values: array[float]
    complete: bool

    def rows(self, positions: Container[int] | None = None) -> Iterator[tuple[int, array[float]]]:
        """The position and the values of each query, or of those at these positions."""
        length = len(self.starts)
        for place, position in enumerate(self.positions):
            if positions is None or position in positions:
                yield position, self.values[place * length : (place + 1) * length]

    def where(self, condition: Callable[[int], object]) -> Block:
        """The queries whose position meets a condition."""
        chosen = list(map(bool, map(condition, self.positions)))
        if all(chosen):
            return self
        of_values = chain.from_iterable([is_chosen] * len(self.starts) for is_chosen in chosen)
        values = array('d', compress(self.values, of_values))
        return self._replace(positions=list(compress(self.positions, chosen)), values=values)


def joined(rows: Iterable[tuple[int, Starts, Sequence[float], bool]]) -> list[Block]:
    """Blocks of the position, the starts, the values, and whether they are all, of single queries."""
    columns: dict[tuple[Starts, bool], tuple[list[int], array[float]]] = {}
    for position, starts, values, complete in rows:
        positions, every = columns.setdefault((starts, complete), ([], array('d')))
        positions.append(position)
        every.extend(values)
    return [Block(starts, *column, complete) for (starts, complete), column in columns.items()]
