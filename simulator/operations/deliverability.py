"""Metrics of the Virtual Deliverability Manager, by UTC day of the streams, the suppression list, global endpoints."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from simulator.call import Call
from simulator.errors import AwsError
from simulator.inventory import GlobalEndpoint, Inventory, Suppressed
from simulator.mail import Part
from simulator.operations.datapoints import DAY
from simulator.operations.pages import inventory_of, listed
from simulator.rows import COMPLAINED, HARD_BOUNCED, METRICS, SENT, Edge, Stretch

MOST_QUERIES = 10
NO_FEEDBACK_LOOP = ('Gmail',)
"""Providers that report no complaints."""

STRETCHES: Mapping[str, Stretch] = {
    'SEND': SENT,
    'DELIVERY': METRICS['Delivery'],
    'PERMANENT_BOUNCE': HARD_BOUNCED,
    'TRANSIENT_BOUNCE': Stretch(Edge.DELIVERED, Edge.TRANSIENT),
    'COMPLAINT': COMPLAINED,
    'DELIVERY_COMPLAINT': METRICS['Delivery'],
}
"""The messages of each metric. Those of complaints are only those of providers that report them."""


def batch_get_metric_data(call: Call) -> dict[str, Any]:
    queries = call.params['Queries']
    if not 1 <= len(queries) <= MOST_QUERIES:
        raise AwsError('BadRequestException', f'Queries must have 1 to {MOST_QUERIES} members.')
    if inventory_of(call).account.vdm != 'ENABLED':
        raise AwsError('BadRequestException', 'Virtual Deliverability Manager is not enabled for this account.')
    return {'Results': [_result(call, query) for query in queries], 'Errors': []}


def _result(call: Call, query: Mapping[str, Any]) -> dict[str, Any]:
    metric, dimensions = query['Metric'], query.get('Dimensions', {})
    if metric not in STRETCHES or dimensions.keys() - {'ISP'}:
        raise AwsError('BadRequestException', 'The simulator knows neither this metric nor this dimension.')
    part = Part(STRETCHES[metric], _streams(call, dimensions.get('ISP'), metric))
    mail = call.backend.world.mail
    place = mail.place(call.account, call.region)
    first, last = int(query['StartDate'] // DAY), int(min(query['EndDate'], call.now) // DAY)
    totals = {
        day: mail.total(place, part, max(mail.first_minute, day * 1440), min(day * 1440 + 1440, int(call.now // 60)))
        for day in range(first, last + 1)
        if part.streams
    }
    days = [day for day, total in totals.items() if total]
    return {
        'Id': query['Id'],
        'Timestamps': [float(day * DAY) for day in days],
        'Values': [totals[day] for day in days],
    }


def _streams(call: Call, provider: str | None, metric: str) -> tuple[int, ...]:
    """The streams that a metric counts, by their places in the scenario."""
    return tuple(
        number
        for number, stream in enumerate(call.backend.world.scenario.streams)
        if provider in (None, stream.provider) and not ('COMPLAINT' in metric and stream.provider in NO_FEEDBACK_LOOP)
    )


def list_suppressed_destinations(call: Call) -> dict[str, Any]:
    start, end = call.params.get('StartDate', 0.0), call.params.get('EndDate', float('inf'))
    reasons = call.params.get('Reasons')
    started = call.backend.world.started

    def asked_for(inventory: Inventory) -> Iterator[Suppressed]:
        for address in inventory.suppressed.values():
            if start < started + address.updated < end and (not reasons or address.reason in reasons):
                yield address

    def written(address: Suppressed) -> dict[str, Any]:
        return {
            'EmailAddress': address.name,
            'Reason': address.reason,
            'LastUpdateTime': started + address.updated,
        }

    return listed(call, 'SuppressedDestinationSummaries', 1000, asked_for, written)


def list_multi_region_endpoints(call: Call) -> dict[str, Any]:
    """Endpoints are listed in the Region that is their first one."""
    started = call.backend.world.started

    def asked_for(inventory: Inventory) -> Iterator[GlobalEndpoint]:
        return (endpoint for endpoint in inventory.endpoints.values() if endpoint.regions[0] == call.region)

    def written(endpoint: GlobalEndpoint) -> dict[str, Any]:
        return {
            'EndpointName': endpoint.title,
            'EndpointId': endpoint.name,
            'Status': endpoint.status,
            'Regions': list(endpoint.regions),
            'CreatedTimestamp': started - 86_400.0,
            'LastUpdatedTimestamp': started,
        }

    return listed(call, 'MultiRegionEndpoints', 1000, asked_for, written)
