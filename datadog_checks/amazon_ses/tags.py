"""Tags made from names that other people chose: CloudWatch dimensions, message tags, receiving rules.

They must survive what Datadog does to a tag (docs.datadoghq.com/getting_started/tagging, "Define tags"), stay apart
from each other and from our own tags, and hold no e-mail address.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Mapping, Sequence
from hashlib import sha256
from typing import TypeVar
from unicodedata import category

K = TypeVar('K', bound=Hashable)

LIMIT = 200
"""Characters of a whole tag; Datadog cuts the rest."""

NAME_LIMIT = 100
"""Characters of a tag's name, so that a value fits beside it. CloudWatch allows 255 for the name of a dimension."""

HASH, DIGEST = 8, 64
"""Hexadecimal digits of a hash in a tag, and of a whole SHA-256."""

KNOWN = {
    'IngressPointId': 'ingress_point_id',
    'PoolName': 'pool_name',
    'RuleName': 'rule',
    'RuleSetName': 'rule_set',
    'TenantId': 'tenant_id',
    'TenantName': 'tenant',
}
"""Dimensions of AWS whose tags have names of their own."""

TAKEN = frozenset(
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

ODD = re.compile(r'(?:[^\w:./-]|_)+')
NAME_ODD = re.compile(r'[^a-z0-9]+')
ADDRESS = re.compile(
    r'(?:\bidentity/)?'
    r'(?P<local>"[^"]+"|[^\s<>,;:"()\[\]\\@]+)(?:@|%40)(?P<domain>\[[^\]\s]+\]|\w[\w.-]*)'
)
"""An address anywhere in a text. Generous: what only looks like one is hidden as well. The start is that of an ARN."""


def tag_name(dimension: str) -> str:
    """The name of the tag for a dimension: lower case letters a-z, digits and _, at most 100 characters.

    `ses:` in front is dropped. A name that is generic, taken or does not start with a letter gets `dimension_` in
    front. Different dimensions may share a name (`From-Domain`, `from_domain`): see `distinct`.
    """
    if dimension in KNOWN:
        return KNOWN[dimension]
    name = NAME_ODD.sub('_', dimension.strip().lower().removeprefix('ses:')).strip('_')
    if not name:
        return 'dimension'
    if name in TAKEN or not name[0].isalpha():
        name = f'dimension_{name}'
    return name[:NAME_LIMIT].rstrip('_')


def tag_value(value: str) -> str:
    """The value of a tag: as it is, with _ for control characters and what is no text at all."""
    if value.isascii() and value.isprintable():
        return value
    return ''.join('_' if category(one) in ('Cc', 'Cs', 'Zl', 'Zp') else one for one in value)


def normal(tag: str) -> str:
    """A tag as Datadog stores it; tags with the same normal form are one tag.

    Lower case. Letters of any alphabet, digits and - : . / stay; runs of anything else become one _. Cut at 200
    characters. No _ or : at the end.
    """
    lower = tag.lower() if tag.isascii() else ''.join(map(_stored, tag))
    return ODD.sub('_', lower)[:LIMIT].rstrip('_:')


def named(dimensions: Sequence[tuple[str, str]], show_addresses: bool = False) -> tuple[str, ...]:
    """The tags of one series: one for each dimension (name, value), in their order, each once.

    A value that is or holds an e-mail address is replaced by what `of_address` says of each address in it, unless
    `show_addresses`. Nothing else of such a value is kept, because what stands beside an address is a person's name.
    """
    tags: list[str] = []
    for name, value in dimensions:
        text = tag_value(value)
        hidden = [] if show_addresses else [f'{one["local"]}@{one["domain"]}' for one in ADDRESS.finditer(text)]
        tags += [tag for address in hidden for tag in of_address(address)] or [f'{tag_name(name)}:{text}']
    return tuple(dict.fromkeys(tags))


def without_addresses(value: str) -> str:
    """The value, or where it holds an e-mail address a hash of it: still one text for one value."""
    return _hash(value, 16) if ADDRESS.search(value) else value


def of_address(address: str) -> tuple[str, ...]:
    """The tags that stand for an e-mail address: its domain, that it is an address, and 8 digits of its SHA-256.

    The address counts in lower case, so all its spellings have the same tags.
    """
    address = address.strip().rstrip('.').lower()
    domain = address.rpartition('@')[2]
    return (f'identity:{domain}', 'identity_type:email_address', f'identity_hash:{_hash(address)}')


def distinct(tuples: Mapping[K, tuple[str, ...]]) -> dict[K, tuple[str, ...]]:
    """The tags of each series, changed where Datadog would take two series for one.

    Series collide when their tags are the same set in normal form. Each of them, the first one too, then gets _ and a
    hash of its key at the end of one tag: the first that not all of them share, or the last. That tag has at most 200
    characters. All others are unchanged.

    The result does not depend on the order of the mapping. A series keeps its tags as long as the same set collides;
    they change when the first other series collides with it and when the last one goes. The hash is made of repr(key),
    so that must differ between keys and be the same in every process: use texts and tuples of texts. A series without
    tags has nothing to change.
    """
    result = dict(tuples)
    # A hash may collide with what somebody wrote, or with another hash: then both get a longer one.
    for digits in range(HASH, DIGEST + 1, HASH):
        groups: dict[frozenset[str], list[K]] = {}
        for key, tags in result.items():
            groups.setdefault(frozenset(map(normal, tags)), []).append(key)
        collisions = [keys for keys in groups.values() if len(keys) > 1]
        for keys in collisions:
            shared = frozenset.intersection(*(frozenset(tuples[key]) for key in keys))
            for key in keys:
                tags = tuples[key]
                place = next((i for i, tag in enumerate(tags) if tag not in shared), len(tags) - 1)
                result[key] = _marked(tags, place, '_' + _hash(repr(key), digits))
        if not collisions:
            break
    return result


def _marked(tags: tuple[str, ...], place: int, mark: str) -> tuple[str, ...]:
    return tuple(tag[: LIMIT - len(mark)] + mark if i == place else tag for i, tag in enumerate(tags))


def _stored(one: str) -> str:
    # One by one, as Datadog does: lower() of a whole text looks at neighbours (sigma) and may add characters.
    if one.isascii() or one.isalpha() or one.isdecimal():
        return one.lower()[0]
    return '_'


def _hash(text: str, digits: int = HASH) -> str:
    return sha256(text.encode()).hexdigest()[:digits]
