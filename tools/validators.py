"""The validators of Datadog that `make validate` runs, what each has to print, and a planted fault for each."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

NAME = 'amazon_ses'
COUNT = '[1-9][0-9]*'


@dataclass(frozen=True)
class Validator:
    """A validator, the whole line it prints when it is content, and what it prints only when it is not.

    Where `about` names a map or list of the manifest, the validator has nothing to look at while that is empty.
    """

    name: str
    line: str
    complaint: str = ''
    options: tuple[str, ...] = (NAME,)
    about: str = ''


@dataclass(frozen=True)
class Fault:
    """Something wrong that is planted in a copy, the validator that has to find it, and what that then says."""

    validator: str
    what: str
    plant: Callable[[Path], object]
    says: str


VALIDATORS = (
    Validator('config', f'All {COUNT} configuration files are valid!'),
    Validator('models', f'All {COUNT} data model files are in sync!'),
    Validator('metadata', 'Passed: 1'),
    Validator('package', '1 valid files'),
    # A picture with a wrong address is printed and then forgiven.
    Validator('readmes', 'All 1 READMEs are valid!', complaint='All images must be checked into'),
    Validator('imports', 'Validation passed!'),
    # It only warns, and only when asked to talk.
    Validator(
        'integration-style',
        r'Validating integration style for 1 integrations\.\.\.',
        complaint='is going to be deprecated',
        options=('--verbose', NAME),
    ),
    Validator('legacy-signature', f'Check `{NAME}` uses the new agent signature.'),
    Validator('http', 'Passed: 1'),
    Validator('dep', 'All dependencies are valid!'),
    # Each board that is there, so one that the manifest forgets is missed.
    Validator('dashboards', '{boards} valid files'),
    Validator('service-checks', '1 valid files'),
    Validator('saved-views', 'All saved views are valid!', about='assets/saved_views'),
    Validator('eula', '1 valid files', about='legal_terms'),
    Validator('codeowners', r'All integrations have valid codeowners\.', options=()),
)

# The other commands of `ddev validate`, and why they are not run. A command that is in neither table is an error.
LEFT_OUT = {
    'all': 'runs the others, and those of a whole repository',
    'agent-reqs': 'needs the release file of integrations-core',
    'ci': 'is about the workflows of a whole repository',
    'jmx-metrics': 'is for JMX checks',
    'labeler': 'is for integrations-core',
    'license-headers': 'is not implemented for integrations-extras',
    'licenses': 'is for integrations-core',
    'openmetrics': 'is for OpenMetrics checks',
    'pr-description': 'is about a pull request',
    'qa-label': 'is about a pull request',
    'typos': 'exits the wrong way round',
    'version': 'is for integrations-core',
}

# What each manifest validator looks at. The one without has been switched off by Datadog for integrations-extras.
MANIFEST_VALIDATORS = {
    'VersionValidator': 'manifest_version',
    'MaintainerValidator': '',
    'MetricsMetadataValidator': 'assets/integration/metrics/metadata_path',
    'MetricToCheckValidator': 'assets/integration/metrics/check',
    'ImmutableAttributesValidator': 'app_id',
    'LogsCategoryValidator': 'tile/classifier_tags',
    'DisplayOnPublicValidator': 'display_on_public_website',
    'TileDescriptionValidator': 'tile/description',
    'MediaGalleryValidator': 'tile/media',
    'ChangelogValidator': 'tile/changelog',
}


def replaced(name: str, old: str, new: str) -> Callable[[Path], object]:
    """A fault: a text in a file is another. The text has to be there."""

    def plant(folder: Path) -> None:
        path = folder / name
        text = path.read_text(encoding='utf-8')
        if old not in text:
            raise ValueError(f'{name} has no {old!r}, so this fault cannot be planted')
        path.write_text(text.replace(old, new, 1), encoding='utf-8')

    return plant


def appended(name: str, text: str) -> Callable[[Path], object]:
    """A fault: a file goes on with a text, or begins with it where there was none."""

    def plant(folder: Path) -> None:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open('a', encoding='utf-8') as file:
            file.write(text)

    return plant


def declared(path: str, value: object) -> Callable[[Path], object]:
    """A fault: the manifest has a value under a path, or with None nothing."""

    def plant(folder: Path) -> None:
        manifest = json.loads((folder / 'manifest.json').read_text(encoding='utf-8'))
        *above, last = path.split('/')
        place = manifest
        for key in above:
            place = place.setdefault(key, {})
        if value is None:
            del place[last]
        else:
            place[last] = value
        (folder / 'manifest.json').write_text(json.dumps(manifest, indent=2) + '\n', encoding='utf-8')

    return plant


def both(*plants: Callable[[Path], object]) -> Callable[[Path], object]:
    """A fault that takes several changes."""
    return lambda folder: [plant(folder) for plant in plants]


MODULE = f'datadog_checks/{NAME}/planted.py'
SERVICE_CHECK = {
    'agent_version': '7.0.0',
    'integration': 'Another Name',
    'check': f'{NAME}.planted',
    'statuses': ['ok', 'critical'],
    'groups': [],
    'name': 'Planted',
    'description': 'Planted.',
}

FAULTS = (
    Fault(
        'config',
        'an example configuration that is not rendered from the spec',
        appended(f'datadog_checks/{NAME}/data/conf.yaml.example', '# planted\n'),
        'conf.yaml.example` is not in sync',
    ),
    Fault(
        'models',
        'a data model that is not rendered from the spec',
        appended(f'datadog_checks/{NAME}/config_models/instance.py', '# planted\n'),
        'File `instance.py` is not in sync',
    ),
    Fault('metadata', 'a metric of type histogram', replaced('metadata.csv', ',count,', ',histogram,'), 'histogram'),
    Fault(
        'metadata',
        'a metric with a foreign prefix',
        replaced('metadata.csv', f'\n{NAME}.', '\nplanted.'),
        'does not match metric_prefix',
    ),
    Fault('package', 'another project name', replaced('pyproject.toml', 'amazon-ses"', 'planted"'), 'must be:'),
    Fault('readmes', 'no section Setup', replaced('README.md', '\n## Setup\n', '\n## Planted\n'), 'missing a Setup'),
    Fault('readmes', 'a curly quote', appended('README.md', '\nIt\u2019s planted.\n'), 'non-ASCII'),
    Fault(
        'readmes',
        'a picture from elsewhere',
        appended('README.md', '\n![Planted](https://example.com/planted.png)\n'),
        'Image currently is: https://example.com/planted.png',
    ),
    Fault(
        'imports',
        'an import from before Agent 6',
        appended(MODULE, 'from datadog_checks.checks import AgentCheck\n'),
        '/planted.py: line # 1',
    ),
    Fault(
        'integration-style',
        'check() that takes the instance',
        appended(MODULE, 'class Planted:\n    def check(self, instance):\n        pass\n'),
        'is going to be deprecated',
    ),
    Fault(
        'legacy-signature',
        'agentConfig in a constructor',
        appended(MODULE, 'class Planted:\n    def __init__(self, name, init_config, agentConfig):\n        pass\n'),
        'uses legacy agent signature',
    ),
    Fault('http', 'requests used directly', appended(MODULE, "requests.get('x')\n"), 'use the HTTP wrapper'),
    Fault('dep', 'a range for boto3', replaced('pyproject.toml', '"boto3==', '"boto3>='), 'Unstable version pin'),
    Fault(
        'dashboards',
        'a board without widgets',
        both(
            appended('assets/dashboards/planted.json', '{"title": "", "layout_type": "ordered", "widgets": []}'),
            declared('assets/dashboards/Planted', 'assets/dashboards/planted.json'),
        ),
        'does not contain the required fields',
    ),
    Fault(
        'dashboards',
        'a board that is not there',
        declared('assets/dashboards/Planted', 'assets/dashboards/planted.json'),
        'does not exist',
    ),
    Fault(
        'dashboards',
        'a board that the manifest forgets',
        appended('assets/dashboards/planted.json', '{}'),
        'valid files',
    ),
    Fault(
        'service-checks',
        'a service check of another integration',
        lambda folder: (folder / 'assets' / 'service_checks.json').write_text(json.dumps([SERVICE_CHECK])),
        'must match',
    ),
    Fault(
        'saved-views',
        'a saved view that is not there',
        declared('assets/saved_views/Planted', 'assets/saved_views/planted.json'),
        'saved view does not exist',
    ),
    Fault('eula', 'terms that are not there', declared('legal_terms/eula', 'assets/planted.pdf'), 'does not exist'),
    Fault(
        'codeowners',
        'an integration without an owner',
        lambda folder: (folder.parent / '.github' / 'CODEOWNERS').write_text('/planted/ @owner\n'),
        'does not have a valid `CODEOWNERS` entry',
    ),
)

MANIFEST_FAULTS = (
    Fault('VersionValidator', 'version 1.0.0', declared('manifest_version', '1.0.0'), 'must be >= 2.0.0'),
    Fault(
        'MetricsMetadataValidator',
        'no path of metadata.csv',
        declared('assets/integration/metrics/metadata_path', None),
        'not defined in the manifest.json',
    ),
    Fault(
        'MetricToCheckValidator',
        'a metric that does not exist',
        declared('assets/integration/metrics/check', [f'{NAME}.planted']),
        'metric_to_check not in metadata.csv',
    ),
    Fault(
        'ImmutableAttributesValidator', 'another app id', declared('app_id', 'planted'), 'not allowed to be modified'
    ),
    Fault(
        'LogsCategoryValidator',
        'the category of logs',
        declared('tile/classifier_tags', ['Category::Log Collection']),
        'does not have logs',
    ),
    Fault(
        'DisplayOnPublicValidator',
        'a text in place of true',
        declared('display_on_public_website', 'yes'),
        'required boolean',
    ),
    Fault(
        'TileDescriptionValidator',
        'a description of 81 characters',
        declared('tile/description', 'x' * 81),
        'is 81 characters long',
    ),
    Fault(
        'MediaGalleryValidator',
        'a picture that is not there',
        declared('tile/media', [{'media_type': 'image', 'caption': 'Planted', 'image_url': 'images/planted.png'}]),
        'File not found for media #1',
    ),
    Fault('ChangelogValidator', 'a changelog that is not there', declared('tile/changelog', 'PLANTED.md'), 'not exist'),
)
