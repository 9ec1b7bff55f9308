"""A fault of a dashboard or a monitor."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """A fault, the gate that found it, and where."""

    gate: str
    location: str
    fault: str

    def __str__(self) -> str:
        return f'{self.gate}: {self.location}: {self.fault}'
