"""Where the CPU of a run goes: the time of all threads in each step, without that of the steps inside it."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import wraps
from pkgutil import resolve_name
from threading import local
from typing import Any

STEPS = {
    'planning': ('planning:plan',),
    'asking': ('aws.access:Access.fetch', 'aws.access:Access.get_metric_data', 'aws.access:Access.list_metrics'),
    'reading': ('cloudwatch.answers:parse', 'aws.json_protocol:_parse_response'),
    'booking': ('run:Run.apply',),
    'saving': ('state.store:Store.save', 'state.store:Store.submitted'),
    'submitting': ('submission:Submission.submit',),
    'telemetry': ('report:Report.__init__', 'telemetry:run', 'telemetry:dropped'),
}
"""The functions of each step, by module of the check."""

ASKING = ('aws.json_protocol:get_metric_data',)
"""Called while an answer is read, page by page."""

PACKAGE = 'datadog_checks.amazon_ses.'

_spent: list[tuple[str, float]] = []
_thread = local()


def install() -> None:
    """Measures the steps from now on."""
    for step, names in {**STEPS, 'asking': STEPS['asking'] + ASKING}.items():
        for name in names:
            owner, _, attribute = (PACKAGE + name).replace(':', '.').rpartition('.')
            module, _, inner = (PACKAGE + name).rpartition('.')[0].partition(':')
            place = resolve_name(f'{module}:{inner}' if inner else owner)
            setattr(place, attribute, _timed(step, getattr(place, attribute)))


def spent() -> dict[str, float]:
    """Seconds of CPU in each step since the last call."""
    seconds = dict.fromkeys(STEPS, 0.0)
    while _spent:
        step, more = _spent.pop()
        seconds[step] += more
    return seconds


def _timed(step: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(function)
    def timed(*arguments: Any, **options: Any) -> Any:
        outer, _thread.inner = getattr(_thread, 'inner', 0.0), 0.0
        begun = time.thread_time()
        try:
            return function(*arguments, **options)
        finally:
            took = time.thread_time() - begun
            _spent.append((step, took - _thread.inner))
            _thread.inner = outer + took

    return timed
