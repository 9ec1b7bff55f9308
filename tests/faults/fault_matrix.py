"""Every operation with every fault: a trial runs the check beside a twin to which nothing happens, and lists its holes.

A hole is whatever a fault costs beyond itself: another Region or source that lacks a value, a loss that nobody is told
of, anything that is not as before two runs after the fault, and any mail that is missing in the end or counted twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from common import ACCOUNT, KEY, OTHER, REGION, SECRET
from fault_trial import QUEUE_URL, Record, Strike, play

ROLE = f'arn:aws:iam::{ACCOUNT}:role/mail'
WARM_RUNS, FAULTY_RUNS, RECOVERY_RUNS = 4, 3, 2
FOREVER = 10**6


@dataclass(frozen=True, eq=False)
class Operation:
    """An operation of AWS, the options with which the check needs it, and the metrics that come from it alone.

    `denied` is an operation that must be denied for it to be asked. `each_run` says that each run asks it. Nothing is
    said of an operation that `may_be_lacking` where AWS says that it does not know it.
    """

    name: str
    metrics: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    denied: str = ''
    each_run: bool = False
    may_be_lacking: bool = False

    @property
    def strikes(self) -> list[Strike]:
        """What must fail from the beginning, so that the operation is asked."""
        return [Strike(self.denied, None, {'kind': 'denied'}, 0, FOREVER)] if self.denied else []

    @property
    def signs_in(self) -> bool:
        return not self.metrics


OPERATIONS = (
    Operation('GetAccount', ('quota.', 'account.', 'sending_status'), {'account_id': ACCOUNT}, each_run=True),
    Operation('GetSendQuota', ('quota.',), {'account_id': ACCOUNT}, denied='GetAccount'),
    Operation('GetAccountSendingEnabled', ('account.sending',), {'account_id': ACCOUNT}, denied='GetAccount'),
    Operation('GetSendStatistics', ('send_statistics.',), {'account_id': ACCOUNT}),
    Operation('GetMetricData', ('',), {'account_id': ACCOUNT}, each_run=True),
    Operation('ListMetrics', ('configuration_set.',), {'account_id': ACCOUNT}),
    *(
        Operation(name, (metrics,), {'account_id': ACCOUNT}, may_be_lacking=True)
        for name, metrics in {
            'ListEmailIdentities': 'identity.',
            'GetIdentityDkimAttributes': 'identity.',
            'GetIdentityMailFromDomainAttributes': 'identity.',
            'GetIdentityNotificationAttributes': 'identity.',
            'GetEmailIdentity': 'identity.',
            'ListRecommendations': 'finding.',
            'ListConfigurationSets': 'configuration_set.',
            'GetConfigurationSet': 'configuration_set.',
            'GetConfigurationSetEventDestinations': 'configuration_set.',
            'ListReputationEntities': 'tenant.',
            'DescribeActiveReceiptRuleSet': 'receiving.',
            'ListReceiptRuleSets': 'receiving.',
            'ListReceiptFilters': 'receiving.',
            'ListDedicatedIpPools': 'dedicated_ip.',
            'GetDedicatedIpPool': 'dedicated_ip.',
            'GetDedicatedIps': 'dedicated_ip.',
            'GetBlacklistReports': 'dedicated_ip.',
            'ListImportJobs': 'job.',
            'ListExportJobs': 'job.',
            'BatchGetMetricData': 'vdm.',
            'ListMultiRegionEndpoints': 'global_endpoint.',
            'ListSuppressedDestinations': 'suppression.',
        }.items()
    ),
    *(
        Operation(name, ('event.',), {'account_id': ACCOUNT, 'event_queues': [{'url': QUEUE_URL}]}, each_run=True)
        for name in ('ReceiveMessage', 'DeleteMessageBatch', 'GetQueueAttributes')
    ),
    Operation('GetCallerIdentity', ()),
    Operation('AssumeRole', (), {'role_arn': ROLE, 'account_id': ACCOUNT}),
)

ERROR_CODES = (
    ('AccessDenied', 403), ('AccessDeniedException', 400), ('NotAuthorized', 400), ('OptInRequired', 403),
    ('UnauthorizedOperation', 403), ('AccountSuspendedException', 400), ('SendingPausedException', 400),
    ('ExpiredToken', 403), ('ExpiredTokenException', 400), ('RequestExpired', 400), ('RequestTimeTooSkewed', 403),
    ('InvalidClientTokenId', 403), ('UnrecognizedClientException', 403), ('SignatureDoesNotMatch', 403),
    ('InvalidSignatureException', 403), ('IncompleteSignature', 400), ('MissingAuthenticationToken', 403),
    ('AuthFailure', 401), ('InvalidAccessKeyId', 403), ('Throttling', 400), ('ThrottlingException', 400),
    ('TooManyRequestsException', 429), ('RequestLimitExceeded', 503), ('LimitExceededException', 400),
    ('SlowDown', 503), ('InternalFailure', 500), ('InternalServerError', 500), ('InternalServiceFault', 500),
    ('ServiceUnavailable', 503), ('BadGateway', 502), ('GatewayTimeout', 504), ('ValidationError', 400),
    ('ValidationException', 400), ('InvalidParameterValue', 400), ('InvalidParameterCombination', 400),
    ('MissingParameter', 400), ('MalformedQueryString', 404), ('InvalidAction', 400),
    ('UnknownOperationException', 404), ('NotFoundException', 404), ('BadRequestException', 400),
    ('ConcurrentModificationException', 409), ('PreconditionFailed', 412), ('Teapot', 418), ('Moved', 302),
    ('Gone', 410), ('TooLarge', 413),
)  # fmt: skip
"""Codes and status of AWS's errors, of proxies and of nobody."""

Change = Callable[[Any], Any]


def _each_value(value: Any) -> Change:
    return lambda result: dict.fromkeys(result, value) if isinstance(result, dict) else value


def _each_entry(value: Any) -> Change:
    """Every entry of every list replaced."""
    return lambda result: {
        key: [value for _ in content] if isinstance(content, list) else content for key, content in result.items()
    }


MUTATIONS: Mapping[str, Change] = {
    'no member': lambda result: {},
    'null everywhere': _each_value(None),
    'text everywhere': _each_value('x'),
    'empty text everywhere': _each_value(''),
    'lists everywhere': _each_value([]),
    'structures everywhere': _each_value({}),
    'null in lists': _each_entry(None),
    'text in lists': _each_entry('x'),
    'empty structures in lists': _each_entry({}),
    'a token that repeats': lambda result: {**result, 'NextToken': 'again'},
}

FAULTS: Mapping[str, Mapping[str, Any]] = {
    **{f'{code} {status}': {'kind': 'error', 'argument': (code, status)} for code, status in ERROR_CODES},
    **{f'answer with {name}': {'kind': 'mutate', 'argument': change} for name, change in MUTATIONS.items()},
    'denied by IAM': {'kind': 'denied'},
    'denied once': {'kind': 'denied', 'times': 1},
    'throttled once': {'kind': 'throttle', 'times': 1},
    'throttled': {'kind': 'throttle'},
    'a 500 once': {'kind': 'server_error', 'times': 1},
    'a 500': {'kind': 'server_error'},
    'a 503 of a load balancer': {'kind': 'unavailable'},
    'expired token': {'kind': 'expired_token'},
    'connection reset': {'kind': 'reset'},
    'connection reset once': {'kind': 'reset', 'times': 1},
    'connection closed': {'kind': 'close'},
    'no body': {'kind': 'truncate', 'argument': 0.0},
    'half a body': {'kind': 'truncate', 'argument': 0.5},
    'a body without its end': {'kind': 'truncate', 'argument': 0.99},
    'no bytes': {'kind': 'empty'},
    'binary garbage': {'kind': 'garbage'},
    'a number': {'kind': 'garbage', 'argument': b'7'},
    'a list': {'kind': 'garbage', 'argument': b'[]'},
    'another structure': {'kind': 'garbage', 'argument': b'{"message": "hello"}'},
    'deep nesting': {'kind': 'garbage', 'argument': b'[' * 100_000},
    'a page of a portal': {'kind': 'html'},
    'a page once': {'kind': 'html', 'times': 1},
    'no answer': {'kind': 'hang', 'argument': 1.4},
    'no answer once': {'kind': 'hang', 'argument': 1.4, 'times': 1},
    'a slow answer': {'kind': 'latency', 'argument': 0.1},
    'every second result partial': {'kind': 'partial'},
    'results without an error': {'kind': 'internal_error'},
    'results forbidden': {'kind': 'forbidden'},
    'results under wrong names': {'kind': 'wrong_ids'},
    'results missing': {'kind': 'missing_results'},
    'pages without end': {'kind': 'token_loop'},
    'empty results': {'kind': 'empty_results'},
}
OF_QUERIES = ('partial', 'internal_error', 'forbidden', 'wrong_ids', 'missing_results', 'empty_results', 'token_loop')
"""Kinds of faults that only answers to queries of metrics can have."""

LOOKS_EMPTY = (
    *('answer with no member', 'answer with null everywhere', 'answer with empty text everywhere'),
    *('answer with lists everywhere', 'answer with structures everywhere', 'another structure'),
    *('no answer once', 'connection reset once'),
)
"""Faults after which a queue looks empty for a run: messages whose answer is lost come again."""

VALID_ANSWERS = {
    ('ListMetrics', 'answer with lists everywhere'),
    *(('ReceiveMessage', fault) for fault in LOOKS_EMPTY),
}
"""Faults that are answers of AWS: the list of metrics is empty, as in an account without configuration sets."""


class Cell(NamedTuple):
    """A trial: an operation, a fault, and whether the check runs already when the fault begins."""

    operation: Operation
    fault: str
    warm: bool

    @property
    def name(self) -> str:
        return f'{self.operation.name}, {self.fault}, {"warm" if self.warm else "cold"}'


def cells() -> Iterator[Cell]:
    """Every trial."""
    for operation in OPERATIONS:
        for name, fault in FAULTS.items():
            if fault['kind'] not in OF_QUERIES or operation.name == 'GetMetricData':
                yield from (Cell(operation, name, warm) for warm in (False, True))


def sample(warm: bool) -> list[Cell]:
    """The trials of the suite: each fault once, and so each operation with some faults, others where the check runs
    already. GetMetricData has all faults that only it can have."""
    faults = {name: number for number, name in enumerate(FAULTS)}
    operations = {operation.name: number for number, operation in enumerate(OPERATIONS)}
    share, first = len(OPERATIONS), len(OPERATIONS) // 2 if warm else 0
    return [
        cell
        for cell in cells()
        if cell.warm == warm
        and (
            FAULTS[cell.fault]['kind'] in OF_QUERIES
            or (faults[cell.fault] - operations[cell.operation.name]) % share == first
        )
    ]


def twin(operation: Operation, warm: bool) -> Record:
    """What the check submits where nothing happens. Operations that need the same have the same twin."""
    key = (repr(operation.options), operation.denied, warm)
    if key not in _TWINS:
        _TWINS[key] = play(operation.options, operation.strikes, _runs(warm))
    return _TWINS[key]


_TWINS: dict[tuple[str, str, bool], Record] = {}


def _runs(warm: bool) -> int:
    return (WARM_RUNS if warm else 0) + FAULTY_RUNS + RECOVERY_RUNS + 1


def holes(cell: Cell) -> list[str]:
    """The holes of a trial, as sentences."""
    operation, fault = cell.operation, FAULTS[cell.fault]
    begin = WARM_RUNS if cell.warm else 0
    end = begin + FAULTY_RUNS
    # An operation that signs in answers for all Regions, so it has none of its own.
    strike = Strike(operation.name, None if operation.signs_in else REGION, fault, begin, end)
    expected = twin(operation, cell.warm)
    actual = play(operation.options, [*operation.strikes, strike], _runs(cell.warm))
    costs = [*_noise(actual), *_losses_at_the_end(operation, expected, actual, end)]
    if not operation.signs_in:
        for number in range(begin, end):
            costs += _losses_beside(operation, expected, actual, number)
            if (operation.name, cell.fault) not in VALID_ANSWERS:
                costs += _silence(operation, expected, actual, number)
            if actual.messages[number]:
                costs.append(f'run {number} fails: {actual.messages[number]}')
    return list(dict.fromkeys(costs))


def _noise(actual: Record) -> Iterator[str]:
    texts = [*actual.log, *actual.messages]
    texts += [message for statuses in actual.statuses for _, message in statuses.values()]
    if any('Unexpected' in text for text in texts):
        yield 'an error of the check itself'
    if any(secret in text for text in texts for secret in (KEY, SECRET)):
        yield 'a key is shown'


def _losses_beside(operation: Operation, expected: Record, actual: Record, number: int) -> Iterator[str]:
    """Values of other Regions and sources that differ in a run, and do not come in the next one either."""
    next_run = actual.runs[number + 1]
    for key in expected.runs[number]:
        name, tags = key
        if f'region:{OTHER}' in tags or not name.startswith(operation.metrics):
            if key not in actual.runs[number] and key not in next_run:
                yield f'{name} of {_where(tags)} is missing'


def _silence(operation: Operation, expected: Record, actual: Record, number: int) -> Iterator[str]:
    """Values of the operation that are missing in a run, where can_connect says that all is well, and said so in the
    run before. What the run before could not list is asked for in the next one."""
    level, message = actual.statuses[number].get(REGION, (0, ''))
    level_before = actual.statuses[number - 1].get(REGION, (0, ''))[0] if number else 0
    missing = [
        name
        for name, tags in expected.runs[number]
        if f'region:{REGION}' in tags and name.startswith(operation.metrics) and (name, tags) not in actual.runs[number]
    ]
    if missing and level == level_before == 0:
        yield f'{missing[0]} is missing, and can_connect is OK'
    if level and operation.name not in message and operation.denied not in message:
        yield f'the message does not name the operation: {message}'


def _losses_at_the_end(operation: Operation, expected: Record, actual: Record, end: int) -> Iterator[str]:
    for (region, name), missing in actual.missing.items():
        if abs(missing) > 1e-6:
            yield f'{missing:g} of {name} in {region} are missing'
    for region, since in actual.since.items():
        if not since:
            yield f'{region} never counts'
        if (
            since != expected.since[region]
            and not operation.signs_in
            and (region == OTHER or operation.metrics != ('',))
        ):
            yield f'{region} begins to count {since - expected.since[region]:g} s late'
        if actual.skipped[region]:
            yield f'{region} skips {actual.skipped[region]:g} periods'
    recovered_at = end + RECOVERY_RUNS if operation.each_run else len(expected.runs) - 2
    for number in range(recovered_at, len(expected.runs)):
        for name, tags in expected.runs[number].keys() - actual.runs[number].keys():
            if not name.endswith('.count'):
                yield f'{name} of {_where(tags)} does not come back'
        for region, (level, message) in actual.statuses[number].items():
            if level > expected.statuses[number][region][0]:
                yield f'{region} has not recovered: {message}'


def _where(tags: frozenset[str]) -> str:
    return ', '.join(sorted(tags))
