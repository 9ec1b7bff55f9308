"""Brings the dashboards and monitors into a Datadog account: `python -m standalone assets push`."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests

from standalone.assets import KINDS, TAG, Asset, Kind, differences

SITES = (
    'datadoghq.com',
    'us3.datadoghq.com',
    'us5.datadoghq.com',
    'datadoghq.eu',
    'ap1.datadoghq.com',
    'ap2.datadoghq.com',
    'uk1.datadoghq.com',
    'ddog-gov.com',
    'us2.ddog-gov.com',
)
TIMEOUT = (10, 60)
PAGE_SIZE = 100
LONGEST_WAIT = 120.0
LONGEST_ANSWER = 300


class Refused(Exception):
    """Datadog did not do what it was asked to, or cannot be reached. The text is one line for the user."""


@dataclass(frozen=True)
class Result:
    """What became of one asset. `url` is empty where there is nothing to look at."""

    asset: Asset
    outcome: str
    detail: str = ''
    url: str = ''


def api_url(site: str) -> str:
    """Returns the endpoint of the API at a site."""
    return f'https://api.{site}'


def app_url(site: str) -> str:
    """Returns where people look at dashboards and monitors at a site."""
    return f'https://app.{site}' if site.count('.') == 1 else f'https://{site}'


class Account:
    """A Datadog account as its API shows it. All methods raise Refused.

    Proxies and certificates come from the environment, as `requests` reads it.
    """

    def __init__(self, url: str, api_key: str, app_key: str, say: Callable[[str], None]) -> None:
        self._url = url
        self._say = say
        self._session = requests.Session()
        self._session.headers.update({'DD-API-KEY': api_key, 'DD-APPLICATION-KEY': app_key})

    def close(self) -> None:
        self._session.close()

    def listing(self, kind: Kind) -> list[dict[str, Any]]:
        """Returns all dashboards, in short, or the monitors that carry our tag, in full."""
        found: dict[Any, dict[str, Any]] = {}
        page = 0
        while True:
            if kind.name == 'monitor':
                parameters = {'monitor_tags': TAG, 'page': page, 'page_size': PAGE_SIZE}
                entries = self._call(kind, 'GET', parameters=parameters)
            else:
                answer = self._call(kind, 'GET', parameters={'count': PAGE_SIZE, 'start': len(found)})
                entries = answer.get('dashboards') if isinstance(answer, dict) else None
            if not isinstance(entries, list):
                raise Refused(f'the answer is not a list of {kind.folder}')
            new = {
                one['id']: one for one in entries if isinstance(one, dict) and 'id' in one and one['id'] not in found
            }
            # Not "a short page is the last": an endpoint may have a lower limit of its own, or know no pages at all.
            if not new:
                return list(found.values())
            found.update(new)
            page += 1

    def get(self, kind: Kind, key: Any) -> dict[str, Any]:
        return self._entry(kind, self._call(kind, 'GET', key=key))

    def create(self, asset: Asset) -> dict[str, Any]:
        return self._entry(asset.kind, self._call(asset.kind, 'POST', body=asset.body))

    def update(self, kind: Kind, key: Any, body: dict[str, Any]) -> dict[str, Any]:
        return self._entry(kind, self._call(kind, 'PUT', key=key, body=body))

    @staticmethod
    def _entry(kind: Kind, answer: Any) -> dict[str, Any]:
        if not isinstance(answer, dict) or 'id' not in answer:
            raise Refused(f'the answer is not a {kind.name}')
        return answer

    def _call(
        self,
        kind: Kind,
        method: str,
        key: Any = None,
        body: dict[str, Any] | None = None,
        parameters: dict[str, Any] | None = None,
    ) -> Any:
        path = kind.path if key is None else f'{kind.path}/{key}'
        response = self._send(method, path, body, parameters)
        if response.status_code == 429:
            wait = _wait(response)
            if wait > LONGEST_WAIT:
                raise Refused(f'429 too many requests: try again in {wait:.0f} s')
            self._say(f'429 too many requests: waiting {wait:.0f} s')
            time.sleep(wait)
            response = self._send(method, path, body, parameters)
        if not 200 <= response.status_code < 300:
            right = f'{kind.permission}_{"read" if method == "GET" else "write"}'
            raise Refused(_reason(response, right))
        try:
            return response.json()
        except ValueError:
            raise Refused(f'{response.status_code}, but the answer is not JSON: is this the API of Datadog?') from None

    def _send(
        self, method: str, path: str, body: dict[str, Any] | None, parameters: dict[str, Any] | None
    ) -> requests.Response:
        try:
            # Not after a redirect: requests would hand the keys to whatever host it names.
            return self._session.request(
                method, self._url + path, params=parameters, json=body, timeout=TIMEOUT, allow_redirects=False
            )
        except requests.exceptions.SSLError as error:
            raise Refused(
                f'no safe connection to {self._url} (REQUESTS_CA_BUNDLE names your own CA): {error}'
            ) from None
        except requests.exceptions.ProxyError as error:
            raise Refused(f'cannot reach {self._url} through the proxy of the environment: {_cause(error)}') from None
        except requests.exceptions.Timeout:
            raise Refused(f'no answer from {self._url} in time') from None
        except (requests.exceptions.RequestException, OSError) as error:
            raise Refused(f'cannot reach {self._url}: {_cause(error)}') from None


def plan(assets: list[Asset]) -> list[Result]:
    """Returns what is known without keys."""
    return [Result(asset, 'would create or update') for asset in assets]


def push(assets: list[Asset], account: Account, app: str, apply: bool, show: Callable[[Result], None]) -> list[Result]:
    """Creates what is missing and updates what differs, or, without `apply`, only looks.

    Every asset has a result, which is shown at once. What fails does not keep the rest from being tried.
    """
    results = []
    for kind in KINDS:
        chosen = [asset for asset in assets if asset.kind is kind]
        if not chosen:
            continue
        listing, failure = [], ''
        try:
            listing = account.listing(kind)
        except Refused as refusal:
            failure = str(refusal)
        for asset in chosen:
            try:
                result = Result(asset, 'failed', failure) if failure else _push(asset, listing, account, app, apply)
            except Refused as refusal:
                result = Result(asset, 'failed', str(refusal))
            results.append(result)
            show(result)
    return results


def _push(asset: Asset, listing: list[dict[str, Any]], account: Account, app: str, apply: bool) -> Result:
    found = [one for one in listing if asset.is_in(one)]
    if len(found) > 1:
        ids = ', '.join(str(one['id']) for one in found)
        return Result(asset, 'failed', f'there are {len(found)} of them ({ids}): delete or rename all but one')
    if not found:
        twins = sum(one.get(asset.kind.title) == asset.name for one in listing)
        detail = 'another of this name, not made by this command, is left alone' if twins else ''
        if not apply:
            return Result(asset, 'would create', detail)
        return Result(asset, 'created', detail, _link(asset.kind, account.create(asset), app))
    key = found[0]['id']
    stored = account.get(asset.kind, key)
    body = asset.over(stored)
    changed = differences(body, stored)
    if not changed:
        return Result(asset, 'unchanged', '', _link(asset.kind, stored, app))
    detail = f'differs in {", ".join(changed)}'
    if not apply:
        return Result(asset, 'would update', detail, _link(asset.kind, stored, app))
    return Result(asset, 'updated', detail, _link(asset.kind, account.update(asset.kind, key, body), app))


def _link(kind: Kind, stored: dict[str, Any], app: str) -> str:
    return f'{app}/{kind.folder if kind.name == "monitor" else kind.name}/{stored["id"]}'


def _cause(error: BaseException | None) -> str:
    """Returns what the system said, which requests and urllib3 wrap in several layers."""
    text = str(error)
    while error is not None:
        if isinstance(error, OSError) and error.strerror:
            text = error.strerror
        error = error.__cause__ or error.__context__
    return text


def _wait(response: requests.Response) -> float:
    for header in ('X-RateLimit-Reset', 'Retry-After', 'X-RateLimit-Period'):
        try:
            wait = float(response.headers[header])
        except (KeyError, ValueError):
            continue
        if 0 <= wait < float('inf'):
            return wait
    return 1.0


def _reason(response: requests.Response, right: str) -> str:
    status = response.status_code
    answer = _answer(response)
    if status == 401:
        return f'401: the API key is not valid at this site{answer}'
    if status == 403:
        return f'403: the application key lacks {right}, or the keys belong to another site{answer}'
    if status == 429:
        return f'429 too many requests, also after waiting{answer}'
    if 300 <= status < 400:
        return f'{status}: the endpoint wants to send us elsewhere, where the keys do not go'
    if status >= 500:
        return f'{status}: Datadog has a problem, try again later{answer}'
    return f'{status}{answer}'


def _answer(response: requests.Response) -> str:
    try:
        errors = response.json()['errors']
        text = '; '.join(str(one) for one in errors) if isinstance(errors, list) else str(errors)
    except (ValueError, KeyError, TypeError):
        text = response.reason or ''
    text = ''.join(char if char.isprintable() else ' ' for char in text)
    # Only whole words: half a key would not be recognized as one.
    text = textwrap.shorten(text, LONGEST_ANSWER, placeholder='...', break_on_hyphens=False, break_long_words=False)
    return f' ({text})' if text else ''
