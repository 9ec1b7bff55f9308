"""The command line: `python -m standalone check`, `diagnose`, `policy`, `plan` and `assets push`."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import threading
from collections.abc import Sequence

from standalone.agent import AGENT
from standalone.command_line import EXIT_FAILED_RUN, EXIT_MISCONFIGURED, Parser, Refused, refuse
from standalone.commands import check, diagnose, plan, policy, push

PROGRAM = 'python -m standalone'

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


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code."""
    parser = _parser()
    Parser.arguments = sys.argv[1:] if arguments is None else arguments
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return EXIT_MISCONFIGURED
    AGENT.set_log_level(getattr(logging, options.log_level.upper()))
    threading.excepthook = _log_thread_failure
    try:
        exit_code: int = options.perform(options)
        return exit_code
    except BrokenPipeError:
        # The reader is gone. Without this Python would print an error when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_FAILED_RUN
    except Refused as refusal:
        return refuse(options, str(refusal), EXIT_MISCONFIGURED)
    except Exception as error:
        if AGENT.verbose:
            logging.getLogger(__name__).exception('This is a defect of the program')
        return refuse(options, f'unexpected {type(error).__name__}: {error}', EXIT_FAILED_RUN)


def _parser() -> Parser:
    parser = Parser(
        prog=PROGRAM,
        description='Runs the Amazon SES check without a Datadog Agent, and brings its dashboards into an account.',
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest='command', metavar='COMMAND')
    check.add(commands, EXAMPLES)
    for command in (diagnose, policy, plan, push):
        command.add(commands)
    return parser


def _log_thread_failure(failure: threading.ExceptHookArgs) -> None:
    logging.getLogger(__name__).error(
        'A thread ended with %s',
        failure.exc_type.__name__,
        exc_info=(failure.exc_type, failure.exc_value or failure.exc_type(), failure.exc_traceback),
    )


if __name__ == '__main__':
    sys.exit(main())
