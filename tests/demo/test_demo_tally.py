"""The tally of the demo."""

from __future__ import annotations

from demo.tally import Change, Key, Tally
from standalone.model import Run, Sample, ServiceCheck

TAGS = ('aws_account:123456789012', 'region:eu-west-1')


def test_gauges_are_replaced_and_counts_are_added() -> None:
    """A gauge keeps its last value and a count its total, each series by itself."""
    tally = Tally()
    for value in (1.0, 2.0):
        tally.add(
            Run(
                60 * value,
                0.0,
                metrics=[
                    Sample('a', 'gauge', value, TAGS, ''),
                    Sample('b', 'count', value, (*TAGS, 'operation:X'), ''),
                    Sample('b', 'count', 10.0, (*TAGS, 'operation:Y'), ''),
                ],
            )
        )

    assert tally.last == {Key('a', 'eu-west-1'): 2.0}
    assert tally.by_tags('b', 'eu-west-1') == {('operation:X',): 3.0, ('operation:Y',): 20.0}
    assert tally.total('b', 'eu-west-1') == 23.0
    assert tally.total('b', 'us-east-1') == 0.0
    assert (tally.runs, tally.samples, tally.accounts) == (2, 6, {'123456789012'})


def test_only_changes_of_a_service_check_are_recorded() -> None:
    """A level that stays is recorded once, with the time at which it began, whatever the request id of its message."""
    tally = Tally()
    denied = [f'denied: request id {number:08x}-2b30-489d-84f4-dbaf6e2899cf.' for number in range(2)]
    for time, status, message in ((60, 0, ''), (120, 0, ''), (180, 1, denied[0]), (240, 1, denied[1]), (300, 0, '')):
        tally.add(Run(time, 0.0, service_checks=[ServiceCheck('c', status, TAGS, '', message)]))

    assert tally.changes == {
        Key('c', 'eu-west-1'): [Change(60, 'OK', ''), Change(180, 'WARNING', denied[0]), Change(300, 'OK', '')]
    }


def test_events_and_errors_keep_their_time() -> None:
    """Each event and error has the time of its run."""
    tally = Tally()
    tally.add(Run(60, 0.0, events=[{'msg_title': 'paused'}], error='nothing can be read'))

    assert tally.events == [(60, {'msg_title': 'paused'})]
    assert tally.errors == [(60, 'nothing can be read')]


def test_a_gauge_that_is_no_longer_submitted_is_not_fresh() -> None:
    """A gauge that is submitted no more has no last value."""
    tally = Tally()
    tally.add(Run(60, 0.0, metrics=[Sample('a', 'gauge', 1.0, TAGS, ''), Sample('b', 'gauge', 1.0, TAGS, '')]))
    tally.add(Run(120, 0.0, metrics=[Sample('a', 'gauge', 2.0, TAGS, '')]))

    assert tally.fresh(120) == {Key('a', 'eu-west-1'): 2.0}


def test_every_sample_is_recorded_with_its_time() -> None:
    """The pictures show what was submitted: each value of each series, at the time of its run."""
    tally = Tally()
    for time in (60, 120):
        sample, status = Sample('a', 'gauge', time / 60, TAGS, ''), ServiceCheck('c', 1, TAGS, '', 'denied')
        tally.add(Run(time, 0.0, metrics=[sample], service_checks=[status]))

    assert tally.series == {('a', 'gauge', TAGS): [(60, 1.0), (120, 2.0)]}
    assert tally.statuses == {('c', TAGS): [(60, 1), (120, 1)]}
