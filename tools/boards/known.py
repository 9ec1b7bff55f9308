"""What the catalogue knows of the metrics and service checks that dashboards and monitors name."""

from __future__ import annotations

from collections.abc import Iterator

from datadog_checks.amazon_ses import catalogue
from datadog_checks.amazon_ses.model import PREFIX
from tools.boards import tags
from tools.boards.findings import Finding
from tools.boards.syntax import Metric

TYPES = {metric.full_name: metric.type for metric in catalogue.METRICS}
CHECKS = {PREFIX + status.name: status for status in catalogue.STATUSES}


def misused(where: str, metric: Metric) -> Iterator[Finding]:
    """The metric exists, and its tags exist for it."""
    if metric.name not in TYPES:
        yield Finding('metric', where, f'{metric.name} is not in the catalogue')
        return
    carried = tags.of(metric.name)
    filtered = {one.tag for one in metric.filters if one.tag and not one.negated}
    for tag in (*metric.by, *(one.tag for one in metric.filters if one.tag)):
        if tag not in (*carried.always, *carried.sometimes):
            yield Finding('tags', where, f'{metric.name} has no tag {tag}')
    for tag in metric.by:
        if tag in carried.sometimes and tag not in filtered:
            yield Finding('tags', where, f'only some series of {metric.name} have {tag}: filter by {tag}:*')
