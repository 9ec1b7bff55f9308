"""Submission: the only module that submits to the Agent. Readings become metrics, service checks and events."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, NamedTuple

from datadog_checks.amazon_ses import catalogue
from datadog_checks.amazon_ses.cloudwatch import families
from datadog_checks.amazon_ses.events import counts
from datadog_checks.amazon_ses.model import (
    PREFIX,
    Bucket,
    Event,
    EventSpec,
    MetricSpec,
    MetricType,
    Reading,
    Sample,
    Status,
    StatusSpec,
    Target,
)
from datadog_checks.amazon_ses.telemetry import UNLIMITED
from datadog_checks.base import AgentCheck

DECLARED = frozenset({*catalogue.METRICS, *catalogue.STATUSES, *catalogue.EVENTS})
AMOUNTS = frozenset(
    (
        *(spec.count for spec in families.SPECS if spec.count is not None),
        *(metric for metric in counts.METRICS if metric.type is MetricType.COUNT),
    )
)
Submit = Callable[[str, float, list[str]], None]


class Channel(NamedTuple):
    """How the samples of a metric reach the Agent: the name, whether it is a count, whether `max_returned_metrics` does
    not hold, and whether it is a count of amounts."""

    name: str
    is_count: bool
    is_unlimited: bool
    is_amount: bool


def _channel_of(metric: MetricSpec) -> Channel:
    return Channel(metric.full_name, metric.type is MetricType.COUNT, metric in UNLIMITED, metric in AMOUNTS)


CHANNELS = {id(metric): _channel_of(metric) for metric in catalogue.METRICS}
"""By the identity of the metric. Nearly every sample has one of these objects; a comparison by value would cost more
than the submission."""


class Submission:
    """The submission of one run for one account and Region. `tags` go with everything that is submitted.

    `contexts` counts the metrics that were submitted. In one run no metric goes out twice with the same tags.
    `dropped` adds up the amounts that `max_returned_metrics` kept from the Agent.
    """

    def __init__(self, check: AgentCheck, tags: Iterable[str], target: Target, now: float) -> None:
        self._check = check
        self._now = now
        self._tags = tuple(tags)
        self._target = target
        self._scopes: dict[str, tuple[str, ...]] = {}
        self._is_limited = check.metric_limiter is not None
        self.contexts = 0
        self.dropped = 0.0

    def submit(self, readings: Iterable[Reading]) -> None:
        """Submit the readings whose metric, status or event is in the catalogue. Any other is a bug and is logged."""
        scopes, count, gauge, is_limited = self._scopes, self._check.count, self._check.gauge, self._is_limited
        for reading in readings:
            if isinstance(reading, Sample):
                metric, value, tags, account = reading
                channel = CHANNELS.get(id(metric)) or self._channel(metric)
                if channel is None:
                    continue
                submit = count if channel.is_count else gauge
                scope = scopes.get(account) or self._scope(account)
                if is_limited:
                    self._submit_limited(submit, channel, value, [*scope, *tags])
                else:
                    submit(channel.name, value, [*scope, *tags])
                self.contexts += 1
            elif self._is_declared(reading.metric if isinstance(reading, Bucket) else reading.spec):
                account = '' if isinstance(reading, Event) else reading.account
                self._other(reading, [*self._scope(account), *reading.tags])

    def _is_declared(self, declaration: MetricSpec | StatusSpec | EventSpec) -> bool:
        if declaration in DECLARED:
            return True
        self._check.log.error('Not submitted, because it is not in the catalogue: %s', declaration.name)
        return False

    def _other(self, reading: Bucket | Status | Event, tags: list[str]) -> None:
        if isinstance(reading, Bucket):
            self._bucket(reading, tags)
        elif isinstance(reading, Event):
            self._event(reading, tags)
        else:
            name, level = PREFIX + reading.spec.name, int(reading.level)
            self._check.service_check(name, level, tags, message=reading.message)

    def _scope(self, account: str) -> tuple[str, ...]:
        """The tags of the instance, the Region and the account: a linked one, or else the account of the target."""
        if account not in self._scopes:
            target = self._target._replace(account=account) if account else self._target
            self._scopes[account] = (*self._tags, *target.tags)
        return self._scopes[account]

    def _submit_limited(self, submit: Submit, channel: Channel, value: float, tags: list[str]) -> None:
        """Submit a sample where `max_returned_metrics` holds."""
        check = self._check
        limiter = check.metric_limiter
        if channel.is_unlimited:
            check.metric_limiter = None
        submit(channel.name, value, tags)
        check.metric_limiter = limiter
        # The limiter counts a metric when it is submitted: once it says so, this one was dropped as well.
        if limiter.reached_limit and channel.is_amount:
            self.dropped += value

    def _channel(self, metric: MetricSpec) -> Channel | None:
        """The channel of a metric that is equal to a declared one, None where it is not declared."""
        return _channel_of(metric) if self._is_declared(metric) else None

    def _bucket(self, bucket: Bucket, tags: list[str]) -> None:
        self._check.submit_histogram_bucket(
            bucket.metric.full_name,
            bucket.number,
            bucket.lower,  # type: ignore[arg-type]  # the Agent takes any number
            bucket.upper,  # type: ignore[arg-type]  # as above
            monotonic=False,
            hostname='',
            tags=tags,
        )
        self.contexts += 1

    def log(self, logs: Iterable[Mapping[str, Any]]) -> None:
        """Send logs as the Agent's integrations do. They arrive where the Agent collects logs of this check."""
        for entry in logs:
            self._check.send_log(dict(entry))

    def _event(self, event: Event, tags: list[str]) -> None:
        where = ', '.join(tag.partition(':')[2] for tag in tags if tag.startswith(('aws_account:', 'region:')))
        self._check.event(
            {
                'event_type': PREFIX + event.spec.name,
                'source_type_name': 'amazon_ses',
                'aggregation_key': f'{PREFIX}{event.spec.name}:{where}',
                'msg_title': f'{event.title} ({where})',
                'msg_text': event.text,
                'alert_type': event.alert_type,
                'timestamp': int(self._now),
                'tags': tags,
            }
        )
