from __future__ import annotations

import pytest

from tools.validate import VALIDATORS, Validator, accepted, unknown

BOARDS = Validator('dashboards', '3 valid files')
PICTURES = Validator('readmes', 'All 1 READMEs are valid!', complaint='All images must be checked into')


@pytest.mark.parametrize(
    ('code', 'output', 'passed'),
    [
        (0, 'Validating ...\n3 valid files\n', True),
        (1, '3 valid files\n1 invalid files\n', False),
        (0, '', False),
        (0, '1 valid files\n', False),
        (0, '13 valid files\n', False),
    ],
    ids=['success', 'exit code', 'no output', 'too few', 'too many'],
)
def test_a_validator_needs_exit_code_and_line_of_success(code: int, output: str, passed: bool) -> None:
    """A validator passes with exit code 0 and its whole line of success, with the right number, and not otherwise."""
    assert accepted(BOARDS, code, output) is passed


def test_a_complaint_fails_a_validator() -> None:
    """A validator that complains has failed, also where it exits with 0 and says that all is valid."""
    assert accepted(PICTURES, 0, 'All 1 READMEs are valid!')
    assert not accepted(PICTURES, 0, 'image: All images must be checked into the repo\nAll 1 READMEs are valid!')


def test_a_new_validator_is_reported() -> None:
    """A command that a newer ddev brings is named, and a list without commands is an error."""
    lines = [f'  {validator.name}  Validate it' for validator in VALIDATORS]
    assert unknown('\n'.join(['Commands:', *lines])) == set()
    assert unknown('\n'.join(['Commands:', *lines, '  tomorrow  Validate tomorrow'])) == {'tomorrow'}
    with pytest.raises(ValueError, match='lists no commands'):
        unknown('')
