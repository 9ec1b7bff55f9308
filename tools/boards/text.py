"""The text of metric queries: what a dashboard or a monitor asks for."""

from __future__ import annotations

from collections.abc import Sequence

PREFIX = 'amazon_ses.'
"""That of the model, said again: what renders files imports nothing that the generated models could break."""

STEP = 300
"""Seconds of a bar of counts: CloudWatch is read once in 300 s, so finer bars would be empty in between."""

RATIO_STEP = 1800
"""Seconds of a point of a ratio: a bounce comes later than the email, so a short span compares different emails."""

ACCOUNT = '$scope,$aws_account,$region'
"""What widgets listen to. A variable whose tag a metric lacks would empty the widget."""

SET = f'{ACCOUNT},$configuration_set'


def count(metric: str, by: Sequence[str] = (), scope: str = ACCOUNT, step: int = 0) -> str:
    """How many there were: in each `step` seconds, or with 0 in the whole span."""
    rolled = f'.rollup(sum, {step})' if step else ''
    return f'sum:{PREFIX}{metric}{{{scope}}}{_groups(by)}.as_count(){rolled}'


def gauge(metric: str, by: Sequence[str] = (), scope: str = ACCOUNT, space: str = 'max') -> str:
    """A value as it stands, the `space` aggregate of the series of each group."""
    return f'{space}:{PREFIX}{metric}{{{scope}}}{_groups(by)}'


def total(metric: str, by: Sequence[str] = (), scope: str = ACCOUNT) -> str:
    """The sum over Regions of a gauge. It is submitted again in each run, so over time it must not be summed."""
    return f'sum:{PREFIX}{metric}{{{scope}}}{_groups(by)}.rollup(max, {STEP})'


def _groups(by: Sequence[str]) -> str:
    return f' by {{{",".join(by)}}}' if by else ''
