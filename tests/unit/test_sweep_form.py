"""The form of a sweep: turns, failures, paging, and what outlives a restart. Pure functions, without HTTP."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from datadog_checks.amazon_ses.model import Failure, FailureKind, Target
from datadog_checks.amazon_ses.sweeps import Answer, ApiRequest, Context, Sweep, memory, states
from datadog_checks.amazon_ses.sweeps.paging import MAX_PAGES, Paging
from datadog_checks.amazon_ses.sweeps.states import SweepState
from datadog_checks.amazon_ses.sweeps.worker import MOST_REQUESTS, Edge, SweepTask, sweep

NOW = 1_790_000_000.0
HERE = Context(Target('123456789012', 'us-east-1'))
REFUSED = Failure(FailureKind.MALFORMED, 'GetThing', 'refused', at_request=True)


@dataclass(frozen=True)
class Numbers:
    """A state that counts its answers, by operation."""

    counts: tuple[str, ...] = ()


def counting(name: str, rolling: bool = False, most: int = 10**6, **declared: Any) -> Sweep[Numbers]:
    """A sweep that asks until it has `most` answers, of an operation named like itself."""

    def request(state: Numbers, context: Context, now: float) -> ApiRequest | None:
        is_due = len(state.counts) < most and context.may_ask(name)
        return ApiRequest('sesv2', name, rolling=rolling) if is_due else None

    def after(state: Numbers, request: ApiRequest, answer: Answer | Failure, now: float) -> Numbers:
        return state if isinstance(answer, Failure) else Numbers((*state.counts, str(answer['word'])))

    parts: dict[str, Any] = {
        'actions': (),
        'metrics': (),
        'new_state': Numbers,
        'next_request': request,
        'after_answer': after,
        'readings': lambda state, context, now: (),
        'pending': lambda state, context, now: 0,
        'read_at': lambda state: None,
        'to_document': lambda state: list(state.counts),
        'from_document': lambda document: Numbers(tuple(document)),
    }
    return Sweep(name=name, **{**parts, **declared})


class World:
    """An AWS that answers by operation, and a clock that moves by a second with each request."""

    def __init__(self, answers: Callable[[str], Answer | Failure] = lambda operation: {'word': 'well'}) -> None:
        self.now = NOW
        self.answers = answers
        self.requests_sent: list[str] = []
        self.wait = 0.0
        self.cancelled_after: int | None = None

    def ask(self, request: ApiRequest) -> Answer | Failure:
        self.now += 1
        self.requests_sent.append(request.operation)
        return self.answers(request.operation)

    def step(self, sweeps: Iterable[Sweep[Any]], before: states.States, context: Context = HERE) -> states.States:
        edge = Edge(self.ask, lambda request: self.wait, lambda: self.now, self._is_cancelled)
        return {**before, **sweep(SweepTask(tuple(sweeps), before, context), edge)}

    def _is_cancelled(self) -> bool:
        return self.cancelled_after is not None and len(self.requests_sent) >= self.cancelled_after


def failure(kind: FailureKind, **details: Any) -> Failure:
    return Failure(kind, 'GetThing', 'a test wants it', **details)


def test_sweeps_take_turns() -> None:
    """Sweeps of which something is due ask in turn, over several steps too, and a step has a limit."""
    world, sweeps = World(), [counting(name) for name in ('a', 'b', 'c')]
    current: states.States = {}
    for _ in range(3):
        current = world.step(sweeps, current)
    assert len(world.requests_sent) == 3 * MOST_REQUESTS
    assert world.requests_sent == ['a', 'b', 'c'] * MOST_REQUESTS


def test_single_items_give_way() -> None:
    """While a list is due, no item is read alone; the items come after it."""
    world = World()
    world.step([counting('items', rolling=True), counting('list', most=3)], {})
    assert world.requests_sent == ['list'] * 3 + ['items'] * (MOST_REQUESTS - 3)


def test_a_step_ends_in_time() -> None:
    """A step sends no request whose turn comes after its time, and none after its time."""
    world = World()
    world.wait = 60.0
    assert world.step([counting('a')], {}) == {}
    world.wait = 45.0
    assert world.step([counting('a')], {})['a'].state.counts == ('well',) * 6


def test_a_cancelled_step_ends() -> None:
    """After `cancel` no further request is sent, and what was under way is dropped."""
    world = World()
    world.cancelled_after = 3
    assert world.step([counting('a')], {})['a'].state.counts == ('well',) * 2
    assert len(world.requests_sent) == 3


@pytest.mark.parametrize('kind', FailureKind)
def test_a_failure_costs_its_operation_alone(kind: FailureKind) -> None:
    """A sweep that fails pauses, and is told unless the account lacks the feature; the other goes on. An answer ends
    the pause."""
    failing = {'a'}
    world = World(lambda operation: failure(kind) if operation in failing else {'word': 'well'})
    sweeps = [counting('a'), counting('b')]
    current = world.step(sweeps, {})
    if kind is FailureKind.CREDENTIALS:
        # Whoever cannot sign in asks nothing more in this step.
        assert world.requests_sent == ['a']
        current = world.step(sweeps, current)
    requests_sent = Counter(world.requests_sent)
    assert requests_sent['a'] == 1
    assert requests_sent['b'] >= MOST_REQUESTS - 1
    silent = kind is FailureKind.UNSUPPORTED
    assert [each.kind for each in current['a'].failures(world.now)] == ([] if silent else [kind])
    assert not list(current['b'].failures(world.now))
    failing.clear()
    world.now = current['a'].pauses['a'].until
    assert current['a'].pausing(world.now) == frozenset()
    current = world.step(sweeps, current)
    assert not current['a'].pauses


@pytest.mark.parametrize(
    ('kind', 'seconds'),
    [
        (FailureKind.DENIED, [3600, 3600]),
        (FailureKind.UNSUPPORTED, [86400, 86400]),
        (FailureKind.THROTTLED, [60, 120, 240, 480, 900, 900]),
    ],
)
def test_pauses_grow(kind: FailureKind, seconds: list[int]) -> None:
    """What is denied is asked again after an hour, what is lacking after a day, and everything else after a minute,
    then after twice as long each time, up to a quarter of an hour."""
    current = SweepState(Numbers())
    for expected in seconds:
        current = states.after_answer(counting('a'), current, ApiRequest('sesv2', 'a'), failure(kind), NOW)
        assert current.pauses['a'].until == NOW + expected


def test_a_malformed_answer_fails_its_request_alone() -> None:
    """An answer that lacks what it must have is a failure of its operation, and changes nothing that is known."""
    request = ApiRequest('sesv2', 'a')
    current = states.after_answer(counting('a'), SweepState(Numbers(('well',))), request, {'other': 1}, NOW)
    assert current.state == Numbers(('well',))
    [event_titles] = current.failures(NOW)
    assert (event_titles.kind, event_titles.operation) == (FailureKind.MALFORMED, 'a')


def test_an_item_that_is_gone_is_no_failure() -> None:
    """An item that was deleted since it was listed fails silently, and nothing pauses."""
    gone = failure(FailureKind.UNSUPPORTED, at_request=True)
    current = states.after_answer(counting('a'), SweepState(Numbers()), ApiRequest('sesv2', 'a'), gone, NOW)
    assert not current.pauses and not list(current.failures(NOW))


def test_quiet_regions_are_spared() -> None:
    """In a quiet Region only the sweeps are asked that say so."""
    world = World()
    sweeps = [counting('a'), counting('b', runs_when_quiet=True, most=1)]
    world.step(sweeps, {}, replace(HERE, is_quiet=True))
    assert world.requests_sent == ['b']


def test_a_state_outlives_a_restart_and_a_broken_one_costs_itself() -> None:
    """What each sweep saves is read again. A part that cannot be read, or that is missing, begins anew."""
    sweeps = [counting(name) for name in ('a', 'b', 'c')]
    document = states.to_document(sweeps, {'a': SweepState(Numbers(('x',))), 'b': SweepState(Numbers(('y',)))})
    assert document == {'a': ['x'], 'b': ['y']}
    read = states.from_document(sweeps, {**document, 'b': 7, 'gone': []})
    assert {name: current.state for name, current in read.items()} == {'a': Numbers(('x',))}


def test_paging_reads_all_pages_at_a_cadence() -> None:
    """A list is read page by page, is due again an interval after it began, and goes on where a page failed."""
    paging: Paging[str] = Paging()
    assert paging.is_due(900, NOW) and paging.parameters(NOW) == {}
    paging = paging.after_page(['a'], 'first', NOW)
    assert paging.is_due(900, NOW) and paging.parameters(NOW) == {'NextToken': 'first'}
    paging = paging.after_failure(failure(FailureKind.THROTTLED))
    assert paging.parameters(NOW) == {'NextToken': 'first'}
    paging = paging.after_page(['b'], None, NOW + 60)
    assert (paging.listed, paging.listed_at, paging.is_cut) == (('a', 'b'), NOW, False)
    assert not paging.is_due(900, NOW + 899) and paging.is_due(900, NOW + 900)


def test_paging_begins_anew_where_the_token_ended() -> None:
    """A list whose token AWS refuses is cut short, and begins anew at its cadence; one with an old token begins anew at
    once."""
    empty: Paging[str] = Paging()
    whole = empty.after_page(['a'], None, NOW)
    begun = whole.after_page(['b'], 'token', NOW + 900)
    refused = begun.after_failure(REFUSED)
    assert refused.listed == ('b',) and refused.is_cut
    assert refused.parameters(NOW + 1800) == {} and not refused.is_due(900, NOW + 1799)
    assert whole.after_failure(REFUSED) == whole
    assert begun.parameters(NOW + 1800) == {}
    assert begun.after_page(['c'], None, NOW + 1800).listed == ('c',)


@pytest.mark.parametrize('same', [True, False])
def test_endless_paging_ends(same: bool) -> None:
    """A token that comes twice ends a list, as does the limit of pages: it is then known to be cut short."""
    paging: Paging[int] = Paging()
    for page in range(MAX_PAGES + 5):
        paging = paging.after_page([page], 'same' if same else f'token {page}', NOW)
        if paging.begun_at is None:
            break
    assert page == (1 if same else MAX_PAGES - 1)
    assert paging.is_cut and paging.listed == tuple(range(page + 1))


def test_a_token_that_is_no_text_is_malformed() -> None:
    """A token that is no text is malformed, and is not sent back."""
    paging: Paging[str] = Paging()
    with pytest.raises(TypeError, match='token'):
        paging.after_page([], {'token': 1}, NOW)


def test_memory_holds_numbers_by_hash() -> None:
    """Numbers of 64 bits by hash are the same after they were saved, and garbage is refused."""
    numbers = {memory.hash_of(f'identity {number}'): (1 << 63) - number for number in range(1000)}
    texts = memory.packed(numbers)
    assert memory.unpacked(texts) == numbers
    assert sum(map(len, texts)) < 22 * len(numbers)
    for garbage in (None, 7, [], ['AA=='], ['no base64', ''], [texts[0], '']):
        with pytest.raises((TypeError, ValueError)):
            memory.unpacked(garbage)


def test_bits_keep_to_themselves() -> None:
    """A field of bits is read as it was put, and leaves the bits around it alone."""
    bits = memory.Bits(3, 2)
    assert [bits.read(bits.put((1 << 63) - 1, value)) for value in range(4)] == [0, 1, 2, 3]
    assert bits.put((1 << 63) - 1, 0) == (1 << 63) - 1 - 0b11000
    assert bits.put(0, 3) == 0b11000
