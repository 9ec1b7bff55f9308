"""Unlisted series: AWS bills a combination of the option `dimensions` that does not exist like any other, and answers
nothing. ListMetrics knows which there are, so a misspelt combination is said once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from difflib import get_close_matches
from itertools import islice

from datadog_checks.amazon_ses.cloudwatch.cost import monthly_cost
from datadog_checks.amazon_ses.cloudwatch.discovery import Inventory
from datadog_checks.amazon_ses.cloudwatch.series import NAMESPACE, Dimensions, Series
from datadog_checks.amazon_ses.configuration.options import suggestion
from datadog_checks.amazon_ses.configuration.quotes import shortened, without_secrets
from datadog_checks.amazon_ses.model import Target
from datadog_checks.amazon_ses.progress import Progress
from datadog_checks.amazon_ses.sources import DISCOVERY

MOST_SENTENCES = 5
"""Combinations that are named after one listing."""

MOST_CANDIDATES = 2000
"""Listed combinations that a misspelt one is compared with: as many as take a tenth of a second."""


class UnlistedSeries:
    """Which combinations of named dimensions CloudWatch does not list, and which of them were said already."""

    def __init__(self, named_series: Iterable[Series], period: int) -> None:
        self._numbers = Counter(tuple(sorted(series.dimensions)) for series in named_series)
        self._period = period
        self._listed_at: dict[Target, float] = {}
        self._reported: dict[Target, set[Dimensions]] = {}

    def sentences(self, target: Target, progress: Progress) -> list[str]:
        """A sentence for each combination that a new and complete listing lacks, unless it was said before."""
        inventory, discovery = progress.inventory, progress.sources.get(DISCOVERY)
        is_complete = inventory.full_at is not None and discovery is not None and not discovery.failures
        if not self._numbers or not is_complete or self._listed_at.get(target) == inventory.full_at:
            return []
        self._listed_at[target] = inventory.full_at or 0.0
        listed = _listed(inventory)
        missing = [dimensions for dimensions in self._numbers if dimensions not in listed]
        new = [dimensions for dimensions in missing if dimensions not in self._reported.get(target, ())]
        self._reported[target] = set(missing)
        sentences = [self._sentence(target, dimensions, listed) for dimensions in new[:MOST_SENTENCES]]
        if len(new) > MOST_SENTENCES:
            cost = self._cost(new[MOST_SENTENCES:])
            sentences.append(f'{target.region}: the same holds for {len(new) - MOST_SENTENCES} more, {cost}.')
        return sentences

    def _sentence(self, target: Target, dimensions: Dimensions, listed: dict[Dimensions, None]) -> str:
        names = [name for name, _ in dimensions]
        # Those with the same names come first: a value is misspelt more often than a name.
        candidates = sorted(listed, key=lambda combination: [name for name, _ in combination] != names)
        texts = dict.fromkeys(map(_text, islice(candidates, MOST_CANDIDATES)))
        nearest = suggestion(get_close_matches(_text(dimensions), texts, 1, 0.6)) or '.'
        return (
            f'{target.region}: Option `dimensions`: CloudWatch lists nothing with `{_text(dimensions)}`{nearest} '
            f'It is misspelt, or sent nothing in two weeks, and is billed all the same, {self._cost([dimensions])}.'
        )

    def _cost(self, combinations: Sequence[Dimensions]) -> str:
        metrics = sum(self._numbers[dimensions] for dimensions in combinations)
        return f'{metrics} metrics for ${monthly_cost(metrics, self._period):.2f} a month'


def _listed(inventory: Inventory) -> dict[Dimensions, None]:
    metrics = (metric for metric in inventory.ordered if not metric.account and metric.namespace == NAMESPACE)
    return dict.fromkeys(metric.dimensions for metric in metrics if metric.dimensions)


def _text(dimensions: Dimensions) -> str:
    return shortened(', '.join(f'{without_secrets(name)}={without_secrets(value)}' for name, value in dimensions))
