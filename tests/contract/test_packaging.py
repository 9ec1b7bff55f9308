from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest
from hatchling.builders.wheel import WheelBuilder

import datadog_checks.amazon_ses
from datadog_checks.amazon_ses.__about__ import __version__

SHIPPED = {'boto3', 'botocore', 'datadog_agent', 'dateutil', 'pydantic', 'requests', 'typing_extensions', 'yaml'}
"""Third-party packages of the Agent, besides the base package."""

OF_THE_AGENT = re.compile(r'datadog_checks\.(base|amazon_ses)(\..+)?')


def files(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return {name for name in archive.namelist() if '.dist-info/' not in name}


@pytest.fixture(scope='module')
def wheel(copied: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('hatchling')
    return Path(next(iter(WheelBuilder(str(copied)).build(directory=str(folder), versions=['standard']))))


@pytest.fixture(scope='module')
def legacy_wheel(copied: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp('setuptools')
    command = [sys.executable, '-I', 'setup.py', '--quiet', 'bdist_wheel', '--dist-dir', str(folder)]
    built = subprocess.run(command, cwd=copied, capture_output=True, text=True, timeout=120)
    assert built.returncode == 0, built.stderr
    (wheel,) = folder.glob('*.whl')
    return wheel


def test_both_builds_pack_the_same_files(wheel: Path, legacy_wheel: Path) -> None:
    """The wheel of setup.py holds the same files as that of pyproject.toml, and both have the same name."""
    assert files(legacy_wheel) == files(wheel)
    assert legacy_wheel.name == wheel.name


def test_wheel_holds_the_package_and_nothing_else(root: Path, wheel: Path) -> None:
    """The wheel holds each module of the package and the example configuration, and nothing else."""
    package = root / 'datadog_checks' / 'amazon_ses'
    expected = {str(path.relative_to(root)) for path in package.rglob('*.py')}
    assert files(wheel) == expected | {'datadog_checks/amazon_ses/data/conf.yaml.example'}


def test_a_wheel_is_the_same_bytes_from_every_clone(wheel: Path, copied: Path, tmp_path: Path) -> None:
    """Two builds give the same bytes, whenever and with whatever permissions the files were checked out."""
    sources = [path for path in (copied / 'datadog_checks').rglob('*.py') if path.is_file()]
    for path in sources:
        os.utime(path, (1_000_000_000, 1_000_000_000))
        path.chmod(0o600)
    again = Path(next(iter(WheelBuilder(str(copied)).build(directory=str(tmp_path), versions=['standard']))))
    assert sources and again.read_bytes() == wheel.read_bytes()


POINTERS = re.compile(r'(?:README|CHANGELOG|CONTRIBUTING)\b|\bassets/|\bdocs/|\bmake [a-z]+\b|python -m standalone')
"""What only a clone of the repository has."""


def test_messages_point_to_nothing_that_an_agent_lacks(root: Path) -> None:
    """No text of the package sends an operator to a file or a command that is not where the Agent is."""
    pointing = []
    for path in (root / 'datadog_checks' / 'amazon_ses').rglob('*.py'):
        if path.name == 'botocore_internals.py':
            # Its declarations name the benchmarks that measure them, and nobody sees them as messages.
            continue
        tree = ast.parse(path.read_text(encoding='utf-8'))
        documentation = {id(each.value) for each in ast.walk(tree) if isinstance(each, ast.Expr)}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in documentation:
                pointing += [f'{path.name}: {node.value}' for _ in POINTERS.findall(node.value)]
    assert pointing == []


def test_hatch_installs_what_the_tests_need(root: Path) -> None:
    """`ddev test` gets the packages that `make test` gets, with the same versions, beside those that ddev brings."""
    listed = tomllib.loads((root / 'hatch.toml').read_text(encoding='utf-8'))['envs']['default']['dependencies']
    texts = [(root / 'requirements' / name).read_text(encoding='utf-8') for name in ('tests.txt', 'dev.txt')]
    lines = {line for text in texts for line in text.splitlines() if line and line[0] not in '#-'}
    tools = {line for line in lines if re.match('mypy|vulture|types-|nox|datadog-checks-dev', line)}
    assert set(listed) == lines - tools


def test_agent_can_install_the_wheel(wheel: Path) -> None:
    """The wheel has the metadata that `datadog-agent integration install -w` needs."""
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith('.dist-info/METADATA'))
        text = archive.read(name)
    metadata = message_from_bytes(text)
    assert metadata['Name'] == 'datadog-amazon-ses'
    assert metadata['Version'] == __version__
    assert re.search(rb'^Requires-Dist: datadog-checks-base', text, re.MULTILINE)
    always = [line for line in metadata.get_all('Requires-Dist') if 'extra ==' not in line]
    assert always == ['datadog-checks-base>=37.42.0']


def test_package_imports_only_what_the_agent_ships(root: Path) -> None:
    """No module of the package imports anything that is not in the Agent."""
    foreign = []
    for path in (root / 'datadog_checks' / 'amazon_ses').rglob('*.py'):
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names = [node.module]
                if node.module == 'datadog_checks':
                    names = [f'datadog_checks.{alias.name}' for alias in node.names]
            else:
                continue
            foreign += [
                f'{path.name}: {name}'
                for name in names
                if not OF_THE_AGENT.fullmatch(name) and name.split('.')[0] not in SHIPPED | sys.stdlib_module_names
            ]
    assert foreign == []


def test_tests_run_against_the_checkout(root: Path) -> None:
    """The tests import the checkout, not a copy that was installed."""
    assert Path(datadog_checks.amazon_ses.__file__).is_relative_to(root)


def test_the_floor_of_the_base_package_is_the_same_everywhere(root: Path) -> None:
    """What an operator and a developer read is the oldest base package that the wheel accepts."""
    project = tomllib.loads((root / 'pyproject.toml').read_text(encoding='utf-8'))['project']
    (floor,) = (line.partition('>=')[2] for line in project['dependencies'])
    for name, sentence in (
        ('README.md', 'datadog-checks-base {} or newer'),
        ('CONTRIBUTING.md', 'from {} to the newest'),
    ):
        text = ' '.join((root / name).read_text(encoding='utf-8').split())
        assert sentence.format(floor) in text, name


def test_third_party_requirements_are_exact_pins(root: Path) -> None:
    """Each third-party requirement is one exact pin in the extra `deps`; only the base package stands outside."""
    project = tomllib.loads((root / 'pyproject.toml').read_text(encoding='utf-8'))['project']
    assert all(re.fullmatch(r'[\w-]+==[\d.]+', pin) for pin in project['optional-dependencies']['deps'])
    assert [re.split('[>=]', line)[0] for line in project['dependencies']] == ['datadog-checks-base']
    developed = (root / 'requirements' / 'dev.txt').read_text(encoding='utf-8')
    assert 'boto' not in developed


def test_changelog_is_at_this_version(root: Path) -> None:
    """The newest version in CHANGELOG.md is that of the package."""
    text = (root / 'CHANGELOG.md').read_text(encoding='utf-8')
    versions = re.findall(r'^## (\S+) / \d{4}-\d{2}-\d{2}$', text, re.MULTILINE)
    assert text.startswith('# CHANGELOG - Amazon SES\n')
    assert versions[0] == __version__
