"""`assets push`, run as users run it, against a small Datadog API on loopback."""

from __future__ import annotations

import json
import shutil
import signal
import socket
import threading
from collections.abc import Iterator
from copy import deepcopy
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

ROOT = Path(__file__).resolve().parents[2]
TAG = 'integration:amazon-ses-agent'
API_KEY, APP_KEY = '0123456789abcdef-api', 'fedcba9876543210-app'
TITLES = {'dashboard': 'title', 'monitor': 'name'}
FILES = {kind: [json.loads(path.read_text()) for path in (ROOT / 'assets').glob(f'{kind}s/*.json')] for kind in TITLES}
DASHBOARDS, MONITORS = len(FILES['dashboard']), len(FILES['monitor'])


class Datadog(ThreadingHTTPServer):
    """Stores bodies as Datadog does: it adds ids and defaults, lists dashboards in short, and has pages of three.

    `answers` maps beginnings of 'METHOD path' to (status, headers, body) of the next answers.
    """

    PAGE = 3

    def __init__(self) -> None:
        super().__init__(('127.0.0.1', 0), Handler)
        self.stored: dict[str, dict[str, dict[str, Any]]] = {kind: {} for kind in TITLES}
        self.calls: list[str] = []
        self.answers: dict[str, list[tuple[int, dict[str, str], Any]]] = {}
        self.url = f'http://127.0.0.1:{self.server_port}'

    def put(self, kind: str, body: dict[str, Any], key: str | None = None) -> dict[str, Any]:
        key = key or f'{kind[0]}{len(self.stored[kind]) + 1}'
        body = {**deepcopy(body), 'id': key if kind == 'dashboard' else int(key[1:]), 'modified_at': '2026-11-20'}
        if kind == 'dashboard':
            for number, widget in enumerate(body['widgets'], 1000):
                widget['id'] = number
            body = {name: value for name, value in body.items() if value not in (None, [])}
        else:
            body['options'] = {'silenced': {}, 'notify_no_data': False, **body['options']}
            body['type'] = body['type'].replace('query alert', 'metric alert')
        self.stored[kind][str(body['id'])] = body
        return body

    def named(self, kind: str) -> dict[str, dict[str, Any]]:
        return {body[TITLES[kind]]: body for body in self.stored[kind].values()}

    def changes(self) -> list[str]:
        return [call for call in self.calls if not call.startswith('GET ')]


class Handler(BaseHTTPRequestHandler):
    server: Datadog

    def _serve(self) -> None:
        url = urlsplit(self.path)
        length = int(self.headers.get('Content-Length') or 0)
        content = self.rfile.read(length)
        self.server.calls.append(f'{self.command} {url.path}')
        for beginning, answers in self.server.answers.items():
            if f'{self.command} {url.path}'.startswith(beginning) and answers:
                return self._answer(*answers.pop(0))
        if (self.headers['DD-API-KEY'], self.headers['DD-APPLICATION-KEY']) != (API_KEY, APP_KEY):
            return self._answer(403, {}, {'errors': ['Forbidden']})
        kind, _, key = url.path.removeprefix('/api/v1/').partition('/')
        stored = self.server.stored[kind]
        if self.command in ('POST', 'PUT'):
            assert self.headers['Content-Type'] == 'application/json'
            body = json.loads(content)
            assert body[TITLES[kind]] and body['widgets' if kind == 'dashboard' else 'query']
            if self.command == 'PUT' and body.get('type') != stored[key].get('type'):
                return self._answer(400, {}, {'errors': ['the type cannot change']})
            return self._answer(200, {}, self.server.put(kind, body, f'{kind[0]}{key.lstrip("d")}' if key else None))
        if key:
            return self._answer(200, {}, stored[key])
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        bodies = list(stored.values())
        if kind == 'monitor':
            # Looser than Datadog: the command must check the tags, too.
            bodies = [body for body in bodies if query['monitor_tags'] in ' '.join(body['tags'])]
            start = int(query['page']) * self.server.PAGE
            return self._answer(200, {}, bodies[start : start + self.server.PAGE])
        start = int(query['start'])
        page = [{name: body.get(name) for name in ('id', 'title', 'description')} for body in bodies]
        return self._answer(200, {}, {'dashboards': page[start : start + self.server.PAGE]})

    do_GET = do_POST = do_PUT = do_DELETE = _serve

    def _answer(self, status: int, headers: dict[str, str], body: Any) -> None:
        content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {'Content-Length': str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def datadog() -> Iterator[Datadog]:
    server = Datadog()
    thread = threading.Thread(target=server.serve_forever, kwargs={'poll_interval': 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def push(sandbox, datadog):
    """Runs the command with both keys, and checks that it prints neither."""
    for name in [name for name in sandbox.environment if name.lower().endswith('_proxy')]:
        del sandbox.environment[name]
    sandbox.environment |= {'DD_API_KEY': API_KEY, 'DD_APP_KEY': APP_KEY}

    def run(*arguments: str, url: str = datadog.url, code: int = 0):
        result = sandbox.run('assets', 'push', '--url', url, *arguments)
        printed = result.stdout + result.stderr
        assert API_KEY not in printed and APP_KEY not in printed
        assert 'Traceback' not in printed and result.returncode == code, printed
        return result

    return run


def test_dry_run_without_keys_sends_nothing(sandbox, datadog, push):
    """Without keys no request is sent, and each asset is named with its kind."""
    del sandbox.environment['DD_API_KEY']
    lines = push().stdout.splitlines()
    assert len(lines) == DASHBOARDS + MONITORS + 1 and datadog.calls == []
    assert lines[0].startswith('dashboard  would create or update  Amazon SES ')
    assert 'set DD_API_KEY to see' in lines[-1]


def test_dry_run_with_keys_changes_nothing(datadog, push):
    """With keys a dry run compares the assets with the account, and sends GET only."""
    assert f'{DASHBOARDS + MONITORS} would create. Nothing was changed' in push().stdout
    push('--apply', '--only', 'dashboards')
    datadog.named('dashboard')['Amazon SES Overview']['reflow_type'] = 'auto'
    datadog.calls.clear()
    output = push().stdout
    assert datadog.calls and datadog.changes() == []
    assert f'{DASHBOARDS - 1} unchanged, 1 would update, {MONITORS} would create' in output
    assert (
        'would update  Amazon SES Overview | differs in reflow_type | https://app.datadoghq.com/dashboard/d' in output
    )


def test_a_second_apply_changes_nothing(datadog, push):
    """The first run creates all dashboards and monitors as their files have them, the second changes nothing."""
    result = push('--apply', '--site', 'us5.datadoghq.com')
    assert (DASHBOARDS, MONITORS) == (len(datadog.stored['dashboard']), len(datadog.stored['monitor']))
    assert DASHBOARDS == 3 and MONITORS >= 9
    assert result.stdout.splitlines()[-1] == f'{DASHBOARDS + MONITORS} created'
    assert 'https://us5.datadoghq.com/monitors/1\n' in result.stdout
    for document in FILES['monitor']:
        definition = document['definition']
        stored = datadog.named('monitor')[definition['name']]
        assert [stored[name] for name in ('query', 'message', 'tags')] == [
            definition[name] for name in ('query', 'message', 'tags')
        ]
        assert not {'title', 'description', 'version', 'definition'} & set(stored)
    for document in FILES['dashboard']:
        assert datadog.named('dashboard')[document['title']]['layout_type'] == document['layout_type']
    datadog.calls.clear()
    assert push('--apply').stdout.splitlines()[-1] == f'{DASHBOARDS + MONITORS} unchanged'
    assert datadog.changes() == []


def test_changed_files_are_updated(sandbox, datadog, push):
    """A changed file, also one that only lost a key, updates its dashboard or monitor and nothing else."""
    push('--apply')
    for name in ('standalone', 'assets'):
        shutil.copytree(ROOT / name, sandbox.folder / name)
    board = sandbox.folder / 'assets/dashboards/amazon_ses_overview.json'
    document = json.loads(board.read_text())
    del document['widgets'][0]['definition']['background_color']
    board.write_text(json.dumps(document))
    monitor = sandbox.folder / 'assets/monitors/bounce_rate.json'
    document = json.loads(monitor.read_text())
    del document['definition']['options']['thresholds']['warning_recovery']
    monitor.write_text(json.dumps(document))
    name = document['definition']['name']
    datadog.calls.clear()
    result = push('--apply')
    key = datadog.named('monitor')[name]['id']
    assert datadog.changes() == [
        f'PUT /api/v1/dashboard/{datadog.named("dashboard")["Amazon SES Overview"]["id"]}',
        f'PUT /api/v1/monitor/{key}',
    ]
    assert 'background_color' not in datadog.named('dashboard')['Amazon SES Overview']['widgets'][0]['definition']
    assert 'warning_recovery' not in datadog.named('monitor')[name]['options']['thresholds']
    assert '2 updated' in result.stdout and 'differs in options' in result.stdout
    datadog.calls.clear()
    push('--apply')
    assert datadog.changes() == []


def test_foreign_assets_are_untouched(datadog, push):
    """Assets with our name but no mark, or our tag but another name, stay unchanged; namesakes are reported."""
    definition = FILES['monitor'][0]['definition']
    foreign = [
        datadog.put('monitor', {**definition, 'tags': ['team:a'], 'query': 'theirs'}),
        datadog.put('monitor', {**definition, 'tags': [f'{TAG}-2'], 'query': 'theirs'}),
        datadog.put('monitor', {**definition, 'name': 'theirs', 'query': 'theirs'}),
        datadog.put('dashboard', {'title': 'Amazon SES Overview', 'description': 'theirs', 'widgets': []}),
        datadog.put('dashboard', {'title': 'theirs', 'description': f'[{TAG} 0]', 'widgets': []}),
    ]
    before = deepcopy(foreign)
    result = push('--apply')
    assert f'{DASHBOARDS + MONITORS} created' in result.stdout and foreign == before
    assert result.stdout.count('another of this name, not made by this command, is left alone') == 2
    assert not any(call.startswith(('PUT', 'DELETE')) for call in datadog.calls)


def test_additions_of_users_survive(datadog, push):
    """An update keeps tags and handles of monitors, and presets, roles and team tags of dashboards."""
    push('--apply')
    monitor = next(iter(datadog.stored['monitor'].values()))
    message = monitor['message']
    monitor.update(
        tags=['team:a', TAG], message=f'{{{{#is_alert}}}}@pagerduty-a{{{{/is_alert}}}} {message}', priority=5
    )
    board = next(iter(datadog.stored['dashboard'].values()))
    board.update(restricted_roles=['r'], tags=['team:a'], layout_type='free')
    assert '2 updated' in push('--apply').stdout
    monitor = datadog.stored['monitor'][str(monitor['id'])]
    assert monitor['tags'] == ['team:a', TAG] and monitor['message'] == f'{message}\n\n@pagerduty-a'
    assert monitor['priority'] != 5
    board = datadog.stored['dashboard'][board['id']]
    assert (board['restricted_roles'], board['tags'], board['layout_type']) == (['r'], ['team:a'], 'ordered')
    assert f'{DASHBOARDS + MONITORS} unchanged' in push('--apply').stdout


def test_notify_sets_the_handles(datadog, push):
    """`--notify` appends handles to the message of each monitor, replaces earlier ones, and persists without it."""
    push('--apply', '--notify', '@old')
    push('--apply', '--notify', '@team-a', '--notify', '@b@example.com')
    assert f'{DASHBOARDS + MONITORS} unchanged' in push('--apply').stdout
    for document in FILES['monitor']:
        stored = datadog.named('monitor')[document['definition']['name']]
        assert stored['message'] == document['definition']['message'] + '\n\n@team-a @b@example.com'


@pytest.mark.parametrize(
    ('call', 'answer', 'failed', 'message'),
    [
        (
            'GET /api/v1/dashboard',
            (403, {}, {'errors': ['Forbidden']}),
            DASHBOARDS,
            '403: the application key lacks da',
        ),
        ('POST /api/v1/dashboard', (403, {}, {'errors': [APP_KEY]}), 1, 'key lacks dashboards_write, or the keys'),
        ('GET /api/v1/monitor', (403, {}, ''), MONITORS, 'lacks monitors_read'),
        ('POST /api/v1/monitor', (403, {}, {'errors': 'no'}), 1, 'lacks monitors_write, or the keys belong to another'),
        ('POST /api/v1/monitor', (400, {}, {'errors': ['bad\x1b[31m', API_KEY]}), 1, '400 (bad [31m; ********)'),
        ('POST /api/v1/monitor', (400, {}, {'errors': ['x' * 190 + ' ' + API_KEY * 9]}), 1, '400 (xxx'),
        ('POST /api/v1/monitor', (500, {}, '<html>'), 1, '500: Datadog has a problem'),
        ('POST /api/v1/monitor', (200, {}, '<html>'), 1, 'the answer is not JSON'),
        ('POST /api/v1/monitor', (200, {}, []), 1, 'the answer is not a monitor'),
        ('GET /api/v1/dashboard', (200, {}, {}), DASHBOARDS, 'the answer is not a list of dashboards'),
        ('GET /api/v1/dashboard', (401, {}, {}), DASHBOARDS, '401: the API key is not valid'),
        ('GET /api/v1/monitor', (302, {'Location': '/elsewhere'}, ''), MONITORS, '302: the endpoint wants to send us'),
        (
            'POST /api/v1/monitor',
            (429, {'X-RateLimit-Reset': '3600'}, ''),
            1,
            '429 too many requests: try again in 3600',
        ),
    ],
)
def test_a_failure_does_not_stop_other_assets(datadog, push, call, answer, failed, message):
    """A refusal names its reason and fails only the assets that it concerns; the next run creates them."""
    datadog.answers[call] = [answer]
    result = push('--apply', code=1)
    assert f'{failed} failed' in result.stdout and f'{DASHBOARDS + MONITORS - failed} created' in result.stdout
    assert message in result.stdout and API_KEY[:9] not in result.stdout
    assert f'{failed} created' in push('--apply').stdout


def test_answers_reach_no_terminal_unescaped(datadog, push):
    """Ids, reasons and names in answers that would move the cursor or turn the direction of the text are escaped."""
    evil = 'a\x1b[31m\x9b\u202e\x07'
    datadog.answers['POST /api/v1/dashboard'] = [(200, {}, {'id': evil}), (400, {}, {'errors': [evil]})]
    definition = FILES['monitor'][0]['definition']
    for number in (1, 2):
        datadog.put('monitor', {**definition, 'query': 'theirs'})['id'] = f'{evil}{number}'
    result = push('--apply', code=1)
    assert 'a\\u001b[31m\\u009b\\u202e\\u0007' in result.stdout
    assert (result.stdout + result.stderr).replace('\n', '').isprintable()


def test_rate_limit_is_honoured_once(datadog, push):
    """After 429 the command waits as the header says and tries once more; a second 429 fails the asset."""
    slow = (429, {'X-RateLimit-Reset': '0.1'}, {'errors': ['slow down']})
    datadog.answers['POST /api/v1/monitor'] = [slow]
    result = push('--apply', '--only', 'monitors')
    assert f'{MONITORS} created' in result.stdout and result.stderr.count('429 too many requests: waiting') == 1
    datadog.answers['GET /api/v1/monitor/'] = [slow, slow]
    assert f'1 failed, {MONITORS - 1} unchanged' in push('--apply', '--only', 'monitors', code=1).stdout


def test_ctrl_c_ends_a_push(sandbox, datadog, push):
    """Ctrl-C ends the command with 130 and one line, even while it waits."""
    datadog.answers['GET '] = [(429, {'X-RateLimit-Reset': '100'}, '')]
    process = sandbox.start('-m', 'standalone', 'assets', 'push', '--url', datadog.url, '--apply')
    assert 'waiting 100 s' in process.stderr.readline()
    process.send_signal(signal.SIGINT)
    output, errors = process.communicate(timeout=60)
    assert process.returncode == 130 and output == ''
    assert len(errors.splitlines()) == 1 and 'interrupted' in errors


def test_ambiguous_monitors_are_left_alone(datadog, push):
    """Two monitors with our name and tag are left alone, and both are named."""
    definition = FILES['monitor'][0]['definition']
    for _ in range(2):
        datadog.put('monitor', {**definition, 'query': 'theirs'})
    result = push('--apply', code=1)
    assert 'there are 2 of them (1, 2): delete or rename all but one' in result.stdout
    assert not any(call.startswith('PUT') for call in datadog.calls)


def test_a_dead_endpoint_fails_all_assets(push):
    """An endpoint that does not answer fails each asset with a reason."""
    with socket.socket() as closed:
        closed.bind(('127.0.0.1', 0))
        result = push('--apply', url=f'http://127.0.0.1:{closed.getsockname()[1]}', code=1)
    assert result.stdout.count('cannot reach http://127.0.0.1:') == DASHBOARDS + MONITORS
    assert 'Connection refused' in result.stdout and 'urllib3' not in result.stdout
    assert result.stdout.splitlines()[-1] == f'{DASHBOARDS + MONITORS} failed'


@pytest.mark.parametrize('missing', ['DD_API_KEY', 'DD_APP_KEY'])
def test_apply_needs_keys(sandbox, datadog, push, missing):
    """`--apply` without one of the keys exits with 2, names the variable, and sends nothing."""
    sandbox.environment[missing] = ' '
    result = push('--apply', code=2)
    assert f'{missing} is not set' in result.stderr and result.stdout == '' and datadog.calls == []


@pytest.mark.parametrize(
    ('wrong', 'message'),
    [
        (['--site', 'app.datadoghq.com'], 'is not one of datadoghq.com, us3'),
        (['--notify', 'team'], 'is not a handle like @team-mail'),
        (['--notify', '@a', '--only', 'dashboards'], '--notify is for monitors'),
        (['--only', 'else'], 'invalid choice'),
        (['--url', 'ftp://a'], 'must be like https://host'),
        (['--url', 'http://api.example.com'], 'must begin with https://'),
        (['--url', 'http://10.0.0.1:8080'], 'must begin with https://'),
        (['--url', f'http://me:{API_KEY}@host'], 'without user'),
    ],
)
def test_invalid_options_of_push_are_refused(datadog, push, wrong, message):
    """Invalid options exit with 2 and a reason, and nothing is sent."""
    assert message in push(*wrong, code=2).stderr and datadog.calls == []


def test_an_impossible_key_is_refused(sandbox, push):
    """A key that no header can carry is refused and not printed."""
    sandbox.environment['DD_APP_KEY'] = f'{APP_KEY}\n{APP_KEY}'
    assert 'DD_APP_KEY has characters that no key has' in push(code=2).stderr


def test_keys_stay_with_the_endpoint(datadog, push):
    """A redirect is not followed, so the keys stay with the named endpoint."""
    datadog.answers['GET /api/v1/monitor'] = [(307, {'Location': f'{datadog.url}/api/v1/elsewhere'}, '')]
    push('--only', 'monitors', code=1)
    assert datadog.calls == ['GET /api/v1/monitor']


def test_the_proxy_of_the_environment_is_used(sandbox, datadog, push):
    """The proxy of the environment is used, and a dead proxy is reported without its password."""
    sandbox.environment['http_proxy'] = datadog.url
    push('--only', 'dashboards', url='http://127.0.0.2')
    assert datadog.calls == ['GET /api/v1/dashboard']
    with socket.socket() as closed:
        closed.bind(('127.0.0.1', 0))
        sandbox.environment['http_proxy'] = f'http://me:hush-hush@127.0.0.1:{closed.getsockname()[1]}'
        output = push('--only', 'dashboards', url='http://127.0.0.2', code=1).stdout
    assert 'through the proxy of the environment' in output and 'hush-hush' not in output


def test_help_explains_push(sandbox):
    """The help has examples, the variables, and the exit codes."""
    result = sandbox.run('assets', 'push', '--help')
    assert result.returncode == 0 and 'examples:' in result.stdout and 'DD_APP_KEY' in result.stdout
    assert sandbox.run('assets').returncode == 2


def test_push_needs_no_agent_and_no_yaml(sandbox):
    """The command works where only `requests` is installed, and does not install the modules of an Agent."""
    program = (
        'import sys\n'
        'sys.modules["yaml"] = sys.modules["datadog_checks"] = None\n'
        'from standalone.__main__ import main; code = main(["assets", "push"])\n'
        'import standalone.push\n'
        'assert "aggregator" not in sys.modules and "datadog_agent" not in sys.modules; sys.exit(code)'
    )
    result = sandbox.python(program)
    assert result.returncode == 0 and result.stderr == '', result.stderr
