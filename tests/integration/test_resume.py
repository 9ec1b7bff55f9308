"""A process may die at any step of a run: after the restart no amount is submitted twice.

A death is a BaseException, which no handler of the check may catch. It is raised where the check calls the Agent: at a
read or write of its cache, or at a submission. Then a new check object continues with the state in the cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from common import ACCOUNT, OTHER, REGION, START, Driver, MakeDriver, StartSimulator, replace_attribute

from simulator import Clock
from simulator.scenarios import Scenario, Standing

MINUTES = 50
COUNTS = ('send.count', 'bounce.count')
QUIET = Scenario(
    'quiet',
    'nothing but what a test puts there',
    volume=0.0,
    gauges=(),
    standings=((0.0, Standing()), (1500.0, Standing(enforcement_status='PROBATION'))),
)


class Death(BaseException):
    """The end of the process."""


class Doom:
    """Wraps a function: `spared` calls work, the next call dies before the function, or after it if `late`."""

    def __init__(self, function: Callable[..., Any], spared: int, late: bool = False) -> None:
        self._function, self._spared, self._late = function, spared, late
        self.died = False

    def __call__(self, *arguments: Any, **keywords: Any) -> Any:
        self._spared -= 1
        if self._spared >= 0 or self.died:
            return self._function(*arguments, **keywords)
        self.died = True
        if self._late:
            self._function(*arguments, **keywords)
        raise Death


@pytest.fixture
def counting(make_driver: MakeDriver, start: StartSimulator, clock: Clock) -> Driver:
    """A check in two Regions that has counted for 20 minutes; each minute is one mail, and every tenth bounces."""
    sim = start(QUIET)
    begin = int(START) // 60 * 60
    for minute in range(MINUTES):
        for region in (REGION, OTHER):
            sim.world.put(ACCOUNT, region, 'Send', begin + 60 * minute, 1)
            sim.world.put(ACCOUNT, region, 'Bounce', begin + 60 * minute, 1 + minute % 10)
    counting = make_driver(sim, regions=[REGION, OTHER], collect=['account', 'cloudwatch'])
    counting.run_for(1200, 300)
    return counting


@contextmanager
def dying(owner: Any, name: str, doom: Doom) -> Iterator[None]:
    with replace_attribute(owner, name, doom):
        yield


def run_until_death(counting: Driver) -> None:
    with pytest.raises(Death):
        counting.check.run()


def settle(counting: Driver) -> dict[tuple[str, str], float]:
    """Run until every amount has arrived and return the missing amounts by count and Region."""
    while counting.clock() < START + 60 * MINUTES + 900:
        counting.clock.advance(300)
        assert counting.run() == ''
    missing = {}
    for region in (REGION, OTHER):
        since = counting.values('collector.counting_since', region)
        assert set(since) == {since[0]}
        for name, metric in zip(COUNTS, ('Send', 'Bounce'), strict=True):
            missing[name, region] = counting.cloudwatch_sum(metric, since[0], region=region) - counting.total(
                name, region
            )
    return missing


def test_without_a_death_nothing_is_missing(counting: Driver) -> None:
    """Without a death every amount is counted, also across a restart."""
    counting.restart()
    assert set(settle(counting).values()) == {0}


@pytest.mark.parametrize('late', [False, True], ids=['before', 'after'])
@pytest.mark.parametrize('step', range(8))
def test_death_at_a_write_repeats_nothing(counting: Driver, datadog_agent: Any, step: int, late: bool) -> None:
    """A death at any write of the state submits nothing twice and loses at most the amounts of that run."""
    # A run writes the mark and the document of each Region; then it submits each and records that twice.
    doom = Doom(datadog_agent.write_persistent_cache, step, late)
    counted = {key: counting.total(*key) for key in ((name, region) for name in COUNTS for region in (REGION, OTHER))}
    with dying(datadog_agent, 'write_persistent_cache', doom):
        run_until_death(counting)
    assert doom.died
    lost = {
        key: counting.cloudwatch_sum(
            'Send' if key[0] == 'send.count' else 'Bounce', START + 900, counting.clock() + 60, key[1]
        )
        for key in counted
    }
    counting.restart()
    missing = settle(counting)
    assert all(0 <= value <= lost[key] for key, value in missing.items())
    # A Region loses nothing if the death comes before its save or after its submission.
    written = step if not late else step + 1
    assert (missing['send.count', REGION] == 0) is (written <= 1 or step >= 4)
    assert (missing['send.count', OTHER] == 0) is (written <= 3 or step >= 6)


@pytest.mark.parametrize('share', [0.0, 0.01, 0.5, 0.99])
def test_a_torn_write_loses_nothing(counting: Driver, datadog_agent: Any, share: float) -> None:
    """A write that a death tears loses no amount: the state before it is intact, and the amounts are read again."""
    write = datadog_agent.write_persistent_cache

    def torn(key: str, value: str) -> None:
        write(key, value[: int(len(value) * share)])
        raise Death

    with dying(datadog_agent, 'write_persistent_cache', Doom(torn, 0, late=True)):
        run_until_death(counting)
    counting.restart()
    assert set(settle(counting).values()) == {0}
    assert counting.values('collector.periods_skipped') == []


def test_torn_writes_at_each_run_lose_nothing(counting: Driver, datadog_agent: Any) -> None:
    """An Agent that dies at the same place in each of six runs loses nothing and repeats nothing."""
    write = datadog_agent.write_persistent_cache

    def torn(key: str, value: str) -> None:
        write(key, value[: len(value) // 2])
        raise Death

    for _ in range(6):
        with dying(datadog_agent, 'write_persistent_cache', Doom(torn, 0, late=True)):
            run_until_death(counting)
        counting.restart()
        counting.clock.advance(300)
    assert set(settle(counting).values()) == {0}


@pytest.mark.parametrize('spared', [*range(0, 12), 20, 30])
@pytest.mark.parametrize('late', [False, True], ids=['before', 'after'])
def test_death_at_a_submission_repeats_nothing(counting: Driver, aggregator: Any, spared: int, late: bool) -> None:
    """A death at any submission submits nothing twice and loses at most the amounts of that run."""
    before = {name: counting.total(name, REGION) for name in COUNTS}
    doom = Doom(aggregator.submit_metric, spared, late)
    with dying(aggregator, 'submit_metric', doom):
        run_until_death(counting)
    assert doom.died
    due = {'send.count': 5, 'bounce.count': counting.cloudwatch_sum('Bounce', START + 900, counting.clock() + 60)}
    got = {name: counting.total(name, REGION) - before[name] for name in COUNTS}
    counting.restart()
    missing = settle(counting)
    for name in COUNTS:
        # Amounts submitted before the death are not submitted again; only the others of that run are lost.
        assert missing[name, REGION] + got[name] <= due[name] + 1
        assert missing[name, REGION] >= 0
        assert missing[name, OTHER] >= 0


def test_death_at_a_read_changes_nothing(counting: Driver, datadog_agent: Any) -> None:
    """A death while the state is read changes nothing."""
    for spared in range(3):
        counting.restart()
        with dying(datadog_agent, 'read_persistent_cache', Doom(datadog_agent.read_persistent_cache, spared)):
            run_until_death(counting)
    counting.restart()
    assert set(settle(counting).values()) == {0}


def test_death_after_an_answer_loses_nothing(counting: Driver) -> None:
    """A death after AWS answered and before a save loses nothing: the next run reads again."""
    counting.check.monotonic = Doom(counting.check.monotonic, 2)
    with pytest.raises(Death):
        while True:
            counting.check.run()
            counting.clock.advance(60)
    counting.restart()
    assert set(settle(counting).values()) == {0}


def test_counts_wait_while_the_disk_refuses_writes(counting: Driver, datadog_agent: Any) -> None:
    """While the state cannot be saved, a warning says so and no count is submitted; later every amount comes once."""

    def refused(key: str, value: str) -> None:
        raise OSError('No space left on device')

    before = counting.total('send.count')
    with replace_attribute(datadog_agent, 'write_persistent_cache', refused):
        for run in range(3):
            assert counting.run() == ''
            assert run or any('cannot be saved' in warning for warning in counting.check.get_warnings())
            assert counting.total('send.count') == before
            counting.clock.advance(300)
        counting.restart()
        counting.run()
        assert counting.total('send.count') == before
    counting.restart()
    assert set(settle(counting).values()) == {0}


def test_counts_wait_while_the_disk_loses_writes_silently(counting: Driver, datadog_agent: Any) -> None:
    """When the Agent hides a failed write, no count is submitted that a restart would repeat."""
    before = counting.total('send.count')
    with replace_attribute(datadog_agent, 'write_persistent_cache', lambda key, value: None):
        counting.run()
        assert counting.total('send.count') == before
    counting.restart()
    assert set(settle(counting).values()) == {0}


@pytest.mark.parametrize('spared', [0, 1])
def test_events_survive_a_death_at_most_once(counting: Driver, aggregator: Any, spared: int) -> None:
    """A change of standing is one event in each Region, however the process dies around it: never two."""
    counting.clock.set(START + 1500)
    with dying(aggregator, 'submit_event', Doom(aggregator.submit_event, spared, late=True)):
        run_until_death(counting)
    counting.restart()
    settle(counting)
    keys = [event['aggregation_key'] for event in aggregator.events]
    changes = [key for key in keys if 'counting_began' not in key]
    assert len(changes) == len(set(changes)) == spared + 1
