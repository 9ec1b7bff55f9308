from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from datadog_checks.amazon_ses.model import PREFIX
from tools.boards import backtest, dashboard_lint, evaluate, proof, tags
from tools.boards.monitors import MONITORS
from tools.boards.plays import PLAYS
from tools.boards.recording import Recording

INCIDENTS = {
    'sending_paused': 'storm',
    'pause_near': 'storm',
    'bounce_rate': 'storm',
    'complaint_rate': 'storm',
    'mail_stopped': 'storm',
    'set_bounces': 'storm',
    'daily_quota': 'squeeze',
    'send_rate': 'squeeze',
    'collection_fails': 'squeeze',
    'rendering_failures': 'mail_trouble',
    'not_delivered': 'mail_trouble',
    'delays': 'mail_trouble',
    'sandbox': 'mail_trouble',
    'several_agents': 'two_agents',
    'data_stale': 'denied',
    'identity_problem': 'lost',
    'destination_disabled': 'lost',
    'sends_surge': 'a_week_later',
    'provider_refuses': 'refused',
    'provider_delivery': 'held_against',
    'receipt_given_up': 'addresses',
    'rule_set_inactive': 'held_against',
    'high_impact_finding': 'held_against',
    'tenant_paused': 'held_against',
    'address_listed': 'held_against',
    'address_distrusted': 'addresses',
    'pool_full': 'addresses',
    'failover_short': 'held_against',
    'reputation_stale': 'addresses',
    'counts_wrong': 'away',
}
"""The play in which each monitor has to alert."""


INVENTORY = 'Amazon SES Inventory'


def gaps(boards: dict[str, Any], recording: Recording) -> list[str]:
    """What Overview and Deliverability lack in the run of `make demo`."""
    shown = [board for title, board in boards.items() if title != INVENTORY]
    return [str(finding) for board in shown for finding in proof.data(board, recording, tags.LOSSES, tags.ILLNESSES)]


QUIET = {
    **dict.fromkeys(('identity_problem', 'destination_disabled'), 'demo'),
    **dict.fromkeys(('provider_delivery', 'rule_set_inactive', 'high_impact_finding', 'tenant_paused'), 'owned'),
    **dict.fromkeys(('address_listed', 'failover_short'), 'owned'),
    **dict.fromkeys(('address_distrusted', 'pool_full'), 'clean_addresses'),
    'sends_surge': 'a_quiet_week_later',
}
"""Where a monitor has to be silent, if `quiet` does not have what it looks at."""

RARE = ('provider_refuses', 'receipt_given_up', 'counts_wrong')
"""Monitors of counts that nobody submits before it happens."""


def test_overview_and_deliverability_are_full_after_make_demo(
    boards: dict[str, Any], recordings: Mapping[str, Recording]
) -> None:
    """After `make demo` each query of each widget of both has data, with and without variables. Only losses have
    none: the proof of the demo excludes them, and the board shows zero."""
    assert gaps(boards, recordings['demo']) == []
    assert not set(tags.LOSSES) & {name for name, _, _ in recordings['demo'].series}


def test_the_inventory_is_full_in_its_play(boards: dict[str, Any], recordings: Mapping[str, Recording]) -> None:
    """In an account that has everything each query of the dashboard of the inventory has data."""
    assert [str(finding) for finding in proof.data(boards[INVENTORY], recordings['inventory'])] == []


def test_the_overview_names_a_sick_identity(boards: dict[str, Any], recordings: Mapping[str, Recording]) -> None:
    """While a domain lacks DKIM, the Overview names it, though all mail still flows. Then it is well again."""
    lost = recordings['lost']
    leaves = dashboard_lint.leaves(boards['Amazon SES Overview'])
    (table,) = (leaf for leaf in leaves if leaf.location == 'What Does AWS Say? / Sick identities by name')
    for hours, severity in ((3, 2.0), (4.5, 0.0)):
        recording = lost.between(lost.start - 1, lost.start + hours * 3600)
        (frame,) = evaluate.scalar(table.requests[0], recording, {})
        assert frame.values == {('example.com', 'us-east-1', '123456789012'): {0.0: severity}}


@pytest.mark.parametrize(
    'family',
    [
        'configuration_set.',
        'dimension.',
        'email_validation.',
        'global_endpoint.',
        'managed_pool.',
        'receiving.',
        'reputation.',
        'send_statistics.',
        'snds.',
        'tenant.',
        'unrecognized',
    ],
)
def test_a_board_is_not_full_without_a_family(
    family: str, boards: dict[str, Any], recordings: Mapping[str, Recording]
) -> None:
    """If the demo had no receipt rules, no named dimensions or the like, the widgets without data would be named."""
    whole = recordings['demo']
    series = {key: points for key, points in whole.series.items() if not key[0].startswith(f'{PREFIX}{family}')}
    assert gaps(boards, replace(whole, series=series))


def test_losses_are_shown(boards: dict[str, Any], recordings: Mapping[str, Recording]) -> None:
    """Where periods were skipped or amounts lowered, the widget of the losses has data."""
    findings = [str(finding) for board in boards.values() for finding in proof.data(board, recordings['losses'])]
    assert findings and not [finding for finding in findings if any(name in finding for name in tags.LOSSES)]


def test_metrics_carry_the_tags_that_are_declared(recordings: Mapping[str, Recording]) -> None:
    """The tags that the lint assumes are the tags that the check submits."""
    names = ('demo', 'losses', 'left_out', 'inventory')
    findings = proof.tag_keys(*(recordings[name] for name in names))
    assert [str(finding) for finding in findings] == []


def test_each_monitor_has_an_incident() -> None:
    """Each monitor has a play in which it must alert."""
    assert sorted(INCIDENTS) == sorted(monitor.key for monitor in MONITORS)


@pytest.mark.parametrize('key', INCIDENTS)
def test_monitor_alerts_and_recovers_once(
    key: str, templates: dict[str, Any], recordings: Mapping[str, Recording]
) -> None:
    """In its incident a monitor alerts for one group, exactly once, and recovers."""
    assert [str(finding) for finding in proof.alert(templates[key], recordings[INCIDENTS[key]])] == []


@pytest.mark.parametrize('key', INCIDENTS)
def test_monitor_is_silent_in_quiet_times(
    key: str, templates: dict[str, Any], recordings: Mapping[str, Recording]
) -> None:
    """Over a healthy day a monitor watches its groups and says nothing."""
    recording = recordings[QUIET.get(key, 'quiet')]
    if key in RARE:
        assert not backtest.changes(templates[key]['definition'], recording)
        return
    assert [str(finding) for finding in proof.silence(templates[key], recording)] == []


@pytest.mark.parametrize('name', PLAYS)
def test_one_cause_pages_once(name: str, templates: dict[str, Any], recordings: Mapping[str, Recording]) -> None:
    """In no play more than one monitor wakes somebody, and that once for each account and Region."""
    pages = [
        (key, group)
        for key, template in templates.items()
        if template['definition']['priority'] == 1
        for group, course in backtest.changes(template['definition'], recordings[name]).items()
        for state in backtest.states(course)
        if state == backtest.ALERT
    ]
    assert len(pages) == len(set(pages)) and len({key for key, _ in pages}) <= 1


def test_owned_inventory_is_quiet(templates: dict[str, Any], recordings: Mapping[str, Recording]) -> None:
    """An account that has tenants, dedicated addresses, rule sets, endpoints and jobs, all well, alerts nobody."""
    speaking = [
        key
        for key, template in templates.items()
        for course in backtest.changes(template['definition'], recordings['owned']).values()
        if {backtest.ALERT, backtest.WARN} & set(backtest.states(course))
    ]
    assert speaking == []


def test_a_first_week_knows_no_usual(templates: dict[str, Any], recordings: Mapping[str, Recording]) -> None:
    """In its first week an Agent has no mail of a week ago to compare with, so that nothing is a surge."""
    assert not backtest.changes(templates['sends_surge']['definition'], recordings['stolen'])


def test_mail_from_an_idle_account_is_a_surge(templates: dict[str, Any], recordings: Mapping[str, Recording]) -> None:
    """An account that sent nothing a week ago, as CloudWatch said, and now sends: that is how a stolen key looks."""
    mail = recordings['a_week_later']
    idle = {
        key: [(at, 0.0 if at < mail.start else value) for at, value in points] for key, points in mail.series.items()
    }
    (course,) = backtest.changes(templates['sends_surge']['definition'], replace(mail, series=idle)).values()
    assert backtest.ALERT in backtest.states(course)


def test_review_and_pause_are_told_apart(templates: dict[str, Any], recordings: Mapping[str, Recording]) -> None:
    """A review warns, a pause alerts, the review after the pause warns again, and a healthy account is OK."""
    (course,) = backtest.changes(templates['sending_paused']['definition'], recordings['storm']).values()
    assert backtest.states(course) == ['WARN', 'ALERT', 'WARN', 'OK']


def test_sending_switched_off_pages_at_once(templates: dict[str, Any], recordings: Mapping[str, Recording]) -> None:
    """An owner who switches sending off is paged within ten minutes, long before mail is missed, and never as a pause
    that ends twice."""
    off = recordings['switched_off'].start + 2 * 3600
    template = templates['sending_paused']
    (course,) = backtest.changes(template['definition'], recordings['switched_off']).values()
    assert backtest.states(course) == ['ALERT', 'OK'] and course[0].time - off <= 600
    assert template['definition']['priority'] == 1


@pytest.mark.parametrize('trouble', ['denied', 'partial', 'stopped', 'late'])
def test_trouble_of_the_collection_is_not_taken_for_trouble_of_mail(
    trouble: str, templates: dict[str, Any], recordings: Mapping[str, Recording]
) -> None:
    """While mail flows and cannot be counted, the monitor of the collection says so, and no other warns or alerts."""
    speaking = {
        key
        for key, template in templates.items()
        for course in backtest.changes(template['definition'], recordings[trouble]).values()
        if {backtest.ALERT, backtest.WARN} & set(backtest.states(course))
    }
    definition = templates['collection_fails']['definition']
    (course,) = backtest.changes(definition, recordings[trouble]).values()
    assert (speaking, backtest.states(course)) == {
        'denied': ({'collection_fails', 'data_stale', 'counts_wrong'}, [backtest.WARN, backtest.OK]),
        'partial': ({'collection_fails'}, [backtest.WARN, backtest.OK]),
        'stopped': (set(), [backtest.NO_DATA, backtest.OK]),
        'late': (set(), []),
    }[trouble]
    assert definition['options']['renotify_statuses'] == ['alert', 'warn', 'no data']
    assert definition['options']['on_missing_data'] == 'show_and_notify_no_data'


ALL, PART, NOTHING = 1.0, 0.5, 0.0


@pytest.mark.parametrize(
    ('interval', 'runs', 'expected'),
    [
        (60, [NOTHING], []),
        (60, [PART], []),
        (60, [NOTHING, ALL, ALL, ALL, ALL] * 6, []),
        (60, [PART] * 30, [backtest.WARN, backtest.OK]),
        (60, [NOTHING] * 30, [backtest.WARN, backtest.ALERT, backtest.WARN, backtest.OK]),
        (60, [NOTHING] * 30 + [PART] * 30, [backtest.WARN, backtest.ALERT, backtest.WARN, backtest.OK]),
        (300, [NOTHING], [backtest.WARN, backtest.OK]),
        (300, [PART], []),
        (300, [NOTHING] * 6, [backtest.WARN, backtest.ALERT, backtest.WARN, backtest.OK]),
        (300, [PART] * 6, [backtest.WARN, backtest.OK]),
    ],
)
def test_a_run_that_fails_is_no_alert_and_trouble_that_stays_is(
    interval: int, runs: list[float], expected: list[str], templates: dict[str, Any], monkeypatch: Any
) -> None:
    """One failed run alerts nobody, a part that stays unreadable warns, nothing at all alerts, and each of them is over
    by itself once AWS answers again."""
    # Datadog rolls up what is within an hour to 20 seconds, in which there is one run at most.
    monkeypatch.setattr(evaluate, 'DEFAULT_INTERVAL', 20)
    course = [*[ALL] * 20, *runs, *[ALL] * 20]
    points = [(float(number * interval), value) for number, value in enumerate(course, 1)]
    key = f'{PREFIX}can_connect', 'gauge', ('aws_account:1', 'region:a')
    definition = templates['collection_fails']['definition']
    (changes,) = backtest.changes(definition, Recording(0, points[-1][0], {key: points})).values()
    assert backtest.states(changes) == expected


def test_wrong_keys_from_the_start_alert(templates: dict[str, Any], recordings: Mapping[str, Recording]) -> None:
    """Where AWS refuses the keys from the first run on and no `account_id` is given, the monitor of the collection has
    a group and alerts, and is the only one that does."""
    for key, template in templates.items():
        courses = backtest.changes(template['definition'], recordings['wrong_keys'])
        alerting = [group for group, course in courses.items() if backtest.ALERT in backtest.states(course)]
        assert alerting == ([('unknown', 'us-east-1')] if key == 'collection_fails' else [])


def test_guilty_configuration_set_is_named(templates: dict[str, Any], recordings: Mapping[str, Recording]) -> None:
    """Of three configuration sets the one that bounces is named, and no other."""
    courses = backtest.changes(templates['set_bounces']['definition'], recordings['storm'])
    assert len(courses) == 3
    assert [group[-1] for group, course in courses.items() if course] == ['newsletter']


def test_warning_comes_before_the_pause(templates: dict[str, Any], recordings: Mapping[str, Recording]) -> None:
    """The monitors of the causes alert before AWS reviews the account, and pause_near alerts before the pause."""
    began: dict[str, float] = {}
    for key in ('set_bounces', 'bounce_rate', 'complaint_rate', 'pause_near', 'sending_paused'):
        for course in backtest.changes(templates[key]['definition'], recordings['storm']).values():
            for change in course:
                began.setdefault(f'{key} {change.state}', change.time)
    reviewed, paused = began['sending_paused WARN'], began['sending_paused ALERT']
    assert max(began['set_bounces ALERT'], began['bounce_rate ALERT'], began['complaint_rate ALERT']) < reviewed
    assert began['pause_near ALERT'] < paused


def test_recovery_thresholds_and_a_long_window_prevent_flapping(
    templates: dict[str, Any], recordings: Mapping[str, Recording]
) -> None:
    """Without recovery thresholds and on a short window the send rate changes its state more often."""
    definition = templates['send_rate']['definition']
    limits = definition['options']['thresholds']
    bare = {name: limits[name] for name in ('critical', 'warning')}
    nervous = {
        **definition,
        'query': definition['query'].replace('last_15m', 'last_5m'),
        'options': {**definition['options'], 'thresholds': bare},
    }
    (calm,), (flapping,) = (
        backtest.changes(variant, recordings['squeeze']).values() for variant in (definition, nervous)
    )
    assert len(flapping) > len(calm)
