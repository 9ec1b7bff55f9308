"""Naming: how sweeps name what AWS's ARNs are about, in tags and in events, and one event for many changes.

Addresses are masked as those of dimensions are. Names of tenants are names of customers: `hash_tenants` shows digits of
a hash in their place. An ARN itself is never shown.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import unquote

from datadog_checks.amazon_ses.addresses import address_tags, shown
from datadog_checks.amazon_ses.model import Event, EventSpec
from datadog_checks.amazon_ses.sweeps import Context
from datadog_checks.amazon_ses.tags import for_dimensions, hash_of_tenant, tag_value

IDENTITY, TENANT, CONFIGURATION_SET, ACCOUNT, OTHER = 'identity', 'tenant', 'configuration_set', 'account', 'other'
SCOPES = {'identity': IDENTITY, 'tenant': TENANT, 'configuration-set': CONFIGURATION_SET}
"""Scopes by the beginning of the resource of an ARN."""

MOST_NAMES = 10
"""Names in an event."""


class Resource(NamedTuple):
    """What an ARN is about: its scope and its name. `id` is the id of a tenant, where the ARN has both."""

    scope: str = OTHER
    name: str = ''
    id: str = ''


def resource_of(arn: object) -> Resource:
    """The resource of an ARN. Raises TypeError for anything but a text.

    AWS's documents write the ARN of a tenant with and without its name, and show none of an account: whatever names no
    single resource is the account.
    """
    if not isinstance(arn, str):
        raise TypeError('an ARN is no text')
    parts = arn.split(':', 5)
    if len(parts) < 5:
        return Resource()
    resource = unquote(parts[5]) if len(parts) > 5 else ''
    kind, slash, name = resource.partition('/')
    if not slash or kind == ACCOUNT:
        return Resource(ACCOUNT)
    scope = SCOPES.get(kind, OTHER)
    if scope != TENANT:
        return Resource(scope, name)
    # Names of tenants have no slash.
    tenant, _, tenant_id = name.partition('/')
    return Resource(TENANT, tenant, tenant_id)


def tags_of(resource: Resource, context: Context) -> tuple[str, ...]:
    """The tags that name a resource; none for the account."""
    if resource.scope == IDENTITY:
        is_address = '@' in resource.name
        if is_address and not context.show_addresses:
            return address_tags(resource.name)
        return f'identity:{tag_value(resource.name)}', f'identity_type:{"email_address" if is_address else "domain"}'
    if resource.scope == TENANT:
        named = for_dimensions((('TenantName', tenant_name(resource.name, context)),), context.show_addresses)
        return (*named, f'tenant_id:{tag_value(resource.id)}') if resource.id else named
    if resource.scope == CONFIGURATION_SET:
        return for_dimensions(((CONFIGURATION_SET, resource.name),), context.show_addresses)
    return ()


def label_of(resource: Resource, context: Context) -> str:
    """A resource as an event names it."""
    if resource.scope in (ACCOUNT, OTHER) or not resource.name:
        return f'the {resource.scope}' if resource.scope == ACCOUNT else f'a resource ({resource.scope})'
    name = tenant_name(resource.name, context) if resource.scope == TENANT else resource.name
    if resource.scope == IDENTITY and '@' in name and not context.show_addresses:
        domain, _, digits = (tag.partition(':')[2] for tag in address_tags(name))
        return f'an address of {shown(domain)} ({digits})'
    return f'{resource.scope.replace("_", " ")} {name if context.show_addresses else shown(name)}'


def tenant_name(name: str, context: Context) -> str:
    """The name of a tenant, or digits of its hash."""
    return hash_of_tenant(name) if context.hash_tenants else name


class Happening(NamedTuple):
    """What happened to several things at once. `noun` is singular and plural, `verb` a participle, such as opened."""

    spec: EventSpec
    noun: tuple[str, str]
    verb: str
    text: str
    alert_type: str


def event_of(happening: Happening, labels: Iterable[str]) -> Event:
    """One event for everything that it happened to, with their number and some names."""
    every = sorted(labels)
    singular, plural = happening.noun
    subject = singular if len(every) == 1 else f'{len(every):,} {plural}'
    listed = ', '.join(every[:MOST_NAMES])
    more = f' and {len(every) - MOST_NAMES:,} more' if len(every) > MOST_NAMES else ''
    title, text = f'Amazon SES: {subject} {happening.verb}', f'{happening.text} It is about: {listed}{more}.'
    return Event(happening.spec, title, text, happening.alert_type)
