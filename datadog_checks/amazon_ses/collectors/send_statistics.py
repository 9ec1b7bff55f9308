"""The source `send_statistics`: sums over trailing windows, free of charge, with one call of GetSendStatistics.

AWS answers with buckets of 15 minutes over two weeks, only those with activity, in any order, and their start times
differ from one answer to the next. So a bucket is never counted: gauges show sums over windows that end now.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from datadog_checks.amazon_ses.collectors import ClientFor, Collector
from datadog_checks.amazon_ses.model import Action, MetricSpec, MetricType, Reading, Sample
from datadog_checks.amazon_ses.values import epoch, number

BUCKET = 900
TOLERANCE = 60
"""Seconds by which our clock may be ahead of AWS's before the newest bucket is taken for an older one."""

NEWEST_TAG = 'window:15m'
WINDOWS = {'window:24h': 86400, 'window:14d': 14 * 86400}


def _metric(name: str, meaning: str, orientation: int = 0) -> MetricSpec:
    return MetricSpec(
        f'send_statistics.{name}',
        MetricType.GAUGE,
        f'{meaning} in a window that ends now, from GetSendStatistics.',
        'email',
        orientation=orientation,
        interval=BUCKET,
    )


METRICS = {
    'DeliveryAttempts': _metric('delivery_attempts', 'Emails that SES tried to deliver'),
    'Bounces': _metric('bounces', 'Emails that bounced hard', -1),
    'Complaints': _metric('complaints', 'Emails that recipients marked as spam', -1),
    'Rejects': _metric('rejects', 'Emails that SES refused to send', -1),
}


def fetch(client_for: ClientFor) -> Mapping[str, Any]:
    answer: Mapping[str, Any] = client_for('ses').get_send_statistics()
    return answer


def parse(answer: Mapping[str, Any], now: float) -> Iterable[Reading]:
    """The sums of each window. That of `15m` is the newest bucket, which may not be full yet."""
    buckets = [(epoch(bucket['Timestamp']), bucket) for bucket in answer['SendDataPoints']]
    newest = max((start for start, _ in buckets if start > now - BUCKET - TOLERANCE), default=None)
    for field, metric in METRICS.items():
        yield Sample(metric, sum(number(bucket[field]) for start, bucket in buckets if start == newest), (NEWEST_TAG,))
        for tag, seconds in WINDOWS.items():
            amount = sum(number(bucket[field]) for start, bucket in buckets if start > now - seconds)
            yield Sample(metric, amount, (tag,))


SEND_STATISTICS = Collector(
    name='send_statistics',
    interval=BUCKET,
    actions=(Action('ses:GetSendStatistics', 'send statistics over 15 minutes, 24 hours and 14 days'),),
    metrics=tuple(METRICS.values()),
    fetch=fetch,
    parse=parse,
    pauses_when_quiet=True,
)
