"""Brings the dashboards and monitors into a Datadog account: `python -m standalone assets push`."""

from __future__ import annotations

import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import requests

from standalone.assets import KINDS, MONITOR, TAG, Asset, Kind, differences

SITES = (
    *('datadoghq.com', 'us3.datadoghq.com', 'us5.datadoghq.com', 'datadoghq.eu', 'ap1.datadoghq.com'),
    *('ap2.datadoghq.com', 'uk1.datadoghq.com', 'ddog-gov.com', 'us2.ddog-gov.com'),
)
TIMEOUT = (10, 60)
"""Seconds to connect, and seconds between two parts of an answer."""

PAGE_SIZE = 100
MAX_PAGES = 1000
"""Pages of a listing, of which more would have no end."""

LONGEST_WAIT = 120.0
LONGEST_REASON = 300


class Refused(Exception):
    """Datadog refused a request, or cannot be reached. The text is one line for the user."""


@dataclass(frozen=True)
class Result:
    """The outcome for one asset. `url` shows it in Datadog, and is empty where it is not there."""

    asset: Asset
    outcome: str
    detail: str = ''
    url: str = ''


class Account:
    """A Datadog account by its API. `app` is the address of its pages. All methods raise Refused.

    `url` replaces the endpoint of the site. Proxies and certificates come from the environment, as `requests` reads it.
    """

    def __init__(self, site: str, keys: tuple[str, str], say: Callable[[str], None], url: str | None = None) -> None:
        self.app = f'https://app.{site}' if site.count('.') == 1 else f'https://{site}'
        self._url = url or f'https://api.{site}'
        self._say = say
        self._session = requests.Session()
        self._session.headers.update(zip(('DD-API-KEY', 'DD-APPLICATION-KEY'), keys, strict=True))

    def close(self) -> None:
        self._session.close()

    def listing(self, kind: Kind) -> list[dict[str, Any]]:
        """Returns all dashboards, in short, or the monitors that carry our tag, in full."""
        listed: dict[Any, dict[str, Any]] = {}
        for page in range(MAX_PAGES):
            if kind is MONITOR:
                summaries = self._call(kind, 'GET', params={'monitor_tags': TAG, 'page': page, 'page_size': PAGE_SIZE})
            else:
                answer = self._call(kind, 'GET', params={'count': PAGE_SIZE, 'start': len(listed)})
                summaries = answer.get('dashboards') if isinstance(answer, dict) else None
            if not isinstance(summaries, list):
                raise Refused(f'the answer is not a list of {kind.folder}')
            summaries = [summary for summary in summaries if isinstance(summary, dict) and 'id' in summary]
            new = {summary['id']: summary for summary in summaries if summary['id'] not in listed}
            # Only a page without new assets is the last: an endpoint may have a lower limit, or no pages at all.
            if not new:
                return list(listed.values())
            listed |= new
        raise Refused(f'the list of {kind.folder} has no end')

    def request(self, kind: Kind, method: str, key: Any = None, body: dict[str, Any] | None = None) -> dict[str, Any]:
        """Reads (GET), creates (POST) or updates (PUT) a dashboard or monitor, and returns it."""
        answer = self._call(kind, method, key, json=body)
        if not isinstance(answer, dict) or 'id' not in answer:
            raise Refused(f'the answer is not a {kind.name}')
        return answer

    def _call(self, kind: Kind, method: str, key: Any = None, **content: Any) -> Any:
        path = kind.path if key is None else f'{kind.path}/{key}'
        response = self._send(method, path, **content)
        if response.status_code == 429:
            wait = _wait(response)
            if wait > LONGEST_WAIT:
                raise Refused(f'429 too many requests: try again in {wait:.0f} s')
            self._say(f'429 too many requests: waiting {wait:.0f} s')
            time.sleep(wait)
            response = self._send(method, path, **content)
        if not 200 <= response.status_code < 300:
            raise Refused(_refusal(response, f'{kind.permission}_{"read" if method == "GET" else "write"}'))
        try:
            return response.json()
        except ValueError:
            raise Refused(f'{response.status_code}, but the answer is not JSON: is this the API of Datadog?') from None

    def _send(self, method: str, path: str, **content: Any) -> requests.Response:
        try:
            # Redirects are not followed: requests would send the keys to any host.
            return self._session.request(method, self._url + path, timeout=TIMEOUT, allow_redirects=False, **content)
        except requests.exceptions.SSLError as error:
            problem = f'no safe connection to {self._url} (REQUESTS_CA_BUNDLE names your own CA): {error}'
        except requests.exceptions.ProxyError as error:
            problem = f'cannot reach {self._url} through the proxy of the environment: {_cause(error)}'
        except requests.exceptions.Timeout:
            problem = f'no answer from {self._url} in time'
        except (requests.exceptions.RequestException, OSError) as error:
            problem = f'cannot reach {self._url}: {_cause(error)}'
        raise Refused(problem)


def plan(assets: list[Asset]) -> list[Result]:
    """Returns the outcomes as far as they are certain without keys."""
    return [Result(asset, 'would create or update') for asset in assets]


def push(assets: list[Asset], account: Account, apply: bool, show: Callable[[Result], None]) -> list[Result]:
    """Creates missing assets and updates different ones, or, without `apply`, only compares them.

    Each result is shown at once. After a failure the other assets are still tried.
    """
    results = []
    for kind in KINDS:
        selected = [asset for asset in assets if asset.kind is kind]
        listing, failure = [], ''
        try:
            listing = account.listing(kind) if selected else []
        except Refused as refusal:
            failure = str(refusal)
        for asset in selected:
            try:
                result = Result(asset, 'failed', failure) if failure else _push(asset, listing, account, apply)
            except Refused as refusal:
                result = Result(asset, 'failed', str(refusal))
            results.append(result)
            show(result)
    return results


def _push(asset: Asset, listing: list[dict[str, Any]], account: Account, apply: bool) -> Result:
    kind = asset.kind
    matches = [summary for summary in listing if asset.matches(summary)]
    if len(matches) > 1:
        ids = ', '.join(str(summary['id']) for summary in matches)
        return Result(asset, 'failed', f'there are {len(matches)} of them ({ids}): delete or rename all but one')
    if not matches:
        twin = any(summary.get(kind.title) == asset.name for summary in listing)
        detail = 'another of this name, not made by this command, is left alone' if twin else ''
        if not apply:
            return Result(asset, 'would create', detail)
        return Result(asset, 'created', detail, _link(kind, account.request(kind, 'POST', body=asset.body), account))
    key = matches[0]['id']
    stored = account.request(kind, 'GET', key)
    body = asset.merged(stored)
    changed = differences(body, stored)
    detail = f'differs in {", ".join(changed)}' if changed else ''
    outcome = 'unchanged' if not changed else 'updated' if apply else 'would update'
    if outcome == 'updated':
        stored = account.request(kind, 'PUT', key, body)
    return Result(asset, outcome, detail, _link(kind, stored, account))


def _link(kind: Kind, stored: dict[str, Any], account: Account) -> str:
    return f'{account.app}/{kind.folder if kind is MONITOR else kind.name}/{stored["id"]}'


def _cause(error: BaseException | None) -> str:
    """Returns the message of the system, which requests and urllib3 wrap in several layers."""
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


def _refusal(response: requests.Response, permission: str) -> str:
    status = response.status_code
    reason = _reason(response)
    if status == 401:
        return f'401: the API key is not valid at this site{reason}'
    if status == 403:
        return f'403: the application key lacks {permission}, or the keys belong to another site{reason}'
    if status == 429:
        return f'429 too many requests, also after waiting{reason}'
    if 300 <= status < 400:
        return f'{status}: the endpoint wants to send us elsewhere, where the keys do not go'
    if status >= 500:
        return f'{status}: Datadog has a problem, try again later{reason}'
    return f'{status}{reason}'


def _reason(response: requests.Response) -> str:
    try:
        errors = response.json()['errors']
        text = '; '.join(map(str, errors)) if isinstance(errors, list) else str(errors)
    except (ValueError, KeyError, TypeError):
        text = response.reason or ''
    text = ''.join(char if char.isprintable() else ' ' for char in text)
    # Whole words only: the redactor would not recognize a part of a key.
    text = textwrap.shorten(text, LONGEST_REASON, placeholder='...', break_on_hyphens=False, break_long_words=False)
    return f' ({text})' if text else ''
