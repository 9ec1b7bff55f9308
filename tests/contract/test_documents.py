from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from folders import ROOT, tracked_files

from datadog_checks.amazon_ses import catalogue
from datadog_checks.amazon_ses.config_models import InstanceConfig
from datadog_checks.amazon_ses.model import PREFIX
from standalone.__main__ import FORMATS
from tools import renders

DOCUMENTS = ('README.md', 'CONTRIBUTING.md')

FILE_NAME = re.compile(r'(?<![\w./*<{-])([\w./-]+\.(?:py|md|toml|csv|json|yaml|example|txt))\b(?![\w(/])')
NOT_IN_THE_CHECKOUT = {
    'conf.yaml', 'amazon_ses.d/conf.yaml', 'amazon_ses.d/conf.yaml.example', 'datadog.yaml',  # of an Agent
    '.bench/results.json',  # written by `make bench`
}  # fmt: skip

TEST = re.compile(r'`(tests/[\w/]+\.py)(?:::(\w+))?`')


def headings(text: str, level: int) -> list[str]:
    prose = re.sub(r'```.*?```', '', text, flags=re.DOTALL)
    return re.findall(rf'^{"#" * level} (.+)$', prose, re.MULTILINE)


def sections(text: str) -> dict[str, str]:
    parts = re.split(r'^## (.+)$', text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.fixture
def readme(root: Path) -> str:
    return (root / 'README.md').read_text(encoding='utf-8')


def test_readme_has_the_sections_that_datadog_shows(readme: str) -> None:
    """The sections of README.md are those of every Agent check, in their order, and none is empty."""
    assert headings(readme, 1) == ['Agent Check: Amazon SES']
    assert headings(readme, 2) == ['Overview', 'Setup', 'Data Collected', 'Troubleshooting', 'Support']
    parts = sections(readme)
    assert all(text.strip() for text in parts.values())
    assert headings(parts['Setup'], 3) == ['Installation', 'Configuration', 'Validation']
    assert headings(parts['Data Collected'], 3) == [
        'Metrics',
        'Events',
        'Service Checks',
        'Dashboards and monitors',
        'Coverage',
    ]


def test_readme_has_no_code_points_that_datadog_refuses(readme: str) -> None:
    """README.md has no character beyond code point 256: no curly quotes, long dashes or emoji."""
    assert sorted({character for character in readme if ord(character) > 256}) == []


@pytest.mark.parametrize('name', renders.TABLES)
def test_tables_are_in_sync(readme: str, name: str) -> None:
    """Each generated table of README.md is what its source says now: else run `make sync`."""
    between = readme.split(f'<!-- {name}: generated -->\n')[1].split(f'<!-- {name}: end -->')[0]
    assert between == renders.TABLES[name]()


def test_references_are_defined_and_used(readme: str) -> None:
    """Each numbered link of README.md is defined once and used."""
    defined = re.findall(r'^\[(\d+)\]: \S+$', readme, re.MULTILINE)
    used = re.findall(r'\]\[(\d+)\]', readme)
    assert len(set(defined)) == len(defined)
    assert set(used) == set(defined)


@pytest.mark.parametrize('name', DOCUMENTS)
def test_links_lead_somewhere(root: Path, name: str) -> None:
    """Each relative link leads to a file, and each anchor to a heading."""
    text = (root / name).read_text(encoding='utf-8')
    targets = re.findall(r'\]\((\S+)\)', text) + re.findall(r'^\[\d+\]: (\S+)$', text, re.MULTILINE)
    anchors = {
        '#' + re.sub(r'[^\w -]', '', heading).lower().replace(' ', '-')
        for level in range(1, 5)
        for heading in headings(text, level)
    }
    lost = [
        target
        for target in targets
        if not target.startswith('https://')
        and target not in anchors
        and not (not target.startswith('#') and (root / target).is_file())
    ]
    assert lost == []


@pytest.mark.parametrize('name', DOCUMENTS)
def test_targets_of_make_exist(root: Path, name: str) -> None:
    """Each `make` target that a document names is in the Makefile."""
    named = set(re.findall(r'(?:^|`)make ([a-z]+)', (root / name).read_text(encoding='utf-8'), re.MULTILINE))
    declared = set(re.findall(r'^\.PHONY: (\w+)$', (root / 'Makefile').read_text(encoding='utf-8'), re.MULTILINE))
    assert named and named <= declared


def documents_and_docstrings() -> Iterator[tuple[str, str]]:
    """Each document, and each docstring of each Python file that is written by hand, with the path of its file."""
    for path in tracked_files():
        if path.endswith('.md'):
            yield path, (ROOT / path).read_text(encoding='utf-8')
        elif path.endswith('.py') and '/config_models/' not in path:
            for node in ast.walk(ast.parse((ROOT / path).read_text(encoding='utf-8'))):
                if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
                    yield path, str(node.value.value)


def test_files_that_are_named_exist() -> None:
    """Each file that a document or a docstring names is in the checkout, under that path or under the end of it."""
    paths = set(NOT_IN_THE_CHECKOUT)
    for path in tracked_files():
        parts = path.split('/')
        paths.update('/'.join(parts[start:]) for start in range(len(parts)))
    names = {(path, name) for path, text in documents_and_docstrings() for name in FILE_NAME.findall(text)}
    assert {(path, name) for path, name in names if name not in paths} == set()


def promises() -> dict[str, str]:
    """The text of each promise in ARCHITECTURE.md by its number."""
    section = sections((ROOT / 'ARCHITECTURE.md').read_text(encoding='utf-8'))['Promises']
    parts = re.split(r'^- \*\*(P\d+) ', section, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize('number', [f'P{number}' for number in range(1, 8)])
def test_each_promise_names_its_tests(number: str) -> None:
    """Each promise names the tests that hold it, and each of them exists."""
    tests = TEST.findall(promises()[number].partition('Tests:')[2])
    assert tests
    for path, function in tests:
        assert (ROOT / path).is_file(), path
        assert not function or f'def {function}(' in (ROOT / path).read_text(encoding='utf-8'), function


def test_promises_that_tests_cite_exist() -> None:
    """Each promise that a test cites by its number is one of ARCHITECTURE.md."""
    cited = {
        number
        for path in tracked_files()
        if path.startswith('tests/') and path.endswith('.py')
        for number in re.findall(r'Promise (P\d+)', (ROOT / path).read_text(encoding='utf-8'))
    }
    assert cited and cited <= set(promises())


def test_metrics_that_the_readme_names_exist(readme: str) -> None:
    """Each metric, status or event that README.md names in full is in the catalogue; `.*` stands for several."""
    declared = {spec.name for specs in (catalogue.METRICS, catalogue.STATUSES, catalogue.EVENTS) for spec in specs}
    for name in re.findall(rf'`{re.escape(PREFIX)}([\w.]+)(?:\*|\{{.*\}})?`', readme):
        assert name in declared or any(full.startswith(name) for full in declared if name.endswith('.')), name


def test_comparison_with_other_systems_names_what_exists(readme: str) -> None:
    """Each row of the table Coverage has a metric, an option or a format, and each option and format exists."""
    rows = [line.split(' | ') for line in sections(readme)['Data Collected'].partition('### Coverage')[2].splitlines()]
    cells = [row[2] for row in rows if len(row) > 2][2:]
    assert len(cells) > 50
    for cell in cells:
        options = re.findall(r'`(\w+)`', cell)
        formats = re.findall(r'\w+', cell.partition('FORMAT=')[2])
        assert set(options) <= set(InstanceConfig.model_fields), cell
        assert set(formats) <= set(FORMATS), cell
        assert options or formats or PREFIX in cell, cell
