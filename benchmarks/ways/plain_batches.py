"""The second obvious way: GetMetricData with 500 queries a call, one call after the other."""

from __future__ import annotations

from typing import Any

import boto3

from benchmarks.cases import PERIOD, Series
from datadog_checks.base import AgentCheck

BATCH = 500


class PlainBatches(AgentCheck):
    """Reads the newest periods of all series and submits the sum of each.

    After a run `with_data` is how many had any; where `totalling`, `totals` are their sums.
    """

    def __init__(self, series: list[Series], client: dict[str, Any], totalling: bool = False) -> None:
        super().__init__('plain_batches', {}, [{}])
        self._series = series
        self._region = client['region_name']
        self._cloudwatch = boto3.client('cloudwatch', **client)
        self._totalling = totalling
        self.totals: dict[Series, float] = {}
        self.with_data = 0

    def run_at(self, now: float, periods: int) -> None:
        """Collect and submit as of `now`, epoch seconds: that many periods, the running one included."""
        end = now // PERIOD * PERIOD + PERIOD
        self.totals.clear()
        self.with_data = 0
        for first in range(0, len(self._series), BATCH):
            batch = {f'm{at}': one for at, one in enumerate(self._series[first : first + BATCH])}
            queries = [_query(name, one) for name, one in batch.items()]
            found = dict.fromkeys(batch, 0.0)
            more: dict[str, Any] = {}
            while True:
                answer = self._cloudwatch.get_metric_data(
                    MetricDataQueries=queries, StartTime=end - periods * PERIOD, EndTime=end, **more
                )
                for result in answer['MetricDataResults']:
                    found[result['Id']] += sum(result['Values'])
                    self.with_data += bool(result['Values'])
                if 'NextToken' not in answer:
                    break
                more = {'NextToken': answer['NextToken']}
            if self._totalling:
                self.totals.update((batch[name], total) for name, total in found.items() if total)
            for name, total in found.items():
                _, metric, dimensions = batch[name]
                tags = [f'region:{self._region}', *(f'{name}:{value}' for name, value in dimensions)]
                self.count(f'aws.ses.{metric}', total, tags=tags)


def _query(name: str, series: Series) -> dict[str, Any]:
    namespace, metric, dimensions = series
    return {
        'Id': name,
        'MetricStat': {
            'Metric': {
                'Namespace': namespace,
                'MetricName': metric,
                'Dimensions': [{'Name': name, 'Value': value} for name, value in dimensions],
            },
            'Period': PERIOD,
            'Stat': 'Average' if metric.startswith('Reputation.') else 'Sum',
        },
    }
