"""One monitor as data, and its rendering as a monitor template (v2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tools.boards.limits import Limit
from tools.boards.queries import PREFIX, TARGET_TAGS, Family

TAG = 'integration:amazon-ses-agent'
CREATED = '2026-11-20'
NOTIFY_NO_DATA = 'show_and_notify_no_data'

URGENCIES = {1: 'page', 2: 'ticket', 3: 'ticket', 4: 'look'}
"""What a monitor is for, by priority: wake somebody, have it repaired by day, or be looked at."""

BOARDS = '[dashboard Amazon SES Overview](/dashboard/lists?q=Amazon%20SES)'
AWS_FAQ = '[what AWS enforces](https://docs.aws.amazon.com/ses/latest/dg/faqs-enforcement.html)'


@dataclass(frozen=True)
class Monitor:
    """One monitor. `query` ends before the comparison. The message consists of `meaning`, `steps` and `links`.

    `subject` is what it looks at, where that is no single metric.
    """

    key: str
    title: str
    description: str
    query: str
    limit: Limit
    meaning: str
    steps: tuple[str, ...]
    priority: int
    subject: str = ''
    groups: tuple[str, ...] = TARGET_TAGS
    window: str = ''
    on_missing_data: str = 'default'
    renotify: int = 0
    no_data: str = ''
    renotify_statuses: tuple[str, ...] = ('alert',)
    links: str = f'{BOARDS}, {AWS_FAQ}'


TARGETS = Family(by=TARGET_TAGS, filters='*')
SETS = Family('configuration_set.', (*TARGET_TAGS, 'configuration_set'), '*')

SENT = TARGETS.count('send.count')


def render(monitor: Monitor) -> dict[str, Any]:
    """The monitor as a template: the texts of the tile, and the body of Datadog's monitor API."""
    groups = ' '.join(f'{{{{{group}.name}}}}' for group in monitor.groups)
    return {
        'version': 2,
        'created_at': CREATED,
        'last_updated_at': CREATED,
        'title': monitor.title,
        'description': monitor.description,
        'tags': [TAG],
        'definition': {
            'name': f'[Amazon SES] {monitor.title}: {groups}',
            'type': 'query alert',
            'query': f'{monitor.query} {monitor.limit.comparator} {monitor.limit.critical:g}',
            'message': message(monitor),
            'tags': [TAG],
            'options': _options(monitor),
            'priority': monitor.priority,
        },
    }


def message(monitor: Monitor) -> str:
    """The notification: the meaning, the steps, and where to look."""
    steps = '\n'.join(f'{number}. {step}' for number, step in enumerate(monitor.steps, 1))
    parts = [
        f'{{{{^is_recovery}}}}{monitor.meaning}',
        f'What to do:\n{steps}',
        f'More: {monitor.links}{{{{/is_recovery}}}}',
        '{{#is_recovery}}This is over.{{/is_recovery}}',
    ]
    if monitor.no_data:
        parts.insert(0, f'{{{{#is_no_data}}}}{monitor.no_data}{{{{/is_no_data}}}}')
    return '\n\n'.join(parts)


def row(monitor: Monitor) -> tuple[str, str, str, str, str, str, str]:
    """The monitor in README.md: title, urgency, subject, warning, alert, recovery, first step."""
    limit = monitor.limit
    sign = 'below' if limit.below else 'from'
    unit = f' {limit.unit}' if limit.unit else ''
    return (
        monitor.title,
        URGENCIES[monitor.priority],
        f'{_subject(monitor)}, {monitor.window}',
        '' if limit.warning is None else f'{sign} {limit.warning:g}{unit}',
        f'{sign} {limit.critical:g}{unit}',
        f'{"above" if limit.below else "below"} {limit.critical_recovery:g}{unit}',
        monitor.steps[0],
    )


def _subject(monitor: Monitor) -> str:
    if monitor.subject:
        return monitor.subject
    return f'`{monitor.query.split(PREFIX)[1].split("{")[0]}`'


def _options(monitor: Monitor) -> dict[str, Any]:
    limit = monitor.limit
    thresholds = {
        'critical': limit.critical,
        'warning': limit.warning,
        'critical_recovery': limit.critical_recovery,
        'warning_recovery': limit.warning_recovery,
    }
    return {
        'thresholds': {name: level for name, level in thresholds.items() if level is not None},
        'on_missing_data': monitor.on_missing_data,
        'require_full_window': False,
        'include_tags': True,
        'notify_audit': False,
        'new_group_delay': 300,
        'renotify_interval': monitor.renotify,
        'renotify_statuses': list(monitor.renotify_statuses),
    }
