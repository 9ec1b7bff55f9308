"""Options: wrong values are refused, unknown names are reported, null values count as absent."""

from __future__ import annotations

from typing import Any

import pytest
from common import OTHER, REGION, SECRET, MakeDriver, StartSimulator
from configurations import alias_bomb_value, nested

from datadog_checks.amazon_ses import AmazonSesCheck
from datadog_checks.amazon_ses.cloudwatch.metric_table import ACCOUNT_SPECS
from datadog_checks.base import ConfigurationError
from simulator import Simulator

STEADY = {'collect': ['account', 'cloudwatch']}


WRONG: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({'region': None}, ('`region`', 'exactly one of `region`', 'us-east-1')),
    ({'region': 'US East'}, ('`region`', "'US East'", 'us-east-1')),
    ({'regions': ['us-east-1', 'us-east-1'], 'region': None}, ('`regions`', 'each once')),
    ({'account_id': '12'}, ('`account_id`', "'12'", '12 digits')),
    ({'period': 90}, ('`period`', '90', 'multiple of 60')),
    ({'period': '5m'}, ('`period`', "'5m'", 'whole number of seconds')),
    ({'timeframe': -1}, ('`timeframe`', '-1', 'from 60')),
    ({'settle_delay': 1.5}, ('`settle_delay`', '1.5', 'whole number')),
    ({'backfill_limit': True}, ('`backfill_limit`', 'True', 'whole number')),
    ({'read_timeout': 0}, ('`read_timeout`', '0', 'from 0.1 to 60')),
    ({'collect': ['acount']}, ('`collect`', "'acount'", 'account, cloudwatch')),
    ({'statistic': 'p99'}, ('`statistic`', "'p99'", 'average')),
    ({'statistics': 'sum'}, ('`statistics`', "'sum'", 'list')),
    ({'endpoint_url': 'localhost:4566'}, ('`endpoint_url`', "'localhost:4566'", 'http://')),
    ({'endpoint_url': {'s3': 'http://x'}}, ('`endpoint_url`', 's3', 'cloudwatch, ses, sesv2, sqs, sts')),
    ({'role_arn': 'reader'}, ('`role_arn`', "'reader'", 'arn:aws:iam::')),
    ({'external_id': 'an-external-id'}, ('`external_id`', '`role_arn`')),
    ({'aws_secret_access_key': None}, ('`aws_access_key_id`', '`aws_secret_access_key`')),
    ({'aws_profile': 'mail'}, ('`aws_profile`', '`aws_access_key_id`')),
    ({'dimensions': {'a': 'b'}}, ('`dimensions`', 'a list of maps')),
    ({'dimensions': [{'a': 'b', 'metrics': ['send']}]}, ('`dimensions`', "'send'", 'Send')),
    ({'thresholds': [{'metric': 'bounce_rate', 'warning': '5'}]}, ('`thresholds`', 'bounce_rate', 'reputation.')),
    ({'thresholds': [{'metric': 'send', 'warning': 'high'}]}, ('`thresholds`', "'high'", '10:20')),
    ({'ledger': 'a b'}, ('`ledger`', "'a b'", 'letters, digits')),
    ({'tags': 'team:mail'}, ('`tags`', "'team:mail'", 'list')),
    ({'zeroed': 'maybe'}, ('`zeroed`', "'maybe'", 'true')),
    ({'use_fips': True, 'region': 'eu-west-1'}, ('`use_fips`', 'eu-west-1', 'us-east-1')),
    ({'dimensions': [{'a': 'b', 'metrics': [['Send']]}]}, ('`dimensions`', "['Send']", 'Send, Delivery')),
    ({'dimensions': [{'external_id': 'a'}]}, ('`dimensions`', '`external_id`', 'indented like `dimensions`')),
    ({'dimensions': [{'a': [['b']]}]}, ('`dimensions`', "{'a': ['b']}", 'values are texts')),
    ({'include': [{'metric': 'x' * 20_000}]}, ('`include`', '...', '1024 characters')),
    ({'exclude': [{'metric': 'Open'}] * 201}, ('`exclude`', '...', 'at most 200 maps')),
    ({'period': 10**400}, ('`period`', 'a whole number of 1329 bits', 'from 60 to 86400')),
    ({'account_id': 10**5000}, ('`account_id`', 'a whole number of 16610 bits', '12 digits')),
    ({'thresholds': [{'metric': 'send', 'warning': 10**5000}]}, ('`thresholds`', '16610 bits', '10:20')),
    ({'metric_patterns': {'include': ['(a']}}, ('`metric_patterns`', "'(a'", 'regular expressions')),
    ({'colour': alias_bomb_value()}, ('`colour`', '[[[[...]', 'at most 100000 values')),
    ({'colour': nested(30)}, ('`colour`', '[[[...]]]', 'at most 20 levels')),
    ({'ann@example.com': nested(30)}, ('Option `', 'at most 20 levels')),
    ({'colour' * 20: 1}, ('option name', "'colourcolour", 'at most 100 characters')),
    ({'debug_metrics': 5}, ('`debug_metrics`', '5', 'a map')),
    ({'proxy': {'http': 'http://p:1', 'period': 60}}, ('`proxy`', "the key 'period'", 'http, https')),
    ({'service': ['mail']}, ('`service`', "['mail']", 'a text')),
    ({'tags': [['a']]}, ('`tags`', "['a']", 'a list of at most')),
]


def error_of(make_driver: MakeDriver, options: dict[str, Any]) -> str:
    """The message of the configuration error, whether the check is refused when it is made or when it runs."""
    try:
        return make_driver(**options).run()
    except ConfigurationError as error:
        return str(error)


@pytest.mark.parametrize(('options', 'words'), WRONG, ids=[', '.join(map(str, options)) for options, _ in WRONG])
def test_wrong_options_are_refused(
    make_driver: MakeDriver, sim: Simulator, options: dict[str, Any], words: tuple[str, ...]
) -> None:
    """A wrong value is an error that names option, value and accepted form, before anything is sent."""
    report = error_of(make_driver, options)
    for word in words:
        assert word in report
    assert len(sim.log) == 0
    assert SECRET not in report and "ann@" not in report


@pytest.mark.parametrize(
    ('name', 'value'),
    [
        ('region', 'x' * 100_000),
        ('tags', 'x' * 100_000),
        ('collect', ['x' * 100_000]),
        ('dimensions', 'x' * 100_000),
        ('thresholds', [{'metric': 'x' * 100_000}]),
        ('include', [{'x' * 100_000: 'y'}]),
        ('endpoint_url', {'x' * 100_000: 'y'}),
    ],
)
def test_a_value_in_a_message_is_cut(make_driver: MakeDriver, name: str, value: object) -> None:
    """A message shows at most 100 characters of a value, whatever its size."""
    report = error_of(make_driver, {name: value})
    assert f'Option `{name}`' in report and 'x' * 80 in report and 'x' * 101 not in report


@pytest.mark.parametrize('url', ['ftp://me:{}@host', 'http://me:{}@host:99999', 'https://{}@host/ a', 'me:{}@host'])
def test_a_refused_url_shows_no_password(make_driver: MakeDriver, url: str) -> None:
    """The message about a refused `endpoint_url` shows neither its password nor its user."""
    for value in (url.format(SECRET), {'ses': url.format(SECRET)}, {'ses': [url.format(SECRET)]}):
        report = error_of(make_driver, {'endpoint_url': value})
        assert 'Option `endpoint_url`' in report and SECRET not in report
        assert '://' not in url or '://(not shown)@host' in report


def test_secrets_in_the_wrong_place_are_not_shown(make_driver: MakeDriver) -> None:
    """A secret that is indented into another option is not shown by the message that refuses it."""
    for name in ('include', 'thresholds', 'dimensions', 'metric_patterns'):
        value = {'aws_secret_access_key': SECRET} if name == 'metric_patterns' else [{'aws_secret_access_key': SECRET}]
        try:
            report = make_driver(**{name: value}).run()
        except ConfigurationError as error:
            report = str(error)
        assert SECRET not in report
        assert name == 'metric_patterns' or 'aws_secret_access_key' in report


def test_options_in_the_wrong_section_are_reported(make_driver: MakeDriver, sim: Simulator) -> None:
    """An option in init_config or in `metric_patterns` that belongs into the instance is a warning that says so, and so
    are tags beside ours of the same name."""
    driver = make_driver(
        tags=['region:here', 'team:mail', 'AWS_Account:1'],
        metric_patterns={'tags': ['a']},
        dimensions=[{'a': 'b', 'max_series': 5, 'service': 'c'}],
        **STEADY,
    )
    driver.check = AmazonSesCheck('amazon_ses', {'period': 60, 'colour': 1, 'service': 'mail'}, [driver.instance])
    driver.check.clock, driver.check.clock_is_turned = driver.clock, True
    assert driver.run() == ''
    warnings = [warning for warning in driver.check.get_warnings() if warning.startswith('Option ')]
    assert [warning for warning in warnings if '`tags`' not in warning] == [
        'Option `init_config.period` is not known and has no effect: it belongs in an entry of `instances`',
        'Option `init_config.colour` is not known and has no effect',
        'Option `metric_patterns.tags` is not known and has no effect: it belongs beside `metric_patterns`',
        'Option `dimensions.max_series` is taken for a dimension: it belongs beside `dimensions`',
    ]
    assert [warning.partition(' is ')[0] for warning in warnings if '`tags`:' in warning] == [
        "Option `tags`: 'region:here'",
        "Option `tags`: 'AWS_Account:1'",
    ]


def test_unknown_options_are_reported_with_the_nearest_name(make_driver: MakeDriver, sim: Simulator) -> None:
    """An unknown option is a warning with the nearest name; keys that the Agent adds cause no warning."""
    driver = make_driver(
        **{
            'setle_delay': 5,
            'colour': 'blue',
            'name': 'mail',
            'provider': 'file',
            'cluster_check': True,
            'min_collection_interval': 60,
            'empty_default_hostname': True,
            'service': 'mail',
            'loader': 'python',
            '_internal': 1,
            **STEADY,
        }
    )
    assert driver.run() == ''
    assert [warning for warning in driver.check.get_warnings() if warning.startswith('Option ')] == [
        'Option `setle_delay` is not known and has no effect; did you mean `settle_delay`?',
        'Option `colour` is not known and has no effect',
    ]


def test_a_limit_on_metrics_is_a_warning_and_its_losses_are_reported(
    make_driver: MakeDriver, start: StartSimulator
) -> None:
    """`max_returned_metrics` from a fleet's template stops nothing: a warning says what it costs. The counts and
    `collector.amounts_dropped` are together what CloudWatch holds, in every Region."""
    regions = [REGION, OTHER]
    driver = make_driver(start('bounce_storm'), regions=regions, collect=['cloudwatch'], max_returned_metrics=9)
    driver.run_for(3600, 300)
    assert any('`max_returned_metrics` is 9' in warning for warning in driver.check.get_warnings())
    driver.restart(max_returned_metrics=None)
    driver.clock.advance(7200)
    driver.run()
    assert not any('max_returned_metrics' in warning for warning in driver.check.get_warnings())
    counts = {row.count.name: row.metric_name for row in ACCOUNT_SPECS if row.count is not None}
    assert driver.total('collector.amounts_dropped', OTHER) > 0
    for region in regions:
        since = driver.last('collector.counting_since', region)
        submitted = sum(driver.total(name, region) for name in counts)
        dropped = driver.total('collector.amounts_dropped', region)
        settled, newest = (
            sum(driver.cloudwatch_sum(metric, since, end, region) for metric in counts.values())
            for end in (driver.clock() - 900, driver.clock())
        )
        assert settled <= submitted + dropped <= newest


def test_a_limit_on_metrics_blinds_no_monitor_of_the_collection(make_driver: MakeDriver, sim: Simulator) -> None:
    """However few metrics `max_returned_metrics` lets through, the gauge can_connect of each Region goes out with its
    service check and says the same."""
    driver = make_driver(regions=[REGION, OTHER], collect=['account', 'cloudwatch'], max_returned_metrics=1)
    sim.deny('ses:GetAccount', region=OTHER)
    assert driver.run() == ''
    for region, level, value in ((REGION, 0, 1.0), (OTHER, 1, 0.5)):
        assert (driver.status('can_connect', region)[0], driver.values('can_connect', region)) == (level, [value])


def test_options_that_are_null_count_as_absent(make_driver: MakeDriver, sim: Simulator) -> None:
    """An option without a value in YAML counts as absent."""
    driver = make_driver(**STEADY)
    driver.instance |= {'period': None, 'tags': None, 'role_arn': None, 'dimensions': None, 'account_id': None}
    driver.check.cancel()
    driver.check = AmazonSesCheck('amazon_ses', {}, [driver.instance])
    driver.check.clock, driver.check.clock_is_turned = driver.clock, True
    assert driver.run() == ''
