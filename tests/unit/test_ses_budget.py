"""Promise P4: The budget for the APIs of SES, on a clock that only waiting moves."""

from __future__ import annotations

from itertools import pairwise
from threading import Event, Thread

import hypothesis
import pytest
from hypothesis import strategies as st

from datadog_checks.amazon_ses.aws.ses_budget import APART, MOST, Budget, Cancelled, Urgency, budget_of
from datadog_checks.amazon_ses.pace import Pace, TurnedPace

ACCOUNT, LISTING, ROLLING = Urgency
ROUNDING = 1e-9
"""Seconds by which a difference of two times may be off."""

REQUESTS = st.lists(st.tuples(st.sampled_from(Urgency), st.floats(0.0, 30.0)), max_size=60)


def never() -> bool:
    return False


class TurnedClock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class World:
    """A budget, and the times at which requests were sent."""

    def __init__(self) -> None:
        self.clock = TurnedClock()
        self.pace = TurnedPace(self.clock)
        self.budget = Budget()
        self.sent: list[tuple[float, Urgency]] = []

    def send(self, urgency: Urgency) -> float:
        """Send a request when its turn comes, and return for how long it waited."""
        begun = self.pace.monotonic()
        self.budget.wait(urgency, self.pace, never)
        self.clock.now = self.pace.monotonic()
        self.sent.append((self.clock.now, urgency))
        return self.clock.now - begun


@hypothesis.given(REQUESTS)
def test_never_more_than_the_budget(requests: list[tuple[Urgency, float]]) -> None:
    """Within any second one request is sent, within any minute 15, whatever they are for."""
    world = World()
    for urgency, pause in requests:
        world.clock.now += pause
        world.send(urgency)
    times = [at for at, _ in world.sent]
    assert all(later - earlier >= APART - ROUNDING for earlier, later in pairwise(times))
    assert all(later - earlier >= 60 - ROUNDING for earlier, later in zip(times, times[15:], strict=False))


@hypothesis.given(REQUESTS)
def test_the_account_never_waits_for_more_than_a_second(requests: list[tuple[Urgency, float]]) -> None:
    """However much else is asked, GetAccount each minute is sent at once, or a second after what went before."""
    world = World()
    due = world.clock.now
    for urgency, pause in requests:
        world.clock.now += pause
        while world.clock.now >= due:
            assert world.send(ACCOUNT) <= APART + 1e-6
            due += 60
        if urgency is not ACCOUNT:
            world.send(urgency)


def test_rolling_reads_give_way_first_and_lists_before_the_account() -> None:
    """In a minute ten rolling reads are sent, then two lists still, then three requests about the account."""
    world = World()
    for urgency, number in ((ROLLING, 10), (LISTING, 2), (ACCOUNT, 3)):
        assert [world.send(urgency) <= APART for _ in range(number)] == [True] * number
        assert world.budget.seconds_until(urgency, world.pace) > APART
    assert list(MOST.values()) == [15, 12, 10]


class HeldPace(Pace):
    """Real threads meet here: a wait ends when the test lets the second pass."""

    def __init__(self, clock: TurnedClock) -> None:
        super().__init__(clock)
        self.waits, self.goes_on = Event(), Event()

    def wait_until(self, at: float) -> None:
        self.waits.set()
        assert self.goes_on.wait(60)


def test_those_that_wait_go_by_urgency_then_as_they_came() -> None:
    """A request about the account that comes last is sent first; lists that wait are sent in their order, those of
    another instance too; a rolling read is sent last."""
    clock = TurnedClock()
    pace, budget, order = HeldPace(clock), Budget(), []
    budget.wait(LISTING, pace, never)

    def send(name: str, urgency: Urgency) -> None:
        budget.wait(urgency, pace, never)
        order.append(name)
        clock.now += 1

    threads = []
    names = (('rolling', ROLLING), ('first list', LISTING), ('second list', LISTING), ('account', ACCOUNT))
    for number, (name, urgency) in enumerate(names):
        threads.append(Thread(target=send, args=(name, urgency)))
        threads[-1].start()
        while len(budget._waiting) <= number:
            pass
    assert pace.waits.wait(60)
    clock.now += 1
    pace.goes_on.set()
    for thread in threads:
        thread.join(60)
    assert order == ['account', 'first list', 'second list', 'rolling']


def test_cancel_ends_a_wait() -> None:
    """A request that waits for its turn when the check is cancelled is not sent, and keeps nobody else waiting."""
    clock = TurnedClock()
    pace, budget = TurnedPace(clock), Budget()
    budget.wait(LISTING, pace, never)
    with pytest.raises(Cancelled):
        budget.wait(LISTING, Pace(lambda: 1000.0), lambda: True)
    clock.now += 1
    assert budget.seconds_until(LISTING, pace) == 0
    budget.wait(ROLLING, pace, never)


def test_instances_share_a_budget_by_account_region_and_host() -> None:
    """All instances of a process share the budget of an account in a Region at a host, and no other."""
    key = ('123456789012', 'us-east-1', 'email.us-east-1.amazonaws.com')
    assert budget_of(*key) is budget_of(*key)
    for place in range(3):
        other = tuple(f'other {part}' if index == place else part for index, part in enumerate(key))
        assert budget_of(*other) is not budget_of(*key)


def test_an_operation_with_a_rate_of_its_own_has_a_budget_of_its_own() -> None:
    """BatchGetMetricData waits for none of the other requests, is sent at most four times a second and sixty times a
    minute, and all other operations share a budget."""
    key = ('444455556666', 'eu-west-1', 'email.example')
    own = budget_of(*key, 'BatchGetMetricData')
    assert own is budget_of(*key, 'BatchGetMetricData') and own is not budget_of(*key)
    assert budget_of(*key, 'GetAccount') is budget_of(*key)
    pace = TurnedPace(TurnedClock())
    started = pace.monotonic()
    for _ in range(61):
        own.wait(ROLLING, pace, never)
        assert budget_of(*key).seconds_until(ROLLING, pace) == 0
    assert pace.monotonic() - started == 60
