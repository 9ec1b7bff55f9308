"""The first obvious way: one GetMetricStatistics call for each series."""

from __future__ import annotations

from benchmarks.cases import HOUR, PERIOD
from benchmarks.ways.way import ObviousWay


class OneCallEach(ObviousWay):
    """Reads the last hour of each series with a call of its own and submits its sum."""

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
            self.submit((namespace, metric, dimensions), total)
