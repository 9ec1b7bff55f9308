"""OpenMetrics text, for Prometheus and other scrapers."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from standalone.declarations import Declaration
from standalone.model import Context
from standalone.report import Report
from standalone.terminal import underscored

NOT_IN_NAME = re.compile(r'[^a-zA-Z0-9_]')
STATUS_HELP = 'Service check: 0 OK, 1 warning, 2 critical, 3 unknown.'
SUFFIXES = {'gauge': ('',), 'counter': ('', '_total', '_created'), 'service_check': ('',)}
"""The kinds of families, in the order in which names are assigned, and the suffixes of their sample names."""

Labels = tuple[tuple[str, str], ...]


@dataclass
class Family:
    """All samples of a name. `type` is gauge or counter."""

    type: str
    description: str
    samples: dict[Labels, float] = field(default_factory=dict)


def render(
    reports: Sequence[Report], counters: Mapping[Context, float], declarations: Mapping[str, Declaration] | None = None
) -> str:
    """Returns gauges and statuses of the reports, and all counts as counters.

    `counters` has the cumulative value of each count, `declarations` the descriptions by metric name.
    """
    declarations = declarations or {}
    names = _FamilyNames(declarations)
    families: dict[str, Family] = {}
    order = list(SUFFIXES)
    points = sorted(_points(reports, counters), key=lambda point: (order.index(point[0]), point[1].name))
    for kind, context, value in points:
        name = names.assign(kind, context.name)
        if name not in families:
            declared = declarations.get(context.name)
            description = declared.description if declared else ''
            families[name] = Family('gauge', STATUS_HELP) if kind == 'service_check' else Family(kind, description)
        labels, samples = _labels(context), families[name].samples
        # Different tags can become the same labels: their counts are added.
        samples[labels] = value + samples.get(labels, 0.0) if kind == 'counter' else value
    return '\n'.join([*(line for name in sorted(families) for line in _lines(name, families[name])), '# EOF'])


def _points(reports: Sequence[Report], counters: Mapping[Context, float]) -> Iterator[tuple[str, Context, float]]:
    for report in reports:
        for series in report.series:
            if series.type == 'gauge':
                yield 'gauge', series.context, series.value
        for context, (service_check, _) in report.service_checks.items():
            yield 'service_check', context, service_check.status
    for context, value in counters.items():
        yield 'counter', context, value


class _FamilyNames:
    """Gives each metric a family name that no other has, the same in every output as far as declarations allow."""

    def __init__(self, declarations: Mapping[str, Declaration]) -> None:
        self._reserved: set[str] = set()
        self._assigned: dict[tuple[str, str], str] = {}
        # Declared metrics come first, so that a name does not depend on which other metrics were submitted.
        for name in sorted(declarations):
            self.assign('counter' if declarations[name].type == 'count' else 'gauge', name)

    def assign(self, kind: str, name: str) -> str:
        if (kind, name) not in self._assigned:
            family = _plain(name)
            if kind == 'service_check' and not family.endswith('_status'):
                family += '_status'
            while any(family + suffix in self._reserved for suffix in SUFFIXES[kind]):
                family = f'{family}_{kind}'
            self._reserved.update(family + suffix for suffix in SUFFIXES[kind])
            self._assigned[kind, name] = family
        return self._assigned[kind, name]


def _plain(name: str) -> str:
    name = NOT_IN_NAME.sub('_', name)
    return f'_{name}' if not name or name[0].isdigit() else name


def _labels(context: Context) -> Labels:
    values: dict[str, set[str]] = defaultdict(set)
    for tag in context.tags:
        key, colon, value = tag.partition(':')
        name = _plain(key) if colon else 'tag'
        # Names with two leading underscores belong to Prometheus.
        values[f'tag{name}' if name.startswith('__') else name].add(underscored(value if colon else tag, '\n'))
    if context.hostname:
        values['host'].add(underscored(context.hostname))
    return tuple((label, ','.join(sorted(texts))) for label, texts in sorted(values.items()))


def _lines(name: str, family: Family) -> Iterator[str]:
    yield f'# TYPE {name} {family.type}'
    if family.description:
        yield f'# HELP {name} {_escaped(family.description)}'
    suffix = '_total' if family.type == 'counter' else ''
    for labels, value in sorted(family.samples.items()):
        pairs = ','.join(f'{label}="{_escaped(text)}"' for label, text in labels)
        yield f'{name}{suffix}{{{pairs}}} {value!r}' if pairs else f'{name}{suffix} {value!r}'


def _escaped(text: str) -> str:
    # A carriage return would end the line for many readers, and has no escape.
    return text.replace('\\', '\\\\').replace('"', '\\"').replace('\r', ' ').replace('\n', '\\n')
