"""Series that begin while nobody looks, and series that return: each amount is counted once or reported as given up."""

from __future__ import annotations

from typing import Any

import pytest
from common import ACCOUNT, REGION, START
from story import HOUR, SET, Story, story

pytestmark = pytest.mark.usefixtures('no_waiting')

BEGIN = int(START) // 60 * 60
OPTIONS: dict[str, Any] = {'collect': ['cloudwatch', 'configuration_sets']}
OWNER = '210987654321'


def sends(told: Story, name: str, begin: int, minutes: int, each: int = 50, delay: int = 0) -> int:
    """Some mails in each minute of a configuration set. Returns how many."""
    for minute in range(begin, begin + 60 * minutes, 60):
        told.sim.world.put(ACCOUNT, REGION, 'Send', minute, each, {SET: name}, visible_at=minute + delay)
    return each * minutes


def counted(told: Story, name: str) -> float:
    return told.watch.total('configuration_set.send.count', REGION, f'configuration_set:{name}')


def given_up(told: Story) -> list[tuple[int, int]]:
    return [(missed.start, missed.end) for missed in told.auditor.missed if missed.region == REGION]


@pytest.mark.parametrize('born', [60, 20 * 60, 49 * 60, 110 * 60])
@pytest.mark.parametrize('delay', [0, 840])
def test_a_series_that_begins_while_the_agent_is_stopped_is_counted_whole(born: int, delay: int) -> None:
    """Whenever a configuration set begins while the Agent is stopped for two hours, all of its 3,550 mails are counted
    and nothing is given up."""
    with story(**OPTIONS) as told:
        sends(told, 'old', BEGIN, 400, 1)
        told.through(HOUR)
        total = sends(told, 'new', int(told.clock()) // 60 * 60 + born, 71, delay=delay)
        assert total == 3550
        told.step({'pause': 2 * HOUR, 'restart': True})
        told.settle()
        assert (counted(told, 'new'), given_up(told)) == (3550, [])


def test_a_series_that_begins_while_listing_is_denied_is_counted_back_to_the_limit() -> None:
    """After ListMetrics was denied for six hours, a series that began in them is counted back to `backfill_limit`, and
    exactly what it had before that is in the spans that are reported, in periods in which it existed."""
    with story(**OPTIONS) as told:
        sends(told, 'old', BEGIN, 900, 1)
        told.through(HOUR)
        listed, born = int(told.clock()), int(told.clock()) // 60 * 60 + 900
        total = sends(told, 'new', born, 360)
        for _ in range(72):
            told.step({'fault': ('denied', 'cloudwatch:ListMetrics', {'operation': 'ListMetrics'})})
        told.sim.faults.clear()
        told.through(2 * HOUR)
        told.settle()
        spans = given_up(told)
        lost = sum(50 for minute in range(born, born + 360 * 60, 60) if any(a <= minute < b for a, b in spans))
        assert counted(told, 'new') == total - lost
        assert 0 < lost <= 50 * (180 + 20), 'three hours and what listing took are given up at most'
        assert all(listed - 900 - 900 - 300 <= start for start, _ in spans)
        assert {missed.reason for missed in told.auditor.missed} == {'backfill_limit'}
        assert counted(told, 'old') == told.watch.truth('Send', told.since[REGION][0], dimensions={SET: 'old'})


@pytest.mark.parametrize('period', [60, 300])
def test_a_short_timeframe_loses_nothing_of_a_new_series(period: int) -> None:
    """With `timeframe: 900` and nothing failing, each configuration set that begins is counted from its first mail."""
    with story(**OPTIONS, timeframe=900, period=period) as told:
        sends(told, 'old', BEGIN, 400, 1)
        told.through(1800, 60)
        totals = {f'new-{number}': sends(told, f'new-{number}', BEGIN + 1860 + 420 * number, 60) for number in range(6)}
        told.through(HOUR, 60)
        told.settle()
        assert {name: counted(told, name) for name in totals} == totals
        assert given_up(told) == []


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
    with story(**{**OPTIONS, **options}) as told:
        minutes = (3 * HOUR + absence) // 60
        sends(told, 'news', BEGIN, minutes, 1, delay=300)
        sends(told, 'old', BEGIN, minutes, 2)
        told.through(2 * HOUR)
        told.watch.restart(**edit)
        told.through(absence / 2)
        # A series that is listed makes the ledger sort out what it remembers.
        sends(told, 'old-too', int(told.clock()) // 60 * 60, 5, 3)
        told.through(absence / 2)
        told.watch.restart(**{option: {**OPTIONS, **options}.get(option) for option in edit}, backfill_limit=86400)
        told.through(HOUR)
        told.settle()
        handed = told.watch.total(name, REGION, 'configuration_set:news')
        truth = told.watch.truth('Send', told.since[REGION][0], dimensions={SET: 'news'})
        assert truth - (absence + HOUR) / 60 <= handed <= truth
        if absence == HOUR and not options:
            assert handed == truth


def test_a_linked_account_that_returns_is_not_counted_twice() -> None:
    """The series of a linked account that is left out for hours and returns in the restart in which `backfill_limit` is
    raised are counted once."""
    with story(**OPTIONS, linked_accounts=True) as told:
        told.sim.accounts.link(ACCOUNT, OWNER)
        for minute in range(BEGIN, BEGIN + 900 * 60, 60):
            told.sim.world.put(OWNER, REGION, 'Send', minute, 1, visible_at=minute)
        told.through(2 * HOUR)
        told.watch.restart(linked_accounts=None)
        told.through(3 * HOUR)
        sends(told, 'new', int(told.clock()) // 60 * 60, 5)
        told.through(3 * HOUR)
        told.watch.restart(linked_accounts=True, backfill_limit=86400)
        told.through(HOUR)
        told.settle()
        handed = told.watch.total('send.count', REGION, f'aws_account:{OWNER}')
        truth = told.sim.world.final_sum(OWNER, REGION, 'Send', start=told.since[REGION][0], end=told.clock())
        assert truth - 7 * 60 <= handed <= truth


def test_a_restart_between_a_listing_and_the_first_answer_forgets_nothing() -> None:
    """A series whose first answers come hours after it was listed, over restarts, is counted back to the limit, and
    what is given up is reported from its beginning on."""
    with story(**OPTIONS) as told:
        sends(told, 'old', BEGIN, 900, 1)
        told.through(HOUR)
        born = int(told.clock()) // 60 * 60
        total = sends(told, 'new', born, 300)
        for number in range(60):
            told.step({'fault': ('throttle', None, {'holds': 'new'}), 'restart': number % 7 == 0})
        assert counted(told, 'new') == 0
        told.settle()
        lost = sum(50 for minute in range(born, born + 300 * 60, 60) if any(a <= minute < b for a, b in given_up(told)))
        assert counted(told, 'new') == total - lost
        assert 0 < lost < total


def test_a_series_is_not_said_to_miss_what_it_cannot_have_had() -> None:
    """Series that begin while everything works report nothing as given up, however long counting has been going on."""
    with story(**OPTIONS, backfill_limit=HOUR) as told:
        sends(told, 'old', BEGIN, 900, 1)
        for number in range(8):
            told.through(HOUR)
            sends(told, f'new-{number}', int(told.clock()) // 60 * 60, 20)
        told.through(2 * HOUR)
        assert given_up(told) == []
        assert all(counted(told, f'new-{number}') == 1000 for number in range(8))
