"""Tags of series: one from each dimension of CloudWatch (configuration set, receipt rule, message tag).

Users chose these names. A tag must survive what Datadog does to it (docs.datadoghq.com/getting_started/tagging, "Define
tags"), differ from the tags of other series and from our own, and hold no e-mail address (`addresses.py` masks them).
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from hashlib import sha256
from typing import TypeVar
from unicodedata import category

from datadog_checks.amazon_ses.addresses import address_tags, addresses_in, masked

K = TypeVar('K', bound=Hashable)

LIMIT = 200
"""Characters of a tag; Datadog cuts longer ones."""

NAME_LIMIT = 100
"""Characters of a tag's name, so that a value fits beside it. CloudWatch allows 255 for the name of a dimension."""

HASH_DIGITS, SHA256_DIGITS = 8, 64
"""Hexadecimal digits of a hash in a tag, and of a whole SHA-256."""

TENANT_NAME = 'TenantName'
TENANT_DIGITS = 16

RENAMED = {
    'IngressPointId': 'ingress_point_id',
    'PoolName': 'pool_name',
    'RuleName': 'rule',
    'RuleSetName': 'rule_set',
    'TenantId': 'tenant_id',
    TENANT_NAME: 'tenant',
}
"""Names of the tags of dimensions whose tag is not named like the dimension."""

RESERVED = frozenset(
    {
        # Generic: the Agent forbids them or Datadog gives them a meaning.
        'cluster',
        'cluster_id',
        'cluster_name',
        'clusterid',
        'clustername',
        'device',
        'env',
        'host',
        'host_name',
        'hostname',
        'service',
        'source',
        'version',
        # Ours.
        'aws_account',
        'identity_hash',
        'identity_type',
        'metric',
        'metric_name',
        'namespace',
        'operation',
        'reason',
        'region',
        'rule',
        'rule_set',
        'window',
    }
)
"""Names that a dimension cannot have."""

UNPRINTABLE = ('Cc', 'Cs', 'Zl', 'Zp')
"""Unicode categories: control characters, surrogates, separators of lines and paragraphs."""

REPLACED = re.compile(r'(?:[^\w:./-]|_)+')
"""Characters that Datadog stores as one _."""

REPLACED_IN_NAMES = re.compile(r'[^a-z0-9]+')


def tag_name(dimension: str) -> str:
    """The name of the tag for a dimension: lower case letters a-z, digits and _, at most 100 characters.

    `ses:` in front is dropped. A name with an e-mail address becomes a hash. A name that is reserved or does not start
    with a letter gets `dimension_` in front. Different dimensions may share a name (`From-Domain`, `from_domain`): see
    `distinct`.
    """
    if dimension in RENAMED:
        return RENAMED[dimension]
    name = REPLACED_IN_NAMES.sub('_', masked(dimension).strip().lower().removeprefix('ses:')).strip('_')
    if not name:
        return 'dimension'
    if name in RESERVED or not name[0].isalpha():
        name = f'dimension_{name}'
    return name[:NAME_LIMIT].rstrip('_')


def tag_value(value: str) -> str:
    """The value of a tag: unchanged, but with _ for control characters, separators of lines and surrogates."""
    if value.isprintable():
        return value
    return ''.join('_' if category(character) in UNPRINTABLE else character for character in value)


def as_stored(tag: str) -> str:
    """A tag as Datadog stores it; tags that are stored alike are one tag.

    Lower case. Letters of any alphabet, digits and - : . / stay; runs of anything else become one _. Cut at 200
    characters. No _ or : at the end.
    """
    lower = tag.lower() if tag.isascii() else ''.join(map(_stored_character, tag))
    return REPLACED.sub('_', lower)[:LIMIT].rstrip('_:')


def for_dimensions(dimensions: Sequence[tuple[str, str]], show_addresses: bool = False) -> tuple[str, ...]:
    """The tags of one series: one for each dimension (name, value), in their order, each once.

    A value that is or holds e-mail addresses is replaced by the tags that stand for them, unless `show_addresses`.
    Nothing else of such a value is shown, because the text beside an address is a person's name.
    """
    tags: list[str] = []
    for name, value in dimensions:
        text = tag_value(value)
        hidden = [] if show_addresses else addresses_in(text)
        tags += [tag for address in hidden for tag in address_tags(address)] or [f'{tag_name(name)}:{text}']
    return tuple(dict.fromkeys(tags))


def hash_of_tenant(name: str) -> str:
    """Digits of a hash in the place of the name of a tenant, which is the name of a customer."""
    return sha256(name.encode()).hexdigest()[:TENANT_DIGITS]


def with_hashed_tenants(dimensions: Sequence[tuple[str, str]]) -> tuple[tuple[str, str], ...]:
    """The dimensions with a hash in the place of the name of a tenant."""
    return tuple((name, hash_of_tenant(value) if name == TENANT_NAME else value) for name, value in dimensions)


def distinct(tags_of: Mapping[K, tuple[str, ...]]) -> dict[K, tuple[str, ...]]:
    """The tags of each series by its key, changed where Datadog would take two series for one.

    Series collide when Datadog stores their tags as the same set. Each of them, the first one too, then gets _ and a
    hash of its key at the end of one tag: the first that not all of them share, or the last. That tag has at most 200
    characters. All others are unchanged.

    The result does not depend on the order of the mapping. A series keeps its tags as long as the same set collides;
    they change when the first other series collides with it and when the last one goes. The hash is that of repr(key),
    so that must differ between keys and be the same in every process: use texts and tuples of texts. A series without
    tags has nothing to change.
    """
    changed = dict(tags_of)
    # A hash may collide with a name that somebody chose, or with another hash: then both get a longer one.
    for digits in range(HASH_DIGITS, SHA256_DIGITS + 1, HASH_DIGITS):
        groups: dict[frozenset[str], list[K]] = {}
        for key, tags in changed.items():
            groups.setdefault(frozenset(map(as_stored, tags)), []).append(key)
        collisions = [keys for keys in groups.values() if len(keys) > 1]
        for keys in collisions:
            shared = frozenset.intersection(*(frozenset(tags_of[key]) for key in keys))
            for key in keys:
                tags = tags_of[key]
                index = next((index for index, tag in enumerate(tags) if tag not in shared), len(tags) - 1)
                changed[key] = _marked(tags, index, '_' + sha256(repr(key).encode()).hexdigest()[:digits])
        if not collisions:
            break
    return changed


def _marked(tags: tuple[str, ...], marked: int, mark: str) -> tuple[str, ...]:
    return tuple(tag[: LIMIT - len(mark)] + mark if index == marked else tag for index, tag in enumerate(tags))


def _stored_character(character: str) -> str:
    # Datadog converts character by character; lower() of a whole text looks at neighbours (sigma) and may add some.
    if character.isascii() or character.isalpha() or character.isdecimal():
        return character.lower()[0]
    return '_'
