"""The commands `diagnose` and `policy`, run as users run them, against the simulator."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from common import KEY, REGION, SECRET, instance_of

from simulator import Simulator
from standalone.state import State, StateError

ROOT = Path(__file__).resolve().parents[2]


def standalone(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith('DDEV_')}
    return subprocess.run(
        [sys.executable, '-m', 'standalone', *arguments, '--config', 'conf.yaml'],
        cwd=folder,
        env={**environment, 'PYTHONPATH': str(ROOT)},
        capture_output=True,
        encoding='utf-8',
        timeout=60,
        check=False,
    )


def configure(folder: Path, *instances: dict[str, Any]) -> None:
    (folder / 'conf.yaml').write_text(json.dumps({'init_config': {}, 'instances': list(instances)}))


def test_policy_of_the_default_options_is_the_shipped_one(tmp_path: Path) -> None:
    """`policy` prints one policy for all instances: with the default options it has the actions of the shipped default
    policy, and the ARN of each queue; it asks AWS nothing."""
    url = 'https://sqs.us-east-1.amazonaws.com/123456789012/datadog-ses-events'
    role = 'arn:aws:iam::123456789012:role/reader'
    reading = {
        'region': REGION,
        'role_arn': role,
        'ledger': 'other',
        'event_queues': [{'url': url}],
        'collect': ['account'],
    }
    configure(tmp_path, {'region': REGION}, reading)
    result = standalone(tmp_path, 'policy')
    assert result.returncode == 0, result.stderr
    statements = json.loads(result.stdout)['Statement']
    shipped = json.loads((ROOT / 'assets' / 'iam_policy_default.json').read_text(encoding='utf-8'))
    (of_queues,) = (statement for statement in statements if 'sqs:ReceiveMessage' in statement['Action'])
    listed = {action for statement in statements if statement is not of_queues for action in statement['Action']}
    assert listed == set(shipped['Statement'][0]['Action'])
    assert of_queues['Resource'] == 'arn:aws:sqs:us-east-1:123456789012:datadog-ses-events'
    assert 'sts:AssumeRole' in result.stderr and 'kms:Decrypt' in result.stderr


def test_diagnose_reads_a_state_in_use_and_exits_with_one(tmp_path: Path) -> None:
    """`diagnose` exits with 1 where anything fails, prints the statement that is missing and no secret, and leaves a
    state that a check is using as it is, byte for byte."""
    state = State.open(tmp_path / 'ses.state')
    state.write('a key', 'a text')
    before = (tmp_path / 'ses.state').read_bytes()
    with Simulator('steady') as sim:
        sim.deny('cloudwatch:GetMetricData')
        configure(tmp_path, instance_of(sim, collect=['account', 'cloudwatch']))
        result = standalone(tmp_path, 'diagnose', '--state', 'ses.state')
    state.close()
    assert result.returncode == 1, result.stderr
    assert 'FAIL Permission cloudwatch:GetMetricData' in result.stdout
    assert 'PASS Permission ses:GetAccount' in result.stdout
    assert '"cloudwatch:GetMetricData"' in result.stdout.partition('Missing IAM statement')[2]
    assert f'PASS State {REGION}' in result.stdout
    assert not [secret for secret in (KEY, SECRET) if secret in result.stdout + result.stderr]
    assert (tmp_path / 'ses.state').read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ['conf.yaml', 'ses.state', 'ses.state.lock']


def test_a_snapshot_of_a_state_is_a_copy(tmp_path: Path) -> None:
    """A snapshot has what the file holds, keeps what is written to itself, and refuses a file that is no state."""
    path = tmp_path / 'ses.state'
    assert State.snapshot(path).read('key') == ''
    with_text = State.open(path)
    with_text.write('key', 'text')
    before = path.read_bytes()
    snapshot = State.snapshot(path)
    assert snapshot.read('key') == 'text'
    snapshot.write('key', 'other')
    assert path.read_bytes() == before
    with_text.close()
    path.write_text('torn')
    with pytest.raises(StateError, match='is not a state'):
        State.snapshot(path)
    assert path.read_text() == 'torn'
