"""Traffic as a pure function of (key, minute): nothing is stored, and every source reads the same numbers."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

_MASK = 0xFFFF_FFFF_FFFF_FFFF
_GOLDEN = 0x9E37_79B9_7F4A_7C15


def mix(value: int) -> int:
    """A 64-bit integer spread evenly (the splitmix64 finaliser)."""
    value = (value + _GOLDEN) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58_476D_1CE4_E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D0_49BB_1331_11EB) & _MASK
    return value ^ (value >> 31)


def unit(value: int) -> float:
    """The upper 32 bits of a mixed integer as a float in [0, 1)."""
    return (value >> 32) / 4_294_967_296.0


def key_of(*words: object) -> int:
    """A stable 64-bit key of some words, the same in each process."""
    text = '\x1f'.join(str(word) for word in words)
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), 'big')


def daily_table(amplitude: float, peak_hour: float = 15.0) -> tuple[float, ...]:
    """1,440 factors around 1.0, one for each minute of the UTC day."""
    return tuple(1.0 + amplitude * math.cos((minute / 60.0 - peak_hour) * math.pi / 12.0) for minute in range(1440))


def interpolate(curve: Sequence[tuple[float, float]], seconds: float) -> float:
    """The value at a time of a piecewise linear curve of (seconds, value), level outside of its points."""
    if seconds < curve[0][0]:
        return curve[0][1]
    previous = curve[0]
    for point in curve[1:]:
        if seconds < point[0]:
            span = point[0] - previous[0]
            return previous[1] + (point[1] - previous[1]) * (seconds - previous[0]) / span
        previous = point
    return previous[1]


def amount(key: int, minute: int, expected: float) -> int:
    """Events in a minute with the mean `expected`: noise of a quarter either way, then a fair rounding."""
    if expected <= 0.0:
        return 0
    value = (key ^ (minute * _GOLDEN)) & _MASK
    value = ((value ^ (value >> 30)) * 0xBF58_476D_1CE4_E5B9) & _MASK
    value = ((value ^ (value >> 27)) * 0x94D0_49BB_1331_11EB) & _MASK
    value ^= value >> 31
    noisy = expected * (0.75 + 0.5 * (value >> 32) / 4_294_967_296.0)
    whole = int(noisy)
    return whole + 1 if (value & 0xFFFF_FFFF) < (noisy - whole) * 4_294_967_296.0 else whole
