from __future__ import annotations

import socket
import threading
import time

import botocore
import pytest
from aws_clients import client, query
from botocore.exceptions import BotoCoreError, ClientError, ConnectionClosedError, ReadTimeoutError

from simulator import Fault

# An operation of each service, as boto3 spells it.
CALLS = {
    'sesv2': 'get_account',
    'ses': 'get_send_quota',
    'sts': 'get_caller_identity',
    'cloudwatch': 'list_metrics',
}


def code_of(sim, service):
    with pytest.raises(ClientError) as error:
        getattr(client(sim, service), CALLS[service])()
    return error.value.response['Error']['Code'], error.value.response['ResponseMetadata']['HTTPStatusCode']


def metric_data(sim, clock, count=4):
    queries = [query(f'a{i}') for i in range(count)]
    return client(sim, 'cloudwatch').get_metric_data(
        MetricDataQueries=queries, StartTime=clock() - 1800, EndTime=clock()
    )


@pytest.mark.parametrize(
    ('kind', 'expected'),
    [
        (
            'throttle',
            {'sesv2': ('TooManyRequestsException', 429), 'ses': ('Throttling', 400), 'sts': ('Throttling', 400)},
        ),
        (
            'denied',
            {'sesv2': ('AccessDeniedException', 403), 'ses': ('AccessDenied', 403), 'sts': ('AccessDenied', 403)},
        ),
        ('expired_token', {'sesv2': ('ExpiredTokenException', 403), 'ses': ('ExpiredToken', 403)}),
        ('server_error', {'sesv2': ('InternalServiceErrorException', 500), 'ses': ('InternalFailure', 500)}),
        ('unavailable', {'sesv2': ('503', 503), 'ses': ('503', 503), 'cloudwatch': ('503', 503)}),
    ],
)
def test_errors_are_spelled_as_the_service_does(sim, kind, expected):
    """Each error fault arrives with the service's own code and status."""
    sim.faults.add(Fault(kind))
    for service, error in expected.items():
        assert code_of(sim, service) == error


def test_cloudwatch_errors_in_each_protocol(sim, protocol):
    """Throttling keeps its old code in each of CloudWatch's protocols."""
    sim.faults.add(Fault('throttle', service='cloudwatch'))
    assert code_of(sim, 'cloudwatch') == ('Throttling', 400)


def test_an_error_fault_sends_any_code(sim):
    """An error fault sends the code and status of its argument."""
    sim.faults.add(Fault('error', argument=('RequestTimeTooSkewed', 403)))
    assert code_of(sim, 'sesv2') == ('RequestTimeTooSkewed', 403)


def test_budget_and_scope(sim):
    """A fault strikes after `after` matches, `times` times, only what it names, and counts its hits."""
    fault = sim.faults.add(Fault('throttle', operation='GetAccount', region='us-.*', times=2, after=1))
    account = client(sim, 'sesv2').get_account
    account()
    client(sim, 'sesv2', 'eu-west-1').get_account()
    client(sim, 'ses').get_send_quota()
    for _ in range(2):
        with pytest.raises(ClientError):
            account()
    account()
    assert (fault.hits, fault.matched) == (2, 4)
    assert sim.log.count(fault='throttle') == 2 and sim.log.count(operation='GetAccount', error=None) == 3


def test_a_fault_finds_its_batch(sim, clock):
    """A fault that names a text strikes whatever request holds it among its values, and no other."""
    poison = Fault('error', operation='GetMetricData', holds='set-00007', argument=['ValidationError', 400])
    sim.faults.add(poison)
    window = {'StartTime': clock() - 1800, 'EndTime': clock()}
    call = client(sim, 'cloudwatch').get_metric_data

    def batch(*names):
        sets = [query(f'q{at}', dimensions={'ses:configuration-set': name}) for at, name in enumerate(names)]
        try:
            return len(call(MetricDataQueries=sets, **window)['MetricDataResults'])
        except ClientError as error:
            return error.response['Error']['Code'], error.response['ResponseMetadata']['HTTPStatusCode']

    refused = ('ValidationError', 400)
    assert [batch('set-00006', 'set-00007'), batch('set-00007'), batch('set-00006', 'set-000071')] == [
        refused,
        refused,
        2,
    ]
    sim.faults.clear()
    sim.faults.add(Fault('error', holds='set-0000[78]', argument=['RequestEntityTooLarge', 413]))
    assert batch('set-00008') == ('RequestEntityTooLarge', 413) and batch('set-00009') == 1


def test_a_fault_finds_the_second_page_of_one_listing(start):
    """A namespace and a number of pages that pass aim a throttle at page 2 of one listing among others."""
    sim = start('large')
    cloudwatch = client(sim, 'cloudwatch')
    sim.faults.add(Fault('throttle', operation='ListMetrics', holds='AWS/SES', after=1, times=1))
    first = cloudwatch.list_metrics(Namespace='AWS/SES')
    assert not cloudwatch.list_metrics(Namespace='AWS/SES/MailManager')['Metrics']
    with pytest.raises(ClientError):
        cloudwatch.list_metrics(Namespace='AWS/SES', NextToken=first['NextToken'])
    assert cloudwatch.list_metrics(Namespace='AWS/SES', NextToken=first['NextToken'])['Metrics']


@pytest.mark.parametrize('strict', [True, False])
def test_partial_data_of_one_batch(start, clock, strict):
    """Partial, missing and forbidden results can be aimed at one batch of many, strict or not."""
    sim = start('configuration_sets', strict=strict)
    sim.faults.add(Fault('partial', holds='set-00001', argument=1))
    call, codes = client(sim, 'cloudwatch').get_metric_data, []
    for name in ('set-00000', 'set-00001', 'set-00002'):
        answer = call(
            MetricDataQueries=[query('a', dimensions={'ses:configuration-set': name})],
            StartTime=clock() // 300 * 300 - 1800,
            EndTime=clock(),
        )
        codes.append(answer['MetricDataResults'][0]['StatusCode'])
    assert codes == ['Complete', 'PartialData', 'Complete']


def test_probability_is_seeded(start):
    """The same seed strikes the same calls."""

    def struck():
        sim = start(quotas=False)
        sim.faults.add(Fault('throttle', probability=0.5))
        quota, strikes = client(sim, 'ses'), []
        for _ in range(12):
            try:
                quota.get_send_quota()
                strikes.append(0)
            except ClientError:
                strikes.append(1)
        return strikes

    first = struck()
    assert first == struck() and 0 < sum(first) < 12


@pytest.mark.parametrize('kind', ['reset', 'close'])
@pytest.mark.parametrize('service', list(CALLS))
def test_dropped_connections(sim, kind, service):
    """A reset or closed connection is an error of the connection, not of the service."""
    sim.faults.add(Fault(kind))
    with pytest.raises(ConnectionClosedError):
        getattr(client(sim, service), CALLS[service])()


def test_reset_is_a_real_reset(sim):
    """A reset sends RST."""
    sim.faults.add(Fault('reset'))
    with socket.create_connection(('127.0.0.1', sim.port)) as raw:
        scope = b'Credential=AKIAX/20260921/us-east-1/ses/aws4_request'
        raw.sendall(
            b'GET /v2/email/account HTTP/1.1\r\nContent-Type: application/json\r\nAuthorization: ' + scope + b'\r\n\r\n'
        )
        with pytest.raises(ConnectionResetError):
            raw.recv(100)


@pytest.mark.parametrize('greeting', [b'\x16\x03\x01\x00\n', b'\x16\x03 three \x01words\n', b'\x16 a b c d\n'])
def test_a_greeting_of_tls_is_answered_at_once(sim, greeting):
    """Bytes that are no HTTP get 400 and the end of the connection, whatever spaces are among them."""
    with socket.create_connection(('127.0.0.1', sim.port), timeout=5) as raw:
        raw.sendall(greeting)
        assert raw.recv(100).startswith(b'HTTP/1.1 400 ') and raw.recv(100) == b''


def test_hang_times_out_and_ends_with_the_server(sim):
    """A hanging answer is a read timeout, and the server stops at once all the same."""
    sim.faults.add(Fault('hang'))
    with pytest.raises(ReadTimeoutError):
        client(sim, 'sesv2', read_timeout=0.2).get_account()
    begun = time.monotonic()
    sim.stop()
    assert time.monotonic() - begun < 1.0
    assert not [t for t in threading.enumerate() if t.name.startswith('simulator-')]


@pytest.mark.parametrize('kind', ['truncate', 'garbage', 'empty', 'html'])
@pytest.mark.parametrize('service', list(CALLS))
def test_broken_bodies_never_look_right(sim, kind, service):
    """A broken body is an exception or an answer without what was asked for, never a right answer."""
    sim.faults.add(Fault(kind))
    whole = {'sesv2': 'SendQuota', 'ses': 'Max24HourSend', 'sts': 'Account', 'cloudwatch': 'Metrics'}
    try:
        answer = getattr(client(sim, service), CALLS[service])()
    except Exception as error:
        assert not isinstance(error, ClientError) or isinstance(error, BotoCoreError)
    else:
        assert whole[service] not in answer


@pytest.mark.skipif(tuple(map(int, botocore.__version__.split('.'))) < (1, 44), reason='older botocore notices')
def test_truncated_json_is_an_empty_success_in_new_botocore(sim):
    """The trap clients must know: a cut JSON answer arrives as a success without content."""
    sim.faults.add(Fault('truncate', service='sesv2'))
    assert client(sim, 'sesv2').get_account()['ResponseMetadata']['HTTPStatusCode'] == 200


def test_drip_and_latency_are_only_slow(sim):
    """A dripping or late answer is right in the end."""
    sim.faults.add(Fault('drip', operation='GetSendQuota', argument=0.0001))
    assert client(sim, 'ses', read_timeout=3).get_send_quota()['Max24HourSend'] > 0
    sim.faults.add(Fault('latency', operation='GetAccount', argument=0.2))
    begun = time.monotonic()
    client(sim, 'sesv2').get_account()
    assert time.monotonic() - begun >= 0.2


def test_results_that_fail_one_by_one(sim, clock):
    """Partial, failed and forbidden results carry AWS's status codes; the rest stays right."""
    right = metric_data(sim, clock)['MetricDataResults']
    fault = sim.faults.add(Fault('partial'))
    answer = metric_data(sim, clock)
    partial = answer['MetricDataResults']
    assert [r['StatusCode'] for r in partial] == ['Complete', 'PartialData'] * 2 and 'NextToken' not in answer
    assert partial[0] == right[0] and len(partial[1]['Values']) < len(right[1]['Values']) and partial[1]['Messages']
    sim.faults.remove(fault)
    for kind, code in (('internal_error', 'InternalError'), ('forbidden', 'Forbidden')):
        fault = sim.faults.add(Fault(kind, argument=2))
        results = metric_data(sim, clock)['MetricDataResults']
        assert [r['StatusCode'] for r in results] == ['Complete', code] * 2 and not results[1]['Values']
        sim.faults.remove(fault)


def test_results_that_are_wrong(sim, clock):
    """Missing, renamed, dropped and changed results, and a token that leads in a circle."""
    fault = sim.faults.add(Fault('empty_results'))
    assert 'MetricDataResults' not in metric_data(sim, clock)
    sim.faults.remove(fault)
    fault = sim.faults.add(Fault('wrong_ids'))
    assert {r['Id'] for r in metric_data(sim, clock)['MetricDataResults']} == {'xa0', 'xa1', 'xa2', 'xa3'}
    sim.faults.remove(fault)
    fault = sim.faults.add(Fault('missing_results'))
    assert [r['Id'] for r in metric_data(sim, clock)['MetricDataResults']] == ['a0', 'a2']
    sim.faults.remove(fault)
    fault = sim.faults.add(Fault('mutate', argument=lambda result: result['MetricDataResults'].reverse()))
    assert [r['Id'] for r in metric_data(sim, clock)['MetricDataResults']] == ['a3', 'a2', 'a1', 'a0']
    sim.faults.remove(fault)
    sim.faults.add(Fault('token_loop'))
    tokens = {metric_data(sim, clock)['NextToken'] for _ in range(3)}
    assert len(tokens) == 1


def test_unknown_kind_is_refused():
    """A misspelt fault is an error that names the known ones."""
    with pytest.raises(ValueError, match='throttle'):
        Fault('trottle')
