"""The processes of a measurement: the simulator, and a client for each way to collect."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from benchmarks.cases import Case

START = 1_790_000_100.0
"""When the simulators begin: a boundary of the period."""


class Broken(Exception):
    """A client could not do what was asked of it; the text says why."""


def _environment() -> dict[str, str]:
    """Without the caller's own AWS settings and proxies: everything here is on this machine."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith('AWS_')}
    nowhere = {'AWS_CONFIG_FILE': os.devnull, 'AWS_SHARED_CREDENTIALS_FILE': os.devnull}
    return kept | nowhere | {'AWS_EC2_METADATA_DISABLED': 'true', 'NO_PROXY': '127.0.0.1', 'no_proxy': '127.0.0.1'}


def _python(module: str, *arguments: str, **options: Any) -> subprocess.Popen[str]:
    command = [sys.executable, '-I', '-m', module, *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=_environment(), **options)


class Aws:
    """A simulator in a process of its own, on a clock that stands still until it is told to move."""

    def __init__(self, case: Case, start: float = START) -> None:
        options = ['--scenario', case.scenario, '--not-strict', '--no-quotas', '--time', str(start), '--speed', '0']
        for name, value in (('members', case.members), ('volume', case.volume), ('between', case.between)):
            if value is not None:
                options += [f'--{name}', *map(str, value if isinstance(value, tuple) else (value,))]
        self._process = _python('simulator', *options)
        assert self._process.stdout is not None
        words = self._process.stdout.readline().split()
        if not words:
            raise Broken('the simulator did not start')
        self.endpoint = words[0]
        self.now = start

    def _told(self, what: str = '', **body: Any) -> dict[str, Any]:
        request = urllib.request.Request(f'{self.endpoint}/_sim/{what}', json.dumps(body).encode() if what else None)
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=300) as reply:
            told: dict[str, Any] = json.load(reply)
        return told

    def advance(self, seconds: float) -> float:
        """Move the clock and have the answers of that time worked out; the new time."""
        self.now = self._told('clock', advance=seconds)['time']
        self._told('refresh')
        return self.now

    def answer_after(self, seconds: float) -> None:
        """Add that much to each answer from now on."""
        self._told('clear')
        if seconds:
            self._told('faults', kind='latency', argument=seconds)

    def asked(self) -> dict[str, Any]:
        """What was asked since this was last called."""
        said = self._told()
        self._told('log')
        return said

    def __enter__(self) -> Aws:
        return self

    def __exit__(self, *error: object) -> None:
        self._process.terminate()
        self._process.wait(10)
        assert self._process.stdout is not None
        self._process.stdout.close()


class Client:
    """One way to collect, in a process of its own. `cold` is the answer to its first run.

    Raises Broken where the client cannot do what is asked of it.
    """

    def __init__(self, way: str, case: Case, aws: Aws, folder: str, periods: int = 0, totalling: bool = False) -> None:
        begun = time.monotonic()
        self._process = _python('benchmarks.worker', stdin=subprocess.PIPE)
        job = {
            'way': way, 'case': asdict(case), 'endpoint': aws.endpoint, 'folder': folder, 'now': aws.now,
            'periods': periods, 'begun': begun, 'totalling': totalling,
        }  # fmt: skip
        try:
            self.cold = self._ask(job)
        except Broken:
            self.__exit__()
            raise

    def ask(self, do: str, **more: Any) -> dict[str, Any]:
        """Have something done and return what it cost: see `worker`."""
        return self._ask({'do': do, **more})

    def _ask(self, message: Mapping[str, Any]) -> dict[str, Any]:
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps(message) + '\n')
            self._process.stdin.flush()
            said = self._process.stdout.readline()
        except BrokenPipeError:
            said = ''
        answer: dict[str, Any] = json.loads(said) if said else {'error': 'the client ended'}
        if 'error' in answer:
            raise Broken(answer['error'])
        return answer

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *error: object) -> None:
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.close()
        except BrokenPipeError:
            pass
        self._process.wait(30)
        self._process.stdout.close()
