"""The tour of README.md: a check against the simulator, which then misses a permission."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from simulator import Simulator

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def tour() -> str:
    """The commands of the tour."""
    blocks = re.findall(r'```\n(.*?)```', (ROOT / 'README.md').read_text(encoding='utf-8'), re.DOTALL)
    (commands,) = (block for block in blocks if '-m simulator' in block)
    return commands


def test_a_reader_is_told_which_permission_is_missing(tour: str, tmp_path: Path) -> None:
    """Who follows the tour sees a check that is OK, and after the fault the permission that the README names."""
    (scenario,) = re.findall(r'--scenario (\w+)', tour)
    (configuration,) = re.findall(r"<<'END'\n(.*?)END\n", tour, re.DOTALL)
    ((fault, address),) = re.findall(r"curl --data '(.*?)' (\S+)", tour)
    assert tour.count('FORMAT=nagios') == 2

    def check() -> str:
        command = [sys.executable, '-m', 'standalone', 'check', '--config', str(tmp_path / 'conf.yaml')]
        return subprocess.run([*command, '--format', 'nagios'], cwd=ROOT, capture_output=True, text=True).stdout

    with Simulator(scenario) as sim:
        local = configuration.replace('http://127.0.0.1:8080', sim.endpoint_url)
        assert local != configuration
        (tmp_path / 'conf.yaml').write_text(local, encoding='utf-8')
        assert check().startswith('SES OK')
        control = address.replace('http://127.0.0.1:8080', sim.endpoint_url)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(control, fault.encode()) as reply:
            assert json.load(reply)['faults'] == [{'kind': 'denied', 'hits': 0}]
        line = check()
    (promise,) = re.findall(r'a warning that names .*?: `(.*?)`', (ROOT / 'README.md').read_text(encoding='utf-8'))
    assert line.startswith('SES WARNING') and promise in line, line
