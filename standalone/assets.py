"""The dashboards and monitors of the integration: what of a file goes to Datadog, and what of it is there already."""

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
# What a user sets on a dashboard and an asset leaves open. An update replaces the whole dashboard.
OPEN_DASHBOARD_KEYS = (
    'notify_list',
    'restricted_roles',
    'tags',
    'template_variable_presets',
    'default_timeframe',
)
# Two names of one type; Datadog may answer with the other, and the type of a monitor cannot change.
METRIC_TYPES = ('metric alert', 'query alert')


class InvalidAsset(ValueError):
    """A file cannot be used. The text is one line that names the file."""


@dataclass(frozen=True)
class Kind:
    """A kind of asset: its folder, its path in the API, the key of its name, and its right of access."""

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

    def is_in(self, summary: dict[str, Any]) -> bool:
        """Says whether this entry of a listing is this asset: the same name, and the mark or the tag."""
        if summary.get(self.kind.title) != self.name:
            return False
        if self.kind is DASHBOARD:
            return f'[{TAG} ' in str(summary.get('description') or '')
        return TAG in (summary.get('tags') or ())

    def over(self, stored: dict[str, Any]) -> dict[str, Any]:
        """Returns the body that updates `stored` and keeps what users add: tags, handles, roles, presets."""
        body = dict(self.body)
        if self.kind is DASHBOARD:
            kept = {key: stored[key] for key in OPEN_DASHBOARD_KEYS if stored.get(key) and not body.get(key)}
            return {**body, **kept}
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


def differences(wanted: dict[str, Any], stored: dict[str, Any]) -> list[str]:
    """Returns the top-level keys of `wanted` whose values `stored` does not have. What Datadog adds does not count."""
    return [key for key, value in wanted.items() if not _has(stored.get(key), value, key)]


def _dashboard(document: dict[str, Any]) -> dict[str, Any]:
    document['title'], document['widgets']
    # The mark tells our dashboards from those of users; tags of a dashboard can only name teams. Its number changes
    # with the file, so that a key that a new file no longer has is a difference, too.
    number = hashlib.sha256(json.dumps(document, sort_keys=True).encode()).hexdigest()[:8]
    description = f'{document.get("description") or ""}\n\n[{TAG} {number}]'.strip()
    return {**document, 'description': description}


def _monitor(document: dict[str, Any], handles: list[str]) -> dict[str, Any]:
    # The rest of the file is for Datadog's catalogue: version, dates, title, description, tags.
    definition = dict(document['definition'])
    definition['name'], definition['type'], definition['query']
    tags = list(definition.get('tags') or ())
    definition['tags'] = tags if TAG in tags else [*tags, TAG]
    definition['message'] = with_handles(str(definition['message']), handles)
    return definition


def _has(stored: Any, wanted: Any, key: str = '') -> bool:
    # Datadog leaves out what is empty, or writes it in another way.
    if wanted in (None, [], {}, ''):
        return key != 'thresholds' or stored in (None, [], {}, '')
    if isinstance(wanted, dict):
        if not isinstance(stored, dict):
            return False
        if key == 'thresholds' and {name for name, value in stored.items() if value is not None} - set(wanted):
            return False
        # Datadog numbers widgets as it likes.
        return all(_has(stored.get(name), value, name) for name, value in wanted.items() if name != 'id')
    if isinstance(wanted, list):
        if not isinstance(stored, list) or len(stored) != len(wanted):
            return False
        return all(_has(one, other) for one, other in zip(stored, wanted, strict=True))
    return bool(stored == wanted)
