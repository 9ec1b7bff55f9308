"""Who may import whom, read from the sources: pure modules stay pure, and each door to the outside is one module."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Iterator, Mapping
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest
from folders import FOLDERS, ROOT, python_files

PACKAGE = 'datadog_checks.amazon_ses'
EDGE = (
    'check',
    'diagnose.examination',
    'diagnose.hosts',
    'endpoints',
    'garbage',
    'leases',
    'pace',
    'run',
    'runner',
    'scope',
    'state.store',
    'submission',
    'threads',
    'aws',
    'config_models',
)
"""Modules and packages that meet the Agent, AWS, threads or the disk. All others are pure, new ones too."""

NEVER_IN_PURE = (
    'boto3',
    'botocore',
    'concurrent',
    'datadog_agent',
    'datadog_checks.base',
    'fcntl',
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
)
OUTSIDE_THE_PACKAGE = ('benchmarks', 'demo', 'simulator', 'standalone', 'tests', 'tools')

TOP, FUNCTION, ANNOTATION = 'top', 'function', 'annotation'

LATE = {
    'datadog_checks.amazon_ses.aws.connections': (
        'datadog_checks.base.utils.http',
        'it loads requests, and only a list of hosts without proxy needs it',
    ),
    'datadog_checks.amazon_ses.check': (f'{PACKAGE}.aws', 'the SDK is loaded by the first run that needs it'),
    'datadog_checks.amazon_ses.scope': (f'{PACKAGE}.aws', 'the SDK is loaded by the first run that needs it'),
    'standalone.instances': ('standalone', 'the log level has to be known before the check is imported'),
    'standalone.commands.diagnose': ('standalone', 'the log level has to be known before the check is imported'),
    'standalone.commands.plan': ('standalone', 'the log level has to be known before the check is imported'),
    'standalone.commands.policy': ('standalone', 'the log level has to be known before the check is imported'),
    'standalone.commands.push': ('standalone.push', 'without the HTTP client the other commands work'),
    'benchmarks.fleet': ('benchmarks', 'the parts of an Agent come before the check, which it loads'),
    'benchmarks.internals': (PACKAGE, 'the memory of a process is measured before the check is imported'),
    'benchmarks.ways.without': (PACKAGE, 'the memory of a process is measured before the check is imported'),
    'benchmarks.ways.with_floor': (PACKAGE, 'the parts of an Agent come before the check'),
    'benchmarks.ways.ours': (PACKAGE, 'the memory of a process is measured before the check is imported'),
    'demo.__main__': ('demo', 'the check and the SDK take a second to load, and --help needs neither'),
    'demo.picture': ('tools.boards.picture', 'it needs Pillow, and without it the demo still proves its counts'),
    'tools.sync': ('tools.renders', 'it loads the check, after the config models have been written'),
}
"""The modules that import inside functions: from where, and why."""


class Import(NamedTuple):
    """An imported name, in full, and where: at the top of a file, in a function, or for annotations only."""

    name: str
    place: str


def read_imports(path: Path) -> Iterator[Import]:
    """What a file imports. A relative import keeps its dots."""
    tree = ast.parse(path.read_text(encoding='utf-8'))
    places: dict[ast.AST, str] = {}
    for outer in ast.walk(tree):
        if isinstance(outer, ast.If) and isinstance(outer.test, ast.Name) and outer.test.id == 'TYPE_CHECKING':
            places |= dict.fromkeys(ast.walk(outer), ANNOTATION)
        elif isinstance(outer, ast.FunctionDef | ast.AsyncFunctionDef):
            places |= dict.fromkeys(ast.walk(outer), FUNCTION)
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [f'{"." * node.level}{node.module or ""}.{alias.name}' for alias in node.names]
        yield from (Import(name, places.get(node, TOP)) for name in names)


def module_name(path: Path) -> str:
    """The name that a file is imported by. Those of tests/ have no package in front."""
    parts = path.relative_to(ROOT).with_suffix('').parts
    if parts[0] == 'tests':
        return path.stem
    return '.'.join(parts[:-1] if parts[-1] == '__init__' else parts)


Imports = Mapping[str, Collection[Import]]
"""What each module imports, by the module's name."""


@pytest.fixture(scope='module')
def everything() -> Imports:
    """The imports of each module in every folder."""
    return {module_name(path): list(read_imports(path)) for folder in FOLDERS for path in python_files(folder)}


@pytest.fixture(scope='module')
def package(everything: Imports) -> Imports:
    """The imports of each module of the package, without the package's name in front; the package itself is ''."""
    return {
        module.removeprefix(PACKAGE).lstrip('.'): imports
        for module, imports in everything.items()
        if is_below(module, PACKAGE)
    }


@pytest.fixture(scope='module')
def graph(everything: Imports) -> dict[str, set[str]]:
    """Each module and the modules that it imports, but not for annotations only."""
    return {
        module: {
            target
            for name, place in imports
            if place != ANNOTATION and (target := module_of(name, everything)) is not None and target != module
        }
        for module, imports in everything.items()
    }


def module_of(name: str, modules: Collection[str]) -> str | None:
    """The module that an imported name is, or stands in; None where it is none of the checkout's, or generated."""
    parent = name.rpartition('.')[0]
    if is_below(name, f'{PACKAGE}.config_models'):
        return None
    return next((module for module in (name, parent) if module in modules), None)


def is_below(name: str, package: str) -> bool:
    return name == package or name.startswith(f'{package}.')


def pure(modules: Iterable[str]) -> list[str]:
    """The pure ones of some modules of the package."""
    edge = ('__about__', *EDGE)
    return [module for module in modules if module and not any(is_below(module, name) for name in edge)]


def users(modules: Imports, *packages: str) -> set[str]:
    """The modules that import something of a package."""
    return {
        module
        for module, imports in modules.items()
        for name, _ in imports
        if any(is_below(name, package) for package in packages)
    }


def test_imports_of_each_kind_are_read(package: Imports, graph: dict[str, set[str]]) -> None:
    """Known imports are read from the sources: of a module, of a name in one, of the package and of the library."""
    assert f'{PACKAGE}.model' in graph[f'{PACKAGE}.planning']
    assert f'{PACKAGE}.cloudwatch.series' in graph[f'{PACKAGE}.cloudwatch.gauges']
    assert f'{PACKAGE}.aws.failures' in graph[f'{PACKAGE}.aws.calls']
    assert graph[PACKAGE] == {f'{PACKAGE}.check', f'{PACKAGE}.__about__'}
    assert 'check' in users(package, 'time')
    assert len(pure(package)) > 20


def test_model_imports_no_other_module(graph: dict[str, set[str]]) -> None:
    """`model`, whose words every module uses, depends on none of them."""
    assert graph[f'{PACKAGE}.model'] == set()


def test_pure_modules_touch_nothing_outside(package: Imports) -> None:
    """Pure modules never import the SDK, the Agent, a clock, threads, the network or the disk."""
    assert users({module: package[module] for module in pure(package)}, *NEVER_IN_PURE) == set()


def test_pure_modules_open_no_file() -> None:
    """No pure module calls `open`."""
    folder = ROOT.joinpath(*PACKAGE.split('.'))
    for path in python_files(folder.relative_to(ROOT).as_posix()):
        if pure([module_name(path).removeprefix(PACKAGE).lstrip('.')]):
            for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
                assert not (isinstance(node, ast.Name) and node.id == 'open'), path


def test_pure_modules_import_pure_modules_only(package: Imports) -> None:
    """Pure modules import pure modules only; the configuration also reads the defaults of the generated models."""
    names = {f'{PACKAGE}.{edge}' for edge in EDGE}
    wrong = {
        (module, name)
        for module in pure(package)
        for name, _ in package[module]
        if any(is_below(name, edge) for edge in names)
    }
    assert {name for _, name in wrong} <= {f'{PACKAGE}.config_models.defaults'}
    assert all(module.startswith('configuration.') for module, _ in wrong)


def test_only_the_edge_imports_the_sdk(package: Imports) -> None:
    """boto3 and botocore are imported below aws/ and nowhere else in the package."""
    modules = users(package, 'boto3', 'botocore')
    assert modules and all(is_below(module, 'aws') for module in modules)


def test_the_sdk_is_loaded_only_when_it_is_needed(package: Imports) -> None:
    """No module outside aws/ imports aws/ at its top, except for annotations."""
    loading = {
        module
        for module, imports in package.items()
        for name, place in imports
        if place == TOP and is_below(name, f'{PACKAGE}.aws')
    }
    assert all(is_below(module, 'aws') for module in loading)


def test_agent_check_is_imported_by_two(package: Imports) -> None:
    """AgentCheck is imported by the check and by the door to the Agent only."""
    assert users(package, 'datadog_checks.base.AgentCheck') == {'check', 'submission'}


def test_nobody_imports_the_check(package: Imports) -> None:
    """Only the package itself imports the check."""
    assert users(package, f'{PACKAGE}.check') == {''}


@pytest.mark.parametrize(
    ('folder', 'forbidden'),
    [
        (PACKAGE, OUTSIDE_THE_PACKAGE),
        ('simulator', ('benchmarks', 'demo', 'standalone', 'tests', 'tools', PACKAGE)),
        ('standalone', ('benchmarks', 'demo', 'simulator', 'tests', 'tools')),
    ],
)
def test_folders_do_not_import_their_users(everything: Imports, folder: str, forbidden: tuple[str, ...]) -> None:
    """The package imports no other folder; simulator and standalone import none of those that use them."""
    modules = {module: imports for module, imports in everything.items() if is_below(module, folder)}
    assert modules and users(modules, *forbidden) == set()


def test_collectors_import_words_and_each_other_only(graph: dict[str, set[str]]) -> None:
    """An API source imports the model, the numbers and words of answers, and what a collector is."""
    words = {f'{PACKAGE}.{module}' for module in ('model', 'collectors', 'values', 'words')}
    for module, imports in graph.items():
        if is_below(module, f'{PACKAGE}.collectors'):
            assert {name for name in imports if not is_below(name, f'{PACKAGE}.collectors')} <= words, module


def test_no_cycles(graph: dict[str, set[str]]) -> None:
    """No two modules of the checkout need each other, in one folder or across folders, also not inside functions."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(' -> '.join(error.args[1]))


def test_imports_are_absolute(everything: Imports) -> None:
    """No import is relative."""
    assert {module for module, imports in everything.items() for name, _ in imports if name.startswith('.')} == set()


def test_imports_stand_at_the_top(everything: Imports) -> None:
    """No import is inside a function, apart from those that are listed, each with its reason."""
    late = {(module, name) for module, imports in everything.items() for name, place in imports if place == FUNCTION}
    listed = {(module, name) for module, name in late if module in LATE and is_below(name, LATE[module][0])}
    assert late - listed == set()
    assert {module for module, _ in listed} == set(LATE)
