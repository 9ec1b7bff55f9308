"""The printed page: plain text of at most 120 columns. Pure: it returns lines."""

from __future__ import annotations

import textwrap
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timezone
from itertools import chain
from typing import TYPE_CHECKING

from demo.proof import CALLS, LEFT_OUT, SINCE, Comparison
from demo.tally import Key, Tally, tag_value

if TYPE_CHECKING:
    from demo.scene import Incident, Scene

WIDTH = 110
ERRORS = 'amazon_ses.collector.api_errors'
COST = 'amazon_ses.collector.estimated_cost'
THROTTLES = 'amazon_ses.collector.api_throttles'
REQUESTS = (CALLS, ERRORS, THROTTLES)
REAL_TIME = ('amazon_ses.collector.run_duration', 'amazon_ses.collector.covered_seconds')
PREFIX = 'amazon_ses.'
SENDERS = {'configuration_set': 'configuration set', 'tenant': 'tenant', 'dimension': 'named dimension'}
RECEIVING = 'receiving'
PROVIDER_COUNT = 'amazon_ses.event.provider.count'
LONGEST_LABEL = 70
"""Characters of a metric and its tags that fit in the line of its values."""

ROW_LIMIT, METRIC_LIMIT = 10, 30
"""Senders or receipt rules that are shown for each Region, and metrics for each family."""

FAMILIES = {
    'account': 'newest settled period, exact counts',
    'reputation': 'as AWS judges the account',
    'quota': 'with the send rate',
    'standing': 'of the account',
    'collector': 'the collection itself',
    'unrecognized': 'metrics that the check does not know',
}
GREEN, RED, BOLD, PLAIN = '\033[32m', '\033[31m', '\033[1m', '\033[0m'


def painted(line: str) -> str:
    """A line in colour: headings bold, the verdict green or red. Every other line is indented."""
    if not line or line.startswith(' '):
        return line
    colour = GREEN if line.startswith('PROOF:') else RED if line.startswith('PROOF FAILED') else BOLD
    return f'{colour}{line}{PLAIN}'


def clock_time(instant: float) -> str:
    return f'{datetime.fromtimestamp(instant, timezone.utc):%H:%M:%S}'


def date_and_time(instant: float) -> str:
    return f'{datetime.fromtimestamp(instant, timezone.utc):%Y-%m-%d %H:%M:%S} UTC'


def number(value: float) -> str:
    """Whole numbers without decimals, small numbers with three digits."""
    if value == int(value):
        return f'{value:,.0f}'
    return f'{value:,.2f}' if abs(value) >= 1 else f'{value:.3g}'


def family(name: str) -> str:
    """The family of a metric, from its name."""
    first, *suffix = name.removeprefix(PREFIX).split('.')
    if first == 'can_connect':
        return 'collector'
    if first != 'unrecognized' and suffix in ([], ['count']):
        return 'account'
    return {'account': 'standing'}.get(first, first)


def folded(text: str, first: str) -> list[str]:
    """A text after `first` in lines of the page's width, indented to where it begins."""
    if not text:
        return [first.rstrip()]
    indent = ' ' * len(first)
    return textwrap.wrap(text, WIDTH, initial_indent=first, subsequent_indent=indent, break_long_words=False)


def columns(widths: Sequence[int], *cells: str | float) -> str:
    """A row of a table. A column with a negative width is aligned left; a number is shown as a whole number."""
    texts = (cell if isinstance(cell, str) else f'{cell:,.0f}' for cell in cells)
    row = (f'{text:<{-width}}' if width < 0 else f'{text:>{width}}' for width, text in zip(widths, texts, strict=True))
    return '  ' + ' '.join(row)


def metrics(
    values: Mapping[Key, float], totals: Mapping[Key, float], regions: tuple[str, ...], units: Mapping[str, str]
) -> Iterator[str]:
    """The last value of each gauge and the total of each count, by family, a column for each Region. Tags that all
    metrics of a family share stand below its name."""
    totals = _without_operations(totals)
    rows = {(key.name, key.tags) for key in (*values, *totals)}
    unnamed = {family(name) for name, _ in rows} - {*FAMILIES, *SENDERS, RECEIVING}
    for group in [*FAMILIES, *sorted(unnamed)]:
        members = sorted(row for row in rows if family(row[0]) == group)
        if not members:
            continue
        yield ''
        widths = (-46, *(15 for _ in regions))
        yield columns(widths, f'{group}: {FAMILIES.get(group, "")}'.rstrip(': '), *regions)
        shared = set.intersection(*(set(tags) for _, tags in members))
        if shared:
            yield f'    {" ".join(sorted(shared))}'
        for name, tags in members[:METRIC_LIMIT]:
            keys = [Key(name, region, tags) for region in regions]
            label = ' '.join((name.removeprefix(PREFIX), *(tag for tag in tags if tag not in shared)))[:64]
            unit = 'UTC' if name == SINCE else units.get(name, '')
            total = ', total' if any(key in totals for key in keys) else ''
            cells = [_cell(name, totals.get(key, values.get(key))) for key in keys]
            if len(label) > LONGEST_LABEL:
                yield f'    {label}'
                label = ''
            yield f'{columns(widths, "  " + label, *cells)}  {(unit + total).lstrip(", ")}'.rstrip()
        if len(members) > METRIC_LIMIT:
            yield f'    and {len(members) - METRIC_LIMIT:,} more'


def _without_operations(totals: Mapping[Key, float]) -> dict[Key, float]:
    """The totals with requests summed over operations and reasons, which have a table of their own."""
    sums: defaultdict[Key, float] = defaultdict(float)
    for key, value in totals.items():
        sums[key._replace(tags=()) if key.name in REQUESTS else key] += value
    return sums


def _cell(name: str, value: float | None) -> str:
    if value is None:
        return '-'
    if name in REAL_TIME:
        # The only readings that differ from run to run.
        return 'real time'
    return clock_time(value) if name == SINCE else number(value)


def failures(errors: Iterable[tuple[float, str]]) -> Iterator[str]:
    """The runs that failed as a whole, each error once with the first time and the number of runs."""
    times: dict[str, list[float]] = {}
    for time, error in errors:
        times.setdefault(error, []).append(time)
    for error, runs in times.items():
        yield from folded(f'{error} ({len(runs):,} runs)', f'  {clock_time(runs[0])}  ')


def statuses(tally: Tally) -> Iterator[str]:
    """Each service check of each Region, from change to change."""
    for key, changes in sorted(tally.changes.items()):
        yield f'  {" ".join((key.name, key.region, *key.tags))}'
        for change in changes:
            yield from folded(change.message, f'    {clock_time(change.time)}  {change.level:<9}')


def events(tally: Tally) -> Iterator[str]:
    """All events in the order of their time."""
    for time, event in sorted(tally.events, key=lambda timed: timed[0]):
        region = tag_value(event.get('tags', ()), 'region')
        first = f'  {clock_time(time)}  {region:<14} {event.get("alert_type", ""):<8} '
        yield from folded(f'{event.get("msg_title", "")}: {event.get("msg_text", "")}', first)


def calls(
    tally: Tally, compared: Iterable[Comparison], throttles: Mapping[tuple[str, str], Mapping[str, int]]
) -> Iterator[str]:
    """Requests by Region and operation, compared with the simulator's log, and who throttled them."""
    widths = (-14, -37, 6, 10, 11, 7)
    yield columns(widths, 'Region', 'operation', 'sent', 'in AWS log', 'difference', 'failed') + '  why'
    for call in compared:
        failed = {
            tag_value(tags, 'reason'): value
            for tags, value in tally.by_tags(ERRORS, call.region).items()
            if tag_value(tags, 'operation') == call.name
        }
        sources = sorted(throttles.get((call.region, call.name), {}).items())
        notes = {'throttled': f' ({", ".join(f"{times} {source}" for source, times in sources)})'} if sources else {}
        reasons = [f'{reason} {value:,.0f}{notes.get(reason, "")}' for reason, value in sorted(failed.items())]
        numbers = (call.submitted, call.expected, call.difference, sum(failed.values()))
        yield from folded(', '.join(reasons), columns(widths, call.region, call.name, *numbers) + '  ')


def costs(values: Mapping[Key, float], compared: Iterable[Comparison]) -> Iterator[str]:
    """Billed metrics of each Region, compared with the simulator's log, and their cost."""
    widths = (-35, 7, 11, 11)
    yield columns(widths, 'Region', 'billed', 'in AWS log', 'difference') + '  estimated for 30 days'
    for bill in compared:
        cost = values.get(Key(COST, bill.region))
        dollars = '' if cost is None else f'  ${cost:,.2f}'
        yield columns(widths, bill.region, bill.submitted, bill.expected, bill.difference) + dollars


def counts(compared: Iterable[Comparison]) -> Iterator[str]:
    """Each count compared with the final sum in CloudWatch."""
    widths = (-36, -14, 15, 17, 11, 11)
    yield columns(widths, 'count', 'Region', 'counting since', 'CloudWatch holds', 'submitted', 'difference')
    for count in compared:
        since = '-' if count.since is None else clock_time(count.since)
        numbers = (count.expected, count.submitted, count.difference)
        yield columns(widths, count.name, count.region, since, *numbers)


def counts_of_families(compared: Iterable[Comparison]) -> Iterator[str]:
    """The counts of families with many series: a line for each with their sum in all Regions, and each difference."""
    widths, head = (-56, 6, 17, 11, 11), 'count, all series in all Regions'
    yield columns(widths, head, 'series', 'CloudWatch holds', 'submitted', 'difference')
    counts: dict[str, list[Comparison]] = {}
    for count in compared:
        counts.setdefault(count.name, []).append(count)
    for name, members in counts.items():
        expected, submitted = sum(count.expected for count in members), sum(count.submitted for count in members)
        yield columns(widths, name, len(members), expected, submitted, submitted - expected)
        for count in members:
            if count.difference:
                label = f'  of {" ".join(count.tags)}, {count.region}'[:63]
                yield columns((-63, 17, 11, 11), label, count.expected, count.submitted, count.difference)


def senders(kind: str, tally: Tally, regions: Iterable[str], values: Mapping[Key, float]) -> Iterator[str]:
    """The configuration sets, tenants or named dimensions of each Region, by their bounces."""
    widths = (-14, -25, 9, 10, 8, 12, 15, 12)
    numbers = ('accepted', 'delivered', 'bounced', 'of its mail', 'of all bounces', 'rate of AWS')
    yield columns(widths, 'Region', SENDERS[kind], *numbers)
    for region in regions:
        sent, delivered, bounced = (
            tally.by_tags(f'{PREFIX}{kind}.{name}.count', region) for name in ('send', 'delivery', 'bounce')
        )
        worst = sorted(sent, key=lambda tags: (-bounced.get(tags, 0.0), tags))
        for tags in worst[:ROW_LIMIT]:
            bounces = bounced.get(tags, 0.0)
            label = (tag_value(tags, kind) or ' '.join(tags))[:25]
            # AWS has no deliveries of tenants.
            arrived = delivered.get(tags, 0.0) if delivered else '-'
            rate = values.get(Key(f'{PREFIX}{kind}.reputation.bounce_rate', region, tags))
            shares = (_percent(bounces, sent[tags]), _percent(bounces, sum(bounced.values())), _percent(rate, 100))
            yield columns(widths, region, label, sent[tags], arrived, bounces, *shares)
        yield from _more(region, len(worst))


def refusals(tally: Tally, regions: Iterable[str]) -> Iterator[str]:
    """The mailbox providers of each Region by the bounces of their recipients: over the whole run, in the hour with
    most bounces of the Region, and the reason that a provider gives most often."""
    widths = (-14, -12, 9, 17, 18, 9, 11)
    numbers = ('bounced', 'of these bounces', 'in the worst hour', 'delayed', 'complained')
    yield columns(widths, 'Region', 'provider', *numbers) + '  main reason'
    for region in regions:
        hours, reasons, events = _by_provider(tally, region)
        worst = max(sorted(hours), key=lambda hour: sum(hours[hour].values()), default=0)
        bounces = sum(amount for (_, kind), amount in events.items() if kind == 'bounce')
        for provider in sorted({name for name, _ in events}, key=lambda name: (-events[name, 'bounce'], name)):
            bounced, delayed, complained = (
                events[provider, kind] for kind in ('bounce', 'delivery_delay', 'complaint')
            )
            peak = f'{hours[worst][provider]:,.0f} from {clock_time(worst * 3600)[:5]}'
            cells = (bounced, _percent(bounced, bounces), peak, delayed, complained)
            reason = max(sorted(reasons[provider]), key=reasons[provider].__getitem__, default='-')
            yield columns(widths, region, provider, *cells) + f'  {reason}'


def _by_provider(
    tally: Tally, region: str
) -> tuple[dict[int, Counter[str]], dict[str, Counter[str]], Counter[tuple[str, str]]]:
    """Of the failure events of a Region: bounces by hour and provider, bounces by provider and reason, and all events
    by provider and type."""
    hours: defaultdict[int, Counter[str]] = defaultdict(Counter)
    reasons: defaultdict[str, Counter[str]] = defaultdict(Counter)
    events: Counter[tuple[str, str]] = Counter()
    for (name, _, tags), samples in tally.series.items():
        if name == PROVIDER_COUNT and f'region:{region}' in tags:
            provider, kind = tag_value(tags, 'provider'), tag_value(tags, 'event')
            for time, amount in samples:
                events[provider, kind] += round(amount)
                if kind == 'bounce':
                    hours[int(time // 3600)][provider] += round(amount)
                    reasons[provider][tag_value(tags, 'reason')] += round(amount)
    return hours, reasons, events


def receivers(tally: Tally, regions: Iterable[str]) -> Iterator[str]:
    """The rule sets and rules of each Region, by their received emails."""
    widths = (-14, -36, 9, 16, 8, 9)
    yield columns(widths, 'Region', 'rule set or rule', 'received', 'all actions ran', 'failed', 'given up')
    for region in regions:
        received, *outcomes = (
            tally.by_tags(f'{PREFIX}{RECEIVING}.{name}.count', region)
            for name in ('received', 'publish_success', 'publish_failure', 'publish_expired')
        )
        rules = sorted(received, key=lambda tags: (-received[tags], tags))
        for tags in rules[:ROW_LIMIT]:
            amounts = (outcome.get(tags, 0.0) for outcome in outcomes)
            yield columns(widths, region, ' '.join(tags)[:36], received[tags], *amounts)
        yield from _more(region, len(rules))


VERDICTS = (
    ('identities', 'identity.count', ''), ('sets', 'configuration_set.count', ''), ('tenants', 'tenant.count', ''),
    ('paused', 'tenant.count', 'status:disabled'), ('findings', 'finding.open', ''),
    ('of high impact', 'finding.open', 'impact:high'),
)  # fmt: skip
"""Columns of what AWS says: their title, the metric that is added up, and the tag that its series need."""


def verdicts(values: Mapping[Key, float], regions: Iterable[str]) -> Iterator[str]:
    """What an account has in each Region, and what AWS itself holds against it: the inventory."""
    widths = (-14, 11, 8, 9, 8, 10, 15)
    yield columns(widths, 'Region', *(title for title, _, _ in VERDICTS))
    for region in regions:
        amounts = (
            sum(v for key, v in values.items() if key[:2] == (f'{PREFIX}{name}', region) and tag in ('', *key.tags))
            for _, name, tag in VERDICTS
        )
        yield columns(widths, region, *amounts)


def left_out(tally: Tally, regions: Iterable[str]) -> Iterator[str]:
    """How many series of each Region the option `max_series` leaves out."""
    for region in regions:
        if dropped := tally.latest(LEFT_OUT, region):
            yield f'  {region:<14} {dropped:,.0f} series are not asked for, because of the option max_series'


def _more(region: str, rows: int) -> Iterator[str]:
    if rows > ROW_LIMIT:
        yield f'  {region:<14} and {rows - ROW_LIMIT:,} more'


def _percent(part: float | None, whole: float) -> str:
    return '-' if part is None or not whole else f'{100 * part / whole:.1f} %'


def incidents(happened: Iterable[Incident]) -> Iterator[str]:
    """The mishaps of the run, with the number of requests that they hit."""
    for incident in happened:
        requests = {None: '', 1: ' (1 request)'}.get(incident.requests, f' ({incident.requests} requests)')
        yield f'  {clock_time(incident.time)}  {incident.region:<14} {incident.description}{requests}'


def head(scene: Scene) -> Iterator[str]:
    choices, tally = scene.choices, scene.tally
    account, regions = scene.account or 'not known', ' and '.join(choices.regions)
    yield f'AMAZON SES CHECK, {(scene.mail_end - scene.start) / 3600:g} SIMULATED HOURS'
    yield f'  scenario {choices.scenario}, seed {choices.seed}, account {account}, {regions}'
    yield (
        f'  {date_and_time(scene.start)} first run; {clock_time(scene.mail_end)} mail ends; '
        f'{clock_time(scene.end)} last run, when all late data has come'
    )
    early, late = (round(seconds / 60) for seconds in scene.scenario.late)
    yield f'  {100 * scene.scenario.late_share:.0f} % of all events reach CloudWatch {early} to {late} minutes late'
    yield f'  {tally.runs:,} runs, {tally.samples:,} samples, {len(tally.events)} events'


def lines(scene: Scene, units: Mapping[str, str]) -> Iterator[str]:
    """The whole page."""
    tally, proof, regions, values = scene.tally, scene.proof, scene.choices.regions, scene.values
    families = [count for name, compared in proof.counts.items() if name for count in compared]
    losses = f'  periods given up: {proof.skipped:,.0f}; amounts that CloudWatch took back: {proof.shrunk:,.0f}'
    sections: dict[str, Iterable[str]] = {
        'Failed runs': failures(tally.errors),
        'What went wrong on purpose': incidents(scene.incidents),
        'Metrics: last values while there was mail, totals of the whole run': metrics(
            values, tally.totals, regions, units
        ),
    }
    for kind, name in SENDERS.items():
        sections[f'Who causes it: {name}s over the whole run'] = senders(kind, tally, regions, values)
    sections |= {
        'Which mailbox provider refuses: failure events from the queues': refusals(tally, regions),
        'What AWS itself says: the inventory, and what is wrong with it': verdicts(values, regions),
        'What is received: rule sets and rules, which count the same emails': receivers(tally, regions),
        'Series left out': left_out(tally, regions),
        'Service checks': statuses(tally),
        'Events': events(tally),
        'Calls to AWS': chain(calls(tally, proof.calls, scene.throttles), [''], costs(values, proof.billed)),
        'Proof: what CloudWatch finally holds, what was submitted': chain(
            counts(proof.counts.get('', ())), [''], counts_of_families(families), ['', losses]
        ),
    }
    yield from head(scene)
    for title, section in sections.items():
        yield from ('', title.upper(), *(list(section) or ['  none']))
    yield proof.verdict
