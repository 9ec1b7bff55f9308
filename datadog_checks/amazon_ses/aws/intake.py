"""Intake: how many bytes of an answer are read, and how long a request may take as a whole.

Bytes count as they arrive from the connection, headers included, so no transfer encoding hides any. The answer that
passes a limit fails alone and gives its bytes back; none waits for another.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from http.client import HTTPResponse
from io import BufferedReader, RawIOBase
from threading import Lock, local
from typing import Any

MIB = 1024 * 1024

LONGEST_ANSWER = 4 * MIB
LONGEST_ANSWERS = {'cloudwatch': 32 * MIB}
"""Bytes of one answer of a service, and of any service that is not named."""

MOST_UNDER_WAY = 128 * MIB
"""Bytes of all answers that are under way in the process."""

BUFFER = 65_536

_current = local()


class TooLarge(Exception):
    """An answer passed a limit. The text says which."""


class Budget:
    """Bytes that the answers under way in a process hold together."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.used = 0
        self._lock = Lock()

    def take(self, number: int) -> bool:
        """Take bytes that have arrived. Returns whether they are within the limit."""
        with self._lock:
            self.used += number
            return self.used <= self.most

    def give_back(self, number: int) -> None:
        with self._lock:
            self.used -= number


PROCESS = Budget(MOST_UNDER_WAY)


class Intake:
    """The answer to one request: what has arrived of it, and until when the rest must be there.

    Inside a `with` block it limits what its thread reads. `release` gives back the bytes, which it does once.
    """

    def __init__(self, longest: int, seconds: float, budget: Budget = PROCESS) -> None:
        self._longest = longest
        self._deadline = time.monotonic() + seconds
        self._budget = budget
        self._arrived = 0

    def __enter__(self) -> None:
        _current.intake = self

    def __exit__(self, *_: object) -> None:
        _current.intake = None

    def seconds_left(self) -> float:
        """Seconds that remain. Raises TimeoutError where there are none."""
        remaining = self._deadline - time.monotonic()
        if remaining <= 0:
            raise TimeoutError('the request took too long as a whole')
        return remaining

    def add(self, number: int) -> None:
        """Count bytes that have arrived. Raises TooLarge where they are too many."""
        self._arrived += number
        if not self._budget.take(number):
            raise TooLarge(f'the answers under way in this process have more than {self._budget.most // MIB} MiB.')
        if self._arrived > self._longest:
            raise TooLarge(f'the answer has more than {self._longest // MIB} MiB.')

    def release(self) -> None:
        arrived, self._arrived = self._arrived, 0
        self._budget.give_back(arrived)


class LimitedReader(RawIOBase):
    """The bytes of a socket, within the limits of an intake."""

    def __init__(self, raw: RawIOBase, connection: socket.socket, intake: Intake) -> None:
        self._raw = raw
        self._connection = connection
        self._intake = intake
        self._timeout = connection.gettimeout()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        seconds = self._intake.seconds_left()
        self._connection.settimeout(seconds if self._timeout is None else min(self._timeout, seconds))
        number: int | None = self._raw.readinto(buffer)
        self._intake.add(number or 0)
        return number

    def close(self) -> None:
        if not self.closed:
            try:
                # The connection may serve another request.
                self._connection.settimeout(self._timeout)
            except OSError:
                pass
            self._raw.close()
        super().close()


class LimitedResponse(HTTPResponse):
    """A response that is read within the limits of its thread, if there are any."""

    def __init__(self, sock: socket.socket, *arguments: Any, **options: Any) -> None:
        super().__init__(sock, *arguments, **options)
        intake = getattr(_current, 'intake', None)
        if intake is not None:
            self.fp = BufferedReader(LimitedReader(self.fp.detach(), sock, intake), BUFFER)


class LimitedOptions(tuple[tuple[int, int, int], ...]):
    """Options of sockets, which a connection reads before it tries each address of a host: none after the deadline."""

    def __iter__(self) -> Iterator[tuple[int, int, int]]:
        intake = getattr(_current, 'intake', None)
        if intake is not None:
            intake.seconds_left()
        return super().__iter__()
