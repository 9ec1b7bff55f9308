"""What `tools.compat` tests: environments and what is done in each, as plain values."""

from __future__ import annotations

import os
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
WORK = ROOT / '.compat'
NEWEST = ''
"""In place of a version: the newest that can be installed together with the rest."""

OLDEST_BOTOCORE = '1.40.21'
"""What the Agent shipped when the oldest supported base package was current, and some releases before."""

SUITE = ('tests/unit', 'tests/integration', 'tests/simulator', 'tests/compat')
FORCED_SUITE = tuple(
    f'tests/integration/test_{name}.py'
    for name in (
        'batches',
        'calls',
        'claims',
        'connection',
        'conservation',
        'declared',
        'discovery',
        'failover',
        'gauges',
        'isolation',
        'linked_accounts',
        'options',
        'privacy',
        'standing',
    )
)


@dataclass(frozen=True, slots=True)
class Environment:
    """What is installed together: versions of Python, of the base package and of botocore with its companions.

    `bare_base` takes the newest base package on top, also where what it pins cannot be had.
    """

    name: str
    python: str
    base: str = NEWEST
    botocore: str = NEWEST
    bare_base: bool = False

    @property
    def program(self) -> Path:
        return WORK / self.name / ('Scripts' if os.name == 'nt' else 'bin') / 'python'

    @property
    def requirements(self) -> list[str]:
        """The Agent's part. boto3 and botocore of one number were released together; pip finds their s3transfer."""
        base = f'datadog-checks-base[deps]{_exactly(self.base)}'
        return [base, f'boto3{_exactly(self.botocore)}', f'botocore{_exactly(self.botocore)}']


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the result: the environment of the check, and what is done in it.

    `protocol`: the one that CloudWatch is spoken to in, whatever botocore prefers. `server`: no tests are run, but the
    check against a simulator in that other environment.
    """

    name: str
    environment: Environment
    protocol: str = ''
    server: Environment | None = None


def rows() -> tuple[Row, ...]:
    """What is tested. The floor and what the Agent ships are read from pyproject.toml and requirements/agent.txt."""
    project = tomllib.loads((ROOT / 'pyproject.toml').read_text(encoding='utf-8'))['project']
    shipped = (ROOT / 'requirements/agent.txt').read_text(encoding='utf-8')
    floor = _version(' '.join(project['dependencies']), 'datadog-checks-base>=')
    base = _version(shipped, 'datadog-checks-base[deps]==')
    boto3 = _version(' '.join(project['optional-dependencies']['deps']), 'boto3==')
    oldest = Environment('oldest', '3.11', floor, OLDEST_BOTOCORE)
    agent = Environment('agent', '3.13', base, boto3)
    newest = Environment('newest', '3.13')
    ahead = Environment('ahead', '3.12', bare_base=True)
    return (
        Row('oldest', oldest),
        Row('agent', agent),
        Row('newest', newest),
        Row('ahead', ahead),
        Row('query', newest, protocol='query'),
        Row('json', newest, protocol='json'),
        Row('cbor', newest, protocol='smithy-rpc-v2-cbor'),
        Row('old-to-new', oldest, server=newest),
        Row('new-to-old', newest, server=oldest),
    )


def _exactly(version: str) -> str:
    return f'=={version}' if version else ''


def _version(text: str, before: str) -> str:
    found = re.search(re.escape(before) + r'([\d.]+)', text)
    if found is None:
        raise SystemExit(f'{before} is said nowhere')
    return found[1]
