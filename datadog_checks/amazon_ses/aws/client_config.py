"""The configuration of every client: retries, timeouts, endpoints and the user agent.

Each request has two attempts: botocore repeats one that AWS throttles, fails or does not answer, after a pause of at
most a second. A request that fails twice is a failure of this run and is sent again in the next one, which is the retry
that counts.
"""

from __future__ import annotations

from botocore.config import Config

from datadog_checks.amazon_ses.__about__ import __version__
from datadog_checks.amazon_ses.configuration.network import ATTEMPTS, Network

UNVALIDATED = ('cloudwatch', 'sqs')
"""Services whose requests only this package writes, with thousands of parameters, so that botocore need not check them.

Checking takes 67 of 1,247 ms of a run with 10,000 series where CloudWatch does not speak JSON (botocore 1.40.21,
`make bench ONLY=sets1000`).
"""


def client_config(network: Network, service: str, user_agent: str) -> Config:
    return Config(
        connect_timeout=network.connect_timeout,
        read_timeout=network.read_timeout,
        retries={'mode': 'standard', 'total_max_attempts': ATTEMPTS},
        # botocore would otherwise put the same text together for each request, twice.
        user_agent=f'{user_agent} datadog-amazon-ses/{__version__}',
        parameter_validation=service not in UNVALIDATED,
        # Whoever makes the client sets them, by the host that it talks to. botocore would search the environment too.
        proxies={},
        use_fips_endpoint=network.use_fips or None,
        use_dualstack_endpoint=network.use_dualstack or None,
    )
