"""The body of a request to CloudWatch, which is joined from texts."""

from __future__ import annotations

import json
from dataclasses import replace

from datadog_checks.amazon_ses.cloudwatch.metric_table import ACCOUNT_SERIES
from datadog_checks.amazon_ses.cloudwatch.periods import Window
from datadog_checks.amazon_ses.cloudwatch.queries import Batch, Queries
from datadog_checks.amazon_ses.cloudwatch.series import AVERAGE, SUM, Query


def test_the_joined_body_is_the_request() -> None:
    """What is sent as text is what the parameters of the call say, whatever names and dimensions a series has."""
    odd = replace(
        ACCOUNT_SERIES[0],
        dimensions=(('a "name"', 'back\\slash'), ('Name', '\N{SNOWMAN}\n}],"Period":1')),
        metric_name='Send "all"',
        account='210987654321',
    )
    queries = (Query(ACCOUNT_SERIES[0], SUM), Query(odd, SUM), Query(odd, AVERAGE))
    batch = Batch(Queries.of(*queries), (0, 1, 1), Window(1_790_000_100, 1_790_001_000), 300)
    assert json.loads(batch.body) == batch.parameters
