"""The options of the network: endpoints, timeouts, proxies and certificates."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from datadog_checks.amazon_ses.configuration.options import Options, refused
from datadog_checks.amazon_ses.configuration.proxies import Proxies, parse_proxies

ATTEMPTS = 2
"""Attempts for each request. More would only stretch a run, since the next one asks again."""

LONGEST_BACKOFF = 1.0
"""Seconds that botocore waits at most before the second attempt."""

SERVICES = ('cloudwatch', 'ses', 'sesv2', 'sqs', 'sts')

FIPS_REGIONS = (
    'us-east-1',
    'us-east-2',
    'us-west-1',
    'us-west-2',
    'ca-central-1',
    'ca-west-1',
    'us-gov-east-1',
    'us-gov-west-1',
)
"""Where SES has FIPS endpoints (AWS General Reference, Amazon SES endpoints)."""

ISOLATED = re.compile(r'[a-z]{2}-iso[a-z]*-.*')
"""Regions of the isolated partitions, which have no dual-stack endpoints."""


@dataclass(frozen=True, slots=True)
class Network:
    """How AWS is reached. Timeouts are seconds.

    `proxies` is None where the environment decides. `verify` is whether certificates are checked, or the file of the
    authorities to check them against.
    """

    endpoint_urls: Mapping[str, str]
    connect_timeout: float
    read_timeout: float
    proxies: Proxies | None = None
    verify: bool | str = True
    use_fips: bool = False
    use_dualstack: bool = False

    @property
    def longest_request(self) -> float:
        """Seconds after which a request has ended, with all of its attempts."""
        return ATTEMPTS * (self.connect_timeout + self.read_timeout) + LONGEST_BACKOFF


def parse_network(
    instance: Mapping[str, Any],
    init_config: Mapping[str, Any],
    agent_proxy: object,
    regions: Iterable[str],
    is_readable: Callable[[str], bool],
) -> Network:
    """The network that the options describe for these Regions. Raises SettingsError.

    `agent_proxy` is the Agent's own proxy setting; `is_readable` tells whether the Agent can read the file at a path.
    """
    options = Options(instance)
    seconds = 'seconds from 0.1 to 60'
    verify = _verify(options, is_readable)
    use_fips = options.flag('use_fips')
    use_dualstack = options.flag('use_dualstack')
    for region in regions:
        if use_fips:
            _check_fips(region)
        if use_dualstack:
            _check_dualstack(region)
    return Network(
        endpoint_urls=options.urls('endpoint_url', SERVICES),
        connect_timeout=options.number('connect_timeout', seconds, 0.1, 60),
        read_timeout=options.number('read_timeout', seconds, 0.1, 60),
        proxies=parse_proxies(instance, init_config, agent_proxy),
        verify=verify,
        use_fips=use_fips,
        use_dualstack=use_dualstack,
    )


def _verify(options: Options, is_readable: Callable[[str], bool]) -> bool | str:
    verify = options.flag('tls_verify')
    authorities: str | None = options.text('tls_ca_cert', 'the path of a file with certificates')
    if authorities is not None and not is_readable(authorities):
        raise options.refused(
            'tls_ca_cert', authorities, 'the path of a file with certificates that the Agent can read'
        )
    return (authorities or True) if verify else False


def _check_fips(region: str) -> None:
    if region not in FIPS_REGIONS:
        accepted = f'false, or one of the Regions {", ".join(FIPS_REGIONS)}'
        raise refused('use_fips', 'true', accepted, f' in {region}, where SES has no FIPS endpoint')


def _check_dualstack(region: str) -> None:
    if ISOLATED.fullmatch(region):
        raise refused('use_dualstack', 'true', 'false', f' in {region}, which has no dual-stack endpoints')
