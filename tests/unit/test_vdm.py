"""Rates of the Virtual Deliverability Manager: from literal answers of BatchGetMetricData to gauges."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from sweeping import NOW, Play, refused, values_of

from datadog_checks.amazon_ses.model import Failure, FailureKind
from datadog_checks.amazon_ses.sweeps import ApiRequest
from datadog_checks.amazon_ses.sweeps.vdm import INTERVAL, PROVIDERS, SOON, VDM

DAY = 86_400
TODAY = NOW // DAY * DAY
PLENTY = {
    'SEND': 2000, 'DELIVERY': 1900, 'PERMANENT_BOUNCE': 60, 'TRANSIENT_BOUNCE': 40, 'COMPLAINT': 1,
    'DELIVERY_COMPLAINT': 500,
}  # fmt: skip


class Aws:
    """An account whose providers have the same numbers on each of some days; ages are days before today."""

    def __init__(self, numbers: Mapping[str, Mapping[str, float]], ages: tuple[int, ...] = (1,)) -> None:
        self.numbers = numbers
        self.ages = ages
        self.errors: dict[str, str] = {}

    def __call__(self, request: ApiRequest) -> Mapping[str, Any] | Failure:
        assert request.operation == 'BatchGetMetricData' and 1 <= len(request.parameters['Queries']) <= 10
        results, errors = [], []
        for query in request.parameters['Queries']:
            assert query['Namespace'] == 'VDM' and query['EndDate'] % DAY == query['StartDate'] % DAY == 0
            if query['Metric'] in self.errors:
                errors.append({'Id': query['Id'], 'Code': self.errors[query['Metric']], 'Message': 'no'})
                continue
            value = self.numbers.get(query.get('Dimensions', {}).get('ISP', ''), {}).get(query['Metric'], 0)
            days = [TODAY - age * DAY for age in self.ages if value]
            results.append({'Id': query['Id'], 'Timestamps': days, 'Values': [value] * len(days)})
        return {'Results': results, 'Errors': errors}


def play(aws: Any, **context: Any) -> Play:
    return Play(VDM, aws, **{'vdm': True, **context}).run()


def test_rates_follow_the_formulae_of_aws() -> None:
    """Deliveries and bounces are shares of what was sent, complaints of what was delivered where they are reported."""
    shown = play(Aws({'': PLENTY, 'Gmail': {**PLENTY, 'DELIVERY': 1000}})).shown()
    for window in ('window:1d', 'window:7d'):
        assert shown['vdm.delivery_rate', window] == 95
        assert shown['vdm.permanent_bounce_rate', window] == 3
        assert shown['vdm.transient_bounce_rate', window] == 2
        assert shown['vdm.complaint_rate', window] == 0.2
        assert shown['vdm.delivery_rate', 'provider:gmail', window] == 50
    assert len(shown) == 16


def test_windows_are_complete_days_in_utc() -> None:
    """The running day counts nowhere, yesterday in both windows, the day a week ago in the week, and none before."""
    aws = Aws({'': PLENTY}, ages=(0, 8))
    assert play(aws).shown() == {}
    aws.ages = (0, 7, 8)
    assert set(values_of(play(aws).shown(), 'vdm.delivery_rate')) == {('window:7d',)}
    aws.ages = (1,)
    assert set(values_of(play(aws).shown(), 'vdm.delivery_rate')) == {('window:1d',), ('window:7d',)}


def test_few_sends_have_no_rates() -> None:
    """From 1,000 sends in a window on there are rates, and providers are asked for."""
    few = play(Aws({'': {**PLENTY, 'SEND': 999}}))
    assert few.shown() == {} and len(few.requests) == 1
    enough = play(Aws({'': {**PLENTY, 'SEND': 1000}, 'Yahoo': {**PLENTY, 'SEND': 999}}))
    assert enough.shown() and not any('provider:yahoo' in key for key in enough.shown())
    assert len(enough.requests) == 1 + len(PROVIDERS)


def test_nothing_is_asked_where_vdm_is_off_or_unknown() -> None:
    """Only where GetAccount says that it is on is anything asked, and what was known is hidden once it is off."""
    off = play(Aws({'': PLENTY}), vdm=False)
    assert off.requests == [] and off.shown() == {} and VDM.pending(off.state, off.context, off.now) == 0
    on = play(Aws({'': PLENTY}))
    assert on.shown() and VDM.pending(on.state, on.context, on.now) == 0
    assert list(VDM.readings(on.state, off.context, on.now)) == []


def test_providers_without_mail_are_asked_for_once_a_day() -> None:
    """All mail and providers with mail are read every hour, the others once a day."""
    playing = play(Aws({'': PLENTY, 'Gmail': PLENTY}, ages=(1, 2)))
    for _ in range(3):
        playing.requests.clear()
        playing.run(INTERVAL)
        assert [request.parameters['Queries'][0].get('Dimensions') for request in playing.requests] == [
            None,
            {'ISP': 'Gmail'},
        ]
    playing.requests.clear()
    playing.run(DAY - 2 * INTERVAL)
    assert len(playing.requests) == 1 + len(PROVIDERS)


def test_no_complaints_where_nobody_reports_them() -> None:
    """A provider without feedback loop has no complaint rate: it is unknown, and not zero."""
    silent = {**PLENTY, 'COMPLAINT': 0, 'DELIVERY_COMPLAINT': 0}
    assert values_of(play(Aws({'': silent})).shown(), 'vdm.complaint_rate') == {}
    quiet = {**PLENTY, 'COMPLAINT': 0}
    assert values_of(play(Aws({'': quiet})).shown(), 'vdm.complaint_rate') == {('window:1d',): 0, ('window:7d',): 0}


@pytest.mark.parametrize('code', ['INTERNAL_FAILURE', 'ACCESS_DENIED'])
def test_a_query_that_fails_costs_its_rate_alone(code: str) -> None:
    """An error of one query leaves out its rate, waits, and is asked again soon."""
    aws = Aws({'': PLENTY})
    aws.errors = {'DELIVERY': code}
    playing = play(aws)
    assert {key[0] for key in playing.shown()} == {
        'vdm.permanent_bounce_rate', 'vdm.transient_bounce_rate', 'vdm.complaint_rate',
    }  # fmt: skip
    assert VDM.pending(playing.state, playing.context, playing.now) == 1 + len(PROVIDERS)
    aws.errors = {}
    assert 'vdm.delivery_rate' in {key[0] for key in playing.run(SOON).shown()}


def test_no_query_answered_is_a_failure() -> None:
    """An answer of errors alone is told."""
    aws = Aws({'': PLENTY})
    aws.errors = dict.fromkeys(PLENTY, 'ACCESS_DENIED')
    playing = play(aws)
    assert [failure.kind for failure in playing.current.failures(playing.now)] == [FailureKind.MALFORMED]


@pytest.mark.parametrize(
    'answer',
    [
        {},
        {'Results': None},
        {'Results': [{}]},
        {'Results': [{'Id': 'q0', 'Timestamps': [TODAY], 'Values': []}]},
        {'Results': [{'Id': 'q0', 'Timestamps': ['x'], 'Values': [1]}]},
        {'Results': [{'Id': 'q0', 'Timestamps': [TODAY - DAY], 'Values': [-1]}]},
        {'Results': [{'Id': 'q0', 'Timestamps': [TODAY - DAY], 'Values': ['1']}]},
        {'Results': [{'Id': 'q9', 'Timestamps': [], 'Values': []}]},
        {'Results': [{'Id': 'x', 'Timestamps': [], 'Values': []}]},
    ],
)
def test_malformed_answers_change_nothing(answer: Mapping[str, Any]) -> None:
    """An answer of another form is a failure, and what was known is shown on."""
    playing = play(Aws({'': PLENTY}))
    before = playing.shown()
    playing.aws = lambda request: answer
    playing.run(INTERVAL)
    assert [failure.kind for failure in playing.current.failures(playing.now)] == [FailureKind.MALFORMED]
    assert playing.shown() == before


@pytest.mark.parametrize('kind', [FailureKind.DENIED, FailureKind.UNSUPPORTED, FailureKind.THROTTLED])
def test_what_fails_is_shown_on_for_three_hours(kind: FailureKind) -> None:
    """While AWS refuses, what was known is shown for three hours; a restart forgets it and asks again."""
    playing = play(Aws({'': PLENTY}))
    aws, playing.aws = playing.aws, lambda request: refused(request.operation, kind)
    assert playing.run(3 * INTERVAL - 1).shown()
    assert playing.run(1).shown() == {}
    playing.aws = aws
    assert playing.restart().run().shown() and VDM.read_at(playing.state) == playing.now
