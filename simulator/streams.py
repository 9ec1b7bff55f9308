"""Streams of mail as plain values: who sends, where to, and how likely each outcome is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

Curve = tuple[tuple[float, float], ...]
"""Factors over the seconds since the scenario start, as (seconds, factor) points."""


@dataclass(frozen=True)
class Chances:
    """How likely each outcome of a message is.

    Of the accepted messages some bounce (`transient`, `permanent`, `suppressed`), some are `rejected`, all others are
    delivered. Of the delivered ones some come `late`, some are `opened`, some of these are `clicked`, and so on. Every
    transient bounce was delayed before. `unrendered` messages were never accepted: their share is of the accepted.
    """

    transient: float = 0.006
    permanent: float = 0.012
    suppressed: float = 0.002
    rejected: float = 0.0002
    late: float = 0.004
    opened: float = 0.35
    clicked: float = 0.06
    complained: float = 0.0004
    subscribed: float = 0.0008
    unrendered: float = 0.0003


@dataclass(frozen=True)
class Stream:
    """Mail that one sender sends to one provider; what is not known of it is empty.

    `share`: of the volume of the scenario. `tags`: message tags that are dimensions. `curves`: factor on a chance, by
    its name; '*' is a factor on the volume. `regions`: where it is sent, None for everywhere. `appears`: seconds after
    the scenario start before which there is none.
    """

    share: float = 1.0
    chances: Chances = Chances()
    configuration_set: str = ''
    identity: str = ''
    tenant: str = ''
    provider: str = ''
    tags: Mapping[str, str] = field(default_factory=dict)
    curves: Mapping[str, Curve] = field(default_factory=dict)
    regions: tuple[str, ...] | None = None
    appears: float | None = None

    @property
    def dimensions(self) -> dict[str, str]:
        """The names of its senders as dimensions of CloudWatch."""
        senders = {
            'ses:configuration-set': self.configuration_set,
            'ses:from-domain': self.identity,
            'TenantName': self.tenant,
        }
        return {name: sender for name, sender in (*senders.items(), *self.tags.items()) if sender}
