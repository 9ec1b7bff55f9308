"""The sweeps of the suppression list: how many addresses were put on it within a day, and how many it has.

AWS counts neither, so its pages are counted, and of each entry only the reason and the time are read: no address is
kept. Both are off by default: whoever may list addresses may read them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from datadog_checks.amazon_ses.model import Action, Failure, MetricSpec, MetricType, Reading, Sample
from datadog_checks.amazon_ses.sweeps import Answer, ApiRequest, Context, Sweep
from datadog_checks.amazon_ses.sweeps.paging import Paging
from datadog_checks.amazon_ses.values import DAY, epoch
from datadog_checks.amazon_ses.words import word

LIST = 'ListSuppressedDestinations'
INTERVAL, SIZE_INTERVAL = 1200, DAY
DELAY = 60
"""Seconds after which an addition is taken to be listed."""

MAX_SIZE_PAGES = 2000
"""Pages of the whole list, after which its size is unknown."""

REASONS = ('bounce', 'complaint')
OTHER = 'other'
Counts = Mapping[str, int]

ADDITIONS = MetricSpec(
    'suppression.additions', MetricType.GAUGE,
    'Addresses that were put on the suppression list, or again, within the last 24 hours, by reason.', 'item',
    orientation=-1, interval=INTERVAL, tags=('reason',),
)  # fmt: skip
SIZE = MetricSpec(
    'suppression.size', MetricType.GAUGE, 'Addresses on the suppression list, by reason. Counted once a day.', 'item',
    interval=SIZE_INTERVAL, tags=('reason',),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Additions:
    """The additions of the last 24 hours by the time until which they were counted, without a gap.

    `paging` is the place in the list from `since` to `until`, whose rows are the counts of a page.
    """

    counted: Mapping[float, Counts] = field(default_factory=dict)
    paging: Paging[Counts] = field(default_factory=Paging)
    since: float = 0.0
    until: float = 0.0
    asked_at: float | None = None

    @property
    def newest(self) -> float | None:
        return max(self.counted, default=None)


@dataclass(frozen=True, slots=True)
class Size:
    """The place in the whole list, whose rows are the counts of a page, and the newest size: `read_at` is when."""

    paging: Paging[Counts] = field(default_factory=Paging)
    counts: Counts = field(default_factory=dict)
    read_at: float | None = None


def next_additions(state: Additions, context: Context, now: float) -> ApiRequest | None:
    is_due = state.paging.begun_at is not None or state.asked_at is None or not 0 <= now - state.asked_at < INTERVAL
    if not is_due or not context.may_ask(LIST):
        return None
    token = state.paging.parameters(now)
    since, until = (state.since, state.until) if token else _window(state, now)
    # Whether AWS counts the ends is not said, so a second more is asked for, and is not counted.
    return ApiRequest('sesv2', LIST, {'StartDate': since - 1, 'EndDate': until + 1, **token})


def after_additions(state: Additions, request: ApiRequest, answer: Answer | Failure, now: float) -> Additions:
    if isinstance(answer, Failure):
        return _ended(state, state.paging.after_failure(answer), now)
    since, until = request.parameters['StartDate'] + 1, request.parameters['EndDate'] - 1
    page = Counter(_reason(row) for row in answer['SuppressedDestinationSummaries'] if since <= _time(row) < until)
    paging = state.paging.after_page([page], answer.get('NextToken'), now)
    return _ended(replace(state, since=since, until=until), paging, now)


def additions(state: Additions, context: Context, now: float) -> Iterable[Reading]:
    """Nothing while the newest count is too old."""
    if state.newest is None or not 0 <= now - state.newest < 3 * INTERVAL:
        return
    yield from _samples(ADDITIONS, _total(state.counted.values()))


def pending_additions(state: Additions, context: Context, now: float) -> int:
    """One where a round is under way or ended without a count."""
    return int(state.paging.begun_at is not None or state.paging.is_cut)


def additions_to_document(state: Additions) -> Any:
    return [[until, counts] for until, counts in state.counted.items()]


def additions_from_document(document: Any) -> Additions:
    return Additions({float(until): _saved_counts(counts) for until, counts in document})


def next_size(state: Size, context: Context, now: float) -> ApiRequest | None:
    place = state.paging if state.paging.listed_at is not None else replace(state.paging, listed_at=state.read_at)
    if not place.is_due(SIZE_INTERVAL, now) or not context.may_ask(LIST):
        return None
    return ApiRequest('sesv2', LIST, place.parameters(now), rolling=True)


def after_size(state: Size, request: ApiRequest, answer: Answer | Failure, now: float) -> Size:
    if isinstance(answer, Failure):
        paging = state.paging.after_failure(answer)
    else:
        page = Counter(_reason(row) for row in answer['SuppressedDestinationSummaries'])
        paging = state.paging.after_page([page], answer.get('NextToken'), now, MAX_SIZE_PAGES)
    if paging is state.paging or paging.begun_at is not None:
        return replace(state, paging=paging)
    counted = replace(paging, listed=())
    if paging.is_cut:
        return replace(state, paging=counted)
    return Size(counted, _total(paging.listed), paging.listed_at)


def size(state: Size, context: Context, now: float) -> Iterable[Reading]:
    """Nothing while the newest count is too old."""
    if state.read_at is not None and 0 <= now - state.read_at < 3 * SIZE_INTERVAL:
        yield from _samples(SIZE, state.counts)


def pending_size(state: Size, context: Context, now: float) -> int:
    return int(state.paging.begun_at is not None or state.paging.is_cut)


def size_from_document(document: Any) -> Size:
    counts, at = document
    return Size(counts=_saved_counts(counts), read_at=None if at is None else float(at))


def _window(state: Additions, now: float) -> tuple[float, float]:
    """From where to where is counted next: from the newest count on, a day at most."""
    until = float(int(now) - DELAY)
    newest = state.newest
    # Only a clock that is turned goes back.
    return (newest if newest is not None and until - DAY < newest < until else until - DAY), until


def _ended(state: Additions, paging: Paging[Counts], now: float) -> Additions:
    """The state after a page, or a failure. A round that is cut short counts nothing, and begins anew."""
    if paging is state.paging or paging.begun_at is not None:
        return replace(state, paging=paging)
    ended = replace(state, paging=replace(paging, listed=()), asked_at=now)
    if paging.is_cut:
        return ended
    earlier = {until: counts for until, counts in state.counted.items() if state.until - DAY < until <= state.since}
    return replace(ended, counted={**earlier, state.until: _total(paging.listed)})


def _time(row: Mapping[str, Any]) -> float:
    return epoch(row['LastUpdateTime'])


def _reason(row: Mapping[str, Any]) -> str:
    reason = word(row['Reason'])
    return reason if reason in REASONS else OTHER


def _total(pages: Iterable[Counts]) -> Counts:
    total: Counter[str] = Counter()
    for page in pages:
        total.update(page)
    return dict(total)


def _samples(metric: MetricSpec, counts: Counts) -> Iterable[Sample]:
    for reason, number in {**dict.fromkeys(REASONS, 0), **counts}.items():
        yield Sample(metric, number, (f'reason:{reason}',))


def _saved_counts(counts: Any) -> Counts:
    return {reason: int(counts[reason]) for reason in (*REASONS, OTHER) if reason in counts}


ACTION = Action(f'ses:{LIST}', 'the suppression list: how many addresses, which are not kept')

SUPPRESSION: Sweep[Additions] = Sweep(
    name='suppression_list',
    actions=(ACTION,),
    metrics=(ADDITIONS,),
    new_state=Additions,
    next_request=next_additions,
    after_answer=after_additions,
    readings=additions,
    pending=pending_additions,
    read_at=lambda state: state.newest,
    to_document=additions_to_document,
    from_document=additions_from_document,
    opt_in=True,
)
SUPPRESSION_SIZE: Sweep[Size] = Sweep(
    name='suppression_size',
    actions=(ACTION,),
    metrics=(SIZE,),
    new_state=Size,
    next_request=next_size,
    after_answer=after_size,
    readings=size,
    pending=pending_size,
    read_at=lambda state: state.read_at,
    to_document=lambda state: [state.counts, state.read_at],
    from_document=size_from_document,
    opt_in=True,
)
