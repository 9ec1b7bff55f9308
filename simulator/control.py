"""The control route `/_sim/` for tests and benchmarks that run the simulator as a process of its own."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from simulator.clock import Clock
from simulator.faults import Fault
from simulator.wire import HttpRequest, Reply

if TYPE_CHECKING:
    from simulator.simulator import Simulator


def answer(sim: Simulator, request: HttpRequest) -> Reply:
    """GET /_sim/ gives the state; POST /_sim/faults, /clear, /clock, /log, /refresh change it. 400 says why."""
    try:
        body = json.loads(request.body or b'{}')
        if request.method == 'GET':
            return _reply(200, state(sim))
        if request.method != 'POST':
            return _reply(405, {'error': 'GET or POST'})
        return _change(sim, request.path.removeprefix('/_sim/').strip('/'), body)
    except (ValueError, TypeError, KeyError) as error:
        return _reply(400, {'error': str(error)})


def state(sim: Simulator) -> dict[str, Any]:
    """Scenario, time and what was asked so far."""
    return {
        'scenario': sim.scenario.name,
        'time': sim.clock(),
        'account': sim.account,
        'seed': sim.seed,
        'requests': len(sim.log),
        'operations': dict(sim.log.operations()),
        'actions': sorted(sim.log.actions()),
        'billed_metrics': sim.log.billed_metrics(),
        'datapoints': sim.log.datapoints(),
        'places': [
            {'account': account, 'region': region, 'operations': dict(operations), 'billed_metrics': billed}
            for (account, region), (operations, billed) in sim.log.places().items()
        ],
        'errors': sum(request.error is not None for request in sim.log),
        'faults': [{'kind': fault.kind, 'hits': fault.hits} for fault in sim.faults],
    }


def _change(sim: Simulator, what: str, body: dict[str, Any]) -> Reply:
    if what == 'faults':
        sim.faults.add(Fault(**body))
    elif what == 'clear':
        sim.faults.clear()
    elif what == 'log':
        sim.log.clear()
    elif what == 'refresh':
        sim.refresh()
    elif what == 'clock':
        if not isinstance(sim.clock, Clock):
            raise ValueError('this simulator follows the wall clock; start it with --time')
        if 'time' in body:
            sim.clock.set(float(body['time']))
        sim.clock.advance(float(body.get('advance', 0)))
    else:
        return _reply(404, {'error': f'no such control: {what}'})
    return _reply(200, state(sim))


def _reply(status: int, body: dict[str, Any]) -> Reply:
    return Reply(status, {'Content-Type': 'application/json'}, json.dumps(body).encode())
