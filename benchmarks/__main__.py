"""The command line: `python -m benchmarks`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TextIO

from benchmarks import bounds, report
from benchmarks.cases import CASES
from benchmarks.measures import measure
from benchmarks.processes import Broken

WHERE = Path('.bench/results.json')
EXIT_OK, EXIT_BROKEN, EXIT_USAGE, EXIT_INTERRUPTED = 0, 1, 2, 130

EPILOG = """\
exit codes:
  0 every bound holds, 1 one is broken or could not be measured, 2 wrong usage, 130 interrupted

Absolute times are those of this machine. The bounds are ratios where they can be.
"""


class Progress:
    """One line on stderr that says what is being measured; rewritten on a terminal."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._begun = time.monotonic()
        self._case = ''

    def begin(self, case: str) -> None:
        self._case = case
        if not self._stream.isatty():
            print(f'{self._seconds()} {case}', file=self._stream, flush=True)

    def __call__(self, what: str) -> None:
        if self._stream.isatty():
            print(f'\r\033[K{self._seconds()} {self._case}: {what}', end='', file=self._stream, flush=True)

    def end(self) -> None:
        print('\r\033[K' if self._stream.isatty() else '', end='', file=self._stream)
        print(f'{time.monotonic() - self._begun:.0f} s of real time', file=self._stream)

    def _seconds(self) -> str:
        return f'{time.monotonic() - self._begun:4.0f} s'


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write and return the exit code."""
    options = _parser().parse_args(arguments)
    progress = Progress(sys.stderr)
    results: dict[str, Any] = {}
    try:
        for case in CASES:
            if case.name in options.only:
                progress.begin(case.name)
                try:
                    results[case.name] = measure(case, progress)
                except Broken as error:
                    results[case.name] = {'title': case.title, 'series': case.number, 'failed': str(error)}
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        return EXIT_INTERRUPTED
    progress.end()
    return publish(results, options.json)


def publish(results: dict[str, Any], where: Path) -> int:
    """Print the table, write the JSON file and return the exit code."""
    found = bounds.verdicts(results)
    for line in report.lines(results, found):
        print(line)
    where.parent.mkdir(parents=True, exist_ok=True)
    document = {
        'python': platform.python_version(),
        'cpus': os.cpu_count(),
        'cases': results,
        'bounds': [
            {'what': one.what, 'bound': one.words, 'ok': not one.broken, **one.measured._asdict()}
            for one in found
            if one.measured is not None
        ],
    }
    where.write_text(json.dumps(document, indent=1) + '\n', encoding='utf-8')
    broken = any(one.broken for one in found) or any('failed' in figures for figures in results.values())
    return EXIT_BROKEN if broken else EXIT_OK


def _parser() -> argparse.ArgumentParser:
    names = [case.name for case in CASES]
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks',
        description='Measures the check against a pretend AWS, beside the two obvious ways to write it: requests, '
        'billed metrics, time, CPU and memory, each figure beside its bound. Takes some minutes.',
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        '--only',
        type=_names,
        default=names,
        metavar='A,B',
        help='the cases to measure: ' + '; '.join(f'{case.name} ({case.title})' for case in CASES),
    )
    parser.add_argument(
        '--json', type=Path, default=WHERE, metavar='FILE', help=f'where the figures go (default: {WHERE})'
    )
    return parser


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(',')]
    unknown = [name for name in names if name not in {case.name for case in CASES}]
    if unknown:
        raise argparse.ArgumentTypeError(f'no such case: {", ".join(unknown)}')
    return names


if __name__ == '__main__':
    sys.exit(main())
