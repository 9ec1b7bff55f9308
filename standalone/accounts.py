"""Reads the list of accounts that `python -m standalone plan` is about: a YAML or a CSV file."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from standalone import conf

MOST_ACCOUNTS = 10_000
LARGEST_NUMBER = 1_000_000
LONGEST_VALUE = 60
ACCOUNT_ID = re.compile(r'[0-9]{12}', re.ASCII)
REGION = re.compile(r'[a-z]{2,4}(-[a-z]+)+-[0-9]+', re.ASCII)
ROLE_NAME = re.compile(r'[\w+=,.@/-]{1,512}', re.ASCII)
ROLE_ARN = re.compile(r'arn:[\w-]+:iam::([0-9]{12}):role/[\w+=,.@/-]+', re.ASCII)
PARTITIONS = {'us-gov-': 'aws-us-gov', 'cn-': 'aws-cn'}
"""The partition of a Region by the beginning of its name; of all others it is `aws`."""


class InvalidList(ValueError):
    """The list cannot be used. The text is one line that names the file and the account."""


@dataclass(frozen=True)
class Account:
    """An account and what it has in each of its Regions.

    `series` are active CloudWatch series beside those of configuration sets and tenants; `idle_series` are how many of
    all of them have no data within an hour.
    """

    account: str
    regions: tuple[str, ...] = ()
    name: str = ''
    role_arn: str = ''
    external_id: str = ''
    tags: tuple[str, ...] = ()
    configuration_sets: int = 0
    identities: int = 0
    tenants: int = 0
    series: int = 0
    idle_series: int = 0


NUMBERS = ('configuration_sets', 'identities', 'tenants', 'series', 'idle_series')
COLUMNS = (*(field.name for field in fields(Account)), 'role')
"""The columns of a CSV file, and the keys of an account in a YAML file. `role` is a name, which makes `role_arn`."""


@dataclass(frozen=True)
class AccountList:
    """The accounts of a file, and the options that the file has for every instance."""

    accounts: tuple[Account, ...]
    options: Mapping[str, Any]


def read(path: Path, defaults: Mapping[str, Any]) -> AccountList:
    """The accounts of a file. `defaults` are used where neither an account nor the file's own defaults say anything.

    Raises InvalidList, and conf.InvalidFile where the file cannot be read.
    """
    options: dict[str, Any] = {}
    if path.suffix.lower() == '.csv':
        rows = _csv_rows(path)
    else:
        rows, defaults, options = _yaml_rows(path, defaults)
    if not rows:
        raise InvalidList(f'{path}: there is no account in it')
    if len(rows) > MOST_ACCOUNTS:
        raise InvalidList(f'{path}: more than {MOST_ACCOUNTS} accounts')
    accounts: dict[str, Account] = {}
    for number, row in enumerate(rows, 1):
        try:
            account = _account({**defaults, **{name: value for name, value in row.items() if value not in (None, '')}})
        except ValueError as error:
            raise InvalidList(f'{path}: account {number}: {error}') from None
        if account.account in accounts:
            raise InvalidList(f'{path}: account {number}: {account.account} is there twice: it would be counted twice')
        accounts[account.account] = account
    return AccountList(tuple(accounts.values()), options)


def _csv_rows(path: Path) -> list[dict[str, Any]]:
    reader = csv.DictReader(io.StringIO(conf.text(path), newline=''))
    try:
        columns, rows = list(reader.fieldnames or ()), list(reader)
    except csv.Error as error:
        raise InvalidList(f'{path}: line {reader.line_num}: {error}') from None
    unknown = [name for name in columns if name not in COLUMNS]
    if unknown or 'account' not in columns:
        wrong = f'{unknown[0][:LONGEST_VALUE]!r} is not one' if unknown else '`account` is missing'
        raise InvalidList(f'{path}: the first line names the columns, of {", ".join(COLUMNS)}: {wrong}')
    for number, row in enumerate(rows, 1):
        if None in row:
            raise InvalidList(f'{path}: account {number}: more values than columns')
    return [{name: (value or '').strip() for name, value in row.items()} for row in rows]


def _yaml_rows(path: Path, defaults: Mapping[str, Any]) -> tuple[list[dict[str, Any]], dict[str, Any], dict[str, Any]]:
    document = conf.document(path)
    sections = ('accounts', 'defaults', 'options')
    if not isinstance(document, dict) or set(document) - set(sections):
        raise InvalidList(f'{path}: the top level must be a mapping with `accounts`, `defaults` and `options`')
    rows, row_defaults, options = (
        document.get('accounts'),
        document.get('defaults') or {},
        document.get('options') or {},
    )
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise InvalidList(f'{path}: `accounts` must be a list of mappings')
    if not isinstance(row_defaults, dict) or not isinstance(options, dict):
        raise InvalidList(f'{path}: `defaults` and `options` must be mappings')
    for number, keys in enumerate((row_defaults, *rows)):
        unknown = [str(key) for key in keys if key not in COLUMNS]
        if unknown:
            subject = f'account {number}' if number else '`defaults`'
            raise InvalidList(
                f'{path}: {subject}: {unknown[0][:LONGEST_VALUE]!r} is none of {", ".join(COLUMNS)}; '
                'options of the check stand below `options`'
            )
    return rows, {**defaults, **row_defaults}, options


def _account(row: Mapping[str, Any]) -> Account:
    """The account of a row. Raises ValueError, whose text says what is wrong with which key."""
    account = _account_id(row.get('account'))
    regions = _texts('regions', row.get('regions', ()))
    wrong = [region for region in regions if not REGION.fullmatch(region)]
    if wrong or not regions:
        problem = f'{wrong[0][:LONGEST_VALUE]!r} is not a Region' if wrong else 'there is none'
        raise ValueError(f'`regions` must be names like us-east-1 (`all` says nothing of their number): {problem}')
    return Account(
        account=account,
        regions=tuple(dict.fromkeys(regions)),
        name=_text('name', row.get('name', '')),
        role_arn=_role_arn(account, regions[0], row),
        external_id=_text('external_id', row.get('external_id', '')),
        tags=_texts('tags', row.get('tags', ())),
        **{name: _number(name, row.get(name, 0)) for name in NUMBERS},
    )


def _account_id(value: object) -> str:
    text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ''
    if not ACCOUNT_ID.fullmatch(text):
        raise ValueError(f"`account` must be 12 digits, in quotes, like '012345678901', not {text[:LONGEST_VALUE]!r}")
    return text


def _role_arn(account: str, region: str, row: Mapping[str, Any]) -> str:
    """The role to assume, '' for none."""
    arn, name = _text('role_arn', row.get('role_arn', '')), _text('role', row.get('role', ''))
    if arn:
        match = ROLE_ARN.fullmatch(arn)
        if not match or match[1] != account:
            raise ValueError(f'`role_arn` must be the ARN of a role of account {account}, not {arn[:LONGEST_VALUE]!r}')
        return arn
    if not name:
        return ''
    if not ROLE_NAME.fullmatch(name):
        raise ValueError(f'`role` must be the name of a role, not {name[:LONGEST_VALUE]!r}')
    partition = next((part for start, part in PARTITIONS.items() if region.startswith(start)), 'aws')
    return f'arn:{partition}:iam::{account}:role/{name.lstrip("/")}'


def _text(name: str, value: object) -> str:
    if not isinstance(value, str) or not value.isprintable():
        raise ValueError(f'`{name}` must be a text in one line')
    return value


def _texts(name: str, value: object) -> tuple[str, ...]:
    values = value.split() if isinstance(value, str) else value
    if not isinstance(values, (list, tuple)):
        raise ValueError(f'`{name}` must be a list of texts')
    return tuple(_text(name, each) for each in values)


def _number(name: str, value: object) -> int:
    text = str(value) if isinstance(value, (str, int)) and not isinstance(value, bool) else ''
    if not re.fullmatch(r'[0-9]{1,7}', text, re.ASCII) or int(text) > LARGEST_NUMBER:
        raise ValueError(f'`{name}` must be a whole number from 0 to {LARGEST_NUMBER}')
    return int(text)
