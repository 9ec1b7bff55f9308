"""The command line of the standalone host against the simulator: four formats show the same figures of an account.

Each format starts from a copy of the same saved state and reads the same AWS, whose clock stands still.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from common import ACCOUNT, PREFIX, REGION, StartSimulator, instance_of
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from simulator import Clock, Scenario, Simulator, Standing
from simulator.scenarios import RECEIPT_RULES

ROOT = Path(__file__).resolve().parents[2]
PERIOD = 300
BEFORE = 6 * PERIOD
"""Counting began this many seconds before the compared runs."""

ACCOUNT_TAGS = frozenset({f'aws_account:{ACCOUNT}', f'region:{REGION}'})
QUOTA = Standing(max_24_hour_send=2_000_000.0, max_send_rate=100.0)
THRESHOLDS = [{'metric': 'quota.utilization', 'warning': '80', 'critical': '~:90'}]

# Runs the check once at an earlier time; the command line itself always uses the time of the machine.
EARLIER = """
import json, sys, time
from standalone.host import Host
offset = float(sys.argv[1])
with Host(json.loads(sys.argv[2]), state=sys.argv[3], clock=lambda: time.time() - offset) as host:
    run = host.run()
    assert run.error is None, run.error
"""

Series = tuple[str, frozenset[str]]
"""A metric without prefix, and its tags other than account and Region."""


class Output(NamedTuple):
    """Standard output, error output and exit code of a process."""

    code: int
    text: str
    errors: str


def python(*arguments: str) -> Output:
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(('AWS_', 'DDEV_')) and not name.lower().endswith('_proxy')
    }
    environment |= {'PYTHONPATH': str(ROOT), 'NO_COLOR': '1', 'DD_HOSTNAME': 'a-host'}
    process = subprocess.run(
        [sys.executable, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )
    return Output(process.returncode, process.stdout, process.stderr)


def configured(path: Path, *instances: Mapping[str, Any]) -> Path:
    path.write_text(json.dumps({'init_config': {}, 'instances': list(instances)}))
    return path


def command(config: Path, *arguments: str) -> Output:
    return python('-m', 'standalone', 'check', '--config', str(config), '--pause', '0', *arguments)


def count_earlier(instance: Mapping[str, Any], state: Path, clock: Callable[[], float]) -> None:
    output = python('-c', EARLIER, str(time.time() - clock()), json.dumps(instance), str(state))
    assert output.code == 0, output.errors


class Account(NamedTuple):
    """The account that all formats show, the output of each format, and the simulated AWS."""

    sim: Simulator
    outputs: Mapping[str, Output]
    instance: Mapping[str, Any]


@pytest.fixture(scope='module')
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """Three runs in each format, of an account that has been counted for half an hour."""
    folder = tmp_path_factory.mktemp('formats')
    # Half a minute in the past, so that no bucket or period ends between the runs of two formats.
    now = time.time() // 60 * 60 - 30
    clock = Clock(now - BEFORE)
    scenario = Scenario(
        'formats', 'all that is counted', 900.0, families=RECEIPT_RULES, standings=((0.0, QUOTA),), lag=(0.0, 0.0)
    )
    with Simulator(scenario, clock=clock, quotas=False) as sim:
        instance = instance_of(sim, thresholds=THRESHOLDS, account_id=ACCOUNT, min_collection_interval=60)
        config = configured(folder / 'conf.yaml', instance)
        count_earlier(instance, folder / 'state', clock)
        clock.set(now)

        def output(name: str) -> Output:
            state = shutil.copy(folder / 'state', folder / f'{name}.state')
            return command(config, '--state', str(state), '--runs', '3', '--format', name)

        names = ('text', 'json', 'openmetrics', 'nagios')
        # At the same time, because each waits some seconds for its turns with SES.
        with ThreadPoolExecutor(len(names)) as pool:
            outputs = dict(zip(names, pool.map(output, names), strict=True))
        yield Account(sim, outputs, instance)


def figures_of(series: list[dict[str, Any]]) -> dict[Series, tuple[str, float]]:
    """The Agent's shape of series: type and value by name and tags."""
    by_key = {}
    for metric in series:
        ((_, value),) = metric['points']
        key = metric['metric'].removeprefix(PREFIX), frozenset(metric['tags']) - ACCOUNT_TAGS
        assert key not in by_key
        by_key[key] = metric['type'], value
    return by_key


def from_text(text: str) -> dict[Series, tuple[str, float]]:
    series = re.search(r'^=== Series ===\n(\[.*?^\])', text, re.MULTILINE | re.DOTALL)
    assert series is not None
    return figures_of(json.loads(series.group(1)))


def from_json(text: str) -> dict[Series, tuple[str, float]]:
    (instance_output,) = json.loads(text)
    return figures_of(instance_output['aggregator']['metrics'])


def from_openmetrics(text: str, like: Mapping[Series, tuple[str, float]]) -> dict[Series, tuple[str, float]]:
    """Samples parsed as Prometheus does, under the Datadog names of the series in `like`."""
    names = {name.replace('.', '_'): name for name, _ in like}
    by_key = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            name = names.get(sample.name.removeprefix('amazon_ses_').removesuffix('_total'))
            labels = frozenset(f'{label}:{value}' for label, value in sample.labels.items() if label != 'host')
            if name is not None and 'metric' not in sample.labels:
                kind = {'gauge': 'gauge', 'counter': 'count'}[family.type]
                by_key[name, labels - ACCOUNT_TAGS] = kind, sample.value
    return by_key


def from_nagios(text: str) -> dict[str, tuple[float, str, list[str]]]:
    """Value, unit and limits by label, read as the plug-in guidelines say."""
    by_label = {}
    for figure in shlex.split(text.strip().partition(' | ')[2]):
        label, _, fields = figure.partition('=')
        value, *limits = fields.split(';')
        number = re.fullmatch(r'(-?[\d.]+)([a-zA-Z%]*)', value)
        assert number is not None
        by_label[label] = float(number.group(1)), number.group(2), limits
    return by_label


def lasting(series: Mapping[Series, tuple[str, float]]) -> dict[Series, tuple[str, float]]:
    """Series without those that measure the collection or an age, which differ from run to run."""
    return {
        (name, tags): value
        for (name, tags), value in series.items()
        if not name.startswith('collector.') and name != 'reputation.age'
    }


@pytest.fixture(scope='module')
def figures(account: Account) -> dict[Series, tuple[str, float]]:
    """The figures of the JSON output; the other formats are compared with them."""
    return lasting(from_json(account.outputs['json'].text))


def test_all_formats_end_well(account: Account) -> None:
    """Each format ends with exit code 0 when all is well, and its error output reports only the runs."""
    assert {name: output.code for name, output in account.outputs.items()} == dict.fromkeys(account.outputs, 0)
    for output in account.outputs.values():
        assert 'Traceback' not in output.errors and output.errors.count('OK, ') == 3


def test_figures_are_those_of_aws(account: Account, figures: Mapping[Series, tuple[str, float]]) -> None:
    """The output equals AWS: the quota, the newest settled period, and counts since counting began."""
    sim, now = account.sim, account.sim.clock()
    none: frozenset[str] = frozenset()
    standing = sim.world.standing(ACCOUNT, REGION)
    assert figures['quota.max_24_hour', none] == ('gauge', standing.max_24_hour_send)
    assert figures['quota.sent_24_hour', none] == ('gauge', sim.world.sent_last_24_hours(ACCOUNT, REGION, now))
    settled = (now - 300) // PERIOD * PERIOD - PERIOD
    since = -(-(now - BEFORE) // PERIOD) * PERIOD
    for metric, name in (('Send', 'send'), ('Bounce', 'bounce'), ('Open', 'open')):
        in_period = sim.world.visible_sum(ACCOUNT, REGION, metric, start=settled, end=settled + PERIOD)
        counted = sim.world.visible_sum(ACCOUNT, REGION, metric, start=since, end=now + PERIOD)
        assert in_period and counted > in_period
        assert figures[name, none] == ('gauge', in_period) and figures[f'{name}.count', none] == ('count', counted)


def test_text_and_json_agree(account: Account, figures: Mapping[Series, tuple[str, float]]) -> None:
    """The text for people holds the same series, types, tags and values as the JSON."""
    assert lasting(from_text(account.outputs['text'].text)) == figures


def test_openmetrics_figures_agree(account: Account, figures: Mapping[Series, tuple[str, float]]) -> None:
    """Prometheus reads the same figures: gauges unchanged, counts as counters."""
    read = from_openmetrics(account.outputs['openmetrics'].text, figures)
    assert read.keys() == figures.keys()
    for key, (kind, value) in figures.items():
        assert read[key] == (kind, pytest.approx(value)), key
    assert sum(kind == 'count' and value > 0 for kind, value in read.values()) >= 10


def test_nagios_figures_agree(account: Account, figures: Mapping[Series, tuple[str, float]]) -> None:
    """The performance figures are the account's gauges, with percent signs and with thresholds where configured."""
    read = from_nagios(account.outputs['nagios'].text)
    gauges = {name: value for (name, tags), (kind, value) in figures.items() if kind == 'gauge' and not tags}
    assert {label for label in read if label != 'reputation.age'} == gauges.keys() and 'send' in gauges
    for name, value in gauges.items():
        assert read[name][0] == pytest.approx(value), name
    assert read['quota.utilization'][1:] == ('%', ['80', '~:90']) and read['send'][1:] == ('', [])
    assert account.outputs['nagios'].text.startswith('SES OK - ')


def test_counters_continue_across_processes(
    account: Account, figures: Mapping[Series, tuple[str, float]], tmp_path: Path
) -> None:
    """A counter for Prometheus is the sum of all processes; JSON shows the count of its process."""
    clock, now = account.sim.clock, account.sim.clock()
    # Without the sources that wait for their turns with SES.
    instance = {**account.instance, 'collect': ['account', 'cloudwatch']}
    state = tmp_path / 'state'
    try:
        for moment in (now - BEFORE, now - BEFORE // 2):
            clock.set(moment)
            count_earlier(instance, state, clock)
    finally:
        clock.set(now)
    shutil.copy(state, tmp_path / 'other')
    config = configured(tmp_path / 'conf.yaml', instance)
    text = command(config, '--state', str(state), '--format', 'openmetrics').text
    total = from_openmetrics(text, figures)['send.count', frozenset()]
    added = from_json(command(config, '--state', str(tmp_path / 'other'), '--format', 'json').text)
    since = -(-(now - BEFORE) // PERIOD) * PERIOD
    assert total == ('count', account.sim.world.visible_sum(ACCOUNT, REGION, 'Send', start=since, end=now + PERIOD))
    assert 0 < added['send.count', frozenset()][1] < total[1]


# Exit codes for Nagios.


FINE = {'metric': 'quota.utilization', 'warning': '~:1000', 'critical': '@2000:3000'}
HIGH = {'metric': 'quota.utilization', 'warning': '@0:1000', 'critical': '2000'}
BAD = {'metric': 'quota.utilization', 'warning': '~:1000', 'critical': '1000:'}
ABSENT = {'metric': 'reputation.bounce_rate', 'warning': '5'}


@pytest.mark.parametrize(
    ('thresholds', 'code', 'message'),
    [
        ([FINE], 0, 'OK - all 3 statuses are OK'),
        ([HIGH], 1, 'WARNING - WARNING threshold'),
        ([BAD], 2, 'CRITICAL - CRITICAL threshold'),
        ([ABSENT], 3, 'UNKNOWN - UNKNOWN threshold'),
        ([HIGH, ABSENT], 1, 'WARNING - WARNING threshold'),
        ([{'metric': 'no.such.gauge', 'warning': '5'}], 3, 'UNKNOWN - '),
        ([{**HIGH, 'warning': '10:5'}], 3, 'UNKNOWN - '),
    ],
    ids=['ok', 'warning', 'critical', 'no value', 'the worst of two', 'no such metric', 'no such range'],
)
def test_thresholds_decide_the_exit_code(
    start: StartSimulator, tmp_path: Path, thresholds: list[Any], code: int, message: str
) -> None:
    """The plug-in ends with 0, 1, 2 or 3 as thresholds say; no value and a wrong configuration are 3."""
    sim = start(clock=None)
    instance = instance_of(sim, collect=['account'], account_id=ACCOUNT, thresholds=thresholds)
    output = command(configured(tmp_path / 'conf.yaml', instance), '--format', 'nagios')
    assert (output.code, output.text[: len(message) + 4]) == (code, f'SES {message}')
    refused = '`thresholds`' in output.text
    assert len(output.text.splitlines()) == 1 and (len(sim.log) == 0) is refused


def test_nagios_of_a_paused_account(start: StartSimulator, tmp_path: Path) -> None:
    """Without any threshold, an account that AWS has paused is CRITICAL, and the line says so."""
    sim = start('paused', clock=None)
    instance = instance_of(sim, collect=['account'], account_id=ACCOUNT)
    output = command(configured(tmp_path / 'conf.yaml', instance), '--format', 'nagios')
    assert output.code == 2 and output.text.startswith('SES CRITICAL - CRITICAL sending_status')
    assert 'AWS paused sending' in output.text


@pytest.mark.parametrize('name', ['text', 'json', 'openmetrics', 'nagios'])
def test_wrong_configuration_is_reported_on_a_single_line(start: StartSimulator, tmp_path: Path, name: str) -> None:
    """A wrong option is named on one line and nothing is sent: exit code 3 for Nagios, 2 for the other formats."""
    sim = start(clock=None)
    config = configured(tmp_path / 'conf.yaml', instance_of(sim, period=7))
    output = command(config, '--format', name)
    message = output.text if name == 'nagios' else output.errors
    assert output.code == (3 if name == 'nagios' else 2) and '`period`' in message and len(message.splitlines()) == 1
    assert len(sim.log) == 0 and (name == 'nagios' or output.text == '')
