"""From series to GetMetricData requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from datadog_checks.amazon_ses.model import Action

from .ledger import Window
from .series import Series

ACTIONS = (Action('cloudwatch:GetMetricData', 'CloudWatch metrics: counts, gauges and reputation rates'),)

BATCH = 500
"""Queries in one GetMetricData request: AWS's limit."""

PRICE = 0.01 / 1000
"""Dollars for each metric requested with GetMetricData (AWS price list, CW:GMD-Metrics)."""

MONTH = 30 * 86400
"""Seconds of the month that costs are estimated for."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of CloudWatch at once: some series over one window of whole periods."""

    series: tuple[Series, ...]
    window: Window
    period: int

    @property
    def billed_metrics(self) -> int:
        """Metrics that AWS bills for this question: each series once, however many statistics and datapoints."""
        return len(self.series)


def requests(question: Question) -> list[dict[str, Any]]:
    """The parameters of each GetMetricData call. Ids are q0, q1 ... by place in `question.series`."""
    return [
        {
            'MetricDataQueries': [_query(place, question.series[place], question.period) for place in places],
            'StartTime': question.window.start,
            'EndTime': question.window.end,
            'ScanBy': 'TimestampAscending',
        }
        for places in batches(range(len(question.series)))
    ]


def batches(places: Sequence[int]) -> list[Sequence[int]]:
    return [places[start : start + BATCH] for start in range(0, len(places), BATCH)]


def _query(place: int, series: Series, period: int) -> dict[str, Any]:
    # No Unit: CloudWatch answers nothing at all where the unit does not match.
    return {
        'Id': f'q{place}',
        'MetricStat': {
            'Metric': {
                'Namespace': series.namespace,
                'MetricName': series.spec.metric_name,
                'Dimensions': [{'Name': name, 'Value': value} for name, value in series.dimensions],
            },
            'Period': period,
            'Stat': series.spec.statistic,
        },
        'ReturnData': True,
    }


def monthly_cost(billed_metrics: int, period: int) -> float:
    """Dollars for 30 days when that many metrics are asked for in each period."""
    return billed_metrics * MONTH / period * PRICE
