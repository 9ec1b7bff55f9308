"""The command line: `python -m standalone check --config FILE`."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from standalone import conf, declarations
from standalone.agent import AGENT
from standalone.formats import json, nagios, openmetrics, text
from standalone.interruption import Interruption
from standalone.report import Report
from standalone.state import State, StateError

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

environment:
  DD_HOSTNAME is the host name of all samples that have none, unless `empty_default_hostname` is set

exit codes:
  0 all runs went well, 1 a run failed, 2 wrong configuration or usage, 130 interrupted;
  with --format nagios 0 OK, 1 WARNING, 2 CRITICAL, 3 UNKNOWN or wrong configuration
"""


class _Refused(Exception):
    """The program cannot do what it was asked to. The text is one line for the user."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return EXIT_MISCONFIGURED
    AGENT.set_log_level(getattr(logging, options.log_level.upper()))
    threading.excepthook = _log_thread_failure
    interruption = Interruption()
    interruption.listen()
    try:
        return _check(options, interruption)
    except BrokenPipeError:
        # The reader has gone. Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED_RUN
    except _Refused as refusal:
        return _refuse(options, str(refusal), EXIT_MISCONFIGURED)
    except Exception as error:
        if AGENT.verbose:
            logging.getLogger(__name__).exception('This is a defect of the program')
        return _refuse(options, f'unexpected {type(error).__name__}: {error}', EXIT_FAILED_RUN)


def _parser() -> argparse.ArgumentParser:
    shape = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser(
        prog=PROGRAM,
        description='Runs the Amazon SES check without a Datadog Agent.',
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
    check.add_argument(
        '--config', required=True, type=Path, metavar='FILE', help="the configuration, as in the Agent's conf.yaml"
    )
    check.add_argument(
        '--runs', type=_positive, default=1, metavar='N', help='how often to run before printing (default: 1)'
    )
    check.add_argument(
        '--pause', type=_seconds, default=60.0, metavar='SECONDS', help='how long to wait between runs (default: 60)'
    )
    check.add_argument(
        '--format',
        choices=FORMATS,
        default='text',
        help='text and json as the Agent prints them, openmetrics for Prometheus, '
        'nagios for a status line with performance figures (default: text)',
    )
    check.add_argument(
        '--state',
        type=Path,
        metavar='FILE',
        help='keep here what has been counted, so that the next process goes on from there; created when missing '
        '(default: in memory)',
    )
    check.add_argument(
        '--log-level',
        choices=LOG_LEVELS,
        default='warning',
        type=str.lower,
        help='what to log on stderr; debug adds tracebacks (default: warning)',
    )
    return parser


def _positive(value: str) -> int:
    number = int(value)
    if number < 1:
        raise ValueError
    return number


def _seconds(value: str) -> float:
    number = float(value)
    if not 0 <= number < float('inf'):
        raise ValueError
    return number


def _check(options: argparse.Namespace, interruption: Interruption) -> int:
    try:
        configuration = conf.read(options.config)
    except conf.InvalidFile as error:
        raise _Refused(str(error)) from None
    AGENT.redactor.learn([configuration.init_config, configuration.instances])
    try:
        state = State.open(options.state, report=_say) if options.state else State()
    except StateError as error:
        raise _Refused(str(error)) from None
    try:
        reports, misconfigured = _run(options, configuration, state, interruption)
        if not misconfigured:
            code = _print(options, reports, state)
        else:
            if options.format != 'nagios' and any(report.runs for report in reports):
                # These amounts are booked as handed over, and nobody would ever see them again.
                _print(options, reports, state)
            raise _Refused(misconfigured)
    finally:
        state.close()
    return EXIT_INTERRUPTED if interruption else code


def _run(
    options: argparse.Namespace, configuration: conf.Configuration, state: State, interruption: Interruption
) -> tuple[list[Report], str]:
    """Returns the reports, and what is wrong with the configuration if that came to light in a run."""
    try:
        # Not at the top: the log level has to be known before the check is imported.
        from standalone.host import ConfigurationError, Host
    except ImportError as error:
        raise _Refused(f'cannot import the check: {error}') from error

    hosts: list[Host] = []
    try:
        for number, instance in enumerate(configuration.instances, 1):
            try:
                host = Host(instance, configuration.init_config, state, source=str(configuration.path.absolute()))
                hosts.append(host)
                host.initialize()
            except ConfigurationError as error:
                raise _Refused(f'{configuration.path}: instance {number}: {error}') from None
        reports = [Report(host.check_id, host.version, host.source, host.instance) for host in hosts]
        for run_number in range(1, options.runs + 1):
            if run_number > 1:
                interruption.sleep(options.pause)
            for number, (host, report) in enumerate(zip(hosts, reports, strict=True), 1):
                if interruption:
                    break
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
            if interruption:
                break
        return reports, ''
    finally:
        for host in hosts:
            host.close()


def _print(options: argparse.Namespace, reports: list[Report], state: State) -> int:
    code = EXIT_FAILED_RUN if any(report.errors for report in reports) else EXIT_OK
    if options.format == 'json':
        output = json.render(reports, AGENT.verbose)
    elif options.format == 'openmetrics':
        output = openmetrics.render(reports, state.counters, declarations.read())
    elif options.format == 'nagios':
        output, code = nagios.render(reports, declarations.read())
    else:
        coloured = sys.stdout.isatty() and 'NO_COLOR' not in os.environ
        output = text.render(reports, AGENT.verbose, coloured)
    _write(output)
    return code


def _write(output: str) -> None:
    # UTF-8 whatever the locale: cron has none, and OpenMetrics and JSON demand it.
    sys.stdout.reconfigure(encoding='utf-8', errors='replace')  # type: ignore[union-attr]
    print(output, flush=True)


def _say(line: str) -> None:
    print(f'standalone: {" ".join(AGENT.redactor(line).split())}', file=sys.stderr, flush=True)


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


if __name__ == '__main__':
    sys.exit(main())
