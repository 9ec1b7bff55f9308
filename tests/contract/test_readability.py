"""Limits on the size of functions and on vague names, in every folder. `make lint` has those on complexity."""

from __future__ import annotations

import ast
import tokenize
from collections import Counter
from collections.abc import Iterator

import pytest
from folders import FOLDERS, ROOT, python_files

MAX_LINES, MAX_PARAMETERS = 50, 6
EXCEPTIONS = {
    ('standalone/agent.py', 'submit_metric'): "the Agent's interface prescribes the parameters",
    ('standalone/agent.py', 'submit_histogram_bucket'): "the Agent's interface prescribes the parameters",
    ('standalone/agent.py', 'submit_service_check'): "the Agent's interface prescribes the parameters",
}
"""Functions beyond a limit. Reasons: argparse set-up, a declaration of a dashboard, an interface of others."""

VAGUE = frozenset(
    """one ones it its told found given asked known kept seen of rest wanted held taken heard apart beside own others
    made done""".split()
)
"""Pronouns and bare participles: names that do not say what they name."""


def functions(folder: str) -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Each function of a folder with the path of its file."""
    for path in python_files(folder):
        for node in ast.walk(ast.parse(path.read_text(encoding='utf-8'))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield path.relative_to(ROOT).as_posix(), node


def beyond_limits(folder: str) -> dict[tuple[str, str], str]:
    """The functions of a folder that are too long or take too many parameters, self and cls not counted."""
    too_large = {}
    for path, function in functions(folder):
        lines = (function.end_lineno or 0) - function.lineno + 1
        names = [
            argument.arg for kind in ('posonlyargs', 'args', 'kwonlyargs') for argument in getattr(function.args, kind)
        ]
        parameters = len([name for name in names if name not in ('self', 'cls')])
        if lines > MAX_LINES or parameters > MAX_PARAMETERS:
            too_large[path, function.name] = f'{lines} lines, {parameters} parameters'
    return too_large


@pytest.mark.parametrize('folder', FOLDERS)
def test_functions_are_small(folder: str) -> None:
    """No function has more than 50 lines or 6 parameters, apart from the exceptions, which are listed with a reason."""
    assert {function: size for function, size in beyond_limits(folder).items() if function not in EXCEPTIONS} == {}


def test_each_exception_is_needed() -> None:
    """Each exception is a function that is beyond a limit."""
    too_large = {function for folder in FOLDERS for function in beyond_limits(folder)}
    assert set(EXCEPTIONS) <= too_large


@pytest.mark.parametrize('folder', FOLDERS)
def test_names_are_plain(folder: str) -> None:
    """Of 1,000 names at most 2 in the package and 5 elsewhere are a pronoun or a bare participle."""
    names: Counter[str] = Counter()
    for path in python_files(folder):
        with tokenize.open(path) as file:
            names.update(
                token.string for token in tokenize.generate_tokens(file.readline) if token.type == tokenize.NAME
            )
    vague = {name: times for name, times in names.most_common() if name in VAGUE}
    share, limit = 1000 * sum(vague.values()) / names.total(), 2 if folder == 'datadog_checks' else 5
    assert share <= limit, vague
