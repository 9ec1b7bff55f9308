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
DECLARED_IDS = frozenset(map(id, DECLARED))
"""Nearly every reading has one of these objects. A comparison by value would cost more than the submission."""


class Channel(NamedTuple):
    """How the samples of a metric reach the Agent, which is the same for thousands of them: the method of the check,
    the name, whether `max_returned_metrics` does not hold, and whether it is a count of amounts."""

    metric: MetricSpec
    submit: Callable[[str, float, list[str]], None]
    name: str
    is_unlimited: bool
    is_amount: bool


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
        self._channels: dict[int, Channel] = {}
        self.contexts = 0
        self.dropped = 0.0

    def submit(self, readings: Iterable[Reading]) -> None:
        """Submit the readings whose metric, status or event is in the catalogue. Any other is a bug and is logged."""
        for reading in readings:
            if isinstance(reading, Sample):
                channel = self._channels.get(id(reading.metric))
                if channel is not None or self._is_declared(reading.metric):
                    self._metric(reading, channel or self._channel(reading.metric))
            elif self._is_declared(reading.metric if isinstance(reading, Bucket) else reading.spec):
                account = '' if isinstance(reading, Event) else reading.account
                self._other(reading, [*self._scope(account), *reading.tags])

    def _is_declared(self, declaration: MetricSpec | StatusSpec | EventSpec) -> bool:
        if id(declaration) in DECLARED_IDS or declaration in DECLARED:
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

    def _metric(self, sample: Sample, channel: Channel) -> None:
        check = self._check
        limiter = check.metric_limiter
        if limiter is not None and channel.is_unlimited:
            check.metric_limiter = None
        channel.submit(channel.name, sample.value, [*self._scope(sample.account), *sample.tags])
        self.contexts += 1
        if limiter is not None:
            check.metric_limiter = limiter
            # The limiter counts a metric when it is submitted: once it says so, this one was dropped as well.
            if limiter.reached_limit and channel.is_amount:
                self.dropped += sample.value

    def _channel(self, metric: MetricSpec) -> Channel:
        submit = self._check.count if metric.type is MetricType.COUNT else self._check.gauge
        channel = Channel(metric, submit, metric.full_name, metric in UNLIMITED, metric in AMOUNTS)
        return self._channels.setdefault(id(metric), channel)

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
