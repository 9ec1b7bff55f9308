"""GetSendStatistics: what was sent in trailing windows, without CloudWatch and free of charge. One call.

AWS answers with buckets of 15 minutes over two weeks, those with activity only, in any order; and where they begin
differs from one answer to the next. So they are never counted, only summed up over windows that end now.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from datadog_checks.amazon_ses.collectors import Clients, Collector
from datadog_checks.amazon_ses.model import Action, MetricSpec, MetricType, Reading, Sample
from datadog_checks.amazon_ses.values import epoch, number

BUCKET = 900
TOLERANCE = 60
"""Seconds that our clock may be off AWS's before the newest bucket is taken for an older one."""

WINDOWS = {'window:24h': 86400, 'window:14d': 14 * 86400}


def _metric(name: str, what: str, orientation: int = 0) -> MetricSpec:
    return MetricSpec(
        f'send_statistics.{name}',
        MetricType.GAUGE,
        f'{what} in a window that ends now, from GetSendStatistics.',
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


def fetch(clients: Clients) -> Mapping[str, Any]:
    answer: Mapping[str, Any] = clients('ses').get_send_statistics()
    return answer


def read(answer: Mapping[str, Any], now: float) -> Iterable[Reading]:
    """The sums of each window: `15m` is the newest bucket, which may still fill, the others are whole windows."""
    buckets = [(epoch(bucket['Timestamp']), bucket) for bucket in answer['SendDataPoints']]
    newest = max((at for at, _ in buckets if at > now - BUCKET - TOLERANCE), default=None)
    for field, metric in METRICS.items():
        yield Sample(metric, sum(number(bucket[field]) for at, bucket in buckets if at == newest), ('window:15m',))
        for tag, seconds in WINDOWS.items():
            yield Sample(metric, sum(number(bucket[field]) for at, bucket in buckets if at > now - seconds), (tag,))


SEND_STATISTICS = Collector(
    name='send_statistics',
    every=BUCKET,
    actions=(Action('ses:GetSendStatistics', 'send statistics over 15 minutes, 24 hours and 14 days'),),
    metrics=tuple(METRICS.values()),
    fetch=fetch,
    read=read,
    pauses_when_quiet=True,
)
