"""What the Agent gets: everything that is declared, once, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from common import ACCOUNT, REGION, Watch

from datadog_checks.amazon_ses.cloudwatch.metric_table import REPUTATION
from datadog_checks.amazon_ses.cloudwatch.series import STATISTICS
from datadog_checks.dev.utils import get_metadata_metrics, get_service_checks
from simulator import SCENARIOS, Clock, Fault, Simulator

Watching = Callable[..., Watch]
HOUR, DAY = 3600, 86400
SET = {'ses:configuration-set': 'set-00000'}


def test_every_declared_metric_comes_and_no_other(
    watch: Watching, start: Callable[..., Simulator], clock: Clock, aggregator: Any
) -> None:
    """Over some hours with every feature and some trouble, the Agent gets each metric of metadata.csv and no other."""
    everything = SCENARIOS['everything']
    sim = start(replace(everything, volume=30_000.0))
    rates = [one.metric_name for one in REPUTATION]
    watching = watch(
        sim,
        statistics=list(STATISTICS),
        dimensions=[SET, {**SET, 'metrics': rates}],
        thresholds=[{'metric': 'send', 'warning': '10'}],
        backfill_limit=HOUR,
        tags=['team:mail'],
    )
    watching.through(2400, 300)
    sim.world.shrink(ACCOUNT, REGION, 'Send', clock() - 900, 5)
    sim.faults.add(Fault('throttle', operation='GetMetricData', times=1))
    watching.through(1500, 300)
    clock.advance(5 * HOUR)
    sim.faults.add(Fault('denied', operation='GetAccount', times=3))
    watching.through(300, 60)

    aggregator.assert_metrics_using_metadata(
        get_metadata_metrics(), check_submission_type=True, check_symmetric_inclusion=True
    )
    for name in aggregator.metric_names:
        aggregator.assert_metric(name)
        aggregator.assert_metric_has_tag(name, 'team:mail')
        aggregator.assert_metric_has_tag(name, f'aws_account:{ACCOUNT}')
    aggregator.assert_all_metrics_covered()
    aggregator.assert_service_checks(get_service_checks())
    declared = {one['check'] for one in get_service_checks()}
    assert {name for name in declared if aggregator.service_checks(name)} == declared


def test_no_run_submits_anything_twice(watch: Watching, sim: Simulator, clock: Clock, aggregator: Any) -> None:
    """Within one run each metric, count and service check comes once for each set of tags."""
    watching = watch(dimensions=[SET, {'ses:configuration-set': ['a', 'A']}], statistics=['maximum', 'sum'])
    for _ in range(12):
        aggregator.reset()
        assert watching.run() == ''
        aggregator.assert_no_duplicate_all()
        counts = [
            (name, tuple(sorted(one.tags)))
            for name in aggregator.metric_names
            for one in aggregator.metrics(name)
            if name.endswith('.count')
        ]
        assert len(counts) == len(set(counts))
        clock.advance(300)
    assert counts


def test_contexts_are_counted(watch: Watching, clock: Clock, aggregator: Any) -> None:
    """`collector.contexts` is the number of different metrics with tags that a run submits."""
    watching = watch()
    watching.through(900, 300)
    aggregator.reset()
    watching.run()
    submitted = {
        (name, tuple(sorted(one.tags))) for name in aggregator.metric_names for one in aggregator.metrics(name)
    }
    assert watching.last('collector.contexts') == len(submitted)
