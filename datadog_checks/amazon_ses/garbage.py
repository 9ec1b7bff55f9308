"""Garbage: looking for it in the middle of making thousands of objects that all stay costs much and finds none."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """The collector of the process rests inside the block. Where it is off already, that stays so.

    With 10,000 series this saves about a quarter of the CPU of the first run that reads the state
    (`make bench ONLY=floor1000`).
    """
    if not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
