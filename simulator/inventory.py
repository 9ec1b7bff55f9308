"""The inventory of an account in a Region: identities, configuration sets, tenants, findings, receipt rules,
dedicated IP addresses, jobs, settings of the account.

Every value is flat and frozen, with defaults that are healthy. Texts that must never leave a client hold a planted
address, token or ARN, for tests of privacy to look for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from types import MappingProxyType
from typing import Any

PLANTED_ADDRESS = 'planted.person@recipient.example'
PLANTED_TOKEN = 'plantedtoken7q2x4mzk'
PLANTED_TOPIC = 'planted-topic'
PLANTED = (PLANTED_ADDRESS, PLANTED_TOKEN, PLANTED_TOPIC)
"""Texts of addresses, tokens and ARNs that answers hold and that nobody may pass on."""

DOMAIN = 'example.com'
"""The domain that every account sends from."""

EVENT_TYPES = (
    'SEND', 'REJECT', 'BOUNCE', 'COMPLAINT', 'DELIVERY', 'OPEN', 'CLICK', 'RENDERING_FAILURE', 'DELIVERY_DELAY',
    'SUBSCRIPTION',
)  # fmt: skip
FAILURE_TYPES = ('REJECT', 'BOUNCE', 'COMPLAINT', 'RENDERING_FAILURE', 'DELIVERY_DELAY')


@dataclass(frozen=True)
class Identity:
    """A domain or an address; states are words of SES v2. Topics are names of SNS topics, '' for none.

    Without `mail_from_domain` there is no custom MAIL FROM. `error_type` says why the last verification failed. An
    address inherits the DKIM of its domain, so its own is off.
    """

    name: str
    verification: str = 'SUCCESS'
    sending_enabled: bool = True
    dkim_enabled: bool = True
    dkim_status: str = 'SUCCESS'
    key_length: str = 'RSA_2048_BIT'
    mail_from_domain: str = ''
    mail_from_status: str = 'SUCCESS'
    mail_from_rejects: bool = False
    bounce_topic: str = ''
    complaint_topic: str = ''
    delivery_topic: str = ''
    forwarding: bool = True
    configuration_set: str = ''
    error_type: str = ''

    @property
    def type(self) -> str:
        """The word of SES for domain or address."""
        return 'EMAIL_ADDRESS' if '@' in self.name else 'DOMAIN'


@dataclass(frozen=True)
class Destination:
    """An event destination of a configuration set; `type` is sns, cloudwatch, eventbridge, firehose or pinpoint."""

    name: str
    type: str = 'sns'
    enabled: bool = True
    event_types: tuple[str, ...] = FAILURE_TYPES


@dataclass(frozen=True)
class ConfigurationSet:
    """A configuration set. None of `suppressed_reasons`, and every other None or '', is left out of the answer.

    Without `suppressed_reasons` the set inherits the account's; an empty tuple switches suppression off.
    """

    name: str
    sending_enabled: bool = True
    reputation_metrics: bool = True
    suppressed_reasons: tuple[str, ...] | None = None
    suppression_scope: str = ''
    validation: str = ''
    tls_policy: str = 'REQUIRE'
    pool: str = ''
    max_delivery_seconds: int | None = None
    shared_pool: str = ''
    redirect_domain: str = ''
    https_policy: str = ''
    engagement_metrics: str = ''
    optimized_shared_delivery: str = ''
    destinations: tuple[Destination, ...] = (Destination('feedback'),)


@dataclass(frozen=True)
class Tenant:
    """A tenant as reputation entity. Whoever paused it says so in its own status; `cause` is free text of AWS.

    `policy` is standard, strict or none. `updated`: seconds after the scenario start.
    """

    name: str
    id: str
    customer_status: str = 'ENABLED'
    ses_status: str = 'ENABLED'
    impact: str = ''
    policy: str = 'standard'
    cause: str = f'Bounces of mail to {PLANTED_ADDRESS}'
    updated: float = 0.0

    @property
    def status(self) -> str:
        """The aggregate: one DISABLED disables the tenant."""
        both = (self.customer_status, self.ses_status)
        return next((word for word in ('DISABLED', 'REINSTATED') if word in both), 'ENABLED')


@dataclass(frozen=True)
class Finding:
    """A recommendation of AWS about a resource: `resource` is the end of its ARN, such as `identity/example.com`.

    `name` is for editing alone. `created` and `updated`: seconds after the scenario start.
    """

    name: str
    resource: str
    type: str = 'DKIM'
    impact: str = 'HIGH'
    status: str = 'OPEN'
    description: str = f'DKIM1: mail to {PLANTED_ADDRESS}, token {PLANTED_TOKEN}'
    created: float = 0.0
    updated: float = 0.0


@dataclass(frozen=True)
class Rule:
    """A receipt rule: it stores the mail of a planted recipient in a planted bucket."""

    name: str
    enabled: bool = True
    recipients: tuple[str, ...] = (PLANTED_ADDRESS,)


@dataclass(frozen=True)
class RuleSet:
    """A receipt rule set. AWS has at most one that is active."""

    name: str
    active: bool = False
    rules: tuple[Rule, ...] = (Rule('store'),)


@dataclass(frozen=True)
class IpFilter:
    """A filter of addresses that mail is received from."""

    name: str
    cidr: str = '203.0.113.0/24'


@dataclass(frozen=True)
class IpPool:
    """A pool of dedicated IP addresses: STANDARD or MANAGED."""

    name: str
    scaling_mode: str = 'STANDARD'


@dataclass(frozen=True)
class DedicatedIp:
    """A dedicated IP address; its name is the address. `blocklists` are those that list it.

    A percentage of -1 is what SES says where warm-up does not apply.
    """

    name: str
    pool: str = 'ses-default-dedicated-pool'
    warmup_status: str = 'DONE'
    warmup_percentage: int = 100
    blocklists: tuple[str, ...] = ()


@dataclass(frozen=True)
class Job:
    """An import or export job; its name is its id. `created`: seconds after the scenario start."""

    name: str
    type: str = 'import'
    status: str = 'COMPLETED'
    created: float = 0.0
    processed_records: int = 1000
    failed_records: int = 0


@dataclass(frozen=True)
class Suppressed:
    """An address on the suppression list; `updated`: seconds after the scenario start."""

    name: str
    reason: str = 'BOUNCE'
    updated: float = 0.0


@dataclass(frozen=True)
class GlobalEndpoint:
    """A global endpoint by its id; the first of its Regions is the one that lists it. `title` is text of the owner."""

    name: str
    title: str = f'endpoint of {PLANTED_TOKEN}'
    status: str = 'READY'
    regions: tuple[str, ...] = ('us-east-1', 'eu-west-1')


@dataclass(frozen=True)
class AccountSettings:
    """What GetAccount says beside standing and quota. None and '' are left out of the answer.

    `validation` is DISABLED, MEDIUM, HIGH or MANAGED. Without `blocklist_reports` AWS refuses to say who lists the
    dedicated IP addresses. Use case, website and contacts are texts of the owner.
    """

    suppressed_reasons: tuple[str, ...] | None = ('BOUNCE', 'COMPLAINT')
    validation: str = 'DISABLED'
    blocklist_reports: bool = True
    vdm: str = 'DISABLED'
    engagement_metrics: str = ''
    optimized_shared_delivery: str = ''
    shared_pool: str = 'REGIONAL'
    auto_warmup: bool | None = True
    plan: str = 'NONE'
    next_plan: str = 'NONE'
    review: str = 'GRANTED'
    mail_type: str = 'TRANSACTIONAL'
    use_case: str = f'Receipts, questions to {PLANTED_ADDRESS}, token {PLANTED_TOKEN}'
    website: str = f'https://www.example.com/?token={PLANTED_TOKEN}'
    contacts: tuple[str, ...] = (PLANTED_ADDRESS,)


DEFAULTS: Mapping[str, Any] = MappingProxyType({})


@dataclass(frozen=True)
class Change:
    """Something that changes `seconds` after the scenario start, in one Region or in all of them.

    `kind` is a field of the inventory, or `standing`; `account` and `standing` have no name. `values` are the fields
    that change; a member that is not there begins with its defaults. None removes the member.
    """

    seconds: float
    kind: str
    name: str = ''
    values: Mapping[str, Any] | None = field(default_factory=dict)
    region: str | None = None


@dataclass(frozen=True)
class Inventory:
    """All of it, by name; `changed` makes another one."""

    identities: Mapping[str, Identity] = field(default_factory=dict)
    configuration_sets: Mapping[str, ConfigurationSet] = field(default_factory=dict)
    tenants: Mapping[str, Tenant] = field(default_factory=dict)
    findings: Mapping[str, Finding] = field(default_factory=dict)
    rule_sets: Mapping[str, RuleSet] = field(default_factory=dict)
    ip_filters: Mapping[str, IpFilter] = field(default_factory=dict)
    ip_pools: Mapping[str, IpPool] = field(default_factory=dict)
    dedicated_ips: Mapping[str, DedicatedIp] = field(default_factory=dict)
    jobs: Mapping[str, Job] = field(default_factory=dict)
    suppressed: Mapping[str, Suppressed] = field(default_factory=dict)
    endpoints: Mapping[str, GlobalEndpoint] = field(default_factory=dict)
    account: AccountSettings = AccountSettings()

    def changed(self, change: Change) -> Inventory:
        """The inventory after a change; ValueError for a kind or a field that does not exist."""
        if change.kind == 'account':
            return replace(self, account=_changed(self.account, change.values or {}))
        if change.kind not in _NEW:
            raise ValueError(f'unknown kind {change.kind!r}; known: standing, account, {", ".join(_NEW)}')
        members = dict(getattr(self, change.kind))
        if change.values is None:
            members.pop(change.name, None)
        else:
            members[change.name] = _changed(members.get(change.name) or _NEW[change.kind](change.name), change.values)
        changed: dict[str, Any] = {change.kind: members}
        return replace(self, **changed)


def _changed(member: Any, values: Mapping[str, Any]) -> Any:
    """The member with other values; those of JSON are taken too."""
    unknown = values.keys() - {field.name for field in fields(member)}
    if unknown:
        raise ValueError(f'{type(member).__name__} has no {", ".join(sorted(unknown))}')
    texts = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    for name, kind in _PARTS.items():
        if name in texts:
            texts[name] = tuple(_part(kind, each) for each in texts[name])
    return replace(member, **texts)


def _part(kind: type[Any], value: Any) -> Any:
    """A destination or a rule, also from JSON."""
    if isinstance(value, kind):
        return value
    return kind(**{name: tuple(each) if isinstance(each, list) else each for name, each in value.items()})


def named(members: Iterable[Any]) -> dict[str, Any]:
    """Members by their name."""
    return {member.name: member for member in members}


def domain(name: str, **values: Any) -> Identity:
    """A domain that is well: DKIM, custom MAIL FROM, topics for bounces and complaints."""
    topics = {'bounce_topic': PLANTED_TOPIC, 'complaint_topic': PLANTED_TOPIC, 'forwarding': False}
    return Identity(name, **{'mail_from_domain': f'mail.{name}', **topics, **values})


def address(name: str, **values: Any) -> Identity:
    """An address that is well: it has no DKIM of its own."""
    return Identity(name, **{'dkim_enabled': False, 'dkim_status': 'NOT_STARTED', **values})


_NEW: Mapping[str, Callable[[str], Any]] = {
    'identities': lambda name: address(name) if '@' in name else domain(name),
    'configuration_sets': ConfigurationSet,
    'tenants': lambda name: Tenant(name, f'tn-{name}'),
    'findings': lambda name: Finding(name, 'account'),
    'rule_sets': RuleSet,
    'ip_filters': IpFilter,
    'ip_pools': IpPool,
    'dedicated_ips': DedicatedIp,
    'jobs': Job,
    'suppressed': Suppressed,
    'endpoints': GlobalEndpoint,
}
"""A new member of each kind."""

_PARTS: Mapping[str, type[Any]] = {'destinations': Destination, 'rules': Rule}
"""Fields that hold members of another kind."""
