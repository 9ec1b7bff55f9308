"""The command `diagnose`: what `agent diagnose` says, without an Agent."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from standalone.agent import AGENT
from standalone.terminal import visible

if TYPE_CHECKING:
    from standalone.host import Host

WORDS = {0: 'PASS', 1: 'FAIL', 2: 'WARN', 3: 'ERROR'}
"""The Agent's results of a diagnosis."""

PASSED, WARNED = 'PASS', 'WARN'
MOST_AT_ONCE = 32
"""Instances that are diagnosed at once. Each waits for its turns with SES most of the time."""

INDENT = ' ' * 7


def diagnose(hosts: Sequence[Host]) -> list[list[dict[str, Any]]]:
    """The diagnoses of each instance, as the Agent gets them."""
    with ThreadPoolExecutor(MOST_AT_ONCE) as workers:
        texts = list(workers.map(lambda host: host.check.get_diagnoses(), hosts))
    return [[_redacted(diagnosis) for diagnosis in json.loads(text)] for text in texts]


def render(instances: Sequence[Sequence[dict[str, Any]]], names: Sequence[str]) -> str:
    """The diagnoses of all instances as text."""
    lines: list[str] = []
    for name, diagnoses in zip(names, instances, strict=True):
        lines += [name, *(line for diagnosis in diagnoses for line in _lines(diagnosis)), '']
    words = Counter(WORDS[diagnosis['result']] for diagnoses in instances for diagnosis in diagnoses)
    return '\n'.join([*lines, ', '.join(f'{words[word]} {word}' for word in WORDS.values() if words[word])])


def render_json(instances: Sequence[Sequence[dict[str, Any]]], names: Sequence[str]) -> str:
    """The diagnoses of all instances as the Agent gets them."""
    pairs = zip(names, instances, strict=True)
    return json.dumps([{'instance': name, 'diagnoses': diagnoses} for name, diagnoses in pairs], indent=2)


def has_failed(instances: Iterable[Iterable[dict[str, Any]]]) -> bool:
    """Whether any diagnosis is more than a warning."""
    return any(WORDS[each['result']] not in (PASSED, WARNED) for diagnoses in instances for each in diagnoses)


def _lines(diagnosis: dict[str, Any]) -> Iterable[str]:
    word = WORDS[diagnosis['result']]
    yield f'  {word:<5}{diagnosis["name"]}: {diagnosis["diagnosis"] or diagnosis["rawerror"]}'
    if word != PASSED and diagnosis['remediation']:
        yield from (f'{INDENT}{line}' for line in diagnosis['remediation'].splitlines())
    if diagnosis['description']:
        yield f'{INDENT}{diagnosis["description"]}'


def _redacted(diagnosis: dict[str, Any]) -> dict[str, Any]:
    return {
        name: visible(AGENT.redactor(value), '\n') if isinstance(value, str) else value
        for name, value in diagnosis.items()
    }
