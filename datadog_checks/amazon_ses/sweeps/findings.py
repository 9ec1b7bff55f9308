"""The sweep of findings: what AWS itself holds against the account, its identities, configuration sets and tenants.

AWS opens a finding well before it acts. Those of high impact are listed every ten minutes, all of them every hour. A
finding that is listed no more is looked for among the fixed ones: without that, AWS lists it no longer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from datadog_checks.amazon_ses.model import Action, Event, EventSpec, Failure, MetricSpec, MetricType, Reading, Sample
from datadog_checks.amazon_ses.sweeps import Answer, ApiRequest, Context, Sweep, memory
from datadog_checks.amazon_ses.sweeps.memory import Bits
from datadog_checks.amazon_ses.sweeps.naming import Happening, Resource, event_of, label_of, resource_of, tags_of
from datadog_checks.amazon_ses.sweeps.paging import Paging
from datadog_checks.amazon_ses.values import epoch
from datadog_checks.amazon_ses.words import word

GAUGE = MetricType.GAUGE
LIST = 'ListRecommendations'
URGENT_INTERVAL, INTERVAL = 600, 3600
PAGE_SIZE = 100
"""The largest page that AWS documents."""

OPEN = MetricSpec(
    'finding.open', GAUGE, 'Findings of AWS that are open, by type, impact and scope.', 'item', orientation=-1,
    interval=URGENT_INTERVAL, tags=('type', 'impact', 'scope'),
)  # fmt: skip
AGE = MetricSpec(
    'finding.age', GAUGE, 'Seconds since AWS opened the oldest finding that is open, by impact.', 'second',
    orientation=-1, interval=URGENT_INTERVAL, tags=('impact',),
)  # fmt: skip
HIGH = MetricSpec(
    'finding.high_impact', GAUGE, 'Open findings of high impact about one identity, tenant or configuration set.',
    'item', orientation=-1, interval=URGENT_INTERVAL, tags=('type', 'scope'),
)  # fmt: skip
UNNAMED = MetricSpec(
    'finding.unnamed', GAUGE, 'Findings of high impact that max_findings leaves unnamed, if any.', 'item',
    orientation=-1, interval=URGENT_INTERVAL,
)  # fmt: skip

OPENED = EventSpec('finding.opened', 'AWS opened findings about the account, an identity, a tenant or a set.')
FIXED = EventSpec('finding.fixed', 'AWS says that what it found is fixed.')
UNLISTED = EventSpec('finding.unlisted', 'AWS lists findings no longer, and does not say that they are fixed.')
NOUN = ('a finding', 'findings')
TEXTS = {
    OPENED: 'AWS acts on findings of high impact. Look at Virtual Deliverability Manager, Advisor, or at Reputation '
    'metrics in the console of SES.',
    FIXED: 'AWS says that it is fixed.',
    UNLISTED: 'AWS lists it no longer: findings end after 30 days, or with what they were about.',
}

# AWS's text names the first four and COMPLAINT; the service model has the others as well.
TYPES = ('other', 'dkim', 'dmarc', 'spf', 'bimi', 'complaint', 'bounce', 'feedback_3p', 'ip_listing')
IMPACTS = ('unknown', 'low', 'high')
SCOPES = ('other', 'account', 'identity', 'tenant', 'configuration_set')
TYPE, IMPACT, SCOPE, CREATED = Bits(0, 8), Bits(8, 2), Bits(10, 3), Bits(13, 40)
WORDS = ((TYPE, TYPES, 'type'), (IMPACT, IMPACTS, 'impact'), (SCOPE, SCOPES, 'scope'))
LOW_AND_HIGH = IMPACTS[1:]


class Finding(NamedTuple):
    """A finding. `created` is in whole seconds, 0 where AWS did not say. After a restart it has no resource."""

    type: str
    impact: str
    scope: str
    created: int
    resource: Resource = Resource()

    @property
    def kind(self) -> tuple[str, str, str]:
        return self.type, self.impact, self.scope


@dataclass(frozen=True, slots=True)
class Findings:
    """What is known of the findings, by hash. `current` are the open ones as AWS listed them last.

    `is_whole` says that a whole list was read, even before a restart. `gone` are those that the newest whole list lacks
    and of which nobody knows yet why: `searched` of them were looked for among the fixed ones. `fixed` and `unlisted`
    are those of which it is known since less than an hour. `closed` are kinds that have no finding any more, and since
    when. `is_doubtful`: one of high impact was missing in their list.
    """

    whole: Paging[tuple[int, Finding]] = field(default_factory=Paging)
    urgent: Paging[tuple[int, Finding]] = field(default_factory=Paging)
    among_fixed: Paging[int] = field(default_factory=Paging)
    current: Mapping[int, Finding] = field(default_factory=dict)
    gone: Mapping[int, Finding] = field(default_factory=dict)
    searched: frozenset[int] = frozenset()
    fixed: Mapping[int, float] = field(default_factory=dict)
    unlisted: Mapping[int, float] = field(default_factory=dict)
    closed: Mapping[tuple[str, str, str], float] = field(default_factory=dict)
    is_whole: bool = False
    is_doubtful: bool = False


def next_request(state: Findings, context: Context, now: float) -> ApiRequest | None:
    if not context.may_ask(LIST):
        return None
    if state.gone.keys() - state.searched or state.among_fixed.begun_at is not None:
        return _request(state.among_fixed, now, STATUS='FIXED')
    if state.is_doubtful or state.whole.is_due(INTERVAL, now):
        return _request(state.whole, now, STATUS='OPEN')
    # A whole list is an urgent one, too.
    newest = max(at for at in (state.urgent.listed_at, state.whole.listed_at, 0.0) if at is not None)
    if state.urgent.begun_at is not None or not 0 <= now - newest < URGENT_INTERVAL:
        return _request(state.urgent, now, STATUS='OPEN', IMPACT='HIGH')
    return None


def after_answer(state: Findings, request: ApiRequest, answer: Answer | Failure, now: float) -> Findings:
    filters = request.parameters['Filter']
    name = 'among_fixed' if filters['STATUS'] == 'FIXED' else 'urgent' if 'IMPACT' in filters else 'whole'
    before: Paging[Any] = getattr(state, name)
    if isinstance(answer, Failure):
        paging = before.after_failure(answer)
    else:
        rows = [_read(row) for row in answer['Recommendations']]
        page = [key for key, _ in rows] if name == 'among_fixed' else rows
        paging = before.after_page(page, answer.get('NextToken'), now)
    is_over = paging is not before and paging.begun_at is None
    moved: dict[str, Any] = {name: replace(paging, listed=()) if is_over else paging}
    state = replace(state, **moved)
    if not is_over:
        return state
    if name == 'among_fixed':
        return _after_fixed(state, frozenset(paging.listed), now)
    return (_after_urgent if name == 'urgent' else _after_whole)(state, dict(paging.listed), paging.is_cut, now)


def readings(state: Findings, context: Context, now: float) -> Iterable[Reading]:
    listed_at = state.whole.listed_at
    if listed_at is None or now - listed_at >= 3 * INTERVAL:
        return
    counts = Counter(finding.kind for finding in state.current.values())
    zeros = (kind for kind, since in state.closed.items() if kind not in counts and now - since < INTERVAL)
    for (kind, impact, scope), number in {**dict.fromkeys(zeros, 0), **counts}.items():
        yield Sample(OPEN, number, (f'type:{kind}', f'impact:{impact}', f'scope:{scope}'))
    for impact in LOW_AND_HIGH:
        times = [finding.created for finding in state.current.values() if finding.impact == impact]
        oldest = min(filter(None, times), default=None)
        if oldest is not None:
            yield Sample(AGE, max(0.0, now - oldest), (f'impact:{impact}',))
        if not times:
            # Without a type and a scope, so that what sums findings up has a zero.
            yield Sample(OPEN, 0, (f'impact:{impact}',))
    yield from _named(state, context)


def changes(before: Findings, after: Findings, context: Context) -> Iterable[Event]:
    """The events between two states. The first whole list is no change."""
    if not before.is_whole:
        return
    earlier = {**before.gone, **before.current}
    opened = [finding for key, finding in after.current.items() if key not in earlier]
    fixed = [earlier[key] for key in after.fixed if key in earlier]
    unlisted = [earlier[key] for key in after.unlisted if key in earlier]
    worst = 'error' if any(finding.impact == 'high' for finding in opened) else 'warning'
    if all(finding.type == 'bimi' and finding.impact == 'low' for finding in opened):
        worst = 'info'
    for spec, findings, verb, alert_type in (
        (OPENED, opened, 'opened', worst),
        (FIXED, fixed, 'fixed', 'success'),
        (UNLISTED, unlisted, 'no longer listed', 'info'),
    ):
        if findings:
            labels = [_label(finding, context) for finding in findings]
            yield event_of(Happening(spec, NOUN, verb, TEXTS[spec], alert_type), labels)


def pending(state: Findings, context: Context, now: float) -> int:
    """Lists that are under way, were cut short or are due: AWS does not say how many findings there are."""
    is_doubtful = state.is_doubtful or bool(state.gone.keys() - state.searched)
    return int(state.whole.begun_at is not None or state.whole.is_cut or is_doubtful)


def read_at(state: Findings) -> float | None:
    return state.whole.listed_at


def to_document(state: Findings) -> Any:
    """Kinds and times by hash. What is gone is looked for anew after a restart."""
    numbers = {key: _packed(finding) for key, finding in {**state.gone, **state.current}.items()}
    return {'open': memory.packed(numbers), 'whole': state.is_whole}


def from_document(document: Any) -> Findings:
    numbers = memory.unpacked(document['open'])
    return Findings(current={key: _unpacked(n) for key, n in numbers.items()}, is_whole=bool(document['whole']))


def _request(paging: Paging[Any], now: float, **filters: str) -> ApiRequest:
    return ApiRequest('sesv2', LIST, {'Filter': filters, 'PageSize': PAGE_SIZE, **paging.parameters(now)})


def _read(row: Mapping[str, Any]) -> tuple[int, Finding]:
    """A finding and its hash. Its description only tells it from others: it is not shown. Raises what makes an answer
    malformed."""
    arn, kind, created = row.get('ResourceArn', ''), row.get('Type'), row.get('CreatedTimestamp')
    resource = resource_of(arn)
    finding = Finding(
        word(kind) or 'other',
        word(row.get('Impact')) or 'unknown',
        resource.scope,
        0 if created is None else max(0, int(epoch(created))),
        resource,
    )
    return memory.hash_of(f'{arn}\n{kind}\n{row.get("Description", "")}'), finding


def _after_whole(state: Findings, listed: Mapping[int, Finding], is_cut: bool, now: float) -> Findings:
    """The state after all open findings were listed. What a list lacks that was cut short is unknown, and not gone."""
    if is_cut:
        return replace(state, current={**state.current, **listed}, is_doubtful=False)
    missing = {key: finding for key, finding in {**state.gone, **state.current}.items() if key not in listed}
    # Those that were not among the fixed ones, and are missing again.
    unlisted = {key for key in state.searched if key in missing}
    return _closed(
        replace(
            state,
            gone={key: finding for key, finding in missing.items() if key not in unlisted},
            searched=frozenset(),
            unlisted={**_recent(state.unlisted, listed, now), **dict.fromkeys(unlisted, now)},
            fixed=_recent(state.fixed, listed, now),
            is_whole=True,
            is_doubtful=False,
        ),
        listed,
        now,
    )


def _after_urgent(state: Findings, listed: Mapping[int, Finding], is_cut: bool, now: float) -> Findings:
    """The state after those of high impact were listed. Where one is missing, the whole list says what became of it."""
    missing = any(finding.impact == 'high' and key not in listed for key, finding in state.current.items())
    new = {key: finding for key, finding in listed.items() if key not in state.gone}
    return replace(state, current={**state.current, **new}, is_doubtful=missing and not is_cut)


def _after_fixed(state: Findings, keys: frozenset[int], now: float) -> Findings:
    fixed = keys & state.gone.keys()
    gone = {key: finding for key, finding in state.gone.items() if key not in fixed}
    return replace(state, gone=gone, searched=frozenset(gone), fixed={**state.fixed, **dict.fromkeys(fixed, now)})


def _recent(times: Mapping[int, float], listed: Mapping[int, Finding], now: float) -> dict[int, float]:
    """What is known since less than an hour and is not open again."""
    return {key: at for key, at in times.items() if key not in listed and now - at < INTERVAL}


def _closed(state: Findings, listed: Mapping[int, Finding], now: float) -> Findings:
    """The state with other open findings, and with the kinds that have none any more."""
    kinds = {finding.kind for finding in listed.values()}
    closed = {kind: since for kind, since in state.closed.items() if now - since < INTERVAL}
    closed |= {finding.kind: now for finding in state.current.values()}
    return replace(state, current=listed, closed={kind: since for kind, since in closed.items() if kind not in kinds})


def _named(state: Findings, context: Context) -> Iterable[Sample]:
    """The findings of high impact by resource, the oldest first. Those from before a restart have no name yet."""
    urgent = (finding for finding in state.current.values() if finding.impact == 'high' and finding.resource.name)
    named = Counter(
        (f'type:{finding.type}', f'scope:{finding.scope}', *tags_of(finding.resource, context))
        for finding in sorted(urgent, key=lambda finding: finding.created)
    )
    left_out = sum(list(named.values())[context.max_findings :])
    if left_out:
        yield Sample(UNNAMED, left_out)
    for tags in list(named)[: context.max_findings]:
        yield Sample(HIGH, named[tags], tags)


def _label(finding: Finding, context: Context) -> str:
    about = label_of(finding.resource, context) if finding.resource.name else f'the {finding.scope}'
    return f'{finding.type} of {about.replace("_", " ")} ({finding.impact} impact)'


def _packed(finding: Finding) -> int:
    number = CREATED.put(0, finding.created)
    for bits, words, attribute in WORDS:
        text = getattr(finding, attribute)
        number = bits.put(number, words.index(text) if text in words else 0)
    return number


def _unpacked(number: int) -> Finding:
    words = [words[bits.read(number)] for bits, words, _ in WORDS]
    return Finding(words[0], words[1], words[2], CREATED.read(number))


FINDINGS: Sweep[Findings] = Sweep(
    name='findings',
    actions=(Action(f'ses:{LIST}', "AWS's findings about the account, identities and tenants"),),
    metrics=(OPEN, AGE, HIGH, UNNAMED),
    events=(OPENED, FIXED, UNLISTED),
    new_state=Findings,
    next_request=next_request,
    after_answer=after_answer,
    readings=readings,
    changes=changes,
    pending=pending,
    read_at=read_at,
    to_document=to_document,
    from_document=from_document,
)
