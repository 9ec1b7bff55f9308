"""What is generated from the catalogue: whole files, and parts of documents and of the files in deploy/."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from benchmarks.bounds import BOUNDS
from datadog_checks.amazon_ses.catalogue import ACTIONS, DEFAULT_ACTIONS, EVENTS, METRICS, STATUSES
from datadog_checks.amazon_ses.cloudwatch.cost import monthly_cost
from datadog_checks.amazon_ses.cloudwatch.metric_table import ACCOUNT_SPECS
from datadog_checks.amazon_ses.config_models import defaults
from datadog_checks.amazon_ses.diagnose import policies
from datadog_checks.amazon_ses.model import PREFIX, EventSpec, MetricSpec, MetricType, StatusSpec
from tools import spec
from tools.boards import files as boards

METADATA = 'metadata.csv'
SERVICE_CHECKS = 'assets/service_checks.json'
IAM_POLICY = 'assets/iam_policy.json'
DEFAULT_IAM_POLICY = 'assets/iam_policy_default.json'

COLUMNS = (
    'metric_name', 'metric_type', 'interval', 'unit_name', 'per_unit_name', 'description', 'orientation', 'integration',
    'short_name', 'curated_metric', 'sample_tags',
)  # fmt: skip

Declared = TypeVar('Declared', MetricSpec, StatusSpec, EventSpec)

PERIODS = (60, 300, 900, 3600)
"""The values of the option `period` whose cost is shown."""

IN_METADATA = {MetricType.DISTRIBUTION: MetricType.GAUGE}
"""The type in metadata.csv, where Datadog's validator does not know that of a metric."""

AGENT_VERSION = '7.74.0'
"""A field that service_checks.json must have. The check itself needs the base package that pyproject.toml names."""


def metadata() -> str:
    """The metrics, one line each, sorted by name."""
    lines = io.StringIO()
    table = csv.writer(lines, lineterminator='\n')
    table.writerow(COLUMNS)
    for metric in _distinct(METRICS):
        table.writerow(
            (
                metric.full_name,
                IN_METADATA.get(metric.type, metric.type).value,
                metric.interval or '',
                metric.unit,
                metric.per_unit,
                metric.description,
                metric.orientation,
                'amazon_ses',
                re.sub(r'[._]', ' ', metric.name),
                '',
                ','.join(metric.tags),
            )
        )
    return lines.getvalue()


def service_checks() -> str:
    """The service checks, sorted by name."""
    return _json(
        [
            {
                'agent_version': AGENT_VERSION,
                'integration': 'Amazon SES',
                'check': PREFIX + status.name,
                'statuses': [level.name.lower() for level in status.levels],
                'groups': list(status.groups),
                'name': status.title,
                'description': status.description,
            }
            for status in _distinct(STATUSES)
        ]
    )


def iam_policy() -> str:
    """The IAM policy: exactly the actions that are used, one statement for each feature."""
    return policies.policy(
        policies.statement(feature, (action for action in ACTIONS if action.name in names))
        for feature, names in policies.by_feature(ACTIONS).items()
    )


def default_iam_policy() -> str:
    """The IAM policy of the default configuration: one statement, without what stands in for denied actions."""
    return policies.policy([policies.statement('The default configuration', DEFAULT_ACTIONS)])


def with_parts(path: str) -> str:
    """A file with every generated part in place, between the markers that name it."""
    text = (spec.ROOT / path).read_text(encoding='utf-8')
    form = '<!-- {}: {} -->' if path.endswith('.md') else '# {}: {}'
    for name, part in PARTS[path].items():
        start, end = form.format(name, 'generated'), form.format(name, 'end')
        if text.count(start) != 1 or text.count(end) != 1:
            raise ValueError(f'{path} needs the lines {start} and {end} once each.')
        before, after = text.split(start)[0], text.split(end)[1]
        text = f'{before}{start}\n{part()}{end}{after}'
    return text


def service_checks_table() -> str:
    """The service checks with statuses and tags."""
    return _table(
        ('Service check', 'Statuses', 'Tags', 'Description'),
        (
            (
                f'`{PREFIX}{status.name}`',
                ', '.join(level.name for level in status.levels),
                ', '.join(f'`{group}`' for group in status.groups),
                status.description,
            )
            for status in _distinct(STATUSES)
        ),
    )


def events_table() -> str:
    """The events."""
    return _table(
        ('Event (aggregation key)', 'Description'),
        ((f'`{PREFIX}{event.name}`', event.description) for event in _distinct(EVENTS)),
    )


def permissions_table() -> str:
    """What each permission is for."""
    return _table(
        ('Permission', 'What is lost without it'),
        (
            (', '.join(f'`{name}`' for name in sorted(names)), feature[:1].upper() + feature[1:])
            for feature, names in policies.by_feature(ACTIONS).items()
        ),
    )


def cost_table() -> str:
    """What the metrics of an account cost, by the option `period`."""
    number, default = len(ACCOUNT_SPECS), defaults.instance_period()
    return _table(
        ('`period`', f'Dollars for 30 days and each Region ({number} metrics)'),
        (
            (f'{period} (default)' if period == default else str(period), f'{monthly_cost(number, period):.2f}')
            for period in PERIODS
        ),
    )


def bounds_table() -> str:
    """What `make bench` holds the check to."""
    return _table(('Figure', 'Bound'), ((bound.subject, bound.words) for bound in BOUNDS))


def options_table() -> str:
    """The options of an instance with their defaults."""
    rows = []
    for option in spec.options():
        default = getattr(defaults, f'instance_{option["name"]}', lambda: '')()
        shown = json.dumps(default) if isinstance(default, bool) else str(default)
        paragraph = option['description'].strip().split('\n\n')[0].replace('\n', ' ')
        rows.append((f'`{option["name"]}`', f'`{shown}`' if shown else '', paragraph))
    return _table(('Option', 'Default', 'Meaning'), rows)


def yaml_actions() -> str:
    """The actions of the default configuration as a list of the CloudFormation template."""
    indent = ' ' * 18
    return ''.join(f'{indent}- {action}\n' for action in _default_actions()) + indent


def terraform_actions() -> str:
    """The actions of the default configuration as a list of the Terraform file."""
    indent = ' ' * 6
    return ''.join(f'{indent}"{action}",\n' for action in _default_actions()) + indent


Parts = Mapping[str, Callable[[], str]]

PARTS: Mapping[str, Parts] = {
    'README.md': {'service checks': service_checks_table},
    'docs/options.md': {'options': options_table},
    'docs/permissions.md': {'permissions': permissions_table},
    'docs/cost.md': {'cost': cost_table},
    'docs/benchmarks.md': {'bounds': bounds_table},
    'docs/events.md': {'events': events_table},
    'docs/dashboards.md': boards.TABLES,
    'deploy/iam/role.yaml': {'actions': yaml_actions},
    'deploy/iam/main.tf': {'actions': terraform_actions},
}
"""The generated parts of each file by the name in their markers."""

FILES: dict[str, Callable[[], str]] = {
    METADATA: metadata,
    SERVICE_CHECKS: service_checks,
    IAM_POLICY: iam_policy,
    DEFAULT_IAM_POLICY: default_iam_policy,
    **boards.FILES,
    **{path: partial(with_parts, path) for path in PARTS},
}
"""Each of these files and its text."""


def _distinct(declarations: Iterable[Declared]) -> list[Declared]:
    """Each declaration once, sorted by name, because several sources may share one."""
    return sorted(dict.fromkeys(declarations), key=lambda declared: declared.name)


def _default_actions() -> list[str]:
    return sorted({action.name for action in DEFAULT_ACTIONS})


def _policy(statements: Mapping[str, set[str]]) -> str:
    return _json(
        {
            'Version': '2012-10-17',
            'Statement': [
                {'Sid': _sid(feature), 'Effect': 'Allow', 'Action': sorted(names), 'Resource': _resource(names)}
                for feature, names in statements.items()
            ],
        }
    )


def _resource(names: Iterable[str]) -> str:
    """What a statement is for: its actions have the same resource."""
    (resource,) = {action.resource for action in ACTIONS if action.name in names}
    return resource


def _sid(feature: str) -> str:
    """The id of a statement. IAM accepts letters and digits only."""
    return ''.join(word[:1].upper() + word[1:] for word in re.findall(r'[A-Za-z0-9]+', feature))


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ['---'] * len(heads), *rows]
    return ''.join('| ' + ' | '.join(cell.replace('|', '\\|') for cell in line) + ' |\n' for line in lines)


def _json(value: Any) -> str:
    return json.dumps(value, indent=4) + '\n'
