"""From series to GetMetricData requests."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from datadog_checks.amazon_ses.cloudwatch.ledger import Window
from datadog_checks.amazon_ses.cloudwatch.series import Query
from datadog_checks.amazon_ses.model import Action

ACTIONS = (Action('cloudwatch:GetMetricData', 'CloudWatch metrics: counts, gauges and reputation rates'),)

BATCH = 500
"""Queries in one GetMetricData request: AWS's limit."""

PRICE = 0.01 / 1000
"""Dollars for each metric requested with GetMetricData (AWS price list, CW:GMD-Metrics)."""

PACE = 90_000
"""Datapoints (queries times periods) asked for in a second: half of AWS's fixed quota for the last three hours."""

MONTH = 30 * 86400
"""Seconds of the month that costs are estimated for."""


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked of CloudWatch at once: some queries over one window of whole periods."""

    queries: tuple[Query, ...]
    window: Window
    period: int

    @property
    def billed_metrics(self) -> int:
        """Metrics that AWS bills for this question: each series once, however many statistics and datapoints."""
        return len({query.series for query in self.queries})

    @property
    def datapoints(self) -> int:
        """Datapoints that this question asks for, which is what AWS limits in a second."""
        return len(self.queries) * periods(self.window, self.period)


@dataclass(frozen=True, slots=True)
class Request:
    """One GetMetricData call: its parameters, the metrics that AWS bills for it and the datapoints it asks for."""

    parameters: dict[str, Any]
    billed_metrics: int
    datapoints: int


def periods(window: Window, period: int) -> int:
    return (window.end - window.start) // period


def requests(question: Question) -> list[Request]:
    """The calls of a question. Ids are q0, q1 ... by place in `question.queries`."""
    built = []
    for first in range(0, len(question.queries), BATCH):
        batch = question.queries[first : first + BATCH]
        parameters = {
            'MetricDataQueries': [_query(first + place, query, question.period) for place, query in enumerate(batch)],
            'StartTime': question.window.start,
            'EndTime': question.window.end,
            'ScanBy': 'TimestampAscending',
        }
        billed = len({query.series for query in batch})
        built.append(Request(parameters, billed, len(batch) * periods(question.window, question.period)))
    return built


def _query(place: int, query: Query, period: int) -> dict[str, Any]:
    # No Unit: CloudWatch answers nothing at all where the unit does not match.
    return {
        'Id': f'q{place}',
        'MetricStat': {
            'Metric': {
                'Namespace': query.series.namespace,
                'MetricName': query.series.spec.metric_name,
                'Dimensions': [{'Name': name, 'Value': value} for name, value in query.series.dimensions],
            },
            'Period': period,
            'Stat': query.statistic,
        },
        'ReturnData': True,
    }


def monthly_cost(billed_metrics: int, period: int) -> float:
    """Dollars for 30 days when that many metrics are asked for in each period."""
    return billed_metrics * MONTH / period * PRICE
