"""A case: the account that is measured, as plain values.

A measured process gets its case as JSON and loads this module before it has an Agent, so nothing of the check is
imported here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

PERIOD = 300
HOUR = 3600
ACCOUNT = '123456789012'
QUEUE = 'datadog-ses-events'
QUEUE_URL = f'https://sqs.us-east-1.amazonaws.com/{ACCOUNT}/{QUEUE}'
KEY, SECRET = 'AKIABENCHMARK0000001', 'no-secret'


class Metric(NamedTuple):
    """A CloudWatch metric, and the statistic that is read of it."""

    namespace: str
    name: str
    statistic: str


class Series(NamedTuple):
    """A CloudWatch metric with dimensions."""

    metric: Metric
    dimensions: tuple[tuple[str, str], ...]


class Family(NamedTuple):
    """Groups of series with the same metrics. `pattern` makes the value of `dimension` from the number of a member.

    Without a dimension these are the series of the account.
    """

    metrics: tuple[Metric, ...]
    dimension: str = ''
    pattern: str = ''
    members: int = 1


@dataclass(frozen=True)
class Case:
    """An account, or several, and how it is measured.

    `families` are the series that the obvious ways read; the check discovers them. `options` are those of an instance,
    without Regions, credentials and endpoint. `measures` are names of `measures.MEASURES`. `rounds` is the number of
    due runs at each latency. `sample` limits the series of the way with one call for each: more would only take longer
    in proportion. `members`, `volume` and `between` are options of the simulator.
    """

    name: str
    title: str
    scenario: str
    families: tuple[Family, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    regions: tuple[str, ...] = ('us-east-1',)
    instances: int = 1
    measures: tuple[str, ...] = ('work',)
    rounds: int = 5
    sample: int = 500
    members: int | None = None
    volume: float | None = None
    between: tuple[float, float] | None = None

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Case:
        """Returns the case from `dataclasses.asdict`, also after a conversion to JSON."""
        families = tuple(Family(tuple(Metric(*m) for m in metrics), *more) for metrics, *more in document['families'])
        tuples = {name: tuple(value) for name, value in document.items() if isinstance(value, (list, tuple))}
        return cls(**{**document, **tuples, 'families': families})

    def series(self) -> list[Series]:
        """The series of one Region of one instance."""
        return [
            Series(metric, ((family.dimension, family.pattern.format(number)),) if family.dimension else ())
            for family in self.families
            for number in range(family.members)
            for metric in family.metrics
        ]

    @property
    def number(self) -> int:
        """The number of series in all Regions and instances."""
        series = sum(family.members * len(family.metrics) for family in self.families)
        return series * len(self.regions) * self.instances

    def quarter(self) -> Case:
        """The case with a quarter of the groups of each family, and all series of the account."""
        families = (family._replace(members=family.members // 4 or 1) for family in self.families)
        return replace(self, families=tuple(families))

    def instance(self, number: int, endpoint: str) -> dict[str, Any]:
        """The configuration of an instance; where there are several, each has a role in a different account."""
        role = {'role_arn': f'arn:aws:iam::{200_000_000_000 + number}:role/datadog'}
        return {
            'regions': list(self.regions),
            'endpoint_url': endpoint,
            'aws_access_key_id': KEY,
            'aws_secret_access_key': SECRET,
            'empty_default_hostname': True,
            'min_collection_interval': 60,
            **(role if self.instances > 1 else {'account_id': ACCOUNT}),
            **self.options,
        }
