"""The command line: `python -m benchmarks`."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any, TextIO

from benchmarks import bounds, report
from benchmarks.cases import CASES
from benchmarks.measures import measure
from benchmarks.processes import ProcessFailed

RESULTS_FILE = Path('.bench/results.json')
EXIT_OK, EXIT_BROKEN, EXIT_INTERRUPTED = 0, 1, 130

EPILOG = """\
exit codes:
  0 every bound holds, 1 one is broken or could not be measured, 2 wrong usage, 130 interrupted

Absolute times are those of this machine. The bounds are ratios where they can be.
"""


class Progress:
    """Shows the current measurement: a line that is rewritten on a terminal, elsewhere a line for each case."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._clear = '\r\033[K' if stream.isatty() else ''
        self._started = time.monotonic()

    def show(self, case: str, step: str = '') -> None:
        line = f'{self._clear}{time.monotonic() - self._started:4.0f} s {case}'
        if self._clear:
            print(f'{line}: {step}', end='', file=self._stream, flush=True)
        elif not step:
            print(line, file=self._stream, flush=True)

    def end(self) -> None:
        print(f'{self._clear}{time.monotonic() - self._started:.0f} s of real time', file=self._stream)


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, write and return the exit code."""
    options = _parser().parse_args(arguments)
    progress = Progress(sys.stderr)
    results: dict[str, Any] = {}
    try:
        for case in CASES:
            if case.name in options.only:
                progress.show(case.name)
                try:
                    results[case.name] = measure(case, partial(progress.show, case.name))
                except ProcessFailed as error:
                    results[case.name] = {'title': case.title, 'series': case.number, 'failed': str(error)}
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        return EXIT_INTERRUPTED
    progress.end()
    return publish(results, options.json)


def publish(results: dict[str, Any], path: Path) -> int:
    """Print the table, write the JSON file and return the exit code."""
    verdicts = bounds.verdicts(results)
    for line in report.lines(results, verdicts):
        print(line)
    path.parent.mkdir(parents=True, exist_ok=True)
    document = {
        'python': platform.python_version(),
        'cpus': os.cpu_count(),
        'cases': results,
        'bounds': [
            {'what': bound.subject, 'bound': bound.words, 'ok': measured.ok, **measured._asdict()}
            for bound, measured in verdicts
            if measured is not None
        ],
    }
    path.write_text(json.dumps(document, indent=1) + '\n', encoding='utf-8')
    broken = any(measured is not None and not measured.ok for _, measured in verdicts)
    return EXIT_BROKEN if broken or any('failed' in figures for figures in results.values()) else EXIT_OK


def _parser() -> argparse.ArgumentParser:
    names = [case.name for case in CASES]
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks',
        description='Measures the check against a pretend AWS, beside the two obvious ways to write it: requests, '
        'billed metrics, time, CPU and memory, each figure beside its bound. Takes some minutes.',
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    cases = '; '.join(f'{case.name} ({case.title})' for case in CASES)
    parser.add_argument('--only', type=_names, default=names, metavar='A,B', help=f'the cases to measure: {cases}')
    json_help = f'where the figures go (default: {RESULTS_FILE})'
    parser.add_argument('--json', type=Path, default=RESULTS_FILE, metavar='FILE', help=json_help)
    return parser


def _names(text: str) -> list[str]:
    names = [name.strip() for name in text.split(',')]
    unknown = [name for name in names if name not in {case.name for case in CASES}]
    if unknown:
        raise argparse.ArgumentTypeError(f'no such case: {", ".join(unknown)}')
    return names


if __name__ == '__main__':
    sys.exit(main())
