from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from folders import ROOT, tracked_files

from datadog_checks.amazon_ses import catalogue
from datadog_checks.amazon_ses.cloudwatch.cost import monthly_cost
from datadog_checks.amazon_ses.config_models import InstanceConfig
from datadog_checks.amazon_ses.model import PREFIX
from datadog_checks.amazon_ses.registry import DEFAULT_SOURCES
from standalone import estimate
from standalone.accounts import Account
from standalone.commands.check import FORMATS
from tools import renders

DOCUMENTS = ('README.md', 'CONTRIBUTING.md', 'ARCHITECTURE.md', 'SECURITY.md', *sorted(
    path.relative_to(ROOT).as_posix() for path in (ROOT / 'docs').glob('*.md')
))  # fmt: skip

LONGEST_README = 250

FILE_NAME = re.compile(r'(?<![\w./*<{-])([\w./-]+\.(?:py|md|toml|csv|json|yaml|example|txt))\b(?![\w(/])')
NOT_IN_THE_CHECKOUT = {
    'conf.yaml', 'amazon_ses.d/conf.yaml', 'amazon_ses.d/conf.yaml.example', 'datadog.yaml',  # of an Agent
    'conf.d/amazon_ses.d/conf.yaml', 'accounts.csv', 'accounts.yaml', 'plan/agent-1/conf.yaml',
    '.bench/results.json', '.demo/tour.yaml',  # written by `make bench`, and in the tour of README.md
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
    """README.md has the sections of every Agent check, in their order, none of them empty, and at most 250 lines."""
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
    ]
    assert len(readme.splitlines()) <= LONGEST_README


def test_readme_has_no_code_points_that_datadog_refuses(readme: str) -> None:
    """README.md has no character beyond code point 256: no curly quotes, long dashes or emoji."""
    assert sorted({character for character in readme if ord(character) > 256}) == []


@pytest.mark.parametrize(('path', 'name'), [(path, name) for path, parts in renders.PARTS.items() for name in parts])
def test_generated_parts_are_in_sync(root: Path, path: str, name: str) -> None:
    """Each generated part of a document or a template is what its source says now: else run `make sync`."""
    text = (root / path).read_text(encoding='utf-8')
    start, end = re.escape(f'{name}: generated'), re.escape(f'{name}: end')
    (between,) = re.findall(rf'{start}[^\n]*\n(.*?)(?:<!--|#) {end}', text, re.DOTALL)
    assert between == renders.PARTS[path][name]()


@pytest.mark.parametrize('name', DOCUMENTS)
def test_references_are_defined_and_used(root: Path, name: str) -> None:
    """Each numbered link of a document is defined once and used."""
    text = (root / name).read_text(encoding='utf-8')
    defined = re.findall(r'^\[(\d+)\]: \S+$', text, re.MULTILINE)
    used = re.findall(r'\]\[(\d+)\]', text)
    assert len(set(defined)) == len(defined)
    assert set(used) == set(defined)


def anchors(path: Path) -> set[str]:
    """The anchors of a document, as GitHub makes them of its headings."""
    text = path.read_text(encoding='utf-8')
    return {
        re.sub(r'[^\w -]', '', heading).lower().replace(' ', '-')
        for level in range(1, 5)
        for heading in headings(text, level)
    }


@pytest.mark.parametrize('name', DOCUMENTS)
def test_links_lead_somewhere(root: Path, name: str) -> None:
    """Each relative link leads to a file of the checkout, and each anchor to a heading."""
    document = root / name
    text = document.read_text(encoding='utf-8')
    targets = re.findall(r'\]\((\S+?)\)', text) + re.findall(r'^\[\d+\]: (\S+)$', text, re.MULTILINE)
    lost = []
    for target in targets:
        file, _, anchor = target.partition('#')
        path = document.parent / file if file else document
        if target.startswith('https://'):
            continue
        if not path.is_file() or (anchor and anchor not in anchors(path)):
            lost.append(target)
    assert lost == []


def test_each_document_is_linked_from_the_readme(readme: str) -> None:
    """README.md leads to each document, and each file to deploy is in a document."""
    assert [name for name in DOCUMENTS if name != 'README.md' and f']({name}' not in readme] == []
    texts = ''.join((ROOT / name).read_text(encoding='utf-8') for name in DOCUMENTS)
    files = [path for path in tracked_files() if path.startswith('deploy/')]
    assert files and [path for path in files if f'](../{path})' not in texts] == []


@pytest.mark.parametrize('name', DOCUMENTS)
def test_targets_of_make_exist(root: Path, name: str) -> None:
    """Each `make` target that a document names is in the Makefile."""
    named = set(re.findall(r'(?:^|`)make ([a-z]+)', (root / name).read_text(encoding='utf-8'), re.MULTILINE))
    declared = set(re.findall(r'^\.PHONY: (\w+)$', (root / 'Makefile').read_text(encoding='utf-8'), re.MULTILINE))
    assert named <= declared


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
    assert {(path, name) for path, name in names if name.removeprefix('../') not in paths} == set()


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


@pytest.mark.parametrize('name', DOCUMENTS)
def test_metrics_that_documents_name_exist(root: Path, name: str) -> None:
    """Each metric, status or event that a document names in full is in the catalogue; `.*` stands for several."""
    declared = {spec.name for specs in (catalogue.METRICS, catalogue.STATUSES, catalogue.EVENTS) for spec in specs}
    text = (root / name).read_text(encoding='utf-8')
    for metric in re.findall(rf'`{re.escape(PREFIX)}([\w.]+)(?:\*|\{{.*\}})?`', text):
        several = metric.endswith('.') and any(full.startswith(metric) for full in declared)
        assert metric in declared or several, metric


@pytest.mark.parametrize('name', DOCUMENTS)
def test_commands_of_documents_are_understood(root: Path, name: str) -> None:
    """Each option of `python -m standalone` that a document names is one that the command has."""
    text = (root / name).read_text(encoding='utf-8').replace('\\\n', ' ')
    for command in re.findall(r'python -m standalone ((?:check|plan|assets push)\b[^`\n]*)', text):
        words = command.split()
        parts = words[:2] if words[0] == 'assets' else words[:1]
        run = subprocess.run(
            [sys.executable, '-m', 'standalone', *parts, '--help'], cwd=root, capture_output=True, text=True
        )
        named = {word for word in words if word.startswith('--')}
        assert named <= set(re.findall(r'--[a-z-]+', run.stdout)), command


def test_figures_of_documents_are_those_of_the_plan(root: Path, readme: str) -> None:
    """The dollars, calls and contexts of an account that documents state are those that `standalone plan` says."""
    choices = estimate.Choices(300, 60.0, 500, frozenset(DEFAULT_SOURCES))
    plain = Account('1' * 12, ('us-east-1',), identities=1)
    account = estimate.of_account(plain, choices)
    seldom = estimate.of_account(plain, choices._replace(interval=300.0))
    cost, fleet = ((root / 'docs' / name).read_text(encoding='utf-8') for name in ('cost.md', 'fleet.md'))
    assert f'an account in a Region costs ${account.dollars:.2f} a month' in readme
    assert f'at most ${monthly_cost(500, 300):.0f} a month for each Region' in readme
    assert f'takes about {account.all_calls:.0f} calls an hour' in cost
    assert f'makes {seldom.all_calls:.0f} of the {account.all_calls:.0f}' in cost
    assert f'about {estimate.CONTEXTS} for an account in a Region, and {estimate.SERIES_OF_SET} more for each' in cost
    assert f'({estimate.SERIES_OF_SET} series\neach), `tenants` ({estimate.SERIES_OF_TENANT})' in fleet
    assert f'beyond {estimate.MOST_CALLS:,} calls an hour or\n{estimate.MOST_TARGETS:,} accounts by Region' in fleet


def test_comparison_with_other_systems_names_what_exists(root: Path) -> None:
    """Each row of the comparison has a metric, an option or a format, and each option and format exists."""
    text = (root / 'docs' / 'comparison.md').read_text(encoding='utf-8')
    rows = [line.split(' | ') for line in sections(text)['Row by row'].splitlines()]
    cells = [row[2] for row in rows if len(row) > 2][2:]
    assert len(cells) > 50
    for cell in cells:
        options = re.findall(r'`(\w+)`', cell)
        formats = re.findall(r'\w+', cell.partition('FORMAT=')[2])
        assert set(options) <= set(InstanceConfig.model_fields), cell
        assert set(formats) <= set(FORMATS), cell
        assert options or formats or PREFIX in cell, cell
