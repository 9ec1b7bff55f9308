"""The store and its cache: damages of the saved entries, and several processes that write the same state."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import product
from threading import Condition, Thread

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ledger_trials import HOUR, SERIES, START, CloudWatch, Poller

from datadog_checks.amazon_ses.cloudwatch.ledger import SkippedSpan
from datadog_checks.amazon_ses.leases import Leases
from datadog_checks.amazon_ses.model import Target
from datadog_checks.amazon_ses.progress import Progress
from datadog_checks.amazon_ses.state.document import to_document
from datadog_checks.amazon_ses.state.encoding import pack
from datadog_checks.amazon_ses.state.saving import Saving
from datadog_checks.amazon_ses.state.store import Store, Unreadable

TARGET = Target('123456789012', 'us-east-1')
LOG = logging.getLogger('tests.store')
MINUTE = 60


class Cache:
    """The Agent's cache: a text for each key, and the texts that it had before. `turn` is called before each access."""

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}
        self.history: dict[str, list[str]] = {}
        self.turn: Callable[[], None] = lambda: None

    def read(self, key: str) -> str:
        self.turn()
        return self.texts.get(key, '')

    def write(self, key: str, text: str) -> None:
        self.turn()
        self.texts[key] = text
        self.history.setdefault(key, []).append(text)

    def key(self, part: str) -> str:
        return '_'.join(('progress', *TARGET, '', part))


class Process:
    """A process that counts as the check does, with leases of its own and the cache of the host."""

    def __init__(self, cache: Cache, cloudwatch: CloudWatch) -> None:
        self.cloudwatch = cloudwatch
        self.store = Store(cache.read, cache.write, '', Leases(), LOG)
        self.submitted = dict.fromkeys(SERIES, 0.0)
        self.skipped: list[SkippedSpan] = []
        self.since: set[int] = set()
        self.savings: list[Saving] = []

    def run(self, now: float) -> None:
        progress = self.store.open(TARGET, Progress())
        slot = max(progress.ledger.read_slots, default=0) if progress.ledger else 0
        poller = Poller(self.cloudwatch, ledger=progress.ledger, slot=slot)
        poller.poll(now)
        saving = self.store.save(TARGET, replace(progress, ledger=poller.ledger))
        self.savings.append(saving)
        if saving is Saving.SAVED:
            for series, amount in poller.submitted.items():
                self.submitted[series] += amount
            self.skipped += poller.skipped
            assert poller.ledger is not None
            self.since.add(poller.ledger.since)
            self.store.submitted(TARGET)


def steady(hours: int) -> CloudWatch:
    """A mail a minute in each series."""
    return CloudWatch({series: [(START + MINUTE * minute, 1, 0) for minute in range(60 * hours)] for series in SERIES})


def counted(processes: Sequence[Process], series: str) -> float:
    return sum(process.submitted[series] for process in processes)


def verify(processes: Sequence[Process], cloudwatch: CloudWatch, now: float, most_copies: int = 1) -> float:
    """What was submitted until `now` is the truth, except in reported periods: there it may be missing, and up to
    `most_copies` of it may have been submitted. Returns the largest difference."""
    since = min(min(process.since) for process in processes if process.since)
    spans = [(span.start, span.end) for process in processes for span in process.skipped]
    # A state that was lost altogether begins anew, which `counting_since` says.
    spans += [(since, later) for process in processes for later in process.since if later > since]
    worst = 0.0
    for series in SERIES:
        truth = cloudwatch.total(series, [(since, int(now) + 1)])
        doubtful = cloudwatch.total(series, [(max(since, start), end) for start, end in spans])
        submitted = counted(processes, series)
        explained = (submitted, truth, doubtful, spans)
        assert truth - doubtful <= submitted <= truth + (most_copies - 1) * doubtful, explained
        worst = max(worst, abs(truth - submitted))
    return worst


def settle(processes: Sequence[Process], now: float) -> float:
    """Run the processes for two hours, one after the other. Returns the time of the last run."""
    for _ in range(24):
        now += 300
        for process in processes:
            process.run(now)
    return now


# Damages.

ENTRIES = ('newest', 'older', 'handed_over', 'handed_over_again', 'writer')
DAMAGES: Mapping[str, Callable[[str, list[str]], str | None]] = {
    'intact': lambda text, before: text,
    'deleted': lambda text, before: None,
    'emptied': lambda text, before: '',
    'truncated': lambda text, before: text[: len(text) * 2 // 3],
    'first character': lambda text, before: text[:1],
    'older': lambda text, before: before[-2],
    'much older': lambda text, before: before[0],
}
ROLLED_BACK = {'older', 'much older'}


def damages() -> Iterator[tuple[str, ...]]:
    """Each damage of each subset of the entries. Where both records are older, the entries may be what a crash left at
    that time, or a backup: nothing in them tells."""
    for kinds in product(DAMAGES, repeat=len(ENTRIES)):
        if not (kinds[2] in ROLLED_BACK and kinds[3] in ROLLED_BACK):
            yield kinds


@pytest.fixture(scope='module')
def lived() -> tuple[Cache, CloudWatch, Process, float]:
    """A process that has counted for two hours, and its cache."""
    cache, cloudwatch = Cache(), steady(6)
    process = Process(cache, cloudwatch)
    now = float(START)
    for _ in range(24):
        now += 300
        process.run(now)
    assert process.savings == [Saving.SAVED] * 24
    return cache, cloudwatch, process, now


def damaged(cache: Cache, kinds: tuple[str, ...]) -> Cache:
    """A copy of the cache with damaged entries."""
    parts = sorted(
        ('0', '1'), key=lambda part: int(cache.texts[cache.key(part)].split('"sequence": ')[1].split(',')[0])
    )
    keys = [cache.key(part) for part in (parts[1], parts[0], *ENTRIES[2:])]
    copy = Cache()
    copy.texts = dict(cache.texts)
    for key, kind in zip(keys, kinds, strict=True):
        text = DAMAGES[kind](cache.texts[key], cache.history[key])
        if text is None:
            copy.texts.pop(key)
        else:
            copy.texts[key] = text
    return copy


def test_no_damage_of_any_entries_doubles(lived: tuple[Cache, CloudWatch, Process, float]) -> None:
    """Whichever entries of the saved state are damaged, and however, no amount is submitted twice, and what is missing
    is reported."""
    cache, cloudwatch, before, now = lived
    trials = 0
    outcomes: dict[tuple[bool, bool, bool], None] = {}
    for kinds in damages():
        copy = damaged(cache, kinds)
        after = Process(copy, cloudwatch)
        progress = after.store.open(TARGET, Progress())
        trials += 1
        whole = before.store.recall(TARGET).ledger
        assert whole is not None
        if progress.ledger is not None and not progress.ledger.doubt:
            assert progress.ledger == whole, kinds
            # Only what leads on from there in another way is worth the time of a whole trial.
            continue
        outcome = (progress.ledger is None, copy.texts.get(copy.key('0'), '') != '', kinds[0] == 'intact')
        if outcome not in outcomes:
            outcomes[outcome] = None
            verify([before, after], cloudwatch, settle([after], now))
    assert trials > 10_000


@settings(max_examples=60)
@given(st.tuples(*[st.sampled_from(sorted(DAMAGES))] * len(ENTRIES)), st.integers(0, 5 * HOUR))
def test_damages_are_reported_after_any_pause(
    lived: tuple[Cache, CloudWatch, Process, float], kinds: tuple[str, ...], pause: int
) -> None:
    """After a damage and an outage of any length the counts are exact but for the reported periods."""
    if kinds[2] in ROLLED_BACK and kinds[3] in ROLLED_BACK:
        return
    cache, cloudwatch, before, now = lived
    after = Process(damaged(cache, kinds), cloudwatch)
    verify([before, after], cloudwatch, settle([after], now + pause))


@pytest.mark.parametrize('kind', [kind for kind in DAMAGES if kind != 'intact'])
@pytest.mark.parametrize('entry', range(len(ENTRIES)))
def test_a_living_process_goes_on_through_damage(
    lived: tuple[Cache, CloudWatch, Process, float], entry: int, kind: str
) -> None:
    """While a process lives, a damaged entry costs nothing, or what it costs is reported; then it is written anew."""
    cache, cloudwatch, before, now = lived
    copy = damaged(cache, ('intact',) * len(ENTRIES))
    process = Process(copy, cloudwatch)
    process.run(now + 300)
    kinds = tuple(kind if number == entry else 'intact' for number in range(len(ENTRIES)))
    copy.history = {key: [*cache.history[key], text] for key, text in copy.texts.items()}
    copy.texts = damaged(copy, kinds).texts
    end = settle([process], now + 300)
    assert process.skipped == []
    assert verify([before, process], cloudwatch, end) == 0


def test_a_restore_under_a_living_process_is_reported(lived: tuple[Cache, CloudWatch, Process, float]) -> None:
    """Where all files are restored to an older state under a living process, it notices, and nothing is doubled."""
    cache, cloudwatch, before, now = lived
    copy = damaged(cache, ('intact',) * len(ENTRIES))
    backup = dict(copy.texts)
    process = Process(copy, cloudwatch)
    for number in range(1, 7):
        process.run(now + 300 * number)
    copy.texts = backup
    end = settle([process], now + 1800)
    assert {span.reason for span in process.skipped} == {'another_writer'}
    verify([before, process], cloudwatch, end)


def test_files_deleted_under_a_living_process_are_reported(lived: tuple[Cache, CloudWatch, Process, float]) -> None:
    """Where all files are deleted under a living process, counting goes on in its ledger, and nothing is doubled."""
    cache, cloudwatch, before, now = lived
    copy = damaged(cache, ('intact',) * len(ENTRIES))
    process = Process(copy, cloudwatch)
    process.run(now + 300)
    copy.texts = {}
    end = settle([process], now + 300)
    assert process.since == before.since
    verify([before, process], cloudwatch, end)


def test_a_state_of_the_first_version_goes_on_exactly(lived: tuple[Cache, CloudWatch, Process, float]) -> None:
    """A state that the first version saved, with one record and without a mark, is read, and nothing is missing."""
    cache, cloudwatch, before, now = lived
    progress = before.store.recall(TARGET)
    first = Cache()
    for sequence in (7, 8):
        first.texts[first.key(str(sequence % 2))] = pack(to_document(progress), sequence)
    first.texts[first.key('handed_over')] = '8'
    process = Process(first, cloudwatch)
    end = settle([process], now)
    assert process.skipped == []
    assert verify([before, process], cloudwatch, end) == 0


@pytest.mark.parametrize('part', ['0', '1', 'handed_over', 'handed_over_again', 'writer'])
def test_an_unreadable_entry_is_named(lived: tuple[Cache, CloudWatch, Process, float], part: str) -> None:
    """An entry that cannot be read is an error that names it; when it can be again, counting goes on exactly."""
    cache, cloudwatch, before, now = lived
    copy = damaged(cache, ('intact',) * len(ENTRIES))
    process = Process(copy, cloudwatch)

    def refused(key: str) -> str:
        if key == copy.key(part):
            raise RuntimeError('failed to read data')
        return copy.texts.get(key, '')

    process.store._read_cache = refused
    with pytest.raises(Unreadable) as error:
        process.run(now + 300)
    assert error.value.key == copy.key(part)
    process.store._read_cache = copy.read
    end = settle([process], now)
    assert process.skipped == []
    assert verify([before, process], cloudwatch, end) == 0


def test_a_cache_that_returns_nothing_counts_nothing() -> None:
    """Where the Agent has no cache, and answers None, no count leaves that a restart would repeat."""
    process = Process(Cache(), steady(1))
    process.store._read_cache = lambda key: None
    process.store._write_cache = lambda key, text: None
    settle([process], START)
    assert set(process.savings) == {Saving.REFUSED}
    assert process.submitted == dict.fromkeys(SERIES, 0.0)


# Several processes.


class Turns:
    """Lets threads go on one at a time, each until its next access to the cache, in a chosen order."""

    def __init__(self, order: Sequence[int]) -> None:
        self._order = list(order)
        self._condition = Condition()
        self._waiting: dict[int, bool] = {}
        self._active = 0
        self._current: int | None = None
        self._numbers: dict[Thread, int] = {}

    def run(self, works: Sequence[Callable[[], None]]) -> None:
        threads = [Thread(target=self._work, args=(number, work)) for number, work in enumerate(works)]
        self._active = len(threads)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    def wait(self, number: int) -> None:
        with self._condition:
            self._waiting[number] = True
            self._choose()
            self._condition.wait_for(lambda: self._current == number)
            self._current = None
            del self._waiting[number]

    def _work(self, number: int, work: Callable[[], None]) -> None:
        try:
            work()
        finally:
            with self._condition:
                self._active -= 1
                self._choose()

    def _choose(self) -> None:
        """When all threads wait, let the next one go on."""
        if self._current is None and self._waiting and len(self._waiting) == self._active:
            index = self._order.pop(0) if self._order else 0
            numbers = sorted(self._waiting)
            self._current = numbers[index % len(numbers)]
            self._condition.notify_all()


class SharedCache:
    """The cache of the host as one process sees it: each access waits for the turn of the process."""

    def __init__(self, cache: Cache, turns: Turns, number: int) -> None:
        self.cache, self.turns, self.number = cache, turns, number

    def read(self, key: str) -> str:
        self.turns.wait(self.number)
        return self.cache.texts.get(key, '')

    def write(self, key: str, text: str) -> None:
        self.turns.wait(self.number)
        self.cache.texts[key] = text


def at_once(processes: Sequence[Process], cache: Cache, now: float, order: Sequence[int]) -> None:
    """One run of each process, all at the same time, with their accesses to the cache in this order."""
    turns = Turns(order)
    errors: list[BaseException] = []

    def work(process: Process) -> None:
        try:
            process.run(now)
        except BaseException as error:
            errors.append(error)

    for number, process in enumerate(processes):
        shared = SharedCache(cache, turns, number)
        process.store._read_cache, process.store._write_cache = shared.read, shared.write
    turns.run([partial(work, process) for process in processes])
    for process in processes:
        process.store._read_cache, process.store._write_cache = cache.read, cache.write
    assert errors == []


@pytest.mark.parametrize('living', [0, 1])
def test_a_process_that_ends_tells_what_is_in_doubt(living: int) -> None:
    """Two processes write the same document and both submit; whichever of them never runs again, the other one reports
    the periods."""
    cache, cloudwatch = Cache(), steady(6)
    processes = [Process(cache, cloudwatch) for _ in range(2)]
    now = float(START)
    for _ in range(4):
        now += 300
        for process in processes:
            process.run(now)
    # The second one has looked for a mark when the first one writes and submits; then the second one writes.
    before = [process.submitted['send'] for process in processes]
    at_once(processes, cache, now + 300, [1] * 2 + [0] * 14 + [1] * 60)
    assert all(process.submitted['send'] > amount for process, amount in zip(processes, before, strict=True))
    verify(processes, cloudwatch, settle([processes[living]], now + 300), 2)


@settings(max_examples=150)
@given(st.data())
def test_processes_in_turn_are_exact(data: st.DataObject) -> None:
    """Up to five processes that run one after the other on one cache, in any order, count exactly what one would."""
    cache, cloudwatch = Cache(), steady(8)
    processes = [Process(cache, cloudwatch) for _ in range(data.draw(st.integers(2, 5)))]
    now = float(START)
    runs = st.tuples(st.integers(0, 4), st.integers(1, 900), st.integers(0, 4))
    for number, pause, restart in data.draw(st.lists(runs, min_size=1, max_size=20)):
        now += pause
        if not restart:
            processes.append(Process(cache, cloudwatch))
        processes[-1 - number % len(processes)].run(now)
    end = settle(processes[-1:], now)
    assert all(process.skipped == [] for process in processes)
    assert verify(processes, cloudwatch, end) == 0


@settings(max_examples=120)
@given(st.data())
def test_processes_at_once_are_exact_or_reported(data: st.DataObject) -> None:
    """Up to four processes that run at the same time on one cache, with their accesses in any order, are exact or
    report the periods of which they cannot know, also where some of them never run again."""
    cache, cloudwatch = Cache(), steady(6)
    processes = [Process(cache, cloudwatch) for _ in range(data.draw(st.integers(2, 4)))]
    now = float(START)
    processes[0].run(now)
    for _ in range(data.draw(st.integers(1, 8))):
        now += data.draw(st.sampled_from([60, 300, 300, 700]))
        orders = st.lists(st.integers(0, len(processes) - 1), min_size=40, max_size=120)
        at_once(processes, cache, now, data.draw(orders))
    living = data.draw(st.lists(st.sampled_from(processes), min_size=1, unique_by=id))
    verify(processes, cloudwatch, settle(living, now), len(processes))
