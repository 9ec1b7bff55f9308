"""The whole fault matrix as a table: `make faults`."""

from __future__ import annotations

import argparse
import logging
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from types import SimpleNamespace

sys.path[:0] = [str(folder) for folder in (Path(__file__).parent, Path(__file__).parents[1], Path(__file__).parents[2])]

# After that: the folders of tests are no packages.
import botocore.endpoint  # noqa: E402
from fault_matrix import FAULTS, OPERATIONS, Cell, cells, holes  # noqa: E402


def main() -> int:
    """Run every trial, print those with holes, and write the table. Returns 1 where there are holes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('--output', type=Path, default=Path('.faults.md'), help='the table (default: %(default)s)')
    parser.add_argument('--operation', choices=[operation.name for operation in OPERATIONS], help='only this one')
    parser.add_argument('--jobs', type=int, default=os.cpu_count(), help='processes (default: %(default)s)')
    options = parser.parse_args()
    wanted = [cell for cell in cells() if options.operation in (None, cell.operation.name)]
    started, results = time.monotonic(), dict.fromkeys((cell.name for cell in wanted), [''])
    with ProcessPoolExecutor(options.jobs, initializer=_prepare) as pool:
        futures = {pool.submit(_holes, cell.name): cell for cell in wanted}
        for number, future in enumerate(as_completed(futures), 1):
            cell = futures[future]
            results[cell.name] = future.result()
            print(f'\r{number} of {len(wanted)} trials', end='', file=sys.stderr, flush=True)
            if results[cell.name]:
                print(f'\r{cell.name}:', *results[cell.name], sep='\n    ', flush=True)
    lost = sum(map(len, results.values()))
    options.output.write_text(table(results), encoding='utf-8')
    print(f'\r{len(wanted)} trials in {time.monotonic() - started:.0f} s, {lost} holes: {options.output}')
    return 1 if lost else 0


def table(results: dict[str, list[str]]) -> str:
    """Faults as rows and operations as columns: holes of the check that starts, and of the one that runs."""
    lines = ['| Fault | ' + ' | '.join(operation.name for operation in OPERATIONS) + ' |']
    lines.append('| --- |' + ' --- |' * len(OPERATIONS))
    for fault in FAULTS:
        row = []
        for operation in OPERATIONS:
            names = [Cell(operation, fault, warm).name for warm in (False, True)]
            row.append(' / '.join(str(len(results[name])) if name in results else '-' for name in names))
        lines.append(f'| {fault} | {" | ".join(row)} |')
    return '\n'.join(lines) + '\n'


def _prepare() -> None:
    """Retries without pauses, and no log on the terminal."""
    botocore.endpoint.time = SimpleNamespace(**{**vars(time), 'sleep': lambda _: None})  # type: ignore[attr-defined]  # not annotated
    logging.lastResort = None


def _holes(name: str) -> list[str]:
    return holes(next(cell for cell in cells() if cell.name == name))


if __name__ == '__main__':
    sys.exit(main())
