"""What is measured, as plain values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

NAMESPACE = 'AWS/SES'
EVENTS = (
    'Send', 'Delivery', 'Bounce', 'Complaint', 'Reject', 'RenderingFailure', 'Open', 'Click', 'DeliveryDelay',
    'Subscription',
)  # fmt: skip
RATES = ('Reputation.BounceRate', 'Reputation.ComplaintRate')
PERIOD = 300
HOUR = 3600

Series = tuple[str, str, tuple[tuple[str, str], ...]]
"""Namespace, name of the metric, dimensions."""


@dataclass(frozen=True)
class Family:
    """Series of one dimension: `count` values made by `pattern`, each with `metrics`."""

    dimension: str
    pattern: str
    count: int
    metrics: tuple[str, ...] = EVENTS


@dataclass(frozen=True)
class Case:
    """One account, or several, and what is asked of them.

    `options` are those of an instance, as a user writes them, beside Regions, credentials and endpoint. `families` are
    what the obvious ways ask for beside the account's own metrics; the check finds them by itself. `measures` are names
    of `measures.MEASURES`. `rounds` are due runs measured at each latency. `sample`: series that the way with a call
    for each is measured with; more would only take longer in the same proportion. `members`, `volume` and `between` are
    options of the simulator.
    """

    name: str
    title: str
    scenario: str
    families: tuple[Family, ...] = ()
    options: Mapping[str, Any] = field(default_factory=dict)
    regions: tuple[str, ...] = ('us-east-1',)
    instances: int = 1
    measures: tuple[str, ...] = ('work',)
    rounds: int = 5
    sample: int = 500
    members: int | None = None
    volume: float | None = None
    between: tuple[float, float] | None = None

    def series(self) -> list[Series]:
        """What the obvious ways ask for in each Region of each instance."""
        found: list[Series] = [(NAMESPACE, metric, ()) for metric in (*EVENTS, *RATES)]
        for family in self.families:
            for place in range(family.count):
                dimensions = ((family.dimension, family.pattern.format(place)),)
                found += [(NAMESPACE, metric, dimensions) for metric in family.metrics]
        return found

    @property
    def number(self) -> int:
        """Series in all Regions and instances."""
        families = sum(family.count * len(family.metrics) for family in self.families)
        return (len(EVENTS) + len(RATES) + families) * len(self.regions) * self.instances

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Case:
        """The case that `dataclasses.asdict` made a document of, which may have come as JSON."""
        families = tuple(Family(**{**one, 'metrics': tuple(one['metrics'])}) for one in document['families'])
        lists = {name: tuple(value) for name, value in document.items() if isinstance(value, (list, tuple))}
        return cls(**{**document, **lists, 'families': families})

    def instance(self, place: int, endpoint: str) -> dict[str, Any]:
        """The configuration of one of the instances; where there are several, each has a role in its own account."""
        account = f'{200_000_000_000 + place}'
        who = {'role_arn': f'arn:aws:iam::{account}:role/datadog'} if self.instances > 1 else {'account_id': ACCOUNT}
        return {
            'regions': list(self.regions),
            'endpoint_url': endpoint,
            'aws_access_key_id': KEY,
            'aws_secret_access_key': SECRET,
            'empty_default_hostname': True,
            'min_collection_interval': 60,
            **who,
            **self.options,
        }


ACCOUNT = '123456789012'
KEY, SECRET = 'AKIABENCHMARK0000001', 'no-secret'
SET = 'ses:configuration-set'
# What is free and asked for every 15 minutes only is left out, so that every due run is alike.
ACCOUNT_ONLY = {'collect': ['account', 'cloudwatch']}
SETS = {'collect': ['account', 'cloudwatch', 'configuration_sets'], 'max_series': 50_000}

CASES = (
    Case('account', 'account level', 'steady', options=ACCOUNT_ONLY, measures=('work', 'first', 'idle')),
    Case('sets50', '50 sets x 10', 'large', (Family(SET, 'set-{:05d}', 50),), SETS, members=50),
    Case(
        'sets1000', '1,000 sets x 10', 'large', (Family(SET, 'set-{:05d}', 1000),), SETS,
        measures=('work', 'ledger'), rounds=4,
    ),
    Case('amounts', '1,000 sets x 10, large amounts', 'large', (Family(SET, 'set-{:05d}', 1000),), SETS,
         measures=('ledger',), volume=1.27e7),
    Case(
        'identities', '10,000 identities x 4', 'identities',
        (Family('ses:from-domain', 'customer-{:05d}.example', 10_000, EVENTS[:4]),),
        {'collect': ['account', 'cloudwatch', 'unrecognized'], 'max_series': 50_000}, rounds=3, sample=100,
    ),
    # As many as the sets above, but of the same kind as the 40,000.
    Case(
        'identities2500', '2,500 identities x 4', 'identities',
        (Family('ses:from-domain', 'customer-{:05d}.example', 2500, EVENTS[:4]),),
        {'collect': ['account', 'cloudwatch', 'unrecognized'], 'max_series': 50_000}, measures=('alone',), members=2500,
    ),
    Case(
        'regions', '1,000 sets x 10 in 10 Regions', 'large', (Family(SET, 'set-{:05d}', 1000),), SETS,
        regions=(
            'us-east-1', 'us-east-2', 'us-west-2', 'eu-west-1', 'eu-central-1', 'eu-west-2', 'ap-southeast-1',
            'ap-southeast-2', 'ap-northeast-1', 'sa-east-1',
        ),
        rounds=2, sample=100,
    ),
    Case('instances', '100 instances', 'steady', options=ACCOUNT_ONLY, instances=100, rounds=2, sample=100),
    # Without mail AWS tells next to nothing, so what is measured is an instance and its three clients.
    Case('clients', '100 instances, three clients each', 'idle', instances=100, measures=('instances',),
         options={'collect': ['account', 'cloudwatch', 'send_statistics']}),
    Case('sparse', '1,000 sets x 10, 30 active', 'sparse', (Family(SET, 'set-{:05d}', 1000),), SETS,
         measures=('thrift',), between=(HOUR / 2, 3 * HOUR)),
)  # fmt: skip
