"""What was submitted, compared with what is true. Pure: it believes nothing but the numbers it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import isclose

from demo.tally import Tally

SINCE = 'amazon_ses.collector.counting_since'
CALLS = 'amazon_ses.collector.api_calls'
BILLED = 'amazon_ses.collector.billed_metrics'
SKIPPED = 'amazon_ses.collector.periods_skipped'
SHRUNK = 'amazon_ses.collector.amounts_shrunk'

Held = Callable[[str, str, float], float]
"""What CloudWatch holds of a metric in a Region from an instant on, when all late data has arrived."""


@dataclass(frozen=True)
class Compared:
    """One number that was submitted, beside the same number from the other side."""

    name: str
    region: str
    true: float
    submitted: float
    since: float | None = None

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

    @property
    def holds(self) -> bool:
        return not self.objections

    @property
    def objections(self) -> tuple[str, ...]:
        """Everything that keeps this from being a proof."""
        found = [
            f'{one.name} in {one.region} differs by {one.difference:+,.0f}'
            for one in (*self.counts, *self.calls, *self.billed)
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
            return f'PROOF: {len(self.counts)} counts, difference 0'
        return f'PROOF FAILED: {"; ".join(self.objections)}'


def prove(
    tally: Tally,
    regions: Iterable[str],
    counts: Mapping[str, str],
    held: Held,
    logged_calls: Mapping[tuple[str, str], int],
    logged_billed: Mapping[str, int],
) -> Proof:
    """Compare a tally with the truth.

    `counts` names the CloudWatch metric behind each count. `logged_calls` by Region and operation and `logged_billed`
    by Region are what the simulator has in its own log. A Region that never said since when it counts is no proof.
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
    )
