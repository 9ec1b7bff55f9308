"""`python -m standalone plan`: the instances for a list of accounts, and what they cost."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from datadog_checks.amazon_ses import AmazonSesCheck
from standalone.__main__ import main
from standalone.command_line import EXIT_MISCONFIGURED, EXIT_OK

LIST = """
defaults:
  regions: [us-east-1, eu-west-1]
  role: datadog-amazon-ses
  external_id: ENC[ses_id]
options:
  period: 900
  tags: ['team:mail']
accounts:
  - {account: '012345678901', name: shop, configuration_sets: 5, tags: ['env:prod']}
  - {account: 222222222222, name: bank, regions: [us-gov-west-1]}
  - {account: '333333333333', role_arn: 'arn:aws:iam::333333333333:role/monitoring/ses', external_id: other}
"""
TABLE = """\
account,name,regions,role_arn,configuration_sets
012345678901,shop,us-east-1 eu-west-1,,5
222222222222,bank,,arn:aws:iam::222222222222:role/ses,
"""


@pytest.fixture
def listing(tmp_path: Path) -> Callable[..., Path]:
    """A function that writes a list of accounts."""

    def write(text: str, name: str = 'accounts.yaml') -> Path:
        path = tmp_path / name
        path.write_text(text, encoding='utf-8')
        return path

    return write


def instances(folder: Path, *names: str) -> list[dict[str, Any]]:
    """The instances of some configuration files, each of which is one that the check takes."""
    accepted = []
    for name in names:
        content = yaml.safe_load((folder / name).read_text(encoding='utf-8'))
        for instance in content['instances']:
            # The Agent looks up the secret.
            resolved = {**instance, **({'external_id': 'resolved'} if 'external_id' in instance else {})}
            check = AmazonSesCheck('amazon_ses', content['init_config'], [resolved])
            for start in check.check_initializations:
                start()
            accepted.append(instance)
    return accepted


def test_each_account_becomes_an_instance(listing: Callable[..., Path], tmp_path: Path) -> None:
    """Each account of a YAML file becomes an instance with its role, Regions, external id and the tag of its name."""
    assert main(['plan', str(listing(LIST)), '--output', str(tmp_path / 'plan')]) == EXIT_OK
    shop, bank, other = instances(tmp_path / 'plan', 'conf.yaml')
    assert shop['role_arn'] == 'arn:aws:iam::012345678901:role/datadog-amazon-ses'
    assert shop['regions'] == ['us-east-1', 'eu-west-1'] and shop['external_id'] == 'ENC[ses_id]'
    assert shop['tags'] == ['team:mail', 'account_name:shop', 'env:prod'] and shop['period'] == 900
    assert (shop['min_collection_interval'], shop['empty_default_hostname']) == (60, True)
    assert bank['region'] == 'us-gov-west-1'
    assert bank['role_arn'] == 'arn:aws-us-gov:iam::222222222222:role/datadog-amazon-ses'
    assert other['role_arn'].endswith('role/monitoring/ses') and other['external_id'] == 'other'
    assert other['tags'] == ['team:mail']


def test_a_csv_file_says_the_same(listing: Callable[..., Path], tmp_path: Path) -> None:
    """A CSV file has a line for each account; what a line leaves empty is taken from the command line."""
    path = listing(TABLE, 'accounts.csv')
    arguments = ['--role', 'ses-reader', '--regions', 'eu-west-1', '--name-tag', 'team', '--output', str(tmp_path)]
    assert main(['plan', str(path), *arguments]) == EXIT_OK
    shop, bank = instances(tmp_path, 'conf.yaml')
    assert shop['role_arn'] == 'arn:aws:iam::012345678901:role/ses-reader' and shop['tags'] == ['team:shop']
    assert bank['role_arn'] == 'arn:aws:iam::222222222222:role/ses' and bank['region'] == 'eu-west-1'


def test_figures_without_files(
    listing: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --output nothing is written, and calls, billed metrics, dollars, contexts and Agents are printed."""
    path = listing(LIST)
    assert main(['plan', str(path), '--json']) == EXIT_OK
    figures = json.loads(capsys.readouterr().out)
    assert (figures['accounts'], figures['targets'], figures['agents'], figures['files']) == (3, 5, 1, [])
    assert figures['billed_metrics_an_hour'] == 4 * (5 * 12 + 2 * 5 * 12)
    assert figures['dollars_for_30_days'] == pytest.approx(
        figures['billed_metrics_an_hour'] * 24 * 30 / 100_000, abs=0.01
    )
    assert figures['calls']['GetAccount'] == 5 * 60
    assert main(['plan', str(path)]) == EXIT_OK
    shown = capsys.readouterr().out
    assert all(word in shown for word in ('calls of AWS', 'billed metrics', 'dollars', 'contexts', 'Agents'))
    assert list(tmp_path.iterdir()) == [path]


def test_a_large_fleet_is_spread_over_agents(
    listing: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """More accounts than one Agent can read are spread over as many as are needed, each account once, in even parts."""
    lines = ''.join(f'{100_000_000_000 + number}\n' for number in range(900))
    path = listing(f'account\n{lines}', 'accounts.csv')
    arguments = ['--role', 'ses', '--regions', 'us-east-1 eu-west-1', '--output', str(tmp_path), '--json']
    assert main(['plan', str(path), *arguments]) == EXIT_OK
    figures = json.loads(capsys.readouterr().out)
    assert figures['agents'] == 2 and len(figures['files']) == 2
    parts = [yaml.safe_load(Path(name).read_text(encoding='utf-8'))['instances'] for name in figures['files']]
    assert [len(part) for part in parts] == [450, 450]
    assert len({instance['role_arn'] for part in parts for instance in part}) == 900


def test_cluster_checks_share_a_file(listing: Callable[..., Path], tmp_path: Path) -> None:
    """With --cluster-check there is one file, which says so to the Cluster Agent."""
    assert main(['plan', str(listing(LIST)), '--cluster-check', '--output', str(tmp_path), '--agents', '3']) == EXIT_OK
    assert yaml.safe_load((tmp_path / 'amazon_ses.yaml').read_text(encoding='utf-8'))['cluster_check'] is True
    assert len(instances(tmp_path, 'amazon_ses.yaml')) == 3


def test_options_decide_the_cost(listing: Callable[..., Path], capsys: pytest.CaptureFixture[str]) -> None:
    """The options of the list change the figures as they change the check: interval, sources, series left out."""
    options = 'options: {collect: [account, configuration_sets], min_collection_interval: 300, max_series: 100}\n'
    account = "accounts: [{account: '111111111111', regions: us-east-1, configuration_sets: 10, idle_series: 40}]\n"
    assert main(['plan', str(listing(options + account)), '--json']) == EXIT_OK
    figures = json.loads(capsys.readouterr().out)
    assert figures['calls'] == {'GetAccount': 12, 'GetMetricData': 12, 'ListMetrics': 4}
    assert figures['series_left_out'] == 20
    assert figures['billed_metrics_an_hour'] == 12 * (60 + 40 / 4)


def test_large_accounts_are_read_in_pages_and_turns(
    listing: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    """What takes several pages is so many calls, and single items are no more than the check asks in an hour."""
    sizes = 'identities: 2500, configuration_sets: 200, tenants: 5, series: 100'
    account = f"options: {{max_series: 5000}}\naccounts: [{{account: '111111111111', regions: us-east-1, {sizes}}}]\n"
    assert main(['plan', str(listing(account)), '--json']) == EXIT_OK
    calls = json.loads(capsys.readouterr().out)['calls']
    assert calls['ListMetrics'] == 4 * 6 + 2 and calls['GetMetricData'] == 12 * 6
    assert calls['ListEmailIdentities'] == 4 * 3 and calls['GetIdentityDkimAttributes'] == 25
    assert calls['GetEmailIdentity'] == 60
    assert (calls['ListConfigurationSets'], calls['GetConfigurationSet']) == (1, 150)
    assert calls['ListReputationEntities'] == pytest.approx(3 * 6 + 1 / 6, abs=0.01)


def test_files_are_not_overwritten_by_chance(
    listing: Callable[..., Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A file that is there stays, and the message names it, unless --replace is given."""
    (tmp_path / 'conf.yaml').write_text('mine')
    arguments = ['plan', str(listing(LIST)), '--output', str(tmp_path)]
    assert main(arguments) == EXIT_MISCONFIGURED
    assert 'conf.yaml is there already' in capsys.readouterr().err
    assert (tmp_path / 'conf.yaml').read_text() == 'mine'
    assert main([*arguments, '--replace']) == EXIT_OK


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('accounts: []', 'no account in it'),
        ('accounts: [{account: 1234}]', "account 1: `account` must be 12 digits, in quotes, like '012345678901', not"),
        ("accounts: [{account: '111111111111'}]", 'account 1: `regions` must be names like us-east-1'),
        ("accounts: [{account: '111111111111', regions: all}]", '`all` says nothing of their number'),
        ("accounts: [{account: '111111111111', regions: us-east-1, period: 60}]", "account 1: 'period' is none of"),
        ("accounts: [{account: '111111111111', regions: us-east-1, role_arn: x}]", 'the ARN of a role of account'),
        (
            "accounts: [{account: '111111111111', regions: us-east-1, role_arn: 'arn:aws:iam::222222222222:role/r'}]",
            'the ARN of a role of account 111111111111',
        ),
        ("accounts: [{account: '111111111111', regions: us-east-1, series: -1}]", '`series` must be a whole number'),
        ("accounts: [{account: '111111111111', regions: us-east-1, external_id: abc}]", 'Option `external_id`'),
        ("options: {period: 7}\naccounts: [{account: '111111111111', regions: us-east-1}]", 'Option `period`'),
        ("accounts: [&a {account: '111111111111', regions: us-east-1}, *a]", 'account 2: 111111111111 is there twice'),
        ('account: 1', 'the top level must be a mapping with `accounts`'),
        ('accounts: {', 'is not valid YAML'),
    ],
)  # fmt: skip
def test_a_wrong_list_is_one_line(
    listing: Callable[..., Path], capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    """A list that cannot be used ends with 2 and one line that names the file or the account, and what is accepted."""
    assert main(['plan', str(listing(text))]) == EXIT_MISCONFIGURED
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line and len(line) < 400


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('number,regions\n1,x\n', "'number' is not one"),
        ('name\nshop\n', '`account` is missing'),
        ('account,regions\n111111111111,us-east-1,more\n', 'account 1: more values than columns'),
        ('account\n', 'no account in it'),
        ('', '`account` is missing'),
    ],
)
def test_a_wrong_table_is_one_line(
    listing: Callable[..., Path], capsys: pytest.CaptureFixture[str], text: str, message: str
) -> None:
    """A CSV file that cannot be used ends with 2 and one line that names the columns that there may be, or the line."""
    assert main(['plan', str(listing(text, 'accounts.csv'))]) == EXIT_MISCONFIGURED
    (line,) = capsys.readouterr().err.splitlines()
    assert message in line
