"""The command line, run as users run it."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from configurations import alias_bomb
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from datadog_checks.base.stubs.aggregator import AggregatorStub
from datadog_checks.base.stubs.datadog_agent import DatadogAgentStub
from datadog_checks.dev._env import replay_check_run

ROOT = Path(__file__).resolve().parents[2]
RICH = {
    'gauges': {'send': 12.5},
    'counts': {'send.count': 3},
    'statuses': [{'name': 'can_connect', 'status': 0}, {'name': 'sending_status', 'status': 1, 'message': 'm'}],
    'empty_default_hostname': True,
}


def counter(output, name='amazon_ses_send_count'):
    return next(f.samples[0].value for f in text_string_to_metric_families(output) if f.name == name)


def test_json_replays_through_the_development_kit(sandbox):
    """The JSON is the Agent's: the development kit replays it and its assertions hold."""
    sandbox.configure({**RICH, 'warn': 'careful'}, {**RICH, 'name': 'second', 'empty_default_hostname': False})
    result = sandbox.check('--format', 'json')
    collected = json.loads(result.stdout)
    aggregator, agent = AggregatorStub(), DatadogAgentStub()
    replay_check_run(collected, aggregator, agent)
    agent.assert_metadata('amazon_ses', {'config.provider': 'file'})
    tags = ['aws_account:1', 'region:x']
    aggregator.assert_metric('amazon_ses.send', 12.5, tags=tags, hostname='', metric_type=aggregator.GAUGE)
    aggregator.assert_metric('amazon_ses.send', 12.5, tags=tags, hostname='a-host', metric_type=aggregator.GAUGE)
    aggregator.assert_metric('amazon_ses.send.count', 3, tags=tags, hostname='', metric_type=aggregator.COUNT)
    aggregator.assert_metric('amazon_ses.runs_ever')
    aggregator.assert_service_check('amazon_ses.can_connect', 0, tags=tags, count=2)
    aggregator.assert_service_check('amazon_ses.sending_status', 1, tags=tags, message='m')
    aggregator.assert_all_metrics_covered()
    runners = [report['runner'] for report in collected]
    assert [runner['LastWarnings'] for runner in runners] == [['careful'], []]
    assert [runner['CheckVersion'] for runner in runners] == ['1.2.3', '1.2.3']
    assert runners[1]['CheckID'].startswith('amazon_ses:second:')
    assert collected[0]['aggregator']['events'][0]['msg_title'] == 'a title'
    assert result.returncode == 0 and [line.split(' | ')[-1] for line in result.stderr.splitlines()] == ['careful']


def test_json_of_a_failed_run(sandbox):
    """A failed run exits with 1, says so in one line, and still shows what was submitted and the error."""
    sandbox.configure({**RICH, 'fail': 'it broke'})
    result = sandbox.check('--format', 'json')
    assert result.returncode == 1
    assert len(result.stderr.splitlines()) == 1 and 'it broke' in result.stderr
    aggregator = AggregatorStub()
    with pytest.raises(Exception, match='it broke'):
        replay_check_run(json.loads(result.stdout), aggregator, DatadogAgentStub())
    aggregator.assert_metric('amazon_ses.send', 12.5)
    assert 'Traceback' not in result.stdout
    assert 'Traceback' in sandbox.check('--log-level', 'debug').stdout


def test_text_of_several_runs(sandbox):
    """Several runs are printed once, with counts added up, and stderr has a line for each."""
    sandbox.configure({**RICH, 'empty_default_hostname': False})
    result = sandbox.check('--runs', '3', '--pause', '0')
    metrics = json.loads(result.stdout.partition('=== Series ===\n')[2].partition('\n=== ')[0])
    values = {series['metric']: series['points'][0][1] for series in metrics}
    assert values == {'amazon_ses.send': 12.5, 'amazon_ses.send.count': 9, 'amazon_ses.runs_ever': 3}
    assert 'Total Runs: 3' in result.stdout and '[OK]' in result.stdout
    assert [line.split(': ')[2] for line in result.stderr.splitlines()] == [f'run {n} of 3' for n in (1, 2, 3)]


def test_counters_continue_after_restarts(sandbox):
    """With a state file the cache and the counters survive the process in every format; without, they start anew."""
    sandbox.configure({**RICH, 'thread': True})
    state = ('--state', 'state.json')
    sandbox.check(*state)
    assert counter(sandbox.check('--format', 'openmetrics', '--runs', '2', '--pause', '0', *state).stdout) == 9
    output = sandbox.check('--format', 'openmetrics', *state).stdout
    assert (counter(output), counter(output, 'amazon_ses_runs_ever')) == (12, 4)
    assert counter(sandbox.check('--format', 'openmetrics').stdout) == 3
    assert stat.S_IMODE((sandbox.folder / 'state.json').stat().st_mode) == 0o600


@pytest.mark.parametrize(
    'content', [b'', b'{"program": "amazon_ses stand', b'{"cache": {}}', b'[1]', b'\xff\xfe', b'null', b'[' * 100_000]
)
def test_unusable_state_is_moved_aside(sandbox, content):
    """A truncated, corrupt or foreign state file is moved aside and reported in one line, and a new one is started."""
    sandbox.configure(RICH)
    path = sandbox.folder / 'state.json'
    path.write_bytes(content)
    result = sandbox.check('--state', 'state.json')
    assert result.returncode == 0 and len(result.stderr.splitlines()) == 1 and 'state.json' in result.stderr
    assert (sandbox.folder / 'state.json.corrupt').read_bytes() == content
    assert json.loads(path.read_text())['cache']


def test_a_state_file_belongs_to_one_process(sandbox):
    """A second process on the same state file is refused with the reason, and the first is not affected."""
    pytest.importorskip('fcntl')
    sandbox.configure({**RICH, 'sleep': 5})
    first = sandbox.start('-m', 'standalone', 'check', '--config', 'conf.yaml', '--state', 'state.json')
    path = sandbox.folder / 'state.json'
    deadline = time.monotonic() + 30
    while not path.exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    second = sandbox.check('--state', 'state.json', '--format', 'nagios')
    assert second.returncode == 3 and second.stdout.startswith('SES UNKNOWN - the state file ')
    assert f'in use by another process ({first.pid})' in second.stdout
    first.communicate(timeout=60)
    assert first.returncode == 0


@pytest.mark.parametrize(
    'text, message',
    [
        (None, 'cannot read conf.yaml: No such file'),
        ('instances: [', 'conf.yaml is not valid YAML: line 1'),
        ('instances:\n- aws_secret_access_key: "hush-hush\n', 'conf.yaml is not valid YAML: line '),
        ('', 'conf.yaml: the top level must be a mapping'),
        ('init_config:\n', 'conf.yaml: `instances` has no entry'),
        ('instances: {a: b}', 'conf.yaml: `instances` must be a list'),
        ('instances: [hush-hush]', 'conf.yaml: instance 1 must be a mapping'),
        ('instances: [{a: 1}, {}, {a: 1}]', 'conf.yaml: instances 1 and 3 are the same'),
        ('init_config: 3\ninstances: [{}]', 'conf.yaml: `init_config` must be a mapping'),
        ('instances: [{}, {a: {b: "ENC[hush-hush]"}}]', 'conf.yaml: instance 2: `a.b` is an ENC[...] secret'),
        ('instances: [{refuse: constructor}]', 'conf.yaml: instance 1: the check refused the options: ValueError: no'),
        ('instances: [{}, {refuse: initialization}]', 'conf.yaml: instance 2: Detected 1 error: region Field'),
        ('instances: [{refuse: run}]', 'conf.yaml: instance 1: Detected 1 error: region Field'),
    ],
)
def test_a_wrong_configuration_is_refused(sandbox, text, message):
    """A wrong configuration costs one line with file and position but no secret; exit 2, for Nagios unknown."""
    if text is not None:
        sandbox.configure(text=text)
    result = sandbox.check()
    assert (result.returncode, result.stdout) == (2, '')
    assert result.stderr.startswith(f'standalone: {message}') and len(result.stderr.splitlines()) == 1
    assert 'hush-hush' not in result.stderr
    result = sandbox.check('--format', 'nagios')
    assert result.returncode == 3 and result.stderr == ''
    assert result.stdout.startswith(f'SES UNKNOWN - {message}') and len(result.stdout.splitlines()) == 1


def test_configuration_error_in_a_run_of_a_later_instance(sandbox):
    """Submissions of earlier instances are printed before the refusal, since they are saved as sent."""
    sandbox.configure(RICH, {'refuse': 'run'})
    result = sandbox.check('--format', 'json')
    assert result.returncode == 2 and result.stderr.startswith('standalone: conf.yaml: instance 2: Detected 1 error')
    assert [bool(report['aggregator']['metrics']) for report in json.loads(result.stdout)] == [True, False]


def test_nagios_exit_code_is_the_worst_status(sandbox):
    """As a plug-in it prints one line and exits with the worst status; a failed run is unknown at least."""
    sandbox.configure(RICH)
    result = sandbox.check('--format', 'nagios')
    assert result.returncode == 1 and result.stdout.count('\n') == 1
    assert result.stdout.startswith('SES WARNING - WARNING sending_status (aws_account:1, region:x): m | ')
    assert "'send'=12.5" in result.stdout
    sandbox.configure({'fail': 'it broke'})
    result = sandbox.check('--format', 'nagios')
    assert result.returncode == 3 and result.stdout.startswith('SES UNKNOWN - UNKNOWN the run failed: it broke')


@pytest.mark.parametrize('level', ['warning', 'debug'])
@pytest.mark.parametrize('form', ['text', 'json', 'openmetrics', 'nagios'])
def test_secrets_are_never_printed(sandbox, form, level):
    """No output and no log contains a secret of the configuration; tracebacks are shown at debug level only."""
    statuses = [{'name': 'can_connect', 'status': 2, 'message': 'bad hush-hush'}]
    secret = dict.fromkeys(('fail', 'warn', 'log'), 'bad hush-hush')
    sandbox.configure({**secret, 'aws_secret_access_key': 'hush-hush', 'statuses': statuses})
    result = sandbox.check('--format', form, '--log-level', level, '--state', 'state.json')
    assert 'bad' in result.stdout + result.stderr
    assert 'hush-hush' not in result.stdout + result.stderr
    assert ('Traceback' in result.stdout + result.stderr) == (level == 'debug')
    assert 'hush-hush' not in (sandbox.folder / 'state.json').read_text()


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize('instance', [{**RICH, 'sleep': 1}, RICH], ids=['in a run', 'in a pause'])
def test_a_signal_ends_the_command(sandbox, number, instance):
    """A signal ends the command after the current run, with the output so far and exit code 130."""
    sandbox.configure(instance)
    process = sandbox.start(
        *'-m standalone check --config conf.yaml --format json --state state.json --runs 50 --pause 60'.split()
    )
    deadline = time.monotonic() + 30
    path = sandbox.folder / 'state.json'
    while (not path.exists() or '_runs' not in path.read_text()) and time.monotonic() < deadline:
        time.sleep(0.02)
    time.sleep(0.3)
    process.send_signal(number)
    output, errors = process.communicate(timeout=20)
    assert process.returncode == 130
    assert json.loads(output)[0]['runner']['TotalRuns'] == 1
    assert 'Traceback' not in errors


def test_a_closed_pipe_is_no_traceback(sandbox):
    """A closed pipe on stdout ends the command with exit code 1 and without a traceback."""
    sandbox.configure(RICH)
    process = sandbox.start('-m', 'standalone', 'check', '--config', 'conf.yaml')
    process.stdout.close()
    errors = process.stderr.read()
    assert process.wait(timeout=30) == 1 and errors == ''
    process.stderr.close()


def test_help_explains_every_option(sandbox):
    """Without arguments the help is shown with exit code 2; `check --help` explains every option with examples."""
    result = sandbox.run()
    assert result.returncode == 2 and 'examples:' in result.stdout
    result = sandbox.run('check', '--help')
    assert result.returncode == 0
    for option in ('--config', '--runs', '--pause', '--format', '--state', '--log-level'):
        assert result.stdout.count(option) >= 2


WRONG_USAGE = [
    (('--runs', '0'), "'0' is not a whole number from 1 on"),
    (('--runs', '9' * 5000), 'is not a whole number'),
    (('--pause', '-1'), "'-1' is not a number of seconds"),
    (('--pause', 'inf'), 'is not a number of seconds'),
    (('--runs',), 'expected one argument'),
    (('--colour', '\x1b[31m'), 'unrecognized arguments: --colour \\u001b[31m'),
]


@pytest.mark.parametrize(('wrong', 'message'), [*WRONG_USAGE, (('--format', 'xml'), 'invalid choice')])
def test_invalid_options_are_refused(sandbox, wrong, message):
    """An invalid value of an option is refused before anything runs, with the accepted form."""
    sandbox.configure(RICH)
    result = sandbox.check(*wrong)
    assert result.returncode == 2 and wrong[0] in result.stderr and 'Traceback' not in result.stderr
    assert message in result.stderr and '_' not in result.stderr.partition('error:')[2]


@pytest.mark.parametrize(('wrong', 'message'), WRONG_USAGE)
@pytest.mark.parametrize('chosen', [('--format', 'nagios'), ('--format=nagios',), ('--form', 'nagios')])
def test_nagios_gets_unknown_for_wrong_usage(sandbox, wrong, message, chosen):
    """With `--format nagios` wrong usage and a wrong configuration are one line on stdout that names the mistake, and
    exit code 3: Nagios would take 2 for CRITICAL."""
    sandbox.configure(RICH)
    result = sandbox.check(*chosen, *wrong)
    assert result.returncode == 3 and result.stdout.startswith('SES UNKNOWN - ') and message in result.stdout
    assert len(result.stdout.splitlines()) == 1 and result.stderr == ''
    sandbox.configure({**RICH, 'refuse': 'initialization'})
    result = sandbox.check(*chosen)
    assert result.returncode == 3 and 'Field `region` wants a text' in result.stdout


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('instances:\n- region: a\n  region: b\n', 'line 3, column 3: this key is there twice'),
        ('instances:\n- aws_secret_access_key: *planted-secret\n', 'line 2, column 26: found undefined alias ...'),
        ('instances:\n- aws_secret_access_key: !planted-secret\n', 'the tag ...'),
        ('instances:\n- a: &a [*a]\n', 'contains itself'),
        ('instances:\n- region: a\n  a: ' + '9' * 200, 'a number has more than 100 characters'),
        ('instances:\n- region: a\n  a: 2026-13-45\n', 'look at its dates and numbers'),
        ('instances:\n- region: a\n  a: ' + 'x' * (1 << 18), 'more than 262144 bytes'),
        ('instances:\n- region: a\n  a: ' + '[' * 5000, 'nested too deeply'),
        (alias_bomb(), 'aliases make more than 100000 values'),
    ],
    ids=['double key', 'alias', 'tag', 'loop', 'number', 'date', 'size', 'depth', 'bomb'],
)
def test_a_file_that_means_something_else_is_refused(sandbox, text, message):
    """Double keys, aliases without end or without measure and the like are refused at once with their place, and
    nothing of the file is shown."""
    sandbox.configure(text=text)
    result = sandbox.check()
    assert result.returncode == 2 and message in result.stderr and 'planted-secret' not in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_options_at_the_top_level_are_reported(sandbox):
    """An option that is not indented below `instances` is named on stderr, and the rest runs."""
    sandbox.configure(text='init_config:\ninstances:\n- gauges: {g: 1}\nregion: us-east-1\nlogs: []\n')
    result = sandbox.check()
    assert result.returncode == 0 and '`region` at the top level has no effect' in result.stderr
    assert 'logs' not in result.stderr


@pytest.mark.parametrize('format_name', ['text', 'json', 'openmetrics', 'nagios'])
def test_nothing_that_moves_the_cursor_is_printed(sandbox, format_name):
    """Control characters and those that turn the direction of a text reach no terminal: from tags, messages, warnings,
    errors, logs and names, in every format."""
    evil = 'a\x1b[31m\x07\x9b\u202eb\u2066\x7f\r'
    sandbox.configure(
        {
            'name': evil,
            'tags': [f'name:{evil}'],
            'gauges': {'g': 1},
            'statuses': [{'name': 'can_connect', 'status': 1, 'message': evil}],
            'warn': evil,
            'log': evil,
            'fail': evil,
        }
    )
    result = sandbox.check('--format', format_name, '--log-level', 'debug')
    assert 'name' in result.stdout or format_name == 'nagios'
    for text in (result.stdout, result.stderr):
        assert text.replace('\n', '').replace('\t', '').isprintable(), text
    if format_name == 'json':
        assert f'name:{evil}' in json.loads(result.stdout)[0]['aggregator']['metrics'][0]['tags']


def test_output_is_utf_8_in_any_locale(sandbox):
    """Without a locale, as under cron, the output is UTF-8, too."""
    sandbox.configure({'gauges': {'g': 1}, 'tags': ['name:\u00fc']})
    sandbox.environment |= {'LC_ALL': 'C', 'PYTHONCOERCECLOCALE': '0', 'PYTHONUTF8': '0'}
    assert 'name="\u00fc"' in sandbox.check('--format', 'openmetrics').stdout


def test_standalone_imports_little():
    """The package imports only the standard library, yaml, requests and the check."""
    program = (
        'import ast, pathlib, sys; print(*sorted({name.split(".")[0]'
        ' for path in pathlib.Path("standalone").rglob("*.py") for node in ast.walk(ast.parse(path.read_text()))'
        ' for name in ([alias.name for alias in node.names] if isinstance(node, ast.Import)'
        ' else [node.module] if isinstance(node, ast.ImportFrom) else [])} - set(sys.stdlib_module_names)))'
    )
    result = subprocess.run([sys.executable, '-c', program], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.split() == ['datadog_checks', 'requests', 'standalone', 'yaml']
