"""The edge and botocore, read from the sources: what botocore does not document is used in one module."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

EDGE = Path(__file__).resolve().parents[2] / 'datadog_checks' / 'amazon_ses' / 'aws'
INTERNALS = 'botocore_internals.py'

DOCUMENTED = {
    'botocore.awsrequest': {'AWSResponse'},
    'botocore.client': {'BaseClient'},
    'botocore.config': {'Config'},
    'botocore.credentials': {'Credentials'},
    'botocore.loaders': {'create_loader'},
    'botocore.session': {'Session'},
}
"""What the reference of botocore documents, and the classes that it names. All of botocore.exceptions is documented."""

EVENTS = {'creating-client-class', 'before-call', 'before-send', 'needs-retry', 'after-call'}
"""Events of the class of a client and of its requests in the guide of boto3 (Extensibility guide)."""


@pytest.mark.parametrize('path', sorted(EDGE.glob('*.py')), ids=lambda path: path.name)
def test_only_documented_parts_of_botocore_are_imported(path: Path) -> None:
    """Outside of one module the edge imports only what botocore documents, and none of it by another way."""
    for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
        if isinstance(node, ast.Import):
            assert not any(alias.name.startswith('botocore') for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and (node.module or '').startswith('botocore'):
            names = {alias.name for alias in node.names}
            if node.module == 'botocore':
                assert names == {'exceptions'}
            elif node.module != 'botocore.exceptions':
                assert names <= DOCUMENTED[str(node.module)]


def test_only_documented_events_are_handled() -> None:
    """Every event that the edge handles is in the guide of boto3."""
    handled = set()
    for path in EDGE.glob('*.py'):
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == 'register':
                event = node.args[0]
                text = event.values[0] if isinstance(event, ast.JoinedStr) else event
                if isinstance(text, ast.Constant):
                    handled.add(str(text.value).partition('.')[0])
    assert handled == EVENTS


def test_imports_by_name_are_in_one_module() -> None:
    """Only the module of the undocumented parts imports by a name at run time."""
    assert [path.name for path in EDGE.glob('*.py') if 'import_module' in path.read_text(encoding='utf-8')] == [
        INTERNALS
    ]
