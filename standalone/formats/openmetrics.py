"""OpenMetrics text, for Prometheus and whatever else scrapes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from standalone.declarations import Declaration
from standalone.model import Context
from standalone.report import Report

NOT_IN_NAME = re.compile(r'[^a-zA-Z0-9_]')
STATUS_HELP = 'Service check: 0 OK, 1 warning, 2 critical, 3 unknown.'
Labels = tuple[tuple[str, str], ...]


@dataclass
class Family:
    """All samples of one name. `type` is gauge or counter."""

    type: str
    description: str
    samples: dict[Labels, float] = field(default_factory=dict)


def render(
    reports: Sequence[Report], counters: Mapping[Context, float], declarations: Mapping[str, Declaration] | None = None
) -> str:
    """Returns gauges and statuses of the reports, and the counts as the counters they have come to.

    `counters` has the cumulative value of each count, `declarations` the descriptions by metric name.
    """
    declarations = declarations or {}
    series = [one for report in reports for one in report.series.sorted() if one.type == 'gauge']
    statuses = [entry for report in reports for entry in report.service_checks.items()]
    names = _FamilyNames(declarations)
    families: dict[str, Family] = {}

    for name in sorted({one.context.name for one in series}):
        family = families[names.gauge(name)] = Family('gauge', _description(declarations, name))
        family.samples.update({_labels(one.context): one.value for one in series if one.context.name == name})
    for name in sorted({context.name for context in counters}):
        family = families[names.counter(name)] = Family('counter', _description(declarations, name))
        for context, value in counters.items():
            if context.name == name:
                # Different tags can become the same labels; what they counted belongs together then.
                labels = _labels(context)
                family.samples[labels] = family.samples.get(labels, 0.0) + value
    for name in sorted({context.name for context, _ in statuses}):
        family = families[names.status(name)] = Family('gauge', STATUS_HELP)
        for context, (service_check, _) in statuses:
            if context.name == name:
                family.samples[_labels(context)] = service_check.status

    return '\n'.join([*(line for name in sorted(families) for line in _lines(name, families[name])), '# EOF'])


class _FamilyNames:
    """Gives each metric a family name of its own, the same one in every output as far as declarations allow."""

    def __init__(self, declarations: Mapping[str, Declaration]) -> None:
        self._reserved: set[str] = set()
        self._known: dict[tuple[str, str], str] = {}
        # First the declared ones, so that a name does not depend on what else happened to be submitted.
        for name in sorted(declarations):
            if declarations[name].type == 'count':
                self.counter(name)
            else:
                self.gauge(name)

    def gauge(self, name: str) -> str:
        return self._name('gauge', name, _plain(name), ('',))

    def counter(self, name: str) -> str:
        return self._name('counter', name, _plain(name), ('', '_total', '_created'))

    def status(self, name: str) -> str:
        plain = _plain(name)
        return self._name('service_check', name, plain if plain.endswith('_status') else f'{plain}_status', ('',))

    def _name(self, kind: str, name: str, wanted: str, suffixes: Iterable[str]) -> str:
        if (kind, name) not in self._known:
            family = wanted
            while any(family + suffix in self._reserved for suffix in suffixes):
                family = f'{family}_{kind}'
            self._reserved.update(family + suffix for suffix in suffixes)
            self._known[kind, name] = family
        return self._known[kind, name]


def _plain(name: str) -> str:
    name = NOT_IN_NAME.sub('_', name)
    return f'_{name}' if not name or name[0].isdigit() else name


def _labels(context: Context) -> Labels:
    values: dict[str, list[str]] = {}
    for tag in context.tags:
        key, colon, value = tag.partition(':')
        label = _label_name(key) if colon else 'tag'
        values.setdefault(label, []).append(value if colon else tag)
    if context.hostname:
        values.setdefault('host', []).append(context.hostname)
    return tuple((label, ','.join(sorted(set(values[label])))) for label in sorted(values))


def _label_name(key: str) -> str:
    name = _plain(key)
    # Names with two leading underscores belong to Prometheus.
    return f'tag{name}' if name.startswith('__') else name


def _description(declarations: Mapping[str, Declaration], name: str) -> str:
    declared = declarations.get(name)
    return declared.description if declared else ''


def _lines(name: str, family: Family) -> Iterable[str]:
    yield f'# TYPE {name} {family.type}'
    if family.description:
        yield f'# HELP {name} {_escaped(family.description)}'
    suffix = '_total' if family.type == 'counter' else ''
    for labels, value in sorted(family.samples.items()):
        inner = ','.join(f'{label}="{_escaped(text)}"' for label, text in labels)
        yield f'{name}{suffix}{{{inner}}} {value!r}' if inner else f'{name}{suffix} {value!r}'


def _escaped(text: str) -> str:
    # A carriage return would end the line for many a reader, and there is no escape for it.
    return text.replace('\\', '\\\\').replace('"', '\\"').replace('\r', ' ').replace('\n', '\\n')
