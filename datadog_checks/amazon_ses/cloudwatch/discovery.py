"""ListMetrics: which receipt rules and configuration sets have metrics. Nothing else names them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from datadog_checks.amazon_ses.cloudwatch.series import FOUND, NAMESPACE, Series, found
from datadog_checks.amazon_ses.model import Action

OPERATION = 'ListMetrics'
ACTIONS = (Action('cloudwatch:ListMetrics', 'configuration sets and receipt rules: finding which have metrics'),)

EVERY = 900
"""Seconds between two listings. A new metric takes up to 15 minutes to be listed (CloudWatch API reference)."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A question to ListMetrics: the series of some sources, each a key of `series.FOUND`."""

    sources: tuple[str, ...]

    @property
    def requests(self) -> list[dict[str, Any]]:
        """One request for each set of dimensions: CloudWatch answers with these alone, whatever else there is."""
        return [
            {'Namespace': NAMESPACE, 'Dimensions': [{'Name': name} for name in names]}
            for source in self.sources
            for names in FOUND[source]
        ]


def read(listing: Listing, pages: Iterable[Mapping[str, Any]]) -> tuple[Series, ...]:
    """The series that a whole listing names, each once and in a stable order.

    Raises KeyError or TypeError where a page is no answer.
    """
    listed = {
        (metric['MetricName'], tuple(sorted((one['Name'], one['Value']) for one in metric['Dimensions'])))
        for page in pages
        for metric in page['Metrics']
    }
    ordered = [(name, dict(dimensions)) for name, dimensions in sorted(listed)]
    return tuple(one for source in listing.sources for one in found(source, ordered))
