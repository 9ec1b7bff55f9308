"""What CloudWatch, or something that stands in its way, may answer with status 200, in each protocol that botocore has.

Everything goes over HTTP. A botocore that reads such an answer may raise, or may say that all is well.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import botocore.model
import botocore.session
import pytest
from common import ACCOUNT, KEY, REGION, Watch

from datadog_checks.amazon_ses.aws import json_protocol
from datadog_checks.amazon_ses.cloudwatch import queries
from simulator import Clock, Fault, Simulator
from simulator.scenarios import Family, Scenario

pytestmark = [
    pytest.mark.usefixtures('no_waiting'),
    # A worker that dies leaves its run to wait for the deadline.
    pytest.mark.filterwarnings('error::pytest.PytestUnhandledThreadExceptionWarning'),
]

Watching = Callable[..., Watch]
OK, WARNING = 0, 1
HOUR = 3600
EMPTY = Scenario('empty', 'nothing but what a test puts there', volume=0.0, gauges=())
SET = {'ses:configuration-set': 'set-00000'}
PROTOCOLS = {'query': 'query', 'json': 'json', 'plain json': 'json', 'cbor': 'smithy-rpc-v2-cbor'}
"""How CloudWatch is spoken to. JSON goes the short way; `plain json` leaves it to botocore, as the other two are."""


def spoken() -> str:
    """What new CloudWatch clients speak, by botocore's name of the protocol."""
    session = botocore.session.Session()
    model = session.get_service_model('cloudwatch')
    return getattr(model, 'resolved_protocol', None) or model.metadata['protocol']


@pytest.fixture(params=PROTOCOLS)
def protocol(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Makes new CloudWatch clients speak one protocol; skips, and says so, where this botocore does not offer it."""
    wanted = PROTOCOLS[request.param]
    if request.param == 'plain json':
        monkeypatch.setattr(json_protocol, 'speaks_json', lambda client: False)
    order = (wanted, *(one for one in ('rest-json', *PROTOCOLS.values()) if one != wanted))
    monkeypatch.setattr(botocore.model, 'PRIORITY_ORDERED_SUPPORTED_PROTOCOLS', order)
    if spoken() != wanted:
        pytest.skip(f'botocore {botocore.__version__} does not speak {wanted} to CloudWatch')
    return request.param


def without(*names: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Takes keys away from everything that a result lists."""
    return lambda result: {
        key: [{name: value for name, value in one.items() if name not in names} for one in listed]
        if isinstance(listed, list)
        else listed
        for key, listed in result.items()
    }


def within(change: Callable[[list[Any]], list[Any]], name: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Changes one list of a result, and nothing else."""
    return lambda result: {**result, name: change(list(result.get(name) or ()))}


def no_values(metrics: list[Any]) -> list[Any]:
    """The dimensions of each metric have names only."""
    return [
        {**one, 'Dimensions': [{'Name': dimension['Name']} for dimension in one.get('Dimensions') or ()]}
        for one in metrics
    ]


def shifted(result: dict[str, Any]) -> dict[str, Any]:
    """Timestamps that are off the period."""
    return {
        **result,
        'MetricDataResults': [
            {**one, 'Timestamps': [at + 61 for at in one['Timestamps']]} for one in result['MetricDataResults']
        ],
    }


def uneven(result: dict[str, Any]) -> dict[str, Any]:
    """More values than timestamps."""
    return {
        **result,
        'MetricDataResults': [{**one, 'Values': [*one['Values'], 7.0]} for one in result['MetricDataResults']],
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
"""Harms that leave values as they are, so they are counted."""

EMPTY_TO_BOTOCORE = {'no metrics but text', 'no metrics but a map'}


class Story:
    """A check whose world holds one mail a minute of the account, and one of a configuration set, at once visible."""

    def __init__(self, watch: Watching, start: Callable[..., Simulator], clock: Clock) -> None:
        family = Family(dimensions=('ses:configuration-set',), count=1, patterns=('set-{:05d}',), events={'Send': 1.0})
        self.sim = start(Scenario('put', EMPTY.summary, volume=0.0, gauges=(), families=(family,)))
        self.clock = clock
        self.put_to = clock() // 60 * 60 - HOUR
        self.watch = watch(self.sim, collect=['account', 'cloudwatch', 'configuration_sets'])

    def run(self) -> None:
        """Five minutes, then a run that must not end as a failed one."""
        self.clock.advance(300)
        while self.put_to < self.clock():
            for dimensions in ((), SET):
                self.sim.world.put(ACCOUNT, REGION, 'Send', self.put_to, 1, dimensions)
            self.put_to += 60
        assert self.watch.run() == ''

    def runs(self, number: int) -> None:
        for _ in range(number):
            self.run()

    @property
    def handed(self) -> tuple[float, float]:
        """Counts handed over so far: of the account, of the configuration set."""
        return self.watch.total('send.count'), self.watch.total('configuration_set.send.count')

    @property
    def truth(self) -> tuple[float, float]:
        """What a check that misses nothing has handed over by now: all that CloudWatch shows."""
        since = self.watch.last('collector.counting_since')
        return self.watch.truth('Send', since), self.watch.truth('Send', since, dimensions=SET)

    def reasons(self, operation: str) -> set[str]:
        """The kinds of failure that `can_connect` names for an operation."""
        return set(re.findall(rf'{operation}: (\w+):', self.watch.status('can_connect')[1]))


@pytest.fixture
def story(watch: Watching, start: Callable[..., Simulator], clock: Clock) -> Story:
    story = Story(watch, start, clock)
    story.runs(12)
    assert story.handed == story.truth and min(story.truth) > 0
    assert story.watch.status('can_connect') == (OK, '')
    return story


def harmed_metric_data(story: Story, fault: Fault, whole: bool = False, told: str = 'malformed') -> None:
    """Runs under a fault of GetMetricData, then without it. `whole`: what came was whole, and may be counted.

    `told` is the kind of failure; an older botocore tells a body that ends early as a failure of the network.
    """
    before, shown = story.handed, set(story.watch.values('send'))
    kinds = {told, 'network'} if fault.kind == 'truncate' else {told}
    story.sim.faults.add(fault)
    for _ in range(3):
        story.run()
        assert story.watch.status('can_connect')[0] == WARNING
        assert story.reasons('GetMetricData') and story.reasons('GetMetricData') <= kinds
        assert story.handed == (story.truth if whole else before)
        assert set(story.watch.values('send')) <= shown
    assert fault.hits >= 3 and story.sim.log.count(error='SimulatorDefect') == 0
    story.sim.faults.clear()
    story.run()
    assert story.watch.status('can_connect') == (OK, '')
    assert story.handed == story.truth
    assert story.watch.total('collector.periods_skipped') == 0


def harmed_listing(story: Story, fault: Fault) -> None:
    """Runs under a fault of ListMetrics, which is asked each 15 minutes, then without it."""
    series, shown = story.watch.last('collector.series'), set(story.watch.values('collector.series_dropped'))
    story.sim.faults.add(fault)
    told = []
    for _ in range(8):
        story.run()
        assert story.handed == story.truth
        assert story.watch.last('collector.series') == series
        assert set(story.watch.values('collector.series_dropped')) == shown
        level, _ = story.watch.status('can_connect')
        told.append((level, frozenset(story.reasons('ListMetrics'))))
    assert fault.hits >= 1 and story.sim.log.count(error='SimulatorDefect') == 0
    assert {level for level, _ in told} <= {OK, WARNING} and told[-1][0] == WARNING
    kinds = {'malformed', 'network'} if fault.kind == 'truncate' else {'malformed'}
    assert {reason for _, reasons in told for reason in reasons} <= kinds
    story.sim.faults.clear()
    story.runs(4)
    assert story.watch.status('can_connect') == (OK, '')
    assert story.handed == story.truth


@pytest.mark.parametrize('harm', METRIC_DATA)
def test_metric_data(protocol: str, story: Story, harm: str) -> None:
    """A GetMetricData answer that is none is told as such, invents nothing, and costs no count once one comes again."""
    kind, argument = METRIC_DATA[harm]
    harmed_metric_data(
        story,
        Fault(kind, operation='GetMetricData', argument=argument),
        whole=kind == 'token_loop',
        told='partial' if harm == 'no status' else 'malformed',
    )


@pytest.mark.parametrize('harm', WRONG_TYPES)
@pytest.mark.parametrize('protocol', ['json', 'plain json'], indirect=True)
def test_metric_data_of_wrong_types(protocol: str, story: Story, harm: str) -> None:
    """JSON whose values are not of the types that the API promises is told as malformed, whichever value it is."""
    harmed_metric_data(story, Fault('garbage', operation='GetMetricData', argument=WRONG_TYPES[harm]))


@pytest.mark.parametrize(
    'harm', ['nearly whole', 'page of a proxy', 'missing key', 'tokens without end', 'wrong ids', 'no status', 'uneven']
)
def test_one_batch_of_many(
    protocol: str, watch: Watching, start: Callable[..., Simulator], clock: Clock, harm: str, monkeypatch: Any
) -> None:
    """When the answer to one request of many is none, the series of the others are counted on as if nothing were, and
    what was missed comes once an answer comes again."""
    monkeypatch.setattr(queries, 'MAX_QUERIES', 1)
    story = Story(watch, start, clock)
    story.runs(12)
    kind, argument = METRIC_DATA[harm]
    harmed = story.sim.faults.add(Fault(kind, operation='GetMetricData', argument=argument, holds='set-00000'))
    before = story.handed[1]
    for _ in range(3):
        story.run()
        assert story.watch.status('can_connect')[0] == WARNING
        assert story.handed == (story.truth[0], story.truth[1] if harm in VALUES_ARE_TRUE else before)
    assert harmed.hits >= 3
    story.sim.faults.clear()
    story.run()
    assert story.handed == story.truth
    assert story.watch.status('can_connect') == (OK, '')


def test_a_listing_that_repeats_itself(protocol: str, story: Story) -> None:
    """A metric that is listed twice is one series, counted once."""
    series = story.watch.last('collector.series')
    fault = story.sim.faults.add(
        Fault('mutate', operation='ListMetrics', argument=within(lambda metrics: [*metrics, *metrics], 'Metrics'))
    )
    for _ in range(16):
        story.run()
        assert story.watch.last('collector.series') == series
        assert story.handed == story.truth
        assert story.watch.status('can_connect') == (OK, '')
    assert fault.hits >= 4


@pytest.mark.parametrize('harm', ['truncated', 'page of a proxy', 'missing key', 'no names', 'too many owners'])
def test_the_second_page_of_a_listing(protocol: str, story: Story, harm: str) -> None:
    """When a page of a listing is none, what the page before it named is kept and counted, and the rest as before."""
    kind, argument = LISTING[harm]
    series = story.watch.last('collector.series')
    first = Fault('mutate', operation='ListMetrics', argument=lambda result: {**result, 'NextToken': 'next'})
    story.sim.faults.add(Fault(kind, operation='ListMetrics', argument=argument, holds='next'))
    story.sim.faults.add(first)
    for _ in range(4):
        story.run()
        assert story.handed == story.truth
    assert first.hits >= 1
    assert story.watch.last('collector.series') == series
    assert story.watch.status('can_connect')[0] == WARNING
    story.sim.faults.clear()
    story.runs(4)
    assert story.handed == story.truth
    assert story.watch.status('can_connect') == (OK, '')


@pytest.mark.parametrize('harm', LISTING)
def test_listing(protocol: str, story: Story, harm: str) -> None:
    """A ListMetrics answer that is none is told as such, and what was found before is counted on without a gap."""
    kind, argument = LISTING[harm]
    harmed_listing(story, Fault(kind, operation='ListMetrics', argument=argument))


@pytest.mark.parametrize('harm', WRONG_LISTS)
@pytest.mark.parametrize('protocol', ['json', 'plain json'], indirect=True)
def test_listing_of_wrong_types(protocol: str, story: Story, harm: str) -> None:
    """A listing in JSON whose values are not of the types that the API promises is told as malformed."""
    if protocol == 'plain json' and harm in EMPTY_TO_BOTOCORE:
        pytest.skip('botocore takes it for an empty list')
    harmed_listing(story, Fault('garbage', operation='ListMetrics', argument=WRONG_LISTS[harm]))


def test_protocols_agree(protocol: str, story: Story) -> None:
    """An hour without trouble hands over exactly what CloudWatch holds, whichever protocol carries it."""
    story.runs(12)
    assert story.handed == story.truth
    assert {one.access_key for one in story.sim.log} == {KEY}
    assert story.watch.values('collector.api_errors') == []
