"""Survey: asks once a day which groups of series sent the most, where `max_series` leaves some out.

The volume of a series that is not read is unknown. While more series are listed than may be read, a survey asks once a
day for one representative series of each group.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain

from datadog_checks.amazon_ses.cloudwatch.answers import BatchAnswer
from datadog_checks.amazon_ses.cloudwatch.periods import DAY, HOUR, next_boundary
from datadog_checks.amazon_ses.cloudwatch.queries import Batch, Purpose, SeriesColumns, batches, query_bytes
from datadog_checks.amazon_ses.cloudwatch.selection import Group, group_of, representatives
from datadog_checks.amazon_ses.cloudwatch.series import SUM, Series

SURVEY_SPAN = 3 * HOUR
"""Seconds over which volumes are compared."""

SURVEY_INTERVAL = DAY

MAX_GROUPS = 5000
"""Groups that a survey asks for, at about five cents."""


@dataclass(frozen=True, slots=True)
class Survey:
    """The volumes of the last survey, by group, and when it was made.

    `candidates` are the representatives to ask for in the next survey; none means that no survey is due.
    """

    candidates: tuple[Series, ...] = ()
    volumes: Mapping[Group, float] = field(default_factory=dict)
    surveyed_at: float | None = None


def is_due(survey: Survey, now: float) -> bool:
    return survey.surveyed_at is None or not 0 <= now - survey.surveyed_at < SURVEY_INTERVAL


def is_awaited(survey: Survey) -> bool:
    """Whether nothing listed can be selected yet, because the first survey has no answer."""
    return bool(survey.candidates) and survey.surveyed_at is None


def with_candidates(survey: Survey, listed: Sequence[Series], limit: int, now: float) -> Survey:
    """The survey with candidates, where more series are listed than the limit and a survey is due."""
    candidates: tuple[Series, ...] = ()
    if len(listed) > limit > 0 and is_due(survey, now):
        by_group = representatives(listed)
        candidates = tuple(by_group[group] for group in sorted(by_group)[:MAX_GROUPS])
    return survey if candidates == survey.candidates else replace(survey, candidates=candidates)


def survey_batches(survey: Survey, now: float) -> list[Batch]:
    """The batches of a survey, if one is due."""
    if not survey.candidates:
        return []
    end = next_boundary(now, HOUR)
    weights = [query_bytes(series) for series in survey.candidates]
    columns = SeriesColumns(survey.candidates, [(SUM,)] * len(weights), weights)
    return batches(dict.fromkeys(range(len(weights)), end - SURVEY_SPAN), columns, end, HOUR, Purpose.SURVEY)


def after_answers(survey: Survey, answers: Iterable[BatchAnswer], now: float) -> Survey:
    """The survey with the volumes of the answers. A candidate without an answer keeps its volume.

    Without candidates the survey was finished before these answers came, which only add to it.
    """
    candidates = {group_of(series) for series in survey.candidates}
    volumes = {group: volume for group, volume in survey.volumes.items() if not candidates or group in candidates}
    for answer in answers:
        for position, amounts in chain.from_iterable(block.rows() for block in answer.blocks):
            volumes[group_of(answer.batch.queries.series[position])] = sum(amounts)
    return Survey(survey.candidates, volumes, now)
