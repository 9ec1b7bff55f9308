"""Sessions of the SDK: credentials and event handlers of their own, over service models and connections of all."""

from __future__ import annotations

import os
from typing import Any

from botocore.config import Config
from botocore.credentials import Credentials
from botocore.session import Session as BotocoreSession

from datadog_checks.amazon_ses.addresses import shown
from datadog_checks.amazon_ses.aws import account_requests, botocore_internals, json_protocol, xml_flags
from datadog_checks.amazon_ses.aws.calls import CallRecord
from datadog_checks.amazon_ses.aws.client_config import client_config
from datadog_checks.amazon_ses.aws.connections import (
    Connections,
    MetadataSession,
    Route,
    Sender,
    attach_events,
    proxies_for,
)
from datadog_checks.amazon_ses.aws.local_causes import NotSent
from datadog_checks.amazon_ses.configuration.network import FIPS_REGIONS, SERVICES, Network
from datadog_checks.amazon_ses.configuration.sign_in import SignIn
from datadog_checks.amazon_ses.endpoints import endpoint_of

NO_PROFILE = {'profile': (None, None, None, None)}
"""The variables of a session that reads no profile, not even the one that the environment names."""

FIPS_VARIABLES = ('AWS_USE_FIPS_ENDPOINT',)


class Session(BotocoreSession):  # type: ignore[misc]  # botocore is not annotated
    """A session whose clients all take the configured network, also those that botocore makes to find credentials.

    Its clients sign with `credentials`, or with what botocore's default chain finds. All settings come from the profile
    of `sign_in`. Where that has keys, no file and no profile of the machine is read.
    """

    def __init__(
        self,
        network: Network,
        calls: CallRecord,
        region: str,
        sign_in: SignIn,
        credentials: Credentials | None = None,
    ) -> None:
        emitter = botocore_internals.new_event_emitter()
        super().__init__(
            NO_PROFILE if sign_in.has_keys else None,
            emitter,
            emitter is None,
            None if sign_in.has_keys else sign_in.profile,
        )
        if sign_in.has_keys:
            for variable in ('config_file', 'credentials_file'):
                self.set_config_variable(variable, os.devnull)
        botocore_internals.share_service_models(self)
        botocore_internals.leave_timestamps(self)
        account_requests.attach(self)
        self.set_config_variable('region', region)
        self._network = network
        self._calls = calls
        self._sign_in = sign_in
        self._explicit_credentials = credentials

    def get_credentials(self) -> Any:
        if self._explicit_credentials is not None:
            return self._explicit_credentials
        profile = self._profile_with_mfa()
        if profile is not None:
            raise NotSent(
                f'the profile {shown(profile)} asks for a code of an MFA device (mfa_serial), which nobody can type.',
                'Give aws_profile a profile without mfa_serial, or keys or a role that need no code.',
            )
        seconds = self.get_config_variable('metadata_service_timeout')
        metadata = MetadataSession(seconds)
        if metadata.is_usable:
            botocore_internals.replace_metadata_sessions(self, metadata)
        return super().get_credentials()

    def create_client(self, service_name: str, region_name: str | None = None, **options: Any) -> Any:
        region = region_name or self.get_config_variable('region')
        config = client_config(self._network, service_name, self.user_agent())
        options['endpoint_url'] = self._network.endpoint_urls.get(service_name) or options.get('endpoint_url')
        options['config'] = config.merge(options['config']) if options.get('config') else config
        options['verify'] = self._verify()
        client = super().create_client(service_name, region_name=region, **options)
        if service_name in SERVICES:
            _check_fips(client.meta.endpoint_url, region)
        # The host that the client talks to is not known before.
        route = self._route(client.meta.endpoint_url, options['verify'])
        connections = Connections.shared(route)
        if connections is None:
            options['config'] = options['config'].merge(Config(proxies=dict(route.proxies)))
            client = super().create_client(service_name, region_name=region, **options)
        # Calls are recorded before connections send them, which may fail.
        self._calls.attach(client, region)
        json_protocol.attach(client)
        xml_flags.attach(client)
        endpoint = endpoint_of(self._network, service_name, region)
        if connections is None:
            attach_events(client, endpoint)
        else:
            sender = connections.sender(service_name, json_protocol.response_parser(client), endpoint)
            _attach_sender(client, sender)
        return client

    def _profile_with_mfa(self) -> str | None:
        """The profile that asks for a code before its role is assumed, among the profile and those that it leads to."""
        if self._sign_in.profile is None and os.environ.get('AWS_ACCESS_KEY_ID'):
            return None
        profiles = self.full_config.get('profiles', {})
        name, passed = self.profile or 'default', set()
        while name is not None and name not in passed:
            profile = profiles.get(name, {})
            if profile.get('role_arn') and profile.get('mfa_serial') and not profile.get('web_identity_token_file'):
                return str(name)
            passed.add(name)
            name = profile.get('source_profile')
        return None

    def _route(self, url: str, verify: bool | str) -> Route:
        network = self._network
        proxies = proxies_for(url, network.proxies)
        return Route(url, verify, proxies, network.connect_timeout, network.read_timeout)

    def _verify(self) -> bool | str:
        """Whether certificates are checked, and against which file. The environment decides where no option does."""
        if self._network.verify is not True:
            return self._network.verify
        return self.get_config_variable('ca_bundle') or os.environ.get('REQUESTS_CA_BUNDLE') or True


def _attach_sender(client: Any, sender: Sender) -> None:
    """Let a sender send the requests of a client, and repeat those that come most often."""
    if json_protocol.speaks_json(client):
        json_protocol.attach_sender(client, sender)
    elif client.meta.service_model.service_name == account_requests.SERVICE:
        account_requests.attach_sender(client, sender)
    else:
        sender.attach(client)


def _check_fips(url: str, region: str) -> None:
    """Raise NotSent where the environment or a profile asks for a FIPS endpoint that AWS does not have."""
    if region in FIPS_REGIONS or '-fips.' not in url:
        return
    setter = next((name for name in FIPS_VARIABLES if os.environ.get(name)), 'use_fips_endpoint of the profile')
    raise NotSent(
        f'{setter} asks for FIPS endpoints, which SES does not have in {region}.',
        f'Remove that setting, or read only {", ".join(FIPS_REGIONS)}.',
    )
