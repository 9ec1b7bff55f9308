"""Options: wrong values are refused, unknown names are reported, null values count as absent."""

from __future__ import annotations

from typing import Any

import pytest
from common import SECRET, MakeDriver

from datadog_checks.amazon_ses import AmazonSesCheck
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
    ({'endpoint_url': {'s3': 'http://x'}}, ('`endpoint_url`', 's3', 'cloudwatch, ses, sesv2, sts')),
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
]


@pytest.mark.parametrize(('options', 'words'), WRONG, ids=[', '.join(map(str, options)) for options, _ in WRONG])
def test_wrong_options_are_refused(
    make_driver: MakeDriver, sim: Simulator, options: dict[str, Any], words: tuple[str, ...]
) -> None:
    """A wrong value is an error that names option, value and accepted form, before anything is sent."""
    report = make_driver(**options).run()
    for word in words:
        assert word in report
    assert len(sim.log) == 0
    assert SECRET not in report


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


def test_options_that_are_null_count_as_absent(make_driver: MakeDriver, sim: Simulator) -> None:
    """An option without a value in YAML counts as absent."""
    driver = make_driver(**STEADY)
    driver.instance |= {'period': None, 'tags': None, 'role_arn': None, 'dimensions': None, 'account_id': None}
    driver.check.cancel()
    driver.check = AmazonSesCheck('amazon_ses', {}, [driver.instance])
    driver.check.clock = driver.clock
    assert driver.run() == ''
