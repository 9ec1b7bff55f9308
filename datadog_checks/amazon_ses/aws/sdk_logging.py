"""Log records of the SDK about requests of this check are dropped, so that no secret and no user gets into the log.

Below WARNING the SDK logs requests, answers and session tokens, and above it AWS's own message of a denial, which names
the user. Other checks of the process use the same loggers, so no logger is changed: records that are made inside a call
of this check, on its thread, are passed to no handler. What is to be known of a call is in its failure.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from threading import Lock, local
from typing import Any, ParamSpec, TypeVar

P = ParamSpec('P')
T = TypeVar('T')

SDK_LOGGERS = ('boto3', 'botocore', 's3transfer', 'urllib3')
"""The loggers of the SDK, with all below them, those that are made later too."""

NO_LEVEL = -1
"""Below every level, so that no handler takes the record."""

NOT_LOGGED = 'Not logged: it is about a request of amazon_ses.'

_thread = local()
_lock = Lock()


def is_ours(logger_name: str) -> bool:
    """Whether a record of this logger, made now on this thread, is about a request of this check."""
    return getattr(_thread, 'calls', 0) > 0 and logger_name.partition('.')[0] in SDK_LOGGERS


class RecordFactory:
    """Makes log records as the factory before it does, and empties those of the SDK that are about our requests."""

    def __init__(self, factory: Callable[..., logging.LogRecord]) -> None:
        self._factory = factory

    def __call__(self, name: str, level: int, *arguments: Any, **options: Any) -> logging.LogRecord:
        if not is_ours(name):
            return self._factory(name, level, *arguments, **options)
        return logging.LogRecord(name, NO_LEVEL, '', 0, NOT_LOGGED, None, None)


def install() -> None:
    """Have every record pass our factory. Another factory that was set since is the one before it, once more."""
    with _lock:
        factory = logging.getLogRecordFactory()
        if not isinstance(factory, RecordFactory):
            logging.setLogRecordFactory(RecordFactory(factory))


@contextmanager
def our_call() -> Iterator[None]:
    """Inside the block, this thread makes requests of this check."""
    install()
    _thread.calls = getattr(_thread, 'calls', 0) + 1
    try:
        yield
    finally:
        _thread.calls -= 1


def unlogged(method: Callable[P, T]) -> Callable[P, T]:
    """A method all of whose requests are those of this check."""

    @wraps(method)
    def call(*arguments: P.args, **options: P.kwargs) -> T:
        with our_call():
            return method(*arguments, **options)

    return call


def ignore_unverified(verify: bool | str) -> None:
    """With `verify` False, urllib3 warns of unverified requests no more."""
    if verify is False:
        warnings.filterwarnings('ignore', message='Unverified HTTPS request')
