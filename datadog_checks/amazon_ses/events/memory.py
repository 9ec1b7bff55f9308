"""Memory: what of the events outlives a restart.

That is the ring of the events that are counted, by a hash of 8 bytes each, the names that are tags, and the bounces of
a day that AWS judges.
"""

from __future__ import annotations

from array import array
from base64 import b64decode, b64encode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from datadog_checks.amazon_ses.events.facts import OTHER

MOST_KEYS = 20_000
"""Events that are remembered: those of two minutes at 150 a second, of 95 minutes at 3.5."""

MOST_NAMES: Mapping[str, int] = {'template': 50, 'configuration_set': 500}
"""Different values of a tag. What comes later is `other`."""

HOUR = 3600
DAY_HOURS = 24


@dataclass(frozen=True, slots=True)
class Memory:
    """What is remembered of the events of one account and Region.

    `ring` are the keys of the newest events, oldest first. `names` are the values of each tag that has a limit.
    `judged` is the number of bounces that AWS judges, by the hour in which they happened. `since` is when the first
    message was received.
    """

    ring: Mapping[int, None] = field(default_factory=dict)
    names: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    judged: Mapping[int, int] = field(default_factory=dict)
    since: float | None = None

    def with_events(
        self, keys: Iterable[int], names: Mapping[str, tuple[str, ...]], judged: Mapping[int, int], now: float
    ) -> Memory:
        """The memory after events with these keys, and these judged bounces by hour."""
        ring = {**self.ring, **dict.fromkeys(keys)}
        for key in list(ring)[: max(0, len(ring) - MOST_KEYS)]:
            del ring[key]
        newest = hour_of(now)
        hours = sorted({*self.judged, *judged})
        sums = {
            hour: self.judged.get(hour, 0) + judged.get(hour, 0)
            for hour in hours
            if newest - DAY_HOURS < hour <= newest + 1
        }
        return replace(self, ring=ring, names=names, judged=sums, since=now if self.since is None else self.since)

    def judged_in_a_day(self, now: float) -> int | None:
        """The bounces that AWS judges in the hours of the last day, this one included. None before a day has passed."""
        if self.since is None or now - self.since < HOUR * DAY_HOURS:
            return None
        newest = hour_of(now)
        return sum(number for hour, number in self.judged.items() if newest - DAY_HOURS < hour <= newest)


def hour_of(at: float) -> int:
    return int(at // HOUR)


def limited(names: Mapping[str, tuple[str, ...]], tag: str, name: str) -> tuple[str, Mapping[str, tuple[str, ...]]]:
    """The value that a tag shows for a name, and the names with it, as long as there are not too many."""
    shown = names.get(tag, ())
    if name in shown:
        return name, names
    if len(shown) >= MOST_NAMES[tag]:
        return OTHER, names
    return name, {**names, tag: (*shown, name)}


def to_document(memory: Memory) -> Any:
    """JSON values of a memory."""
    return {
        'ring': b64encode(array('Q', memory.ring).tobytes()).decode(),
        'names': {tag: list(names) for tag, names in memory.names.items()},
        'judged': [[hour, number] for hour, number in memory.judged.items()],
        'since': memory.since,
    }


def from_document(content: Any) -> Memory:
    """The memory of such values. Raises KeyError, TypeError or ValueError where they hold none."""
    keys = array('Q')
    keys.frombytes(b64decode(content['ring'], validate=True))
    since = content['since']
    return Memory(
        dict.fromkeys(keys[-MOST_KEYS:]),
        {tag: tuple(map(str, content['names'].get(tag, ()))) for tag in MOST_NAMES if tag in content['names']},
        {int(hour): int(number) for hour, number in content['judged']},
        None if since is None else float(since),
    )
