"""The printed page: plain text of at most 120 columns, for a person. Pure: it returns lines."""

from __future__ import annotations

import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from demo.proof import CALLS, LEFT_OUT, SINCE, Compared
from demo.tally import Key, Tally, valued

if TYPE_CHECKING:
    from demo.scene import Scene

WIDTH = 110
ERRORS = 'amazon_ses.collector.api_errors'
COST = 'amazon_ses.collector.estimated_cost'
THROTTLES = 'amazon_ses.collector.api_throttles'
REQUESTS = (CALLS, ERRORS, THROTTLES)
REAL_TIME = 'amazon_ses.collector.run_duration'
PREFIX = 'amazon_ses.'
SENDERS = {'configuration_set': 'configuration set', 'dimension': 'named dimension'}
RECEIVING = 'receiving'
MOST_ROWS = 10
"""Configuration sets, named dimensions or receipt rules that are shown for each Region."""

FAMILIES = {
    'account': 'newest settled period, exact counts',
    'reputation': 'as AWS judges the account',
    'quota': 'with the send rate',
    'standing': 'of the account',
    'collector': 'the collection itself',
}
GREEN, RED, BOLD, PLAIN = '\033[32m', '\033[31m', '\033[1m', '\033[0m'

Paint = Callable[[str, str], str]
"""Gives a text a colour, or leaves it as it is."""


def painter(coloured: bool) -> Paint:
    return (lambda text, colour: f'{colour}{text}{PLAIN}') if coloured else (lambda text, colour: text)


def clock_time(instant: float) -> str:
    return f'{datetime.fromtimestamp(instant, timezone.utc):%H:%M:%S}'


def date_and_time(instant: float) -> str:
    return f'{datetime.fromtimestamp(instant, timezone.utc):%Y-%m-%d %H:%M:%S} UTC'


def number(value: float) -> str:
    """A value as briefly as it stays true enough: whole numbers whole, small ones with three digits."""
    if value == int(value):
        return f'{value:,.0f}'
    return f'{value:,.2f}' if abs(value) >= 1 else f'{value:.3g}'


def family(name: str) -> str:
    """The family of a metric, from its name."""
    parts = name.removeprefix(PREFIX).split('.')
    if parts[0] == 'can_connect':
        return 'collector'
    if len(parts) == 1 or parts[1:] == ['count']:
        return 'account'
    return {'account': 'standing'}.get(parts[0], parts[0])


def title(text: str, paint: Paint) -> Iterator[str]:
    yield ''
    yield paint(text.upper(), BOLD)


def folded(text: str, indent: int, first: str = '') -> list[str]:
    """A text in lines of the page's width, all but the first indented."""
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=' ' * indent, break_long_words=False)


def metrics(
    values: Mapping[Key, float], totals: Mapping[Key, float], regions: tuple[str, ...], units: Mapping[str, str]
) -> Iterator[str]:
    """The last value of each gauge and the total of each count, by family, a column for each Region."""
    totals = _without_operations(totals)
    rows = {(key.name, key.tags) for key in (*values, *totals)}
    own_tables = {*SENDERS, RECEIVING}
    for one in [*FAMILIES, *sorted({family(name) for name, _ in rows} - {*FAMILIES, *own_tables})]:
        members = sorted(row for row in rows if family(row[0]) == one)
        if not members:
            continue
        yield ''
        yield _row(f'  {one}: {FAMILIES.get(one, "")}'.rstrip(': '), regions, '')
        for name, tags in members:
            keys = [Key(name, region, tags) for region in regions]
            label = ' '.join((name.removeprefix(PREFIX), *tags))
            unit = 'UTC' if name == SINCE else units.get(name, '')
            total = ', total' if any(key in totals for key in keys) else ''
            yield _row(f'    {label}', [_cell(key, values, totals) for key in keys], unit + total)


def _without_operations(totals: Mapping[Key, float]) -> dict[Key, float]:
    """The totals with requests summed over operations and reasons, which have a table of their own."""
    found: dict[Key, float] = {}
    for key, value in totals.items():
        one = key._replace(tags=()) if key.name in REQUESTS else key
        found[one] = found.get(one, 0.0) + value
    return found


def _cell(key: Key, values: Mapping[Key, float], totals: Mapping[Key, float]) -> str:
    value = totals.get(key, values.get(key))
    if value is None:
        return '-'
    if key.name == REAL_TIME:
        # The only reading that is not the same each time.
        return 'real time'
    return clock_time(value) if key.name == SINCE else number(value)


def _row(label: str, cells: Iterable[str], unit: str) -> str:
    return (f'{label:<48}' + ''.join(f'{cell:>16}' for cell in cells) + f'  {unit}').rstrip()


def failures(errors: Iterable[tuple[float, str]]) -> Iterator[str]:
    """The runs that failed as a whole, each error once with the first time and the number of runs."""
    told: dict[str, list[float]] = {}
    for time, error in errors:
        told.setdefault(error, []).append(time)
    for error, times in told.items():
        yield from folded(f'{error} ({len(times):,} runs)', 12, f'  {clock_time(times[0])}  ')


def statuses(tally: Tally) -> Iterator[str]:
    """Each service check of each Region, from change to change."""
    for key, changes in sorted(tally.changes.items()):
        yield f'  {" ".join((key.name, key.region, *key.tags))}'
        for change in changes:
            first = f'    {clock_time(change.time)}  {change.level:<9}'
            yield from folded(change.message, len(first), first) if change.message else [first.rstrip()]


def events(tally: Tally) -> Iterator[str]:
    """All events in the order of their time."""
    for time, event in sorted(tally.events, key=lambda one: one[0]):
        where = valued(event.get('tags', ()), 'region')
        yield from folded(
            f'{event.get("msg_title", "")}: {event.get("msg_text", "")}',
            34,
            f'  {clock_time(time)}  {where:<14} {event.get("alert_type", ""):<8} ',
        )
    if not tally.events:
        yield '  none'


def calls(
    tally: Tally, compared: Iterable[Compared], throttled: Mapping[tuple[str, str], Mapping[str, int]]
) -> Iterator[str]:
    """Requests by Region and operation, beside those in the simulator's own log, and who throttled them."""
    yield f'  {"Region":<14} {"operation":<25} {"sent":>7} {"in AWS log":>11} {"difference":>11} {"failed":>7}  why'
    for one in compared:
        failed: dict[str, float] = {}
        for key, value in tally.totals.items():
            if key.name == ERRORS and key.region == one.region and valued(key.tags, 'operation') == one.name:
                failed[valued(key.tags, 'reason')] = value
        by_whom = ', '.join(f'{times} {by}' for by, times in sorted(throttled.get((one.region, one.name), {}).items()))
        reasons = [
            f'{reason} {value:,.0f}' + (f' ({by_whom})' if reason == 'throttled' and by_whom else '')
            for reason, value in sorted(failed.items())
        ]
        first = (
            f'  {one.region:<14} {one.name:<25} {one.submitted:>7,.0f} {one.true:>11,.0f} {one.difference:>11,.0f} '
            f'{sum(failed.values()):>7,.0f}  '
        )
        yield from folded(', '.join(reasons), len(first), first) if reasons else [first.rstrip()]


def costs(values: Mapping[Key, float], compared: Iterable[Compared]) -> Iterator[str]:
    """Metrics asked for in each Region, which AWS bills, beside those in the simulator's own log, and their cost."""
    yield f'  {"Region":<35} {"billed":>7} {"in AWS log":>11} {"difference":>11}  estimated for 30 days'
    for one in compared:
        cost = values.get(Key(COST, one.region))
        dollars = '' if cost is None else f'  ${cost:,.2f}'
        yield f'  {one.region:<35} {one.submitted:>7,.0f} {one.true:>11,.0f} {one.difference:>11,.0f}{dollars}'


def counts(compared: Iterable[Compared]) -> Iterator[str]:
    """Each count beside what CloudWatch finally holds of it."""
    yield (
        f'  {"count":<36} {"Region":<14} {"counting since":>15} {"CloudWatch holds":>17} {"submitted":>11} '
        f'{"difference":>11}'
    )
    for one in compared:
        since = '-' if one.since is None else clock_time(one.since)
        yield (
            f'  {one.name:<36} {one.region:<14} {since:>15} {one.true:>17,.0f} {one.submitted:>11,.0f} '
            f'{one.difference:>11,.0f}'
        )


def counts_of_many(family: str, compared: Iterable[Compared]) -> Iterator[str]:
    """The counts of a family with many series: a line for each with their sum in all Regions, and each that differs."""
    together: dict[str, list[Compared]] = {}
    for one in compared:
        together.setdefault(one.name, []).append(one)
    head = f'count of {family}, all Regions'
    yield f'  {head:<56} {"series":>6} {"CloudWatch holds":>17} {"submitted":>11} {"difference":>11}'
    for name, members in together.items():
        true, submitted = sum(one.true for one in members), sum(one.submitted for one in members)
        yield f'  {name:<56} {len(members):>6} {true:>17,.0f} {submitted:>11,.0f} {submitted - true:>11,.0f}'
        for one in members:
            if one.difference:
                label = f'  of {" ".join(one.tags)}, {one.region}'
                yield f'  {label[:63]:<63} {one.true:>17,.0f} {one.submitted:>11,.0f} {one.difference:>11,.0f}'


def senders(kind: str, tally: Tally, regions: Iterable[str], values: Mapping[Key, float]) -> Iterator[str]:
    """Who bounces: the configuration sets or named dimensions of each Region, the one with most bounces first."""
    yield (
        f'  {"Region":<14} {SENDERS[kind]:<25} {"accepted":>9} {"delivered":>10} {"bounced":>8} '
        f'{"of its mail":>12} {"of all bounces":>15} {"rate of AWS":>12}'
    )
    for region in regions:
        sent, delivered, bounced = (
            tally.by_tags(f'{PREFIX}{kind}.{name}.count', region) for name in ('send', 'delivery', 'bounce')
        )
        worst = sorted(sent, key=lambda tags: (-bounced.get(tags, 0.0), tags))
        for tags in worst[:MOST_ROWS]:
            bounces = bounced.get(tags, 0.0)
            rate = values.get(Key(f'{PREFIX}{kind}.reputation.bounce_rate', region, tags))
            yield (
                f'  {region:<14} {_label(tags, kind)[:25]:<25} {sent[tags]:>9,.0f} {delivered.get(tags, 0.0):>10,.0f} '
                f'{bounces:>8,.0f} {_percent(bounces, sent[tags]):>12} {_percent(bounces, sum(bounced.values())):>15} '
                f'{"-" if rate is None else f"{rate:.1f} %":>12}'
            )
        yield from _not_shown(region, len(worst))


def receivers(tally: Tally, regions: Iterable[str]) -> Iterator[str]:
    """What became of received emails: the rule sets and rules of each Region, the one with most emails first."""
    yield (
        f'  {"Region":<14} {"rule set or rule":<36} {"received":>9} {"all actions ran":>16} {"failed":>8} '
        f'{"given up":>9}'
    )
    for region in regions:
        received, ran, failed, lost = (
            tally.by_tags(f'{PREFIX}{RECEIVING}.{name}.count', region)
            for name in ('received', 'publish_success', 'publish_failure', 'publish_expired')
        )
        most = sorted(received, key=lambda tags: (-received[tags], tags))
        for tags in most[:MOST_ROWS]:
            yield (
                f'  {region:<14} {_label(tags)[:36]:<36} {received[tags]:>9,.0f} {ran.get(tags, 0.0):>16,.0f} '
                f'{failed.get(tags, 0.0):>8,.0f} {lost.get(tags, 0.0):>9,.0f}'
            )
        yield from _not_shown(region, len(most))


def left_out(tally: Tally, regions: Iterable[str]) -> Iterator[str]:
    """How many series of each Region the option `max_series` leaves out."""
    for region in regions:
        number = tally.latest(LEFT_OUT, region)
        if number:
            yield f'  {region:<14} {number:,.0f} series are not asked for, because of the option max_series'


def _not_shown(region: str, rows: int) -> Iterator[str]:
    if rows > MOST_ROWS:
        yield f'  {region:<14} and {rows - MOST_ROWS:,} more'


def _label(tags: Iterable[str], known: str = '') -> str:
    """The tags of a series, without the name of the one that the column is called after."""
    return ' '.join(tag.removeprefix(f'{known}:') for tag in tags)


def _percent(part: float, whole: float) -> str:
    return f'{100 * part / whole:.1f} %' if whole else '-'


def whole(scene: Scene, units: Mapping[str, str], paint: Paint) -> Iterator[str]:
    """The page, from what was done to the proof."""
    chosen, tally, proof = scene.chosen, scene.tally, scene.proof
    hours = (scene.mail_ended - scene.started) / 3600
    yield paint(f'AMAZON SES CHECK, {hours:g} SIMULATED HOURS', BOLD)
    yield (
        f'  scenario {chosen.scenario}, seed {chosen.seed}, account {scene.account or "not known"}, '
        f'{" and ".join(chosen.regions)}'
    )
    yield (
        f'  {date_and_time(scene.started)} first run; {clock_time(scene.mail_ended)} mail ends; '
        f'{clock_time(scene.ended)} last run, when all late data has come'
    )
    if scene.late_share:
        early, late = (round(seconds / 60) for seconds in scene.late)
        yield f'  {100 * scene.late_share:.0f} % of all events reach CloudWatch {early} to {late} minutes late'
    failed = f'{len(tally.errors)} failed' if tally.errors else 'none failed'
    yield f'  {tally.runs:,} runs ({failed}), {tally.samples:,} samples, {len(tally.events)} events'
    if tally.errors:
        yield from title('Failed runs', paint)
        yield from failures(tally.errors)
    yield from title('What went wrong on purpose', paint)
    for one in scene.happened:
        struck = '' if one.struck is None else f' ({one.struck} requests)' if one.struck != 1 else ' (1 request)'
        yield f'  {clock_time(one.time)}  {one.region:<14} {one.what}{struck}'
    if not scene.happened:
        yield '  nothing'
    yield from title('Metrics: last values while there was mail, totals of the whole run', paint)
    yield from metrics(scene.values, tally.totals, chosen.regions, units)
    there = {family(key.name) for key in tally.totals}
    for kind in SENDERS:
        if kind in there:
            yield from title(f'Who causes it: {SENDERS[kind]}s over the whole run', paint)
            yield from senders(kind, tally, chosen.regions, scene.values)
    if RECEIVING in there:
        yield from title('What is received: rule sets and rules, which count the same emails', paint)
        yield from receivers(tally, chosen.regions)
    yield from left_out(tally, chosen.regions)
    yield from title('Service checks', paint)
    yield from statuses(tally)
    yield from title('Events', paint)
    yield from events(tally)
    yield from title('Calls to AWS', paint)
    yield from calls(tally, proof.calls, scene.throttled)
    yield ''
    yield from costs(scene.values, proof.billed)
    yield from title('Proof: what CloudWatch finally holds, what was submitted', paint)
    for name, compared in proof.counts.items():
        if compared:
            yield from counts_of_many(name, compared) if name else counts(compared)
            yield ''
    yield f'  periods given up: {proof.skipped:,.0f}; amounts that CloudWatch took back: {proof.shrunk:,.0f}'
    yield paint(proof.verdict, GREEN if proof.holds else RED)
