"""What was submitted, compared with what is true. Pure: it believes nothing but the numbers it is given."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain
from math import isclose

from demo.tally import Tally

SINCE = 'amazon_ses.collector.counting_since'
CALLS = 'amazon_ses.collector.api_calls'
BILLED = 'amazon_ses.collector.billed_metrics'
SKIPPED = 'amazon_ses.collector.periods_skipped'
SHRUNK = 'amazon_ses.collector.amounts_shrunk'
LEFT_OUT = 'amazon_ses.collector.series_dropped'
ANY: tuple[str, ...] = ()

Tags = tuple[str, ...]
"""The tags of a series beside account and Region."""


@dataclass(frozen=True)
class Family:
    """Counts of one kind; '' is the account. `counts` has what CloudWatch may call the metric behind each, `tags` the
    tag that each dimension becomes. Where the metric is ANY, its name and its namespace are tags as well. `limited`:
    the option `max_series` may leave series out."""

    name: str
    counts: Mapping[str, Collection[str]]
    tags: Mapping[str, str] = field(default_factory=dict)
    limited: bool = False


Held = Callable[[Family, str, str, float], Mapping[Tags, float]]
"""What CloudWatch holds of a family's count in a Region from an instant on, when all late data has arrived: by the tags
of each series that it has."""


@dataclass(frozen=True)
class Truth:
    """The other side. `calls` are by Region and operation, `billed` by Region the metrics that AWS bills."""

    held: Held
    calls: Mapping[tuple[str, str], int]
    billed: Mapping[str, int]


@dataclass(frozen=True)
class Compared:
    """One number that was submitted, beside the same number from the other side. `tags` tell series apart."""

    name: str
    region: str
    true: float
    submitted: float
    since: float | None = None
    tags: Tags = ()

    @property
    def difference(self) -> float:
        return 0.0 if isclose(self.true, self.submitted, abs_tol=1e-6) else self.submitted - self.true


@dataclass(frozen=True)
class Proof:
    """All comparisons of one run of the demo; the counts by the name of their family. It holds only where nothing
    differs and nothing was given up."""

    counts: Mapping[str, tuple[Compared, ...]]
    calls: tuple[Compared, ...]
    billed: tuple[Compared, ...]
    skipped: float
    shrunk: float
    mute: tuple[str, ...] = ()

    @property
    def holds(self) -> bool:
        return not self.objections

    @property
    def objections(self) -> tuple[str, ...]:
        """Everything that keeps this from being a proof."""
        found = [
            f'{" of ".join((one.name, *one.tags))} in {one.region} differs by {one.difference:+,.0f}'
            for one in (*chain(*self.counts.values()), *self.calls, *self.billed)
            if one.difference
        ]
        found += [f'nothing was counted in {region}' for region in self.mute]
        if self.skipped:
            found.append(f'{self.skipped:,.0f} periods were given up')
        if self.shrunk:
            found.append(f'{self.shrunk:,.0f} were counted and later taken back by CloudWatch')
        if not any(self.counts.values()):
            found.append('there is no count to compare')
        return tuple(found)

    @property
    def verdict(self) -> str:
        """The last line of the proof."""
        if self.holds:
            account = len(self.counts.get('', ()))
            families = [len(counts) for name, counts in self.counts.items() if name and counts]
            found = f' and {sum(families)} of {len(families)} families of series' if families else ''
            return f'PROOF: {account} counts of the account{found}, difference 0'
        return f'PROOF FAILED: {"; ".join(self.objections)}'


def prove(tally: Tally, regions: Iterable[str], families: Iterable[Family], truth: Truth) -> Proof:
    """Compare a tally with the truth: each series that was submitted or that CloudWatch holds.

    A Region that never said since when it counts is no proof.
    """
    regions = tuple(regions)
    since = {key.region: value for key, value in tally.last.items() if key.name == SINCE}
    sent = {
        (region, operation): value
        for region in {*regions, *(key.region for key in tally.totals)}
        for operation, value in tally.by_tag(CALLS, region, 'operation').items()
    }
    return Proof(
        counts={
            family.name: tuple(
                one
                for region in regions
                if region in since
                for name in family.counts
                for one in _compared(tally, family, name, region, since[region], truth.held)
            )
            for family in families
        },
        calls=tuple(
            Compared(operation, region, truth.calls.get((region, operation), 0), sent.get((region, operation), 0))
            for region, operation in sorted({*truth.calls, *sent})
        ),
        billed=tuple(
            Compared('billed metrics', region, truth.billed.get(region, 0), tally.total(BILLED, region))
            for region in sorted({*regions, *truth.billed})
        ),
        skipped=sum(value for key, value in tally.totals.items() if key.name == SKIPPED),
        shrunk=sum(value for key, value in tally.last.items() if key.name == SHRUNK),
        mute=tuple(region for region in regions if region not in since),
    )


def _compared(tally: Tally, family: Family, name: str, region: str, since: float, held: Held) -> Iterator[Compared]:
    """One count of a family in a Region, series by series."""
    submitted, true = tally.by_tags(name, region), held(family, name, region, since)
    # Where there are more series than `max_series`, those that are not asked for are not promised either.
    promised = set(submitted) if family.limited and tally.latest(LEFT_OUT, region) else {*submitted, *true}
    for tags in sorted(promised):
        yield Compared(name, region, true.get(tags, 0.0), submitted.get(tags, 0.0), since, tags)
