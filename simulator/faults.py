"""Rules that make the pretend AWS fail, deterministically."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from simulator.traffic import mix, unit

# Kinds by where they strike.
ERRORS = ('throttle', 'denied', 'error', 'server_error', 'unavailable', 'expired_token')
RESULTS = (
    'partial', 'internal_error', 'forbidden', 'token_loop', 'empty_results', 'wrong_ids', 'missing_results', 'mutate',
)  # fmt: skip
SOCKETS = ('reset', 'close', 'truncate', 'drip', 'hang', 'garbage', 'empty', 'html')
KINDS = (*ERRORS, *RESULTS, *SOCKETS, 'latency')


@dataclass
class Fault:
    """One rule: what fails, for whom, how often.

    `service`, `operation`, `region`, `account`: exact text or a regular expression for the whole; None is any.
    `holds`: the same for a text that must be anywhere among the request's parameters, such as the value of a dimension
    or a metric's name: so one batch of many can be struck, in whatever request it comes.
    `times`: how many requests it strikes (None: all); `after`: how many matching requests pass first;
    `probability`: share of the rest. `hits` counts strikes, `seen` matching requests.
    `argument`, by kind: error (code, status); partial every k-th result (int, default 2), or a dict with `every` and
    `token` (True: a NextToken too); internal_error, forbidden, missing_results, wrong_ids every k-th result (default 1,
    missing_results 2); mutate callable(result) that changes or replaces it; latency, hang seconds (hang default: until
    the server stops); truncate share of the body sent (default 0.5); drip seconds between bytes (default 0.05);
    garbage, html the bytes or text; denied an IAM action for the message.
    """

    kind: str
    service: str | None = None
    operation: str | None = None
    region: str | None = None
    account: str | None = None
    times: int | None = None
    after: int = 0
    probability: float = 1.0
    argument: Any = None
    holds: str | None = None
    hits: int = field(default=0, compare=False)
    seen: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f'unknown fault kind {self.kind!r}; known: {", ".join(sorted(KINDS))}')

    def matches(
        self, service: str | None, operation: str | None, region: str | None, account: str | None, params: Any = None
    ) -> bool:
        """Whether the rule is about this request, whatever its budget."""
        return all(
            wanted is None or _is(wanted, got or '')
            for wanted, got in (
                (self.service, service),
                (self.operation, operation),
                (self.region, region),
                (self.account, account),
            )
        ) and (self.holds is None or any(_is(self.holds, text) for text in _texts(params)))


def _is(wanted: str, got: str) -> bool:
    return wanted == got or re.fullmatch(wanted, got) is not None


def _texts(value: Any) -> Iterator[str]:
    """Every text in nested parameters, names of members left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for item in value.values() if isinstance(value, dict) else value:
            yield from _texts(item)


class Faults:
    """The rules in force; the first that strikes decides, and latency rules add to it."""

    def __init__(self, seed: int = 0) -> None:
        self._seed = seed
        self._rules: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> Fault:
        """Put a rule in force and return it."""
        with self._lock:
            self._rules.append(fault)
        return fault

    def remove(self, fault: Fault) -> None:
        """Take one rule back; quiet if it is gone already."""
        with self._lock:
            self._rules = [rule for rule in self._rules if rule is not fault]

    def clear(self) -> None:
        """Take all rules back."""
        with self._lock:
            self._rules.clear()

    def __len__(self) -> int:
        return len(self._rules)

    def __iter__(self) -> Iterator[Fault]:
        return iter(list(self._rules))

    def strike(
        self, service: str | None, operation: str | None, region: str | None, account: str | None, params: Any = None
    ) -> tuple[Fault | None, float]:
        """The rule that strikes this request, or None, and the seconds of latency to add."""
        if not self._rules:
            return None, 0.0
        chosen, latency = None, 0.0
        with self._lock:
            for index, rule in enumerate(self._rules):
                if chosen is not None and rule.kind != 'latency':
                    continue
                if not rule.matches(service, operation, region, account, params):
                    continue
                rule.seen += 1
                if rule.seen <= rule.after or (rule.times is not None and rule.hits >= rule.times):
                    continue
                if rule.probability < 1.0 and unit(mix(self._seed * 1_000_003 + index * 7919 + rule.seen)) >= (
                    rule.probability
                ):
                    continue
                rule.hits += 1
                if rule.kind == 'latency':
                    latency += float(rule.argument or 0.0)
                else:
                    chosen = rule
        return chosen, latency
