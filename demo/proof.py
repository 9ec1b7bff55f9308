"""What was submitted, compared with what is true. Pure: it believes nothing but the numbers it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from math import isclose
from types import MappingProxyType

from demo.tally import Tally

SINCE = 'amazon_ses.collector.counting_since'
CALLS = 'amazon_ses.collector.api_calls'
BILLED = 'amazon_ses.collector.billed_metrics'
SKIPPED = 'amazon_ses.collector.periods_skipped'
SHRUNK = 'amazon_ses.collector.amounts_shrunk'
LEFT_OUT = 'amazon_ses.collector.series_dropped'
SET = 'configuration_set'

Held = Callable[[str, str, float], float]
"""What CloudWatch holds of a metric in a Region from an instant on, when all late data has arrived."""

HeldBySet = Callable[[str, str, float], Mapping[str, float]]
"""The same for each configuration set that has this metric."""


def nothing_by_set(metric: str, region: str, since: float) -> Mapping[str, float]:
    """What CloudWatch holds where there are no configuration sets."""
    return {}


@dataclass(frozen=True)
class Compared:
    """One number that was submitted, beside the same number from the other side. `by` is its configuration set."""

    name: str
    region: str
    true: float
    submitted: float
    since: float | None = None
    by: str = ''

    @property
    def difference(self) -> float:
        return 0.0 if isclose(self.true, self.submitted, abs_tol=1e-6) else self.submitted - self.true


@dataclass(frozen=True)
class Proof:
    """All comparisons of one run of the demo. It holds only where nothing differs and nothing was given up."""

    counts: tuple[Compared, ...]
    calls: tuple[Compared, ...]
    billed: tuple[Compared, ...]
    skipped: float
    shrunk: float
    mute: tuple[str, ...] = ()
    sets: tuple[Compared, ...] = ()

    @property
    def holds(self) -> bool:
        return not self.objections

    @property
    def objections(self) -> tuple[str, ...]:
        """Everything that keeps this from being a proof."""
        found = [
            f'{one.name}{one.by and " of "}{one.by} in {one.region} differs by {one.difference:+,.0f}'
            for one in (*self.counts, *self.sets, *self.calls, *self.billed)
            if one.difference
        ]
        found += [f'nothing was counted in {region}' for region in self.mute]
        if self.skipped:
            found.append(f'{self.skipped:,.0f} periods were given up')
        if self.shrunk:
            found.append(f'{self.shrunk:,.0f} were counted and later taken back by CloudWatch')
        if not self.counts:
            found.append('there is no count to compare')
        return tuple(found)

    @property
    def verdict(self) -> str:
        """The last line of the page."""
        if self.holds:
            of_sets = f' and {len(self.sets)} of configuration sets' if self.sets else ''
            return f'PROOF: {len(self.counts)} counts{of_sets}, difference 0'
        return f'PROOF FAILED: {"; ".join(self.objections)}'


def prove(
    tally: Tally,
    regions: Iterable[str],
    counts: Mapping[str, str],
    held: Held,
    logged_calls: Mapping[tuple[str, str], int],
    logged_billed: Mapping[str, int],
    set_counts: Mapping[str, str] = MappingProxyType({}),
    held_by_set: HeldBySet = nothing_by_set,
) -> Proof:
    """Compare a tally with the truth.

    `counts` names the CloudWatch metric behind each count of the account, `set_counts` behind each count of the
    configuration sets: of these every one is compared that was submitted or that CloudWatch holds. `logged_calls` by
    Region and operation and `logged_billed` by Region are what the simulator has in its own log. A Region that never
    said since when it counts is no proof.
    """
    regions = tuple(regions)
    since = {key.region: value for key, value in tally.last.items() if key.name == SINCE}
    sent = {
        (region, operation): value
        for region in {*regions, *(key.region for key in tally.totals)}
        for operation, value in tally.by_tag(CALLS, region, 'operation').items()
    }
    return Proof(
        counts=tuple(
            Compared(name, region, held(metric, region, since[region]), tally.total(name, region), since[region])
            for region in regions
            if region in since
            for name, metric in counts.items()
        ),
        calls=tuple(
            Compared(operation, region, logged_calls.get((region, operation), 0), sent.get((region, operation), 0))
            for region, operation in sorted({*logged_calls, *sent})
        ),
        billed=tuple(
            Compared('billed metrics', region, logged_billed.get(region, 0), tally.total(BILLED, region))
            for region in sorted({*regions, *logged_billed})
        ),
        skipped=sum(value for key, value in tally.totals.items() if key.name == SKIPPED),
        shrunk=sum(value for key, value in tally.totals.items() if key.name == SHRUNK),
        mute=tuple(region for region in regions if region not in since),
        sets=tuple(
            one
            for region in regions
            if region in since
            for name, metric in set_counts.items()
            for one in _by_set(tally, name, region, held_by_set(metric, region, since[region]), since[region])
        ),
    )


def _by_set(tally: Tally, name: str, region: str, held: Mapping[str, float], since: float) -> Iterator[Compared]:
    """One count of each configuration set in a Region."""
    submitted = tally.by_tag(name, region, SET)
    # Where there are more series than `max_series`, those that are not asked for are not promised either.
    promised = {*submitted, *held} if not tally.latest(LEFT_OUT, region) else set(submitted)
    for one in sorted(promised):
        yield Compared(name, region, held.get(one, 0.0), submitted.get(one, 0.0), since, one)
