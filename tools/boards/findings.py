"""What a gate has to say against a dashboard or a monitor."""

from __future__ import annotations

from typing import NamedTuple


class Finding(NamedTuple):
    """One fault: the gate that found it, where, and what it is."""

    gate: str
    where: str
    what: str

    def __str__(self) -> str:
        return f'{self.gate}: {self.where}: {self.what}'
