"""The pretend AWS: from a request to its answer."""

from __future__ import annotations

import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any

from simulator import mail_events, mishaps, shapes
from simulator.accounts import Accounts, Principal
from simulator.call import Backend, Call, Operation
from simulator.control import Control
from simulator.errors import AwsError, invalid_token
from simulator.faults import ERRORS, Fault, Faults
from simulator.inventory import DEFAULTS, Change
from simulator.listings import Listings
from simulator.models import regions
from simulator.operations.table import OPERATIONS
from simulator.publishing import events_of
from simulator.queues import Queue, Queues
from simulator.quotas import Quotas
from simulator.repeats import Repeats
from simulator.request_log import RequestLog
from simulator.scenarios import SCENARIOS, Scenario
from simulator.server import HttpServer
from simulator.sums import Sums
from simulator.wire import JSON, Decoded, HttpRequest, Reply, decode, encode, encode_error
from simulator.world import World

_MAIL_SERVICES = ('ses', 'sesv2')


@dataclass(frozen=True)
class Options:
    """The options of a simulator.

    `seed`: the same seed gives the same traffic. `account`: the account of any unknown key. `strict`: check every
    answer against botocore's models; without it, lists of queries and sums are remembered, so that a poller gets the
    same numbers at little cost. `port`: 0 picks a free port. `latency`: seconds added to each answer. `align`: 'epoch'
    or 'start', where CloudWatch's periods begin. `quotas`: enforce AWS's call rates.
    """

    seed: int = 1
    account: str = '123456789012'
    strict: bool = True
    port: int = 0
    latency: float = 0.0
    align: str = 'epoch'
    quotas: bool = True

    def __post_init__(self) -> None:
        if self.align not in ('epoch', 'start'):
            raise ValueError("align must be 'epoch' or 'start'")


class Simulator:
    """A pretend AWS on loopback, for demo, tests and benchmarks.

    `scenario`: a name of SCENARIOS or a Scenario. `clock`: a callable giving seconds since the epoch, None for wall
    time. `options` are those of `Options`. Use it as a context manager, or `start` and `stop`.
    """

    def __init__(
        self, scenario: str | Scenario = 'steady', clock: Callable[[], float] | None = None, **options: Any
    ) -> None:
        if isinstance(scenario, str):
            if scenario not in SCENARIOS:
                raise ValueError(f'unknown scenario {scenario!r}; known: {", ".join(SCENARIOS)}')
            scenario = SCENARIOS[scenario]
        self.options = Options(**options)
        self.scenario = scenario
        self.clock = clock or time.time
        self.account = self.options.account
        self.disabled_regions: set[str] = set()
        self.world = World(scenario, self.options.seed, self.clock)
        self.faults = Faults(self.options.seed)
        self.queues = Queues(self.clock)
        self.log = RequestLog()
        self.accounts = Accounts(self.account)
        self.deny = self.accounts.deny
        self.allow = self.accounts.allow
        self.expire_tokens = self.accounts.expire_tokens
        listings, sums, quotas = Listings(self.world), Sums(self.world), Quotas(self.clock, self.options.quotas)
        self._backend = Backend(self.world, listings, sums, self.accounts, quotas, self.queues, self.options.align)
        shown = {'scenario': scenario.name, 'account': self.account, 'seed': self.options.seed}
        self._control = Control(shown, self.clock, self.faults, self.log, self.refresh, self.change, self.send)
        self._repeats = None if self.options.strict else Repeats()
        self._mail_regions = regions('email')
        self._server: HttpServer | None = None

    def start(self) -> Simulator:
        """Begin to serve; `endpoint_url` is known from now on."""
        if self._server is None:
            self._server = HttpServer(self.answer, self.options.port)
            self._server.start()
        return self

    def stop(self) -> None:
        """End the server and its connections; safe to repeat."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def __enter__(self) -> Simulator:
        return self.start()

    def __exit__(self, *error: object) -> None:
        self.stop()

    @property
    def port(self) -> int:
        """The port that is served; RuntimeError when not started."""
        if self._server is None:
            raise RuntimeError('the simulator is not started')
        return self._server.port

    @property
    def endpoint_url(self) -> str:
        """The URL for boto3's endpoint_url or AWS_ENDPOINT_URL."""
        return f'http://127.0.0.1:{self.port}'

    def send(self, queue: str, bodies: Sequence[str], region: str = 'us-east-1', account: str = '') -> None:
        """Send messages to a queue, which is made where there is none of that name."""
        account = account or self.account
        target = self.queues.find(account, region, queue) or self.queues.create(queue, account, region)
        for body in bodies:
            self.queues.put(target, body)

    def publish(self, queue: Queue, first: float, last: float) -> None:
        """Send the failure events of the minutes of [first, last) to a queue, as SES does over SNS."""
        for minute in range(int(first // 60), int(last // 60)):
            for event in events_of(self.world, queue.account, queue.region, minute):
                self.queues.put(queue, mail_events.sns(event))

    def queue_url(self, queue: Queue) -> str:
        """The URL of a queue, as AWS names it."""
        return f'https://sqs.{queue.region}.amazonaws.com/{queue.account}/{queue.name}'

    def refresh(self) -> None:
        """Work out now what the next requests are likely to ask, so that answering them costs little."""
        self._backend.sums.refresh(self.clock())
        self._backend.listings.refresh(self.clock())

    def change(
        self,
        kind: str,
        name: str = '',
        values: Mapping[str, Any] | None = DEFAULTS,
        region: str | None = None,
        account: str | None = None,
    ) -> None:
        """Change from now on what an account has, in one Region or in all of them; see `Change`. None removes."""
        change = Change(self.clock() - self.world.started, kind, name, values, region)
        self.world.inventories.add(change, account)

    def answer(self, request: HttpRequest) -> Reply:
        """The answer to any request; never raises."""
        if request.path.startswith('/_sim/') or request.path == '/_sim':
            return self._control.answer(request)
        decoded = Decoded(time=self.clock())
        self.log.append(decoded)
        fault: Fault | None = None
        try:
            decode(request, decoded, self._repeats)
            decoded.set_request_id(request.body)
            operation = OPERATIONS.get((decoded.service, decoded.operation))
            decoded.action = operation.action if operation else None
            refusal, caller = self._identify(decoded, operation)
            decoded.account = caller.account if caller else None
            fault, delay = self.faults.strike(decoded)
            decoded.fault = fault.kind if fault else 'latency' if delay else None
            self._wait(self.options.latency + delay)
            if fault is not None and fault.kind in ERRORS:
                mishaps.raise_error(fault, decoded.action, caller.arn if caller else 'anonymous')
            if refusal is not None:
                raise refusal
            result = self._perform(decoded, operation, caller)
            harmed = mishaps.harm_result(fault, result) if fault and isinstance(result, dict) else result
            # A harmed result may break the model on purpose.
            reply = encode(decoded, harmed, self._date(), self.options.strict and harmed is result)
        except Exception as error:
            if not isinstance(error, AwsError):
                # Clients are used to failures of AWS; a defect of the simulator must look like nothing of the kind.
                traceback.print_exc()
                error = AwsError('SimulatorDefect', traceback.format_exc(limit=-3), 500, literal=True)
            reply, decoded.error = encode_error(decoded, error, self._date())
        if fault is not None:
            reply = mishaps.harm_reply(fault, reply)
        decoded.status = reply.status
        return reply

    def _identify(self, decoded: Decoded, operation: Operation | None) -> tuple[AwsError | None, Principal | None]:
        """The caller, and why AWS turns it away, if it does."""
        if decoded.access_key is None and operation is not None and not operation.signed:
            return None, Principal('', self.account, 'anonymous', 'anonymous')
        try:
            caller = self.accounts.principal(decoded.access_key or '', decoded.token)
        except AwsError as error:
            return error, None
        unknown = decoded.service in _MAIL_SERVICES and decoded.region not in self._mail_regions
        return invalid_token() if unknown or decoded.region in self.disabled_regions else None, caller

    def _perform(
        self, decoded: Decoded, operation: Operation | None, caller: Principal | None
    ) -> dict[str, Any] | bytes:
        if operation is None or caller is None:
            raise AwsError('InvalidAction', f'The simulator does not offer {decoded.operation}', 404)
        region = str(decoded.region)
        if operation.checked and operation.signed:
            self.accounts.authorize(caller, operation.action, region)
        self._backend.quotas.take_call(operation.action, caller.account, region, operation.per_second)
        if decoded.violation:
            raise _invalid(decoded, decoded.violation)
        call = Call(self._backend, caller.account, region, decoded.params, self.clock(), caller, decoded)
        harmed = decoded.fault not in (None, 'latency')
        if operation.write and decoded.protocol == JSON and not self.options.strict and not harmed:
            written = operation.write(call)
            if written is not None:
                return written
        return operation.answer(call)

    def _wait(self, seconds: float) -> None:
        if seconds > 0 and self._server is not None:
            self._server.stopping.wait(seconds)

    def _date(self) -> str:
        return formatdate(int(self.clock()), usegmt=True)


def _invalid(decoded: Decoded, violation: shapes.Violation) -> AwsError:
    """AWS's refusal of parameters that break the model, as the service words it."""
    path = '.'.join(violation.path)
    if violation.kind == 'type' and decoded.protocol != 'query':
        return AwsError('SerializationException', f'{path} {violation.words}')
    if decoded.service == 'cloudwatch' and violation.kind == 'required':
        return AwsError('MissingParameter', f'The parameter {path} is required.')
    if decoded.service == 'cloudwatch' and violation.kind == 'type':
        return AwsError('MalformedInput', f'{path} {violation.words}')
    return AwsError('ValidationError', shapes.constraint(decoded.params, violation))
