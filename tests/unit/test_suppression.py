"""The suppression list: from literal answers of ListSuppressedDestinations to counts, without an address."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from sweeping import NOW, Play, refused, values_of

from datadog_checks.amazon_ses.model import Failure, FailureKind
from datadog_checks.amazon_ses.sweeps import ApiRequest
from datadog_checks.amazon_ses.sweeps.suppression import DELAY, INTERVAL, SUPPRESSION, SUPPRESSION_SIZE

DAY = 86_400
ADDED, SIZE = 'suppression.additions', 'suppression.size'


class Aws:
    """A list of addresses in pages of three, the newest first; `rows` are (reason, time)."""

    def __init__(self, *rows: tuple[str, float]) -> None:
        self.rows = list(rows)

    def __call__(self, request: ApiRequest) -> Mapping[str, Any] | Failure:
        assert request.operation == 'ListSuppressedDestinations' and 'PageSize' not in request.parameters
        start, end = request.parameters.get('StartDate', 0), request.parameters.get('EndDate', 1e12)
        matching = [row for row in self.rows if start < row[1] < end]
        first = int(request.parameters.get('NextToken', 0))
        page = [
            {'EmailAddress': f'jane.doe{place}@mail.example', 'Reason': reason, 'LastUpdateTime': at}
            for place, (reason, at) in enumerate(matching[first : first + 3])
        ]
        more = {'NextToken': str(first + 3)} if first + 3 < len(matching) else {}
        return {'SuppressedDestinationSummaries': page, **more}


def by_reason(play: Play, name: str = ADDED) -> dict[str, float]:
    return {tags[0].partition(':')[2]: value for tags, value in values_of(play.shown(), name).items()}


def test_additions_of_a_day_are_counted_by_reason() -> None:
    """The first round counts the last 24 hours over all pages, and what is older is not counted."""
    times = [NOW - 100 - place for place in range(7)]
    aws = Aws(*(('BOUNCE', at) for at in times), ('COMPLAINT', NOW - DAY + 60), ('BOUNCE', NOW - 2 * DAY))
    assert by_reason(Play(SUPPRESSION, aws).run()) == {'bounce': 7, 'complaint': 1}
    assert by_reason(Play(SUPPRESSION, Aws()).run()) == {'bounce': 0, 'complaint': 0}
    assert by_reason(Play(SUPPRESSION, Aws(('NEW_REASON', NOW - 100))).run())['other'] == 1


def test_each_addition_counts_once_for_a_day() -> None:
    """Round after round, also over restarts, each addition counts once, from a minute after it on, and for a day."""
    aws = Aws()
    play = Play(SUPPRESSION, aws).run()
    times = [NOW + 7 * place for place in range(2 * INTERVAL // 7)]
    aws.rows = [('BOUNCE', float(at)) for at in times]
    for _ in range(5):
        play.restart().run(INTERVAL)
        until = int(play.now) - DELAY
        assert by_reason(play)['bounce'] == sum(at < until for at in times)
    for _ in range(DAY // INTERVAL - 1):
        play.run(INTERVAL)
    assert by_reason(play)['bounce'] == 0
    asked = [request.parameters for request in play.requests if 'NextToken' not in request.parameters]
    assert all(later['StartDate'] >= earlier['StartDate'] for earlier, later in zip(asked, asked[1:], strict=False))


def test_an_absence_is_caught_up_with() -> None:
    """After hours without a run the gap is counted, and after days the last day."""
    aws = Aws()
    play = Play(SUPPRESSION, aws).run()
    aws.rows = [('BOUNCE', NOW + 600.0), ('COMPLAINT', NOW + 5 * 3600.0)]
    assert by_reason(play.restart().run(8 * 3600)) == {'bounce': 1, 'complaint': 1}
    aws.rows.append(('BOUNCE', NOW + 5 * DAY - 100))
    assert by_reason(play.restart().run(5 * DAY - 8 * 3600)) == {'bounce': 1, 'complaint': 0}


def test_the_size_is_counted_once_a_day() -> None:
    """All pages are read once a day, each after everything else, and the size outlives a restart."""
    aws = Aws(*(('BOUNCE', NOW - place * DAY) for place in range(7)), ('COMPLAINT', NOW))
    play = Play(SUPPRESSION_SIZE, aws).run()
    assert by_reason(play, SIZE) == {'bounce': 7, 'complaint': 1}
    assert len(play.requests) == 3 and all(request.rolling for request in play.requests)
    play.restart().run(DAY - 1)
    assert len(play.requests) == 3 and by_reason(play, SIZE)['bounce'] == 7
    assert len(play.run(1).requests) == 6
    assert SUPPRESSION_SIZE.read_at(play.state) == play.now


@pytest.mark.parametrize('sweep', [SUPPRESSION, SUPPRESSION_SIZE])
def test_no_address_is_kept(sweep: Any) -> None:
    """Of an entry only its reason is kept: neither the state nor the document has an address or a token, mid-round."""
    play = Play(sweep, Aws(*(('BOUNCE', NOW - 100 - place) for place in range(7)))).run(most=2)
    assert 'jane' not in repr(play.state) and play.state.paging.begun_at is not None
    assert 'jane' not in json.dumps(sweep.to_document(play.state)) and sweep.pending(play.state, play.context, NOW) == 1
    assert 'jane' not in repr(play.run().state) and sweep.pending(play.state, play.context, NOW) == 0


ROW = {'EmailAddress': 'x', 'Reason': 'BOUNCE', 'LastUpdateTime': NOW}


@pytest.mark.parametrize('sweep', [SUPPRESSION, SUPPRESSION_SIZE])
@pytest.mark.parametrize(
    'answer',
    [
        {},
        {'SuppressedDestinationSummaries': None},
        {'SuppressedDestinationSummaries': ['x']},
        {'SuppressedDestinationSummaries': [{**ROW, 'Reason': None, 'LastUpdateTime': 'x'}, {}]},
        {'SuppressedDestinationSummaries': [], 'NextToken': 7},
    ],
)
def test_malformed_answers_change_nothing(sweep: Any, answer: Mapping[str, Any]) -> None:
    """An answer of another form is a failure, and what was known is shown on."""
    play = Play(sweep, Aws(('BOUNCE', NOW - 100))).run()
    before = play.shown()
    play.aws = lambda request: answer
    play.run(DAY if sweep is SUPPRESSION_SIZE else INTERVAL, most=1)
    assert [failure.kind for failure in play.current.failures(play.now)] == [FailureKind.MALFORMED]
    assert play.shown() == before


@pytest.mark.parametrize(('sweep', 'interval'), [(SUPPRESSION, INTERVAL), (SUPPRESSION_SIZE, DAY)])
def test_a_list_without_end_counts_nothing(sweep: Any, interval: int) -> None:
    """Where AWS's pages never end, or it refuses a token, nothing of the round counts, something waits, and the next
    round counts all of it."""
    aws = Aws(('BOUNCE', NOW - 100))
    play = Play(sweep, aws).run()
    before = play.shown()
    aws.rows += [('BOUNCE', NOW + 10.0 + place) for place in range(5)]
    play.aws = lambda request: {**aws(request), 'NextToken': 'again'} if 'NextToken' not in request.parameters else (
        {'SuppressedDestinationSummaries': [ROW], 'NextToken': 'again'}
    )  # fmt: skip
    play.run(interval)
    assert play.shown() == before and sweep.pending(play.state, play.context, play.now) == 1
    play.aws = aws
    play.run(interval)
    name = SIZE if sweep is SUPPRESSION_SIZE else ADDED
    assert by_reason(play, name)['bounce'] == 6 and sweep.pending(play.state, play.context, play.now) == 0


@pytest.mark.parametrize('kind', [FailureKind.DENIED, FailureKind.UNSUPPORTED, FailureKind.THROTTLED])
def test_what_fails_is_shown_on_for_an_hour(kind: FailureKind) -> None:
    """While AWS refuses, what was known is shown for an hour, and then nothing is."""
    play = Play(SUPPRESSION, Aws(('BOUNCE', NOW - 100))).run()
    play.aws = lambda request: refused(request.operation, kind)
    assert play.run(3 * INTERVAL - DELAY - 1).shown() and play.run(2).shown() == {}
