"""The messages of a minute as a row, in which each outcome is a stretch.

First stand those that are delivered, then the transient bounces, the permanent and the suppressed ones, and last the
rejected ones. So each message has one outcome, and the outcomes add up to what was sent. Whoever takes a part of the
row takes of each outcome what lies in his part, so his messages add up as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields
from enum import IntEnum
from functools import cache
from typing import NamedTuple

from simulator.streams import Chances
from simulator.traffic import mix


class Edge(IntEnum):
    """A place in a row: the number of messages that stand before it.

    Behind PROMPT stand the delivered messages that came late. OPENED to SUBSCRIBED end parts that begin the row.
    UNRENDERED ends another row, of messages that were never accepted.
    """

    PROMPT = 0
    DELIVERED = 1
    TRANSIENT = 2
    PERMANENT = 3
    SUPPRESSED = 4
    SENT = 5
    OPENED = 6
    CLICKED = 7
    COMPLAINED = 8
    SUBSCRIBED = 9
    UNRENDERED = 10


class Stretch(NamedTuple):
    """The messages between two edges; `low` None is the beginning of the row."""

    low: Edge | None
    high: Edge


SENT = Stretch(None, Edge.SENT)
BOUNCED = Stretch(Edge.DELIVERED, Edge.SUPPRESSED)
COMPLAINED = Stretch(None, Edge.COMPLAINED)
HARD_BOUNCED = Stretch(Edge.TRANSIENT, Edge.PERMANENT)
"""Those that count against the bounce rate: suppressed messages do not."""

METRICS: Mapping[str, Stretch] = {
    'Send': SENT,
    'Delivery': Stretch(None, Edge.DELIVERED),
    'Bounce': BOUNCED,
    'Complaint': COMPLAINED,
    'Reject': Stretch(Edge.SUPPRESSED, Edge.SENT),
    'RenderingFailure': Stretch(None, Edge.UNRENDERED),
    'Open': Stretch(None, Edge.OPENED),
    'Click': Stretch(None, Edge.CLICKED),
    'DeliveryDelay': Stretch(Edge.PROMPT, Edge.TRANSIENT),
    'Subscription': Stretch(None, Edge.SUBSCRIBED),
    'Sends': SENT,
    'Bounces': BOUNCED,
    'Complaints': COMPLAINED,
    'SendCount': SENT,
}
"""The messages that each metric counts."""

Row = tuple[int, ...]
"""Each edge of a minute."""

Rows = tuple[tuple[int, ...], ...]
"""Of each edge, the places in the minutes of an hour."""

EMPTY: Row = (0,) * len(Edge)
EMPTY_HOUR: Rows = ((0,) * 60,) * len(Edge)
CHANCES = tuple(field.name for field in fields(Chances))
_UNIT = 65_536.0


class Fractions(NamedTuple):
    """Chances as shares: of the accepted messages up to an edge, and of the delivered ones."""

    delivered: float
    transient: float
    permanent: float
    suppressed: float
    late: float
    opened: float
    clicked: float
    complained: float
    subscribed: float
    unrendered: float


def fractions(chances: Chances, factors: Mapping[str, float]) -> Fractions:
    """The shares of chances, each times its factor; a bounce or a rejection takes a message from the delivered."""
    share = {name: min(1.0, getattr(chances, name) * factors.get(name, 1.0)) for name in CHANCES}
    suppressed = 1.0 - share['rejected']
    permanent = max(0.0, suppressed - share['suppressed'])
    transient = max(0.0, permanent - share['permanent'])
    delivered = max(0.0, transient - share['transient'])
    clicked = min(share['clicked'], share['opened'])
    return Fractions(
        delivered=delivered,
        transient=transient,
        permanent=permanent,
        suppressed=suppressed,
        late=share['late'],
        opened=share['opened'],
        clicked=clicked,
        complained=share['complained'],
        subscribed=share['subscribed'],
        unrendered=share['unrendered'],
    )


@cache
def mean_row(chances: Chances) -> tuple[float, ...]:
    """The edges of a mean row, as shares of its length."""
    shares = fractions(chances, {})
    delivered = shares.delivered
    parts = (shares.opened, shares.clicked, shares.complained, shares.subscribed)
    return (
        delivered * (1.0 - shares.late),
        *(delivered, shares.transient, shares.permanent, shares.suppressed, 1.0),
        *(delivered * part for part in parts),
        shares.unrendered,
    )


def draw(sent: int, random: int, shares: Fractions) -> Row:
    """The row of so many messages: each part is rounded up or down by chance, so that its mean is right."""
    other = mix(random)
    by_outcome, by_delay, by_reader = (random & 0xFFFF) / _UNIT, (random >> 16 & 0xFFFF) / _UNIT, (random >> 48) / _UNIT
    delivered = int(sent * shares.delivered + by_outcome)
    return (
        delivered - int(delivered * shares.late + by_delay),
        delivered,
        int(sent * shares.transient + by_outcome),
        int(sent * shares.permanent + by_outcome),
        int(sent * shares.suppressed + by_outcome),
        sent,
        int(delivered * shares.opened + by_reader),
        int(delivered * shares.clicked + by_reader),
        int(delivered * shares.complained + (other & 0xFFFF) / _UNIT),
        int(delivered * shares.subscribed + (other >> 16 & 0xFFFF) / _UNIT),
        int(sent * shares.unrendered + (other >> 48) / _UNIT),
    )


def summed(hours: Sequence[Rows]) -> Rows:
    """The rows of several streams as one: the edges of the sum are the sums of the edges."""
    if len(hours) == 1:
        return hours[0]
    return tuple(tuple(map(sum, zip(*columns, strict=True))) for columns in zip(*hours, strict=True))


def portion(rows: Rows, share: float, randoms: Iterable[int]) -> Rows:
    """The rows of those messages that are a share of the others, chosen by a random number for each minute."""
    if share >= 1.0:
        return rows
    starts = [(random >> 32) / 4_294_967_296.0 for random in randoms]
    return tuple(
        tuple([int(place * share + start) for place, start in zip(column, starts, strict=True)]) for column in rows
    )


_SUBTYPES: Mapping[str, tuple[tuple[str, float], ...]] = {
    'transient': (('MailboxFull', 0.5), ('General', 0.9), ('ContentRejected', 1.0)),
    'permanent': (('NoEmail', 0.7), ('General', 1.0)),
    'suppressed': (('OnAccountSuppressionList', 1.0),),
}
"""The sub-types of bounces, each with the share of it and of those before it."""


class Outcomes(NamedTuple):
    """The messages of a stream in a minute: `sent` = delivered + transient + permanent + suppressed + rejected.

    `bounces` has the number of each type and sub-type, as SES names them in its events.
    """

    sent: int
    delivered: int
    transient: int
    permanent: int
    suppressed: int
    rejected: int
    delayed: int
    opened: int
    clicked: int
    complained: int
    subscribed: int
    unrendered: int
    bounces: Mapping[tuple[str, str], int]


def outcomes(row: Row, random: int) -> Outcomes:
    """The outcomes of a row; the random number decides about the sub-types."""
    of_kind = {
        'transient': row[Edge.TRANSIENT] - row[Edge.DELIVERED],
        'permanent': row[Edge.PERMANENT] - row[Edge.TRANSIENT],
        'suppressed': row[Edge.SUPPRESSED] - row[Edge.PERMANENT],
    }
    bounces = {}
    for kind, subtypes in _SUBTYPES.items():
        before, start = 0, (random & 0xFFFF) / _UNIT
        for subtype, share in subtypes:
            place = int(of_kind[kind] * share + start)
            bounces['Transient' if kind == 'transient' else 'Permanent', subtype] = place - before
            before = place
    return Outcomes(
        sent=row[Edge.SENT],
        delivered=row[Edge.DELIVERED],
        rejected=row[Edge.SENT] - row[Edge.SUPPRESSED],
        delayed=row[Edge.TRANSIENT] - row[Edge.PROMPT],
        opened=row[Edge.OPENED],
        clicked=row[Edge.CLICKED],
        complained=row[Edge.COMPLAINED],
        subscribed=row[Edge.SUBSCRIBED],
        unrendered=row[Edge.UNRENDERED],
        bounces=bounces,
        **of_kind,
    )
