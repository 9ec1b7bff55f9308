"""`assets push`: brings the dashboards and monitors into a Datadog account."""

from __future__ import annotations

import argparse
import os
import re
from collections import Counter
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from standalone import assets
from standalone.agent import AGENT
from standalone.command_line import EXIT_FAILED_RUN, EXIT_INTERRUPTED, EXIT_OK, Parser, Refused, say, write
from standalone.terminal import visible

if TYPE_CHECKING:
    from standalone.push import Result

EXAMPLES = """\
examples:
  What would be sent; without keys nothing is looked up:
    python -m standalone assets push
  The same with the two keys in the environment: what is there and what differs, in the EU:
    python -m standalone assets push --site datadoghq.eu
  Create and update, and let all monitors notify a team:
    python -m standalone assets push --site datadoghq.eu --apply --notify @slack-mail-team
  The dashboards only:
    python -m standalone assets push --apply --only dashboards

environment:
  DD_API_KEY and DD_APP_KEY are the keys; the application key needs dashboards_read, dashboards_write, monitors_read
  and monitors_write. HTTPS_PROXY, NO_PROXY and REQUESTS_CA_BUNDLE work as usual.

exit codes:
  0 all went well, 1 at least one dashboard or monitor failed, 2 wrong usage, 130 interrupted
"""
KEY_VARIABLES = ('DD_API_KEY', 'DD_APP_KEY')
OUTCOME_WIDTH = 12


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command and its arguments."""
    summary = 'bring the dashboards and monitors into a Datadog account'
    group = commands.add_parser('assets', help=summary, description='What to do with the dashboards and monitors.')
    push = group.add_subparsers(dest='action', metavar='ACTION', required=True).add_parser(
        'push',
        help=summary,
        description='Creates the dashboards and monitors in a Datadog account and updates those that differ.\n'
        'Ours are dashboards of that title that this command made, and monitors of that name with the tag\n'
        f'{assets.TAG}. Everything else is left alone, and nothing is ever deleted.\n'
        'Without --apply it only says what it would do.',
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    # The error messages of all commands use the last two.
    push.set_defaults(perform=perform, log_level='warning', format='text')
    option = push.add_argument
    site_help = 'the Datadog site of the account, such as datadoghq.eu (default: datadoghq.com)'
    option('--site', default='datadoghq.com', metavar='SITE', help=site_help)
    url_help = 'another endpoint of the API, such as a proxy; links still go to the site'
    option('--url', type=_endpoint, help=url_help)
    option('--apply', action='store_true', help='create and update (default: only say what would be done)')
    option('--only', choices=[kind.folder for kind in assets.KINDS], help='leave the others out')
    notify_help = 'whom all monitors notify; may be given more than once (default: whom they notify already)'
    option('--notify', type=_handle, action='append', default=[], metavar='@HANDLE', help=notify_help)


def perform(options: argparse.Namespace) -> int:
    """Create and update, or say what would be done. Returns the exit code."""
    try:
        # Not at the top: `check` does not need it.
        from standalone import push
    except ImportError as error:
        raise Refused(f'cannot import the HTTP client: {error}') from error

    if options.site not in push.SITES:
        raise Refused(f'--site {options.site} is not one of {", ".join(push.SITES)}')
    if options.notify and options.only == assets.DASHBOARD.folder:
        raise Refused('--notify is for monitors, and --only dashboards leaves them out')
    api_key, app_key = _keys(required=options.apply)
    kinds = tuple(kind for kind in assets.KINDS if options.only in (None, kind.folder))
    try:
        selected = assets.read(kinds, options.notify)
    except assets.InvalidAsset as error:
        raise Refused(str(error)) from None
    if api_key and app_key:
        account = push.Account(options.site, (api_key, app_key), say, options.url)
        try:
            results = push.push(selected, account, options.apply, _show)
        except KeyboardInterrupt:
            say('interrupted: what is done is done, the next run goes on from there')
            return EXIT_INTERRUPTED
        finally:
            account.close()
    else:
        results = push.plan(selected)
        for result in results:
            _show(result)
    outcomes = Counter(result.outcome for result in results)
    summary = ', '.join(f'{count} {outcome}' for outcome, count in outcomes.items())
    if not options.apply:
        summary += '. Nothing was changed: add --apply'
    missing = [name for name, key in zip(KEY_VARIABLES, (api_key, app_key), strict=True) if not key]
    if missing:
        summary += f'; set {" and ".join(missing)} to see what is there'
    write(AGENT.redactor(summary))
    return EXIT_FAILED_RUN if outcomes['failed'] else EXIT_OK


def _keys(required: bool) -> list[str]:
    keys = [os.environ.get(name, '').strip() for name in KEY_VARIABLES]
    AGENT.redactor.learn({'secrets': keys})
    for name, key in zip(KEY_VARIABLES, keys, strict=True):
        if not key and required:
            raise Refused(f'{name} is not set: --apply needs {" and ".join(KEY_VARIABLES)} in the environment')
        if key and not re.fullmatch(r'[!-~]+', key):
            raise Refused(f'{name} has characters that no key has')
    return keys


def _show(result: Result) -> None:
    columns = f'{result.asset.kind.name:<9}  {result.outcome:<{OUTCOME_WIDTH}}  {result.asset.name}'
    write(visible(AGENT.redactor(' | '.join(filter(None, (columns, result.detail, result.url))))))


def _endpoint(value: str) -> str:
    try:
        url = urlsplit(value)
        valid = url.scheme in ('http', 'https') and url.hostname and url.port != 0
        safe = url.scheme == 'https' or _is_loopback(url.hostname or '')
    except ValueError:
        valid = False
    if not valid or '@' in url.netloc or url.query or url.fragment:
        # The value is not repeated: it may hold a password.
        raise argparse.ArgumentTypeError('must be like https://host:port/path, without user and query')
    if not safe:
        raise argparse.ArgumentTypeError(
            'must begin with https://: the keys are sent there (http:// only to this machine)'
        )
    return value.rstrip('/')


def _is_loopback(host: str) -> bool:
    """Returns whether a host is this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == 'localhost'


def _handle(value: str) -> str:
    if not assets.HANDLE.fullmatch(value):
        raise argparse.ArgumentTypeError(f'{value!r} is not a handle like @team-mail')
    return value
