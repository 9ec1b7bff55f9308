"""The option `event_queues`: queues of the operator from which failure events are read."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from urllib.parse import urlsplit

from datadog_checks.amazon_ses.configuration.options import REGION, SettingsError, has_form, refused
from datadog_checks.amazon_ses.configuration.quotes import quoted
from datadog_checks.amazon_ses.events.queues import MOST_QUEUES, EventQueue

QUEUE_URL = re.compile(r'https?://[A-Za-z0-9.:\[\]-]{1,255}/[0-9]{12}/[A-Za-z0-9_-]{1,80}')
REGION_IN_HOST = re.compile(r'(?:^|[.])([a-z]{2,}(?:-[a-z]+)+-\d+)(?=[.])')

MEMBERS = ('url', 'region', 'other_accounts')
COUNT, IGNORE = 'count', 'ignore'

URL_FORM = 'the URL of a standard queue, such as https://sqs.us-east-1.amazonaws.com/123456789012/datadog-ses-events'
FORM = (
    'a list of maps with `url`, where needed `region`, and `other_accounts` (count or ignore), for example '
    '[{url: https://sqs.us-east-1.amazonaws.com/123456789012/datadog-ses-events}]'
)
MOST_ENTRIES = 200


def parse_event_queues(entries: object, regions: Sequence[str]) -> tuple[EventQueue, ...]:
    """The queues that the option names. `regions` are those of the instance, none for all. Raises SettingsError."""
    if entries is None:
        return ()
    if not isinstance(entries, (list, tuple)) or len(entries) > MOST_ENTRIES:
        raise refused('event_queues', quoted(entries), FORM)
    queues = tuple(_queue(entry, regions) for entry in entries)
    urls, places = Counter(queue.url for queue in queues), Counter(queue.region for queue in queues)
    for url, times in urls.items():
        if times > 1:
            raise refused('event_queues', quoted(url), 'each queue once', ', because it is named twice')
    for region, number in places.items():
        if number > MOST_QUEUES:
            raise refused('event_queues', f'{number} queues in {region}', f'at most {MOST_QUEUES} in each Region')
    return queues


def _queue(entry: object, regions: Sequence[str]) -> EventQueue:
    if not isinstance(entry, Mapping) or not set(entry) <= set(MEMBERS):
        raise refused('event_queues', quoted(entry), FORM)
    url, accounts = entry.get('url'), entry.get('other_accounts', COUNT)
    if not isinstance(url, str) or not has_form(url, QUEUE_URL):
        raise refused('event_queues', f'url: {quoted(url)}', URL_FORM)
    if accounts not in (COUNT, IGNORE):
        raise refused('event_queues', f'other_accounts: {quoted(accounts)}', f'{COUNT} or {IGNORE}')
    return EventQueue(url, _region(entry.get('region'), url, regions), url.rpartition('/')[2], accounts == IGNORE)


def _region(region: object, url: str, regions: Sequence[str]) -> str:
    """The Region of a queue: that of the option, or of the URL, or the only one of the instance."""
    match = REGION_IN_HOST.search(urlsplit(url).hostname or '')
    if region is None:
        region = match[1] if match else regions[0] if len(regions) == 1 else None
    if region is None:
        raise SettingsError(
            f'Option `event_queues`: {quoted(url)} names no Region. Accepted: `region` beside `url`, for example '
            'us-east-1.'
        )
    if not isinstance(region, str) or not has_form(region, REGION) or (regions and region not in regions):
        accepted = f'one of the Regions of this instance: {", ".join(regions)}' if regions else 'a name like us-east-1'
        raise refused('event_queues', f'region: {quoted(region)}', accepted)
    return region
