"""Cost of the CloudWatch reads: AWS bills each metric of a GetMetricData request, however many datapoints it has."""

from __future__ import annotations

from datadog_checks.amazon_ses.cloudwatch.periods import DAY

PRICE = 0.01 / 1000
"""Dollars for each metric requested with GetMetricData (AWS price list, CW:GMD-Metrics)."""

MONTH = 30 * DAY
"""Seconds of the month that costs are estimated for."""


def monthly_cost(metrics: float, interval: int) -> float:
    """Dollars for 30 days when that many metrics are asked for once in each interval of seconds."""
    return metrics * MONTH / interval * PRICE
