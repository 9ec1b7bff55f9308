"""tools/validate.py and its table; the validators of ddev need Python 3.13 and are run by `make validate`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools import validate
from tools.validate import judge
from tools.validators import FAULTS, MANIFEST_FAULTS, MANIFEST_VALIDATORS, NAME, VALIDATORS, Fault, Validator, replaced

BOARDS = Validator('dashboards', '{boards} valid files')


@pytest.fixture
def holder(copied: Path, tmp_path: Path) -> Path:
    """A repository with a copy of the integration, which a test may spoil."""
    holder = tmp_path / 'holder' / 'integrations-extras'
    shutil.copytree(copied, holder / NAME)
    (holder / '.github').mkdir()
    (holder / '.github' / 'CODEOWNERS').write_text(f'/{NAME}/ @owner\n')
    return holder


def stand_in(work: Path, script: str) -> None:
    """A ddev, and a Python beside it, that answer as the script does."""
    folder = work / 'venv' / 'bin'
    folder.mkdir(parents=True)
    for name in ('ddev', 'python'):
        (folder / name).write_text(f'#!/bin/sh\n{script}\n')
        (folder / name).chmod(0o755)


def contents(holder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(holder)): path.read_bytes() for path in holder.rglob('*') if path.is_file()}


@pytest.mark.parametrize(
    ('code', 'output', 'result'),
    [
        (0, 'Validating ...\n2 valid files\n', 'ok'),
        (1, '2 valid files\n1 invalid files\n', 'FAILED'),
        (0, '', 'FAILED'),
        (0, '1 valid files\n', 'FAILED'),
        (0, '12 valid files\n', 'FAILED'),
    ],
    ids=['content', 'exit code', 'silent', 'too few', 'too many'],
)
def test_the_whole_positive_line_is_required(code: int, output: str, result: str) -> None:
    """Exit code 0 does not do, and neither does the line: it takes both, and the right number."""
    assert judge(BOARDS, code, output, {}, 2).result == result


def test_a_complaint_that_is_forgiven_counts() -> None:
    """A validator that complains and is content all the same has failed."""
    (readmes,) = (validator for validator in VALIDATORS if validator.name == 'readmes')
    assert judge(readmes, 0, 'All 1 READMEs are valid!', {}, 0).result == 'ok'
    complained = 'image: All images must be checked into the repo\nAll 1 READMEs are valid!'
    assert judge(readmes, 0, complained, {}, 0).result == 'FAILED'


def test_nothing_to_look_at_is_said() -> None:
    """A validator without anything to validate is not called ok."""
    (views,) = (validator for validator in VALIDATORS if validator.name == 'saved-views')
    assert judge(views, 0, 'All saved views are valid!', {'assets': {}}, 0).result == 'empty'
    assert judge(views, 0, 'All saved views are valid!', {'assets': {'saved_views': {'a': 'b'}}}, 0).result == 'ok'


def test_each_validator_has_a_fault() -> None:
    """No validator goes without a planted fault, but for those that Datadog has switched off."""
    assert {fault.validator for fault in FAULTS} == {validator.name for validator in VALIDATORS}
    assert {fault.validator for fault in MANIFEST_FAULTS} == {
        name for name, about in MANIFEST_VALIDATORS.items() if about
    }


@pytest.mark.parametrize('fault', FAULTS + MANIFEST_FAULTS, ids=lambda fault: f'{fault.validator}: {fault.what}')
def test_each_fault_changes_something(holder: Path, fault: Fault) -> None:
    """A fault that is planted is there."""
    before = contents(holder)
    fault.plant(holder / NAME)
    assert contents(holder) != before


@pytest.mark.parametrize(
    'fault',
    [fault for fault in MANIFEST_FAULTS if fault.validator != 'ImmutableAttributesValidator'],
    ids=lambda fault: fault.validator,
)
def test_manifest_validators_find_their_faults(holder: Path, fault: Fault) -> None:
    """Each manifest validator accepts the manifest and finds the fault that is planted for it."""
    assert validate.judge_manifest(holder / NAME)[fault.validator].result in {'ok', 'empty'}
    fault.plant(holder / NAME)
    answer = validate.judge_manifest(holder / NAME)[fault.validator]
    assert answer.result == 'FAILED' and fault.says in answer.output


def test_skipping_is_not_passing(holder: Path) -> None:
    """The validator that compares with the main branch fails where there is none."""
    assert validate.judge_manifest(holder / NAME)['ImmutableAttributesValidator'].result == 'FAILED'


@pytest.mark.parametrize('script', ['echo 1 valid files', 'exit 1'], ids=['always content', 'always failing'])
def test_a_validator_that_does_not_look_is_found_out(
    tmp_path: Path, holder: Path, script: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A validator that passes its fault, or fails without naming it, fails the run."""
    stand_in(tmp_path, script)
    monkeypatch.setattr(validate, 'FAULTS', tuple(fault for fault in FAULTS if fault.validator == 'package'))
    monkeypatch.setattr(validate, 'MANIFEST_FAULTS', ())
    assert not validate.run_faults(tmp_path, holder)
    assert 'MISSED  package' in capsys.readouterr().out


def test_a_fault_that_cannot_be_planted_is_an_error(tmp_path: Path, holder: Path) -> None:
    """A fault whose place is gone is not taken for one that was found."""
    fault = Fault('package', 'nothing', replaced('pyproject.toml', 'never there', ''), '')
    assert validate.shown(tmp_path, holder, 0, fault).startswith('MISSED')


def test_an_unknown_validator_is_an_error(tmp_path: Path, holder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A validator that a newer ddev brings is named."""
    stand_in(tmp_path, "printf 'Commands:\\n  tomorrow  Validate tomorrow\\n'")
    assert not validate.run_all(tmp_path, holder)
    assert 'FAILED  tomorrow' in capsys.readouterr().out


@pytest.mark.parametrize('python', ['python-of-tomorrow', 'old'])
def test_missing_python_is_said(root: Path, tmp_path: Path, python: str) -> None:
    """Without Python 3.13 the exit code is 3 and the way out is named, before anything is made."""
    old = tmp_path / 'old'
    old.write_text('#!/bin/sh\nexit 1\n')
    old.chmod(0o755)
    (tmp_path / 'tools').mkdir()
    shutil.copy(root / 'tools' / 'validators.py', tmp_path / 'tools')
    script = shutil.copy(root / 'tools' / 'validate.py', tmp_path / 'tools')
    environment = {**os.environ, 'PYTHON313': str(old) if python == 'old' else python}
    said = subprocess.run([sys.executable, '-I', script], env=environment, capture_output=True, text=True, timeout=60)
    assert said.returncode == 3
    assert 'need Python 3.13' in said.stderr and 'make validate PYTHON313=' in said.stderr
    assert not (tmp_path / '.validate').exists()
