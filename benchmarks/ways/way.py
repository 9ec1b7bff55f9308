"""What the obvious ways have in common: their series, a boto3 client, and the sums they submit."""

from __future__ import annotations

from typing import Any

import boto3

from benchmarks.cases import Series
from datadog_checks.base import AgentCheck


class ObviousWay(AgentCheck):
    """A check of some series in one Region.

    After a run `with_data` is how many had any; where `totalling`, `totals` are their sums.
    """

    def __init__(self, series: list[Series], client: dict[str, Any], totalling: bool = False) -> None:
        super().__init__('obvious', {}, [{}])
        self._series = series
        self._region = client['region_name']
        self._cloudwatch = boto3.client('cloudwatch', **client)
        self._totalling = totalling
        self.totals: dict[Series, float] = {}
        self.with_data = 0

    def submit(self, series: Series, total: float) -> None:
        """Hand the sum of a series to the Agent."""
        _, metric, dimensions = series
        tags = [f'region:{self._region}', *(f'{name}:{value}' for name, value in dimensions)]
        self.count(f'aws.ses.{metric}', total, tags=tags)
