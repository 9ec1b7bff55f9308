"""Diagnose: what `agent diagnose` says about an instance: what works, what does not, and what to do about it.

`examination.py` asks AWS and reads the saved state once. Each topic of `judgement.py` turns what came back into
diagnoses. Nothing is received from a queue, and nothing is written.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


class Verdict(IntEnum):
    """The Agent's results of a diagnosis."""

    SUCCESS = 0
    FAIL = 1
    WARNING = 2


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """What is said about one subject, `name`. `calls` are the calls that it comes from, in words."""

    verdict: Verdict
    name: str
    text: str
    remedy: str = ''
    calls: str = ''
