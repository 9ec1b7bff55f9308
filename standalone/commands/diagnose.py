"""`diagnose`: says what works, what does not, and what to do about it."""

from __future__ import annotations

import argparse
from contextlib import ExitStack
from pathlib import Path

from standalone.command_line import EXIT_FAILED_RUN, EXIT_OK, Parser, Refused, write
from standalone.instances import CONFIG_HELP, configuration_of, hosts_of
from standalone.state import State, StateError


def add(commands: argparse._SubParsersAction[Parser]) -> None:
    """Add the command and its arguments."""
    parser = commands.add_parser(
        'diagnose',
        help='say what works, what does not, and what to do about it',
        description='Says of each instance whether credentials, clock, endpoints, Regions, permissions, discovery and\n'
        'state are as they should be, and what to do where they are not. It asks SES at most once a second, so\n'
        'it takes about 75 seconds. It changes nothing, receives nothing from queues, and may run beside a check.',
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(perform=perform, log_level='error')
    parser.add_argument('--config', required=True, type=Path, metavar='FILE', help=CONFIG_HELP)
    state_help = 'the state of `check`, which is only read, and may be in use (default: none)'
    parser.add_argument('--state', type=Path, metavar='FILE', help=state_help)
    parser.add_argument('--format', choices=('text', 'json'), default='text', help='(default: text)')


def perform(options: argparse.Namespace) -> int:
    """Examine the instances. Returns the exit code."""
    # Not at the top: the log level must be set before the check is imported.
    from standalone import diagnose

    configuration = configuration_of(options.config)
    try:
        state = State.snapshot(options.state) if options.state else State()
    except StateError as error:
        raise Refused(str(error)) from None
    with ExitStack() as cleanup:
        hosts = hosts_of(configuration, state, cleanup, receives_events=False)
        names = [f'instance {number} ({host.check_id})' for number, host in enumerate(hosts, 1)]
        instances = diagnose.diagnose(hosts)
    render = diagnose.render_json if options.format == 'json' else diagnose.render
    write(render(instances, names))
    return EXIT_FAILED_RUN if diagnose.has_failed(instances) else EXIT_OK
