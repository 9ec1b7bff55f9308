from __future__ import annotations

import csv
import json
import re
import textwrap
from collections import Counter
from pathlib import Path

import pytest
import yaml

from datadog_checks.amazon_ses import AmazonSesCheck, catalogue
from datadog_checks.amazon_ses.config_models import InstanceConfig
from datadog_checks.amazon_ses.events import queues
from datadog_checks.amazon_ses.model import PREFIX, MetricType
from tools import renders, spec, sync

UNITS = {
    '',
    'attempt',
    'dollar',
    'email',
    'error',
    'event',
    'fraction',
    'item',
    'message',
    'percent',
    'request',
    'second',
    'throttle',
    'unit',
}
"""The units of Datadog that this check uses. Datadog refuses unknown ones, for example `metric`."""

ROLE = 'arn:aws:iam::222222222222:role/datadog-amazon-ses'
OF_QUEUES = {'sqs:ReceiveMessage', 'sqs:DeleteMessage', 'sqs:GetQueueAttributes'}

FILES = {**spec.FILES, **renders.FILES}


def rows(root: Path) -> list[dict[str, str]]:
    with (root / renders.METADATA).open(newline='', encoding='utf-8') as file:
        return list(csv.DictReader(file))


def load(root: Path, name: str):
    return json.loads((root / name).read_text(encoding='utf-8'))


@pytest.mark.parametrize('name', FILES)
def test_file_is_up_to_date(root: Path, name: str) -> None:
    """Each generated file equals the text that is rendered from its source now: else run `make sync`."""
    assert (root / name).read_text(encoding='utf-8') == FILES[name](), 'run `make sync` and commit what it writes'


def test_config_models_are_generated(root: Path) -> None:
    """The folder of the config models has the generated files and validators.py, and no other."""
    assert {path.name for path in (root / spec.MODELS).glob('*.py')} == {*spec.MODEL_FILES, 'validators.py'}


def test_check_names_the_files_that_are_out_of_date(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--check` writes nothing, names each file that differs and the command, and exits with 1; sync repairs it."""
    monkeypatch.setattr(spec, 'FILES', {'a.txt': lambda: 'new\n'})
    monkeypatch.setattr(renders, 'FILES', {'b.txt': lambda: 'same\n'})
    monkeypatch.setattr(spec, 'ROOT', tmp_path)
    (tmp_path / 'a.txt').write_text('old\n')
    (tmp_path / 'b.txt').write_text('same\n')
    assert sync.main(['--check']) == 1
    errors = capsys.readouterr().err
    assert 'a.txt' in errors and 'make sync' in errors and 'b.txt' not in errors
    assert (tmp_path / 'a.txt').read_text() == 'old\n'
    assert sync.main([]) == 0
    assert (tmp_path / 'a.txt').read_text() == 'new\n'
    assert sync.main(['--check']) == 0


def test_metadata_and_catalogue_agree(root: Path) -> None:
    """Each declared metric is one row of metadata.csv, and each row is a declared metric of the same type.

    A distribution stands there as a gauge, because Datadog's validator knows no distributions.
    """
    listed = Counter((row['metric_name'], row['metric_type']) for row in rows(root))
    shown = {MetricType.DISTRIBUTION: MetricType.GAUGE}
    declared = ((metric.full_name, shown.get(metric.type, metric.type).value) for metric in set(catalogue.METRICS))
    assert listed == Counter(declared)


def test_names_of_declarations_are_unique() -> None:
    """Two declarations of the same name are the same declaration."""
    for declarations in (catalogue.METRICS, catalogue.STATUSES, catalogue.EVENTS):
        names = Counter(declaration.name for declaration in set(declarations))
        assert [name for name, times in names.items() if times > 1] == []


def test_metadata_keeps_the_rules_of_datadog(root: Path) -> None:
    """Datadog accepts each row of metadata.csv."""
    names = [row['metric_name'] for row in rows(root)]
    assert names == sorted(set(names))
    for row in rows(root):
        name = row['metric_name']
        assert tuple(row) == renders.COLUMNS
        assert re.fullmatch(r'amazon_ses(\.[a-z0-9_]+)+', name), name
        assert row['metric_type'] in {'count', 'gauge'}, name
        assert row['orientation'] in {'-1', '0', '1'}, name
        assert re.fullmatch(r'\d*', row['interval']), name
        assert {row['unit_name'], row['per_unit_name']} <= UNITS, name
        assert row['unit_name'] or not row['per_unit_name'], name
        assert (row['unit_name'], row['per_unit_name']) != ('second', 'second'), name
        assert row['integration'] == 'amazon_ses' and not row['curated_metric'], name
        assert 0 < len(row['description']) <= 400 and '|' not in row['description'], name
        assert all(value.isascii() for value in row.values()), name


def test_service_checks_and_catalogue_agree(root: Path) -> None:
    """Each declared status is one entry of service_checks.json with its levels and tags, and the other way round."""
    listed = {entry['check']: (entry['statuses'], entry['groups']) for entry in load(root, renders.SERVICE_CHECKS)}
    assert listed == {
        PREFIX + status.name: ([level.name.lower() for level in status.levels], list(status.groups))
        for status in catalogue.STATUSES
    }
    assert len(listed) == len(set(catalogue.STATUSES)) == len(load(root, renders.SERVICE_CHECKS))


def test_service_checks_keep_the_rules_of_datadog(root: Path) -> None:
    """Datadog accepts each entry of service_checks.json."""
    entries = load(root, renders.SERVICE_CHECKS)
    fields = {'agent_version', 'integration', 'check', 'statuses', 'groups', 'name', 'description'}
    assert len({entry['name'] for entry in entries}) == len(entries)
    for entry in entries:
        assert set(entry) == fields
        assert re.fullmatch(r'\d+\.\d+\.\d+', entry['agent_version'])
        assert entry['integration'] == load(root, 'manifest.json')['assets']['integration']['source_type_name']
        assert re.fullmatch(r'[A-Za-z0-9_.]+', entry['check'])
        assert entry['statuses'] and set(entry['statuses']) <= {'ok', 'warning', 'critical', 'unknown'}
        assert entry['description'] and entry['name']


def test_policy_allows_exactly_the_declared_actions(root: Path) -> None:
    """The policy allows exactly the declared actions, each once and by name, to read and to delete messages."""
    policy = load(root, renders.IAM_POLICY)
    allowed = Counter(action for statement in policy['Statement'] for action in statement['Action'])
    assert allowed == Counter({action.name for action in catalogue.ACTIONS})
    for action in allowed:
        assert re.fullmatch(r'(ses|cloudwatch):(Get|List|Describe|BatchGet)[A-Za-z]+', action) or action in OF_QUEUES
    identifiers = [statement['Sid'] for statement in policy['Statement']]
    assert len(set(identifiers)) == len(identifiers)
    for statement in policy['Statement']:
        assert re.fullmatch(r'[A-Za-z0-9]+', statement['Sid'])
        resource = queues.RESOURCE if set(statement['Action']) & OF_QUEUES else '*'
        assert (statement['Effect'], statement['Resource']) == ('Allow', resource)


def test_shipped_configuration_is_valid(root: Path) -> None:
    """The example configuration works as it is shipped, with the interval and the empty host name."""
    shipped = yaml.safe_load((root / spec.EXAMPLE).read_text(encoding='utf-8'))
    (instance,) = shipped['instances']
    assert instance == {'region': 'us-east-1', 'min_collection_interval': 60, 'empty_default_hostname': True}
    check = AmazonSesCheck('amazon_ses', shipped['init_config'] or {}, [instance])
    for start in check.check_initializations:
        start()
    assert check.settings.regions == ('us-east-1',)


def cases_of_the_example(root: Path) -> list[dict]:
    """The instances that stand in the text above `instances`."""
    text = (root / spec.EXAMPLE).read_text(encoding='utf-8')
    head = text.partition('## Every instance')[2].partition('\n#\ninstances:')[0]
    lines = [line.removeprefix('##').removeprefix(' ') for line in head.splitlines()]
    blocks = re.findall(r'(?m)^  - .*(?:\n    .*|\n  .*)*', '\n'.join(lines))
    return [instance for block in blocks for instance in yaml.safe_load(textwrap.dedent(block))]


def test_cases_of_the_example_are_valid(root: Path) -> None:
    """Each case in the example configuration is one that the check takes, with the interval and the empty host name."""
    cases = cases_of_the_example(root)
    assert len(cases) >= 5
    for instance in cases:
        assert (instance['min_collection_interval'], instance['empty_default_hostname']) == (60, True)
        check = AmazonSesCheck('amazon_ses', {}, [{**instance, 'external_id': 'resolved', 'role_arn': ROLE}])
        for start in check.check_initializations:
            start()
        assert check._odd_options == []


def test_the_example_names_the_actions_of_the_default_configuration(root: Path) -> None:
    """The example configuration, which is all that is on an Agent's host, has the actions that it needs."""
    text = (root / spec.EXAMPLE).read_text(encoding='utf-8').partition('\ninstances:')[0]
    named = re.findall(r'\b(?:ses|cloudwatch):[A-Z]\w+', text)
    assert named == sorted({action.name for action in catalogue.DEFAULT_ACTIONS})


def test_what_matters_most_comes_first(root: Path) -> None:
    """The example configuration begins with Region, interval, account and role, tags, then what decides the cost."""
    text = (root / spec.EXAMPLE).read_text(encoding='utf-8').partition('\ninstances:')[2]
    first = re.findall(r'## @param (\w+) ', text)[:11]
    assert first == [
        *('region', 'min_collection_interval', 'empty_default_hostname', 'regions', 'role_arn', 'external_id'),
        *('account_id', 'tags', 'collect', 'max_series', 'period'),
    ]


def test_every_option_is_described(root: Path) -> None:
    """Each option of the model is in the example configuration and in docs/options.md, unless the Agent hides it."""
    hidden = {'disable_generic_tags', 'enable_legacy_tags_normalization'}
    options = set(InstanceConfig.model_fields) - hidden
    _, _, instances = (root / spec.EXAMPLE).read_text(encoding='utf-8').partition('\ninstances:')
    assert set(re.findall(r'## @param (\w+) ', instances)) == options
    table = renders.options_table()
    assert set(re.findall(r'^\| `(\w+)`', table, re.MULTILINE)) == options


@pytest.mark.parametrize('option', ['aws_secret_access_key', 'aws_session_token', 'external_id'])
def test_secrets_are_marked(root: Path, option: str) -> None:
    """An option that holds a secret is marked as one."""
    (file,) = yaml.safe_load((root / spec.SPEC).read_text(encoding='utf-8'))['files']
    (declared,) = (entry for entry in file['options'][1]['options'] if entry.get('name') == option)
    assert declared['secret'] is True
