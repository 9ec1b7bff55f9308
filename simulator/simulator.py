"""The pretend AWS: from a request to its answer."""

from __future__ import annotations

import ssl
import time
import traceback
from collections.abc import Callable
from email.utils import formatdate
from typing import Any

from simulator import control, mishaps, shapes
from simulator.accounts import Accounts, Denial, Principal
from simulator.errors import AwsError
from simulator.faults import ERRORS, Fault, Faults
from simulator.operations import OPERATIONS, Call, Operation
from simulator.quotas import Quotas
from simulator.repeats import Repeats
from simulator.request_log import Request, RequestLog
from simulator.scenarios import SCENARIOS, Scenario
from simulator.server import HttpServer
from simulator.totals import Totals
from simulator.wire import JSON, Decoded, HttpRequest, Models, Reply, decode, encode, encode_error
from simulator.world import World

# The models do not depend on a simulator's options, and loading them is most of the time it takes to start.
_MODELS = Models()
_BAD_TOKEN = 'The security token included in the request is invalid.'
_MAIL_SERVICES = ('ses', 'sesv2')


class Simulator:
    """A pretend AWS on loopback, for demo, tests and benchmarks.

    `scenario`: a name of SCENARIOS or a Scenario. `clock`: a callable giving seconds since the epoch, None for wall
    time. `account`: whose any unknown key is. `strict`: check every answer against botocore's models; without it, what
    pollers ask again is remembered, so that a benchmark is answered at little cost with the same numbers. `latency`:
    seconds added to each answer. `align`: 'epoch' or 'start', where CloudWatch's periods begin. `quotas`: enforce AWS's
    call rates. Use it as a context manager, or `start` and `stop`.
    """

    def __init__(
        self,
        scenario: str | Scenario = 'steady',
        clock: Callable[[], float] | None = None,
        seed: int = 1,
        account: str = '123456789012',
        strict: bool = True,
        port: int = 0,
        latency: float = 0.0,
        align: str = 'epoch',
        quotas: bool = True,
    ) -> None:
        if isinstance(scenario, str):
            if scenario not in SCENARIOS:
                raise ValueError(f'unknown scenario {scenario!r}; known: {", ".join(SCENARIOS)}')
            scenario = SCENARIOS[scenario]
        if align not in ('epoch', 'start'):
            raise ValueError("align must be 'epoch' or 'start'")
        self.scenario = scenario
        self.clock = clock or time.time
        self.seed = seed
        self.account = account
        self.strict = strict
        self.latency = latency
        self.align = align
        self.world = World(scenario, seed, self.clock)
        self.totals = Totals(self.world)
        self._repeats = None if strict else Repeats()
        self.faults = Faults(seed)
        self.log = RequestLog()
        self.accounts = Accounts(account)
        self.quotas = Quotas(self.clock, quotas)
        self.disabled_regions: set[str] = set()
        self.models = _MODELS
        self._mail_regions = _MODELS.regions('email')
        self._wanted_port = port
        self._server: HttpServer | None = None
        self._date = ('', -1)

    # Life.

    def start(self) -> Simulator:
        """Begin to serve; `endpoint_url` is known from now on."""
        if self._server is None:
            self._server = HttpServer(self.answer, self._wanted_port)
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

    def serve_also(self, tls: ssl.SSLContext | None = None) -> HttpServer:
        """A second, not yet started server with the same answers, such as a TLS twin; its owner stops it."""
        return HttpServer(self.answer, tls=tls)

    # Switches for tests.

    def deny(
        self, action: str, region: str | None = None, account: str | None = None, who: str | None = None
    ) -> Denial:
        """Refuse an IAM action such as 'ses:GetAccount' from now on."""
        return self.accounts.deny(action, region, account, who)

    def allow(self, denial: Denial | None = None) -> None:
        """Take one refusal back, or all."""
        self.accounts.allow(denial)

    def expire_tokens(self, account: str | None = None, role_arn: str | None = None) -> int:
        """End every temporary credential handed out so far: their next use is ExpiredToken."""
        return self.accounts.expire_tokens(account, role_arn)

    def refresh(self) -> None:
        """Work out now what the next requests are likely to ask, so that answering them costs little."""
        self.totals.refresh(self.clock())
        self.world.refresh_listings(self.clock())

    # One request.

    def answer(self, request: HttpRequest) -> Reply:
        """The answer to any request; never raises."""
        if request.path.startswith('/_sim/') or request.path == '/_sim':
            return control.answer(self, request)
        record = Request(time=self.clock())
        self.log.append(record)
        decoded = Decoded()
        fault: Fault | None = None
        try:
            try:
                decoded = decode(self.models, request, self._repeats)
            except AwsError as error:
                decoded = error.context or decoded
                self._note(record, decoded)
                raise
            self._note(record, decoded)
            operation = OPERATIONS.get((decoded.service, decoded.operation_name))
            record.action = operation.action if operation else None
            refusal, caller = self._identify(decoded, operation)
            record.account = caller.account if caller else None
            fault, delay = self.faults.strike(
                record.service, record.operation, record.region, record.account, record.params
            )
            record.fault = fault.kind if fault else 'latency' if delay else None
            self._wait(self.latency + delay)
            if fault is not None and fault.kind in ERRORS:
                mishaps.raise_error(fault, record.action, caller.arn if caller else 'anonymous')
            if refusal is not None:
                raise refusal
            result = self._perform(decoded, operation, caller, record, not self.strict and fault is None)
            harmed = mishaps.harm_result(fault, result) if fault and isinstance(result, dict) else result
            # A harmed result may break the model on purpose.
            reply = encode(self.models, decoded, harmed, self._http_date(), self.strict and harmed is result)
        except AwsError as error:
            reply, record.error = encode_error(self.models, decoded, error, self._http_date())
        except Exception:
            # A defect of the simulator must be seen as one, not as a failure of AWS that clients are used to.
            traceback.print_exc()
            defect = AwsError('SimulatorDefect', traceback.format_exc(limit=-3), 500, literal=True)
            reply, record.error = encode_error(self.models, decoded, defect, self._http_date())
        if fault is not None:
            reply = mishaps.harm_reply(fault, reply)
        record.status = reply.status
        return reply

    def _note(self, record: Request, decoded: Decoded) -> None:
        record.service = decoded.service or None
        record.operation = decoded.operation_name or None
        record.region = decoded.region or None
        record.access_key = decoded.access_key
        record.params = decoded.params

    def _identify(self, decoded: Decoded, operation: Operation | None) -> tuple[AwsError | None, Principal | None]:
        """Who calls, and why AWS turns them away, if it does."""
        if decoded.access_key is None and operation is not None and not operation.signed:
            return None, Principal('', self.account, 'anonymous', 'anonymous')
        caller = None
        try:
            caller = self.accounts.principal(decoded.access_key or '', decoded.token)
        except AwsError as error:
            return error, None
        unknown = decoded.service in _MAIL_SERVICES and decoded.region not in self._mail_regions
        if unknown or decoded.region in self.disabled_regions:
            return AwsError('InvalidClientTokenId', _BAD_TOKEN, 403), caller
        return None, caller

    def _perform(
        self, decoded: Decoded, operation: Operation | None, caller: Principal | None, record: Request, cheap: bool
    ) -> dict[str, Any] | bytes:
        if operation is None or caller is None:
            raise AwsError('InvalidAction', f'The simulator does not offer {decoded.operation_name}', 404)
        if operation.action and operation.checked and operation.signed:
            self.accounts.authorize(caller, operation.action, decoded.region)
        self.quotas.take_call(
            decoded.service, decoded.operation_name, caller.account, decoded.region, operation.per_second
        )
        if decoded.problems:
            raise _invalid(decoded)
        call = Call(self, self.world, caller.account, decoded.region, decoded.params, self.clock(), caller, record)
        written = operation.written(call) if cheap and operation.written and decoded.protocol == JSON else None
        return operation.answer(call) if written is None else written

    def _wait(self, seconds: float) -> None:
        if seconds > 0 and self._server is not None:
            self._server.stopping.wait(seconds)

    def _http_date(self) -> str:
        second = int(self.clock())
        text, of = self._date
        if of != second:
            text = formatdate(second, usegmt=True)
            self._date = (text, second)
        return text


def _invalid(decoded: Decoded) -> AwsError:
    """AWS's refusal of parameters that break the model, as the service words it."""
    problem = decoded.problems[0]
    kind, path, words = problem
    if kind == 'type' and decoded.protocol != 'query':
        return AwsError('SerializationException', f'{path} {words}')
    if decoded.service == 'cloudwatch' and kind == 'required':
        return AwsError('MissingParameter', f'The parameter {path} is required.')
    if kind == 'type' and decoded.service == 'cloudwatch':
        return AwsError('MalformedInput', f'{path} {words}')
    return AwsError('ValidationError', shapes.constraint(decoded.params, problem))
