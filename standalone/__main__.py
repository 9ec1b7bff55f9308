"""The command line: `python -m standalone check`, `diagnose`, `policy`, `plan` and `assets push`."""

from __future__ import annotations

import argparse
import logging
import os
import re
import sys
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack, closing
from io import TextIOWrapper
from ipaddress import ip_address
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import urlsplit

from standalone import assets, declarations, plan_arguments
from standalone.agent import AGENT
from standalone.formats import json, nagios, openmetrics, text
from standalone.interruption import Interruption
from standalone.report import Report
from standalone.state import State, StateError
from standalone.terminal import visible

if TYPE_CHECKING:
    from standalone.conf import Configuration
    from standalone.host import Host
    from standalone.push import Result

PROGRAM = 'python -m standalone'
FORMATS = ('text', 'json', 'openmetrics', 'nagios')
LOG_LEVELS = ('debug', 'info', 'warning', 'error', 'critical')
EXIT_OK, EXIT_FAILED_RUN, EXIT_MISCONFIGURED, EXIT_INTERRUPTED = 0, 1, 2, 130

EXAMPLES = """\
examples:
  One run, as `agent check amazon_ses` prints it:
    python -m standalone check --config conf.yaml
  Two runs half a minute apart, as JSON:
    python -m standalone check --config conf.yaml --runs 2 --pause 30 --format json
  For Prometheus, from cron each minute, with counters that go on:
    python -m standalone check --config conf.yaml --state ses.state --format openmetrics > ses.prom
  As a Nagios plug-in:
    python -m standalone check --config conf.yaml --state ses.state --format nagios
  What does not work and what to do about it, as `agent diagnose` says it; and the IAM policy for these options:
    python -m standalone diagnose --config conf.yaml
    python -m standalone policy --config conf.yaml > policy.json
  The instances for a list of accounts, and what they will cost:
    python -m standalone plan --help
  Dashboards and monitors into a Datadog account:
    python -m standalone assets push --help

environment:
  DD_HOSTNAME is the host name of all samples that have none, unless `empty_default_hostname` is set

exit codes:
  0 all went well, 1 a run or a diagnosis failed, 2 wrong configuration or usage, 130 interrupted;
  with --format nagios 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN, wrong configuration or usage
"""

PUSH_EXAMPLES = """\
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
MOST_KEYS = 10
LONGEST_ARGUMENT = 100
LONGEST_PAUSE = 1e9


class _Parser(argparse.ArgumentParser):
    """A parser whose errors are of the chosen format, as far as it can be recognized in wrong arguments."""

    arguments: Sequence[str] = ()

    def error(self, message: str) -> NoReturn:
        message = visible(message)
        if _is_for_nagios(_Parser.arguments):
            _write(nagios.status_line(nagios.UNKNOWN, f'{message}; {self.prog} --help says more'))
            sys.exit(nagios.UNKNOWN)
        super().error(message)


class _Refused(Exception):
    """The options or the configuration cannot be used. The text is one line for the user."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code."""
    parser = _parser()
    _Parser.arguments = sys.argv[1:] if arguments is None else arguments
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return EXIT_MISCONFIGURED
    AGENT.set_log_level(getattr(logging, options.log_level.upper()))
    threading.excepthook = _log_thread_failure
    try:
        return COMMANDS[options.command](options)
    except BrokenPipeError:
        # The reader is gone. Without this Python would print an error when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED_RUN
    except _Refused as refusal:
        return _refuse(options, str(refusal), EXIT_MISCONFIGURED)
    except Exception as error:
        if AGENT.verbose:
            logging.getLogger(__name__).exception('This is a defect of the program')
        return _refuse(options, f'unexpected {type(error).__name__}: {error}', EXIT_FAILED_RUN)


def _is_for_nagios(arguments: Sequence[str]) -> bool:
    pairs = zip(('', *arguments), arguments, strict=False)
    return any(
        argument.startswith('--f') and argument.endswith('=nagios') or (name.startswith('--f') and argument == 'nagios')
        for name, argument in pairs
    )


def _parser() -> argparse.ArgumentParser:
    shape = argparse.RawDescriptionHelpFormatter
    parser = _Parser(
        prog=PROGRAM,
        description='Runs the Amazon SES check without a Datadog Agent, and brings its dashboards into an account.',
        epilog=EXAMPLES,
        formatter_class=shape,
    )
    commands = parser.add_subparsers(dest='command', metavar='COMMAND')
    check = commands.add_parser(
        'check',
        help='run all instances of a configuration file and print what they submit',
        description='Runs all instances of a configuration file and prints what they submit.',
        epilog=EXAMPLES,
        formatter_class=shape,
    )
    option = check.add_argument
    option('--config', required=True, type=Path, metavar='FILE', help="the configuration, as in the Agent's conf.yaml")
    option('--runs', type=_runs, default=1, metavar='N', help='how often to run before printing (default: 1)')
    pause_help = 'how long to wait between runs (default: 60)'
    option('--pause', type=_seconds, default=60.0, metavar='SECONDS', help=pause_help)
    format_help = (
        'text and json as the Agent prints them, openmetrics for Prometheus, '
        'nagios for a status line with performance figures (default: text)'
    )
    option('--format', choices=FORMATS, default='text', help=format_help)
    state_help = (
        'keep here what has been counted, so that the next process goes on from there; created when missing '
        '(default: in memory)'
    )
    option('--state', type=Path, metavar='FILE', help=state_help)
    events_help = 'read the queues of event_queues too, which deletes what is read; needs --state'
    option('--receive-events', action='store_true', help=events_help)
    level_help = 'what to log on stderr; debug adds tracebacks (default: warning)'
    option('--log-level', choices=LOG_LEVELS, default='warning', type=str.lower, help=level_help)
    _add_plan(commands)
    _add_diagnose(commands)
    _add_push(commands)
    return parser


def _add_plan(commands: argparse._SubParsersAction[_Parser]) -> None:
    summary = 'write the instances for a list of accounts, and say what they will cost'
    plan = commands.add_parser(
        'plan',
        help=summary,
        description='Writes the instances for a list of accounts and says, before anything is switched on, what they\n'
        'will cost: calls of AWS, billed CloudWatch metrics, dollars, contexts, and how many Agents they need.',
        epilog=plan_arguments.EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    # The error messages of all commands use these two.
    plan.set_defaults(log_level='warning', format='text')
    plan_arguments.add(plan)


def _add_diagnose(commands: argparse._SubParsersAction[_Parser]) -> None:
    diagnose = commands.add_parser(
        'diagnose',
        help='say what works, what does not, and what to do about it',
        description='Says of each instance whether credentials, clock, endpoints, Regions, permissions, discovery and\n'
        'state are as they should be, and what to do where they are not. It asks SES at most once a second, so\n'
        'it takes about 75 seconds. It changes nothing, receives nothing from queues, and may run beside a check.',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    policy = commands.add_parser(
        'policy',
        help='print the IAM policy that the options need',
        description='Prints the IAM policy that the options of all instances need together. AWS is not asked.',
    )
    config_help = "the configuration, as in the Agent's conf.yaml"
    for command in diagnose, policy:
        command.add_argument('--config', required=True, type=Path, metavar='FILE', help=config_help)
        command.set_defaults(log_level='error', state=None)
    state_help = 'the state of `check`, which is only read, and may be in use (default: none)'
    diagnose.add_argument('--state', type=Path, metavar='FILE', help=state_help)
    diagnose.add_argument('--format', choices=('text', 'json'), default='text', help='(default: text)')
    policy.set_defaults(format='text')


def _add_push(commands: argparse._SubParsersAction[_Parser]) -> None:
    summary = 'bring the dashboards and monitors into a Datadog account'
    group = commands.add_parser('assets', help=summary, description='What to do with the dashboards and monitors.')
    push = group.add_subparsers(dest='action', metavar='ACTION', required=True).add_parser(
        'push',
        help=summary,
        description='Creates the dashboards and monitors in a Datadog account and updates those that differ.\n'
        'Ours are dashboards of that title that this command made, and monitors of that name with the tag\n'
        f'{assets.TAG}. Everything else is left alone, and nothing is ever deleted.\n'
        'Without --apply it only says what it would do.',
        epilog=PUSH_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    # The error messages of all commands use these two.
    push.set_defaults(log_level='warning', format='text')
    option = push.add_argument
    site_help = 'the Datadog site of the account, such as datadoghq.eu (default: datadoghq.com)'
    option('--site', default='datadoghq.com', metavar='SITE', help=site_help)
    url_help = 'another endpoint of the API, such as a proxy; links still go to the site'
    option('--url', type=_endpoint, help=url_help)
    option('--apply', action='store_true', help='create and update (default: only say what would be done)')
    option('--only', choices=[kind.folder for kind in assets.KINDS], help='leave the others out')
    notify_help = 'whom all monitors notify; may be given more than once (default: whom they notify already)'
    option('--notify', type=_handle, action='append', default=[], metavar='@HANDLE', help=notify_help)


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


def _runs(value: str) -> int:
    if not re.fullmatch(r'0*[1-9][0-9]{0,8}', value, re.ASCII):
        raise argparse.ArgumentTypeError(f'{value[:LONGEST_ARGUMENT]!r} is not a whole number from 1 on')
    return int(value)


def _seconds(value: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = -1.0
    if not 0 <= number < LONGEST_PAUSE:
        raise argparse.ArgumentTypeError(f'{value[:LONGEST_ARGUMENT]!r} is not a number of seconds from 0 on')
    return number


def _push(options: argparse.Namespace) -> int:
    try:
        # Not at the top: `check` does not need it.
        from standalone import push
    except ImportError as error:
        raise _Refused(f'cannot import the HTTP client: {error}') from error

    if options.site not in push.SITES:
        raise _Refused(f'--site {options.site} is not one of {", ".join(push.SITES)}')
    if options.notify and options.only == assets.DASHBOARD.folder:
        raise _Refused('--notify is for monitors, and --only dashboards leaves them out')
    api_key, app_key = _keys(required=options.apply)
    kinds = tuple(kind for kind in assets.KINDS if options.only in (None, kind.folder))
    try:
        selected = assets.read(kinds, options.notify)
    except assets.InvalidAsset as error:
        raise _Refused(str(error)) from None
    if api_key and app_key:
        account = push.Account(options.site, (api_key, app_key), _say, options.url)
        try:
            results = push.push(selected, account, options.apply, _show)
        except KeyboardInterrupt:
            _say('interrupted: what is done is done, the next run goes on from there')
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
    _write(AGENT.redactor(summary))
    return EXIT_FAILED_RUN if outcomes['failed'] else EXIT_OK


def _plan(options: argparse.Namespace) -> int:
    # Not at the top: the log level must be set before the check is imported.
    from standalone import accounts, conf, plan

    try:
        listed = accounts.read(options.accounts, plan_arguments.defaults(options))
        fleet = plan.make(listed, options.name_tag, options.agents)
        files = plan.files(fleet, options.cluster_check) if options.output else {}
        paths = plan.write(files, options.output, options.replace) if options.output else []
    except (accounts.InvalidList, conf.InvalidFile) as error:
        raise _Refused(str(error)) from None
    except FileExistsError as error:
        raise _Refused(f'{error} is there already: --replace overwrites it') from None
    except OSError as error:
        raise _Refused(f'cannot write {error.filename}: {error.strerror}') from None
    if options.json:
        _write(plan.as_json(fleet, paths))
    else:
        _write('\n'.join([*plan.lines(fleet), *(f'wrote {path}' for path in paths)]))
    return EXIT_OK


def _keys(required: bool) -> list[str]:
    keys = [os.environ.get(name, '').strip() for name in KEY_VARIABLES]
    AGENT.redactor.learn({'secrets': keys})
    for name, key in zip(KEY_VARIABLES, keys, strict=True):
        if not key and required:
            raise _Refused(f'{name} is not set: --apply needs {" and ".join(KEY_VARIABLES)} in the environment')
        if key and not re.fullmatch(r'[!-~]+', key):
            raise _Refused(f'{name} has characters that no key has')
    return keys


def _show(result: Result) -> None:
    columns = f'{result.asset.kind.name:<9}  {result.outcome:<{OUTCOME_WIDTH}}  {result.asset.name}'
    _write(visible(AGENT.redactor(' | '.join(filter(None, (columns, result.detail, result.url))))))


def _configuration(path: Path) -> Configuration:
    """Reads a configuration file, whose secrets are masked from now on. Raises _Refused."""
    # Not at the top: `assets` needs no YAML.
    from standalone import conf

    try:
        configuration = conf.read(path)
    except conf.InvalidFile as error:
        raise _Refused(str(error)) from None
    AGENT.redactor.learn([configuration.init_config, configuration.instances])
    if configuration.unread:
        keys = ', '.join(f'`{key}`' for key in configuration.unread[:MOST_KEYS])
        _say(f'{configuration.path}: {keys} at the top level has no effect: options are indented below `instances`')
    return configuration


def _diagnose(options: argparse.Namespace) -> int:
    # Not at the top: the log level must be set before the check is imported.
    from standalone import diagnose

    configuration = _configuration(options.config)
    try:
        state = State.snapshot(options.state) if options.state else State()
    except StateError as error:
        raise _Refused(str(error)) from None
    with ExitStack() as cleanup:
        hosts = _hosts(configuration, state, cleanup, receives_events=False)
        names = [f'instance {number} ({host.check_id})' for number, host in enumerate(hosts, 1)]
        instances = diagnose.diagnose(hosts)
    render = diagnose.render_json if options.format == 'json' else diagnose.render
    _write(render(instances, names))
    return EXIT_FAILED_RUN if diagnose.has_failed(instances) else EXIT_OK


def _policy(options: argparse.Namespace) -> int:
    configuration = _configuration(options.config)
    with ExitStack() as cleanup:
        hosts = _hosts(configuration, State(), cleanup, receives_events=False)
        # Not at the top: the log level must be set before the check is imported.
        from standalone import policy

        for hint in policy.hints(hosts):
            _say(hint)
        _write(policy.policy(hosts).rstrip())
    return EXIT_OK


def _check(options: argparse.Namespace) -> int:
    if options.receive_events and not options.state:
        raise _Refused('--receive-events needs --state: what is read is deleted, and has to be remembered')
    interruption = Interruption()
    interruption.listen()
    configuration = _configuration(options.config)
    try:
        state = State.open(options.state, report=_say) if options.state else State()
    except StateError as error:
        raise _Refused(str(error)) from None
    with closing(state):
        reports, misconfigured = _run(options, configuration, state, interruption)
        # Amounts of earlier runs are saved as submitted, so they are printed in any case. Nagios has a single line.
        if not misconfigured or (options.format != 'nagios' and any(report.runs for report in reports)):
            code = _print(options, reports, state)
        if misconfigured:
            raise _Refused(misconfigured)
    return EXIT_INTERRUPTED if interruption else code


def _run(
    options: argparse.Namespace, configuration: Configuration, state: State, interruption: Interruption
) -> tuple[list[Report], str]:
    """Returns the reports, and the defect of the configuration if a run revealed any."""
    with ExitStack() as cleanup:
        hosts = _hosts(configuration, state, cleanup, options.receive_events)
        reports = [Report(host.check_id, host.version, host.source, host.instance) for host in hosts]
        for run_number in range(1, options.runs + 1):
            if run_number > 1:
                interruption.sleep(options.pause)
            for number, (host, report) in enumerate(zip(hosts, reports, strict=True), 1):
                if interruption:
                    return reports, ''
                run = host.run()
                if run.misconfigured:
                    return reports, f'{configuration.path}: instance {number}: {run.error}'
                report.add(run)
                report.metadata = host.metadata
                if run.error is not None:
                    _say(f'{report.check_id}: run {run_number} failed: {run.error}')
                if options.runs > 1:
                    _say(
                        f'{report.check_id}: run {run_number} of {options.runs}: {run.status_name}, '
                        f'{len(run.metrics)} samples, {len(run.service_checks)} statuses, {run.duration:.1f} s'
                    )
        return reports, ''


def _hosts(configuration: Configuration, state: State, cleanup: ExitStack, receives_events: bool) -> list[Host]:
    """Returns a host for each instance, all of them initialized; `cleanup` closes them."""
    try:
        # Not at the top: the log level must be set before the check is imported.
        from standalone.host import ConfigurationError, Host
    except ImportError as error:
        raise _Refused(f'cannot import the check: {error}') from error

    hosts = []
    for number, instance in enumerate(configuration.instances, 1):
        try:
            source = str(configuration.path.absolute())
            host = Host(instance, configuration.init_config, state, source=source, receives_events=receives_events)
            hosts.append(cleanup.enter_context(host))
            host.initialize()
        except ConfigurationError as error:
            raise _Refused(f'{configuration.path}: instance {number}: {error}') from None
    return hosts


def _print(options: argparse.Namespace, reports: list[Report], state: State) -> int:
    code = EXIT_FAILED_RUN if any(report.errors for report in reports) else EXIT_OK
    if options.format == 'json':
        output = json.render(reports, AGENT.verbose)
    elif options.format == 'openmetrics':
        output = openmetrics.render(reports, state.counters, declarations.read())
    elif options.format == 'nagios':
        output, code = nagios.render(reports, declarations.read())
    else:
        output = text.render(reports, AGENT.verbose, coloured=sys.stdout.isatty() and 'NO_COLOR' not in os.environ)
    _write(output)
    return code


def _write(output: str) -> None:
    # UTF-8 in any locale: cron sets none, and OpenMetrics and JSON require UTF-8.
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding='utf-8', errors='replace')
    print(output, flush=True)


def _say(line: str) -> None:
    print(f'standalone: {visible(" ".join(AGENT.redactor(line).split()))}', file=sys.stderr, flush=True)


def _refuse(options: argparse.Namespace, reason: str, code: int) -> int:
    if options.format == 'nagios':
        _write(nagios.status_line(nagios.UNKNOWN, AGENT.redactor(reason)))
        return nagios.UNKNOWN
    _say(reason)
    return code


def _log_thread_failure(failure: threading.ExceptHookArgs) -> None:
    logging.getLogger(__name__).error(
        'A thread ended with %s',
        failure.exc_type.__name__,
        exc_info=(failure.exc_type, failure.exc_value or failure.exc_type(), failure.exc_traceback),
    )


COMMANDS = {'assets': _push, 'check': _check, 'diagnose': _diagnose, 'plan': _plan, 'policy': _policy}
"""The commands by name."""

if __name__ == '__main__':
    sys.exit(main())
