"""What is shown of the identities: how many there are, how many have which problem, the worst by name, and events."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from typing import NamedTuple

from datadog_checks.amazon_ses.addresses import address_tags, shown
from datadog_checks.amazon_ses.model import Event, EventSpec, MetricSpec, MetricType, Reading, Sample
from datadog_checks.amazon_ses.sweeps import Context, identity_facts
from datadog_checks.amazon_ses.sweeps.identity_facts import NO, STATE_NAMES, TYPE_NAMES, UNKNOWN, YES, Identity
from datadog_checks.amazon_ses.sweeps.identity_problems import (
    COUNTED_ONLY,
    PROBLEMS,
    is_known,
    lone_problems,
    problems,
    severity,
)
from datadog_checks.amazon_ses.sweeps.identity_rounds import INTERVAL, LIST_INTERVAL, Identities
from datadog_checks.amazon_ses.sweeps.severity import Severity
from datadog_checks.amazon_ses.tags import tag_value

GAUGE = MetricType.GAUGE
NAMED = ('identity', 'identity_type', 'identity_hash')

COUNT = MetricSpec(
    'identity.count', GAUGE, 'Identities, by type and state of the verification.', 'item', interval=LIST_INTERVAL,
    tags=('identity_type', 'verification'),
)  # fmt: skip
UNHEALTHY = MetricSpec(
    'identity.unhealthy', GAUGE, f'Identities with a problem: {", ".join(PROBLEMS)}.', 'item', orientation=-1,
    interval=LIST_INTERVAL, tags=('problem',),
)  # fmt: skip
UNNAMED = MetricSpec(
    'identity.unnamed', GAUGE, 'Identities with a problem that max_identities leaves unnamed.', 'item', orientation=-1,
    interval=LIST_INTERVAL,
)  # fmt: skip
SEVERITY = MetricSpec(
    'identity.severity',
    GAUGE,
    'The worst problem of an identity: 1 could be better, 2 mail or feedback suffers, 3 mail is refused, and 0 for an '
    'hour after the last one has gone.',
    orientation=-1,
    interval=LIST_INTERVAL,
    tags=(*NAMED, 'problem'),
)
SENDING_ENABLED = MetricSpec(
    'identity.sending_enabled', GAUGE, '1 where an identity with a problem may send, else 0.', orientation=1,
    interval=LIST_INTERVAL, tags=NAMED,
)  # fmt: skip

LOST = EventSpec('identity.lost', 'Identities lost their verification, DKIM or MAIL FROM, or may not send any more.')
REGAINED = EventSpec('identity.regained', 'Identities have again what they had lost.')
TOPIC_LOST = EventSpec('identity.topic_lost', 'Identities lost their SNS topic for bounces or complaints.')
CREATED = EventSpec('identity.created', 'Identities were created. If nobody of yours did, your keys may be stolen.')
DELETED = EventSpec('identity.deleted', 'Identities were deleted.')

MOST_NAMES = 10
"""Identities that an event names."""

PARTS = {
    **dict.fromkeys((identity_facts.DKIM, identity_facts.DKIM_SIGNS), 'GetIdentityDkimAttributes'),
    identity_facts.HAS_MAIL_FROM: 'GetIdentityMailFromDomainAttributes',
    identity_facts.BOUNCE_TOPIC: 'GetIdentityNotificationAttributes',
}
"""Which operation tells a fact. The list tells the others, and GetEmailIdentity whether there is a set."""


class Group(NamedTuple):
    """Identities of which an event tells the same. `singular` completes "an identity ...", `plural` that of many."""

    spec: EventSpec
    singular: str
    plural: str
    text: str
    alert_type: str


def readings(state: Identities, context: Context, now: float) -> Iterable[Reading]:
    """Nothing while the list is too old; and no problem whose facts were never read, or are too old."""
    interval = INTERVAL if context.is_quiet else LIST_INTERVAL
    if state.listing.listed_at is None or now - state.listing.listed_at >= 3 * interval:
        return
    fresh_problems = [name for name in PROBLEMS if _is_fresh(state, name, now)]
    counts = Counter(dict.fromkeys(fresh_problems, 0))
    kinds: Counter[tuple[int, int]] = Counter()
    bad: list[tuple[Identity, tuple[str, ...]]] = []
    for identity in state.ordered:
        number = state.numbers.get(identity.hash, UNKNOWN)
        kinds[identity_facts.TYPE.read(number), identity_facts.VERIFICATION.read(number)] += 1
        names = problems(identity, state.numbers, now)
        if names:
            names = tuple(name for name in names if name in counts)
            counts.update(names)
            if not COUNTED_ONLY.issuperset(names):
                bad.append((identity, names))
    for (kind, verification), number in kinds.items():
        tags = f'identity_type:{TYPE_NAMES[kind]}', f'verification:{STATE_NAMES[verification]}'
        yield Sample(COUNT, number, tags)
    for name in fresh_problems:
        yield Sample(UNHEALTHY, counts[name], (f'problem:{name}',))
    yield from _named(state, bad, context)


def changes(before: Identities, after: Identities, context: Context) -> Iterable[Event]:
    """The events between two states. What was not known before is no change."""
    groups: defaultdict[Group, list[int]] = defaultdict(list)
    for place, number in after.numbers.items():
        number_before = before.numbers.get(place)
        if number_before is None:
            if before.is_remembered:
                groups[_CREATED].append(place)
        elif number_before != number:
            for group in _changes_of(number_before, number):
                groups[group].append(place)
    if before.is_remembered and not after.listing.is_cut:
        groups[_DELETED] = [place for place in before.numbers if place not in after.numbers]
    names = (
        {identity.hash: identity.name for identity in (*before.ordered, *after.ordered)} if any(groups.values()) else {}
    )
    for group, places in groups.items():
        if places:
            yield _event(group, [names[place] for place in places if place in names], len(places), context)


def identity_tags(name: str, kind: int, show_addresses: bool) -> tuple[str, ...]:
    """The tags of an identity; an address is masked."""
    if '@' in name and not show_addresses:
        return address_tags(name)
    return f'identity:{tag_value(name)}', f'identity_type:{TYPE_NAMES[kind]}'


def _is_fresh(state: Identities, problem: str, now: float) -> bool:
    """Whether the facts that show a problem were read within three intervals."""
    for bits in PROBLEMS[problem].needs:
        if bits == identity_facts.HAS_SET:
            read = state.details_at
        elif bits in PARTS:
            read = state.round(PARTS[bits]).finished_from
        else:
            continue
        if read is None or not 0 <= now - read < 3 * INTERVAL:
            return False
    return True


def _named(state: Identities, bad: Iterable[tuple[Identity, tuple[str, ...]]], context: Context) -> Iterable[Sample]:
    """The identities with problems, the worst first, then those that are well again."""
    worst_first = sorted(bad, key=lambda pair: -severity(pair[1]))
    named = worst_first[: context.max_identities]
    room = context.max_identities - len(named)
    is_bad = {identity.hash for identity, _ in worst_first}
    recovered = [(identity, ()) for identity in state.ordered if identity.hash in state.recovered.keys() - is_bad]
    yield Sample(UNNAMED, len(worst_first) - len(named))
    for identity, names in (*named, *recovered[:room]):
        tags = identity_tags(identity.name, identity_facts.TYPE.read(identity.facts), context.show_addresses)
        yield Sample(SEVERITY, float(severity(names)), (*tags, *(f'problem:{name}' for name in names)))
        sending = identity_facts.SENDING.read(state.numbers.get(identity.hash, UNKNOWN))
        if sending != UNKNOWN:
            yield Sample(SENDING_ENABLED, float(sending == YES), tags)


def _changes_of(before: int, after: int) -> Iterable[Group]:
    """What an identity lost and regained between two readings."""
    had, has = (lone_problems(number) for number in (before, after))
    for name, problem in PROBLEMS.items():
        if problem.is_event and (name in had) != (name in has) and is_known(name, before) and is_known(name, after):
            yield (_LOST if name in has else _REGAINED)[name]
    if any(bits.read(before) == YES and bits.read(after) == NO for bits, _ in identity_facts.TOPICS) and _topic_lost(
        after
    ):
        yield _TOPIC_LOST


def _topic_lost(number: int) -> bool:
    return identity_facts.TOPIC_LOST_SINCE.read(number) != 0


def _event(group: Group, names: list[str], number: int, context: Context) -> Event:
    """One event for all identities of a group, which names some of them."""
    title = f'{number:,} identities {group.plural}' if number > 1 else f'an identity {group.singular}'
    labels = [name if context.show_addresses else _label(name) for name in sorted(names)[:MOST_NAMES]]
    more = f' and {number - len(labels):,} more' if number > len(labels) else ''
    listed = f' Identities: {", ".join(labels)}{more}.' if labels else ''
    return Event(group.spec, f'Amazon SES: {title}', f'{group.text}{listed}', group.alert_type)


def _label(name: str) -> str:
    """An identity as an event shows it: an address by its domain and digits of a hash."""
    if '@' not in name:
        return shown(name)
    domain, _, digits = (tag.partition(':')[2] for tag in address_tags(name))
    return f'an address of {shown(domain)} ({digits})'


def _lost(name: str, spec: EventSpec = LOST) -> Group:
    problem = PROBLEMS[name]
    alert_type = 'error' if problem.severity is Severity.CRITICAL else 'warning'
    text = f'An identity with this problem {problem.text}'
    return Group(spec, f'has the problem {name}', f'have the problem {name}', text, alert_type)


def _regained(name: str) -> Group:
    verb = f'the problem {name} no longer'
    return Group(REGAINED, f'has {verb}', f'have {verb}', f'The problem {name} is over.', 'success')


_LOST = {name: _lost(name) for name, problem in PROBLEMS.items() if problem.is_event}
_REGAINED = {name: _regained(name) for name in _LOST}
_TOPIC_LOST = _lost('feedback_topic_lost', TOPIC_LOST)
_CREATED = Group(
    CREATED,
    'was created',
    'were created',
    'If nobody of yours did, your keys may be stolen: CloudTrail says who called CreateEmailIdentity.',
    'info',
)
_DELETED = Group(DELETED, 'was deleted', 'were deleted', 'Nothing can be sent from a deleted identity.', 'warning')
