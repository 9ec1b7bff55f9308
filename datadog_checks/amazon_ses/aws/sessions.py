"""Sessions of the SDK: each has its own credentials and settings, and all of a process read the same data.

What is shared is the same for everybody and never changes: a session that brought its own would cost megabytes.
"""

from __future__ import annotations

import os
from copy import copy
from typing import Any

from botocore.config import Config
from botocore.handlers import BUILTIN_HANDLERS, REGISTER_FIRST, REGISTER_LAST
from botocore.hooks import EventAliaser, HierarchicalEmitter
from botocore.loaders import create_loader
from botocore.session import Session as BotocoreSession

from datadog_checks.amazon_ses.__about__ import __version__
from datadog_checks.amazon_ses.aws.calls import CallRecord
from datadog_checks.amazon_ses.aws.connections import Connections, Way, proxies_for
from datadog_checks.amazon_ses.configuration.network import ATTEMPTS, SERVICES, Network
from datadog_checks.amazon_ses.endpoints import endpoint_of

UNCHECKED = {'cloudwatch'}
"""Services whose requests are built by us alone, thousands of parameters at a time, so that nobody need check them."""

FOR_CREDENTIALS = ('sso', 'sso-oidc', 'signin')
"""Services beside STS that botocore asks on its own to find credentials."""

_methods: dict[str, dict[str, Any]] = {}


def _same_methods(event_name: str, class_attributes: dict[str, Any], **_: Any) -> None:
    """Give all clients of a service the same methods. botocore makes hundreds anew for each client."""
    class_attributes.update(_methods.setdefault(event_name, dict(class_attributes)))


def _handlers() -> HierarchicalEmitter:
    """botocore's own event handlers, without those for services that are never asked.

    Each client copies all handlers of its session, and most of them are for S3, EC2 and the documentation.
    """
    emitter = HierarchicalEmitter()
    named = EventAliaser(emitter)
    places = {REGISTER_FIRST: named.register_first, REGISTER_LAST: named.register_last}
    for event, handler, *place in BUILTIN_HANDLERS:
        stage, _, subject = event.partition('.')
        if stage != 'docs' and subject.partition('.')[0] in ('', '*', *SERVICES, *FOR_CREDENTIALS):
            places.get(place[0] if place else None, named.register)(event, handler)
    emitter.register('creating-client-class', _same_methods)
    return emitter


LOADER = create_loader()
"""Service models, endpoints and rules: read once in a process."""

HANDLERS = _handlers()
"""Nobody registers with these: each session has a copy."""


class Session(BotocoreSession):  # type: ignore[misc]  # botocore is not annotated
    """A session whose every client takes our way to AWS, also those that botocore makes itself to find credentials."""

    def __init__(self, network: Network, calls: CallRecord, region: str, profile: str | None = None) -> None:
        super().__init__(profile=profile, event_hooks=copy(HANDLERS), include_builtin_handlers=False)
        self._network = network
        self._calls = calls
        self.register_component('data_loader', LOADER)
        self.get_component('response_parser_factory').set_parser_defaults(timestamp_parser=_as_sent)
        self.set_config_variable('region', region)

    def create_client(self, service_name: str, region_name: str | None = None, **given: Any) -> Any:
        network = self._network
        region = region_name or self.get_config_variable('region')
        config = _config(network, service_name)
        given['endpoint_url'] = network.endpoint_urls.get(service_name) or given.get('endpoint_url')
        given['config'] = config.merge(given['config']) if given.get('config') else config
        given['verify'] = self._authorities()
        client = super().create_client(service_name, region_name=region, **given)
        # Only now is it known which host the client talks to.
        url = client.meta.endpoint_url
        proxies = proxies_for(url, network.proxies)
        way = Way(url, given['verify'], proxies, network.connect_timeout, network.read_timeout)
        return Connections.on(way).carry(self._calls.watch(client, region), endpoint_of(network, service_name, region))

    def _authorities(self) -> bool | str:
        """Whether certificates are checked, and against what. The environment is asked where the options leave it."""
        if self._network.verify is not True:
            return self._network.verify
        return self.get_config_variable('ca_bundle') or os.environ.get('REQUESTS_CA_BUNDLE') or True


def _as_sent(timestamp: Any) -> Any:
    """Leave timestamps alone: see values.py."""
    return timestamp


def _config(network: Network, service: str) -> Config:
    return Config(
        connect_timeout=network.connect_timeout,
        read_timeout=network.read_timeout,
        retries={'mode': 'standard', 'total_max_attempts': ATTEMPTS},
        user_agent_extra=f'datadog-amazon-ses/{__version__}',
        parameter_validation=service not in UNCHECKED,
        use_fips_endpoint=network.use_fips or None,
        use_dualstack_endpoint=network.use_dualstack or None,
    )
