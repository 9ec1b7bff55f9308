from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest


@pytest.fixture
def folder(root: Path, tmp_path: Path) -> Path:
    """A folder with the Makefile but without an environment."""
    shutil.copy(root / 'Makefile', tmp_path)
    shutil.copy(root / 'pyproject.toml', tmp_path)
    shutil.copytree(root / 'requirements', tmp_path / 'requirements')
    return tmp_path


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not re.match('MAKE|MFLAGS|PYTHON', name)}
    command = ['make', *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=60)


def test_help_lists_every_target(root: Path, folder: Path) -> None:
    """`make` alone lists each target, and prepares nothing."""
    declared = re.findall(r'^\.PHONY: (\w+)$', (root / 'Makefile').read_text(encoding='utf-8'), re.MULTILINE)
    ended = make(folder)
    assert ended.returncode == 0
    assert re.findall(r'^  (\w+)', ended.stdout, re.MULTILINE) == declared
    assert not (folder / '.venv').exists()


def test_a_missing_python_is_named(folder: Path) -> None:
    """`make test` with a Python that does not exist names it and the versions that it accepts."""
    ended = make(folder, 'test', 'PYTHON=python-of-tomorrow')
    assert ended.returncode != 0
    assert 'no "python-of-tomorrow"' in ended.stderr and '3.11 or newer' in ended.stderr
    assert not (folder / '.venv').exists()


def test_an_old_python_is_refused(folder: Path) -> None:
    """A Python older than 3.11 is refused with its version, before anything is installed."""
    old = folder / 'old'
    old.write_text('#!/bin/sh\ncase "$3" in *print*) echo 3.9.2 ;; *exit*) exit 1 ;; esac\n')
    old.chmod(0o755)
    ended = make(folder, 'test', f'PYTHON={old}')
    assert ended.returncode != 0
    assert 'is Python 3.9.2; 3.11 or newer is needed' in ended.stderr
    assert not (folder / '.venv').exists()


@pytest.fixture
def prepared(folder: Path) -> Path:
    """The folder with an environment whose Python prints its arguments, a line for each."""
    python = folder / '.venv' / 'bin' / 'python'
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\nfor argument; do printf "%s\\n" "$argument"; done\n')
    python.chmod(0o755)
    database = make(folder, '--print-data-base', '--question', 'help').stdout
    (ready,) = set(re.findall(r'^READY := (\S+)$', database, re.MULTILINE)) or {''}
    stamp = folder / (ready.replace('$(VENV)', '.venv') or '.venv/ready')
    stamp.touch()
    return folder


@pytest.mark.parametrize('name', ['my file.yaml', "it's.yaml", 'a "b" $c `d` \\e;f#g*.yaml', '--x'])
def test_check_passes_names_as_they_are(prepared: Path, name: str) -> None:
    """`make check` passes on what it is given: names with spaces, quotes and dollars, and what is absent not at all."""
    ended = make(prepared, 'check', f'CONF={name}', f'STATE={name}.state', 'FORMAT=nagios')
    assert ended.stdout.splitlines() == [
        *('-I', '-m', 'standalone', 'check', '--config', name, '--format', 'nagios', '--state', f'{name}.state')
    ]
    assert make(prepared, 'check', f'CONF={name}').stdout.splitlines()[-2:] == ['--config', name]


def test_check_needs_a_configuration(prepared: Path) -> None:
    """`make check` without CONF says what is missing."""
    ended = make(prepared, 'check')
    assert ended.returncode != 0
    assert 'make check CONF=conf.yaml' in ended.stderr
