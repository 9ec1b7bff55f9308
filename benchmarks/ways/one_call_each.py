"""The first obvious way: one GetMetricStatistics call for each series."""

from __future__ import annotations

from typing import Any

import boto3

from benchmarks.cases import HOUR, PERIOD, Series
from datadog_checks.base import AgentCheck


class OneCallEach(AgentCheck):
    """Reads the last hour of each series with a call of its own and submits its sum.

    After a run `with_data` is how many had any; where `totalling`, `totals` are their sums.
    """

    def __init__(self, series: list[Series], client: dict[str, Any], totalling: bool = False) -> None:
        super().__init__('one_call_each', {}, [{}])
        self._series = series
        self._region = client['region_name']
        self._cloudwatch = boto3.client('cloudwatch', **client)
        self._totalling = totalling
        self.totals: dict[Series, float] = {}
        self.with_data = 0

    def run_at(self, now: float) -> None:
        """Collect and submit as of `now`, epoch seconds."""
        end = now // PERIOD * PERIOD + PERIOD
        self.totals.clear()
        self.with_data = 0
        for namespace, metric, dimensions in self._series:
            statistic = 'Average' if metric.startswith('Reputation.') else 'Sum'
            answer = self._cloudwatch.get_metric_statistics(
                Namespace=namespace,
                MetricName=metric,
                Dimensions=[{'Name': name, 'Value': value} for name, value in dimensions],
                StartTime=end - HOUR,
                EndTime=end,
                Period=PERIOD,
                Statistics=[statistic],
            )
            total = sum(point[statistic] for point in answer['Datapoints'])
            self.with_data += bool(answer['Datapoints'])
            if self._totalling and answer['Datapoints']:
                self.totals[namespace, metric, dimensions] = total
            tags = [f'region:{self._region}', *(f'{name}:{value}' for name, value in dimensions)]
            self.count(f'aws.ses.{metric}', total, tags=tags)
