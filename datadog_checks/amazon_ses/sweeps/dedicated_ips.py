"""The sweep of dedicated IP addresses: their pools, their warm-up, and the blocklists that list them.

AWS's documents do not say who may ask for blocklists. A refusal means that they cannot be read here: what they list is
then unknown, and never nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from datadog_checks.amazon_ses.model import Action, Event, EventSpec, Failure, MetricSpec, MetricType, Reading, Sample
from datadog_checks.amazon_ses.sweeps import Answer, ApiRequest, Context, Sweep, memory
from datadog_checks.amazon_ses.sweeps.naming import Happening, event_of
from datadog_checks.amazon_ses.sweeps.paging import Paging
from datadog_checks.amazon_ses.tags import tag_value
from datadog_checks.amazon_ses.values import number, string
from datadog_checks.amazon_ses.words import word

GAUGE = MetricType.GAUGE
POOLS, POOL, IPS, REPORTS = 'ListDedicatedIpPools', 'GetDedicatedIpPool', 'GetDedicatedIps', 'GetBlacklistReports'
INTERVAL, DAY = 3600, 86400
IPS_OF_A_REPORT = 20
"""Addresses that one request asks the blocklists for. AWS states no limit; the addresses are in the URL."""

MOST_NAMED = 200
"""Series of addresses, of each metric."""

POOL_COUNT = MetricSpec(
    'dedicated_ip.pools', GAUGE, 'Pools of dedicated IP addresses, by scaling mode: standard, managed, or unknown '
    'until it was read.', 'item', interval=INTERVAL, tags=('scaling_mode',),
)  # fmt: skip
COUNT = MetricSpec(
    'dedicated_ip.count', GAUGE, 'Dedicated IP addresses, by pool and by warm-up: in_progress, done or not_applicable.',
    'item', interval=INTERVAL, tags=('pool_name', 'status'),
)  # fmt: skip
WARMUP = MetricSpec(
    'dedicated_ip.warmup', GAUGE, 'How far a dedicated IP address that warms up has come.', 'percent', orientation=1,
    interval=INTERVAL, tags=('ip', 'pool_name'),
)  # fmt: skip
LISTED = MetricSpec(
    'dedicated_ip.listed', GAUGE, 'Dedicated IP addresses that a blocklist lists. Nothing where AWS does not say.',
    'item', orientation=-1, interval=INTERVAL,
)  # fmt: skip
LISTING = MetricSpec(
    'dedicated_ip.listing', GAUGE, '1 for each blocklist that lists a dedicated IP address. Getting it off the list is '
    'up to you.', orientation=-1, interval=INTERVAL, tags=('ip', 'pool_name', 'blocklist'),
)  # fmt: skip
UNNAMED = MetricSpec(
    'dedicated_ip.unnamed', GAUGE, f'Warm-ups and listings beyond {MOST_NAMED} each, which are left unnamed, if any.',
    'item', orientation=-1, interval=INTERVAL,
)  # fmt: skip

NEWLY_LISTED = EventSpec('dedicated_ip.listed', 'Blocklists list dedicated IP addresses, or more of them do.')
DELISTED = EventSpec('dedicated_ip.delisted', 'No blocklist lists dedicated IP addresses that were listed.')
NOUN = ('a dedicated IP address', 'dedicated IP addresses')


class Ip(NamedTuple):
    """A dedicated IP address. `percentage` is None where AWS states none."""

    address: str
    pool: str
    status: str
    percentage: float | None


@dataclass(frozen=True, slots=True)
class Ips:
    """What is known of dedicated IP addresses.

    `modes` are the scaling modes of pools that were read, and when. `lists` are the blocklists that list an address, of
    each that was read in this process, and `lists_at` when. `counts` are their numbers by the hash of the address, also
    of those before a restart.
    """

    pools: Paging[str] = field(default_factory=Paging)
    ips: Paging[Ip] = field(default_factory=Paging)
    modes: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    lists: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    lists_at: Mapping[str, float] = field(default_factory=dict)
    counts: Mapping[int, int] = field(default_factory=dict)


def next_request(state: Ips, context: Context, now: float) -> ApiRequest | None:
    """The lists; then addresses that the blocklists were not asked for within the hour, and pools within the day."""
    for operation, paging in ((IPS, state.ips), (POOLS, state.pools)):
        if context.may_ask(operation) and paging.is_due(INTERVAL, now):
            return ApiRequest('sesv2', operation, paging.parameters(now))
    due = [ip.address for ip in state.ips.listed if _is_old(state.lists_at.get(ip.address), INTERVAL, now)]
    if context.may_ask(REPORTS) and due:
        return ApiRequest('sesv2', REPORTS, {'BlacklistItemNames': due[:IPS_OF_A_REPORT]}, optional=True)
    for pool in state.pools.listed if context.may_ask(POOL) else ():
        if _is_old(state.modes[pool][1] if pool in state.modes else None, DAY, now):
            return ApiRequest('sesv2', POOL, {'PoolName': pool}, rolling=True)
    return None


def after_answer(state: Ips, request: ApiRequest, answer: Answer | Failure, now: float) -> Ips:
    if request.operation == REPORTS:
        return _after_reports(state, request.parameters['BlacklistItemNames'], answer, now)
    if request.operation == POOL:
        return _after_pool(state, request.parameters['PoolName'], answer, now)
    name = 'ips' if request.operation == IPS else 'pools'
    before: Paging[Any] = getattr(state, name)
    if isinstance(answer, Failure):
        paging = before.after_failure(answer)
    else:
        rows = (
            [_ip(row) for row in answer['DedicatedIps']] if name == 'ips' else map(string, answer['DedicatedIpPools'])
        )
        paging = before.after_page(rows, answer.get('NextToken'), now)
    moved: dict[str, Any] = {name: paging}
    state = replace(state, **moved)
    if name == 'pools' or paging.begun_at is not None or paging.is_cut:
        return state
    addresses = {ip.address for ip in state.ips.listed}
    hashes = {memory.hash_of(address) for address in addresses}
    return replace(
        state,
        lists={address: lists for address, lists in state.lists.items() if address in addresses},
        lists_at={address: at for address, at in state.lists_at.items() if address in addresses},
        counts={key: count for key, count in state.counts.items() if key in hashes},
    )


def readings(state: Ips, context: Context, now: float) -> Iterable[Reading]:
    """Nothing without dedicated IP addresses and pools, and nothing that is too old."""
    if state.pools.listed and state.pools.is_fresh(3 * INTERVAL, now):
        modes = Counter(state.modes[pool][0] if pool in state.modes else 'unknown' for pool in state.pools.listed)
        for mode, pools in modes.items():
            yield Sample(POOL_COUNT, pools, (f'scaling_mode:{mode}',))
    if not (state.ips.listed and state.ips.is_fresh(3 * INTERVAL, now)):
        return
    for (pool, status), ips in Counter((ip.pool, ip.status) for ip in state.ips.listed).items():
        yield Sample(COUNT, ips, (*_of_pool(pool), f'status:{status}'))
    fresh = {ip.address for ip in state.ips.listed if not _is_old(state.lists_at.get(ip.address), 3 * INTERVAL, now)}
    fresh &= state.lists.keys()
    if fresh:
        yield Sample(LISTED, sum(bool(state.lists[address]) for address in fresh))
    warming = [
        Sample(WARMUP, ip.percentage, (f'ip:{tag_value(ip.address)}', *_of_pool(ip.pool)))
        for ip in state.ips.listed
        if ip.status == 'in_progress' and ip.percentage is not None
    ]
    listings = [
        Sample(LISTING, 1.0, (f'ip:{tag_value(ip.address)}', *_of_pool(ip.pool), f'blocklist:{tag_value(name)}'))
        for ip in state.ips.listed
        if ip.address in fresh
        for name in state.lists[ip.address]
    ]
    yield from (*warming[:MOST_NAMED], *listings[:MOST_NAMED])
    unnamed = sum(max(0, len(samples) - MOST_NAMED) for samples in (warming, listings))
    if unnamed:
        yield Sample(UNNAMED, unnamed)


def changes(before: Ips, after: Ips, context: Context) -> Iterable[Event]:
    """The events between two states. An address that is read for the first time is no change."""
    listed, delisted = [], []
    for address, lists in after.lists.items():
        then = before.counts.get(memory.hash_of(address))
        if then is not None and len(lists) > then:
            listed.append(tag_value(address))
        elif then and not lists:
            delisted.append(tag_value(address))
    if listed:
        text = 'Mail from it may be refused. Find out what was sent from it, and ask the list to remove it.'
        yield event_of(Happening(NEWLY_LISTED, NOUN, 'on a blocklist', text, 'error'), listed)
    if delisted:
        text = 'No blocklist that AWS watches lists it.'
        yield event_of(Happening(DELISTED, NOUN, 'on no blocklist any more', text, 'success'), delisted)


def pending(state: Ips, context: Context, now: float) -> int:
    return int(state.ips.is_cut) + int(state.pools.is_cut)


def read_at(state: Ips) -> float | None:
    return state.ips.listed_at


def to_document(state: Ips) -> Any:
    """How many blocklists list each address, by its hash."""
    return memory.packed(state.counts)


def from_document(document: Any) -> Ips:
    return Ips(counts=memory.unpacked(document))


def _after_reports(state: Ips, addresses: list[str], answer: Answer | Failure, now: float) -> Ips:
    """An address that the answer leaves out is unknown, and is asked for again in an hour."""
    if isinstance(answer, Failure):
        # It pauses; what was read before is shown until it is too old.
        return state
    earlier = {address: lists for address, lists in state.lists.items() if address not in addresses}
    report = answer['BlacklistReport']
    lists = {
        address: tuple(sorted({string(listing['RblName']) for listing in report[address]}))
        for address in addresses
        if report.get(address) is not None
    }
    counts = {memory.hash_of(address): len(names) for address, names in lists.items()}
    return replace(
        state,
        lists={**earlier, **lists},
        lists_at={**state.lists_at, **dict.fromkeys(addresses, now)},
        counts={**state.counts, **counts},
    )


def _after_pool(state: Ips, pool: str, answer: Answer | Failure, now: float) -> Ips:
    if isinstance(answer, Failure):
        # A pool that was deleted meanwhile, or whose answer is garbage, is passed over.
        return replace(state, modes={**state.modes, pool: ('unknown', now)}) if answer.at_request else state
    mode = word(answer['DedicatedIpPool'].get('ScalingMode')) or 'unknown'
    return replace(state, modes={**state.modes, pool: (mode, now)})


def _ip(row: Mapping[str, Any]) -> Ip:
    """An address as AWS lists it. A percentage that cannot be one, such as -1, is none."""
    try:
        percentage: float | None = number(row.get('WarmupPercentage'))
    except ValueError:
        percentage = None
    if percentage is not None and not 0 <= percentage <= 100:
        percentage = None
    pool = row.get('PoolName')
    return Ip(
        string(row['Ip']), pool if isinstance(pool, str) else '', word(row.get('WarmupStatus')) or 'unknown', percentage
    )


def _of_pool(pool: str) -> tuple[str, ...]:
    return (f'pool_name:{tag_value(pool)}',) if pool else ()


def _is_old(at: float | None, interval: float, now: float) -> bool:
    return at is None or not 0 <= now - at < interval


DEDICATED_IPS: Sweep[Ips] = Sweep(
    name='dedicated_ips',
    actions=(
        Action(f'ses:{IPS}', 'dedicated IP addresses and their warm-up'),
        Action(f'ses:{POOLS}', 'pools of dedicated IP addresses: which there are'),
        Action(f'ses:{POOL}', 'pools of dedicated IP addresses: which are managed'),
        Action(f'ses:{REPORTS}', 'dedicated IP addresses on blocklists'),
    ),
    metrics=(POOL_COUNT, COUNT, WARMUP, LISTED, LISTING, UNNAMED),
    events=(NEWLY_LISTED, DELISTED),
    new_state=Ips,
    next_request=next_request,
    after_answer=after_answer,
    readings=readings,
    changes=changes,
    pending=pending,
    read_at=read_at,
    to_document=to_document,
    from_document=from_document,
)
