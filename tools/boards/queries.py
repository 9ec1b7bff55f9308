"""The text of metric queries in dashboards and monitors."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

PREFIX = 'amazon_ses.'
"""The prefix in the model of the check, repeated: files are rendered while the generated models may be broken."""

STEP = 300
"""Seconds of a bar of counts: CloudWatch is read once in 300 s, so finer bars would be empty in between."""

TRAIL = 7200
"""Seconds before each point of a ratio: a bounce comes later than the email, so a short span compares different
emails."""

ACCOUNT = '$scope,$aws_account,$region'
"""The variables that every widget listens to. A variable whose tag a metric lacks would empty the widget."""

TARGET_TAGS = ('aws_account', 'region')

IDENTITY_HINTS = ('dkim_1024', 'shadows_domain', 'no_mail_from')
SET_HINTS = ('reputation_metrics_off', 'tls_optional', 'http_tracking', 'may_delay')
"""Problems of identities and configuration sets that are hints: mail does not suffer."""

QUERY = re.compile(r'(?:avg|max|min|sum):[\w.]+\{[^}]*\}(?: by \{[^}]*\})?(?:\.as_count\(\))?(?:\.rollup\(\w+, \d+\))?')
"""A query that `Family` writes."""


@dataclass(frozen=True)
class Family:
    """Metrics with names that begin alike, the tags to group them by, and the filters of their queries."""

    prefix: str = ''
    by: tuple[str, ...] = ()
    filters: str = ACCOUNT

    def count(self, metric: str, step: int = 0) -> str:
        """The sum of a count in each `step` seconds, or with 0 in the whole span."""
        return f'sum:{self._series(metric)}.as_count()' + (f'.rollup(sum, {step})' if step else '')

    def gauge(self, metric: str, space: str = 'max') -> str:
        """The `space` aggregate of the gauges in each group."""
        return f'{space}:{self._series(metric)}'

    def total(self, metric: str) -> str:
        """The sum of a gauge over Regions. The gauge is submitted in each run, so over time it must not be summed."""
        return f'sum:{self._series(metric)}.rollup(max, {STEP})'

    def _series(self, metric: str) -> str:
        groups = f' by {{{",".join(self.by)}}}' if self.by else ''
        return f'{PREFIX}{self.prefix}{metric}{{{self.filters}}}{groups}'


def without_hints(hints: Iterable[str]) -> str:
    """The filter that leaves problems out that are hints."""
    return ','.join(f'!problem:{hint}' for hint in hints)


ALL = Family()
BY_TARGET = Family(by=TARGET_TAGS)
SETS = Family('configuration_set.', ('configuration_set',), f'{ACCOUNT},$configuration_set')
