"""The control route `/_sim/` for tests and benchmarks that run the simulator as a process of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from simulator.clock import Clock
from simulator.faults import Fault, Faults
from simulator.request_log import RequestLog
from simulator.wire import HttpRequest, Reply


@dataclass(frozen=True)
class Control:
    """Shows and changes a simulator; `options` are those that its state shows."""

    options: Mapping[str, Any]
    clock: Callable[[], float]
    faults: Faults
    log: RequestLog
    refresh: Callable[[], None]
    change: Callable[..., None]
    send: Callable[..., None]

    def answer(self, request: HttpRequest) -> Reply:
        """GET /_sim/ gives the state.

        POST /_sim/faults, /clear, /clock, /log, /refresh, /inventory and /messages change it. 400 says why it cannot.
        """
        try:
            body = json.loads(request.body or b'{}')
            if request.method == 'GET':
                return _reply(200, self.state())
            if request.method != 'POST':
                return _reply(405, {'error': 'GET or POST'})
            return self._change(request.path.removeprefix('/_sim/').strip('/'), body)
        except (ValueError, TypeError, KeyError) as error:
            return _reply(400, {'error': str(error)})

    def state(self) -> dict[str, Any]:
        """Options, time, faults in force, and the requests so far."""
        return {
            **self.options,
            'time': self.clock(),
            'requests': len(self.log),
            'operations': dict(self.log.operations()),
            'actions': sorted(self.log.actions()),
            'billed_metrics': self.log.billed_metrics(),
            'datapoints': self.log.datapoints(),
            'places': [
                {'account': account, 'region': region, 'operations': dict(operations), 'billed_metrics': billed}
                for (account, region), (operations, billed) in self.log.targets().items()
            ],
            'errors': sum(request.error is not None for request in self.log),
            'faults': [{'kind': fault.kind, 'hits': fault.hits} for fault in self.faults],
        }

    def _change(self, command: str, body: dict[str, Any]) -> Reply:
        if command == 'faults':
            self.faults.add(Fault(**body))
        elif command == 'clear':
            self.faults.clear()
        elif command == 'log':
            self.log.clear()
        elif command == 'refresh':
            self.refresh()
        elif command == 'inventory':
            self.change(**body)
        elif command == 'messages':
            self.send(**body)
        elif command == 'clock':
            if not isinstance(self.clock, Clock):
                raise ValueError('this simulator follows the wall clock; start it with --time')
            if 'time' in body:
                self.clock.set(float(body['time']))
            self.clock.advance(float(body.get('advance', 0)))
        else:
            return _reply(404, {'error': f'no such control: {command}'})
        return _reply(200, self.state())


def _reply(status: int, body: dict[str, Any]) -> Reply:
    return Reply(status, {'Content-Type': 'application/json'}, json.dumps(body).encode())
