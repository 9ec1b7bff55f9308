"""Datadog's own validators, run on this integration: `make validate`.

They know an integration only as a folder of a repository with many, so such a repository is built below .validate
first. Several of them exit with 0 when they find nothing to look at or when they complain, so each must print the line
that says how much it did, too. After that each of them is shown a planted fault, which it has to find.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# This is run as a file, by a Python that looks nowhere else, and what it imports stands beside it.
sys.path.append(str(ROOT))

from tools.validators import (  # noqa: E402
    FAULTS,
    LEFT_OUT,
    MANIFEST_FAULTS,
    MANIFEST_VALIDATORS,
    NAME,
    VALIDATORS,
    Fault,
    Validator,
)

# Two calls of pip: in one, the resolver goes back to old versions that have to be compiled.
INSTALLED = ('ddev>=20.1.0', 'datadog-checks-base[deps]==38.5.0')
MANIFEST_VERSION = '2.0.0'


@dataclass(frozen=True)
class Answer:
    """Whether a validator is content: ok, FAILED, empty (nothing to look at) or off (it does not apply)."""

    result: str
    line: str
    output: str = ''


def named(manifest: dict, path: str) -> object:
    """What the manifest has under a path such as tile/media, None where it has nothing."""
    found: object = manifest
    for key in path.split('/'):
        found = found.get(key) if isinstance(found, dict) else None
    return found


def surroundings(holder: Path | None = None) -> dict[str, str]:
    """The environment for a subprocess: nothing of the caller's Python or repository, plain and unwrapped output."""
    unwanted = re.compile('PYTHON|GIT_|DDEV_|VIRTUAL_ENV$|FORCE_COLOR$|CLICOLOR')
    environment = {name: value for name, value in os.environ.items() if not unwanted.match(name)}
    environment |= {'NO_COLOR': '1', 'COLUMNS': '400', 'PYTHONUTF8': '1', 'PIP_DISABLE_PIP_VERSION_CHECK': '1'}
    if holder:
        environment['DDEV_CONFIG'] = str(holder.parent / 'ddev.toml')
    return environment


def called(*command: str | Path, cwd: Path = ROOT, holder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Runs a command to its end, with both streams in one."""
    return subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=surroundings(holder),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        encoding='utf-8',
        errors='replace',
    )


def required(*command: str | Path, cwd: Path = ROOT) -> str:
    """The output of a command that has to succeed."""
    done = called(*command, cwd=cwd)
    if done.returncode:
        raise RuntimeError(f'{Path(command[0]).name} {command[1]} failed:\n{done.stdout}')
    return done.stdout


def prepare(work: Path, python: str) -> None:
    """The environment with ddev, made where it is missing or not complete."""
    stamp = work / 'venv' / 'ready'
    if stamp.is_file() and stamp.read_text(encoding='utf-8').split() == list(INSTALLED):
        return
    print('Preparing ddev (one to three minutes, once)', flush=True)
    required(python, '-I', '-m', 'venv', '--clear', work / 'venv')
    for number, requirement in enumerate(INSTALLED, 1):
        print(f'  {number}/{len(INSTALLED)} {requirement}', flush=True)
        required(work / 'venv' / 'bin' / 'python', '-I', '-m', 'pip', 'install', '--quiet', requirement)
    stamp.write_text('\n'.join(INSTALLED), encoding='utf-8')


def configure(holder: Path) -> None:
    """Tells ddev where its repository is, in a file beside it."""
    (holder.parent / 'ddev.toml').write_text(
        f'repo = "extras"\nupgrade_check = false\n[repos]\nextras = {json.dumps(str(holder))}\n', encoding='utf-8'
    )


def sources() -> Iterator[str]:
    """The files of the checkout that belong to the project, committed or not."""
    if (ROOT / '.git').exists():
        listed = required('git', 'ls-files', '--cached', '--others', '--exclude-standard', '-z').split('\0')
        yield from (name for name in listed if name and (ROOT / name).is_file())
    else:
        for path in ROOT.rglob('*'):
            name = path.relative_to(ROOT)
            if path.is_file() and not name.parts[0].startswith('.') and '__pycache__' not in name.parts:
                yield str(name)


def build(holder: Path) -> None:
    """A repository with this integration alone. Its main branch has the manifest of the last commit here, because what
    must not change is compared with that."""
    shutil.rmtree(holder.parent, ignore_errors=True)
    folder = holder / NAME
    folder.mkdir(parents=True)
    before = called('git', 'show', 'HEAD:manifest.json') if (ROOT / '.git').exists() else None
    manifest = before.stdout if before and not before.returncode else (ROOT / 'manifest.json').read_text('utf-8')
    (folder / 'manifest.json').write_text(manifest, encoding='utf-8')
    who = ('-c', 'user.name=validate', '-c', 'user.email=validate@example.com', '-c', 'commit.gpgsign=false')
    required('git', 'init', '--quiet', '--template=', holder)
    required('git', 'add', '--all', '--force', cwd=holder)
    required('git', *who, 'commit', '--quiet', '--no-verify', '--message', 'before', cwd=holder)
    required('git', 'update-ref', 'refs/remotes/origin/master', 'HEAD', cwd=holder)
    for name in sources():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    (holder / '.github').mkdir()
    (holder / '.github' / 'CODEOWNERS').write_text(f'/{NAME}/ @owner\n', encoding='utf-8')
    pins = re.findall('boto3==[0-9.]+', (ROOT / 'pyproject.toml').read_text(encoding='utf-8'))
    (holder / 'agent_requirements.in').write_text('\n'.join([*pins, '']), encoding='utf-8')
    configure(holder)


def judge(validator: Validator, code: int, output: str, manifest: dict, boards: int) -> Answer:
    """Content is only who exits with 0, prints the whole positive line and does not complain."""
    wanted = re.compile(validator.line.replace('{boards}', str(boards)))
    line = next((line.strip() for line in output.splitlines() if wanted.fullmatch(line.strip())), None)
    if code or line is None or (validator.complaint and validator.complaint in output):
        return Answer('FAILED', f'exit code {code}, wanted: {wanted.pattern}', output)
    if validator.about and not named(manifest, validator.about):
        return Answer('empty', f'{line} (the manifest has no {validator.about})', output)
    return Answer('ok', line, output)


def ask(work: Path, holder: Path, validator: Validator) -> Answer:
    """Runs one validator on a repository."""
    ddev = (work / 'venv' / 'bin' / 'ddev', '--no-interactive', 'validate')
    done = called(*ddev, validator.name, *validator.options, cwd=holder, holder=holder)
    manifest = json.loads((holder / NAME / 'manifest.json').read_text(encoding='utf-8'))
    boards = len(list((holder / NAME / 'assets' / 'dashboards').glob('*.json')))
    return judge(validator, done.returncode, done.stdout, manifest, boards)


def judge_manifest(folder: Path) -> dict[str, Answer]:
    """What each manifest validator says of the integration in a folder; needs datadog-checks-dev."""
    from datadog_checks.dev.tooling.constants import get_root, set_root
    from datadog_checks.dev.tooling.datastructures import JSONDict
    from datadog_checks.dev.tooling.manifest_validator import get_all_validators

    manifest = json.loads((folder / 'manifest.json').read_text(encoding='utf-8'))
    answers = {}
    before = get_root()
    set_root(str(folder.parent))
    try:
        for validator in get_all_validators(None, MANIFEST_VERSION, is_extras=True, ignore_schema=True):
            name = type(validator).__name__
            about = MANIFEST_VALIDATORS.get(name)
            validator.validate(folder.name, JSONDict(manifest), False)
            said = ' '.join(' '.join(text.split()) for texts in validator.result.messages.values() for text in texts)
            seen = named(manifest, about) if about else None
            if about is None:
                answers[name] = Answer('FAILED', 'not known here', said)
            elif not validator.should_validate():
                answers[name] = Answer('off', 'Datadog does not ask it of integrations-extras')
            # A validator that says it skipped something has not looked.
            elif validator.result.failed or validator.result.messages['info']:
                answers[name] = Answer('FAILED', about, said)
            elif seen in (None, '', [], {}):
                answers[name] = Answer('empty', f'the manifest has no {about}')
            else:
                answers[name] = Answer('ok', f'{about}: {len(seen) if isinstance(seen, list) else seen}')
    finally:
        set_root(before)
    return answers


def ask_manifest(work: Path, holder: Path) -> dict[str, Answer]:
    """Runs the manifest validators on a repository, in the environment with ddev."""
    done = called(work / 'venv' / 'bin' / 'python', '-I', Path(__file__), '--manifest', holder / NAME, cwd=holder)
    try:
        answers = {name: Answer(*parts) for name, parts in json.loads(done.stdout.splitlines()[-1]).items()}
    except (IndexError, ValueError):
        return {name: Answer('FAILED', f'exit code {done.returncode}', done.stdout) for name in MANIFEST_VALIDATORS}
    return {name: answers.get(name, Answer('FAILED', 'did not run')) for name in MANIFEST_VALIDATORS | answers}


def tell(result: str, name: str, line: str) -> None:
    """One row of a table."""
    print(f'{result:7} {name:29} {line}', flush=True)


def report(name: str, answer: Answer) -> bool:
    """Prints the row of a validator, with all it printed when it objects; True when it does not."""
    tell(answer.result, name, answer.line)
    if answer.result == 'FAILED':
        for line in answer.output.splitlines():
            if line.strip():
                print(f'        | {line}', flush=True)
    return answer.result != 'FAILED'


def run_all(work: Path, holder: Path) -> bool:
    """Prints what each validator says of the integration as it is; True when all are content."""
    listed = called(work / 'venv' / 'bin' / 'ddev', 'validate', '--help', cwd=holder, holder=holder).stdout
    commands = set(re.findall(r'^  ([a-z][a-z-]+)  ', listed.partition('Commands:')[2], re.MULTILINE))
    print('\nThe integration as it is')
    tell('result', 'validator', 'what it says')
    content = True
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        asked = [(validator.name, pool.submit(ask, work, holder, validator)) for validator in VALIDATORS]
        manifest = pool.submit(ask_manifest, work, holder)
        for name, answer in ((name, future.result()) for name, future in asked):
            content = report(name, answer) and content
        for name, answer in manifest.result().items():
            content = report(name, answer) and content
    for name in sorted(commands - {validator.name for validator in VALIDATORS} - set(LEFT_OUT)):
        content = report(name, Answer('FAILED', 'is new in ddev, and not known here'))
    if not commands:
        content = report('validate --help', Answer('FAILED', 'lists no validators', listed))
    print(f'Not run: {", ".join(sorted(LEFT_OUT))}')
    return content


def shown(work: Path, holder: Path, number: int, fault: Fault) -> str:
    """What the validator makes of its fault, planted in a copy: found, MISSED or a mistake in planting."""
    place = work / 'faults' / str(number)
    copy = place / holder.name
    try:
        shutil.copytree(holder, copy)
        configure(copy)
        try:
            fault.plant(copy / NAME)
        except (OSError, ValueError, KeyError) as error:
            return f'MISSED: {error}'
        by_name = {validator.name: validator for validator in VALIDATORS}
        validator = by_name.get(fault.validator)
        answer = ask(work, copy, validator) if validator else ask_manifest(work, copy)[fault.validator]
    finally:
        shutil.rmtree(place, ignore_errors=True)
    if answer.result != 'FAILED':
        return f'MISSED: {answer.line}'
    if fault.says not in ' '.join(answer.output.split()):
        return f'MISSED: it failed without saying {fault.says!r}:\n{answer.output}'
    return 'found'


def run_faults(work: Path, holder: Path) -> bool:
    """Plants each fault in a copy of its own and prints whether its validator found it; True when all were found."""
    shutil.rmtree(work / 'faults', ignore_errors=True)
    print('\nA planted fault for each')
    tell('result', 'validator', 'fault')
    content = True
    faults = FAULTS + MANIFEST_FAULTS
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        futures = [pool.submit(shown, work, holder, number, fault) for number, fault in enumerate(faults)]
        for number, fault in enumerate(faults):
            word, _, why = futures[number].result().partition(': ')
            tell(word, fault.validator, f'{fault.what}{": " if why else ""}{why}')
            content = content and word == 'found'
    return content


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code: 0, 1 where a validator objects or misses its fault, 3 where
    Python 3.13 is missing."""
    parser = argparse.ArgumentParser(
        prog='tools/validate.py',
        description='Runs the validators of Datadog on the integration, and on a planted fault for each of them.',
        epilog='PYTHON313 names the Python that ddev is installed with; without it that is python3.13.',
    )
    parser.add_argument('--faults', action='store_true', help='only the planted faults')
    parser.add_argument('--manifest', type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.manifest:
        answers = judge_manifest(options.manifest)
        print(json.dumps({name: (answer.result, answer.line, answer.output) for name, answer in answers.items()}))
        return 0

    started = time.monotonic()
    python = os.environ.get('PYTHON313') or 'python3.13'
    try:
        missing = called(python, '-I', '-c', 'import sys; sys.exit(sys.version_info < (3, 13))').returncode
    except OSError:
        missing = 1
    if missing:
        print(
            f'The validators need Python 3.13, and "{python}" is not one. Name one: make validate PYTHON313=...',
            file=sys.stderr,
        )
        return 3
    work = ROOT / '.validate'
    holder = work / 'holder' / 'integrations-extras'
    try:
        prepare(work, python)
        build(holder)
    except (OSError, RuntimeError) as error:
        print(error, file=sys.stderr)
        return 1
    content = options.faults or run_all(work, holder)
    content = run_faults(work, holder) and content
    print(f'\n{"All is well" if content else "Not well"}, after {time.monotonic() - started:.0f} s')
    return 0 if content else 1


if __name__ == '__main__':
    sys.exit(main())
