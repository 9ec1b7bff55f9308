"""Writes the generated files, or says which of them are out of date: `python -m tools.sync --help`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tools import renders

COMMAND = 'make sync'


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code: 0, 1 where a file differs, 2 where one cannot be rendered."""
    parser = argparse.ArgumentParser(
        prog='python -m tools.sync',
        description='Writes the generated files from assets/configuration/spec.yaml and the catalogue.',
        epilog='files: ' + ', '.join(renders.FILES),
    )
    parser.add_argument(
        '--check', action='store_true', help='write nothing; name each file that differs and exit with 1 if any does'
    )
    options = parser.parse_args(arguments)
    stale = 0
    for name, render in renders.FILES.items():
        try:
            text = render()
        except ValueError as error:
            print(f'{name}: {error}', file=sys.stderr)
            return 2
        path = renders.ROOT / name
        if path.exists() and path.read_bytes() == text.encode():
            continue
        stale += 1
        if options.check:
            print(f'{name} is out of date', file=sys.stderr)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
            print(f'wrote {name}')
    if stale and options.check:
        print(f'Run `{COMMAND}` and commit what it writes.', file=sys.stderr)
        return 1
    if not stale:
        print(f'{len(renders.FILES)} generated files are up to date')
    return 0


if __name__ == '__main__':
    sys.exit(main())
