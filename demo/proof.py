"""Compares what was submitted with what the pretend AWS holds. Pure: its only inputs are numbers."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain
from math import isclose

from demo.tally import Tally, tag_value

SINCE = 'amazon_ses.collector.counting_since'
CALLS = 'amazon_ses.collector.api_calls'
BILLED = 'amazon_ses.collector.billed_metrics'
SKIPPED = 'amazon_ses.collector.periods_skipped'
SHRUNK = 'amazon_ses.collector.amounts_shrunk'
LEFT_OUT = 'amazon_ses.collector.series_dropped'
ANY: tuple[str, ...] = ()

Tags = tuple[str, ...]
"""The tags of a series except account and Region."""


@dataclass(frozen=True)
class Family:
    """Counts of one kind; '' is the account. `counts` has the possible CloudWatch names of the metric behind each,
    `tags` the tag of each dimension. Where the metric is ANY, its name and its namespace are tags as well. `limited`:
    the option `max_series` may leave series out. `divided`: the check divides the counts by further tags, such as the
    type of a bounce, over which they are added up."""

    name: str
    counts: Mapping[str, Collection[str]]
    tags: Mapping[str, str] = field(default_factory=dict)
    limited: bool = False
    divided: bool = False


Amounts = Callable[[Family, str, str, float], Mapping[Tags, float]]
"""The sums in CloudWatch of a family's count in a Region since an instant, late data included, by the tags of each
series."""


@dataclass(frozen=True)
class Truth:
    """The numbers of the pretend AWS. `calls` are by Region and operation, `billed` by Region the billed metrics."""

    amounts: Amounts
    calls: Mapping[tuple[str, str], int]
    billed: Mapping[str, int]


@dataclass(frozen=True)
class Comparison:
    """A number that was submitted, and the same number in AWS."""

    name: str
    region: str
    expected: float
    submitted: float
    since: float | None = None
    tags: Tags = ()

    @property
    def difference(self) -> float:
        return 0.0 if isclose(self.expected, self.submitted, abs_tol=1e-6) else self.submitted - self.expected


@dataclass(frozen=True)
class Proof:
    """All comparisons of one run of the demo; the counts by the name of their family. `silent` are Regions without
    counts. The proof holds only where nothing differs, was skipped or was lowered."""

    counts: Mapping[str, tuple[Comparison, ...]]
    calls: tuple[Comparison, ...]
    billed: tuple[Comparison, ...]
    skipped: float
    shrunk: float
    silent: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        return not self.objections

    @property
    def objections(self) -> tuple[str, ...]:
        """Every reason why the proof does not hold."""
        objections = [
            f'{" of ".join((number.name, *number.tags))} in {number.region} differs by {number.difference:+,.0f}'
            for number in (*chain(*self.counts.values()), *self.calls, *self.billed)
            if number.difference
        ]
        objections += [f'nothing was counted in {region}' for region in self.silent]
        conditions = {
            f'{self.skipped:,.0f} periods were given up': self.skipped,
            f'{self.shrunk:,.0f} were counted and later taken back by CloudWatch': self.shrunk,
            'there is no count to compare': not any(self.counts.values()),
        }
        return (*objections, *(objection for objection, applies in conditions.items() if applies))

    @property
    def verdict(self) -> str:
        """The last line of the proof."""
        if not self.holds:
            return f'PROOF FAILED: {"; ".join(self.objections)}'
        families = [len(counts) for name, counts in self.counts.items() if name and counts]
        series = f' and {sum(families)} of {len(families)} families of series' if families else ''
        return f'PROOF: {len(self.counts.get("", ()))} counts of the account{series}, difference 0'


def prove(tally: Tally, regions: Sequence[str], families: Iterable[Family], truth: Truth) -> Proof:
    """Compare each series that was submitted or that CloudWatch holds. A Region that never submitted since when it
    counts proves nothing."""
    since = {key.region: value for key, value in tally.last.items() if key.name == SINCE}
    calls: defaultdict[tuple[str, str], float] = defaultdict(float)
    for key, value in tally.totals.items():
        if key.name == CALLS:
            calls[key.region, tag_value(key.tags, 'operation')] += value
    return Proof(
        counts={
            family.name: tuple(
                number
                for region in regions
                if region in since
                for name in family.counts
                for number in _compare(tally, family, (name, region, since[region]), truth.amounts)
            )
            for family in families
        },
        calls=tuple(
            Comparison(operation, region, truth.calls.get((region, operation), 0), calls.get((region, operation), 0))
            for region, operation in sorted({*truth.calls, *calls})
        ),
        billed=tuple(
            Comparison('billed metrics', region, truth.billed.get(region, 0), tally.total(BILLED, region))
            for region in sorted({*regions, *truth.billed})
        ),
        skipped=sum(value for key, value in tally.totals.items() if key.name == SKIPPED),
        shrunk=sum(value for key, value in tally.last.items() if key.name == SHRUNK),
        silent=tuple(region for region in regions if region not in since),
    )


def _compare(tally: Tally, family: Family, count: tuple[str, str, float], amounts: Amounts) -> Iterator[Comparison]:
    """One count of a family series by series: its name, its Region, and since when it counts."""
    name, region, since = count
    submitted = tally.by_tags(name, region, family.tags.values() if family.divided else None)
    expected = amounts(family, *count)
    # Series over the limit of `max_series` are not asked for, so nothing is promised for them.
    promised = set(submitted) if family.limited and tally.latest(LEFT_OUT, region) else {*submitted, *expected}
    for tags in sorted(promised):
        yield Comparison(name, region, expected.get(tags, 0.0), submitted.get(tags, 0.0), since, tags)
