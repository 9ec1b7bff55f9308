"""Options: what is refused, what is told, what counts as not given."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from common import OTHER, REGION, SECRET, Watch

from datadog_checks.amazon_ses import AmazonSesCheck
from datadog_checks.amazon_ses.cloudwatch.metric_table import ACCOUNT_SPECS
from simulator import Simulator

Watching = Callable[..., Watch]
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


@pytest.mark.parametrize(('options', 'words'), WRONG, ids=[', '.join(map(str, one)) for one, _ in WRONG])
def test_wrong_options_are_refused(
    watch: Watching, sim: Simulator, options: dict[str, Any], words: tuple[str, ...]
) -> None:
    """A wrong value is an error that names option, value and accepted form, before AWS is asked anything."""
    report = watch(**options).run()
    for word in words:
        assert word in report
    assert len(sim.log) == 0
    assert SECRET not in report


def test_unknown_options_are_told_with_the_nearest_name(watch: Watching, sim: Simulator) -> None:
    """An option that nobody reads is a warning with the nearest name; keys that the Agent adds are none."""
    watching = watch(
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
    assert watching.run() == ''
    assert [one for one in watching.check.get_warnings() if one.startswith('Option ')] == [
        'Option `setle_delay` is not known and has no effect; did you mean `settle_delay`?',
        'Option `colour` is not known and has no effect',
    ]


def test_a_limit_on_metrics_is_told_and_what_it_drops_is_reported(
    watch: Watching, start: Callable[..., Simulator]
) -> None:
    """`max_returned_metrics` from a fleet's template stops nothing: a warning says what it costs, and what was handed
    over and what `collector.amounts_dropped` reports are together what CloudWatch holds, in every Region."""
    regions = [REGION, OTHER]
    watching = watch(start('bounce_storm'), regions=regions, collect=['cloudwatch'], max_returned_metrics=9)
    watching.through(3600, 300)
    assert any('`max_returned_metrics` is 9' in warning for warning in watching.check.get_warnings())
    watching.restart(max_returned_metrics=None)
    watching.clock.advance(7200)
    watching.run()
    assert not any('max_returned_metrics' in warning for warning in watching.check.get_warnings())
    counts = [row.count.name for row in ACCOUNT_SPECS if row.count is not None]
    names = {row.count.name: row.metric_name for row in ACCOUNT_SPECS if row.count is not None}
    assert watching.total('collector.amounts_dropped', OTHER) > 0
    for region in regions:
        since = watching.last('collector.counting_since', region)
        truth = sum(watching.truth(names[name], since, watching.clock() - 900, region) for name in counts)
        handed = sum(watching.total(name, region) for name in counts)
        dropped = watching.total('collector.amounts_dropped', region)
        latest = sum(watching.truth(names[name], since, watching.clock(), region) for name in counts)
        assert truth <= handed + dropped <= latest


def test_options_that_are_null_count_as_not_given(watch: Watching, sim: Simulator) -> None:
    """An option without a value in YAML is an option that is not given."""
    watching = watch(**STEADY)
    watching.instance |= {'period': None, 'tags': None, 'role_arn': None, 'dimensions': None, 'account_id': None}
    watching.check.cancel()
    watching.check = AmazonSesCheck('amazon_ses', {}, [watching.instance])
    watching.check.clock = watching.clock
    assert watching.run() == ''
