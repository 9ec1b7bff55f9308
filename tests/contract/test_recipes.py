"""The recipes of CONTRIBUTING.md, followed in a copy of the checkout."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from folders import ROOT

FOLDERS = ('datadog_checks', 'tools', 'simulator', 'benchmarks', 'assets', 'docs', 'deploy')
FILES = ('README.md', 'metadata.csv', 'manifest.json')
POLICIES = (
    *('assets/iam_policy.json', 'assets/iam_policy_default.json', 'docs/permissions.md'),
    *('deploy/iam/role.yaml', 'deploy/iam/main.tf'),
)
PACKAGE = 'datadog_checks/amazon_ses'
MODULE = 'datadog_checks.amazon_ses.collectors.contact_lists'
OWN_MODULES = r'^(?=from datadog_checks)'
"""Where a file begins to name modules of the package."""

ROWS = {
    'SENDING': "CountRow('Hold', 'hold', 'Emails held back')",
    'REPUTATION': "MeasurementRow('Reputation.TrapRate', 'reputation.trap_rate', 'Trap rate as SES judges it.')",
    'RECEIVING': "CountRow('PublishSkipped', 'publish_skipped', 'Emails for which a rule was skipped')",
}

COLLECTOR = '''
from datadog_checks.amazon_ses.collectors import Collector
from datadog_checks.amazon_ses.model import Action, Level, MetricSpec, MetricType, Sample, Status, StatusSpec

SHARED = StatusSpec('contact_list.shared', 'Shared', 'OK: there is a shared list.', ('aws_account', 'region'))
LISTS = MetricSpec('contact_list.count', MetricType.GAUGE, 'Contact lists.', 'item', interval=3600)
CONTACT_LISTS = Collector(
    name='contact_lists',
    interval=3600,
    actions=(Action('ses:ListContactLists', 'number of contact lists'),),
    metrics=(LISTS,),
    fetch=lambda client_for: client_for('sesv2').list_contact_lists(),
    parse=lambda answer, now: [Sample(LISTS, len(answer['ContactLists'])), Status(SHARED, Level.OK)],
    statuses=(SHARED,),
)
'''

SWEEP = '''
from dataclasses import dataclass, replace

from datadog_checks.amazon_ses.model import Action, Failure, MetricSpec, MetricType, Sample
from datadog_checks.amazon_ses.sweeps import ApiRequest, Sweep
from datadog_checks.amazon_ses.sweeps.paging import Paging

LISTS = MetricSpec('contact_list.count', MetricType.GAUGE, 'Contact lists.', 'item', interval=3600)
LIST = 'ListContactLists'


def next_request(lists, context, now):
    if context.may_ask(LIST) and lists.is_due(3600, now):
        return ApiRequest('sesv2', LIST, lists.parameters(now))


def after_answer(lists, request, answer, now):
    if isinstance(answer, Failure):
        return lists.after_failure(answer)
    return lists.after_page(answer['ContactLists'], answer.get('NextToken'), now)


def readings(lists, context, now):
    if lists.listed_at is not None:
        yield Sample(LISTS, len(lists.listed))


CONTACT_LISTS = Sweep(
    name='contact_lists',
    actions=(Action(f'ses:{LIST}', 'number of contact lists'),),
    metrics=(LISTS,),
    new_state=Paging,
    next_request=next_request,
    after_answer=after_answer,
    readings=readings,
    pending=lambda lists, context, now: 0,
    read_at=lambda lists: lists.listed_at,
    to_document=lambda lists: None,
    from_document=lambda document: Paging(),
)
'''

OPERATION = """
    ('sesv2', 'ListContactLists'): Operation(
        lambda call: {'ContactLists': [{'ContactListName': 'shared'}, {'ContactListName': 'news'}]},
        'ses:ListContactLists',
        per_second=1,
    ),
"""

RUN = """
import json

from benchmarks.cases import ACCOUNT_LEVEL
from common import START, Driver, instance_of
from datadog_checks.base.stubs import aggregator
from simulator import Clock, Simulator
from tools.boards import dashboard_lint, files

clock = Clock(START)
with Simulator('steady', clock=clock) as sim:
    driver = Driver(sim, clock, aggregator, instance_of(sim))
    driver.run_for(600, 300)
    driver.check.cancel()
    requests = sim.log.where(operation='GetMetricData')
    queries = [query for request in requests for query in request.params['MetricDataQueries']]
boards = [json.loads(files.FILES[path]()) for path in files.FILES if path.startswith('assets/dashboards/')]
print(json.dumps({
    'queried': sorted({query['MetricStat']['Metric']['MetricName'] for query in queries}),
    'measured': [metric.name for metric in ACCOUNT_LEVEL.metrics],
    'gauges': {name: aggregator.metrics(name)[-1].value for name in aggregator.metric_names},
    'statuses': {name: aggregator.service_checks(name)[-1].status for name in aggregator.service_check_names},
    'operations': sorted({request.operation for request in sim.log}),
    'not charted': [str(finding) for finding in dashboard_lint.coverage(boards)],
}))
"""


class Copy:
    """A copy of the checkout that may be edited, and commands run in it."""

    def __init__(self, folder: Path) -> None:
        self.root = folder
        for name in FOLDERS:
            shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns('__pycache__'))
        for name in FILES:
            shutil.copy(ROOT / name, folder / name)

    def edit(self, path: str, before: str, after: str) -> None:
        """Replace the first match of a regular expression."""
        file = self.root / path
        text, number = re.subn(before, lambda _: after, file.read_text(encoding='utf-8'), count=1, flags=re.MULTILINE)
        assert number == 1, f'{path} has nothing like {before}'
        file.write_text(text, encoding='utf-8')

    def add_row(self, table: str, row: str) -> None:
        """Add a row at the end of a table of the metric table."""
        file = self.root / PACKAGE / 'cloudwatch/metric_table.py'
        head, start, tail = file.read_text(encoding='utf-8').partition(f'\n{table} = (\n')
        rows, end, more = tail.partition('\n)\n')
        file.write_text(f'{head}{start}{rows}\n    {row},{end}{more}', encoding='utf-8')

    def python(self, *arguments: str) -> str:
        path = os.pathsep.join(map(str, (self.root, ROOT / 'tests')))
        environment = {**os.environ, 'PYTHONPATH': path, 'PYTHONDONTWRITEBYTECODE': '1'}
        run = subprocess.run(
            [sys.executable, *arguments], cwd=self.root, env=environment, capture_output=True, text=True
        )
        assert run.returncode == 0, run.stdout + run.stderr
        return run.stdout

    def sync(self) -> set[str]:
        """Run `make sync` and return the names of the files that it wrote."""
        return set(re.findall(r'^wrote (.+)$', self.python('-m', 'tools.sync'), re.MULTILINE))

    def run_check(self) -> dict[str, Any]:
        """Run the check for two periods; what AWS and the Agent saw of it, and what benchmarks and boards know."""
        result: dict[str, Any] = json.loads(self.python('-c', RUN).splitlines()[-1])
        return result

    def declared(self) -> set[str]:
        with (self.root / 'metadata.csv').open(newline='', encoding='utf-8') as file:
            return {row['metric_name'].removeprefix('amazon_ses.') for row in csv.DictReader(file)}

    def policy(self) -> str:
        return (self.root / 'assets/iam_policy.json').read_text(encoding='utf-8')


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def test_a_metric_is_a_row_of_its_table(copy: Copy) -> None:
    """A row in a table makes a metric: it is declared, documented, asked for and part of the benchmarks, and the lint
    of the dashboards says what is still to do."""
    before, policy = copy.declared(), copy.policy()
    for table, row in ROWS.items():
        copy.add_row(table, row)

    assert copy.sync() == {'metadata.csv', 'docs/cost.md'}
    added = copy.declared() - before
    assert {name for name in added if not re.search(r'\.(average|minimum|maximum|sample_count|sum)$', name)} == {
        *('hold', 'hold.count', 'configuration_set.hold.count', 'dimension.hold', 'dimension.hold.count'),
        *('reputation.trap_rate', 'configuration_set.reputation.trap_rate', 'dimension.reputation.trap_rate'),
        *('receiving.publish_skipped', 'receiving.publish_skipped.count'),
    }
    assert copy.policy() == policy
    result = copy.run_check()
    assert {'Hold', 'Reputation.TrapRate'} <= set(result['queried'])
    assert {'Hold', 'Reputation.TrapRate'} <= set(result['measured'])
    number = len(result['measured'])
    assert f'({number} metrics)' in (copy.root / 'docs/cost.md').read_text(encoding='utf-8')
    assert result['gauges']['amazon_ses.collector.series'] == number
    assert all('tools/boards/' in finding for finding in result['not charted'])
    assert any('amazon_ses.hold.count' in finding for finding in result['not charted'])


def test_an_api_source_is_a_module_and_a_word_of_the_registry(copy: Copy) -> None:
    """A collector in the registry is asked, its metric and status are shown, and the policy allows its action."""
    (copy.root / PACKAGE / 'collectors/contact_lists.py').write_text(COLLECTOR, encoding='utf-8')
    registry = f'{PACKAGE}/registry.py'
    copy.edit(registry, r'^COLLECTORS = \(', 'COLLECTORS = (CONTACT_LISTS, ')
    copy.edit(registry, OWN_MODULES, f'from {MODULE} import CONTACT_LISTS\n')
    copy.edit('simulator/operations/table.py', r'^OPERATIONS\b.* = \{\n', f'OPERATIONS = {{{OPERATION}')

    assert copy.sync() == {'metadata.csv', 'README.md', *POLICIES, 'assets/service_checks.json'}
    assert 'contact_list.count' in copy.declared()
    assert '"ses:ListContactLists"' in copy.policy()
    result = copy.run_check()
    assert 'ListContactLists' in result['operations']
    assert result['gauges']['amazon_ses.contact_list.count'] == 2
    assert result['statuses']['amazon_ses.contact_list.shared'] == 0
    assert result['gauges']['amazon_ses.can_connect'] == 1


def test_a_sweep_is_a_module_and_a_word_of_the_registry(copy: Copy) -> None:
    """A sweep in the registry is asked between the others, its metric and its age are shown, and the policy allows its
    action."""
    (copy.root / PACKAGE / 'sweeps/contact_lists.py').write_text(SWEEP, encoding='utf-8')
    registry = f'{PACKAGE}/registry.py'
    copy.edit(
        registry, r'^SWEEPS: tuple\[Sweep\[Any\], \.\.\.\] = \(', 'SWEEPS: tuple[Sweep[Any], ...] = (CONTACT_LISTS, '
    )
    module = f'{PACKAGE}/sweeps/contact_lists'.replace('/', '.')
    copy.edit(registry, OWN_MODULES, f'from {module} import CONTACT_LISTS\n')
    copy.edit('simulator/operations/table.py', r'^OPERATIONS\b.* = \{\n', f'OPERATIONS = {{{OPERATION}')

    assert copy.sync() == {'metadata.csv', *POLICIES}
    assert 'contact_list.count' in copy.declared()
    assert '"ses:ListContactLists"' in copy.policy()
    result = copy.run_check()
    assert 'ListContactLists' in result['operations']
    assert result['gauges']['amazon_ses.contact_list.count'] == 2
    assert 'amazon_ses.collector.sweep_age' in result['gauges']
    assert result['gauges']['amazon_ses.can_connect'] == 1
