"""Writes the generated files, or names those that are out of date: `python -m tools.sync --help`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence

from tools import spec

COMMAND = 'make sync'


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return the exit code: 0, 1 where a file differs, 2 where one cannot be rendered."""
    parser = argparse.ArgumentParser(
        prog='python -m tools.sync',
        description='Writes the generated files from assets/configuration/spec.yaml and the catalogue.',
    )
    parser.add_argument(
        '--check', action='store_true', help='write nothing; name each file that differs and exit with 1 if any does'
    )
    options = parser.parse_args(arguments)
    try:
        stale = update(spec.FILES, options.check)
        # Not at the top, because it loads the check, which needs the config models that have just been written.
        from tools import renders

        stale += update(renders.FILES, options.check)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 2
    if stale and options.check:
        print(f'Run `{COMMAND}` and commit what it writes.', file=sys.stderr)
        return 1
    if not stale:
        print(f'{len(spec.FILES) + len(renders.FILES)} generated files are up to date')
    return 0


def update(files: Mapping[str, Callable[[], str]], check: bool) -> int:
    """Write each file that differs from its text, or with `check` only name it. Returns how many differ."""
    stale = 0
    for name, render in files.items():
        path, text = spec.ROOT / name, render().encode()
        if path.exists() and path.read_bytes() == text:
            continue
        stale += 1
        if check:
            print(f'{name} is out of date', file=sys.stderr)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text)
            print(f'wrote {name}')
    return stale


if __name__ == '__main__':
    sys.exit(main())
