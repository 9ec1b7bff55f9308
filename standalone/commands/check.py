"""`check`: runs all instances of a configuration file and prints what they submit."""

from __future__ import annotations

import argparse
import os
import re
import sys
from contextlib import ExitStack, closing
from pathlib import Path
from typing import TYPE_CHECKING

from standalone import declarations
from standalone.agent import AGENT
from standalone.command_line import EXIT_FAILED_RUN, EXIT_INTERRUPTED, EXIT_OK, Parser, Refused, say, write
from standalone.formats import json, nagios, openmetrics, text
from standalone.instances import configuration_of, hosts_of
from standalone.interruption import Interruption
from standalone.report import Report
from standalone.state import State, StateError

if TYPE_CHECKING:
    from standalone.conf import Configuration

FORMATS = ('text', 'json', 'openmetrics', 'nagios')
LOG_LEVELS = ('debug', 'info', 'warning', 'error', 'critical')
LONGEST_ARGUMENT = 100
LONGEST_PAUSE = 1e9


def add(commands: argparse._SubParsersAction[Parser], examples: str) -> None:
    """Add the command and its arguments."""
    check = commands.add_parser(
        'check',
        help='run all instances of a configuration file and print what they submit',
        description='Runs all instances of a configuration file and prints what they submit.',
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    check.set_defaults(perform=perform)
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


def perform(options: argparse.Namespace) -> int:
    """Run the instances. Returns the exit code."""
    if options.receive_events and not options.state:
        raise Refused('--receive-events needs --state: what is read is deleted, and has to be remembered')
    interruption = Interruption()
    interruption.listen()
    configuration = configuration_of(options.config)
    try:
        state = State.open(options.state, report=say) if options.state else State()
    except StateError as error:
        raise Refused(str(error)) from None
    with closing(state):
        reports, misconfigured = _run(options, configuration, state, interruption)
        # Amounts of earlier runs are saved as submitted, so they are printed in any case. Nagios has a single line.
        if not misconfigured or (options.format != 'nagios' and any(report.runs for report in reports)):
            code = _print(options, reports, state)
        if misconfigured:
            raise Refused(misconfigured)
    return EXIT_INTERRUPTED if interruption else code


def _run(
    options: argparse.Namespace, configuration: Configuration, state: State, interruption: Interruption
) -> tuple[list[Report], str]:
    """Returns the reports, and the defect of the configuration if a run revealed any."""
    with ExitStack() as cleanup:
        hosts = hosts_of(configuration, state, cleanup, options.receive_events)
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
                    say(f'{report.check_id}: run {run_number} failed: {run.error}')
                if options.runs > 1:
                    say(
                        f'{report.check_id}: run {run_number} of {options.runs}: {run.status_name}, '
                        f'{len(run.metrics)} samples, {len(run.service_checks)} statuses, {run.duration:.1f} s'
                    )
        return reports, ''


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
    write(output)
    return code


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
