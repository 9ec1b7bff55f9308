"""Clients of the simulator, and the requests that its tests make with them."""

from __future__ import annotations

from typing import Any

import boto3
from botocore.config import Config

from simulator import Simulator

REGION = 'us-east-1'
ACCOUNT = '123456789012'
_SESSION = boto3.Session()


def client(sim: Simulator, service: str, region: str = REGION, key: str = 'AKIAEXAMPLE', **more: Any) -> Any:
    """A boto3 client of the simulator that tries once and gives up quickly."""
    config = Config(retries={'total_max_attempts': 1}, connect_timeout=2, read_timeout=more.pop('read_timeout', 5))
    credentials = {'aws_access_key_id': key, 'aws_secret_access_key': 'secret', **more}
    return _SESSION.client(service, region_name=region, endpoint_url=sim.endpoint_url, config=config, **credentials)


def query(
    name: str, metric: str = 'Send', stat: str = 'Sum', period: int = 300, dimensions: Any = (), **more: Any
) -> Any:
    """One GetMetricData query."""
    named = [{'Name': n, 'Value': v} for n, v in dict(dimensions).items()]
    namespace = more.pop('namespace', 'AWS/SES')
    unit = {'Unit': more.pop('unit')} if 'unit' in more else {}
    return {
        'Id': name,
        'MetricStat': {
            'Metric': {'Namespace': namespace, 'MetricName': metric, 'Dimensions': named},
            'Period': period,
            'Stat': stat,
            **unit,
        },
        **more,
    }


def read(cloudwatch: Any, queries: Any, start: float, end: float, **more: Any) -> dict[str, Any]:
    """GetMetricData over all pages: Id -> {timestamp: value}."""
    values: dict[str, Any] = {}
    token: dict[str, str] = {}
    while True:
        page = cloudwatch.get_metric_data(MetricDataQueries=queries, StartTime=start, EndTime=end, **token, **more)
        for result in page['MetricDataResults']:
            stamps = (stamp.timestamp() for stamp in result['Timestamps'])
            values.setdefault(result['Id'], {}).update(zip(stamps, result['Values'], strict=True))
        if 'NextToken' not in page:
            return values
        token = {'NextToken': page['NextToken']}
