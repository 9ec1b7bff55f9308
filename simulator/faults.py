"""Rules that make the pretend AWS fail, deterministically."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from simulator.request_log import Request
from simulator.traffic import mix, unit

# Kinds by where they strike.
ERRORS = ('throttle', 'denied', 'error', 'server_error', 'unavailable', 'expired_token')
QUERY_RESULTS = ('partial', 'internal_error', 'forbidden', 'wrong_ids', 'missing_results')
RESULTS = (*QUERY_RESULTS, 'token_loop', 'empty_results', 'mutate')
SOCKETS = ('reset', 'close', 'truncate', 'drip', 'hang', 'garbage', 'empty', 'html', 'page')
KINDS = (*ERRORS, *RESULTS, *SOCKETS, 'latency')


@dataclass
class Fault:
    """One rule: what fails, for whom, how often.

    `service`, `operation`, `region`, `account`: exact text or a regular expression for the whole; None is any.
    `holds`: the same for a text that must be among the values of the request's parameters, such as a metric's name or
    the value of a dimension: it strikes one batch of many, in whatever request that comes.
    `times`: how many requests it strikes (None: all); `after`: how many matching requests pass first;
    `probability`: share of the others that it strikes. `hits` counts strikes, `matched` matching requests.
    `argument`, by kind: error (code, status[, message]); partial every k-th result (int, default 2), or a dict with
    `every` and `token` (True: a NextToken too); internal_error, forbidden, missing_results, wrong_ids every k-th result
    (default 1, missing_results 2), where partial and missing_results leave entries of an inventory out; mutate
    callable(result) that changes or replaces it; latency, hang seconds (hang default: until the server stops); truncate
    share of the body sent (default 0.5); drip seconds between bytes (default 0.05); garbage, html the bytes or text;
    page the HTTP status of a gateway's page (default 400); denied an IAM action for the message.
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
    matched: int = field(default=0, compare=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f'unknown fault kind {self.kind!r}; known: {", ".join(sorted(KINDS))}')

    def matches(self, request: Request) -> bool:
        """Whether the rule is about this request, regardless of its budget."""
        for name in ('service', 'operation', 'region', 'account'):
            pattern = getattr(self, name)
            if pattern is not None and not _fits(pattern, getattr(request, name) or ''):
                return False
        return self.holds is None or any(_fits(self.holds, text) for text in _texts(request.params))


def _fits(pattern: str, text: str) -> bool:
    return pattern == text or re.fullmatch(pattern, text) is not None


def _texts(value: Any) -> Iterator[str]:
    """Every text in nested parameters, names of members left out."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (dict, list)):
        for content in value.values() if isinstance(value, dict) else value:
            yield from _texts(content)


class Faults(list[Fault]):
    """The rules in force; the first that strikes decides, and latency rules add to it."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self._seed = seed
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> Fault:
        """Put a rule in force and return it."""
        self.append(fault)
        return fault

    def remove(self, fault: Fault) -> None:
        """Take one rule back; quiet if it is gone already."""
        self[:] = [rule for rule in self if rule is not fault]

    def strike(self, request: Request) -> tuple[Fault | None, float]:
        """The rule that strikes a request, or None, and the seconds of latency to add."""
        fault, latency = None, 0.0
        with self._lock:
            for index, rule in enumerate(list(self)):
                if (fault is None or rule.kind == 'latency') and self._strikes(rule, index, request):
                    if rule.kind == 'latency':
                        latency += float(rule.argument or 0.0)
                    else:
                        fault = rule
        return fault, latency

    def _strikes(self, rule: Fault, index: int, request: Request) -> bool:
        if not rule.matches(request):
            return False
        rule.matched += 1
        if rule.matched <= rule.after or (rule.times is not None and rule.hits >= rule.times):
            return False
        random = unit(mix(self._seed * 1_000_003 + index * 7919 + rule.matched))
        if rule.probability < 1.0 and random >= rule.probability:
            return False
        rule.hits += 1
        return True
