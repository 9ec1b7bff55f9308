"""Gates for faults of monitors that no schema can see. Each gate yields its findings.

A gate takes the JSON as it is shipped, so it judges what a user imports and not the description.
"""

from __future__ import annotations

import operator
import re
from collections.abc import Iterator, Mapping, Set
from typing import Any

from datadog_checks.amazon_ses.model import MetricType
from tools.boards.catalogue_rules import TYPES, lint_metric
from tools.boards.findings import Finding
from tools.boards.monitor import NOTIFY_NO_DATA, TAG
from tools.boards.queries import TARGET_TAGS
from tools.boards.syntax import MonitorQuery, SyntaxProblem, metrics, parse_monitor

Findings = Iterator[Finding]
Template = Mapping[str, Any]

TEMPLATE_KEYS = {'version', 'created_at', 'last_updated_at', 'title', 'description', 'tags', 'definition'}
DEFINITION_KEYS = {'name', 'type', 'query', 'message', 'tags', 'options', 'priority'}
OPTIONS = {
    'thresholds',
    'on_missing_data',
    'require_full_window',
    'include_tags',
    'notify_audit',
    'new_group_delay',
    'renotify_interval',
    'renotify_statuses',
}
BLOCKS = {'is_alert', 'is_warning', 'is_recovery', 'is_no_data', 'is_renotify'}
VARIABLES = {'value', 'threshold', 'warn_threshold', 'last_triggered_at'}
TITLE_LIMIT, DESCRIPTION_LIMIT = 52, 300


def lint(template: Template) -> list[Finding]:
    """The findings of all gates for a monitor template."""
    title, definition = template['title'], template['definition']
    findings = [*_template(title, template), *_message(title, definition), *_options(title, definition)]
    try:
        query = parse_monitor(definition['query'])
    except SyntaxProblem as error:
        return [*findings, Finding('query', title, str(error))]
    tags = {tag for metric in metrics(query.expression) for tag in metric.by}
    return [
        *findings,
        *_metric_query(title, query),
        *_thresholds(title, query, definition['options']['thresholds']),
        *_variables(title, definition, tags),
    ]


def _template(title: str, template: Template) -> Findings:
    """A template has the keys of version 2 and no other, our tag, and texts that fit the tile."""
    definition = template['definition']
    if set(template) != TEMPLATE_KEYS or template['version'] != 2 or set(definition) != DEFINITION_KEYS:
        yield Finding('template', title, 'the keys are not those of a monitor template, version 2')
    if template['tags'] != [TAG] or definition['tags'] != [TAG]:
        yield Finding('template', title, f'the tags are not exactly {TAG}')
    if not 0 < len(title) <= TITLE_LIMIT or '{' in title:
        yield Finding('template', title, 'the title is too long or has a variable')
    if not 0 < len(template['description']) <= DESCRIPTION_LIMIT or title in template['description']:
        yield Finding('template', title, 'the description is missing, too long or the title again')
    for day in ('created_at', 'last_updated_at'):
        if not re.fullmatch(r'\d{4}-\d\d-\d\d', template[day]):
            yield Finding('template', title, f'{day} is no day')
    if definition['type'] != 'query alert':
        yield Finding('template', title, f'the type {definition["type"]} is not shipped')
    if definition['priority'] not in (1, 2, 3, 4, 5):
        yield Finding('template', title, f'the priority {definition["priority"]} is not from 1 to 5')


def _metric_query(title: str, query: MonitorQuery) -> Findings:
    """The metrics exist, are reduced as their type demands, and alert for each account and Region by itself."""
    for metric in metrics(query.expression):
        yield from lint_metric(title, metric)
        kind = TYPES.get(metric.name)
        if kind is MetricType.COUNT and not (metric.as_count and metric.space == query.reduction == 'sum'):
            yield Finding('type', title, f'{metric.name} is a count: sum(...):sum:... .as_count()')
        if kind is MetricType.GAUGE and (metric.as_count or 'sum' in (metric.space, query.reduction)):
            yield Finding('type', title, f'{metric.name} is a gauge: it is not added up')
        if metric.rollup:
            yield Finding('query', title, 'the intervals of a rollup do not match the window of a monitor')
        if any(condition.variable for condition in metric.filters):
            yield Finding('query', title, 'a monitor has no variables: its scope is everything or a tag of the metric')
        if not set(TARGET_TAGS) <= set(metric.by):
            yield Finding('tags', title, 'a monitor alerts by account and Region')


def _thresholds(title: str, query: MonitorQuery, levels: Mapping[str, float]) -> Findings:
    """The thresholds are those of the query, and each recovery is on the right side."""
    worse = operator.gt if query.comparator in ('>', '>=') else operator.lt
    critical = levels['critical']
    if critical != query.critical:
        yield Finding('thresholds', title, f'critical is {critical} and the query says {query.critical:g}')
    for name in ('critical', 'warning'):
        if name in levels and f'{name}_recovery' not in levels:
            yield Finding('thresholds', title, f'{name} has no recovery, so it flaps')
        elif name in levels and not worse(levels[name], levels[f'{name}_recovery']):
            yield Finding('thresholds', title, f'the recovery of {name} is on its wrong side')
    if 'warning' in levels and not worse(critical, levels['warning']):
        yield Finding('thresholds', title, 'the warning is on the wrong side of critical')


def _message(title: str, definition: Mapping[str, Any]) -> Findings:
    """Blocks are closed in order, braces are in pairs, steps are numbered, and there is no handle."""
    for text in (definition['name'], definition['message']):
        stack: list[str] = []
        for sign, block in re.findall(r'\{\{\s*([#^/])\s*([^{}]*?)\s*\}\}', text):
            if sign != '/':
                stack.append(block)
            elif not stack or stack.pop() != block:
                yield Finding('message', title, f'the block {block} is closed and not open')
            if block not in BLOCKS:
                yield Finding('message', title, f'there is no block {block}')
        if stack:
            yield Finding('message', title, f'the block {stack[-1]} is not closed')
        if text.count('{{') != text.count('}}') or re.search(r'(?<![{}]){[^{]|[^}]}(?![}])', text):
            yield Finding('message', title, 'a brace is single')
        if re.search(r'(?:^|\s)@\S', text):
            yield Finding('message', title, 'a handle is in it: the user decides who is notified')
    steps = re.findall(r'^(\d)\. \S', definition['message'], re.MULTILINE)
    if ''.join(steps) not in ('123', '1234'):
        yield Finding('message', title, 'three or four numbered steps say how to react')


def _variables(title: str, definition: Mapping[str, Any], tags: Set[str]) -> Findings:
    """Variables are those of a notification, tags that the monitor groups by, or rounded values."""
    variables = {f'{tag}.name' for tag in tags} | VARIABLES
    for variable in re.findall(r'\{\{\s*([^#^/{}\s][^{}]*?)\s*\}\}', definition['name'] + definition['message']):
        formula = re.fullmatch(r'eval "(.+)"', variable)
        computable = formula and set(re.findall(r'[a-z_]+', formula[1])) <= {'round', 'int', 'value'}
        if variable not in variables and not computable:
            yield Finding('message', title, f'there is no variable {variable}')


def _options(title: str, definition: Mapping[str, Any]) -> Findings:
    """The options are those of a query alert, with a decision for missing data."""
    options = definition['options']
    if set(options) != OPTIONS:
        yield Finding('options', title, f'the options differ by {sorted(set(options) ^ OPTIONS)}')
        return
    if ('no data' in options['renotify_statuses']) is not (options['on_missing_data'] == NOTIFY_NO_DATA):
        yield Finding('options', title, 'missing data is notified once and repeated, or neither')
    if options['require_full_window'] is not False:
        yield Finding('options', title, 'sparse data never fill a window')
    if options['notify_audit'] is not False or options['include_tags'] is not True:
        yield Finding('options', title, 'notify_audit is false and include_tags is true')
    if type(options['new_group_delay']) is not int or not 0 <= options['new_group_delay'] <= 3600:
        yield Finding('options', title, 'new_group_delay is not within an hour')
    if type(options['renotify_interval']) is not int or not 0 < options['renotify_interval'] <= 1440:
        yield Finding('options', title, 'an alert is repeated within a day')
