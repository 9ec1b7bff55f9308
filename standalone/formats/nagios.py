"""A status line for Nagios and compatible systems, by the plug-in guidelines."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

from standalone.declarations import Declaration
from standalone.model import PREFIX, STATUS_NAMES, Context, ServiceCheck
from standalone.report import Report
from standalone.terminal import visible

OK, WARNING, CRITICAL, UNKNOWN = range(4)
SEVERITY = {OK: 0, UNKNOWN: 1, WARNING: 2, CRITICAL: 3}
UNITS = {'percent': '%', 'second': 's'}
TARGET_TAGS = ('aws_account', 'region')
LONGEST_MESSAGE = 400
MOST_PROBLEMS = 5
RANGE = re.compile(r'@?(?:(?:~|-?[\d.]+):)?(?:-?[\d.]+)?')
COMPARISON = re.compile(r'(<=?|>=?)\s*(-?[\d.]+)')


def render(reports: Sequence[Report], declarations: Mapping[str, Declaration] | None = None) -> tuple[str, int]:
    """Returns the status line and the exit code for the last run of each instance.

    A run that failed or reported no status counts as unknown. `declarations` has the units by metric name.
    """
    problems = list(_problems(reports))
    code = max((status for status, _ in problems), key=SEVERITY.__getitem__, default=OK)
    if problems:
        # Without repeats, the worst first and then by text, so that the line is the same in each run.
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
        latest = {Context.from_submission(service_check): service_check for service_check in report.last.service_checks}
        for service_check in latest.values():
            status = service_check.status if service_check.status in SEVERITY else UNKNOWN
            if status != OK:
                yield status, _problem(service_check, report)


def _problem(service_check: ServiceCheck, report: Report) -> str:
    tags = sorted(set(service_check.tags) - _option_tags(report))
    scope = f' ({", ".join(tags)})' if tags else ''
    message = f': {service_check.message}' if service_check.message else ''
    return _shortened(f'{service_check.name.removeprefix(PREFIX)}{scope}{message}')


def _perfdata(reports: Sequence[Report], declarations: Mapping[str, Declaration]) -> Iterator[str]:
    figures: dict[tuple[tuple[str, ...], str], str] = {}
    for report in reports:
        thresholds = _thresholds(report.instance)
        option_tags = _option_tags(report)
        for series in report.series:
            name = series.context.name.removeprefix(PREFIX)
            target = _target(series.context.tags, option_tags)
            if series.type != 'gauge' or target is None or name.startswith('collector.'):
                continue
            declared = declarations.get(series.context.name)
            unit = UNITS.get(declared.unit, '') if declared else ''
            figures[target, name] = ';'.join([_digits(series.value) + unit, *thresholds.get(name, ())]).rstrip(';')
    several = len({target for target, _ in figures}) > 1
    for (target, name), figure in sorted(figures.items()):
        label = _one_line('/'.join((*target, name)) if several else name)
        # An equals sign would end the label and has no escape.
        yield "'{}'={}".format(label.replace('=', '_').replace("'", "''"), figure)


def _target(tags: Sequence[str], option_tags: set[str]) -> tuple[str, ...] | None:
    """Returns account and Region of a series for a whole account, None for any narrower series."""
    values: dict[str, str] = {}
    for tag in tags:
        key, _, value = tag.partition(':')
        if key in TARGET_TAGS:
            values[key] = value
        elif tag not in option_tags:
            return None
    return tuple(values[key] for key in TARGET_TAGS if values.get(key))


def _option_tags(report: Report) -> set[str]:
    """Returns the tags that the options of the instance add to everything."""
    tags, service = report.instance.get('tags'), report.instance.get('service')
    listed = {str(tag) for tag in tags} if isinstance(tags, (list, tuple)) else set()
    return listed | {f'service:{service}'} if service else listed


def _thresholds(instance: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    thresholds = instance.get('thresholds')
    return {
        str(threshold.get('metric', '')).removeprefix(PREFIX): (
            _range(threshold.get('warning')),
            _range(threshold.get('critical')),
        )
        for threshold in (thresholds if isinstance(thresholds, (list, tuple)) else ())
        if isinstance(threshold, dict)
    }


def _range(limit: Any) -> str:
    """Returns a limit in the guidelines' range form, or '' where it has none."""
    text = '' if limit is None else str(limit).strip()
    comparison = COMPARISON.fullmatch(text)
    if comparison:
        return comparison.group(2) + (':' if comparison.group(1).startswith('<') else '')
    return text if RANGE.fullmatch(text) else ''


def _digits(value: float) -> str:
    """Writes a number without an exponent, which the guidelines do not allow."""
    return f'{Decimal(repr(float(value))):f}'.removesuffix('.0')


def _shortened(text: str) -> str:
    """The text without its middle, where it is too long: its end is the way out."""
    text = _one_line(text)
    if len(text) <= LONGEST_MESSAGE:
        return text
    half = LONGEST_MESSAGE // 2
    return f'{text[:half].rstrip()} ... {text[-half:].lstrip()}'


def _one_line(text: str) -> str:
    return visible(' '.join(text.replace('|', '/').split()))
