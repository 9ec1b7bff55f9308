"""Saving: what came of keeping a progress, which decides what of a run is submitted."""

from __future__ import annotations

from enum import Enum, auto


class Saving(Enum):
    """SAVED: everything is submitted. OBSERVED: neither counts nor events are. REFUSED: it could not be written, so no
    count is. OVERTAKEN: another process wrote in between, so neither counts nor events are. CANCELLED: nothing is."""

    SAVED = auto()
    OBSERVED = auto()
    REFUSED = auto()
    OVERTAKEN = auto()
    CANCELLED = auto()
