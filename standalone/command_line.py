"""What all commands share: how they print, refuse and end."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from io import TextIOWrapper
from typing import NoReturn

from standalone.agent import AGENT
from standalone.formats import nagios
from standalone.terminal import visible

EXIT_OK, EXIT_FAILED_RUN, EXIT_MISCONFIGURED, EXIT_INTERRUPTED = 0, 1, 2, 130


class Refused(Exception):
    """The options or the configuration cannot be used. The text is one line for the user."""


class Parser(argparse.ArgumentParser):
    """A parser whose errors are of the chosen format, as far as it can be recognized in wrong arguments."""

    arguments: Sequence[str] = ()

    def error(self, message: str) -> NoReturn:
        message = visible(message)
        if _is_for_nagios(Parser.arguments):
            write(nagios.status_line(nagios.UNKNOWN, f'{message}; {self.prog} --help says more'))
            sys.exit(nagios.UNKNOWN)
        super().error(message)


def write(output: str) -> None:
    """Print to stdout."""
    # UTF-8 in any locale: cron sets none, and OpenMetrics and JSON require UTF-8.
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(encoding='utf-8', errors='replace')
    print(output, flush=True)


def say(line: str) -> None:
    """Print a line to stderr, without secrets."""
    print(f'standalone: {visible(" ".join(AGENT.redactor(line).split()))}', file=sys.stderr, flush=True)


def refuse(options: argparse.Namespace, reason: str, code: int) -> int:
    """Say why a command ends early, in the form of the format. Returns the exit code."""
    if options.format == 'nagios':
        write(nagios.status_line(nagios.UNKNOWN, AGENT.redactor(reason)))
        return nagios.UNKNOWN
    say(reason)
    return code


def _is_for_nagios(arguments: Sequence[str]) -> bool:
    pairs = zip(('', *arguments), arguments, strict=False)
    return any(
        argument.startswith('--f') and argument.endswith('=nagios') or (name.startswith('--f') and argument == 'nagios')
        for name, argument in pairs
    )
