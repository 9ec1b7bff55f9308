"""The dashboards and monitors of the integration as API bodies, and their differences from those in Datadog."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent / 'assets'
TAG = 'integration:amazon-ses-agent'
HANDLE = re.compile(r'(?<![\w.@])@[^\s{}(),;]*[^\s{}(),;.:!?]')
# Users set these on a dashboard, and assets leave them open. An update replaces the whole dashboard.
OPEN_DASHBOARD_KEYS = 'notify_list restricted_roles tags template_variable_presets default_timeframe'.split()
# Two names of one type: Datadog may answer with the other, and the type of a monitor cannot change.
METRIC_TYPES = ('metric alert', 'query alert')
EMPTY: tuple[object, ...] = (None, [], {}, '')


class InvalidAsset(ValueError):
    """A file cannot be used. The text is one line that names the file."""


@dataclass(frozen=True)
class Kind:
    """A kind of asset: its path in the API, the key of its name, and its permission. Its files are in `folder`."""

    name: str
    path: str
    title: str
    permission: str

    @property
    def folder(self) -> str:
        return f'{self.name}s'


DASHBOARD = Kind('dashboard', '/api/v1/dashboard', 'title', 'dashboards')
MONITOR = Kind('monitor', '/api/v1/monitor', 'name', 'monitors')
KINDS = (DASHBOARD, MONITOR)


@dataclass(frozen=True)
class Asset:
    """One file, as the body of an API call that creates it."""

    kind: Kind
    body: dict[str, Any]

    @property
    def name(self) -> str:
        return str(self.body[self.kind.title])

    def matches(self, summary: dict[str, Any]) -> bool:
        """Says whether `summary`, from a listing, is this asset: it has the name, and the mark or the tag."""
        if summary.get(self.kind.title) != self.name:
            return False
        if self.kind is DASHBOARD:
            return f'[{TAG} ' in str(summary.get('description') or '')
        return TAG in (summary.get('tags') or ())

    def merged(self, stored: dict[str, Any]) -> dict[str, Any]:
        """Returns the body that updates `stored` and keeps additions of users: tags, handles, roles, presets."""
        body = dict(self.body)
        if self.kind is DASHBOARD:
            return body | {key: stored[key] for key in OPEN_DASHBOARD_KEYS if stored.get(key) and not body.get(key)}
        tags = list(stored.get('tags') or ())
        body['tags'] = [*tags, *(tag for tag in body['tags'] if tag not in tags)]
        if not HANDLE.search(body['message']):
            body['message'] = with_handles(body['message'], HANDLE.findall(str(stored.get('message') or '')))
        if body['type'] in METRIC_TYPES and stored.get('type') in METRIC_TYPES:
            body['type'] = stored['type']
        return body


def read(kinds: tuple[Kind, ...], handles: list[str], root: Path = ROOT) -> list[Asset]:
    """Reads the assets of these kinds; `handles` are notified by all monitors. Raises InvalidAsset."""
    assets = []
    for kind in kinds:
        paths = sorted((root / kind.folder).glob('*.json'))
        if not paths:
            raise InvalidAsset(f'{root / kind.folder} has no files: run this from a checkout of the repository')
        for path in paths:
            try:
                document = json.loads(path.read_text(encoding='utf-8'))
                assets.append(Asset(kind, _dashboard(document) if kind is DASHBOARD else _monitor(document, handles)))
            except OSError as error:
                raise InvalidAsset(f'cannot read {path}: {error.strerror}') from None
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise InvalidAsset(f'{path} is not a {kind.name}: {type(error).__name__}: {error}') from None
    return assets


def with_handles(message: str, handles: list[str]) -> str:
    """Returns the message of a monitor with a last line that notifies `handles`."""
    return f'{message}\n\n{" ".join(dict.fromkeys(handles))}' if handles else message


def differences(body: dict[str, Any], stored: dict[str, Any]) -> list[str]:
    """Returns the top-level keys of `body` whose values `stored` lacks. Additions of Datadog are no differences."""
    return [key for key, value in body.items() if not _contains(stored.get(key), value, key)]


def _dashboard(document: dict[str, Any]) -> dict[str, Any]:
    document['title'], document['widgets']
    # The mark distinguishes our dashboards from those of users: their tags can only name teams. Its number changes with
    # the file, so that a key that was removed from the file is a difference, too.
    number = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:8]
    description = f'{document.get("description") or ""}\n\n[{TAG} {number}]'.strip()
    return {**document, 'description': description}


def _monitor(document: dict[str, Any], handles: list[str]) -> dict[str, Any]:
    # The other keys of the file are for Datadog's catalogue: version, dates, title, description, tags.
    definition = dict(document['definition'])
    definition['name'], definition['type'], definition['query']
    tags = list(definition.get('tags') or ())
    definition['tags'] = tags if TAG in tags else [*tags, TAG]
    definition['message'] = with_handles(str(definition['message']), handles)
    return definition


def _contains(stored: Any, expected: Any, key: str = '') -> bool:
    # Datadog omits empty values, or writes them in another way.
    if expected in EMPTY:
        return key != 'thresholds' or stored in EMPTY
    if isinstance(expected, dict):
        if not isinstance(stored, dict):
            return False
        if key == 'thresholds' and {name for name, value in stored.items() if value is not None} - set(expected):
            return False
        # Datadog assigns the ids of widgets.
        return all(_contains(stored.get(name), value, name) for name, value in expected.items() if name != 'id')
    if isinstance(expected, list):
        if not isinstance(stored, list) or len(stored) != len(expected):
            return False
        return all(map(_contains, stored, expected))
    return bool(stored == expected)
