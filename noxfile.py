"""Sessions of nox: the tests on other versions (`make compat`), and Datadog's validators (`make validate`).

A session fails where its Python is missing. A row also fails where the versions that are imported are not its own.
"""

from __future__ import annotations

import os
import re
import sys
from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

import nox

nox.options.sessions = ['tests']
nox.options.envdir = '.compat'
nox.options.default_venv_backend = 'venv'
nox.options.download_python = 'never'
nox.options.error_on_missing_interpreters = True

DECLARED = Path('pyproject.toml').read_text(encoding='utf-8')
AGENT = 'datadog-checks-base[deps,json]'
"""The base package with what the Agent ships of its extras that the check uses: pydantic and the like, and orjson."""

SHIPPED = Path('requirements/agent.txt').read_text(encoding='utf-8')
NEWEST = ''
"""In place of a version: the newest that can be installed together with the rest."""
BARE = 'bare'
"""In place of a version: the newest base package, also where what it pins cannot be installed."""


class Row(NamedTuple):
    """Versions that are tested together. `protocol` is used for CloudWatch, whichever botocore would choose."""

    name: str
    python: str
    base: str = NEWEST
    botocore: str = NEWEST
    protocol: str = ''

    @property
    def interpreter(self) -> str:
        """PYTHON311, PYTHON312 or PYTHON313 where it is set, otherwise the Python of that version on PATH."""
        return os.environ.get(f'PYTHON{self.python.replace(".", "")}') or self.python

    @property
    def requirements(self) -> list[str]:
        """The Agent's part. boto3 and botocore of the same version were released together."""
        versions = {AGENT: self.base, 'boto3': self.botocore, 'botocore': self.botocore}
        return [name if version in (NEWEST, BARE) else f'{name}=={version}' for name, version in versions.items()]


def _version(text: str, requirement: str) -> str:
    """The version that a text requires, where `requirement` is its beginning, such as `boto3==`."""
    (version,) = set(re.findall(re.escape(requirement) + r'([\d.]+)', text))
    return str(version)


ROWS = (
    # The floor, with the botocore that the Agent shipped when it was current.
    Row('oldest', '3.11', _version(DECLARED, 'datadog-checks-base>='), '1.40.21'),
    Row('agent', '3.13', _version(SHIPPED, f'{AGENT}=='), _version(DECLARED, 'boto3==')),
    Row('newest', '3.13'),
    Row('ahead', '3.12', BARE),
    Row('query', '3.13', protocol='query'),
    Row('json', '3.13', protocol='json'),
    Row('cbor', '3.13', protocol='smithy-rpc-v2-cbor'),
)
SUITE = ('tests/unit', 'tests/integration', 'tests/simulator', 'tests/compat')

VERSIONS = """
import sys, botocore
from datadog_checks.base import __version__ as base
print('%d.%d' % sys.version_info[:2], base, botocore.__version__)
"""
FORCED = """
import sys, botocore.model, botocore.session, pytest
protocol, protocols = sys.argv[1], ('smithy-rpc-v2-cbor', 'rest-json', 'json', 'query')
botocore.model.PRIORITY_ORDERED_SUPPORTED_PROTOCOLS = (protocol, *(name for name in protocols if name != protocol))
if botocore.session.Session().get_service_model('cloudwatch').resolved_protocol != protocol:
    sys.exit('this botocore does not call CloudWatch with ' + protocol)
sys.exit(pytest.main(sys.argv[2:]))
"""


@nox.session()
@nox.parametrize('python, row', [nox.param(row.interpreter, row, id=row.name) for row in ROWS])
def tests(session: nox.Session, row: Row) -> None:
    """The tests with the versions of a row; arguments replace the suite."""
    # Binary packages only: otherwise the resolver goes back to old versions that have to be compiled.
    session.install('--only-binary=:all:', *row.requirements)
    if row.base == BARE:
        session.install('--no-deps', '--upgrade', 'datadog-checks-base')
    session.install('--only-binary=:all:', '--requirement', 'requirements/tests.txt')
    session.install('--no-deps', '--no-build-isolation', '--editable', '.')
    session.run('python', '-I', '-m', 'pip', 'check')
    imported = str(session.run('python', '-I', '-c', VERSIONS, silent=True)).split()
    session.log(f'Python, base package and botocore: {", ".join(imported)}')
    for expected, version in zip((row.python, row.base, row.botocore), imported, strict=True):
        if expected not in (NEWEST, BARE, version):
            session.error(f'{version} is imported and not {expected}')
    command = ('-c', FORCED, row.protocol) if row.protocol else ('-m', 'pytest')
    suite = session.posargs or (('tests/integration',) if row.protocol else SUITE)
    session.run('python', '-I', *command, '-q', '-p', 'no:cacheprovider', *suite)


@nox.session(python=Row('validators', '3.13').interpreter, reuse_venv=True)
def validate(session: nox.Session) -> None:
    """Datadog's validators; with the argument `test` its test command instead."""
    # Two calls of pip: in one, the resolver goes back to old versions that have to be compiled.
    session.install('ddev>=20.1.0')
    session.install(f'{AGENT}=={_version(SHIPPED, f"{AGENT}==")}')
    session.run('python', '-I', 'tools/validate.py', *session.posargs)


@nox.session()
@nox.parametrize(
    'python', [nox.param(Row('', version).interpreter, id=version) for version in ('3.11', '3.12', '3.13')]
)
def wheel(session: nox.Session) -> None:
    """The wheel, built twice to the same bytes, and run where only the Agent's part is installed."""
    session.install('--only-binary=:all:', '--requirement', 'requirements/agent.txt')
    session.install('--only-binary=:all:', f'boto3=={_version(DECLARED, "boto3==")}')
    built = []
    for number in range(2):
        folder = Path(session.create_tmp()) / str(number)
        command = ('-m', 'hatchling', 'build', '--target', 'wheel', '--directory', str(folder))
        session.run(sys.executable, '-I', *command, external=True, silent=True)
        built += sorted(folder.glob('*.whl'))
    if built[0].read_bytes() != built[1].read_bytes():
        session.error('two builds differ')
    session.log(f'{built[0].name}: SHA-256 {sha256(built[0].read_bytes()).hexdigest()}')
    session.run('python', '-I', 'tools/wheel.py', str(built[0]))
