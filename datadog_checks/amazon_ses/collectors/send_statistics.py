"""The source `send_statistics`: sums over trailing windows, free of charge, with one call of GetSendStatistics.

AWS answers with buckets of 15 minutes over two weeks, only those with activity, in any order, and their start times
differ from one answer to the next. So a bucket is never counted: gauges show sums over windows. Those of 24 hours and
14 days end now. That of 15 minutes is the last bucket that had ended when AWS answered, because one that still fills
shows anything from nothing to all of its quarter of an hour.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from datadog_checks.amazon_ses.collectors import ClientFor, Collector
from datadog_checks.amazon_ses.model import Action, MetricSpec, MetricType, Reading, Sample
from datadog_checks.amazon_ses.values import amount, answered_at, epoch

BUCKET = 900

WHOLE_TAG = 'window:15m'
DAY_TAG = 'window:24h'
WINDOWS = {DAY_TAG: 86400, 'window:14d': 14 * 86400}


def _metric(name: str, meaning: str, orientation: int = 0) -> MetricSpec:
    return MetricSpec(
        f'send_statistics.{name}',
        MetricType.GAUGE,
        f'{meaning}, from GetSendStatistics: in the 24 hours or 14 days that end now, or, as window:15m, in the last '
        'complete quarter of an hour as AWS cut it.',
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
    """The sums of each window. A quarter of an hour that AWS does not list had no activity."""
    date = answered_at(answer, now)
    buckets = [(epoch(bucket['Timestamp']), bucket) for bucket in answer['SendDataPoints']]
    # Of buckets with the same anchor one at most has ended within the last quarter of an hour.
    whole = max((start for start, _ in buckets if 0 <= date - (start + BUCKET) < BUCKET), default=None)
    for field, metric in METRICS.items():
        yield Sample(metric, sum(amount(bucket[field]) for start, bucket in buckets if start == whole), (WHOLE_TAG,))
        for tag, seconds in WINDOWS.items():
            total = sum(amount(bucket[field]) for start, bucket in buckets if start > date - seconds)
            yield Sample(metric, total, (tag,))


SEND_STATISTICS = Collector(
    name='send_statistics',
    interval=BUCKET,
    actions=(Action('ses:GetSendStatistics', 'send statistics over 15 minutes, 24 hours and 14 days'),),
    metrics=tuple(METRICS.values()),
    fetch=fetch,
    parse=parse,
    pauses_when_quiet=True,
    may_be_late=True,
)
