"""The sweep of global (multi-Region) endpoints: their status, and whether the second Region could carry all mail.

That AWS says nowhere: it is worked out from what is read of both Regions anyway, quota, sandbox, identities and
configuration sets. Both must be in `regions`; what is not read of one of them is unknown, and left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from datadog_checks.amazon_ses.model import Action, Event, EventSpec, Failure, MetricSpec, MetricType, Reading, Sample
from datadog_checks.amazon_ses.sweeps import Answer, ApiRequest, Context, Means, Sweep, memory
from datadog_checks.amazon_ses.sweeps.naming import Happening, event_of
from datadog_checks.amazon_ses.sweeps.paging import Paging
from datadog_checks.amazon_ses.tags import tag_value
from datadog_checks.amazon_ses.words import word

LIST = 'ListMultiRegionEndpoints'
INTERVAL, EMPTY_INTERVAL = 900, 3600
STATUSES = ('unknown', 'creating', 'ready', 'failed', 'deleting')
UNKNOWN, READY = 0, STATUSES.index('ready')
UNLIMITED = -1
GAUGE = MetricType.GAUGE
ID = 'multi_region_endpoint_id'

IS_READY = MetricSpec(
    'global_endpoint.ready', GAUGE,
    '1 where a global endpoint is ready, else 0, in the Region that is its first; `secondary_region` is the other.',
    orientation=1, interval=INTERVAL, tags=(ID, 'status', 'secondary_region'),
)  # fmt: skip
UTILIZATION = MetricSpec(
    'global_endpoint.failover_utilization', GAUGE,
    'Mail of the last 24 hours of both Regions of a global endpoint, as a share of the smaller of their quotas. Only '
    'where both Regions are read.',
    'percent', orientation=-1, tags=(ID, 'secondary_region'),
)  # fmt: skip
MISSING = MetricSpec(
    'global_endpoint.failover_missing', GAUGE,
    'What the second Region of a global endpoint lacks to carry all mail, by `kind`: identities that may send here and '
    'not there, configuration sets, production access. Only where both Regions are read.',
    'item', orientation=-1, tags=(ID, 'secondary_region', 'kind'),
)  # fmt: skip
STATUS_CHANGED = EventSpec('global_endpoint.status', 'A global endpoint became ready, failed, or is being deleted.')
NOUN = ('a global endpoint', 'global endpoints')
HAPPENED = {
    'creating': ('is being made again', 'warning'),
    'ready': ('became ready', 'success'),
    'failed': ('failed', 'error'),
    'deleting': ('is being deleted', 'warning'),
}
"""Of each status, what happened, and the type of the event."""

TEXT = 'Mail that names the endpoint leaves from both of its Regions only while it is ready.'


class Endpoint(NamedTuple):
    """An endpoint of the list: its id, the place of its status in STATUSES, and its Regions, the first one too."""

    id: str
    status: int
    regions: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The place in the list and the endpoints of the newest whole one, and their statuses by the hash of their id."""

    listing: Paging[Endpoint] = field(default_factory=Paging)
    endpoints: tuple[Endpoint, ...] = ()
    statuses: Mapping[int, int] = field(default_factory=dict)
    read_at: float | None = None


def next_request(state: Endpoints, context: Context, now: float) -> ApiRequest | None:
    interval = INTERVAL if state.endpoints or state.statuses else EMPTY_INTERVAL
    if context.may_ask(LIST) and state.listing.is_due(interval, now):
        return ApiRequest('sesv2', LIST, state.listing.parameters(now))
    return None


def after_answer(state: Endpoints, request: ApiRequest, answer: Answer | Failure, now: float) -> Endpoints:
    if isinstance(answer, Failure):
        listing = state.listing.after_failure(answer)
    else:
        rows = [_endpoint(row) for row in answer['MultiRegionEndpoints']]
        listing = state.listing.after_page(rows, answer.get('NextToken'), now)
    if listing is state.listing or listing.begun_at is not None or listing.is_cut:
        return replace(state, listing=listing)
    statuses = {memory.hash_of(endpoint.id): endpoint.status for endpoint in listing.listed}
    return Endpoints(listing, listing.listed, statuses, listing.listed_at)


def readings(state: Endpoints, context: Context, now: float) -> Iterable[Reading]:
    """Nothing without endpoints, or where the list is too old."""
    if state.read_at is None or not 0 <= now - state.read_at < 3 * INTERVAL:
        return
    here = context.means(context.target.region) if state.endpoints else None
    for endpoint in state.endpoints:
        name = f'{ID}:{tag_value(endpoint.id)}'
        status, is_ready = f'status:{STATUSES[endpoint.status]}', float(endpoint.status == READY)
        elsewhere = [region for region in endpoint.regions if region != context.target.region]
        if not elsewhere:
            yield Sample(IS_READY, is_ready, (name, status))
        for region in elsewhere:
            tags = (name, f'secondary_region:{region}')
            yield Sample(IS_READY, is_ready, (*tags, status))
            there = context.means(region)
            if here is not None and there is not None:
                yield from _failover(here, there, tags)


def changes(before: Endpoints, after: Endpoints, context: Context) -> Iterable[Event]:
    """The events of another status. An endpoint that is seen for the first time is no change."""
    changed: dict[int, list[str]] = {}
    for endpoint in after.endpoints:
        then = before.statuses.get(memory.hash_of(endpoint.id))
        if then is not None and UNKNOWN not in (then, endpoint.status) and then != endpoint.status:
            changed.setdefault(endpoint.status, []).append(endpoint.id)
    for status, ids in changed.items():
        verb, alert_type = HAPPENED[STATUSES[status]]
        yield event_of(Happening(STATUS_CHANGED, NOUN, verb, TEXT, alert_type), ids)


def pending(state: Endpoints, context: Context, now: float) -> int:
    return int(state.listing.begun_at is not None or state.listing.is_cut)


def from_document(document: Any) -> Endpoints:
    return Endpoints(statuses=memory.unpacked(document))


def _endpoint(row: Mapping[str, Any]) -> Endpoint:
    """An endpoint of the list, which names it only in the Region that is its first one."""
    if not isinstance(row['EndpointId'], str):
        raise TypeError('the id is no text')
    status, regions = word(row.get('Status')), row.get('Regions') or ()
    named = tuple(region for region in regions if word(region) is not None)
    return Endpoint(row['EndpointId'], STATUSES.index(status) if status in STATUSES else UNKNOWN, named)


def _failover(here: Means, there: Means, tags: tuple[str, ...]) -> Iterable[Sample]:
    """What is known of whether the other Region could carry everything."""
    quotas = (here.max_24_hour, there.max_24_hour)
    limits = [quota for quota in quotas if quota is not None and quota != UNLIMITED]
    if None not in quotas and limits and min(limits) > 0 and here.sent is not None and there.sent is not None:
        yield Sample(UTILIZATION, 100.0 * (here.sent + there.sent) / min(limits), tags)
    if here.production_access and there.production_access is not None:
        yield Sample(MISSING, float(not there.production_access), (*tags, 'kind:production_access'))
    if here.identities is not None and there.identities is not None:
        missing = sum(
            not (identity in there.identities or any(parent in there.identities for parent in parents))
            for identity, parents in here.identities.items()
        )
        yield Sample(MISSING, missing, (*tags, 'kind:identities'))
    if here.sets is not None and there.sets is not None:
        yield Sample(MISSING, len(here.sets - there.sets), (*tags, 'kind:configuration_sets'))


GLOBAL_ENDPOINTS: Sweep[Endpoints] = Sweep(
    name='global_endpoint_health',
    actions=(Action(f'ses:{LIST}', 'global endpoints: their status, and whether the second Region could take over'),),
    metrics=(IS_READY, UTILIZATION, MISSING),
    events=(STATUS_CHANGED,),
    new_state=Endpoints,
    next_request=next_request,
    after_answer=after_answer,
    readings=readings,
    changes=changes,
    pending=pending,
    read_at=lambda state: state.read_at,
    to_document=lambda state: memory.packed(state.statuses),
    from_document=from_document,
)
