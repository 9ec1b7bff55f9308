"""The processes of a measurement: the simulator, and a client for each way to collect."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from dataclasses import asdict
from typing import Any, Self

from benchmarks.case import Case

START = 1_790_000_100.0
"""The time at which simulators start: a boundary of the period."""


class ProcessFailed(Exception):
    """A process did not start, or a client could not do its work; the text says why."""


class _Process:
    """A Python module in a separate process that answers in lines on stdout."""

    def __init__(self, module: str, *arguments: str) -> None:
        # Without AWS settings and proxies of the caller: all endpoints are on loopback.
        environment = {name: value for name, value in os.environ.items() if not name.startswith('AWS_')}
        environment |= dict.fromkeys(('AWS_CONFIG_FILE', 'AWS_SHARED_CREDENTIALS_FILE'), os.devnull)
        environment |= {'AWS_EC2_METADATA_DISABLED': 'true', 'NO_PROXY': '127.0.0.1', 'no_proxy': '127.0.0.1'}
        command = [sys.executable, '-I', '-m', module, *arguments]
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True, env=environment)
        assert self._process.stdin is not None and self._process.stdout is not None
        self._input, self._output = self._process.stdin, self._process.stdout

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        with suppress(BrokenPipeError):
            self._input.close()
        self._process.wait(30)
        self._output.close()


class Aws(_Process):
    """A simulator. Its clock stands still until `advance`."""

    def __init__(self, case: Case, start: float = START) -> None:
        options = ['--scenario', case.scenario, '--not-strict', '--no-quotas', '--time', str(start), '--speed', '0']
        for name, value in (('members', case.members), ('volume', case.volume), ('between', case.between)):
            if value is not None:
                options += [f'--{name}', *map(str, value if isinstance(value, tuple) else (value,))]
        super().__init__('simulator', *options)
        words = self._output.readline().split()
        if not words:
            raise ProcessFailed('the simulator did not start')
        self.endpoint = words[0]
        self.now = start

    def advance(self, seconds: float) -> None:
        """Moves the clock, and lets the simulator compute the answers of the new time in advance."""
        self.now = self._control('clock', advance=seconds)['time']
        self._control('refresh')

    def answer_after(self, seconds: float) -> None:
        """Sets the latency of all answers."""
        self._control('clear')
        if seconds:
            self._control('faults', kind='latency', argument=seconds)

    def send(self, queue: str, bodies: list[str]) -> None:
        """Sends messages to a queue."""
        self._control('messages', queue=queue, bodies=bodies)

    def usage(self) -> dict[str, Any]:
        """Returns the requests since the last call, as the simulator sums them up."""
        usage = self._control()
        self._control('log')
        return usage

    def _control(self, action: str = '', **body: Any) -> dict[str, Any]:
        content = json.dumps(body).encode() if action else None
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(f'{self.endpoint}/_sim/{action}', content, timeout=300) as reply:
            state: dict[str, Any] = json.load(reply)
        return state

    def __exit__(self, *error: object) -> None:
        self._process.terminate()
        super().__exit__()


class StandIn(_Process):
    """A server that answers at as little cost as it can. Its clock stands still until a turn turns it."""

    def __init__(self, case: Case, start: float = START) -> None:
        super().__init__('benchmarks.stand_in')
        self._input.write(json.dumps(asdict(case)) + '\n')
        self._input.flush()
        self.endpoint = self._output.readline().strip()
        self.now = start


class Client(_Process):
    """One way to collect. `cold` is the answer to its first run.

    Raises ProcessFailed where the client cannot do its work.
    """

    def __init__(
        self, way: str, case: Case, server: Aws | StandIn, folder: str, periods: int = 0, totalling: bool = False
    ) -> None:
        job = {'way': way, 'case': asdict(case), 'endpoint': server.endpoint, 'folder': folder, 'now': server.now}
        job |= {'periods': periods, 'totalling': totalling, 'started': time.monotonic()}
        super().__init__('benchmarks.worker')
        try:
            self.cold = self.send(**job)
        except ProcessFailed:
            self.__exit__()
            raise

    def send(self, **message: Any) -> dict[str, Any]:
        """Sends a job or a command of `worker` and returns the answer."""
        line = ''
        with suppress(BrokenPipeError):
            self._input.write(json.dumps(message) + '\n')
            self._input.flush()
            line = self._output.readline()
        answer: dict[str, Any] = json.loads(line) if line else {'error': 'the client ended'}
        if 'error' in answer:
            raise ProcessFailed(answer['error'])
        return answer
