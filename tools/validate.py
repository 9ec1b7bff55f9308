"""Runs Datadog's validators on this integration, with the ddev beside the Python that runs this file. With the argument
`test` it runs `ddev test` instead: style, the tests, and the tests with the oldest base package; more are pytest's.

ddev knows an integration only as a folder of a repository, so such a repository is built below .validate first. Some
validators exit with 0 after a complaint or without a look at any file, so each must also print its line of success.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

NAME = 'amazon_ses'
ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / '.validate'
REPOSITORY = WORK / 'integrations-extras'
DDEV = Path(sys.executable).with_name('ddev')


class Validator(NamedTuple):
    """A command of `ddev validate`, the whole line that it prints on success, and what it prints with a complaint."""

    name: str
    success: str
    complaint: str = ''
    options: tuple[str, ...] = (NAME,)


BOARDS = len(list((ROOT / 'assets' / 'dashboards').glob('*.json')))
VALIDATORS = (
    Validator('config', r'All [1-9]\d* configuration files are valid!'),
    Validator('models', r'All [1-9]\d* data model files are in sync!'),
    Validator('metadata', 'Passed: 1'),
    Validator('package', '1 valid files'),
    Validator('readmes', 'All 1 READMEs are valid!', 'All images must be checked into'),
    Validator('imports', 'Validation passed!'),
    Validator('integration-style', r'Validating .* for 1 integrations\.\.\.', 'to be deprecated', ('--verbose', NAME)),
    Validator('legacy-signature', f'Check `{NAME}` uses the new agent signature.'),
    Validator('http', 'Passed: 1'),
    Validator('dep', 'All dependencies are valid!'),
    # The number of all boards: a smaller one says that the manifest lacks some.
    Validator('dashboards', f'{BOARDS} valid files'),
    Validator('service-checks', '1 valid files'),
    Validator('codeowners', r'All integrations have valid codeowners\.', options=()),
)
SUITE = ('-q', 'tests/unit', 'tests/contract', 'tests/compat')
"""What `ddev test` runs where no arguments say it: the whole suite would take twice as long as `make test`."""

LEFT_OUT = {
    'all', 'agent-reqs', 'ci', 'labeler', 'licenses', 'version',  # for the repository of Datadog
    'pr-description', 'qa-label',  # for pull requests
    'eula', 'jmx-metrics', 'openmetrics', 'saved-views',  # for what this integration does not have
    'license-headers', 'typos',  # switched off for integrations-extras; exits with 1 on success
}  # fmt: skip
"""The other commands of `ddev validate`, and why they are not run."""


def build() -> None:
    """Make the repository, which holds this integration alone."""
    shutil.rmtree(REPOSITORY, ignore_errors=True)
    hidden = shutil.ignore_patterns('.*', '__pycache__', 'build', 'dist', '*.egg-info')
    shutil.copytree(ROOT, REPOSITORY / NAME, ignore=hidden)
    (REPOSITORY / '.github').mkdir()
    (REPOSITORY / '.github' / 'CODEOWNERS').write_text(f'/{NAME}/ @owner\n')
    pins = re.findall(r'boto3==[0-9.]+', (ROOT / 'pyproject.toml').read_text(encoding='utf-8'))
    (REPOSITORY / 'agent_requirements.in').write_text('\n'.join([*pins, '']))
    configuration = f'repo = "extras"\nupgrade_check = false\n[repos]\nextras = {json.dumps(str(REPOSITORY))}\n'
    (WORK / 'ddev.toml').write_text(configuration)
    subprocess.run(['git', 'init', '--quiet', str(REPOSITORY)], check=True)


def variables() -> dict[str, str]:
    """The environment of ddev, which finds its tools on PATH, with this repository alone."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(('GIT_', 'DDEV_'))}
    path = os.pathsep.join((str(DDEV.parent), inherited.get('PATH', os.defpath)))
    return {**inherited, 'PATH': path, 'NO_COLOR': '1', 'COLUMNS': '400', 'DDEV_CONFIG': str(WORK / 'ddev.toml')}


def ddev(*arguments: str) -> tuple[int, str]:
    """The exit code of `ddev validate` and its output, without colours and line breaks of a terminal."""
    command = [str(DDEV), '--no-interactive', 'validate', *arguments]
    ended = subprocess.run(command, cwd=REPOSITORY, env=variables(), input='', capture_output=True, encoding='utf-8')
    return ended.returncode, ended.stdout + ended.stderr


def test(arguments: Sequence[str]) -> int:
    """Run `ddev test` in each way. The exit code is 1 where one of them fails."""
    build()
    codes = []
    for options in (('--lint',), (), ('--compat',)):
        command = [str(DDEV), '--no-interactive', 'test', *options, NAME]
        command += [] if options == ('--lint',) else ['--', *(arguments or SUITE)]
        codes.append(subprocess.run(command, cwd=REPOSITORY, env=variables(), check=False).returncode)
        print(f'{" ".join(("ddev test", *options))} exited with {codes[-1]}', flush=True)
    return int(any(codes))


def accepted(validator: Validator, code: int, output: str) -> bool:
    """Whether a validator exited with 0, printed its line of success, and did not complain."""
    success = any(re.fullmatch(validator.success, line.strip()) for line in output.splitlines())
    return code == 0 and success and not (validator.complaint and validator.complaint in output)


def unknown(help_text: str) -> set[str]:
    """The commands of `ddev validate` that neither table has. An empty list of commands is an error."""
    commands = set(re.findall(r'^  ([a-z][a-z-]+)  ', help_text.partition('Commands:')[2], re.MULTILINE))
    if not commands:
        raise ValueError(f'`ddev validate --help` lists no commands:\n{help_text}')
    return commands - {validator.name for validator in VALIDATORS} - set(LEFT_OUT)


def main(arguments: Sequence[str]) -> int:
    """Run each validator, or the tests. The exit code is 1 where one does not accept the integration, or is new."""
    if arguments[:1] == ['test']:
        return test(arguments[1:])
    build()
    rejections = [f'{name} is new in ddev' for name in sorted(unknown(ddev('--help')[1]))]
    for validator in VALIDATORS:
        code, output = ddev(validator.name, *validator.options)
        passed = accepted(validator, code, output)
        print(f'{validator.name:<18}{"passed" if passed else "FAILED"}', flush=True)
        if not passed:
            rejections.append(f'{validator.name} exited with {code}:\n{output}')
    print(*rejections, sep='\n')
    return 1 if rejections else 0


if __name__ == '__main__':
    sys.exit(main(sys.argv[1:]))
