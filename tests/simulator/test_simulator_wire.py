from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
from aws_clients import client
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from simulator import Clock, Simulator, cbor

METRIC_DATA = {
    'X_Amz_Target': 'GraniteServiceVersion20100801.GetMetricData',
    'Content_Type': 'application/x-amz-json-1.0',
}
ROOT = Path(__file__).parents[2]
SCOPE = 'AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20260921/us-east-1/{}/aws4_request, SignedHeaders=host, Signature=0'


def post(sim, path='/', body=b'', signing='monitoring', method='POST', **headers):
    """A request by hand: (status, headers, body)."""
    headers = {name.replace('_', '-'): value for name, value in headers.items()}
    if signing:
        headers['Authorization'] = SCOPE.format(signing)
    request = urllib.request.Request(sim.endpoint_url + path, data=body, headers=headers, method=method)
    try:
        with urllib.request.urlopen(request, timeout=5) as answer:
            return answer.status, dict(answer.headers), answer.read()
    except urllib.error.HTTPError as error:
        return error.code, dict(error.headers), error.read()


def test_each_operation_answers_in_its_protocols(sim, protocol):
    """Every operation answers a client of any protocol the service offers."""
    client(sim, 'sesv2').get_account()
    ses = client(sim, 'ses')
    ses.get_send_quota(), ses.get_send_statistics(), ses.get_account_sending_enabled()
    client(sim, 'cloudwatch').list_metrics()
    assert client(sim, 'sts').get_caller_identity()['ResponseMetadata']['RequestId']
    assert all(request.error is None for request in sim.log)


def test_operations_that_do_not_exist(sim):
    """An operation that is unknown or not offered is refused as unknown."""
    with pytest.raises(ClientError, match='UnknownOperation|InvalidAction'):
        client(sim, 'cloudwatch').describe_alarms()
    with pytest.raises(ClientError, match='InvalidAction'):
        client(sim, 'ses').list_identities()
    status, _, body = post(sim, body=b'Action=Nonsense&Version=1', Content_Type='application/x-www-form-urlencoded')
    assert status == 400 and b'<Code>InvalidAction</Code>' in body
    assert post(sim, '/v2/email/nonsense', signing='ses', Content_Type='application/json')[0] == 404


def test_malformed_requests_are_refused(sim):
    """Unsigned, malformed and mistyped requests are refused as AWS refuses them."""
    assert json.loads(post(sim, body=b'{', **METRIC_DATA)[2])['__type'].endswith('SerializationException')
    assert json.loads(post(sim, body=b'[]', **METRIC_DATA)[2])['__type'].endswith('SerializationException')
    wrong_type = json.dumps({'MetricDataQueries': 7, 'StartTime': 1, 'EndTime': 2}).encode()
    assert json.loads(post(sim, body=wrong_type, **METRIC_DATA)[2])['__type'].endswith('SerializationException')
    unsigned = post(sim, body=b'{}', signing=None, **METRIC_DATA)
    assert json.loads(unsigned[2])['__type'].endswith('MissingAuthenticationTokenException')


def test_json_errors_carry_the_old_code(sim):
    """CloudWatch's JSON errors carry the old code in x-amzn-query-error."""
    status, headers, body = post(sim, body=b'{}', **METRIC_DATA)
    assert status == 400 and headers['x-amzn-query-error'] == 'MissingParameter;Sender'
    assert json.loads(body)['__type'].endswith('MissingRequiredParameterException') or b'MissingParameter' in body


def test_answers_carry_the_simulators_date(sim):
    """Answers carry the simulator's date."""
    answer = client(sim, 'sts').get_caller_identity()
    assert answer['ResponseMetadata']['HTTPHeaders']['date'] == 'Mon, 21 Sep 2026 14:14:00 GMT'


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(2**63), 2**64 - 1)
        | st.floats(allow_nan=False)
        | st.text()
        | st.binary(),
        lambda inner: st.lists(inner, max_size=30) | st.dictionaries(st.text(), inner, max_size=30),
        max_leaves=30,
    )
)
def test_cbor_reads_back_what_it_wrote(value):
    """CBOR reads back what it wrote."""
    assert cbor.loads(cbor.dumps(value)) == value


def test_ses_calls_have_a_rate(sim, clock):
    """SES answers a burst of five in a second for each operation, account and Region, then throttles."""
    account = client(sim, 'sesv2').get_account
    for _ in range(5):
        account()
    with pytest.raises(ClientError, match='TooManyRequests'):
        account()
    client(sim, 'ses').get_send_quota()
    clock.advance(1)
    account()


def test_many_clients_at_once(start):
    """Threads get their own answers, and the log misses none."""
    sim = start(quotas=False)
    failures = []

    def work(number):
        try:
            key = f'AKIA{number}'
            sts = client(sim, 'sts', key=key)
            for _ in range(10):
                assert sts.get_caller_identity()['Account'] == f'{number:012d}'
        except Exception as error:
            failures.append(error)

    for number in range(8):
        sim.accounts.add(f'AKIA{number}', f'{number:012d}')
    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    [thread.start() for thread in threads]
    [thread.join() for thread in threads]
    assert not failures and len(sim.log) == 80


def test_stop_is_quick_and_repeatable():
    """Stopping leaves no thread and no port behind."""
    sim = Simulator(clock=Clock()).start()
    client(sim, 'sts').get_caller_identity()
    port, begun = sim.port, time.monotonic()
    sim.stop()
    sim.stop()
    assert time.monotonic() - begun < 1
    assert not [t for t in threading.enumerate() if t.name.startswith('simulator-')]
    with Simulator(clock=Clock(), port=port) as again:
        assert again.port == port


def test_the_control_route_shows_and_changes_the_simulator(start, clock):
    """The control route shows the state, adds faults and moves the clock."""
    sim = start()
    status, _, body = post(sim, '/_sim/faults', json.dumps({'kind': 'throttle', 'times': 1}).encode(), signing=None)
    assert status == 200 and json.loads(body)['faults'] == [{'kind': 'throttle', 'hits': 0}]
    with pytest.raises(ClientError):
        client(sim, 'sts').get_caller_identity()
    before = clock()
    assert json.loads(post(sim, '/_sim/clock', b'{"advance": 60}', signing=None)[2])['time'] == before + 60
    state = json.loads(post(sim, '/_sim/', None, signing=None, method='GET')[2])
    assert state['operations'] == {'GetCallerIdentity': 1} and state['errors'] == 1
    assert post(sim, '/_sim/faults', b'{"kind": "nonsense"}', signing=None)[0] == 400


def test_the_command_line_serves_until_it_is_stopped():
    """The command serves until a signal ends it, and explains a wrong scenario."""
    command = [sys.executable, '-m', 'simulator']
    process = subprocess.Popen(
        [*command, '--port', '0', '--time', '2026-11-20T00:00:00Z'], cwd=ROOT, text=True, stdout=subprocess.PIPE
    )
    try:
        line = process.stdout.readline()
        url = re.search(r'http://127\.0\.0\.1:\d+', line)[0]
        assert '--endpoint-url' in line
        with urllib.request.urlopen(f'{url}/_sim/', timeout=5) as answer:
            assert 0 <= json.loads(answer.read())['time'] - 1_795_132_800 < 30
    finally:
        process.send_signal(signal.SIGTERM)
        assert process.wait(5) == 0
        process.stdout.close()
    wrong = subprocess.run([*command, '--scenario', 'sunny'], cwd=ROOT, text=True, capture_output=True)
    assert wrong.returncode == 2 and 'bounce_storm' in wrong.stderr
    with pytest.raises(ValueError, match='bounce_storm'):
        Simulator('sunny')
