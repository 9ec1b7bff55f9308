"""The first obvious way: one GetMetricStatistics call for each series."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.case import PERIOD, Case, Series
from benchmarks.ways.obvious import ObviousCheck, ObviousWay


class OneCallEach(ObviousCheck):
    """Reads each series with a call."""

    def read(self, start: float, end: float) -> Iterator[tuple[Series, list[float]]]:
        for series in self.series:
            answer = self.cloudwatch.get_metric_statistics(
                Namespace=series.metric.namespace,
                MetricName=series.metric.name,
                Dimensions=[{'Name': name, 'Value': value} for name, value in series.dimensions],
                StartTime=start,
                EndTime=end,
                Period=PERIOD,
                Statistics=[series.metric.statistic],
            )
            yield series, [point[series.metric.statistic] for point in answer['Datapoints']]


class Way(ObviousWay):
    """Reads at most `case.sample` series."""

    def create(self, case: Case) -> Iterator[OneCallEach]:
        remaining = case.sample
        for number in range(case.instances):
            for region in case.regions:
                series = case.series()[:remaining]
                remaining -= len(series)
                if series:
                    yield OneCallEach(series, self.client(case, number, region))
