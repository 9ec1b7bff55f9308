"""Thresholds: ranges, the option and the statuses."""

from __future__ import annotations

from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from datadog_checks.amazon_ses.configuration.thresholds import parse_range, parse_thresholds
from datadog_checks.amazon_ses.model import Level, MetricSpec, MetricType, Sample, Status
from datadog_checks.amazon_ses.thresholds import THRESHOLD, Range, Threshold, statuses

RATE = MetricSpec('reputation.bounce_rate', MetricType.GAUGE, 'Bounce rate.', unit='percent')
BOUNCE = MetricSpec('bounce', MetricType.GAUGE, 'Bounces.', unit='email')
SEND_RATE = MetricSpec('quota.max_send_rate', MetricType.GAUGE, 'Send rate.', unit='email', per_unit='second')
LEVEL = MetricSpec('account.enforcement_level', MetricType.GAUGE, 'Enforcement level.')
SET_RATE = MetricSpec('configuration_set.bounce_rate', MetricType.GAUGE, 'Bounce rate.', unit='percent')
GAUGES = {metric.name: metric for metric in (RATE, BOUNCE, SEND_RATE, LEVEL, SET_RATE)}
SCOPE = ('aws_account:123456789012', 'region:us-east-1', 'team:mail')

NUMBERS = st.one_of(st.integers(-1000, 1000), st.floats(allow_nan=False, allow_infinity=False))
FORMS = st.sampled_from(['end', 'start', '~', 'both'])
VALUES = st.one_of(NUMBERS, st.sampled_from([0, 10, 20, -1, 5.75]))


@pytest.mark.parametrize(
    ('text', 'quiet', 'alert'),
    [
        ('10', [0, 5, 10], [-0.1, 10.1]),
        (10, [0, 10], [-1, 11]),
        (0.5, [0, 0.5], [0.51]),
        ('10:', [10, 1e9], [9.9, -1]),
        (':5.75', [0, 5.75], [-1, 6]),
        ('~:10', [-1e9, 10], [10.1]),
        ('10:20', [10, 15, 20], [9.9, 20.1]),
        ('-7:-3.5', [-7, -3.5], [-8, -3, 0]),
        ('@10:20', [9.9, 20.1], [10, 15, 20]),
        ('@10', [-1, 11], [0, 10]),
        ('@~:10', [11], [-5, 10]),
        ('@10:', [9], [10, 1e9]),
        ('  10:20  ', [10], [21]),
        (1e-07, [0], [0.1]),
        ('~:', [-1e9, 0, 1e9], []),
    ],
)
def test_nagios_range_alerts_at_the_same_values(text: object, quiet: list[float], alert: list[float]) -> None:
    """A range that worked with a Nagios plug-in alerts here at the same values."""
    limits = parse_range(text)
    assert not [value for value in quiet if limits.broken_by(value)]
    assert not [value for value in alert if not limits.broken_by(value)]


@given(start=NUMBERS, end=NUMBERS, value=VALUES, inside=st.sampled_from(['', '@']), form=FORMS)
def test_range_follows_the_nagios_definition(start: float, end: float, value: float, inside: str, form: str) -> None:
    """Every range alerts exactly as the Nagios guidelines define it, and is refused where they do."""
    if form != 'both':
        start, end = {'end': (0, end), 'start': (start, inf), '~': (-inf, end)}[form]
    text = inside + {'end': f'{end}', 'start': f'{start}:', '~': f'~:{end}', 'both': f'{start}:{end}'}[form]
    if start > end:
        with pytest.raises(ValueError, match='start not above the end'):
            parse_range(text)
        return
    outside = value < start or value > end
    assert parse_range(text).broken_by(value) == (not outside if inside else outside)


@given(start=st.one_of(st.just(-inf), NUMBERS), end=st.one_of(st.just(inf), NUMBERS), inside=st.booleans())
def test_shown_range_can_be_pasted_back(start: float, end: float, inside: bool) -> None:
    """The range that a message names can be pasted into the configuration and means the same."""
    low, high = sorted((start, end))
    limits = Range(float(low), float(high), inside)
    assert parse_range(str(limits)) == limits


@pytest.mark.parametrize(
    'text',
    ['', ' ', ':', '@', '@:', '~', '10:~', '20:10', '-10', -10, 'ten', '1,5', '10:20:30', '10 20', 'nan', 'inf', inf]
    + [float('nan'), '1e999', '1e999:', '-1e999:', '10:1e999', '٣', True, False, None, [10], {10: 20}],
)
def test_text_that_is_no_range_is_refused(text: object) -> None:
    """A text that is no range is refused with all accepted forms."""
    with pytest.raises(ValueError) as caught:
        parse_range(text)
    for form in ('10 (', '10: (', '~:10 (', '10:20 (', '@10:20 ('):
        assert form in str(caught.value)
    assert str(caught.value).startswith(f'{text!r} cannot be used. Accepted: ')


def test_thresholds_are_parsed() -> None:
    """A threshold is written with or without the prefix, as text or number, with or without tags."""
    thresholds = parse_thresholds(
        [
            {'metric': 'amazon_ses.reputation.bounce_rate', 'warning': 5, 'critical': '8'},
            {'metric': 'bounce', 'warning': None, 'critical': '~:100', 'tags': ['region:us-east-1']},
            {'metric': 'bounce', 'critical': '~:200', 'tags': ['region:eu-west-1']},
        ],
        GAUGES,
    )
    assert thresholds == (
        Threshold(RATE, Range(0, 5), Range(0, 8), frozenset()),
        Threshold(BOUNCE, None, Range(-inf, 100), frozenset({'region:us-east-1'})),
        Threshold(BOUNCE, None, Range(-inf, 200), frozenset({'region:eu-west-1'})),
    )
    assert parse_thresholds(None, GAUGES) == parse_thresholds([], GAUGES) == ()


GOOD = {'metric': 'account.enforcement_level', 'critical': 1}


@pytest.mark.parametrize(
    ('entry', 'expected'),
    [
        ('bounce', ["'bounce' cannot be used", 'a map with metric, warning, critical, tags']),
        ({'metric': 'bounce', 'warn': 5}, ["key 'warn' cannot be used", 'did you mean `warning`?']),
        ({'metric': 'bounce', 3: 5}, ['key 3 cannot be used', 'Accepted: metric, warning, critical, tags']),
        ({'warning': 5}, ['`metric`: None cannot be used', 'the name of a gauge']),
        ({'metric': 7, 'warning': 5}, ['`metric`: 7 cannot be used']),
        (
            {'metric': 'reputation.bounce_rat', 'warning': 5},
            ["'reputation.bounce_rat'", 'mean `reputation.bounce_rate`?'],
        ),
        ({'metric': 'quota.send', 'warning': 5}, ["'quota.send'", 'did you mean `quota.max_send_rate`?']),
        ({'metric': 'max_send_rate', 'warning': 5}, ['did you mean `quota.max_send_rate`?']),
        (
            {'metric': 'bounce_rate', 'warning': 5},
            ['did you mean `configuration_set.bounce_rate` or `reputation.bounce_rate`?'],
        ),
        ({'metric': 'bounces_permanent', 'warning': 5}, ['did you mean `bounce`?']),
        ({'metric': '', 'warning': 5}, ["'' cannot be used", 'for example reputation.bounce_rate.']),
        ({'metric': 'BOUNCE', 'warning': 5}, ['did you mean `bounce`?']),
        ({'metric': 'amazon_ses.bounce.count', 'warning': 5}, ['look at gauges and not at counts: use `bounce`']),
        (
            {'metric': 'configuration_set.bounce.count', 'warning': 5},
            ['look at gauges', 'did you mean `configuration_set.'],
        ),
        ({'metric': 'bounce'}, ['`warning`', '`critical`', 'bounce']),
        ({'metric': 'bounce', 'warning': None, 'critical': None}, ['at least one']),
        ({'metric': 'bounce', 'critical': '20:10'}, ["`critical`: '20:10' cannot be used", '~:10 (above 10)']),
        ({'metric': 'bounce', 'warning': ''}, ["`warning`: '' cannot be used"]),
        ({'metric': 'bounce', 'warning': 1, 'tags': 'a:b'}, ["`tags`: 'a:b' cannot be used", 'a list of texts']),
        ({'metric': 'bounce', 'warning': 1, 'tags': [{'a': 'b'}]}, ["`tags`: {'a': 'b'} cannot be used"]),
        ({'metric': 'bounce', 'warning': 1, 'tags': ['news']}, ["`tags`: 'news' cannot be used", 'KEY:VALUE']),
        ({'metric': 'bounce', 'warning': 1, 'tags': ['a: ']}, ["`tags`: 'a: ' cannot be used"]),
        ({'metric': 'account.enforcement_level', 'warning': 3}, ['is in entry 1 already', 'each metric once']),
    ],
)
def test_unusable_entry_is_refused(entry: object, expected: list[str]) -> None:
    """A threshold that cannot be used is refused with its number, the value and the way out."""
    with pytest.raises(ValueError) as caught:
        parse_thresholds([GOOD, entry], GAUGES)
    text = str(caught.value)
    assert text.startswith('Option `thresholds`: entry 2: ')
    assert [part for part in expected if part not in text] == []
    assert text[-1] in '.?' and '.;' not in text and '..' not in text


@pytest.mark.parametrize('options', [{}, 'bounce', 5, {'metric': 'bounce'}, True, ''])
def test_threshold_outside_a_list_is_refused(options: object) -> None:
    """A single threshold without a list around it is refused, not ignored."""
    with pytest.raises(ValueError, match='Option `thresholds`: .* cannot be used. Accepted: a list of maps'):
        parse_thresholds(options, GAUGES)


def test_second_threshold_with_the_same_tags_is_refused() -> None:
    """Two thresholds of one metric whose tags are the same for Datadog are refused, in whatever order and case."""
    first = {'metric': 'bounce', 'warning': 1, 'tags': ['a:b', 'C:D e']}
    second = {'metric': 'amazon_ses.bounce', 'critical': 2, 'tags': ['c:d_e', 'a:b', 'A:B']}
    with pytest.raises(ValueError, match='entry 3: .*in entry 1 already'):
        parse_thresholds([first, GOOD, second], GAUGES)


def statuses_of(entry: dict[str, object], *samples: Sample) -> list[Status]:
    submitted = list(statuses(parse_thresholds([entry], GAUGES), samples, SCOPE))
    assert all(status.spec is THRESHOLD for status in submitted)
    return submitted


@pytest.mark.parametrize(
    ('metric', 'value', 'warning', 'critical', 'level', 'message'),
    [
        (RATE, 6.2, 5, 10, 'WARNING', 'is 6.2 percent: outside the warning range 5 (alert outside 0 to 5).'),
        (RATE, 12, 5, '~:10', 'CRITICAL', 'is 12 percent: outside the critical range ~:10 (alert above 10).'),
        (RATE, 12, 5, None, 'WARNING', 'is 12 percent: outside the warning range 5 (alert outside 0 to 5).'),
        (RATE, 5, 5, 10, 'OK', ''),
        (RATE, 0.07 * 100, 7, None, 'OK', ''),
        (RATE, 5.00000001, 5, None, 'WARNING', 'is 5.00000001 percent: outside'),
        (RATE, 100 / 3, 5, None, 'WARNING', 'is 33.3333 percent: outside'),
        (BOUNCE, 1, '2:', None, 'WARNING', 'is 1 email: outside the warning range 2: (alert below 2).'),
        (
            BOUNCE,
            1234567,
            '10:20',
            None,
            'WARNING',
            'is 1234567 emails: outside the warning range 10:20 (alert outside 10 ',
        ),
        (BOUNCE, 0, None, '@0:2', 'CRITICAL', 'is 0 emails: inside the critical range @2 (alert from 0 to 2).'),
        (
            SEND_RATE,
            14,
            '@~:14',
            None,
            'WARNING',
            'is 14 emails per second: inside the warning range @~:14 (alert at 14 and',
        ),
        (LEVEL, 2, 0, 1, 'CRITICAL', 'is 2: outside the critical range 1 (alert outside 0 to 1).'),
        (LEVEL, 2, '@1:', None, 'WARNING', 'is 2: inside the warning range @1: (alert at 1 and above).'),
    ],
)
def test_broken_range_sets_the_level(
    metric: MetricSpec, value: float, warning: object, critical: object, level: str, message: str
) -> None:
    """A status says which value broke which range, critical first; a value within its ranges is OK, with no message."""
    entry = {'metric': metric.name, 'warning': warning, 'critical': critical}
    [status] = statuses_of(entry, Sample(metric, value, ('a:b',)))
    assert (status.level.name, status.tags) == (level, ('a:b', f'metric:{metric.name}'))
    assert status.message.startswith(f'{metric.name} {message}') if message else status.message == ''


def test_threshold_selects_series_by_tags() -> None:
    """A threshold looks at each series of its metric that carries all its tags, and at no other."""
    news, shop = ('configuration_set:News', 'rule:a'), ('configuration_set:shop', 'rule:a')
    samples = (Sample(SET_RATE, 9, news), Sample(SET_RATE, 1, shop), Sample(RATE, 99, news))
    both = [(*news, 'metric:configuration_set.bounce_rate'), (*shop, 'metric:configuration_set.bounce_rate')]

    def selected(*tags: str) -> list[tuple[str, ...]]:
        entry = {'metric': SET_RATE.name, 'warning': 5, 'tags': list(tags)}
        return [status.tags for status in statuses_of(entry, *samples)]

    assert selected() == both
    assert selected('rule:a') == both
    assert selected('configuration_set:News') == both[:1]
    assert selected('configuration_set:news', 'region:us-east-1') == both[:1]
    assert selected('configuration_set:shop', 'team:mail', 'aws_account:123456789012') == both[1:]
    assert selected('region:eu-west-1') == []


@pytest.mark.parametrize(
    ('tags', 'expected'),
    [
        ([], ('metric:configuration_set.bounce_rate',)),
        (['region:us-east-1'], ('metric:configuration_set.bounce_rate',)),
        (['Region:US-East-1', 'team:mail'], ('metric:configuration_set.bounce_rate',)),
        (['configuration_set:Gone'], ('configuration_set:Gone', 'metric:configuration_set.bounce_rate')),
        (
            ['configuration_set:Gone', 'region:us-east-1'],
            ('configuration_set:Gone', 'metric:configuration_set.bounce_rate'),
        ),
        (['region:eu-west-1'], None),
        (['configuration_set:Gone', 'region:eu-west-1'], None),
        (['aws_account:999999999999'], None),
    ],
)
def test_threshold_without_a_value_is_unknown(tags: list[str], expected: tuple[str, ...] | None) -> None:
    """A threshold without a value is UNKNOWN where it applies, and silent in other Regions and accounts."""
    present = [Sample(SET_RATE, 1, ('configuration_set:present',))] if 'configuration_set:Gone' in tags else []
    submitted = statuses_of({'metric': SET_RATE.name, 'warning': 5, 'tags': tags}, Sample(RATE, 1), *present)
    if expected is None:
        assert submitted == []
    else:
        [status] = submitted
        assert (status.level, status.tags) == (Level.UNKNOWN, expected)
        assert status.message.startswith('configuration_set.bounce_rate has no value')
        assert ('with configuration_set:Gone' in status.message) == ('configuration_set:Gone' in tags)


def test_worst_of_several_thresholds_is_shown() -> None:
    """Where two thresholds look at one series, neither hides the other: the worse level is shown, in any order."""
    wide = {'metric': 'bounce', 'warning': 5}
    narrow = {'metric': 'bounce', 'critical': 3, 'tags': ['rule:a']}
    region = {'metric': 'bounce', 'critical': 99, 'tags': ['region:us-east-1']}
    samples = [Sample(BOUNCE, 8, ('rule:a',)), Sample(BOUNCE, 8, ('rule:b',)), Sample(BOUNCE, 1, ('rule:c',))]
    for order in ([wide, narrow, region], [region, narrow, wide]):
        submitted = list(statuses(parse_thresholds(order, GAUGES), samples, SCOPE))
        levels = {status.tags[0]: status.level for status in submitted}
        assert levels == {'rule:a': Level.CRITICAL, 'rule:b': Level.WARNING, 'rule:c': Level.OK}
        assert len(submitted) == 3
    without_samples = statuses(parse_thresholds([wide, region], GAUGES), [], SCOPE)
    assert [status.level for status in without_samples] == [Level.UNKNOWN]


TAG = st.sampled_from(['a:1', 'a:2', 'b:1', 'b:2'])


@given(
    samples=st.lists(
        st.builds(lambda value, tags: Sample(BOUNCE, value, tuple(sorted(tags))), st.integers(0, 9), st.sets(TAG)),
        unique_by=lambda sample: sample.tags,
    ),
    selected=st.lists(st.frozensets(TAG, max_size=2), unique=True),
    scope=st.sets(st.sampled_from(['b:1', 'c:1'])),
)
def test_every_selected_series_has_one_status(
    samples: list[Sample], selected: list[frozenset[str]], scope: set[str]
) -> None:
    """No two statuses share their tags, every selected series has one, and no status is about another series."""
    thresholds = [Threshold(BOUNCE, Range(0, 5), None, tags) for tags in selected]
    submitted = list(statuses(thresholds, samples, tuple(scope)))
    assert len({frozenset(status.tags) for status in submitted}) == len(submitted)
    expected = {
        (*sample.tags, 'metric:bounce'): Level.WARNING if sample.value > 5 else Level.OK
        for sample in samples
        if any(tags <= {*sample.tags, *scope} for tags in selected)
    }
    assert {status.tags: status.level for status in submitted if status.level is not Level.UNKNOWN} == expected
