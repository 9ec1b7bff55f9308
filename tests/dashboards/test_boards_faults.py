from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import pytest

from tools.boards import dashboard_lint, monitor_lint, proof, strict, tags
from tools.boards.findings import Finding
from tools.boards.recording import Recording

OVERVIEW, DELIVERABILITY, INVENTORY = (f'Amazon SES {name}' for name in ('Overview', 'Deliverability', 'Inventory'))
Change = Callable[[Any], object]


class Planted(NamedTuple):
    """A fault, the dashboard or monitor in which it is planted, and the gate that must find it."""

    fault: str
    target: str
    change: Change
    gate: str


def widget(board: Any, title: str) -> Any:
    return next(leaf.widget for leaf in dashboard_lint.leaves(board) if leaf.definition.get('title') == title)


def group(board: Any, title: str) -> Any:
    return next(group for group in board['widgets'] if group['definition']['title'] == title)


def request(title: str) -> Callable[[Any], Any]:
    return lambda board: widget(board, title)['definition']['requests'][0]


def put(find: Callable[[Any], Any], **changed: Any) -> Change:
    return lambda document: find(document).update(changed)


def within(find: Callable[[Any], Any], key: str, old: str, new: str) -> Change:
    """Replace a part of a text, which must be in it."""

    def change(document: Any) -> None:
        holder = find(document)
        assert old in holder[key], f'{old!r} is not in {holder[key]!r}'
        holder[key] = holder[key].replace(old, new)

    return change


def query(title: str, old: str, new: str) -> Change:
    return within(lambda board: request(title)(board)['queries'][0], 'query', old, new)


def formula(title: str, old: str, new: str) -> Change:
    return within(lambda board: request(title)(board)['formulas'][0], 'formula', old, new)


def definition(title: str) -> Callable[[Any], Any]:
    return lambda board: widget(board, title)['definition']


def alert(monitor: Any) -> Any:
    return monitor['definition']


def options(monitor: Any) -> Any:
    return monitor['definition']['options']


def thresholds(monitor: Any) -> Any:
    return options(monitor)['thresholds']


CALLS, RATES, USED, CAUSES = 'AWS calls by operation', 'Bounce rate by Region', 'Daily quota used', 'Configuration sets'
BOARD_FAULTS = [
    Planted('type of a widget', OVERVIEW, put(definition(CALLS), type='timeserie'), 'strict'),
    Planted('palette', OVERVIEW, put(lambda b: request(USED)(b)['conditional_formats'][0], palette='on_red'), 'strict'),
    Planted('misspelt key', OVERVIEW, put(definition(CALLS), show_legends=True), 'strict'),
    Planted('deprecated key of a request', OVERVIEW, put(request(CALLS), q='avg:a{*}'), 'strict'),
    Planted('deprecated key of the board', OVERVIEW, put(lambda b: b, is_read_only=True), 'strict'),
    Planted('text for a number', OVERVIEW, put(lambda b: widget(b, CALLS)['layout'], width='4'), 'strict'),
    Planted('unknown aggregator', OVERVIEW, put(lambda b: request(USED)(b)['queries'][0], aggregator='lst'), 'strict'),
    Planted('unknown display type', OVERVIEW, put(request(CALLS), display_type='stripes'), 'strict'),
    Planted('open scope', OVERVIEW, query(CALLS, '}', ''), 'query'),
    Planted('unknown function', OVERVIEW, query(CALLS, 'as_count()', 'as_counts()'), 'query'),
    Planted('misspelt metric', OVERVIEW, query(CALLS, 'api_calls', 'api_call'), 'metric'),
    Planted('count without as_count', OVERVIEW, query(CALLS, '.as_count()', ''), 'type'),
    Planted('rollup finer than the cadence', OVERVIEW, query(CALLS, 'sum, 300', 'sum, 60'), 'type'),
    Planted('gauge with as_count', OVERVIEW, query(RATES, ',region}', ',region}.as_count()'), 'type'),
    Planted('gauge summed', OVERVIEW, put(lambda b: request(USED)(b)['queries'][0], aggregator='sum'), 'type'),
    Planted('gauge summed over Regions in time', OVERVIEW, query('Contexts', '.rollup(max, 300)', ''), 'type'),
    Planted('mean of a count', OVERVIEW, query(CALLS, 'sum:amazon', 'avg:amazon'), 'type'),
    Planted('tag that the metric lacks', OVERVIEW, query(RATES, 'aws_account,region', 'aws_account,rule'), 'tags'),
    Planted('group that only some have', DELIVERABILITY, query('Received by rule', ',rule:*', ''), 'tags'),
    Planted('unknown variable', OVERVIEW, query(CALLS, '$region', '$regions'), 'variables'),
    Planted('variable without its tag', OVERVIEW, query(CALLS, '$region', '$region,$configuration_set'), 'variables'),
    Planted('widget that does not listen', OVERVIEW, query(CAUSES, ',$configuration_set', ''), 'variables'),
    Planted('variable that nobody uses', OVERVIEW,
            lambda b: b['template_variables'].append({'name': 'isp', 'prefix': 'isp', 'defaults': ['*']}), 'variables'),
    Planted('unknown query in a formula', OVERVIEW, formula(RATES, 'query1', 'query9'), 'formula'),
    Planted('malformed formula', OVERVIEW, formula('Delivery ratio', ' / ', ' / / '), 'formula'),
    Planted('ratio of different spans', OVERVIEW, query('Delivery ratio', 'sum, 300', 'sum, 600'), 'formula'),
    Planted('function without its argument', OVERVIEW, formula('Delivery ratio', ", 'sum'", ''), 'formula'),
    Planted('chart of all groups', OVERVIEW, lambda b: request(RATES)(b)['formulas'][0].pop('limit'), 'style'),
    Planted('tag of some series without a filter', INVENTORY, query('Open findings by kind', ',type:*', ''), 'tags'),
    Planted('the same id twice', OVERVIEW, lambda b: widget(b, CALLS).update(id=widget(b, RATES)['id']), 'ids'),
    Planted('overlap', OVERVIEW, put(lambda b: widget(b, 'Delivery ratio')['layout'], x=7), 'layout'),
    Planted('beyond the group', OVERVIEW, put(lambda b: widget(b, 'Delivery ratio')['layout'], width=5), 'layout'),
    Planted('group of the wrong height', OVERVIEW, put(lambda b: group(b, 'Is Mail Flowing?')['layout'], height=3),
            'layout'),
    Planted('widget outside of a group', OVERVIEW,
            lambda b: b['widgets'].append({**widget(b, CALLS), 'layout': {'x': 0, 'y': 90, 'width': 12, 'height': 3}}),
            'layout'),
    Planted('chart too narrow', OVERVIEW, put(lambda b: widget(b, CALLS)['layout'], width=3), 'layout'),
    Planted('widget that needs an organisation', OVERVIEW, put(definition(CALLS), type='slo'), 'layout'),
    Planted('formula without alias', OVERVIEW, lambda b: request(CALLS)(b)['formulas'][0].pop('alias'), 'style'),
    Planted('number without its course', OVERVIEW, lambda b: definition(USED)(b).pop('timeseries_background'), 'style'),
    Planted('unit in a title', OVERVIEW, put(definition(CALLS), title='Accepted (emails)'), 'style'),
    Planted('title of a group', OVERVIEW,
            put(lambda b: group(b, 'Is Mail Flowing?')['definition'], title='is mail ok'), 'style'),
    Planted('limit of its own', OVERVIEW, put(lambda b: request(USED)(b)['conditional_formats'][0], value=91),
            'thresholds'),
    Planted('own line', OVERVIEW, put(lambda b: definition(RATES)(b)['markers'][0], value='y = 6'), 'thresholds'),
    Planted('colours upside down', OVERVIEW, lambda b: request(USED)(b)['conditional_formats'].reverse(), 'thresholds'),
    Planted('unknown service check', OVERVIEW, put(definition('Collection'), check='amazon_ses.connect'), 'references'),
    Planted('foreign tag of monitors', OVERVIEW, put(definition('Monitors'), query='tag:"integration:ses"'),
            'references'),
    Planted('metric without a widget', OVERVIEW, lambda b: group(b, 'Are We Near the Quota?')['definition'].update(
        widgets=[]), 'coverage'),
    Planted('filter that fits nothing', OVERVIEW, query(CALLS, '$region', '$region,region:mars-1'), 'data'),
    Planted('provider that has no data', INVENTORY, query('Delivered share by provider', 'provider:*', 'provider:none'),
            'data'),
    Planted('tag value that is never seen', DELIVERABILITY, query('Tried in 24 hours', 'window:24h', 'window:1h'),
            'data'),
]  # fmt: skip

MONITOR_FAULTS = [
    Planted('type of the monitor', 'bounce_rate', put(alert, type='metric alarm'), 'strict'),
    Planted('unknown option', 'bounce_rate', put(options, renotify_every=60), 'strict'),
    Planted('threshold as a text', 'bounce_rate', put(thresholds, critical='5'), 'strict'),
    Planted('deprecated option', 'bounce_rate', put(options, locked=False), 'strict'),
    Planted('query without comparison', 'bounce_rate', within(alert, 'query', ' >= 4', ''), 'query'),
    Planted('misspelt metric', 'bounce_rate', within(alert, 'query', 'bounce_rate', 'bounces_rate'), 'metric'),
    Planted('count without as_count', 'mail_stopped', within(alert, 'query', '.as_count()', ''), 'type'),
    Planted('gauge summed', 'bounce_rate', within(alert, 'query', 'avg(', 'sum('), 'type'),
    Planted('not by account', 'daily_quota', within(alert, 'query', 'aws_account,region', 'region'), 'tags'),
    Planted('query and critical differ', 'bounce_rate', put(thresholds, critical=6), 'thresholds'),
    Planted('recovery on the wrong side', 'bounce_rate', put(thresholds, critical_recovery=5.5), 'thresholds'),
    Planted('recovery of silence on the wrong side', 'mail_stopped', put(thresholds, critical_recovery=0.5),
            'thresholds'),
    Planted('warning above critical', 'daily_quota', put(thresholds, warning=95), 'thresholds'),
    Planted('no recovery', 'daily_quota', lambda m: thresholds(m).pop('warning_recovery'), 'thresholds'),
    Planted('recovery from a part on the wrong side', 'collection_fails', put(thresholds, warning_recovery=0.6),
            'thresholds'),
    Planted('service check', 'collection_fails', put(alert, type='service check'), 'template'),
    Planted('block not closed', 'bounce_rate', within(alert, 'message', '{{/is_recovery}}\n', '\n'), 'message'),
    Planted('unknown block', 'sending_paused', within(alert, 'message', 'is_warning', 'is_warn'), 'message'),
    Planted('tag that is not grouped by', 'bounce_rate', within(alert, 'name', 'region.name', 'isp.name'), 'message'),
    Planted('handle in the message', 'bounce_rate', within(alert, 'message', 'More: ', 'More: @ops '), 'message'),
    Planted('no steps', 'bounce_rate', within(alert, 'message', '1. ', ''), 'message'),
    Planted('both policies for missing data', 'bounce_rate', put(options, notify_no_data=True), 'options'),
    Planted('repeated and never said', 'collection_fails', put(options, on_missing_data='show_no_data'), 'options'),
    Planted('renotify too rare', 'bounce_rate', put(options, renotify_interval=5000), 'options'),
    Planted('priority', 'bounce_rate', put(alert, priority=9), 'template'),
    Planted('description too long', 'bounce_rate', put(lambda m: m, description='x' * 301), 'template'),
    Planted('foreign tag', 'bounce_rate', put(lambda m: m, tags=['integration:ses']), 'template'),
    Planted('window too long to recover', 'daily_quota', within(alert, 'query', 'last_15m', 'last_1d'), 'backtest'),
    Planted('threshold that is never reached', 'pause_near', lambda m: (
        within(alert, 'query', '>= 80', '>= 201')(m), put(thresholds, critical=201)(m)), 'backtest'),
    Planted('compared with the day before, which was not recorded', 'sends_surge',
            within(alert, 'query', 'week_before', 'day_before'), 'backtest'),
    Planted('nothing usual added', 'sends_surge', lambda m: (
        within(alert, 'query', ' + 100', ' + 0')(m), within(alert, 'query', '>= 300', '>= 90')(m),
        put(thresholds, critical=90, critical_recovery=80, warning=70, warning_recovery=60)(m)), 'backtest'),
    Planted('unknown shift', 'sends_surge', within(alert, 'query', 'week_before', 'weeks_before'), 'query'),
    Planted('finding by a tag of some', 'high_impact_finding', within(alert, 'query', 'region}', 'region,type}'),
            'tags'),
    Planted('small sets not damped and a low threshold', 'set_bounces', lambda m: (
        within(alert, 'query', ' + 200', ' + 0')(m), within(alert, 'query', '>= 5', '>= 0.2')(m),
        put(thresholds, critical=0.2, critical_recovery=0.1, warning=0.1, warning_recovery=0.05)(m)), 'backtest'),
]  # fmt: skip

INCIDENTS = {
    'daily_quota': 'squeeze',
    'pause_near': 'storm',
    'set_bounces': 'storm',
    'sends_surge': 'a_week_later',
}
QUIET = {'sends_surge': 'a_quiet_week_later'}


def named(planted: Planted) -> str:
    return f'{planted.target}: {planted.fault}'


@pytest.mark.parametrize('planted', BOARD_FAULTS, ids=named)
def test_each_fault_of_a_dashboard_is_found(
    planted: Planted, boards: dict[str, Any], recordings: Mapping[str, Recording]
) -> None:
    """Each fault planted into a dashboard is found by its gate."""
    spoiled = copy.deepcopy(boards)
    planted.change(spoiled[planted.target])
    board = spoiled[planted.target]
    gates: dict[str, Callable[[], list[Finding]]] = {
        'strict': lambda: strict.dashboard(board),
        'data': lambda: list(
            proof.data(
                board,
                recordings['inventory' if planted.target == INVENTORY else 'demo'],
                tags.LOSSES,
                tags.ILLNESSES,
            )
        ),
        'coverage': lambda: list(dashboard_lint.coverage(spoiled.values())),
    }
    assert planted.gate in {finding.gate for finding in gates.get(planted.gate, lambda: dashboard_lint.lint(board))()}


@pytest.mark.parametrize('planted', MONITOR_FAULTS, ids=named)
def test_each_fault_of_a_monitor_is_found(
    planted: Planted, templates: dict[str, Any], recordings: Mapping[str, Recording]
) -> None:
    """Each fault planted into a monitor is found by its gate."""
    template = copy.deepcopy(templates[planted.target])
    planted.change(template)
    gates: dict[str, Callable[[], list[Finding]]] = {
        'strict': lambda: strict.monitor(template['definition']),
        'backtest': lambda: [
            *proof.alert(template, recordings[INCIDENTS[planted.target]]),
            *proof.silence(template, recordings[QUIET.get(planted.target, 'quiet')]),
        ],
    }
    assert planted.gate in {finding.gate for finding in gates.get(planted.gate, lambda: monitor_lint.lint(template))()}


def test_every_gate_has_a_planted_fault() -> None:
    """At least 25 faults are planted, no two are the same, and every gate has to find at least one."""
    faults = [*BOARD_FAULTS, *MONITOR_FAULTS]
    assert len(faults) >= 25 and len({named(fault) for fault in faults}) == len(faults)
    assert {fault.gate for fault in faults} == {
        'backtest', 'coverage', 'data', 'formula', 'ids', 'layout', 'message', 'metric', 'options', 'query',
        'references', 'strict', 'style', 'tags', 'template', 'thresholds', 'type', 'variables',
    }  # fmt: skip
