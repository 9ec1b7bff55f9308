"""A folder with a small check under the name of the Amazon SES check, and the command line run in that folder."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
if str(ROOT) not in sys.path:
    sys.path.insert(0, str(ROOT))

CHECK = '''
import threading
import time

from datadog_checks.base import AgentCheck, ConfigurationError
from datadog_checks.base.agent import AGENT_RUNNING

__version__ = '1.2.3'


class AmazonSesCheck(AgentCheck):
    """Behaves as the options of its instance say."""

    __NAMESPACE__ = 'amazon_ses'

    def __init__(self, name, init_config, instances):
        super().__init__(name, init_config, instances)
        self.clock = time.time
        if self.instance.get('refuse') == 'constructor':
            raise ValueError('no `region` given')
        if self.instance.get('refuse') == 'initialization':
            self.check_initializations.append(self.refuse)

    def persistent_cache_id(self):
        return 'constant'

    def refuse(self):
        raise ConfigurationError('Detected 1 error:\\nregion\\n  Field `region` wants a text, not 7')

    def check(self, _):
        assert AGENT_RUNNING
        runs = int(self.read_persistent_cache('runs') or 0) + 1
        self.write_persistent_cache('runs', str(runs))
        if self.instance.get('thread'):
            thread = threading.Thread(target=self.write_persistent_cache, args=('thread', 'seen'))
            thread.start()
            thread.join()
        tags = ['aws_account:1', 'region:x', *self.instance.get('tags', [])]
        self.gauge('runs_ever', runs, tags=tags)
        for name, value in self.instance.get('gauges', {}).items():
            self.gauge(name, value, tags=tags)
        for name, value in self.instance.get('counts', {}).items():
            self.count(name, value, tags=tags)
        for status in self.instance.get('statuses', [{'name': 'can_connect', 'status': 0}]):
            self.service_check(status['name'], status['status'], tags=tags, message=status.get('message'))
        self.event({'msg_title': 'a title', 'msg_text': 'a text', 'timestamp': int(self.clock()), 'event_type': 'ses'})
        if self.instance.get('warn'):
            self.warning(self.instance['warn'])
        if self.instance.get('log'):
            self.log.error(self.instance['log'])
            try:
                raise ValueError('inner ' + self.instance['log'])
            except ValueError:
                self.log.exception('logged')
        time.sleep(self.instance.get('sleep', 0))
        if self.instance.get('fail'):
            raise RuntimeError(self.instance['fail'])
        if self.instance.get('refuse') == 'run':
            self.refuse()
'''


class Sandbox:
    """A folder with the small check; the repository's `standalone` is on the path, too."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        package = folder / 'datadog_checks' / 'amazon_ses'
        package.mkdir(parents=True)
        (folder / 'datadog_checks' / '__init__.py').write_text(
            "__path__ = __import__('pkgutil').extend_path(__path__, __name__)\n"
        )
        (package / '__init__.py').write_text(CHECK)
        environment = {**os.environ, 'PYTHONPATH': str(ROOT), 'DD_HOSTNAME': 'a-host', 'NO_COLOR': '1'}
        # DDEV_ variables would bring the stubs of a test run; these processes host the check as users do.
        self.environment = {name: value for name, value in environment.items() if not name.startswith('DDEV_')}

    def configure(self, *instances: dict[str, Any], text: str | None = None) -> Path:
        path = self.folder / 'conf.yaml'
        path.write_text(json.dumps({'init_config': {}, 'instances': list(instances)}) if text is None else text)
        return path

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, *arguments],
            cwd=self.folder,
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding='utf-8',
        )

    def python(self, program: str) -> subprocess.CompletedProcess[str]:
        return self._finish(self.start('-c', program))

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self._finish(self.start('-m', 'standalone', *arguments))

    def check(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        return self.run('check', '--config', 'conf.yaml', *arguments)

    @staticmethod
    def _finish(process: subprocess.Popen[str]) -> subprocess.CompletedProcess[str]:
        output, errors = process.communicate(timeout=60)
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


@pytest.fixture
def sandbox(tmp_path: Path) -> Sandbox:
    return Sandbox(tmp_path)
