"""Rules that follow from the catalogue, for dashboards and monitors alike."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from datadog_checks.amazon_ses import catalogue
from datadog_checks.amazon_ses.model import PREFIX
from tools.boards.findings import Finding
from tools.boards.syntax import Metric
from tools.boards.tags import tags_of

TYPES = {metric.full_name: metric.type for metric in catalogue.METRICS}
CHECKS = {PREFIX + status.name: status for status in catalogue.STATUSES}


def lint_metric(location: str, metric: Metric) -> Iterator[Finding]:
    """The metric exists and has the tags of its query."""
    if metric.name not in TYPES:
        yield Finding('metric', location, f'{metric.name} is not in the catalogue')
        return
    tags = tags_of(metric.name)
    filters = [condition for condition in metric.filters if condition.tag]
    for tag in (*metric.by, *(condition.tag for condition in filters)):
        if tag not in (*tags.always, *tags.sometimes):
            yield Finding('tags', location, f'{metric.name} has no tag {tag}')
    for tag in metric.by:
        if tag in tags.sometimes and not any(condition.tag == tag and not condition.negated for condition in filters):
            yield Finding('tags', location, f'only some series of {metric.name} have {tag}: filter by {tag}:*')


def lint_check(gate: str, location: str, check: str, tags: Iterable[str]) -> Iterator[Finding]:
    """The service check exists and has these tags."""
    if check not in CHECKS:
        yield Finding(gate, location, f'{check} is no service check')
    elif not set(tags) <= set(CHECKS[check].groups):
        yield Finding(gate, location, f'{check} does not have all of {", ".join(tags)}')
