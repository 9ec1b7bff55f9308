"""Real processes on one cache directory, driven as the Agent drives them."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from common import ACCOUNT, OTHER, REGION, START, StartSimulator, instance_of
from processes import QUIET, STEADY, put_mails

from simulator import Clock

pytestmark = pytest.mark.usefixtures('no_waiting')

HOST = Path(__file__).resolve().parents[1] / 'agent_process.py'


class AgentProcess:
    """The check in a process of its own, as tests/agent_process.py drives it."""

    def __init__(self, run_path: Path, instance: dict[str, Any], config: dict[str, Any], **attributes: Any) -> None:
        root = HOST.parents[1]
        environment = {**os.environ, 'PYTHONPATH': f'{root}{os.pathsep}{os.environ.get("PYTHONPATH", "")}'}
        arguments = [str(run_path), *map(json.dumps, (instance, config, attributes))]
        self._process = subprocess.Popen(
            [sys.executable, str(HOST), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment,
        )
        self.counts: Counter[str] = Counter()
        self.warnings: list[str] = []
        self.statuses: list[Any] = []
        self.gauges: set[str] = set()

    def start(self, now: float) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({'now': now}) + '\n')
        self._process.stdin.flush()

    def finish(self) -> None:
        """Wait for the run, and take what it submitted."""
        assert self._process.stdout is not None
        answer = json.loads(self._process.stdout.readline())
        assert answer['error'] == ''
        self.counts.update(answer['counts'])
        self.warnings, self.statuses, self.gauges = answer['warnings'], answer['statuses'], set(answer['gauges'])

    def run(self, now: float) -> None:
        self.start(now)
        self.finish()

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()


@pytest.mark.parametrize('number', [2, 3, 5])
def test_real_processes_at_once_are_exact_or_reported(
    number: int, start: StartSimulator, clock: Clock, tmp_path: Path
) -> None:
    """Two to five real processes on one cache directory, whose runs start at the same moment: every mail is handed over
    once, or the periods in doubt are reported. A check by hand beside them changes nothing."""
    sim = start(QUIET)
    put_mails(sim, 150)
    instance = instance_of(sim, **STEADY)
    with ExitStack() as stack:
        agents = [AgentProcess(tmp_path, instance, {'cmd_port': 5001}) for _ in range(number)]
        by_hand = AgentProcess(tmp_path, instance, {'cmd_port': 0})
        for process in (*agents, by_hand):
            stack.callback(process.close)
        for step in range(40):
            clock.advance(60 if step < 3 else 300)
            for agent in agents:
                agent.start(clock())
            for agent in agents:
                agent.finish()
            if step % 10 == 5:
                by_hand.run(clock())
                assert by_hand.counts['send.count us-east-1'] == 0
                assert step > 5 or any('started by hand' in warning for warning in by_hand.warnings)
    handed = sum(agent.counts[f'send.count {REGION}'] for agent in agents)
    unknown = sum(agent.counts[f'collector.periods_unknown {REGION}'] for agent in agents)
    truth = sim.world.final_sum(ACCOUNT, REGION, 'Send', start=START, end=clock())
    # Counting begins with the first period after the second run, a minute after the first.
    uncounted = 12
    assert truth - uncounted - 5 * unknown <= handed <= truth + (number - 1) * 5 * unknown
    if not unknown:
        assert handed <= truth
    covered = sum(agent.counts[f'collector.covered_seconds {REGION}'] for agent in agents)
    assert covered > (number - 0.5) * 2 * 37 * 60


def test_a_real_check_by_hand_leaves_no_trace(start: StartSimulator, clock: Clock, tmp_path: Path) -> None:
    """A check by hand as another user, before the Agent's first run, creates no file and no folder in the cache."""
    sim = start(QUIET)
    by_hand = AgentProcess(tmp_path, instance_of(sim, **STEADY), {'cmd_port': 0})
    try:
        for _ in range(3):
            by_hand.run(clock.advance(60))
        assert list(tmp_path.iterdir()) == []
        assert {'quota.utilization', 'can_connect'} <= by_hand.gauges
        assert not any(name.startswith('send.count') for name in by_hand.counts)
    finally:
        by_hand.close()


def test_the_file_that_is_named_is_the_file(start: StartSimulator, clock: Clock, tmp_path: Path) -> None:
    """The file that can_connect names when it cannot be read is the one in the cache folder."""
    agent = AgentProcess(tmp_path, instance_of(start(QUIET), **STEADY), {'cmd_port': 5001})
    try:
        for _ in range(3):
            agent.run(clock.advance(300))
        (mark,) = tmp_path.glob(f'amazon_ses/*{OTHER}*writer')
        mark.unlink()
        # Whoever runs the tests, a folder cannot be read as a file.
        mark.mkdir()
        agent.run(clock.advance(300))
        (message,) = [text for name, level, text, _ in agent.statuses if name == 'can_connect' and level == 1]
        assert f'{mark} cannot be read' in message
        mark.rmdir()
        agent.run(clock.advance(300))
        assert [level for name, level, _, _ in agent.statuses if name == 'can_connect'] == [0, 0]
    finally:
        agent.close()


def test_a_folder_of_another_user_is_named(start: StartSimulator, clock: Clock, tmp_path: Path) -> None:
    """Where the cache folder cannot be used at all, can_connect names the file, and gauges go on."""
    (tmp_path / 'amazon_ses').write_text('in the way of the folder')
    agent = AgentProcess(tmp_path, instance_of(start(QUIET), **STEADY), {'cmd_port': 5001})
    try:
        for _ in range(3):
            agent.run(clock.advance(60))
        messages = [message for name, level, message, _ in agent.statuses if name == 'can_connect' and level == 1]
        assert len(messages) == 2 and all(str(tmp_path / 'amazon_ses') in message for message in messages)
        assert 'quota.utilization' in agent.gauges
    finally:
        agent.close()
