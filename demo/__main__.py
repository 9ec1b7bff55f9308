"""The command line: `python -m demo`."""

from __future__ import annotations

import argparse
import os
import re
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from demo.choices import Choices
from simulator import SCENARIOS
from simulator.models import regions as known_regions

EXIT_OK, EXIT_NO_PROOF, EXIT_INTERRUPTED = 0, 1, 130
SHORTEST, LONGEST = 1.0, 72.0
REGION = re.compile(r'[a-z]{2,}(-[a-z]+)+-\d+')


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo and return the exit code."""
    options = _parser().parse_args(arguments)
    _stay_at_home()
    start = time.monotonic()
    try:
        # Only once the options are right: to load the check and boto3 takes a second.
        from demo import page, picture
        from demo.progress import Progress
        from demo.scene import play, units

        choices = Choices(options.hours, options.seed, options.scenario, options.regions, options.faults)
        with tempfile.TemporaryDirectory(prefix='amazon-ses-demo-') as folder, Progress(sys.stderr) as report:
            scene = play(choices, Path(folder), report)
        coloured = sys.stdout.isatty() and not os.environ.get('NO_COLOR')
        for line in page.lines(scene, units()):
            print(page.painted(line) if coloured else line)
        sys.stdout.flush()
        pictures = list(picture.draw(scene, options.pictures))
        # On a terminal, too, the last line is where the Overview is.
        print(f'{time.monotonic() - start:.1f} s of real time', file=sys.stderr, flush=True)
        print(*pictures, sep='\n', flush=True)
    except KeyboardInterrupt:
        print('interrupted', file=sys.stderr)
        return EXIT_INTERRUPTED
    except BrokenPipeError:
        # The reader has gone. Python would complain once more when it closes stdout.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return EXIT_OK if scene.proof.holds else EXIT_NO_PROOF


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog='python -m demo',
        description='Runs the real check against a pretend AWS through some simulated hours, with late data and '
        'faults, prints what an Agent would have got, proves that the counts are exact, and draws the dashboards.',
        epilog='exit codes: 0 the proof holds, 1 it does not, 2 wrong usage, 130 interrupted',
    )
    add, names = parser.add_argument, ', '.join(sorted(SCENARIOS))
    add('--hours', type=_hours, metavar='N', help='simulated hours with mail, from 1 to 72 (default: %(default)g)')
    add('--seed', type=int, metavar='N', help='another seed is other traffic (default: %(default)s)')
    add('--scenario', choices=sorted(SCENARIOS), metavar='NAME', help=f'the story: {names} (default: %(default)s)')
    add('--regions', type=_regions, metavar='A,B', help='one to three AWS Regions (default: us-east-1,eu-west-1)')
    add('--no-faults', dest='faults', action='store_false', help='nothing goes wrong, and no restart of the Agent')
    pictures = (
        'where the dashboards are drawn, overview.png, deliverability.png and inventory.png (default: %(default)s)'
    )
    add('--pictures', type=Path, default='.demo', metavar='FOLDER', help=pictures)
    parser.set_defaults(**vars(Choices()))
    return parser


def _hours(text: str) -> float:
    try:
        hours = float(text)
    except ValueError:
        hours = 0.0
    if not SHORTEST <= hours <= LONGEST:
        raise argparse.ArgumentTypeError(f'{text!r} is not a number of hours from {SHORTEST:g} to {LONGEST:g}')
    return hours


def _regions(text: str) -> tuple[str, ...]:
    regions = tuple(name.strip() for name in text.split(','))
    if len(set(regions)) != len(regions) or len(regions) > 3 or not all(map(REGION.fullmatch, regions)):
        raise argparse.ArgumentTypeError(f'{text!r} is not one to three AWS Regions, such as us-east-1,eu-west-1')
    if without := sorted(set(regions) - known_regions('email')):
        raise argparse.ArgumentTypeError(f'there is no Amazon SES in {", ".join(without)}')
    return regions


def _stay_at_home() -> None:
    """Keep the user's own AWS settings and proxies out of it: everything here is on this machine."""
    for name in [name for name in os.environ if name.startswith('AWS_')]:
        del os.environ[name]
    os.environ.update(
        AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull, NO_PROXY='127.0.0.1', no_proxy='127.0.0.1'
    )


if __name__ == '__main__':
    sys.exit(main())
