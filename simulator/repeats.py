"""Requests of pollers: the same long list again and again, with other times around it."""

from __future__ import annotations

import json
import threading
from typing import Any

from simulator.shapes import Read


class Repeats:
    """The lists of JSON requests that were read before, by operation and bytes; safe for threads.

    `structure` is the shape whose values come again in other lists and are read once, whatever list they are in.
    Only a list that is a member of the request itself, and the only one, is kept; the newest `limit` of them.
    """

    structure = 'MetricStat'

    def __init__(self, limit: int = 256) -> None:
        self._limit = limit
        self._read: dict[tuple[str, bytes], tuple[str, Read]] = {}
        self._lock = threading.Lock()

    def parse(self, operation: str, body: bytes) -> Any:
        """What `json.loads` gives, but with the list of an earlier request in the place of an equal one."""
        listed, around = _apart(body)
        known = self._read.get((operation, listed))
        if known is not None:
            name, read = known
            found = json.loads(around)
            if _only_list(found) == name:
                return {**found, name: read}
        return json.loads(body)

    def keep(self, operation: str, body: bytes, params: dict[str, Any]) -> dict[str, Any]:
        """Remember the list of a request that was read without problems; the parameters with what is remembered."""
        name = _only_list(params)
        if name is None or type(params[name]) is Read or not params[name]:
            return params
        listed, around = _apart(body)
        try:
            if json.loads(around).get(name) != []:
                return params
        except ValueError:
            # The brackets were not those of a list.
            return params
        read = Read(params[name])
        with self._lock:
            while len(self._read) >= self._limit:
                del self._read[next(iter(self._read))]
            self._read[operation, listed] = name, read
        return {**params, name: read}


def _apart(body: bytes) -> tuple[bytes, bytes]:
    """From the first bracket to the last, and the rest with an empty list in its place."""
    first, end = body.find(b'['), body.rfind(b']') + 1
    return body[first:end], body[:first] + b'[]' + body[end:]


def _only_list(request: Any) -> str | None:
    """The one member of a request that is a list, None where there are more or none."""
    lists = [name for name, value in request.items() if isinstance(value, list)] if isinstance(request, dict) else []
    return lists[0] if len(lists) == 1 else None
