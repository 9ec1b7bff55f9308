"""The output of `agent check`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone

from standalone.formats import agent_format
from standalone.report import Report
from standalone.terminal import visible

BLUE, GREEN, YELLOW, RED, PLAIN = '\033[34m', '\033[32m', '\033[33m', '\033[31m', '\033[0m'
LINE_END = '\n'
STATUS_COLOURS = {'OK': GREEN, 'WARNING': YELLOW, 'ERROR': RED}


def render(reports: Sequence[Report], verbose: bool = False, coloured: bool = False) -> str:
    """Returns what `agent check amazon_ses` prints; tracebacks are in it when `verbose`."""
    lines: list[str] = []
    for report in reports:
        lines += _groups(report, coloured)
        lines += _status(report, verbose, coloured)
    if any(report.runs == 1 for report in reports):
        # The Agent names its option --check-rate here.
        hint = 'Check has run only once, if some metrics are missing you can try again with --runs 2.'
        lines += [_paint(hint, YELLOW, coloured)]
    if len(reports) > 1:
        lines += [_paint(f'This check type has {len(reports)} instances.', YELLOW, coloured)]
    return '\n'.join(lines)


def _groups(report: Report, coloured: bool) -> Iterator[str]:
    groups = {
        'Series': agent_format.series(report),
        'Service Checks': agent_format.service_checks(report),
        'Events': report.events,
    }
    for name, members in groups.items():
        if members:
            yield f'=== {_paint(name, BLUE, coloured)} ==='
            yield visible(json.dumps(members, indent=2, default=str, ensure_ascii=False), '\n')


def _status(report: Report, verbose: bool, coloured: bool) -> Iterator[str]:
    title = f'{agent_format.CHECK_NAME} ({report.version})'
    yield from ('=========', 'Collector', '=========', '', '  Running Checks', '  ==============', '')
    yield from (f'    {title}', f'    {"-" * len(title)}')
    yield from (f'      {line}' if line else '' for line in _instance(report, verbose, coloured))
    yield from ('', '  Metadata', '  ========')
    yield from (visible(f'    {name}: {value}') for name, value in sorted(report.metadata.items()))
    yield ''


def _instance(report: Report, verbose: bool, coloured: bool) -> Iterator[str]:
    last = report.last
    status = last.status_name if last else 'OK'
    yield f'Instance ID: {visible(report.check_id)} [{_paint(status, STATUS_COLOURS[status], coloured)}]'
    yield f'Configuration Source: {visible(report.source)}'
    yield f'Total Runs: {report.runs}'
    samples, events, statuses = (len(last.metrics), len(last.events), len(last.service_checks)) if last else (0, 0, 0)
    yield f'Metric Samples: Last Run: {samples:,}, Total: {report.total_samples:,}'
    yield f'Events: Last Run: {events:,}, Total: {report.total_events:,}'
    yield f'Service Checks: Last Run: {statuses:,}, Total: {report.total_service_checks:,}'
    yield f'Average Execution Time : {_duration(report.average_duration)}'
    yield f'Last Execution Date : {_date(last.time if last else None)}'
    yield f'Last Successful Execution Date : {_date(report.last_success)}'
    if last and last.error is not None:
        yield f'Error: {visible(last.error, LINE_END)}'
        if verbose:
            yield from map(visible, last.traceback.splitlines())
    for warning in last.warnings if last else ():
        yield f'Warning: {visible(warning, LINE_END)}'


def _date(time: float | None) -> str:
    if time is None:
        return 'Never'
    return f'{datetime.fromtimestamp(time, timezone.utc):%Y-%m-%d %H:%M:%S} UTC ({int(time * 1000)})'


def _duration(seconds: float) -> str:
    """Writes whole milliseconds as the Agent does: 0s, 211ms, 1.5s, 1m2s."""
    milliseconds = round(seconds * 1000)
    if milliseconds == 0:
        return '0s'
    if milliseconds < 1000:
        return f'{milliseconds}ms'
    minutes, milliseconds = divmod(milliseconds, 60_000)
    text = f'{milliseconds / 1000:.3f}'.rstrip('0').rstrip('.') + 's'
    return f'{minutes}m{text}' if minutes < 60 else f'{minutes // 60}h{minutes % 60}m{text}' if minutes else text


def _paint(text: str, colour: str, coloured: bool) -> str:
    return f'{colour}{text}{PLAIN}' if coloured else text
