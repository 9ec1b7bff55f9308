"""ListMetrics: which receipt rules and rule sets have metrics. Nothing else names them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from datadog_checks.amazon_ses.cloudwatch.series import NAMESPACE, Series, receiving
from datadog_checks.amazon_ses.model import Action

OPERATION = 'ListMetrics'
ACTIONS = (Action('cloudwatch:ListMetrics', 'receipt rules: finding which of them have metrics'),)

EVERY = 900
"""Seconds between two listings. A new metric takes up to 15 minutes to be listed (CloudWatch API reference)."""

DIMENSIONS = ('RuleSetName', 'RuleName')
"""A listing for each: CloudWatch then answers with these series alone, whatever else the account has."""


@dataclass(frozen=True, slots=True)
class Listing:
    """A question to ListMetrics."""

    dimensions: tuple[str, ...] = DIMENSIONS

    @property
    def requests(self) -> list[dict[str, Any]]:
        return [{'Namespace': NAMESPACE, 'Dimensions': [{'Name': name}]} for name in self.dimensions]


def read(pages: Iterable[Mapping[str, Any]]) -> tuple[Series, ...]:
    """The series that a whole listing names, each once and in a stable order.

    Raises KeyError or TypeError where a page is no answer.
    """
    found = {
        (metric['MetricName'], tuple(sorted((one['Name'], one['Value']) for one in metric['Dimensions'])))
        for page in pages
        for metric in page['Metrics']
    }
    return receiving((name, dict(dimensions)) for name, dimensions in sorted(found))
