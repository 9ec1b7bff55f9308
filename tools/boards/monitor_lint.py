"""What no schema can see of monitors: gates, each returning its findings.

A gate takes the JSON as it is shipped, so it judges what a user imports and not what was described.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from datadog_checks.amazon_ses.model import MetricType
from tools.boards import known, limits
from tools.boards.findings import Finding
from tools.boards.monitors import MONITORS, TAG
from tools.boards.syntax import CheckQuery, MonitorQuery, SyntaxProblem, metrics, parse_monitor

Findings = Iterator[Finding]
Template = Mapping[str, Any]

TEMPLATE_KEYS = {'version', 'created_at', 'last_updated_at', 'title', 'description', 'tags', 'definition'}
DEFINITION_KEYS = {'name', 'type', 'query', 'message', 'tags', 'options', 'priority'}
BLOCKS = {'is_alert', 'is_warning', 'is_recovery', 'is_no_data', 'is_renotify'}
WORDS = {'value', 'threshold', 'warn_threshold', 'last_triggered_at'}
TITLE_LIMIT, DESCRIPTION_LIMIT = 52, 300


def lint(template: Template) -> list[Finding]:
    """All gates of a monitor template."""
    gates = (template_keys, monitor_query, monitor_thresholds, monitor_message, monitor_options)
    return [finding for gate in gates for finding in gate(template)]


def template_keys(template: Template) -> Findings:
    """A template has the keys of version 2 and no other, our tag, and texts that fit the tile."""
    where = str(template.get('title'))
    definition = template.get('definition', {})
    if set(template) != TEMPLATE_KEYS or template['version'] != 2 or set(definition) != DEFINITION_KEYS:
        yield Finding('template', where, 'the keys are not those of a monitor template, version 2')
    if template.get('tags') != [TAG] or definition.get('tags') != [TAG]:
        yield Finding('template', where, f'the tags are not exactly {TAG}')
    if not 0 < len(where) <= TITLE_LIMIT or '{' in where:
        yield Finding('template', where, 'the title is too long or has a variable')
    if not 0 < len(template.get('description', '')) <= DESCRIPTION_LIMIT or where in template['description']:
        yield Finding('template', where, 'the description is missing, too long or the title again')
    for day in ('created_at', 'last_updated_at'):
        if not re.fullmatch(r'\d{4}-\d\d-\d\d', str(template.get(day))):
            yield Finding('template', where, f'{day} is no day')
    if definition.get('type') not in ('query alert', 'service check'):
        yield Finding('template', where, f'the type {definition.get("type")} is not one of ours')
    if definition.get('priority') not in (1, 2, 3, 4, 5):
        yield Finding('template', where, f'the priority {definition.get("priority")} is not one of 1 to 5')


def monitor_query(template: Template) -> Findings:
    """The query is readable, its metric or check exists, and it alerts for each account and Region by itself."""
    where, query = str(template.get('title')), _monitor(template)
    if isinstance(query, str):
        yield Finding('query', where, query)
        return
    if (template['definition'].get('type') == 'service check') is not isinstance(query, CheckQuery):
        yield Finding('query', where, 'the type of the monitor is not that of its query')
    if isinstance(query, CheckQuery):
        if query.check not in known.CHECKS:
            yield Finding('metric', where, f'{query.check} is no service check')
        elif not set(query.by) <= set(known.CHECKS[query.check].groups):
            yield Finding('tags', where, f'{query.check} does not have all of {", ".join(query.by)}')
        most = max(template['definition']['options'].get('thresholds', {}).values(), default=0)
        if query.last <= most:
            yield Finding('thresholds', where, f'{query.last} statuses cannot tell {most} of them from more')
        return
    for metric in metrics(query.what):
        yield from known.misused(where, metric)
        kind = known.TYPES.get(metric.name)
        if kind is MetricType.COUNT and not (metric.as_count and metric.space == 'sum' and query.time == 'sum'):
            yield Finding('type', where, f'{metric.name} is a count: sum(...):sum:... .as_count()')
        if kind is MetricType.GAUGE and (metric.as_count or 'sum' in (metric.space, query.time)):
            yield Finding('type', where, f'{metric.name} is a gauge: it is not added up')
        if metric.rolled:
            yield Finding('query', where, 'a rollup in a monitor does not lie on its window')
        if metric.filters:
            yield Finding('query', where, 'a monitor of ours looks everywhere: {*}')
        if not {'aws_account', 'region'} <= set(metric.by):
            yield Finding('tags', where, 'a monitor alerts by account and Region')


def _monitor(template: Template) -> MonitorQuery | CheckQuery | str:
    try:
        return parse_monitor(template['definition'].get('query', ''))
    except SyntaxProblem as error:
        return str(error)


def monitor_thresholds(template: Template) -> Findings:
    """The thresholds are those of the query and of the table; what recovers is on the right side, and not too near."""
    where, query = str(template.get('title')), _monitor(template)
    held = template['definition']['options'].get('thresholds', {})
    declared = next((one for one in MONITORS if one.title == template.get('title')), None)
    if isinstance(query, str):
        return
    if isinstance(query, CheckQuery):
        expected = {'critical': limits.CRITICAL_CHECKS, 'warning': limits.WARNING_CHECKS, 'ok': limits.OK_CHECKS}
        if held != expected:
            yield Finding('thresholds', where, f'the thresholds {held} are not those of the table')
        return
    if held.get('critical') != query.critical:
        yield Finding('thresholds', where, f'critical is {held.get("critical")} and the query says {query.critical:g}')
    if declared is not None:
        for name in ('critical', 'warning', 'critical_recovery', 'warning_recovery'):
            if held.get(name) != getattr(declared.limit, name):
                yield Finding('thresholds', where, f'{name} is {held.get(name)}, which is not that of the table')
    rising = query.comparator in ('>', '>=')
    for name in ('critical', 'warning'):
        recovery = held.get(f'{name}_recovery')
        if recovery is None:
            if name in held:
                yield Finding('thresholds', where, f'{name} has no recovery, so it flaps')
        elif recovery == held.get(name) or (recovery < held.get(name, recovery)) is not rising:
            yield Finding('thresholds', where, f'the recovery of {name} is on its wrong side')
    if 'warning' in held and (held['warning'] < held.get('critical', held['warning'])) is not rising:
        yield Finding('thresholds', where, 'the warning is on the wrong side of critical')


def monitor_message(template: Template) -> Findings:
    """Blocks are closed in order, variables exist, steps are numbered, and nobody's handle is in it."""
    where, definition = str(template.get('title')), template['definition']
    query = _monitor(template)
    if isinstance(query, str):
        return
    by = query.by if isinstance(query, CheckQuery) else {tag for one in metrics(query.what) for tag in one.by}
    for text in (definition.get('name', ''), definition.get('message', '')):
        open_: list[str] = []
        for sign, word in re.findall(r'\{\{\s*([#^/]?)\s*([^{}]*?)\s*\}\}', text):
            if sign in ('#', '^'):
                open_.append(word)
                if word not in BLOCKS:
                    yield Finding('message', where, f'there is no block {word}')
            elif sign == '/':
                if not open_ or open_.pop() != word:
                    yield Finding('message', where, f'the block {word} is closed and not open')
            else:
                yield from _variable(where, word, set(by), isinstance(query, CheckQuery))
        if open_:
            yield Finding('message', where, f'the block {open_[-1]} is not closed')
        if text.count('{{') != text.count('}}') or re.search(r'(?<![{}]){[^{]|[^}]}(?![}])', text):
            yield Finding('message', where, 'a brace is single')
        if re.search(r'(?:^|\s)@\S', text):
            yield Finding('message', where, 'a handle is in it: who is told is the decision of the user')
    steps = re.findall(r'^(\d)\. \S', definition.get('message', ''), re.MULTILINE)
    if not 3 <= len(steps) <= 4 or steps != [str(number) for number in range(1, len(steps) + 1)]:
        yield Finding('message', where, 'three or four numbered steps say what to do')


def _variable(where: str, word: str, by: set[str], check: bool) -> Findings:
    evaluated = re.fullmatch(r'eval "(.+)"', word)
    if evaluated:
        inner = set(re.findall(r'[a-z_]+', evaluated[1])) - {'round', 'int', 'value'}
        if inner or check:
            yield Finding('message', where, f'{word} cannot be computed')
        return
    tag, dot, name = word.partition('.')
    if (dot and (name != 'name' or tag not in by)) or (
        not dot and not (word == 'check_message' if check else word in WORDS)
    ):
        yield Finding('message', where, f'{{{{{word}}}}} is not known here')


MISSING = {'default', 'show_no_data', 'show_and_notify_no_data', 'resolve'}
OPTIONS = {
    'thresholds',
    'include_tags',
    'notify_audit',
    'new_group_delay',
    'renotify_interval',
    'renotify_statuses',
}


def monitor_options(template: Template) -> Findings:
    """The options are those that the kind of monitor takes, and what happens without data is decided."""
    where, definition = str(template.get('title')), template['definition']
    options = definition.get('options', {})
    check = definition.get('type') == 'service check'
    own = {'notify_no_data', 'no_data_timeframe'} if check else {'on_missing_data', 'require_full_window'}
    if set(options) != OPTIONS | own:
        yield Finding('options', where, f'the options differ by {sorted(set(options) ^ (OPTIONS | own))}')
        return
    if not check and options['on_missing_data'] not in MISSING:
        yield Finding('options', where, f'{options["on_missing_data"]} is no policy for missing data')
    if not check and options['require_full_window'] is not False:
        yield Finding('options', where, 'sparse data never fill a window')
    if check and not (options['notify_no_data'] is True and options['no_data_timeframe'] >= 10):
        yield Finding('options', where, 'silence of the check must be told, after two collections at least')
    if options['notify_audit'] is not False or options['include_tags'] is not True:
        yield Finding('options', where, 'notify_audit is false and include_tags is true')
    if type(options['new_group_delay']) is not int or not 0 <= options['new_group_delay'] <= 3600:
        yield Finding('options', where, 'new_group_delay is not within an hour')
    if type(options['renotify_interval']) is not int or not 0 < options['renotify_interval'] <= 1440:
        yield Finding('options', where, 'an alert is repeated within a day')
    if not set(options['renotify_statuses']) <= {'alert', 'warn', 'no data'}:
        yield Finding('options', where, 'renotify_statuses has a status that is none')
