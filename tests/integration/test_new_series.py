"""Series that begin while nobody looks, and series that return: each amount is counted once or reported as given up."""

from __future__ import annotations

from typing import Any

import pytest
from common import ACCOUNT, REGION, START
from counting_trials import HOUR, Trial, new_trial

from simulator import series_id

pytestmark = pytest.mark.usefixtures('no_waiting')

BEGIN = int(START) // 60 * 60
OPTIONS: dict[str, Any] = {'collect': ['cloudwatch', 'configuration_sets']}
OWNER = '210987654321'
SET = 'ses:configuration-set'


def sends(trial: Trial, name: str, begin: int, minutes: int, each: int = 50, delay: int = 0) -> int:
    """Some mails in each minute of a configuration set. Returns how many."""
    series = series_id('Send', {SET: name})
    for minute in range(begin, begin + 60 * minutes, 60):
        trial.sim.world.put(ACCOUNT, REGION, series, minute, each, minute + delay)
    return each * minutes


def counted(trial: Trial, name: str) -> float:
    return trial.driver.total('configuration_set.send.count', REGION, f'configuration_set:{name}')


def truth(trial: Trial, name: str) -> float:
    """What CloudWatch will hold of a configuration set since counting began."""
    return trial.driver.cloudwatch_sum('Send', trial.counting_since[REGION][0], dimensions={SET: name})


def given_up(trial: Trial) -> list[tuple[int, int]]:
    return [(skip.start, skip.end) for skip in trial.auditor.skipped if skip.region == REGION]


def lost(trial: Trial, begin: int, minutes: int) -> int:
    """How many of the mails of `sends` lie in the periods that were given up."""
    spans = given_up(trial)
    return sum(50 for at in range(begin, begin + 60 * minutes, 60) if any(start <= at < end for start, end in spans))


@pytest.mark.parametrize('born', [60, 20 * 60, 49 * 60, 110 * 60])
@pytest.mark.parametrize('delay', [0, 840])
def test_a_series_that_begins_while_the_agent_is_stopped_is_counted_whole(born: int, delay: int) -> None:
    """Whenever a configuration set begins while the Agent is stopped for two hours, all of its 3,550 mails are counted
    and nothing is given up."""
    with new_trial(**OPTIONS) as trial:
        sends(trial, 'old', BEGIN, 400, 1)
        trial.run_for(HOUR)
        total = sends(trial, 'new', int(trial.clock()) // 60 * 60 + born, 71, delay=delay)
        assert total == 3550
        trial.play({'pause': 2 * HOUR, 'restart': True})
        trial.settle()
        assert (counted(trial, 'new'), given_up(trial)) == (3550, [])


def test_a_series_that_begins_while_listing_is_denied_is_counted_back_to_the_limit() -> None:
    """After ListMetrics was denied for six hours, a series that began in them is counted back to `backfill_limit`, and
    exactly what it had before that is in the spans that are reported, in periods in which it existed."""
    with new_trial(**OPTIONS) as trial:
        sends(trial, 'old', BEGIN, 900, 1)
        trial.run_for(HOUR)
        listed, born = int(trial.clock()), int(trial.clock()) // 60 * 60 + 900
        total = sends(trial, 'new', born, 360)
        for _ in range(72):
            trial.play({'fault': ('denied', 'cloudwatch:ListMetrics', {'operation': 'ListMetrics'})})
        trial.sim.faults.clear()
        trial.run_for(2 * HOUR)
        trial.settle()
        missing = lost(trial, born, 360)
        assert counted(trial, 'new') == total - missing
        assert 0 < missing <= 50 * (180 + 20), 'three hours and what listing took are given up at most'
        assert all(listed - 900 - 900 - 300 <= start for start, _ in given_up(trial))
        assert {skip.reason for skip in trial.auditor.skipped} == {'backfill_limit'}
        assert counted(trial, 'old') == truth(trial, 'old')


@pytest.mark.parametrize('period', [60, 300])
def test_a_short_timeframe_loses_nothing_of_a_new_series(period: int) -> None:
    """With `timeframe: 900` and nothing failing, each configuration set that begins is counted from its first mail."""
    with new_trial(**OPTIONS, timeframe=900, period=period) as trial:
        sends(trial, 'old', BEGIN, 400, 1)
        trial.run_for(1800, 60)
        begins = {f'new-{number}': BEGIN + 1860 + 420 * number for number in range(6)}
        totals = {name: sends(trial, name, begin, 60) for name, begin in begins.items()}
        trial.run_for(HOUR, 60)
        trial.settle()
        assert {name: counted(trial, name) for name in totals} == totals
        assert given_up(trial) == []


ABSENCES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    'exclude': ({}, {'exclude': [{'value': 'news'}]}),
    'include': ({}, {'include': [{'value': 'old*'}]}),
    'max_series': ({}, {'max_series': 1}),
    'collect': ({}, {'collect': ['cloudwatch']}),
    'dimensions': ({'dimensions': [{SET: 'news'}]}, {'dimensions': None}),
}


@pytest.mark.parametrize(('options', 'edit'), ABSENCES.values(), ids=ABSENCES)
@pytest.mark.parametrize('absence', [HOUR, 5 * HOUR])
def test_a_series_that_returns_is_not_counted_twice(
    options: dict[str, Any], edit: dict[str, Any], absence: int
) -> None:
    """A series that an option takes away, until nothing of it is remembered, and that returns in the restart in which
    `backfill_limit` is raised to a day, is counted once."""
    name = 'dimension.send.count' if options else 'configuration_set.send.count'
    with new_trial(**{**OPTIONS, **options}) as trial:
        minutes = (3 * HOUR + absence) // 60
        sends(trial, 'news', BEGIN, minutes, 1, delay=300)
        sends(trial, 'old', BEGIN, minutes, 2)
        trial.run_for(2 * HOUR)
        trial.restart(**edit)
        trial.run_for(0.8 * absence)
        # A series that is listed makes the ledger sort out what it remembers.
        sends(trial, 'old-too', int(trial.clock()) // 60 * 60, 5, 3)
        trial.run_for(0.2 * absence)
        trial.restart(**{option: {**OPTIONS, **options}.get(option) for option in edit}, backfill_limit=86400)
        trial.run_for(HOUR)
        trial.settle()
        submitted = trial.driver.total(name, REGION, 'configuration_set:news')
        expected = truth(trial, 'news')
        assert expected - (absence + HOUR) / 60 <= submitted <= expected
        if absence == HOUR and not options:
            assert submitted == expected


def test_a_linked_account_that_returns_is_not_counted_twice() -> None:
    """The series of a linked account that is left out for hours and returns in the restart in which `backfill_limit` is
    raised are counted once."""
    with new_trial(**OPTIONS, linked_accounts=True) as trial:
        trial.sim.accounts.link(ACCOUNT, OWNER)
        for minute in range(BEGIN, BEGIN + 900 * 60, 60):
            trial.sim.world.put(OWNER, REGION, series_id('Send'), minute, 1, minute)
        trial.run_for(2 * HOUR)
        trial.restart(linked_accounts=None)
        trial.run_for(3 * HOUR)
        sends(trial, 'new', int(trial.clock()) // 60 * 60, 5)
        trial.run_for(3 * HOUR)
        trial.restart(linked_accounts=True, backfill_limit=86400)
        trial.run_for(HOUR)
        trial.settle()
        submitted = trial.driver.total('send.count', REGION, f'aws_account:{OWNER}')
        since = trial.counting_since[REGION][0]
        expected = trial.sim.world.final_sum(OWNER, REGION, series_id('Send'), since, trial.clock())
        assert expected - 7 * 60 <= submitted <= expected


def test_a_restart_between_a_listing_and_the_first_answer_forgets_nothing() -> None:
    """A series whose first answers come hours after it was listed, over restarts, is counted back to the limit, and
    what is given up is reported from its beginning on."""
    with new_trial(**OPTIONS) as trial:
        sends(trial, 'old', BEGIN, 900, 1)
        trial.run_for(HOUR)
        born = int(trial.clock()) // 60 * 60
        total = sends(trial, 'new', born, 300)
        for number in range(60):
            trial.play({'fault': ('throttle', None, {'holds': 'new'}), 'restart': number % 7 == 0})
        assert counted(trial, 'new') == 0
        trial.settle()
        missing = lost(trial, born, 300)
        assert counted(trial, 'new') == total - missing
        assert 0 < missing < total


def test_a_series_is_not_said_to_miss_what_it_cannot_have_had() -> None:
    """Series that begin while everything works report nothing as given up, however long counting has been going on."""
    with new_trial(**OPTIONS, backfill_limit=HOUR) as trial:
        sends(trial, 'old', BEGIN, 900, 1)
        for number in range(8):
            trial.run_for(HOUR)
            sends(trial, f'new-{number}', int(trial.clock()) // 60 * 60, 20)
        trial.run_for(2 * HOUR)
        assert given_up(trial) == []
        assert all(counted(trial, f'new-{number}') == 1000 for number in range(8))
