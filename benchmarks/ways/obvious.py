"""The obvious ways for a whole case: a check of its own for each Region of each instance, one after the other."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from benchmarks.cases import Case, Series
from benchmarks.ways import sign_in
from benchmarks.ways.one_call_each import OneCallEach
from benchmarks.ways.plain_batches import PlainBatches


def one_call_each(case: Case, endpoint: str, totalling: bool = False) -> list[OneCallEach]:
    """Checks for at most `sample` series of the case."""
    found, left = [], case.sample
    for place, region in _places(case):
        if left <= 0:
            break
        series = list(islice(case.series(), left))
        left -= len(series)
        found.append(OneCallEach(series, sign_in.client(case, place, region, endpoint), totalling))
    return found


def plain_batches(case: Case, endpoint: str, totalling: bool = False) -> list[PlainBatches]:
    """Checks for all series of the case, in its first Region only: the others take as long again."""
    series: list[Series] = case.series()
    where = [(place, region) for place, region in _places(case) if region == case.regions[0]]
    return [PlainBatches(series, sign_in.client(case, *one, endpoint), totalling) for one in where]


def _places(case: Case) -> Iterator[tuple[int, str]]:
    return ((place, region) for place in range(case.instances) for region in case.regions)
