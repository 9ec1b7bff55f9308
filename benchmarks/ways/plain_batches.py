"""The second obvious way: GetMetricData with 500 queries a call, one call after the other."""

from __future__ import annotations

from typing import Any

from benchmarks.cases import PERIOD, Series
from benchmarks.ways.way import ObviousWay

BATCH = 500


class PlainBatches(ObviousWay):
    """Reads the newest periods of all series and submits the sum of each."""

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
                self.submit(batch[name], total)


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
