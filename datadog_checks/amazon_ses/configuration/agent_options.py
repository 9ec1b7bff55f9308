"""What this check leaves to the Agent: the options that the Agent reads, and names that nobody reads.

The Agent's base class refuses wrong values without naming them, or fails on them. So they are refused here before it
sees them.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from difflib import get_close_matches
from itertools import islice
from typing import Any

from datadog_checks.amazon_ses.configuration.options import MOST_MEMBERS, Options, SettingsError, refused, suggestion
from datadog_checks.amazon_ses.configuration.quotes import quoted, without_secrets

AGENT_OPTIONS = frozenset(
    {
        'ad_identifiers',
        'check_sampling',
        'cluster_check',
        'debug_metrics',
        'disable_generic_tags',
        'empty_default_hostname',
        'enable_legacy_tags_normalization',
        'exclude_metrics_filters',
        'ignore_missing_mp',
        'loader',
        'max_returned_metrics',
        'metric_patterns',
        'min_collection_interval',
        'name',
        'namespace',
        'no_index',
        'process_isolation',
        'provider',
        'service',
        'tags',
        'use_agent_proxy',
    }
)
"""Options that the Agent itself reads or adds to an instance."""

AGENT_INIT_OPTIONS = frozenset(
    {
        'debug_metrics',
        'is_jmx',
        'loader',
        'min_collection_interval',
        'name',
        'process_isolation',
        'profile_memory',
        'service',
        'set_breakpoint',
        'tags',
    }
)
"""Options of init_config that the Agent itself reads."""

FLAGS = ('disable_generic_tags', 'empty_default_hostname', 'enable_legacy_tags_normalization')
FLAG_WORDS = ('0', '1', 'f', 'false', 'n', 'no', 'off', 'on', 't', 'true', 'y', 'yes')
"""Words that the Agent takes for true or false."""

PATTERN_LISTS = ('include', 'exclude')
PATTERNS = 'a map with `include` and `exclude`, each a list of regular expressions'

LONGEST_NAME = 100
"""Characters of the name of an option."""

LONGEST_PATTERNS = 10_000
"""Characters of all regular expressions of a list."""

MOST_VALUES, DEEPEST = 100_000, 20
"""Values that an option may hold, at any depth, and levels of nesting."""

MOST_WARNINGS = 10

UNKNOWN = 'Option `{}` is not known and has no effect'


def check_agent_options(instance: Mapping[str, Any], init_config: Mapping[str, Any]) -> None:
    """Raise SettingsError for the first option of the Agent that it cannot use, or that is too large for any use."""
    for section in (instance, init_config):
        _check_size(section)
        options = Options(section)
        options.text('service', 'a text')
        if not isinstance(section.get('debug_metrics', {}), Mapping):
            raise options.refused('debug_metrics', section['debug_metrics'], 'a map')
    options = Options(instance)
    for name in FLAGS:
        _check_flag(options, name)
    if 'max_returned_metrics' in options:
        options.whole_number('max_returned_metrics', 0, 10**9, unit='metrics')
    if 'metric_patterns' in instance:
        _check_patterns(instance['metric_patterns'])


def unknown_options(
    instance: Mapping[str, Any], init_config: Mapping[str, Any], names: Iterable[str], init_names: Iterable[str]
) -> list[str]:
    """A warning for each option that neither this check nor the Agent reads.

    `names` are the options of this check in an instance, `init_names` those in init_config.
    """
    sentences = _unknown(instance, init_config, {*names, *AGENT_OPTIONS}, {*init_names, *AGENT_INIT_OPTIONS})
    warnings = list(islice(sentences, MOST_WARNINGS + 1))
    if len(warnings) > MOST_WARNINGS:
        warnings[MOST_WARNINGS] = 'More options than these are not known and have no effect'
    return warnings


def _unknown(
    instance: Mapping[str, Any], init_config: Mapping[str, Any], names: Collection[str], init_names: Collection[str]
) -> Iterable[str]:
    ordered = sorted(names)
    for option in _unread(instance, names):
        yield UNKNOWN.format(without_secrets(option)) + suggestion(get_close_matches(option, ordered, 1, 0.6))
    for option in _unread(init_config, init_names):
        place = ': it belongs in an entry of `instances`' if option in names else ''
        yield UNKNOWN.format(f'init_config.{without_secrets(option)}') + place
    patterns = instance.get('metric_patterns')
    for option in _unread(patterns if isinstance(patterns, Mapping) else {}, PATTERN_LISTS):
        place = ': it belongs beside `metric_patterns`' if option in names else ''
        yield UNKNOWN.format(f'metric_patterns.{without_secrets(option)}') + place
    entries = instance.get('dimensions')
    for entry in entries if isinstance(entries, (list, tuple)) else ():
        # One word, such as `service`, may be the name of a dimension.
        for option in (name for name in entry if name in names and '_' in name):
            yield f'Option `dimensions.{option}` is taken for a dimension: it belongs beside `dimensions`'


def _unread(options: Mapping[str, Any], names: Collection[str]) -> list[str]:
    # A key may be anything that YAML has, such as a number of thousands of digits.
    written = (option if isinstance(option, str) else quoted(option) for option in options if option not in names)
    return [option for option in written if not option.startswith('_')]


def _check_size(section: Mapping[str, Any]) -> None:
    if len(section) > MOST_MEMBERS:
        raise SettingsError(f'{len(section)} options cannot be used. Accepted: at most {MOST_MEMBERS}.')
    for name, value in section.items():
        if not isinstance(name, str) or not 0 < len(name) <= LONGEST_NAME or not name.isprintable():
            accepted = f'a printable text of at most {LONGEST_NAME} characters'
            raise SettingsError(f'The option name {quoted(name)} cannot be used. Accepted: {accepted}.')
        if not _is_small(value):
            accepted = f'at most {MOST_VALUES} values, in at most {DEEPEST} levels'
            raise refused(without_secrets(name), Options(section).shown(name), accepted)


def _is_small(value: Any) -> bool:
    """Whether a value is within the limits. It is walked level by level, so that no value takes long."""
    number, level = 0, [value]
    for _ in range(DEEPEST):
        number += len(level)
        if number > MOST_VALUES:
            return False
        inner: list[Any] = []
        for container in level:
            if isinstance(container, Mapping):
                inner += container.values()
            elif isinstance(container, (list, tuple, set, frozenset)):
                inner += container
            if number + len(inner) > MOST_VALUES:
                return False
        if not inner:
            return True
        level = inner
    return False


def _check_flag(options: Options, name: str) -> None:
    value = options.raw(name)
    is_flag = value.lower() in FLAG_WORDS if isinstance(value, str) else value in (None, 0, 1)
    if not is_flag:
        raise options.refused(name, value, 'true or false')


def _check_patterns(patterns: object) -> None:
    if not isinstance(patterns, dict):
        raise refused('metric_patterns', quoted(patterns), PATTERNS)
    for name in PATTERN_LISTS:
        expressions = patterns.get(name, [])
        if not isinstance(expressions, list) or len(expressions) > MOST_MEMBERS:
            raise refused('metric_patterns', f'{name}: {quoted(expressions)}', PATTERNS)
        for expression in expressions:
            if not isinstance(expression, str) or len(expression) > LONGEST_PATTERNS or not _compiles(expression):
                raise refused('metric_patterns', f'{name}: {quoted(expression)}', PATTERNS)
        joined = '|'.join(expressions)
        if len(joined) > LONGEST_PATTERNS or not _compiles(joined):
            accepted = f'{PATTERNS}, at most {LONGEST_PATTERNS} characters together'
            raise refused('metric_patterns', f'{name}: {quoted(expressions)}', accepted)


def _compiles(expression: str) -> bool:
    try:
        re.compile(expression)
    except (re.error, RecursionError, OverflowError):
        return False
    return True
