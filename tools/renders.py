"""The text of each generated file: from spec.yaml for what concerns options, from the catalogue for all else."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from runpy import run_path
from typing import Any

from tools import coverage
from tools.boards import files as boards

ROOT = Path(__file__).resolve().parent.parent
SPEC = 'assets/configuration/spec.yaml'
PACKAGE = 'datadog_checks/amazon_ses'
EXAMPLE = f'{PACKAGE}/data/conf.yaml.example'
MODELS = f'{PACKAGE}/config_models'
METADATA = 'metadata.csv'
SERVICE_CHECKS = 'assets/service_checks.json'
IAM_POLICY = 'assets/iam_policy.json'
README = 'README.md'

MODEL_FILES = ('__init__.py', 'defaults.py', 'instance.py', 'shared.py')
"""The generated models. `validators.py` beside them is written by hand."""

COLUMNS = (
    'metric_name',
    'metric_type',
    'interval',
    'unit_name',
    'per_unit_name',
    'description',
    'orientation',
    'integration',
    'short_name',
    'curated_metric',
    'sample_tags',
)

AGENT_VERSION = '7.74.0'
"""A field that service_checks.json must have. What is needed in fact is the base package named in pyproject.toml."""


def example() -> str:
    """The example configuration, byte for byte as `ddev validate config --sync` writes it."""
    from datadog_checks.dev.tooling.configuration.consumers import ExampleConsumer

    ((text, errors),) = ExampleConsumer(_spec()).render().values()
    _refuse(errors)
    return str(text)


def models() -> dict[str, str]:
    """The config models by file name, as `ddev validate models --sync` writes them outside integrations-core."""
    from datadog_checks.dev.tooling.configuration.consumers import ModelConsumer
    from datadog_checks.dev.tooling.utils import get_config_models_documentation

    texts = {}
    for name, (text, errors) in ModelConsumer(_spec()).render()['amazon_ses.yaml'].items():
        _refuse(errors)
        if name != 'validators.py':
            texts[name] = f'{get_config_models_documentation()}\n{text}'
    if sorted(texts) != sorted(MODEL_FILES):
        raise ValueError(f'The models rendered from {SPEC} are {sorted(texts)}, expected {sorted(MODEL_FILES)}.')
    return texts


def metadata() -> str:
    """The metrics, one line each, sorted by name."""
    from datadog_checks.amazon_ses.catalogue import METRICS

    lines = io.StringIO()
    table = csv.writer(lines, lineterminator='\n')
    table.writerow(COLUMNS)
    for metric in _distinct(METRICS):
        table.writerow(
            (
                metric.full_name,
                metric.type.value,
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
    from datadog_checks.amazon_ses.catalogue import STATUSES
    from datadog_checks.amazon_ses.model import PREFIX

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
    """The least policy: exactly the actions used, one statement for each feature."""
    return _json(
        {
            'Version': '2012-10-17',
            'Statement': [
                {'Sid': _sid(feature), 'Effect': 'Allow', 'Action': sorted(names), 'Resource': '*'}
                for feature, names in _permissions().items()
            ],
        }
    )


def readme() -> str:
    """README.md with every generated table in place."""
    text = (ROOT / README).read_text(encoding='utf-8')
    for name, render in TABLES.items():
        start, end = f'<!-- {name}: generated -->', f'<!-- {name}: end -->'
        if text.count(start) != 1 or text.count(end) != 1:
            raise ValueError(f'{README} needs the lines {start} and {end} once each.')
        before, rest = text.split(start)
        text = f'{before}{start}\n{render()}{end}{rest.split(end)[1]}'
    return text


def metrics_table() -> str:
    from datadog_checks.amazon_ses.catalogue import METRICS

    return _table(
        ('Metric', 'Type', 'Unit', 'Description'),
        (
            (f'`{metric.full_name}`', metric.type.value, _unit(metric), metric.description)
            for metric in _distinct(METRICS)
        ),
    )


def service_checks_table() -> str:
    from datadog_checks.amazon_ses.catalogue import STATUSES
    from datadog_checks.amazon_ses.model import PREFIX

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
    from datadog_checks.amazon_ses.catalogue import EVENTS
    from datadog_checks.amazon_ses.model import PREFIX

    return _table(
        ('Event (aggregation key)', 'Description'),
        ((f'`{PREFIX}{event.name}`', event.description) for event in _distinct(EVENTS)),
    )


def permissions_table() -> str:
    return _table(
        ('Permission', 'What is lost without it'),
        (
            (', '.join(f'`{name}`' for name in sorted(names)), feature[:1].upper() + feature[1:])
            for feature, names in _permissions().items()
        ),
    )


def options_table() -> str:
    from datadog_checks.amazon_ses.config_models import defaults

    rows = []
    for option in _options():
        default = getattr(defaults, f'instance_{option["name"]}', lambda: '')()
        shown = json.dumps(default) if isinstance(default, bool) else str(default)
        first = option['description'].strip().split('\n\n')[0].replace('\n', ' ')
        rows.append((f'`{option["name"]}`', f'`{shown}`' if shown else '', first))
    return _table(('Option', 'Default', 'Meaning'), rows)


TABLES: dict[str, Callable[[], str]] = {
    'options': options_table,
    'permissions': permissions_table,
    'metrics': metrics_table,
    'events': events_table,
    'service checks': service_checks_table,
    'coverage': coverage.render,
    **boards.TABLES,
}
"""The generated parts of README.md by the name in their markers."""


def _model(name: str) -> Callable[[], str]:
    return lambda: models()[name]


FILES: dict[str, Callable[[], str]] = {
    EXAMPLE: example,
    **{f'{MODELS}/{name}': _model(name) for name in MODEL_FILES},
    METADATA: metadata,
    SERVICE_CHECKS: service_checks,
    IAM_POLICY: iam_policy,
    **boards.FILES,
    README: readme,
}
"""Each generated file and its text. The models come before what imports them."""


def _spec() -> dict[str, Any]:
    # The consumers change what they render from, so each gets a fresh one.
    from datadog_checks.dev.tooling.configuration import ConfigSpec

    version = run_path(str(ROOT / PACKAGE / '__about__.py'))['__version__']
    spec = ConfigSpec((ROOT / SPEC).read_text(encoding='utf-8'), source='amazon_ses', version=version)
    spec.load()
    _refuse(spec.errors)
    loaded: dict[str, Any] = spec.data
    return loaded


def _options() -> list[dict[str, Any]]:
    (file,) = _spec()['files']
    (section,) = (section for section in file['options'] if section['name'] == 'instances')
    return [option for option in section['options'] if not option['hidden']]


def _refuse(errors: Sequence[str]) -> None:
    if errors:
        raise ValueError(f'{SPEC} cannot be rendered: ' + '; '.join(errors))


def _distinct(specs: Iterable[Any]) -> list[Any]:
    """Each declaration once, sorted by name: sources that tell the same thing share its declaration."""
    return sorted(dict.fromkeys(specs), key=lambda spec: spec.name)


def _permissions() -> dict[str, set[str]]:
    from datadog_checks.amazon_ses.catalogue import ACTIONS

    permissions: dict[str, set[str]] = {}
    for action in sorted(ACTIONS, key=lambda action: (action.feature.lower(), action.name)):
        permissions.setdefault(action.feature, set()).add(action.name)
    return permissions


def _sid(feature: str) -> str:
    """A statement's id: letters and digits is all that IAM takes."""
    return ''.join(word[:1].upper() + word[1:] for word in re.findall(r'[A-Za-z0-9]+', feature))


def _unit(metric: Any) -> str:
    return f'{metric.unit} / {metric.per_unit}' if metric.per_unit else str(metric.unit)


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heads, ['---'] * len(heads), *rows]
    return ''.join('| ' + ' | '.join(cell.replace('|', '\\|') for cell in line) + ' |\n' for line in lines)


def _json(value: Any) -> str:
    return json.dumps(value, indent=4) + '\n'
