"""Configurations from the specification: valid, wrong and hostile values at every option and every level of nesting.

`assets/configuration/spec.yaml` is the only source of options, so a new option is generated too. What is generated is a
file as an operator writes it, with its mistakes: wrong indentation, duplicate keys, options of the other section.
"""

from __future__ import annotations

import copy
import math
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from hypothesis import strategies as st

ROOT = Path(__file__).resolve().parents[1]

PLANTED = ('planted-secret-of-nobody', 'planted-password', 'ann.planted@example.com')
"""Secrets and an address, which no message may show."""

SECRET, PASSWORD, ADDRESS = PLANTED

FORMS: dict[str, tuple[Any, ...]] = {
    'region': ('us-east-1', 'eu-west-1'),
    'account_id': ('123456789012', 123456789012),
    'aws_access_key_id': ('AKIAPLANTEDKEY000001',),
    'aws_secret_access_key': (SECRET,),
    'aws_session_token': (SECRET,),
    'aws_profile': ('mail',),
    'role_arn': ('arn:aws:iam::123456789012:role/ses', ['arn:aws:iam::123456789012:role/ses'] * 2),
    'external_id': (SECRET,),
    'endpoint_url': (
        'https://vpce-0123.amazonaws.com',
        {'ses': 'http://127.0.0.1:1', 'sts': 'https://sts.invalid:8443'},
    ),
    'proxy': ({'http': f'http://me:{PASSWORD}@proxy.invalid:3128', 'no_proxy': ['a.invalid', 'b.invalid']},),
    'tls_ca_cert': (__file__,),
    'ledger': ('second',),
    'service': ('mail',),
    'tags': (['team:mail', 'region:here'],),
    'include': ([{'metric': 'Send*'}, {'dimension': 'ses:configuration-set', 'value': 'prod-*'}],),
    'exclude': ([{'value': 'test-*'}],),
    'dimensions': ([{'ses:configuration-set': ['news', 'alerts'], 'metrics': ['Send']}, {'campaign': ADDRESS}],),
    'metric_patterns': ({'include': ['amazon_ses.send'], 'exclude': ['.*open.*']},),
    'statistics': (['sum', 'maximum'],),
    'thresholds': ([{'metric': 'reputation.bounce_rate', 'warning': '5', 'critical': '~:10', 'tags': ['a:b']}],),
}
"""Valid values of the options whose example in the specification is only a placeholder, or one of several forms."""


def nested(levels: int) -> Any:
    value: Any = 'deep'
    for _ in range(levels):
        value = [value]
    return value


def alias_bomb_value() -> Any:
    """A value of 50 objects that would be written as ten thousand million."""
    value: Any = ['bomb'] * 10
    for _ in range(9):
        value = [value] * 10
    return value


def _loop() -> Any:
    value: list[Any] = []
    value.append(value)
    return value


WRONG: tuple[Any, ...] = (None, True, False, 0, 1, -1, 1.5, '', ' ', 'x', [], {}, [None], {'a': None}, [[]], [{}], [1])
HOSTILE: tuple[Any, ...] = (
    'x' * 100_000,
    '*' * 20_000,
    '*a' * 500,
    '[' * 1000,
    '9' * 20_000,
    '9' * 20_000 + 'x',
    'http://' + 'a' * 20_000 + ' ',
    'http://' * 5000,
    f'http://me:{PASSWORD}@host:99999',
    f'ftp://me:{PASSWORD}@host',
    f'me:{PASSWORD}@host:80',
    f'https://{"u" * 3000}:{PASSWORD}@host.invalid/ x',
    f'{"y" * 90}{ADDRESS}',
    ADDRESS,
    [ADDRESS] * 3,
    '\x1b[31m red \x07',
    '\u202egnp.exe\u2066',
    '\x00',
    'a\nb',
    '\ud800',
    'é' * 3000,
    10**400,
    -(10**400),
    10**5000,
    2**63,
    1e308,
    math.inf,
    -math.inf,
    math.nan,
    -0.0,
    date(2026, 11, 27),
    b'bytes',
    {1, 2},
    {'secret': SECRET},
    [{'password': SECRET}],
    {'aws_secret_access_key': SECRET},
    {None: 1, True: 2, 3: 4},
    {10**5000: 10**5000},
    ['Send', ['Send']],
    ['x'] * 20_000,
    [{'a': 'b'}] * 5000,
    {str(number): number for number in range(5000)},
    nested(30),
    nested(150),
    alias_bomb_value(),
    _loop(),
    '(a+',
    '(' * 500,
    'a{99999999999}',
    '10:20',
    '@~:',
    '1e400',
    '1e5',
    '0x10',
    '1_000',
    '٣',
    'yes',
)
"""Values that mean harm, or that a template or an editor may leave behind."""


class Option(NamedTuple):
    """An option of the specification, and its valid values."""

    name: str
    valid: tuple[Any, ...]


def _options(template: str) -> list[Option]:
    specification = yaml.safe_load((ROOT / 'assets/configuration/spec.yaml').read_text(encoding='utf-8'))
    sections = {section['template']: section for section in specification['files'][0]['options']}
    named = [option for option in sections[template]['options'] if 'name' in option]
    options = [Option(option['name'], _valid(option['name'], option['value'])) for option in named]
    known = {option.name for option in options}
    # Options of Datadog's templates, which the specification only refers to.
    common = ('service',) if template == 'init_config' else ('service', 'tags', 'metric_patterns')
    flags = ('disable_generic_tags', 'empty_default_hostname', 'enable_legacy_tags_normalization')
    options += [Option(name, FORMS[name]) for name in common if name not in known]
    if template == 'instances':
        options += [Option(name, (True, False, 'true', 'yes')) for name in flags]
        options += [Option('min_collection_interval', (60, 15.5)), Option('max_returned_metrics', (0, 100_000, '500'))]
        options += [Option('name', ('mail',)), Option('debug_metrics', ({'metric_contexts': True},))]
    return options


def _valid(name: str, value: dict[str, Any]) -> tuple[Any, ...]:
    if name in FORMS:
        return FORMS[name]
    forms = [value.get('example'), *value.get('enum', ())]
    if value.get('type') == 'boolean':
        forms += [True, False, 'true']
    if value.get('type') in ('integer', 'number'):
        forms += [str(value['example']), float(value['example'])]
    return tuple(form for form in forms if form is not None)


INSTANCE_OPTIONS = _options('instances')
INIT_OPTIONS = _options('init_config')
NAMES = [option.name for option in (*INSTANCE_OPTIONS, *INIT_OPTIONS)]
BASE = {'region': 'us-east-1', 'aws_access_key_id': 'AKIAPLANTEDKEY000001', 'aws_secret_access_key': SECRET}

odd_values = st.sampled_from(WRONG) | st.sampled_from(HOSTILE)
odd_keys = st.sampled_from(
    [*NAMES, 'x', '', 'y' * 5000, 5, None, True, ADDRESS, '\x1b[0m', 'metrics', 'metric', 'value']
)


@st.composite
def values(draw: st.DrawFn, option: Option) -> Any:
    """A value of an option: valid, or odd as a whole, or with an odd value at any level."""
    kind = draw(st.sampled_from(('valid', 'odd', 'nested', 'key')))
    if kind == 'odd' or not option.valid:
        return draw(odd_values)
    value = copy.deepcopy(draw(st.sampled_from(option.valid)))
    if kind == 'valid' or not isinstance(value, (list, dict)):
        return value
    return _mutated(draw, value, kind)


def _mutated(draw: st.DrawFn, value: Any, kind: str) -> Any:
    """A list or map with one odd member: replaced, added, or with an option that was indented too far."""
    places = list(value) if isinstance(value, dict) else list(range(len(value)))
    place = draw(st.sampled_from(places)) if places else None
    if place is not None and isinstance(value[place], (list, dict)) and draw(st.booleans()):
        value[place] = _mutated(draw, value[place], kind)
    elif kind == 'key' and isinstance(value, dict):
        value[draw(odd_keys)] = draw(odd_values)
    elif place is not None:
        value[place] = draw(odd_values)
    return value


@st.composite
def sections(draw: st.DrawFn) -> tuple[dict[Any, Any], dict[Any, Any]]:
    """An instance and an init_config as YAML gives them to the check."""
    instance: dict[Any, Any] = dict(BASE)
    for option in draw(st.lists(st.sampled_from(INSTANCE_OPTIONS), max_size=4)):
        instance[option.name] = draw(values(option))
    init_config: dict[Any, Any] = {}
    for option in draw(st.lists(st.sampled_from(INIT_OPTIONS), max_size=2)):
        init_config[option.name] = draw(values(option))
    mistake = draw(st.sampled_from(('', '', '', 'missing', 'misplaced', 'odd key', 'odd init key')))
    if mistake == 'missing':
        instance.pop(draw(st.sampled_from(list(instance))))
    elif mistake == 'misplaced':
        option = draw(st.sampled_from(INSTANCE_OPTIONS))
        init_config[option.name] = draw(st.sampled_from(option.valid)) if option.valid else 1
    elif mistake:
        section = instance if mistake == 'odd key' else init_config
        section[draw(odd_keys)] = draw(odd_values)
    return instance, init_config


@st.composite
def files(draw: st.DrawFn) -> str:
    """The text of a conf.yaml with mistakes of an editor: lines indented wrongly, repeated, joined, anchors, tabs."""
    instance: dict[Any, Any] = dict(BASE)
    for option in draw(st.lists(st.sampled_from(INSTANCE_OPTIONS), max_size=4)):
        if option.valid:
            instance[option.name] = draw(st.sampled_from(option.valid))
    text = yaml.safe_dump({'init_config': {}, 'instances': [instance]}, sort_keys=False)
    lines = text.splitlines()
    for _ in range(draw(st.integers(1, 3))):
        number = draw(st.integers(0, len(lines) - 1))
        line = lines[number]
        lines[number : number + 1] = draw(
            st.sampled_from(
                (
                    [f'  {line}'],
                    [line.removeprefix('  ')],
                    [f'\t{line}'],
                    [line, line],
                    [line, '    secret_key: ' + SECRET],
                    [f'{line} {SECRET}'],
                    [line.replace(':', '', 1)],
                    [line.replace(': ', ': &a ', 1), line.replace(': ', '_: *a ', 1)],
                    [line, 'region: us-east-1'],
                    [f'{line}"'],
                    [f'{line}\x07'],
                    [line, '<<: *a'],
                    [line, '  <<: [{a: 1}, {b: 2}]'],
                    [line, '  big: ' + '9' * 10_000],
                    [line, '  base: ' + '1' + ':1' * 50_000],
                    [line, '  when: 2026-13-45'],
                    [line, '  code: !!python/object/apply:os.system ["true"]'],
                    [line, '  deep: ' + '[' * 2000 + ']' * 2000],
                )
            )
        )
    return '\n'.join(lines) + '\n'


def alias_bomb(levels: int = 9) -> str:
    """A file of a few hundred bytes that stands for 10 to the power of `levels` values."""
    lines = ['init_config:', '  a0: &a0 [x]']
    for level in range(1, levels + 1):
        lines.append(f'  a{level}: &a{level} [{", ".join([f"*a{level - 1}"] * 10)}]')
    return '\n'.join([*lines, 'instances:', '  - region: us-east-1', f'    tags: *a{levels}', ''])
