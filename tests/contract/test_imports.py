"""Who may import whom, read from the sources: what is pure stays pure, and each door to the outside is one module."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

PACKAGE = 'datadog_checks.amazon_ses'
EDGE = (
    'check',
    'endpoints',
    'leases',
    'run',
    'scope',
    'state.store',
    'submission',
    'aws.',
    'config_models.',
    'config_models',
)
"""Modules that meet the Agent, AWS, threads or the disk. Whatever is not named here is pure, a new module too."""

NEVER_IN_PURE = {
    'boto3',
    'botocore',
    'concurrent',
    'datadog_agent',
    'datadog_checks.base',
    'io',
    'os',
    'pathlib',
    'random',
    'requests',
    'shutil',
    'socket',
    'subprocess',
    'tempfile',
    'threading',
    'time',
    'urllib3',
}
BESIDE_THE_PACKAGE = {'benchmarks', 'demo', 'simulator', 'standalone', 'tests', 'tools'}


def imported(path: Path, module: str) -> dict[str, bool]:
    """What a source file imports, by full name, and whether it does so when it is loaded (not for annotations only).

    A name imported from a package that is a module of its own counts as that module.
    """
    tree = ast.parse(path.read_text(encoding='utf-8'))
    later = {id(node) for one in ast.walk(tree) if _is_annotation_block(one) for node in ast.walk(one)}
    package = module.split('.') if path.name == '__init__.py' else module.split('.')[:-1]
    found: dict[str, bool] = {}
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = '.'.join([*base, *([node.module] if node.module else [])])
            names = [origin] + [f'{origin}.{alias.name}' for alias in node.names]
        for name in names:
            found[name] = found.get(name, False) or id(node) not in later
    return found


def _is_annotation_block(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == 'TYPE_CHECKING'


@pytest.fixture(scope='module')
def sources() -> Mapping[str, dict[str, bool]]:
    """Each module of the package, without the package's name in front, and what it imports."""
    folder = Path(__file__).resolve().parents[2] / 'datadog_checks' / 'amazon_ses'
    found = {}
    for path in sorted(folder.rglob('*.py')):
        parts = path.relative_to(folder).with_suffix('').parts
        parts = parts[:-1] if parts[-1] == '__init__' else parts
        found['.'.join(parts)] = imported(path, '.'.join((PACKAGE, *parts)))
    return found


@pytest.fixture(scope='module')
def ours(sources: Mapping[str, dict[str, bool]]) -> dict[str, set[str]]:
    """Each module and those of our modules that it imports when it is loaded."""
    result: dict[str, set[str]] = {}
    for module, names in sources.items():
        loaded = [name for name, now in names.items() if now and _below(name, PACKAGE)]
        inside = {name.removeprefix(PACKAGE).lstrip('.') for name in loaded}
        # A name of a module is not a module; the package itself says only who imports from it.
        result[module] = {name for name in inside if name in sources and name} - {module}
    return result


def _below(name: str, package: str) -> bool:
    return name == package or name.startswith(package + '.')


def pure(modules: Iterable[str]) -> list[str]:
    return [one for one in modules if one and one != '__about__' and not one.startswith(EDGE)]


def users(sources: Mapping[str, dict[str, bool]], *packages: str) -> set[str]:
    return {module for module, names in sources.items() for name in names if any(_below(name, one) for one in packages)}


def test_the_map_is_read(sources: Mapping[str, dict[str, bool]], ours: dict[str, set[str]]) -> None:
    """The map is not empty: known imports of each kind are found in it."""
    assert 'model' in ours['planning']
    assert 'cloudwatch.series' in ours['cloudwatch.gauges']
    assert 'collectors' in ours['collectors.account']
    assert 'aws.failures' in ours['aws.calls']
    assert 'check' in ours['']
    assert 'time' in sources['check']
    assert len(pure(sources)) > 20


def test_model_imports_nothing_of_ours(ours: dict[str, set[str]]) -> None:
    """The words that everybody speaks depend on nobody."""
    assert ours['model'] == set()


def test_pure_modules_touch_nothing_outside(sources: Mapping[str, dict[str, bool]]) -> None:
    """Pure modules never import AWS's SDK, the Agent, a clock, threads, the network or the file system."""
    wrong = {
        (module, name)
        for module in pure(sources)
        for name in sources[module]
        for never in NEVER_IN_PURE
        if _below(name, never)
    }
    assert wrong == set()


def test_pure_modules_know_no_edge(sources: Mapping[str, dict[str, bool]]) -> None:
    """Pure modules import pure modules only; the options alone read the defaults of the generated models."""
    wrong = {
        (module, inside)
        for module in pure(sources)
        for name in sources[module]
        for inside in [name.removeprefix(f'{PACKAGE}.')]
        if _below(name, PACKAGE) and inside.startswith(EDGE) and inside in {*sources, *EDGE}
    }
    assert wrong == {('configuration.options', 'config_models'), ('configuration.options', 'config_models.defaults')}


def test_only_the_edge_knows_the_sdk(sources: Mapping[str, dict[str, bool]]) -> None:
    """boto3 and botocore are imported below aws/ and nowhere else."""
    assert {one for one in users(sources, 'boto3', 'botocore') if not one.startswith('aws.')} == set()
    assert users(sources, 'botocore')


def test_the_sdk_is_loaded_only_when_it_is_needed(sources: Mapping[str, dict[str, bool]]) -> None:
    """No module outside aws/ imports aws/ at its top, except inside a function or for annotations."""
    folder = Path(__file__).resolve().parents[2] / 'datadog_checks' / 'amazon_ses'
    for module in sources:
        path = folder.joinpath(*module.split('.')).with_suffix('.py') if module else folder / '__init__.py'
        if module.startswith('aws') or not path.is_file():
            continue
        for node in ast.parse(path.read_text(encoding='utf-8')).body:
            if isinstance(node, ast.ImportFrom):
                assert not re.match(r'(datadog_checks\.amazon_ses\.)?aws\b', node.module or ''), module


def test_agent_check_is_known_to_two(sources: Mapping[str, dict[str, bool]]) -> None:
    """AgentCheck is imported by the check and by the door to the Agent only."""
    assert users(sources, 'datadog_checks.base.AgentCheck') == {'check', 'submission'}


def test_nobody_imports_the_check(sources: Mapping[str, dict[str, bool]]) -> None:
    """Only the package itself imports the check."""
    assert users(sources, f'{PACKAGE}.check') == {''}


def test_the_package_knows_nothing_beside_it(sources: Mapping[str, dict[str, bool]]) -> None:
    """Nothing in the package imports what is not in the wheel."""
    assert users(sources, *BESIDE_THE_PACKAGE) == set()


def test_collectors_know_words_and_each_other_only(ours: dict[str, set[str]]) -> None:
    """An API source knows the model and what a collector is."""
    allowed = {'model', 'collectors', 'values'}
    for module in ours:
        if module.startswith('collectors'):
            assert ours[module] <= allowed, module


def test_no_cycles(ours: dict[str, set[str]]) -> None:
    """No two modules need each other to be loaded."""
    # The generated models take each other from their package, which is made to bear it.
    graph = {module: needs for module, needs in ours.items() if not module.startswith('config_models')}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(' -> '.join(error.args[1]))
