"""`policy`: prints the IAM policy that the options need."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path

from standalone.command_line import EXIT_OK, Parser, say, write
from standalone.instances import CONFIG_HELP, configuration_of, hosts_of
from standalone.state import State


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        'policy',
        help='print the IAM policy that the options need',
        description='Prints the IAM policy that the options of all instances need together. AWS is not asked.',
    )
    # The error messages of all commands use the format.
    parser.set_defaults(perform=perform, log_level='error', format='text')
    parser.add_argument('--config', required=True, type=Path, metavar='FILE', help=CONFIG_HELP)


def perform(options: argparse.Namespace) -> int:
    """Print the policy. Returns the exit code."""
    configuration = configuration_of(options.config)
    with ExitStack() as cleanup:
        hosts = hosts_of(configuration, State(), cleanup, receives_events=False)
        # Not at the top: the log level must be set before the check is imported.
        from standalone import policy

        for hint in policy.hints(hosts):
            say(hint)
        write(policy.policy(hosts).rstrip())
    return EXIT_OK
