"""Malformed answers with status 200, from CloudWatch or from a proxy before it, in each protocol that botocore has.

Everything goes over HTTP. Some versions of botocore raise an error for such an answer, others return an empty success.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import botocore.model
import botocore.session
import pytest
from common import ACCOUNT, KEY, REGION, Driver

from datadog_checks.amazon_ses.aws import json_protocol
from datadog_checks.amazon_ses.cloudwatch import queries
from simulator import Clock, Fault, Simulator, series_id
from simulator.scenarios import Family, Scenario

pytestmark = [
    pytest.mark.usefixtures('no_waiting'),
    # A worker that dies leaves its run to wait for the deadline.
    pytest.mark.filterwarnings('error::pytest.PytestUnhandledThreadExceptionWarning'),
]

MakeDriver = Callable[..., Driver]
OK, WARNING = 0, 1
HOUR = 3600
SET = {'ses:configuration-set': 'set-00000'}
PROTOCOLS = {'query': 'query', 'json': 'json', 'plain json': 'json', 'cbor': 'smithy-rpc-v2-cbor'}
"""Botocore's names of the protocols of CloudWatch. The check reads JSON itself; with `plain json` botocore does."""


@cache
def client_protocol(order: tuple[str, ...]) -> str:
    """The protocol of new CloudWatch clients where protocols are preferred in this order, by botocore's name."""
    session = botocore.session.Session()
    model = session.get_service_model('cloudwatch')
    return getattr(model, 'resolved_protocol', None) or model.metadata['protocol']


@pytest.fixture(params=PROTOCOLS)
def protocol(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Makes new CloudWatch clients use a protocol. Skips, with a reason, where this botocore does not offer it."""
    name = PROTOCOLS[request.param]
    if request.param == 'plain json':
        monkeypatch.setattr(json_protocol, 'speaks_json', lambda client: False)
    order = (name, *(other for other in ('rest-json', *PROTOCOLS.values()) if other != name))
    monkeypatch.setattr(botocore.model, 'PRIORITY_ORDERED_SUPPORTED_PROTOCOLS', order)
    if client_protocol(order) != name:
        pytest.skip(f'botocore {botocore.__version__} does not call CloudWatch with {name}')
    return request.param


def without(*names: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Removes keys from each entry of the lists in a result."""
    return lambda result: {
        key: [{name: value for name, value in entry.items() if name not in names} for entry in entries]
        if isinstance(entries, list)
        else entries
        for key, entries in result.items()
    }


def within(change: Callable[[list[Any]], list[Any]], name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Changes a list of a result, and nothing else."""
    return lambda result: {**result, name: change(list(result.get(name) or ()))}


def no_values(metrics: list[Any]) -> list[Any]:
    """Leaves only the names of each metric's dimensions."""
    return [
        {**metric, 'Dimensions': [{'Name': dimension['Name']} for dimension in metric.get('Dimensions') or ()]}
        for metric in metrics
    ]


def shifted(result: dict[str, Any]) -> dict[str, Any]:
    """Moves timestamps off the period."""
    return {
        **result,
        'MetricDataResults': [
            {**series, 'Timestamps': [at + 61 for at in series['Timestamps']]} for series in result['MetricDataResults']
        ],
    }


def uneven(result: dict[str, Any]) -> dict[str, Any]:
    """Adds a value without a timestamp."""
    return {
        **result,
        'MetricDataResults': [{**series, 'Values': [*series['Values'], 7.0]} for series in result['MetricDataResults']],
    }


ANYWHERE: dict[str, tuple[str, Any]] = {
    'truncated': ('truncate', 0.5),
    'nearly whole': ('truncate', 0.98),
    'page of a proxy': ('html', None),
    'page that is no XML': ('html', '<!doctype html><p>Sign in<br>&nbsp;'),
    'nothing': ('empty', None),
    'bytes': ('garbage', None),
    'missing key': ('empty_results', None),
    'tokens without end': ('token_loop', None),
    'another document of XML': ('garbage', '<Other xmlns="urn:other"><A>1</A></Other>'),
    'another document of JSON': ('garbage', '{"Other": {"A": 1}}'),
    'a list': ('garbage', '[1, 2]'),
    'a number': ('garbage', '7'),
    'null': ('garbage', 'null'),
}
METRIC_DATA: dict[str, tuple[str, Any]] = {
    **ANYWHERE,
    'wrong ids': ('wrong_ids', None),
    'no ids': ('mutate', without('Id')),
    'no status': ('mutate', without('StatusCode')),
    'no timestamps': ('mutate', without('Timestamps')),
    'off the period': ('mutate', shifted),
    'uneven': ('mutate', uneven),
}
LISTING: dict[str, tuple[str, Any]] = {
    **ANYWHERE,
    'no names': ('mutate', without('MetricName')),
    'no dimensions': ('mutate', without('Dimensions')),
    'dimensions without values': ('mutate', within(no_values, 'Metrics')),
    'too few owners': ('mutate', within(lambda _: [ACCOUNT], 'OwningAccounts')),
    'too many owners': ('mutate', within(lambda _: [ACCOUNT] * 600, 'OwningAccounts')),
}

POINT = '"StatusCode": "Complete", "Timestamps": [%s], "Values": [%s]'
WRONG_TYPES = {
    'results of null': '{"MetricDataResults": [null]}',
    'results of text': '{"MetricDataResults": ["q0"]}',
    'results as a map': '{"MetricDataResults": {"Id": "q0"}}',
    'results as text': '{"MetricDataResults": "q0"}',
    'id that only looks like one': '{"MetricDataResults": [{"Id": "q\u00b2", ' + POINT % ('1790000100', '7') + '}]}',
    'id beyond all': '{"MetricDataResults": [{"Id": "q9999", ' + POINT % ('1790000100', '7') + '}]}',
    'time without end': '{"MetricDataResults": [{"Id": "q0", ' + POINT % ('1e999', '7') + '}]}',
    'time of no kind': '{"MetricDataResults": [{"Id": "q0", ' + POINT % ('{"at": 1}', '7') + '}]}',
    'time as text': '{"MetricDataResults": [{"Id": "q0", ' + POINT % ('"soon"', '7') + '}]}',
    'value without end': '{"MetricDataResults": [{"Id": "q0", ' + POINT % ('1790000100', '1e999') + '}]}',
    'value that is none': '{"MetricDataResults": [{"Id": "q0", ' + POINT % ('1790000100', 'NaN') + '}]}',
    'value as text': '{"MetricDataResults": [{"Id": "q0", ' + POINT % ('1790000100', '"7"') + '}]}',
    'value as a map': '{"MetricDataResults": [{"Id": "q0", ' + POINT % ('1790000100', '{"a": 7}') + '}]}',
    'value of null': '{"MetricDataResults": [{"Id": "q0", ' + POINT % ('1790000100', 'null') + '}]}',
    'times as a number': '{"MetricDataResults": [{"Id": "q0", "StatusCode": "Complete", "Timestamps": 7}]}',
    'token of no kind': '{"MetricDataResults": [], "NextToken": {"a": 1}}',
    'token as a number': '{"MetricDataResults": [], "NextToken": 7}',
    'time before all that was asked for': '{"MetricDataResults": [{"Id": "q0", ' + POINT % ('1690000200', '7') + '}]}',
    'time after all that was asked for': '{"MetricDataResults": [{"Id": "q0", ' + POINT % ('1990000200', '7') + '}]}',
    'value that is true': '{"MetricDataResults": [{"Id": "q0", ' + POINT % ('1790000100', 'true') + '}]}',
    'results of results': '{"MetricDataResults": [[{"Id": "q0"}]]}',
}
LISTED = (
    '{"Metrics": [{"Namespace": "AWS/SES", "MetricName": "Send", "Dimensions": '
    '[{"Name": "ses:configuration-set", "Value": "new"}]}], "OwningAccounts": [%s]}'
)
WRONG_LISTS = {
    'metrics of null': '{"Metrics": [null]}',
    'metrics of text': '{"Metrics": ["Send"]}',
    'metrics as a map': '{"Metrics": {"MetricName": "Send"}}',
    'metrics as a number': '{"Metrics": 7}',
    'dimensions of null': '{"Metrics": [{"MetricName": "Send", "Dimensions": [null]}]}',
    'dimensions as text': '{"Metrics": [{"MetricName": "Send", "Dimensions": "all"}]}',
    'name as a map': '{"Metrics": [{"MetricName": {"a": 1}, "Dimensions": []}]}',
    'value as a number': '{"Metrics": [{"MetricName": "Send", "Dimensions": '
    '[{"Name": "ses:configuration-set", "Value": 7}]}]}',
    'token of no kind': '{"Metrics": [], "NextToken": [1]}',
    'token as a number': '{"Metrics": [], "NextToken": 7}',
    'no metrics but null': '{"Metrics": null}',
    'no metrics but text': '{"Metrics": ""}',
    'no metrics but a map': '{"Metrics": {}}',
    'owner of null': LISTED % 'null',
    'owner as a number': LISTED % '7',
    'owner as a map': LISTED % '{"a": 1}',
}

VALUES_ARE_TRUE = {'tokens without end', 'no status'}
"""Harms that leave the values unchanged, so the values are counted."""

EMPTY_TO_BOTOCORE = {'no metrics but text', 'no metrics but a map'}
"""Harms that botocore reads as an empty list."""


class TwoSeries:
    """A check of an account with a mail a minute and of a configuration set with a mail a minute, visible at once."""

    def __init__(self, make_driver: MakeDriver, start: Callable[..., Simulator], clock: Clock) -> None:
        family = Family(dimensions=('ses:configuration-set',), count=1, patterns=('set-{:05d}',), mail=('Send',))
        self.sim = start(Scenario('put', 'only what a test puts there', volume=0.0, gauges=(), families=(family,)))
        self.clock = clock
        self.put_to = clock() // 60 * 60 - HOUR
        self.driver = make_driver(self.sim, collect=['account', 'cloudwatch', 'configuration_sets'])

    def run(self) -> None:
        """Five minutes later, a run that must not fail."""
        self.clock.advance(300)
        while self.put_to < self.clock():
            for dimensions in ((), SET):
                self.sim.world.put(ACCOUNT, REGION, series_id('Send', dimensions), self.put_to, 1)
            self.put_to += 60
        assert self.driver.run() == ''

    def runs(self, number: int) -> None:
        """A number of such runs."""
        for _ in range(number):
            self.run()

    @property
    def submitted(self) -> tuple[float, float]:
        """The counts submitted so far: of the account, of the configuration set."""
        return self.driver.total('send.count'), self.driver.total('configuration_set.send.count')

    @property
    def truth(self) -> tuple[float, float]:
        """The counts that a check without any loss has submitted by now: all that CloudWatch shows."""
        since = self.driver.last('collector.counting_since')
        return self.driver.cloudwatch_sum('Send', since), self.driver.cloudwatch_sum('Send', since, dimensions=SET)

    def reasons(self, operation: str) -> set[str]:
        """The kinds of failure that `can_connect` names for an operation."""
        return set(re.findall(rf'{operation}: (\w+):', self.driver.status('can_connect')[1]))


@contextmanager
def naming(harm: str) -> Iterator[None]:
    """Names the harm in a failure, because many are tried in one story."""
    try:
        yield
    except BaseException as failure:
        failure.add_note(f'harm: {harm}')
        raise


@pytest.fixture
def story(make_driver: MakeDriver, start: Callable[..., Simulator], clock: Clock) -> TwoSeries:
    story = TwoSeries(make_driver, start, clock)
    story.runs(12)
    assert story.submitted == story.truth and min(story.truth) > 0
    assert story.driver.status('can_connect') == (OK, '')
    return story


def run_with_harmed_metric_data(
    story: TwoSeries, fault: Fault, complete: bool = False, kind: str = 'malformed'
) -> None:
    """Runs under a fault of GetMetricData, then without it. `complete`: the answer was complete and may be counted.

    `kind` is the kind of failure. An older botocore reports a body that ends early as a failure of the network.
    """
    before, gauges = story.submitted, set(story.driver.values('send'))
    kinds = {kind, 'network'} if fault.kind == 'truncate' else {kind}
    story.sim.faults.add(fault)
    for _ in range(3):
        story.run()
        assert story.driver.status('can_connect')[0] == WARNING
        assert story.reasons('GetMetricData') and story.reasons('GetMetricData') <= kinds
        assert story.submitted == (story.truth if complete else before)
        assert set(story.driver.values('send')) <= gauges
    assert fault.hits >= 3 and story.sim.log.count(error='SimulatorDefect') == 0
    story.sim.faults.clear()
    story.run()
    assert story.driver.status('can_connect') == (OK, '')
    assert story.submitted == story.truth
    assert story.driver.total('collector.periods_skipped') == 0


def run_with_harmed_listing(story: TwoSeries, fault: Fault) -> None:
    """Runs under a fault of ListMetrics, which is called every 15 minutes, then without it."""
    series, dropped = story.driver.last('collector.series'), set(story.driver.values('collector.series_dropped'))
    story.sim.faults.add(fault)
    statuses = []
    for _ in range(8):
        story.run()
        assert story.submitted == story.truth
        assert story.driver.last('collector.series') == series
        assert set(story.driver.values('collector.series_dropped')) == dropped
        level, _ = story.driver.status('can_connect')
        statuses.append((level, frozenset(story.reasons('ListMetrics'))))
    assert fault.hits >= 1 and story.sim.log.count(error='SimulatorDefect') == 0
    assert {level for level, _ in statuses} <= {OK, WARNING} and statuses[-1][0] == WARNING
    kinds = {'malformed', 'network'} if fault.kind == 'truncate' else {'malformed'}
    assert {reason for _, reasons in statuses for reason in reasons} <= kinds
    story.sim.faults.clear()
    story.runs(4)
    assert story.driver.status('can_connect') == (OK, '')
    assert story.submitted == story.truth


def test_malformed_metric_data_cost_no_count(protocol: str, story: TwoSeries) -> None:
    """A malformed GetMetricData answer is reported and adds no value; the next good answer brings every count."""
    for harm, (kind, argument) in METRIC_DATA.items():
        with naming(harm):
            run_with_harmed_metric_data(
                story,
                Fault(kind, operation='GetMetricData', argument=argument),
                complete=kind == 'token_loop',
                kind='partial' if harm == 'no status' else 'malformed',
            )


@pytest.mark.parametrize('protocol', ['json', 'plain json'], indirect=True)
def test_metric_data_of_wrong_types_are_malformed(protocol: str, story: TwoSeries) -> None:
    """A GetMetricData answer in JSON with a value of a wrong type is reported as malformed, whichever value it is."""
    for harm, answer in WRONG_TYPES.items():
        with naming(harm):
            run_with_harmed_metric_data(story, Fault('garbage', operation='GetMetricData', argument=answer))


@pytest.mark.parametrize(
    'harm', ['nearly whole', 'page of a proxy', 'missing key', 'tokens without end', 'wrong ids', 'no status', 'uneven']
)
def test_a_malformed_batch_costs_that_batch(
    protocol: str, make_driver: MakeDriver, start: Callable[..., Simulator], clock: Clock, harm: str, monkeypatch: Any
) -> None:
    """While the answer to one request of several is malformed, the series of the others are counted as before; the next
    good answer brings the missing counts."""
    monkeypatch.setattr(queries, 'MAX_QUERIES', 1)
    story = TwoSeries(make_driver, start, clock)
    story.runs(12)
    kind, argument = METRIC_DATA[harm]
    harmed = story.sim.faults.add(Fault(kind, operation='GetMetricData', argument=argument, holds='set-00000'))
    before = story.submitted[1]
    for _ in range(3):
        story.run()
        assert story.driver.status('can_connect')[0] == WARNING
        assert story.submitted == (story.truth[0], story.truth[1] if harm in VALUES_ARE_TRUE else before)
    assert harmed.hits >= 3
    story.sim.faults.clear()
    story.run()
    assert story.submitted == story.truth
    assert story.driver.status('can_connect') == (OK, '')


def test_a_metric_listed_twice_is_counted_once(protocol: str, story: TwoSeries) -> None:
    """A metric that is listed twice is a single series, counted once."""
    series = story.driver.last('collector.series')
    fault = story.sim.faults.add(
        Fault('mutate', operation='ListMetrics', argument=within(lambda metrics: [*metrics, *metrics], 'Metrics'))
    )
    for _ in range(16):
        story.run()
        assert story.driver.last('collector.series') == series
        assert story.submitted == story.truth
        assert story.driver.status('can_connect') == (OK, '')
    assert fault.hits >= 4


@pytest.mark.parametrize('harm', ['truncated', 'page of a proxy', 'missing key', 'no names', 'too many owners'])
def test_a_malformed_second_page_costs_no_series(protocol: str, story: TwoSeries, harm: str) -> None:
    """When the second page of a listing is malformed, the series of the first page and all earlier ones are counted."""
    kind, argument = LISTING[harm]
    series = story.driver.last('collector.series')
    first_page = Fault('mutate', operation='ListMetrics', argument=lambda result: {**result, 'NextToken': 'next'})
    story.sim.faults.add(Fault(kind, operation='ListMetrics', argument=argument, holds='next'))
    story.sim.faults.add(first_page)
    for _ in range(4):
        story.run()
        assert story.submitted == story.truth
    assert first_page.hits >= 1
    assert story.driver.last('collector.series') == series
    assert story.driver.status('can_connect')[0] == WARNING
    story.sim.faults.clear()
    story.runs(4)
    assert story.submitted == story.truth
    assert story.driver.status('can_connect') == (OK, '')


def test_malformed_listings_cost_no_series(protocol: str, story: TwoSeries) -> None:
    """A malformed ListMetrics answer is reported, and the series listed before are counted without a gap."""
    for harm, (kind, argument) in LISTING.items():
        with naming(harm):
            run_with_harmed_listing(story, Fault(kind, operation='ListMetrics', argument=argument))


@pytest.mark.parametrize('protocol', ['json', 'plain json'], indirect=True)
def test_listings_of_wrong_types_are_malformed(protocol: str, story: TwoSeries) -> None:
    """A ListMetrics answer in JSON with a value of a wrong type is reported as malformed."""
    for harm, answer in WRONG_LISTS.items():
        if protocol != 'plain json' or harm not in EMPTY_TO_BOTOCORE:
            with naming(harm):
                run_with_harmed_listing(story, Fault('garbage', operation='ListMetrics', argument=answer))


def test_protocols_agree(protocol: str, story: TwoSeries) -> None:
    """In an hour without faults the counts are exactly those of CloudWatch, with each protocol."""
    story.runs(12)
    assert story.submitted == story.truth
    assert {request.access_key for request in story.sim.log} == {KEY}
    assert story.driver.values('collector.api_errors') == []
