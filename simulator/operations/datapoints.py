"""Datapoints of a series as CloudWatch answers them: periods, statistics, retention, and the tokens of pages."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from collections.abc import Sequence
from typing import NamedTuple

from simulator.call import Call
from simulator.errors import AwsError
from simulator.series import Sample, SeriesId

STATISTICS = ('SampleCount', 'Average', 'Sum', 'Minimum', 'Maximum')
PERCENTILE = re.compile(r'p(\d{1,2}(\.\d+)?|100)')
EMPTY_WINDOW = 'The parameter StartTime must be less than the parameter EndTime.'
WRONG_PERIOD = 'The parameter Period must be a multiple of 60, or 1, 5, 10, or 30.'
DAY = 86_400


class Datapoint(NamedTuple):
    """A datapoint: where its period starts, and a value for each statistic."""

    start: int
    values: list[float]


def is_period(period: int) -> bool:
    """Whether CloudWatch offers periods of that many seconds."""
    return period in (1, 5, 10, 30) or (period > 0 and period % 60 == 0)


def rounded(call: Call) -> tuple[int, int]:
    """The request's window in whole seconds: start rounded down by its age, end rounded up to the minute."""
    start, end = call.params['StartTime'], call.params['EndTime']
    age = call.now - start
    step = 60 if age < 15 * DAY else 300 if age < 63 * DAY else 3600
    return int(start // step) * step, -(-int(math.ceil(end)) // 60) * 60


def oldest(now: float, period: int) -> float:
    """The end of CloudWatch's retention of datapoints of that period."""
    return now - (15 * DAY if period < 300 else 63 * DAY if period < 3600 else 455 * DAY)


def read(
    call: Call, account: str, series: SeriesId, window: tuple[int, int], period: int, statistics: Sequence[str]
) -> list[Datapoint]:
    """The datapoint of every period with data, oldest first."""
    start, end = window
    origin = start if call.backend.align == 'start' else 0
    first = max(start, int(oldest(call.now, period)))
    # A period finer than the samples holds the whole minute's sample at the minute's start.
    samples = call.backend.world.samples(account, call.region, series, -(-first // 60), -(-end // 60), call.now)
    periods: dict[int, list[Sample]] = {}
    for sample in samples:
        time = sample.minute * 60
        periods.setdefault(time - (time - origin) % period, []).append(sample)
    return [Datapoint(start, [_statistic(name, inside) for name in statistics]) for start, inside in periods.items()]


def _statistic(name: str, samples: Sequence[Sample]) -> float:
    if name == 'Minimum':
        return float(min(sample.low for sample in samples))
    if name == 'Maximum':
        return float(max(sample.high for sample in samples))
    total = sum(sample.total for sample in samples)
    if name == 'Sum':
        return float(total)
    number = sum(sample.number for sample in samples)
    if name in ('SampleCount', 'Average'):
        return float(number if name == 'SampleCount' else total / number)
    rank, passed = float(name[1:]) / 100.0 * number, 0.0
    for sample in sorted(samples, key=lambda sample: sample.total / sample.number):
        passed += sample.number
        if passed >= rank:
            return float(sample.total / sample.number)
    return float(samples[-1].high)


def page_token(call: Call, offset: int, now: float) -> str:
    """The token of the page that begins at `offset`; `now` is the time of the first page."""
    return base64.urlsafe_b64encode(json.dumps([offset, now, _digest(call)]).encode()).decode()


def page(call: Call, code: str) -> tuple[int, float]:
    """Offset of the page that is asked for, and time of the first one; a token of another request is refused."""
    if not call.params.get('NextToken'):
        return 0, call.now
    try:
        offset, now, digest = json.loads(base64.urlsafe_b64decode(call.params['NextToken'].encode()))
    except (ValueError, TypeError):
        offset, now, digest = 0, 0.0, ''
    if digest != _digest(call):
        raise AwsError(code, 'The next token is invalid.')
    return int(offset), float(now)


def _digest(call: Call) -> str:
    """A digest of a request without its token."""
    params = {name: value for name, value in call.params.items() if name != 'NextToken'}
    text = json.dumps([call.record.operation, call.account, call.region, params], sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=9).hexdigest()
