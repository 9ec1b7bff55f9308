"""One line for Nagios and its kin, by the plug-in guidelines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from standalone.declarations import Declaration
from standalone.model import PREFIX, STATUS_NAMES, Context, ServiceCheck
from standalone.report import Report

OK, WARNING, CRITICAL, UNKNOWN = range(4)
SEVERITY = {OK: 0, UNKNOWN: 1, WARNING: 2, CRITICAL: 3}
UNITS = {'percent': '%', 'second': 's'}
TARGET_TAGS = ('aws_account', 'region')
LONGEST_MESSAGE = 160
MOST_PROBLEMS = 5
RANGE = re.compile(r'@?(?:(?:~|-?[\d.]+):)?(?:-?[\d.]+)?')
COMPARISON = re.compile(r'(<=?|>=?)\s*(-?[\d.]+)')


def render(reports: Sequence[Report], declarations: Mapping[str, Declaration] | None = None) -> tuple[str, int]:
    """Returns the status line and the exit code, which tell of the last run of each instance.

    A run that failed or said nothing counts as unknown. `declarations` has the units by metric name.
    """
    problems = list(_problems(reports))
    code = max((status for status, _ in problems), key=SEVERITY.__getitem__, default=OK)
    if problems:
        # Each once, the worst first; else in the order of their text, so that the line does not flicker.
        ordered = sorted(set(problems), key=lambda problem: (-SEVERITY[problem[0]], problem[1]))
        text = '; '.join(f'{STATUS_NAMES[status]} {problem}' for status, problem in ordered[:MOST_PROBLEMS])
        if len(ordered) > MOST_PROBLEMS:
            text += f'; and {len(ordered) - MOST_PROBLEMS} more'
    else:
        total = sum(len(report.last.service_checks) for report in reports if report.last)
        text = f'all {total} statuses are OK' if total != 1 else 'the one status is OK'
    perfdata = ' '.join(_perfdata(reports, declarations or {}))
    line = status_line(code, text)
    return (f'{line} | {perfdata}' if perfdata else line), code


def status_line(code: int, text: str) -> str:
    """Returns `SES <STATUS> - <text>`, the text made safe for one line."""
    return f'SES {STATUS_NAMES[code]} - {_one_line(text)}'


def _problems(reports: Sequence[Report]) -> Iterator[tuple[int, str]]:
    for report in reports:
        if report.last is None:
            yield UNKNOWN, f'{report.check_id}: not run'
            continue
        if report.last.error is not None:
            yield UNKNOWN, _shortened(f'the run failed: {report.last.error}')
        elif not report.last.service_checks:
            yield UNKNOWN, f'{report.check_id}: no status was reported'
        latest = {Context.of(service_check): service_check for service_check in report.last.service_checks}
        for service_check in latest.values():
            status = service_check.status if service_check.status in SEVERITY else UNKNOWN
            if status != OK:
                yield status, _problem(service_check, report)


def _problem(service_check: ServiceCheck, report: Report) -> str:
    own = set(_own_tags(report))
    tags = [tag for tag in sorted(set(service_check.tags)) if tag not in own]
    where = f' ({", ".join(tags)})' if tags else ''
    what = f': {service_check.message}' if service_check.message else ''
    return _shortened(f'{service_check.name.removeprefix(PREFIX)}{where}{what}')


def _perfdata(reports: Sequence[Report], declarations: Mapping[str, Declaration]) -> Iterator[str]:
    figures: dict[tuple[tuple[str, ...], str], str] = {}
    for report in reports:
        thresholds = _thresholds(report.instance)
        own = set(_own_tags(report))
        for one in report.series.sorted():
            name = one.context.name.removeprefix(PREFIX)
            target = _target(one.context.tags, own)
            if one.type != 'gauge' or target is None or name.startswith('collector.'):
                continue
            declared = declarations.get(one.context.name)
            unit = UNITS.get(declared.unit, '') if declared else ''
            limits = thresholds.get(name, ('', ''))
            figures[target, name] = ';'.join([_number(one.value) + unit, *limits]).rstrip(';')
    several = len({target for target, _ in figures}) > 1
    for (target, name), figure in sorted(figures.items()):
        label = '/'.join((*target, name)) if several else name
        yield f'{_quoted(label)}={figure}'


def _target(tags: Sequence[str], own: set[str]) -> tuple[str, ...] | None:
    """Returns account and Region of what has no other tags of its own, None for everything narrower than an account."""
    found = dict.fromkeys(TARGET_TAGS, '')
    for tag in tags:
        key, _, value = tag.partition(':')
        if key in found:
            found[key] = value
        elif tag not in own:
            return None
    return tuple(value for value in found.values() if value)


def _own_tags(report: Report) -> Iterator[str]:
    tags = report.instance.get('tags')
    if isinstance(tags, (list, tuple)):
        yield from (str(tag) for tag in tags)
    service = report.instance.get('service')
    if service:
        yield f'service:{service}'


def _thresholds(instance: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    entries = instance.get('thresholds')
    return {
        str(entry.get('metric', '')).removeprefix(PREFIX): (_range(entry.get('warning')), _range(entry.get('critical')))
        for entry in (entries if isinstance(entries, (list, tuple)) else ())
        if isinstance(entry, dict)
    }


def _range(threshold: Any) -> str:
    """Returns a threshold in the guidelines' range form, '' for what has none."""
    text = '' if threshold is None else str(threshold).strip()
    comparison = COMPARISON.fullmatch(text)
    if comparison:
        return comparison.group(2) + (':' if comparison.group(1).startswith('<') else '')
    return text if RANGE.fullmatch(text) else ''


def _number(value: float) -> str:
    """Writes a number in digits alone: the guidelines know no exponent."""
    text = f'{Decimal(repr(float(value))):f}'
    return text.removesuffix('.0')


def _quoted(label: str) -> str:
    # An equals sign would end the label and has no escape.
    return "'{}'".format(_one_line(label).replace('=', '_').replace("'", "''"))


def _shortened(text: str) -> str:
    text = _one_line(text)
    return text if len(text) <= LONGEST_MESSAGE else text[: LONGEST_MESSAGE - 3].rstrip() + '...'


def _one_line(text: str) -> str:
    return ' '.join(text.replace('|', '/').split())
