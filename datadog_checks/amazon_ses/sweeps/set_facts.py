"""Facts about a configuration set: what two answers of SES say, as problems in the bits of one number.

10,000 sets are small in this form, and are saved by hash. What AWS did not say is no problem and not well either.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple
from zlib import crc32

from datadog_checks.amazon_ses.sweeps.memory import Bits
from datadog_checks.amazon_ses.sweeps.severity import Severity
from datadog_checks.amazon_ses.values import epoch, flag
from datadog_checks.amazon_ses.words import is_on, member, word

SET, DESTINATIONS = 'GetConfigurationSet', 'GetConfigurationSetEventDestinations'


class Problem(NamedTuple):
    """A problem. `text` completes "A configuration set ..."; `operation` is the one whose answer shows it.

    `is_event` says that its beginning and its end are events.
    """

    severity: Severity
    text: str
    operation: str
    is_event: bool = False


PROBLEMS: Mapping[str, Problem] = {
    'sending_off': Problem(
        Severity.CRITICAL, 'is switched off: mail that names it is refused.', SET, is_event=True
    ),
    'destination_disabled': Problem(
        Severity.WARNING, 'has an event destination that is disabled: whoever reads it gets nothing.', DESTINATIONS,
        True,
    ),
    'no_failure_destination': Problem(
        Severity.WARNING,
        'has no enabled destination for bounces and complaints: they go to the return path, or to the topics of the '
        'identity.', DESTINATIONS, True,
    ),
    'suppression_off': Problem(
        Severity.WARNING, 'cancels the suppression list: mail to addresses that bounced goes on.', SET, True
    ),
    'rendering_failures_unseen': Problem(
        Severity.INFO, 'has no enabled destination for rendering failures: templates that fail send nothing, and tell '
        'nobody.', DESTINATIONS,
    ),
    'reputation_metrics_off': Problem(Severity.INFO, 'publishes no bounce and complaint rates.', SET),
    'tls_optional': Problem(Severity.INFO, 'sends without TLS where a receiver offers none.', SET),
    'http_tracking': Problem(Severity.INFO, 'tracks opens and clicks through HTTP.', SET),
    'may_delay': Problem(
        Severity.INFO, 'may hold mail back (optimized shared delivery), and has a limit of seconds for delivery.', SET
    ),
}  # fmt: skip
"""Every problem, in the order of its place in the number, which is saved: add new ones at the end.

No answer says whether a set sends templates, so that rendering failures that nobody sees are a hint.
"""

PLACES = {name: Bits(place) for place, name in enumerate(PROBLEMS)}
ALL_PROBLEMS = (1 << len(PROBLEMS)) - 1
KNOWN = {SET: Bits(10), DESTINATIONS: Bits(11)}
"""Whether the newest answer of each operation could be read."""

FRESH_START = Bits(12, 12)
"""Digits of the time of the last fresh start of the reputation, 0 for none."""

READ = {SET: Bits(24, 20), DESTINATIONS: Bits(44, 20)}
"""When each operation was asked last, in minutes, of which a year is told apart; 0 for never."""

DESTINATION_TYPES = {
    'KinesisFirehoseDestination': 'firehose',
    'CloudWatchDestination': 'cloudwatch',
    'SnsDestination': 'sns',
    'EventBridgeDestination': 'eventbridge',
    'PinpointDestination': 'pinpoint',
}
FEEDBACK = {'bounce', 'complaint'}


class Destination(NamedTuple):
    """The type of an event destination, and whether it is enabled. None where AWS did not say."""

    type: str
    is_enabled: bool | None


def with_set(number: int, answer: Mapping[str, Any], now: float) -> int:
    """The facts after GetConfigurationSet told of a set. Raises TypeError for an answer that names none.

    A set without suppression options inherits those of the account. One with an empty list cancels them.
    """
    if not isinstance(answer.get('ConfigurationSetName'), str):
        raise TypeError('the answer names no set')
    reasons = member(answer, 'SuppressionOptions', 'SuppressedReasons')
    optimized = is_on(member(answer, 'VdmOptions', 'GuardianOptions', 'OptimizedSharedDelivery'))
    shown = {
        'sending_off': flag(member(answer, 'SendingOptions', 'SendingEnabled')) is False,
        'suppression_off': isinstance(reasons, list) and not reasons,
        'reputation_metrics_off': flag(member(answer, 'ReputationOptions', 'ReputationMetricsEnabled')) is False,
        'tls_optional': word(member(answer, 'DeliveryOptions', 'TlsPolicy')) == 'optional',
        'http_tracking': word(member(answer, 'TrackingOptions', 'HttpsPolicy')) == 'optional',
        'may_delay': bool(optimized and member(answer, 'DeliveryOptions', 'MaxDeliverySeconds')),
    }
    started = member(answer, 'ReputationOptions', 'LastFreshStart')
    digits = 0 if started is None else crc32(str(epoch(started)).encode()) % (1 << FRESH_START.width) or 1
    return _answered(FRESH_START.put(_with_problems(number, shown), digits), SET, now)


def with_destinations(number: int, answer: Mapping[str, Any], now: float) -> tuple[int, tuple[Destination, ...]]:
    """The facts after GetConfigurationSetEventDestinations told of a set, and its destinations."""
    destinations, event_types = [], set()
    for row in answer['EventDestinations']:
        enabled = flag(row.get('Enabled'))
        destinations.append(Destination(_type(row), enabled))
        if enabled is not False:
            # Where AWS does not say, the destination has the benefit of the doubt.
            event_types |= {word(event) for event in row['MatchingEventTypes']}
    shown = {
        'destination_disabled': any(destination.is_enabled is False for destination in destinations),
        'no_failure_destination': not event_types >= FEEDBACK,
        'rendering_failures_unseen': bool(destinations) and 'rendering_failure' not in event_types,
    }
    return _answered(_with_problems(number, shown), DESTINATIONS, now), tuple(destinations)


def unanswered(number: int, operation: str, now: float) -> int:
    """The facts after an operation told nothing of a set: what it told before is unknown."""
    return READ[operation].put(KNOWN[operation].put(number, 0), minute(now))


def problems(number: int) -> tuple[str, ...]:
    """The problems of a set."""
    if not number & ALL_PROBLEMS:
        return ()
    return tuple(name for name, bits in PLACES.items() if bits.read(number) and is_known(name, number))


def severity(names: Iterable[str]) -> Severity:
    return max((PROBLEMS[name].severity for name in names), default=Severity.GOOD)


def is_known(name: str, number: int) -> bool:
    """Whether the answer that shows a problem is known."""
    return KNOWN[PROBLEMS[name].operation].read(number) == 1


def minute(now: float) -> int:
    """The minute of a time, in 20 bits and never 0."""
    return int(now // 60) % (1 << 20) or 1


def seconds_since(read: int, now: float) -> float:
    """Seconds since the minute of a reading, in whole minutes: none where that is later, as while a worker reads on."""
    minutes = (minute(now) - read) % (1 << 20)
    return 60.0 * minutes if minutes < 1 << 19 else 0.0


def _answered(number: int, operation: str, now: float) -> int:
    return READ[operation].put(KNOWN[operation].put(number, 1), minute(now))


def _with_problems(number: int, shown: Mapping[str, bool]) -> int:
    for name, is_so in shown.items():
        number = PLACES[name].put(number, int(is_so))
    return number


def _type(row: Mapping[str, Any]) -> str:
    return next((kind for member, kind in DESTINATION_TYPES.items() if row.get(member) is not None), 'other')
