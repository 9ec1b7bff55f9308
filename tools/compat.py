"""Tests the check on the oldest, the shipped and the newest of what it stands on: `python -m tools.compat --help`.

Each environment is made below `.compat` as the Makefile makes its own, with other versions. Nothing is left out in
silence: a Python that is not there, or versions other than those wanted, fail their row.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from tools.compat_rows import FORCED_SUITE, NEWEST, ROOT, SUITE, WORK, Environment, Row, rows

INSTALL_SECONDS, TEST_SECONDS, CROSSED_SECONDS = 900, 2400, 300

# Of the shell that calls, and not of the environments made here.
FOREIGN = re.compile(
    '(PYTHON|PYTEST|AWS_|BOTO|MAKE|MFLAGS|COVERAGE).*|VIRTUAL_ENV|CONDA_PREFIX'
    '|PIP_(TARGET|PREFIX|ROOT|CONSTRAINT|REQUIREMENT|NO_DEPS|NO_BINARY|REQUIRE_VIRTUALENV|USER)'
)

VERSIONS = """
import json, sys
import boto3, botocore, botocore.session, s3transfer
from datadog_checks.base import __version__ as base
model = botocore.session.Session().get_service_model('cloudwatch')
spoken = getattr(model, 'resolved_protocol', None) or model.metadata['protocol']
print(json.dumps({
    'python': '%d.%d.%d' % sys.version_info[:3], 'base': base, 'botocore': botocore.__version__,
    'boto3': boto3.__version__, 's3transfer': s3transfer.__version__, 'protocol': spoken,
}))
"""
FORCED = """
import sys
import botocore.model, botocore.session, pytest
wanted, known = sys.argv[1], ('smithy-rpc-v2-cbor', 'rest-json', 'json', 'query')
botocore.model.PRIORITY_ORDERED_SUPPORTED_PROTOCOLS = (wanted, *(one for one in known if one != wanted))
model = botocore.session.Session().get_service_model('cloudwatch')
if model.resolved_protocol != wanted:
    sys.exit('CloudWatch is not spoken to in ' + wanted)
sys.exit(pytest.main(sys.argv[2:]))
"""


class Broken(Exception):
    """Why a row cannot be run. The text is one line."""


@dataclass(slots=True)
class Result:
    """What came of a row. `failures` and `notes` are lines to be shown; without failures it passed."""

    row: Row
    versions: str = ''
    passed: int = 0
    failed: int = 0
    skipped: int = 0
    seconds: float = 0.0
    failures: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code: 0, 1 where a row failed."""
    known = {row.name: row for row in rows()}
    options = _parser(known).parse_args(arguments)
    chosen = [row for row in known.values() if not options.only or row.name in options.only]
    if options.list:
        for row in chosen:
            print(f'{row.name:<12}{_described(row)}')
        return 0
    prepared: dict[str, Mapping[str, str]] = {}
    results = []
    for row in chosen:
        print(f'== {row.name}: {_described(row)}', flush=True)
        result = _result(row, options.python, prepared)
        results.append(result)
        for line in (*result.notes, *result.failures):
            print(f'   {line}', flush=True)
    print(_table(results))
    if len(chosen) < len(known):
        print(f'Left out by --only: {", ".join(name for name in known if known[name] not in chosen)}')
    return 1 if any(result.failures for result in results) else 0


def _parser(known: Iterable[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python -m tools.compat',
        description='Runs the tests on other versions of Python, of botocore and of the base package.',
        epilog='Pythons are looked for in --python, in PYTHON311, PYTHON312 and PYTHON313, and on PATH.',
    )
    parser.add_argument('--list', action='store_true', help='print the rows and leave')
    parser.add_argument(
        '--only', action='append', choices=tuple(known), metavar='NAME', help='this row; may be given more than once'
    )
    parser.add_argument(
        '--python', action='append', default=[], metavar='FILE', help='a Python to use; may be given more than once'
    )
    return parser


def _result(row: Row, pythons: Sequence[str], prepared: dict[str, Mapping[str, str]]) -> Result:
    """Run a row. Never raises for what fails in it."""
    result = Result(row)
    begun = time.monotonic()
    try:
        for environment in (row.environment, *([row.server] if row.server else ())):
            if environment.name not in prepared:
                prepared[environment.name] = _prepare(environment, pythons)
        versions = prepared[row.environment.name]
        result.versions = _spelled(versions, row.protocol or versions['protocol'])
        begun = time.monotonic()
        if row.server is None:
            _test(row, result)
        else:
            result.versions += f' to botocore {prepared[row.server.name]["botocore"]}'
            _cross(row.environment, row.server, result)
    except Broken as error:
        result.failures.append(str(error))
    result.seconds = time.monotonic() - begun
    return result


# Environments.


def _prepare(environment: Environment, pythons: Sequence[str]) -> Mapping[str, str]:
    """Make an environment, or find it as it was left, and say which versions are imported in it."""
    found = _python(environment.python, pythons)
    folder = WORK / environment.name
    stamp = folder / f'ready-{_digest(environment, found)}'
    if not stamp.exists():
        print(f'   preparing .compat/{environment.name} (about a minute)', flush=True)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        log = folder / 'install.log'
        _run([found, '-I', '-m', 'venv', str(folder)], log)
        pip = [str(environment.program), '-I', '-m', 'pip', 'install', '--disable-pip-version-check']
        # Only what is built already: the resolver would go back to old versions that have to be compiled.
        _run([*pip, '--only-binary=:all:', *environment.requirements], log)
        if environment.bare_base:
            _run([*pip, '--no-deps', '--upgrade', 'datadog-checks-base'], log)
        kept = folder / 'kept.txt'
        kept.write_text(_output([str(environment.program), '-I', '-m', 'pip', 'freeze']), encoding='utf-8')
        _run([*pip, '--constraint', str(kept), '--requirement', str(ROOT / 'requirements/tests.txt')], log)
        _run([*pip, '--no-deps', '--no-build-isolation', '--editable', str(ROOT)], log)
        _run([str(environment.program), '-I', '-m', 'pip', 'check'], log)
        stamp.touch()
    versions: Mapping[str, str] = json.loads(_output([str(environment.program), '-I', '-c', VERSIONS]))
    for name, wanted in (('base', environment.base), ('botocore', environment.botocore)):
        if wanted not in (NEWEST, versions[name]):
            raise Broken(f'{environment.name}: {name} is {versions[name]} and not {wanted}')
    return versions


def _python(version: str, given: Iterable[str]) -> str:
    """A program that is Python `version`."""
    variable = f'PYTHON{version.replace(".", "")}'
    for candidate in (*given, os.environ.get(variable, ''), f'python{version}', 'python3', sys.executable):
        program = shutil.which(candidate) if candidate else None
        if program and _is(program, version):
            return program
    raise Broken(f'There is no Python {version} here. Install it, or name one: {variable}=... or --python')


def _is(program: str, version: str) -> bool:
    try:
        told = subprocess.run(
            [program, '-I', '-c', 'import sys; print("%d.%d" % sys.version_info[:2])'],
            env=_surroundings(),
            capture_output=True,
            text=True,
            timeout=60,
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
    return told.returncode == 0 and told.stdout.strip() == version


def _digest(environment: Environment, program: str) -> str:
    """What an environment depends on. The newest of yesterday is not that of today."""
    files = [(ROOT / name).read_text(encoding='utf-8') for name in ('requirements/tests.txt', 'pyproject.toml')]
    today = date.today().isoformat() if NEWEST in (environment.base, environment.botocore) else ''
    version = _output([program, '-I', '-c', 'import sys; print(sys.version)'])
    text = '\0'.join((repr(environment), str(ROOT), today, version, *files))
    return hashlib.sha256(text.encode()).hexdigest()[:16]


# What is done in them.


def _test(row: Row, result: Result) -> None:
    """Run the tests in an environment, which starts its own simulators."""
    folder = WORK / row.environment.name
    report, log = folder / f'{row.name}.xml', folder / f'{row.name}.log'
    report.unlink(missing_ok=True)
    log.unlink(missing_ok=True)
    given = ['-q', '-p', 'no:cacheprovider', f'--junitxml={report}']
    if row.protocol:
        start = ['-c', FORCED, row.protocol, *given, *FORCED_SUITE]
    else:
        start = ['-m', 'pytest', *given, *SUITE]
    try:
        _run([str(row.environment.program), '-I', *start], log, TEST_SECONDS)
    except Broken as error:
        result.failures.append(str(error))
    if not report.exists():
        return
    for suite in ElementTree.parse(report).getroot().iter('testsuite'):
        total, skipped = int(suite.get('tests', 0)), int(suite.get('skipped', 0))
        bad = int(suite.get('failures', 0)) + int(suite.get('errors', 0))
        result.passed += total - skipped - bad
        result.failed += bad
        result.skipped += skipped
        for case in suite.iter('testcase'):
            if case.find('failure') is not None or case.find('error') is not None:
                result.failures.append('::'.join(filter(None, (case.get('classname'), case.get('name')))))
        reasons = Counter(one.get('message', '') for one in suite.iter('skipped'))
        result.notes += [f'{number} skipped: {reason}' for reason, number in sorted(reasons.items())]
    if not result.passed and not result.failures:
        result.failures.append('no test was run')


def _cross(client: Environment, server: Environment, result: Result) -> None:
    """Let the check of one environment ask the simulator of another: it must hand over what it does without crossing.

    Counts values as tests.
    """
    expected = _handed_over(client, client)
    crossed = _handed_over(client, server)
    result.failures += [*expected['wrong'], *crossed['wrong']]
    right, seen = expected['values'], crossed['values']
    for name in sorted({*right, *seen}):
        if right.get(name) == seen.get(name):
            result.passed += 1
        else:
            result.failed += 1
            result.failures.append(f'{name}: {seen.get(name)} and not {right.get(name)}')
    if not any('amazon_ses.send.count ' in name and value > 0 for name, value in seen.items()):
        result.failures.append('nothing was counted')


def _handed_over(client: Environment, server: Environment) -> dict[str, Any]:
    with _serving(server) as url:
        program = [str(client.program), '-I', str(ROOT / 'tests/compat/crossed.py'), url]
        told: dict[str, Any] = json.loads(_output(program, CROSSED_SECONDS))
    return told


@contextmanager
def _serving(environment: Environment) -> Iterator[str]:
    """A simulator in a process of its own whose clock stands still where the tests begin. Gives its URL."""
    common = (ROOT / 'tests/common.py').read_text(encoding='utf-8')
    begin = re.search(r'^START = ([\d_.]+)$', common, re.MULTILINE)
    if begin is None:
        raise Broken('tests/common.py does not say START')
    arguments = ['--port', '0', '--scenario', 'everything', '--time', begin[1].replace('_', ''), '--speed', '0']
    process = subprocess.Popen(
        [str(environment.program), '-I', '-m', 'simulator', *arguments],
        cwd=ROOT,
        env=_surroundings(),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        line = process.stdout.readline() if process.stdout else ''
        if not line.startswith('http://'):
            raise Broken(f'the simulator of {environment.name} does not start')
        yield line.split()[0]
    finally:
        process.terminate()
        process.wait(30)
        if process.stdout:
            process.stdout.close()


# Processes.


def _run(command: Sequence[str], log: Path, seconds: float = INSTALL_SECONDS) -> None:
    """Run to the end, with all output added to a log. Broken where that says no, or does not end."""
    with log.open('a', encoding='utf-8') as output:
        try:
            code = subprocess.run(
                command,
                cwd=ROOT,
                env=_surroundings(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=seconds,
            ).returncode
        except subprocess.TimeoutExpired:
            raise Broken(f'no end after {seconds:.0f} s: see {log.relative_to(ROOT)}') from None
    if code:
        raise Broken(f'exit code {code}: see {log.relative_to(ROOT)}')


def _output(command: Sequence[str], seconds: float = 120) -> str:
    try:
        told = subprocess.run(
            command, cwd=ROOT, env=_surroundings(), stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=seconds,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise Broken(f'no end after {seconds:.0f} s: {Path(command[0]).name} {command[2]}') from None
    if told.returncode:
        raise Broken((told.stderr.strip().splitlines() or [f'exit code {told.returncode}'])[-1])
    return told.stdout


def _surroundings() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if not FOREIGN.fullmatch(name)}


# Words.


def _described(row: Row) -> str:
    """What a row is about, before anything is known of the versions."""
    one = row.environment
    parts = [f'Python {one.python}', f'base {one.base or "newest"}', f'botocore {one.botocore or "newest"}']
    if one.bare_base:
        parts[1] += ' whatever it pins'
    if row.protocol:
        parts.append(f'CloudWatch in {row.protocol}')
    if row.server:
        parts.append(f'against the simulator on botocore {row.server.botocore or "newest"}')
    return ', '.join(parts)


def _spelled(versions: Mapping[str, str], protocol: str) -> str:
    python, base, botocore = versions['python'], versions['base'], versions['botocore']
    return (
        f'Python {python}, base {base}, botocore {botocore}, boto3 {versions["boto3"]}, '
        f's3transfer {versions["s3transfer"]}, {protocol}'
    )


def _table(results: Iterable[Result]) -> str:
    lines = [f'\n{"row":<12}{"passed":>7}{"failed":>7}{"skipped":>8}{"seconds":>8}  versions']
    for one in results:
        mark = '' if not one.failures else '  FAILED'
        lines.append(
            f'{one.row.name:<12}{one.passed:>7}{one.failed:>7}{one.skipped:>8}{one.seconds:>8.0f}  {one.versions}{mark}'
        )
    return '\n'.join(lines)


if __name__ == '__main__':
    sys.exit(main())
