"""Submission: the only module that submits to the Agent. Readings become metrics, service checks and events."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from datadog_checks.amazon_ses import catalogue
from datadog_checks.amazon_ses.cloudwatch import families
from datadog_checks.amazon_ses.events import counts
from datadog_checks.amazon_ses.model import PREFIX, Bucket, Event, MetricType, Reading, Sample, Status, Target
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
        self.contexts = 0
        self.dropped = 0.0

    def submit(self, readings: Iterable[Reading]) -> None:
        """Submit the readings whose metric, status or event is in the catalogue. Any other is a bug and is logged."""
        for reading in readings:
            declaration = reading.metric if isinstance(reading, (Sample, Bucket)) else reading.spec
            if id(declaration) not in DECLARED_IDS and declaration not in DECLARED:
                self._check.log.error('Not submitted, because it is not in the catalogue: %s', declaration.name)
            elif isinstance(reading, Sample):
                self._metric(reading, [*self._scope(reading.account), *reading.tags])
            elif isinstance(reading, Bucket):
                self._bucket(reading, [*self._scope(reading.account), *reading.tags])
            elif isinstance(reading, Status):
                self._check.service_check(
                    PREFIX + reading.spec.name,
                    int(reading.level),
                    [*self._scope(reading.account), *reading.tags],
                    message=reading.message,
                )
            else:
                self._event(reading, [*self._scope(''), *reading.tags])

    def _scope(self, account: str) -> tuple[str, ...]:
        """The tags of the instance, the Region and the account: a linked one, or else the account of the target."""
        if account not in self._scopes:
            target = self._target._replace(account=account) if account else self._target
            self._scopes[account] = (*self._tags, *target.tags)
        return self._scopes[account]

    def _metric(self, sample: Sample, tags: list[str]) -> None:
        submit = self._check.count if sample.metric.type is MetricType.COUNT else self._check.gauge
        limiter = self._check.metric_limiter
        if sample.metric in UNLIMITED:
            self._check.metric_limiter = None
        submit(sample.metric.full_name, sample.value, tags=tags)
        self._check.metric_limiter = limiter
        self.contexts += 1
        # The limiter counts a metric when it is submitted: once it says so, this one was dropped as well.
        if limiter is not None and limiter.reached_limit and sample.metric in AMOUNTS:
            self.dropped += sample.value

    def _bucket(self, bucket: Bucket, tags: list[str]) -> None:
        self._check.submit_histogram_bucket(
            bucket.metric.full_name,
            bucket.number,
            bucket.lower,  # type: ignore[arg-type]  # the Agent takes any number
            bucket.upper,  # type: ignore[arg-type]
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
