"""The second obvious way: GetMetricData with 500 queries a call, one call after the other."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.case import PERIOD, Case, Series
from benchmarks.ways.obvious import ObviousCheck, ObviousWay

BATCH = 500


class PlainBatches(ObviousCheck):
    """Reads all series in batches."""

    def read(self, start: float, end: float) -> Iterator[tuple[Series, list[float]]]:
        for first in range(0, len(self.series), BATCH):
            batch = {f'm{number}': series for number, series in enumerate(self.series[first : first + BATCH])}
            queries = [_query(key, series) for key, series in batch.items()]
            values: dict[str, list[float]] = {key: [] for key in batch}
            page: dict[str, Any] = {}
            while True:
                answer = self.cloudwatch.get_metric_data(
                    MetricDataQueries=queries, StartTime=start, EndTime=end, **page
                )
                for result in answer['MetricDataResults']:
                    values[result['Id']] += result['Values']
                if 'NextToken' not in answer:
                    break
                page = {'NextToken': answer['NextToken']}
            yield from ((batch[key], amounts) for key, amounts in values.items())


class Way(ObviousWay):
    """Reads all series in the first Region of each instance: other Regions take the same time again."""

    def create(self, case: Case) -> Iterator[PlainBatches]:
        for number in range(case.instances):
            yield PlainBatches(case.series(), self.client(case, number, case.regions[0]))


def _query(key: str, series: Series) -> dict[str, Any]:
    metric = {
        'Namespace': series.metric.namespace,
        'MetricName': series.metric.name,
        'Dimensions': [{'Name': name, 'Value': value} for name, value in series.dimensions],
    }
    return {'Id': key, 'MetricStat': {'Metric': metric, 'Period': PERIOD, 'Stat': series.metric.statistic}}
