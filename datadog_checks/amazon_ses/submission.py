"""The only door to the Agent: readings go out as metrics, service checks and events, if they are declared."""

from __future__ import annotations

from collections.abc import Iterable

from datadog_checks.base import AgentCheck

from . import catalogue
from .model import PREFIX, Event, MetricType, Reading, Sample, Status

DECLARED = frozenset({*catalogue.METRICS, *catalogue.STATUSES, *catalogue.EVENTS})


class Submission:
    """What one run submits for one scope, with the tags that all of it carries.

    `contexts` counts the different metrics with tags that went out.
    """

    def __init__(self, check: AgentCheck, tags: Iterable[str], now: float) -> None:
        self._check = check
        self._now = now
        self._tags = tuple(tags)
        self._contexts: set[tuple[str, tuple[str, ...]]] = set()

    @property
    def contexts(self) -> int:
        return len(self._contexts)

    def submit(self, readings: Iterable[Reading]) -> None:
        """Submit readings that are in the catalogue; anything else is a mistake of ours and is logged as one."""
        for reading in readings:
            declaration = reading.metric if isinstance(reading, Sample) else reading.spec
            if declaration not in DECLARED:
                self._check.log.error('Not submitted, because it is not in the catalogue: %s', declaration.name)
            elif isinstance(reading, Sample):
                self._metric(reading, [*self._tags, *reading.tags])
            elif isinstance(reading, Status):
                self._check.service_check(
                    PREFIX + reading.spec.name,
                    int(reading.level),
                    [*self._tags, *reading.tags],
                    message=reading.message,
                )
            else:
                self._event(reading, [*self._tags, *reading.tags])

    def _metric(self, sample: Sample, tags: list[str]) -> None:
        submit = self._check.count if sample.metric.type is MetricType.COUNT else self._check.gauge
        submit(sample.metric.full_name, sample.value, tags=tags)
        self._contexts.add((sample.metric.name, tuple(tags)))

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
