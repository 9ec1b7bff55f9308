from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import yaml

from datadog_checks.amazon_ses.catalogue import EVENTS
from datadog_checks.dev.tooling.constants import get_root, set_root
from datadog_checks.dev.tooling.datastructures import JSONDict
from datadog_checks.dev.tooling.manifest_validator import get_all_validators

VALIDATORS = get_all_validators(None, '2.0.0', is_extras=True, ignore_schema=True)


@pytest.fixture
def manifest(root: Path) -> dict:
    return json.loads((root / 'manifest.json').read_text(encoding='utf-8'))


@pytest.fixture(scope='module')
def repository(copied: Path, tmp_path_factory: pytest.TempPathFactory):
    """The integration as a folder of a repository, because the validators know it only as such."""
    holder = tmp_path_factory.mktemp('repository')
    shutil.copytree(copied, holder / 'amazon_ses')
    before = get_root()
    set_root(str(holder))
    yield holder
    set_root(before)


@pytest.mark.parametrize('validator', VALIDATORS, ids=lambda validator: type(validator).__name__)
def test_validators_of_datadog_accept_the_manifest(repository: Path, manifest: dict, validator) -> None:
    """The manifest passes Datadog's validators."""
    validator.validate('amazon_ses', JSONDict(manifest), False)
    assert not validator.result.failed, validator.result.messages


def test_files_and_headings_of_the_manifest_exist(root: Path, manifest: dict) -> None:
    """Each file and each heading that the manifest names exists."""
    integration = manifest['assets']['integration']
    paths = [
        integration['configuration']['spec'],
        integration['metrics']['metadata_path'],
        integration['service_checks']['metadata_path'],
        manifest['tile']['changelog'],
        *(path for kind in ('dashboards', 'monitors') for path in manifest['assets'].get(kind, {}).values()),
        *(medium['image_url'] for medium in manifest['tile']['media']),
    ]
    assert [path for path in paths if not (root / path).is_file()] == []
    readme = (root / 'README.md').read_text(encoding='utf-8')
    for part in ('overview', 'configuration', 'support'):
        file, _, heading = manifest['tile'][part].partition('#')
        assert file == 'README.md' and f'\n## {heading}\n' in readme


def test_identity_never_changes(manifest: dict) -> None:
    """The ids and the name by which Datadog knows this integration are those of its first release."""
    assert manifest['app_id'] == 'amazon-ses-agent'
    assert manifest['app_uuid'] == '055c209b-f282-45db-a86a-a592bfcf4246'
    assert manifest['assets']['integration']['source_type_name'] == 'Amazon SES'


def test_texts_and_prefix_are_accepted(manifest: dict) -> None:
    """The prefix is that of the metrics, and the description is as short as Datadog demands."""
    assert manifest['assets']['integration']['metrics']['prefix'] == 'amazon_ses.'
    assert len(manifest['tile']['description']) <= 80


def test_events_are_announced_when_there_are_any(manifest: dict) -> None:
    """The manifest says that events are created exactly when the catalogue has events."""
    assert manifest['assets']['integration']['events']['creates_events'] is bool(EVENTS)


def test_dataflows_have_distinct_ids(root: Path) -> None:
    """Each dataflow has an id of its own and says what flows and where."""
    flows = yaml.safe_load((root / 'assets' / 'dataflows.yaml').read_text(encoding='utf-8'))['provides']
    assert len({flow['id'] for flow in flows}) == len(flows) > 0
    for flow in flows:
        assert set(flow) == {'id', 'always_on', 'granular', 'data_type', 'direction'}
        assert flow['data_type'] in {'metrics', 'logs', 'events', 'traces'} and flow['direction'] == 'inbound'
