from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools import renders

DOCUMENTS = ('README.md', 'CONTRIBUTING.md')


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
