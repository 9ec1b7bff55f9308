"""Sessions of the SDK: credentials and event handlers of their own, over service models and connections of all."""

from __future__ import annotations

import os
from typing import Any

from botocore.config import Config
from botocore.credentials import Credentials
from botocore.session import Session as BotocoreSession

from datadog_checks.amazon_ses.aws import botocore_internals, json_protocol
from datadog_checks.amazon_ses.aws.calls import CallRecord
from datadog_checks.amazon_ses.aws.client_config import client_config
from datadog_checks.amazon_ses.aws.connections import Connections, Route, attach_events, proxies_for
from datadog_checks.amazon_ses.configuration.network import Network
from datadog_checks.amazon_ses.endpoints import endpoint_of


class Session(BotocoreSession):  # type: ignore[misc]  # botocore is not annotated
    """A session whose clients all take the configured network, also those that botocore makes to find credentials.

    Its clients sign with `credentials`, or with what botocore's default chain finds.
    """

    def __init__(
        self,
        network: Network,
        calls: CallRecord,
        region: str,
        profile: str | None = None,
        credentials: Credentials | None = None,
    ) -> None:
        emitter = botocore_internals.new_event_emitter()
        super().__init__(profile=profile, event_hooks=emitter, include_builtin_handlers=emitter is None)
        botocore_internals.share_service_models(self)
        botocore_internals.leave_timestamps(self)
        self.set_config_variable('region', region)
        self._network = network
        self._calls = calls
        self._explicit_credentials = credentials

    def get_credentials(self) -> Any:
        return self._explicit_credentials or super().get_credentials()

    def create_client(self, service_name: str, region_name: str | None = None, **options: Any) -> Any:
        region = region_name or self.get_config_variable('region')
        config = client_config(self._network, service_name)
        options['endpoint_url'] = self._network.endpoint_urls.get(service_name) or options.get('endpoint_url')
        options['config'] = config.merge(options['config']) if options.get('config') else config
        options['verify'] = self._verify()
        client = super().create_client(service_name, region_name=region, **options)
        # The host that the client talks to is not known before.
        route = self._route(client.meta.endpoint_url, options['verify'])
        connections = Connections.shared(route)
        if connections is None:
            options['config'] = options['config'].merge(Config(proxies=dict(route.proxies)))
            client = super().create_client(service_name, region_name=region, **options)
        # Calls are recorded before connections send them, which may fail.
        self._calls.attach(client, region)
        json_protocol.attach(client)
        endpoint = endpoint_of(self._network, service_name, region)
        if connections is None:
            attach_events(client, endpoint)
        else:
            connections.attach(client, json_protocol.response_parser(client), endpoint)
        return client

    def _route(self, url: str, verify: bool | str) -> Route:
        network = self._network
        proxies = proxies_for(url, network.proxies)
        return Route(url, verify, proxies, network.connect_timeout, network.read_timeout)

    def _verify(self) -> bool | str:
        """Whether certificates are checked, and against which file. The environment decides where no option does."""
        if self._network.verify is not True:
            return self._network.verify
        return self.get_config_variable('ca_bundle') or os.environ.get('REQUESTS_CA_BUNDLE') or True
