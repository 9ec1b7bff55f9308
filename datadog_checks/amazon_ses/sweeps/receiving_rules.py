"""The sweep of receiving: the active receipt rule set, its rules, and counts against the limits of AWS.

Of the rules only their names, switches and digests of their content are kept. AWS says that no rule set is active by an
answer without content, which anything may send that is not AWS: it counts when it comes again minutes later.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from datadog_checks.amazon_ses.addresses import shown
from datadog_checks.amazon_ses.model import Action, Event, EventSpec, Failure, MetricSpec, MetricType, Reading, Sample
from datadog_checks.amazon_ses.sweeps import Answer, ApiRequest, Context, Sweep, memory
from datadog_checks.amazon_ses.sweeps.memory import Bits
from datadog_checks.amazon_ses.sweeps.naming import Happening, event_of
from datadog_checks.amazon_ses.sweeps.paging import Paging
from datadog_checks.amazon_ses.values import string
from datadog_checks.amazon_ses.words import is_on

GAUGE = MetricType.GAUGE
ACTIVE, SETS, FILTERS = 'DescribeActiveReceiptRuleSet', 'ListReceiptRuleSets', 'ListReceiptFilters'
ACTIVE_INTERVAL, INTERVAL = 900, 3600
CONFIRMED_AFTER = 300
"""Seconds after which it is asked again whether really no rule set is active."""

NONE = 0
"""In place of the hash of the active rule set where none is."""

MOST_SETS, MOST_RULES, MOST_FILTERS = 40, 200, 100
"""The limits of AWS: rule sets and filters of an account, rules of a set."""

RULE_SET_ACTIVE = MetricSpec(
    'receiving.rule_set_active', GAUGE, '1 where a receipt rule set is active, 0 where there are rule sets and none is '
    'active: then no mail is received.', orientation=1, interval=ACTIVE_INTERVAL,
)  # fmt: skip
RULES = MetricSpec(
    'receiving.rules', GAUGE, 'Rules of the active receipt rule set, by status: enabled, disabled or unknown.', 'item',
    interval=ACTIVE_INTERVAL, tags=('status',),
)  # fmt: skip
LIMIT_USED = MetricSpec(
    'receiving.limit_utilization', GAUGE, 'Share of a limit of AWS that is used: rule_sets (40), rules of the active '
    'set (200), filters (100).', 'percent', orientation=-1, interval=INTERVAL, tags=('limit',),
)  # fmt: skip

SET_CHANGED = EventSpec('receiving.rule_set', 'Another receipt rule set is active, or none is.')
RULES_OFF = EventSpec('receiving.rules_off', 'Rules of the active receipt rule set were switched off.')
RULES_ON = EventSpec('receiving.rules_on', 'Rules of the active receipt rule set were switched on.')
RULES_CHANGED = EventSpec('receiving.rules_changed', 'Rules of the active set were added, removed, moved or changed.')
NOUN = ('a receipt rule', 'receipt rules')

ACTIONS = (
    'S3Action', 'BounceAction', 'WorkmailAction', 'LambdaAction', 'StopAction', 'AddHeaderAction', 'SNSAction',
    'ConnectAction',
)  # fmt: skip
"""The actions that count in a digest. A newer SDK reads more of them, which changes no rule."""

STATUS, DIGEST = Bits(0, 2), Bits(2, 60)
STATUSES = ('unknown', 'disabled', 'enabled')
UNKNOWN, OFF, ON = 0, 1, 2


@dataclass(frozen=True, slots=True)
class Receiving:
    """What is known of receiving.

    `active` is the hash of the active set's name, NONE where none is, None where it is not known. `rules` are those of
    the active set by hash, in their order. `names` are those of the set and the rules that this process read.
    `none_since`: since when AWS says that none is active, until that is confirmed.
    """

    active: int | None = None
    rules: Mapping[int, int] = field(default_factory=dict)
    names: Mapping[int, str] = field(default_factory=dict)
    active_at: float | None = None
    none_since: float | None = None
    sets: Paging[int] = field(default_factory=Paging)
    filters: Paging[int] = field(default_factory=Paging)


def next_request(state: Receiving, context: Context, now: float) -> ApiRequest | None:
    """Without receiving everything is asked once an hour."""
    interval: float = ACTIVE_INTERVAL if state.active or state.sets.listed else INTERVAL
    if state.none_since is not None:
        interval = CONFIRMED_AFTER
    is_due = state.active_at is None or not 0 <= now - state.active_at < interval
    if context.may_ask(ACTIVE) and is_due:
        return ApiRequest('ses', ACTIVE)
    if context.may_ask(SETS) and state.sets.is_due(INTERVAL, now):
        return ApiRequest('ses', SETS, state.sets.parameters(now))
    if context.may_ask(FILTERS) and state.filters.is_due(INTERVAL, now):
        return ApiRequest('ses', FILTERS)
    return None


def after_answer(state: Receiving, request: ApiRequest, answer: Answer | Failure, now: float) -> Receiving:
    if request.operation == ACTIVE:
        return state if isinstance(answer, Failure) else _after_active(state, answer, now)
    name, members = ('sets', 'RuleSets') if request.operation == SETS else ('filters', 'Filters')
    before: Paging[int] = getattr(state, name)
    if isinstance(answer, Failure):
        paging = before.after_failure(answer)
    else:
        page = [memory.hash_of(string(row['Name'])) for row in answer[members]]
        paging = before.after_page(page, answer.get('NextToken'), now)
    moved: dict[str, Any] = {name: paging}
    return replace(state, **moved)


def readings(state: Receiving, context: Context, now: float) -> Iterable[Reading]:
    """Nothing without receiving, and nothing that is too old."""
    is_listed = state.sets.is_fresh(3 * INTERVAL, now)
    is_fresh = state.active_at is not None and now - state.active_at < 3 * INTERVAL
    has_sets = bool(state.active) or (is_listed and bool(state.sets.listed))
    if is_fresh and has_sets and state.active is not None:
        yield Sample(RULE_SET_ACTIVE, float(state.active != NONE))
    if is_fresh and state.active:
        counts = Counter({'enabled': 0, 'disabled': 0})
        counts.update(STATUSES[STATUS.read(number)] for number in state.rules.values())
        for status, number in counts.items():
            yield Sample(RULES, number, (f'status:{status}',))
        yield Sample(LIMIT_USED, 100.0 * len(state.rules) / MOST_RULES, ('limit:rules',))
    for paging, most, limit in ((state.sets, MOST_SETS, 'rule_sets'), (state.filters, MOST_FILTERS, 'filters')):
        if has_sets and paging.is_fresh(3 * INTERVAL, now) and not paging.is_cut:
            yield Sample(LIMIT_USED, 100.0 * len(paging.listed) / most, (f'limit:{limit}',))


def changes(before: Receiving, after: Receiving, context: Context) -> Iterable[Event]:
    """The events between two states. The rules of another set are no change of rules."""
    if before.active is None or after.active is None:
        return
    names = {**before.names, **after.names}
    if before.active != after.active:
        yield _of_sets(before.active, after.active, names)
        return
    common = {key: (before.rules[key], number) for key, number in after.rules.items() if key in before.rules}
    switched = {key: (STATUS.read(then), STATUS.read(number)) for key, (then, number) in common.items()}
    off = [_label(key, names) for key, statuses in switched.items() if statuses == (ON, OFF)]
    if off:
        text = 'A rule that is off handles no mail.'
        yield event_of(Happening(RULES_OFF, NOUN, 'switched off', text, 'warning'), off)
    on = [_label(key, names) for key, statuses in switched.items() if statuses == (OFF, ON)]
    if on:
        yield event_of(Happening(RULES_ON, NOUN, 'switched on', 'They handle mail again.', 'success'), on)
    changed = [f'{_label(key, names)} ({how})' for key, how in _changed(before.rules, after.rules).items()]
    if changed:
        text = 'Recipients, actions, TLS, scanning or the order of rules of the active set are not as they were.'
        yield event_of(Happening(RULES_CHANGED, NOUN, 'changed', text, 'info'), changed)


def pending(state: Receiving, context: Context, now: float) -> int:
    return int(state.sets.is_cut) + int(state.none_since is not None)


def read_at(state: Receiving) -> float | None:
    return state.active_at


def to_document(state: Receiving) -> Any:
    """Hashes of the active set and of its rules, with their switches and digests."""
    return {'active': state.active, 'rules': memory.packed(state.rules)}


def from_document(document: Any) -> Receiving:
    active = document['active']
    return Receiving(active=None if active is None else int(active), rules=memory.unpacked(document['rules']))


def _after_active(state: Receiving, answer: Answer, now: float) -> Receiving:
    metadata = answer.get('Metadata')
    if metadata is None:
        if answer.get('Rules'):
            raise ValueError('rules of no rule set')
        since = now if state.none_since is None else state.none_since
        if state.active != NONE and now - since < CONFIRMED_AFTER:
            return replace(state, active_at=now, none_since=since)
        return replace(state, active=NONE, rules={}, active_at=now, none_since=None)
    name = string(metadata['Name'])
    rules = {string(rule['Name']): _number(rule) for rule in answer.get('Rules') or ()}
    return replace(
        state,
        active=memory.hash_of(name),
        rules={memory.hash_of(rule): number for rule, number in rules.items()},
        names={memory.hash_of(text): text for text in (name, *rules)},
        active_at=now,
        none_since=None,
    )


def _number(rule: Mapping[str, Any]) -> int:
    """The switch and the digest of a rule. AWS leaves out the switch of a rule that is off."""
    enabled = is_on(rule.get('Enabled', False))
    number = STATUS.put(0, UNKNOWN if enabled is None else ON if enabled else OFF)
    content = {
        'tls': rule.get('TlsPolicy') or 'Optional',
        'scan': bool(rule.get('ScanEnabled')),
        'recipients': rule.get('Recipients') or [],
        'actions': [{name: action[name] for name in ACTIONS if name in action} for action in rule.get('Actions') or ()],
    }
    return DIGEST.put(number, memory.hash_of(json.dumps(content, sort_keys=True, default=str)))


def _changed(before: Mapping[int, int], after: Mapping[int, int]) -> dict[int, str]:
    """What happened to each rule, beside its switch."""
    changed = {key: 'added' for key in after if key not in before}
    changed.update((key, 'removed') for key in before if key not in after)
    order = [key for key in before if key in after]
    for key, then in zip((key for key in after if key in before), order, strict=True):
        if DIGEST.read(before[key]) != DIGEST.read(after[key]):
            changed[key] = 'changed'
        elif key != then:
            changed[key] = 'moved'
    return changed


def _of_sets(before: int, after: int, names: Mapping[int, str]) -> Event:
    if after == NONE:
        text = f'The rule set {_label(before, names)} was active, and none is now: SES receives no mail in this Region.'
        return Event(SET_CHANGED, 'Amazon SES: no receipt rule set is active', text, 'error')
    text = f'The rule set {_label(after, names)} is active.'
    was = 'None was before.' if before == NONE else f'It was {_label(before, names)} before.'
    return Event(SET_CHANGED, 'Amazon SES: another receipt rule set is active', f'{text} {was}', 'info')


def _label(key: int, names: Mapping[int, str]) -> str:
    """The name of a set or rule; after a restart those that are gone have none."""
    return shown(names[key]) if key in names else 'of a name that is no longer known'


RECEIVING_RULES: Sweep[Receiving] = Sweep(
    name='receiving_rules',
    actions=(
        Action(f'ses:{ACTIVE}', 'receiving: the active receipt rule set and its rules'),
        Action(f'ses:{SETS}', 'receiving: rule sets against the limit'),
        Action(f'ses:{FILTERS}', 'receiving: filters against the limit'),
    ),
    metrics=(RULE_SET_ACTIVE, RULES, LIMIT_USED),
    events=(SET_CHANGED, RULES_OFF, RULES_ON, RULES_CHANGED),
    new_state=Receiving,
    next_request=next_request,
    after_answer=after_answer,
    readings=readings,
    changes=changes,
    pending=pending,
    read_at=read_at,
    to_document=to_document,
    from_document=from_document,
)
