"""botocore's service models, loaded once each."""

from __future__ import annotations

import re
from functools import cache
from urllib.parse import unquote

from botocore.loaders import create_loader
from botocore.model import OperationModel, ServiceModel

from simulator import shapes

_LOADER = create_loader()


@cache
def service_model(name: str) -> ServiceModel:
    """The model of a service by botocore's name, such as 'sesv2'."""
    return ServiceModel(_LOADER.load_service_model(name, 'service-2'), name)


def operation_model(service: str, name: str) -> OperationModel | None:
    """One operation's model, or None if this botocore does not know it."""
    model = service_model(service)
    return model.operation_model(name) if name in model.operation_names else None


@cache
def input_reader(service: str, operation: str) -> shapes.Reader | None:
    """The reader of an operation's input; None for an operation without."""
    shape = service_model(service).operation_model(operation).input_shape
    return shapes.reader(shape) if shape is not None else None


@cache
def regions(endpoint_prefix: str) -> frozenset[str]:
    """All Regions, in every partition, where botocore's endpoint list has the service."""
    regions: set[str] = set()
    for partition in _LOADER.load_data('endpoints')['partitions']:
        endpoints = partition['services'].get(endpoint_prefix, {}).get('endpoints', {})
        regions.update(name for name in endpoints if name in partition['regions'])
    return frozenset(regions)


def route(service: str, method: str, path: str) -> tuple[str, dict[str, str]] | None:
    """The REST operation of a path and its path labels."""
    for verb, pattern, name in _routes(service):
        match = pattern.fullmatch(path) if verb == method else None
        if match:
            return name, {label: unquote(text) for label, text in match.groupdict().items()}
    return None


# The same operation before and after botocore 1.44.5: a client may be older or newer than the simulator.
_MOVED = {
    'sesv2': (
        ('GET', '/v2/email/identities', 'ListEmailIdentities'),
        ('POST', '/v2/email/list-identities', 'ListEmailIdentities'),
        ('GET', '/v2/email/configuration-sets', 'ListConfigurationSets'),
        ('POST', '/v2/email/list-configuration-sets', 'ListConfigurationSets'),
    )
}


@cache
def _routes(service: str) -> list[tuple[str, re.Pattern[str], str]]:
    routes = []
    model = service_model(service)
    for name in model.operation_names:
        http = model.operation_model(name).http
        path = re.escape(http['requestUri'].partition('?')[0])
        path = re.sub(r'\\\{(\w+)\\\}', r'(?P<\1>[^/]+)', re.sub(r'\\\{(\w+)\\\+\\\}', r'(?P<\1>.+)', path))
        routes.append((http['method'], re.compile(path), name))
    names = {name for _, _, name in routes}
    routes += [(method, re.compile(path), name) for method, path, name in _MOVED.get(service, ()) if name in names]
    # A literal path wins over one with labels.
    return sorted(routes, key=lambda route: route[1].pattern.count('('))
