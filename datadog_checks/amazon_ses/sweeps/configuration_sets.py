"""The sweep of configuration sets and their event destinations: why mail is refused, and who hears of bounces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from datadog_checks.amazon_ses.model import Action, Event, EventSpec, MetricSpec, MetricType, Reading, Sample
from datadog_checks.amazon_ses.sweeps import Context, Sweep, set_facts
from datadog_checks.amazon_ses.sweeps.naming import CONFIGURATION_SET, Happening, Resource, event_of, label_of, tags_of
from datadog_checks.amazon_ses.sweeps.set_facts import DESTINATIONS, PROBLEMS, READ, SET
from datadog_checks.amazon_ses.sweeps.set_rounds import (
    INTERVAL,
    LIST,
    Sets,
    after_answer,
    from_document,
    next_request,
    pending,
    read_at,
    to_document,
)
from datadog_checks.amazon_ses.sweeps.severity import Severity

GAUGE = MetricType.GAUGE

COUNT = MetricSpec('configuration_set.count', GAUGE, 'Configuration sets.', 'item', interval=INTERVAL)
UNHEALTHY = MetricSpec(
    'configuration_set.unhealthy', GAUGE, f'Configuration sets with a problem: {", ".join(PROBLEMS)}.', 'item',
    orientation=-1, interval=INTERVAL, tags=('problem',),
)  # fmt: skip
DESTINATION_COUNT = MetricSpec(
    'configuration_set.destinations', GAUGE, 'Event destinations of all configuration sets, by type and status.',
    'item', interval=INTERVAL, tags=('destination_type', 'status'),
)  # fmt: skip
SEVERITY = MetricSpec(
    'configuration_set.severity',
    GAUGE,
    'The worst problem of a configuration set that has one: 2 feedback is lost, 3 mail is refused, and 0 for an hour '
    'after the last one has gone.',
    orientation=-1,
    interval=INTERVAL,
    tags=('configuration_set', 'problem'),
)
UNNAMED = MetricSpec(
    'configuration_set.unnamed', GAUGE, 'Configuration sets that max_configuration_sets leaves unnamed, if any.',
    'item', orientation=-1, interval=INTERVAL,
)  # fmt: skip

BROKEN = EventSpec('configuration_set.broken', 'Configuration sets were switched off, or lost feedback or suppression.')
MENDED = EventSpec('configuration_set.mended', 'Configuration sets lost a problem that was an event.')
FRESH_START = EventSpec('configuration_set.fresh_start', 'The reputation of configuration sets began anew.')
SWITCHES = {None: 'unknown', True: 'enabled', False: 'disabled'}
NOUN = ('a configuration set', 'configuration sets')


def readings(state: Sets, context: Context, now: float) -> Iterable[Reading]:
    """Nothing while the list is too old, and no problem whose answers were not read within some rounds."""
    listed_at = state.listing.listed_at
    if listed_at is None or now - listed_at >= 3 * INTERVAL:
        return
    yield Sample(COUNT, len(state.names))
    fresh = {key: _fresh_problems(state, key, now) for key in state.names}
    counts = Counter(name for names in fresh.values() for name in names)
    read = {operation for key in state.names for operation in READ if _is_fresh(state, operation, key, now)}
    for name, problem in PROBLEMS.items():
        if problem.operation in read:
            yield Sample(UNHEALTHY, counts[name], (f'problem:{name}',))
    destinations = Counter(
        (destination.type, SWITCHES[destination.is_enabled])
        for key, those in state.destinations.items()
        if _is_fresh(state, DESTINATIONS, key, now)
        for destination in those
    )
    for (kind, status), number in destinations.items():
        yield Sample(DESTINATION_COUNT, number, (f'destination_type:{kind}', f'status:{status}'))
    yield from _named(state, fresh, context, now)


def changes(before: Sets, after: Sets, context: Context) -> Iterable[Event]:
    """The events between two states. What was not read before is no change."""
    names = {**before.names, **after.names}
    changed = [
        (Resource(CONFIGURATION_SET, names[key]), before.numbers.get(key, 0), number)
        for key, number in after.numbers.items()
        if key in names and before.numbers.get(key, 0) != number
    ]
    for name, problem in PROBLEMS.items():
        if not problem.is_event:
            continue
        for is_so, spec, verb in ((True, BROKEN, 'with the problem'), (False, MENDED, 'without the problem')):
            labels = [
                label_of(resource, context)
                for resource, then, number in changed
                if _changed(name, then, number) and (name in set_facts.problems(number)) is is_so
            ]
            if labels:
                yield event_of(_happening(spec, name, f'{verb} {name}', is_so), labels)
    started = [label_of(resource, context) for resource, then, number in changed if _fresh_start(then, number)]
    if started:
        text = 'Bounces and complaints from before no longer count in its reputation metrics.'
        yield event_of(Happening(FRESH_START, NOUN, 'with a fresh start', text, 'info'), started)


def _happening(spec: EventSpec, name: str, verb: str, is_so: bool) -> Happening:
    problem = PROBLEMS[name]
    if not is_so:
        return Happening(spec, NOUN, verb, f'The problem {name} is over.', 'success')
    alert_type = 'error' if problem.severity is Severity.CRITICAL else 'warning'
    return Happening(spec, NOUN, verb, f'A configuration set {problem.text}', alert_type)


def _changed(name: str, before: int, after: int) -> bool:
    if not (set_facts.is_known(name, before) and set_facts.is_known(name, after)):
        return False
    return (name in set_facts.problems(before)) != (name in set_facts.problems(after))


def _fresh_start(before: int, after: int) -> bool:
    digits = set_facts.FRESH_START.read(after)
    return set_facts.KNOWN[SET].read(before) == 1 and digits != 0 and digits != set_facts.FRESH_START.read(before)


def _is_fresh(state: Sets, operation: str, key: int, now: float) -> bool:
    number = state.numbers.get(key, 0)
    if not set_facts.KNOWN[operation].read(number):
        return False
    return set_facts.seconds_since(READ[operation].read(number), now) < state.hold()


def _fresh_problems(state: Sets, key: int, now: float) -> tuple[str, ...]:
    """The problems of a set, without those whose answer is too old."""
    names = set_facts.problems(state.numbers.get(key, 0))
    return tuple(name for name in names if _is_fresh(state, PROBLEMS[name].operation, key, now)) if names else ()


def _named(state: Sets, fresh: dict[int, tuple[str, ...]], context: Context, now: float) -> Iterable[Sample]:
    """The sets with more than a hint wrong, the worst first, then those that are well again."""
    severities = {key: set_facts.severity(names) for key, names in fresh.items()}
    bad = [key for key, severity in severities.items() if severity > Severity.INFO]
    bad.sort(key=lambda key: (-severities[key], state.names[key]))
    recovered = [key for key, at in state.recovered.items() if key in fresh and now - at < INTERVAL]
    named = [*bad, *(key for key in recovered if severities[key] <= Severity.INFO)][: context.max_sets]
    if len(bad) > context.max_sets:
        yield Sample(UNNAMED, len(bad) - context.max_sets)
    for key in named:
        names = fresh[key] if severities[key] > Severity.INFO else ()
        tags = tags_of(Resource(CONFIGURATION_SET, state.names[key]), context)
        yield Sample(SEVERITY, float(set_facts.severity(names)), (*tags, *(f'problem:{name}' for name in names)))


CONFIGURATION_SETS: Sweep[Sets] = Sweep(
    name='configuration_set_health',
    actions=(
        Action(f'ses:{LIST}', 'configuration sets: which there are'),
        Action(f'ses:{SET}', 'configuration sets: what is switched off'),
        Action(f'ses:{DESTINATIONS}', 'configuration sets: event destinations'),
    ),
    metrics=(COUNT, UNHEALTHY, DESTINATION_COUNT, SEVERITY, UNNAMED),
    events=(BROKEN, MENDED, FRESH_START),
    new_state=Sets,
    next_request=next_request,
    after_answer=after_answer,
    readings=readings,
    changes=changes,
    pending=pending,
    read_at=read_at,
    to_document=to_document,
    from_document=from_document,
)
