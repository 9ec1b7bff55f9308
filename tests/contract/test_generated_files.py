from __future__ import annotations

import csv
import json
import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

from datadog_checks.amazon_ses import AmazonSesCheck, catalogue
from datadog_checks.amazon_ses.config_models import InstanceConfig
from datadog_checks.amazon_ses.model import PREFIX
from tools import renders, sync

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
"""Those of Datadog's units that make sense here; it refuses others, for example `metric`."""


def rows(root: Path) -> list[dict[str, str]]:
    with (root / renders.METADATA).open(newline='', encoding='utf-8') as file:
        return list(csv.DictReader(file))


def load(root: Path, name: str):
    return json.loads((root / name).read_text(encoding='utf-8'))


@pytest.mark.parametrize('name', renders.FILES)
def test_file_is_what_its_source_says(root: Path, name: str) -> None:
    """Each generated file is what is rendered from its source now: else run `make sync`."""
    assert (root / name).read_text(encoding='utf-8') == renders.FILES[name]()


def test_models_hold_nothing_else(root: Path) -> None:
    """The folder of the config models holds the generated files and validators.py, and nothing that is left over."""
    assert {path.name for path in (root / renders.MODELS).glob('*.py')} == {*renders.MODEL_FILES, 'validators.py'}


def test_check_names_what_is_out_of_date(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--check` writes nothing, names each file that differs and the command, and exits with 1; sync repairs it."""
    monkeypatch.setattr(renders, 'FILES', {'a.txt': lambda: 'new\n', 'b.txt': lambda: 'same\n'})
    monkeypatch.setattr(renders, 'ROOT', tmp_path)
    (tmp_path / 'a.txt').write_text('old\n')
    (tmp_path / 'b.txt').write_text('same\n')
    assert sync.main(['--check']) == 1
    said = capsys.readouterr().err
    assert 'a.txt' in said and 'make sync' in said and 'b.txt' not in said
    assert (tmp_path / 'a.txt').read_text() == 'old\n'
    assert sync.main([]) == 0
    assert (tmp_path / 'a.txt').read_text() == 'new\n'
    assert sync.main(['--check']) == 0


def test_metadata_and_catalogue_agree(root: Path) -> None:
    """Each declared metric is one row of metadata.csv, and each row is a declared metric of the same type."""
    listed = Counter((row['metric_name'], row['metric_type']) for row in rows(root))
    assert listed == Counter((metric.full_name, metric.type.value) for metric in set(catalogue.METRICS))


def test_a_name_is_declared_in_one_way() -> None:
    """Two declarations of the same name are the same declaration."""
    for declared in (catalogue.METRICS, catalogue.STATUSES, catalogue.EVENTS):
        names = Counter(spec.name for spec in set(declared))
        assert [name for name, times in names.items() if times > 1] == []


def test_metadata_keeps_the_rules_of_datadog(root: Path) -> None:
    """Each row of metadata.csv is one that Datadog takes."""
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
    """Each entry of service_checks.json is one that Datadog takes."""
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


def test_policy_allows_what_is_used_and_nothing_else(root: Path) -> None:
    """The policy allows exactly the declared actions, each once, by name and only to read."""
    policy = load(root, renders.IAM_POLICY)
    allowed = Counter(action for statement in policy['Statement'] for action in statement['Action'])
    assert allowed == Counter({action.name for action in catalogue.ACTIONS})
    for action in allowed:
        assert re.fullmatch(r'(ses|cloudwatch):(Get|List|Describe|BatchGet)[A-Za-z]+', action)
    identifiers = [statement['Sid'] for statement in policy['Statement']]
    assert len(set(identifiers)) == len(identifiers)
    for statement in policy['Statement']:
        assert re.fullmatch(r'[A-Za-z0-9]+', statement['Sid'])
        assert (statement['Effect'], statement['Resource']) == ('Allow', '*')


def test_shipped_configuration_is_valid(root: Path) -> None:
    """The example configuration works as it is shipped, with the interval and the empty host name."""
    shipped = yaml.safe_load((root / renders.EXAMPLE).read_text(encoding='utf-8'))
    (instance,) = shipped['instances']
    assert instance == {'region': 'us-east-1', 'min_collection_interval': 60, 'empty_default_hostname': True}
    check = AmazonSesCheck('amazon_ses', shipped['init_config'] or {}, [instance])
    for start in check.check_initializations:
        start()
    assert check.settings.regions == ('us-east-1',)


def test_every_option_is_described(root: Path) -> None:
    """Each option of the model stands in the example configuration and in README.md, unless the Agent hides it."""
    hidden = {'disable_generic_tags', 'enable_legacy_tags_normalization'}
    options = set(InstanceConfig.model_fields) - hidden
    _, _, instances = (root / renders.EXAMPLE).read_text(encoding='utf-8').partition('\ninstances:')
    assert set(re.findall(r'## @param (\w+) ', instances)) == options
    table = renders.options_table()
    assert set(re.findall(r'^\| `(\w+)`', table, re.MULTILINE)) == options


@pytest.mark.parametrize('option', ['aws_secret_access_key', 'aws_session_token', 'external_id'])
def test_secrets_are_marked(root: Path, option: str) -> None:
    """An option that holds a secret is marked as one."""
    (file,) = yaml.safe_load((root / renders.SPEC).read_text(encoding='utf-8'))['files']
    (declared,) = (one for one in file['options'][1]['options'] if one.get('name') == option)
    assert declared['secret'] is True
