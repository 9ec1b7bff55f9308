"""The model: declarations (metric, status, event, action), readings and failures, which every module uses.

The values are frozen. This module imports no other module of the package.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from typing import NamedTuple

PREFIX = 'amazon_ses.'

SIGN_IN = 'sign-in'
"""Stands for the operation of a failure where credentials could not be loaded, so that nothing was sent."""


class MetricType(StrEnum):
    """How Datadog stores a metric: the `metric_type` column of metadata.csv."""

    GAUGE = 'gauge'
    COUNT = 'count'
    DISTRIBUTION = 'distribution'


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """One metric that may be submitted: a row of metadata.csv.

    `name` is without the prefix. `unit` and `per_unit` are Datadog units or empty. `orientation` is 1 where more is
    better, -1 where more is worse. `interval` is in seconds where the metric is not renewed in every run.
    """

    name: str
    type: MetricType
    description: str
    unit: str = ''
    per_unit: str = ''
    orientation: int = 0
    interval: int | None = None
    tags: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        return PREFIX + self.name


class Level(IntEnum):
    """The Agent's service check statuses."""

    OK = 0
    WARNING = 1
    CRITICAL = 2
    UNKNOWN = 3


LEVEL_VALUES = {Level.OK: 1.0, Level.WARNING: 0.5, Level.CRITICAL: 0.0}
"""Levels of a service check as values of the gauge that says the same, which has no value for UNKNOWN."""


@dataclass(frozen=True, slots=True)
class StatusSpec:
    """One service check that may be submitted: an entry of service_checks.json. `name` is without the prefix."""

    name: str
    title: str
    description: str
    groups: tuple[str, ...]
    levels: tuple[Level, ...] = (Level.OK, Level.WARNING, Level.CRITICAL, Level.UNKNOWN)


@dataclass(frozen=True, slots=True)
class EventSpec:
    """One kind of event that may be submitted. `name` is its aggregation key without the prefix."""

    name: str
    description: str


UNKNOWN_ACCOUNT = 'unknown'
"""In place of the account of a target while it is not known."""


class Target(NamedTuple):
    """One account in one Region. SES keeps everything for each of them, and so does the check."""

    account: str
    region: str

    @property
    def tags(self) -> tuple[str, ...]:
        return f'aws_account:{self.account}', f'region:{self.region}'

    @property
    def is_known(self) -> bool:
        """Whether the account is known."""
        return self.account != UNKNOWN_ACCOUNT


class Sample(NamedTuple):
    """A value of a declared metric. `tags` are added to those of the target and the instance.

    `account` is the linked account that the value is of, or empty for the account of the target.
    """

    metric: MetricSpec
    value: float
    tags: tuple[str, ...] = ()
    account: str = ''


@dataclass(frozen=True, slots=True)
class Bucket:
    """How many values of a declared distribution are above one bound and not above the next.

    `tags` and `account` are as for a sample.
    """

    metric: MetricSpec
    number: int
    lower: float
    upper: float
    tags: tuple[str, ...] = ()
    account: str = ''


@dataclass(frozen=True, slots=True)
class Status:
    """A level of a declared service check. An OK has no message. `account` is as for a sample."""

    spec: StatusSpec
    level: Level
    message: str = ''
    tags: tuple[str, ...] = ()
    account: str = ''


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened once. `alert_type` is error, warning, success or info."""

    spec: EventSpec
    title: str
    text: str
    alert_type: str
    tags: tuple[str, ...] = ()


Reading = Sample | Bucket | Status | Event


class FailureKind(StrEnum):
    """Why a request failed. The kinds are a closed set, so that every user can handle each of them."""

    DENIED = 'denied'
    THROTTLED = 'throttled'
    TIMEOUT = 'timeout'
    NETWORK = 'network'
    CREDENTIALS = 'credentials'
    MALFORMED = 'malformed'
    PARTIAL = 'partial'
    UNSUPPORTED = 'unsupported'


@dataclass(frozen=True, slots=True)
class Failure:
    """Why AWS did not give an answer that can be used, and what the operator can do about it.

    `operation` is the AWS operation that failed, `detail` what was observed, `remedy` what to do.
    None of them holds a key, a token or an address. `at_request` says that the request was refused for its content, so
    a part of it may be answered; `invalid` that AWS itself called it invalid. `elsewhere` says that the credentials may
    be valid in other Regions, because this Region may not be enabled for the account. If every Region fails in this
    way, they are valid nowhere. `by_organization` says that a policy of the organization denies the request, and
    `explicit_deny` that some policy denies it explicitly, so that to allow it elsewhere is of no use.
    `request_id` is for AWS's support: it differs from answer to answer, so failures that differ only in it are equal.
    """

    kind: FailureKind
    operation: str
    detail: str
    remedy: str = ''
    at_request: bool = False
    elsewhere: bool = False
    invalid: bool = False
    by_organization: bool = False
    explicit_deny: bool = False
    request_id: str = field(default='', compare=False)

    @property
    def at_sign_in(self) -> bool:
        """Whether every other request with the same credentials would fail as well."""
        return self.kind is FailureKind.CREDENTIALS or self.operation.startswith(('AssumeRole', SIGN_IN))

    @property
    def is_before_request(self) -> bool:
        """Whether nothing was sent, because there are no credentials to sign it with."""
        return self.operation.startswith(('AssumeRole', SIGN_IN))

    def __str__(self) -> str:
        text = f'{self.operation}: {self.kind}: {self.detail}'
        request_id = f"AWS's support asks for the request id {self.request_id}." if self.request_id else ''
        return ' '.join(filter(None, (text, self.remedy, request_id)))


MALFORMED_REMEDY = 'Look for a proxy or an endpoint_url that is not AWS; it is asked again in the next run.'


def malformed(operation: str, detail: str) -> Failure:
    """The failure of an answer that AWS would not send."""
    return Failure(FailureKind.MALFORMED, operation, detail, MALFORMED_REMEDY)


class Request(NamedTuple):
    """An AWS operation in a Region."""

    region: str
    operation: str


class Calls(NamedTuple):
    """Requests that were sent (retries included), requests that failed, by kind, and billed metrics, by Region."""

    sent: Mapping[Request, int]
    failed: Mapping[tuple[Request, FailureKind], int]
    billed_metrics: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Action:
    """An IAM action that the check needs. `feature` is what is lost without it, for README.md and the policy.

    `resource` is what the policy allows the action for.
    """

    name: str
    feature: str
    resource: str = '*'
