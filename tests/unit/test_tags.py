"""Tags made from names that other people chose."""

from __future__ import annotations

import random
import re
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datadog_checks.amazon_ses.addresses import MOST_ADDRESSES, addresses_in
from datadog_checks.amazon_ses.tags import as_stored, distinct, for_dimensions, tag_name, tag_value
from datadog_checks.base.utils.tagging import GENERIC_TAGS

HASHED = re.compile(r'_[0-9a-f]{8}$')


@pytest.mark.parametrize(
    ('dimension', 'name'),
    [
        ('ses:configuration-set', 'configuration_set'),
        ('ses:from-domain', 'from_domain'),
        ('ses:source-ip', 'source_ip'),
        ('ses:operation', 'dimension_operation'),
        ('campaign', 'campaign'),
        ('Campaign Name', 'campaign_name'),
        ('RuleName', 'rule'),
        ('RuleSetName', 'rule_set'),
        ('TenantName', 'tenant'),
        ('rule', 'dimension_rule'),
        ('Rule-Set', 'dimension_rule_set'),
        ('Host', 'dimension_host'),
        ('host-name', 'dimension_host_name'),
        ('aws_account', 'dimension_aws_account'),
        ('region', 'dimension_region'),
        ('source', 'dimension_source'),
        ('metric', 'dimension_metric'),
        ('2fa', 'dimension_2fa'),
        ('_private_', 'private'),
        ('a--b__c', 'a_b_c'),
        ('a' * 99 + '-b', 'a' * 99),
        ('ses:', 'dimension'),
        ('', 'dimension'),
        ('-', 'dimension'),
    ],
)
def test_dimension_keeps_its_name(dimension: str, name: str) -> None:
    """A dimension keeps its name in Datadog, unless that name means something else there."""
    assert tag_name(dimension) == name


@pytest.mark.parametrize('name', sorted(GENERIC_TAGS))
def test_generic_tags_are_never_dimensions(name: str) -> None:
    """No dimension can become a tag that the Agent forbids or rewrites."""
    for dimension in (name, name.upper(), f'ses:{name}', name.replace('_', '-')):
        assert tag_name(dimension) not in GENERIC_TAGS


@given(st.one_of(st.text(), st.text('ab_- :', min_size=190)))
def test_datadog_keeps_tag_names(dimension: str) -> None:
    """Datadog changes no tag name, whatever the dimension is called, and splits the value off behind it."""
    name = tag_name(dimension)
    assert as_stored(f'{name}:x') == f'{name}:x'
    assert re.fullmatch('[a-z][a-z0-9_]{0,99}', name)


@pytest.mark.parametrize(
    ('value', 'expected'),
    [
        ('News Letter/2024: Ärger & 日本', 'News Letter/2024: Ärger & 日本'),
        ('a\nb\x00c\x7fd\u2028e\ud800', 'a_b_c_d_e_'),
    ],
)
def test_value_is_shown_as_it_was_written(value: str, expected: str) -> None:
    """A value is shown as it was written, without characters that would break a line or an encoding."""
    assert tag_value(value) == expected


@pytest.mark.parametrize(
    ('tag', 'expected'),
    [
        ('campaign:News', 'campaign:news'),
        ('a b  c', 'a_b_c'),
        ('a_&_b', 'a_b'),
        ('k:v-1.2/3:4', 'k:v-1.2/3:4'),
        ('rule_set:[Active]', 'rule_set:_active'),
        ('k:Ärger日本٣', 'k:ärger日本٣'),
        ('k:ΑΣ', 'k:ας'.replace('ς', 'σ')),
        ('k:İx', 'k:ix'),
        ('k:½²🙂x', 'k:_x'),
        ('k:v__:_', 'k:v'),
        ('k:', 'k'),
        ('k:' + 'x' * 300, 'k:' + 'x' * 198),
        ('k:' + 'x' * 197 + '_y', 'k:' + 'x' * 197),
    ],
)
def test_tags_that_datadog_stores_alike(tag: str, expected: str) -> None:
    """A tag is predicted as Datadog stores it."""
    assert as_stored(tag) == expected


@given(st.text())
def test_stored_tag_is_stored_unchanged(tag: str) -> None:
    """A stored tag would be stored again unchanged, in at most 200 characters."""
    stored = as_stored(tag)
    assert as_stored(stored) == stored
    assert len(stored) <= 200
    assert as_stored(tag.swapcase()) == stored or not tag.isascii()


def digits(address: str) -> str:
    return sha256(address.encode()).hexdigest()[:8]


def hidden(address: str, domain: str = 'example.com') -> tuple[str, ...]:
    return (f'identity:{domain}', 'identity_type:email_address', f'identity_hash:{digits(address)}')


@pytest.mark.parametrize(
    ('value', 'expected'),
    [
        ('bob@example.com', hidden('bob@example.com')),
        ('Bob@Example.COM', hidden('bob@example.com')),
        ('Bob <bob@example.com>', hidden('bob@example.com')),
        ('"Bob, Jr." <bob@example.com>', hidden('bob@example.com')),
        ('mailto:bob@example.com.', hidden('bob@example.com')),
        ('bob%40example.com', hidden('bob@example.com')),
        ("'bob'@example.com'", hidden("'bob'@example.com")),
        ('"bob smith"@example.com', hidden('"bob smith"@example.com')),
        ('arn:aws:ses:us-east-1:123456789012:identity/bob@example.com', hidden('bob@example.com')),
        ('bob@[192.0.2.1]', hidden('bob@[192.0.2.1]', '[192.0.2.1]')),
        ('jürgen@bücher.example', hidden('jürgen@bücher.example', 'bücher.example')),
        ('bob@localhost', hidden('bob@localhost', 'localhost')),
        (
            'a@example.com, b@example.com',
            (*hidden('a@example.com'), f'identity_hash:{digits("b@example.com")}'),
        ),
        ('example.com', ('from:example.com',)),
        ('@news', ('from:@news',)),
        ('2 @ 3', ('from:2 @ 3',)),
    ],
)
def test_address_becomes_domain_and_hash(value: str, expected: tuple[str, ...]) -> None:
    """An e-mail address in a dimension shows its domain and a hash, and nothing else of the value."""
    assert for_dimensions([('from', value)]) == expected
    assert for_dimensions([('from', value)], show_addresses=True) == (f'from:{value}',)


@given(address=st.emails(), around=st.sampled_from(['{}', 'Jane Doe <{}>', ' {} ', '({})', 'a: {}; b']))
def test_no_address_is_in_a_tag(address: str, around: str) -> None:
    """No e-mail address and no name beside it is ever in a tag, and every spelling of an address has one hash."""
    tags = for_dimensions([('campaign', 'x'), ('to', around.format(address))])
    local = address.rpartition('@')[0]
    assert tags == ('campaign:x', *hidden(address.lower(), address.lower().rpartition('@')[2]))
    assert not any(f'{local}@' in tag or 'Jane' in tag for tag in tags)


def test_each_dimension_is_one_tag() -> None:
    """Each dimension is a tag, in the order of the series, and no tag repeats."""
    dimensions = [('ses:configuration-set', 'News'), ('Campaign', 'a'), ('campaign', 'a'), ('env', 'prod')]
    assert for_dimensions(dimensions) == ('configuration_set:News', 'campaign:a', 'dimension_env:prod')
    assert for_dimensions([]) == ()


def mark(key: object) -> str:
    return '_' + digits(repr(key))


def test_colliding_series_get_a_hash() -> None:
    """Series that Datadog would store alike get a hash on the tag that differs; all others keep their tags."""
    tags_of = {
        'News': ('set:a', 'campaign:News', 'zone:a'),
        'news': ('set:a', 'campaign:news', 'zone:a'),
        'other set': ('set:b', 'campaign:News'),
        'space': ('x:a b',),
        'score': ('x:a_b',),
        'long 1': ('x:' + 'y' * 300 + '1',),
        'long 2': ('x:' + 'y' * 300 + '2',),
        'none': (),
    }
    assert distinct(tags_of) == {
        'News': ('set:a', 'campaign:News' + mark('News'), 'zone:a'),
        'news': ('set:a', 'campaign:news' + mark('news'), 'zone:a'),
        'other set': ('set:b', 'campaign:News'),
        'space': ('x:a b' + mark('space'),),
        'score': ('x:a_b' + mark('score'),),
        'long 1': ('x:' + 'y' * 189 + mark('long 1'),),
        'long 2': ('x:' + 'y' * 189 + mark('long 2'),),
        'none': (),
    }


def test_series_with_the_same_tags_stay_distinct() -> None:
    """Series whose tags are literally the same are kept apart as well: two spellings of an address, swapped values."""
    keys: list[tuple[tuple[str, str], ...]] = [(('from', 'bob@example.com'),), (('from', 'Bob <bob@example.com>'),)]
    keys += [(('a', 'x'), ('A', 'y')), (('a', 'y'), ('A', 'x'))]
    tags_of = distinct({key: for_dimensions(key) for key in keys})
    assert len(set(map(stored, tags_of.values()))) == 4
    assert tags_of[keys[0]][:2] == ('identity:example.com', 'identity_type:email_address')


def test_forged_hash_hides_no_series() -> None:
    """Nobody can hide a series by giving it the name that a hash gives to another."""
    forged = 'c:News' + mark('News')
    tags_of = distinct({'News': ('c:News',), 'news': ('c:news',), 'forged': (forged,)})
    assert len({as_stored(tags[0]) for tags in tags_of.values()}) == 3
    assert tags_of['news'] == ('c:news' + mark('news'),)


LONG = st.text('aA_', max_size=3).map(lambda end: 'x' * 198 + end)
VALUE = st.one_of(st.text('aA_ bB-', max_size=4), LONG, st.text(max_size=5))
KEY = st.tuples(st.tuples(st.sampled_from('kK'), VALUE), st.tuples(st.just('l'), VALUE))
KEYS = st.lists(KEY, unique=True, max_size=12)


def stored(tags: tuple[str, ...]) -> frozenset[str]:
    return frozenset(map(as_stored, tags))


@given(keys=KEYS, shuffle=st.randoms(use_true_random=False))
def test_every_series_stays_distinct(keys: list[tuple[tuple[str, str], ...]], shuffle: random.Random) -> None:
    """Each series stays a series of its own in Datadog, whatever its names are and in whatever order it is listed."""
    before = {key: for_dimensions(key) for key in keys}
    after = distinct(before)
    assert len(set(map(stored, after.values()))) == len(keys)
    for key, tags in before.items():
        if sum(stored(tags) == stored(rival) for rival in before.values()) == 1:
            assert after[key] == tags
        else:
            [changed] = [tag for tag in after[key] if tag not in tags]
            assert HASHED.search(changed) and len(changed) <= 200
    shuffle.shuffle(keys)
    assert distinct({key: before[key] for key in keys}) == after


def test_names_full_of_addresses_cost_little() -> None:
    """However many addresses a name holds, a few of them become tags: a name costs in proportion to its length."""
    many = ' '.join(f'u{number}@d{number}.example' for number in range(60))[:1024]
    assert len(addresses_in(many)) == MOST_ADDRESSES
    shown_tags = for_dimensions([('X', many)])
    assert len(shown_tags) <= 3 * MOST_ADDRESSES and not any('@' in tag for tag in shown_tags)


def test_name_of_a_dimension_with_an_address() -> None:
    """The name of a dimension that holds an address becomes a hash, the same each time."""
    name = tag_name('for jane.doe@mail.example')
    assert name == tag_name('for jane.doe@mail.example') != tag_name('for joe@mail.example')
    assert 'jane' not in name and 'mail' not in name and name[0].isalpha()
