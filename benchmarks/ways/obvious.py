"""The common part of the obvious ways: a check of the Agent with a boto3 client for each Region of each instance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import boto3

from benchmarks.case import KEY, PERIOD, SECRET, Case, Series
from datadog_checks.base import AgentCheck


class ObviousCheck(AgentCheck):
    """Submits the sum of the newest periods of some series in one Region. Subclasses read them."""

    def __init__(self, series: Sequence[Series], client: dict[str, Any]) -> None:
        super().__init__('obvious', {}, [{}])
        self.series = series
        self.cloudwatch = boto3.client('cloudwatch', **client)
        self.with_data = 0
        self._region = client['region_name']

    def read(self, start: float, end: float) -> Iterator[tuple[Series, list[float]]]:
        """Yields each series with its values between two epoch seconds."""
        raise NotImplementedError

    def run_at(self, now: float, periods: int) -> None:
        """Collects `periods` periods, the current one included, and submits."""
        end = now // PERIOD * PERIOD + PERIOD
        self.with_data = 0
        for series, values in self.read(end - periods * PERIOD, end):
            self.with_data += bool(values)
            submit = self.count if series.metric.statistic == 'Sum' else self.gauge
            tags = [f'region:{self._region}', *(f'{name}:{value}' for name, value in series.dimensions)]
            submit(f'aws.ses.{series.metric.name}', sum(values), tags=tags)


class ObviousWay:
    """Checks that run one after the other. Subclasses create them."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._checks: list[ObviousCheck] = []

    def create(self, case: Case) -> Iterator[ObviousCheck]:
        """Yields the checks of a case."""
        raise NotImplementedError

    def add(self, case: Case, now: float, periods: int) -> None:
        self._checks += self.create(case)
        self.run(now, periods)

    def run(self, now: float, periods: int) -> None:
        for check in self._checks:
            check.run_at(now, periods)

    def drop(self) -> None:
        self._checks.clear()

    @property
    def with_data(self) -> int:
        return sum(check.with_data for check in self._checks)

    def client(self, case: Case, number: int, region: str) -> dict[str, Any]:
        """Returns the arguments of `boto3.client` for a Region of an instance, with its keys or its role."""
        client = {'region_name': region, 'endpoint_url': self._endpoint}
        keys = {'aws_access_key_id': KEY, 'aws_secret_access_key': SECRET}
        role = case.instance(number, self._endpoint).get('role_arn')
        if role is not None:
            answer = boto3.client('sts', **client, **keys).assume_role(RoleArn=role, RoleSessionName='obvious')
            credentials = answer['Credentials']
            keys = {
                'aws_access_key_id': credentials['AccessKeyId'],
                'aws_secret_access_key': credentials['SecretAccessKey'],
                'aws_session_token': credentials['SessionToken'],
            }
        return client | keys
