"""The demo as a person runs it: in a process of its own, against the real check and the simulator."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

from datadog_checks.amazon_ses.cloudwatch.metric_table import (
    BY_CONFIGURATION_SET,
    BY_DIMENSION,
    BY_GLOBAL_ENDPOINT,
    BY_RULE,
    BY_TENANT,
    EVENTS,
    VALIDATION,
)
from datadog_checks.amazon_ses.cloudwatch.series import SeriesSpec
from demo.truth import EVENTS as EVENT_COUNTS


def number_of_counts(specs: Mapping[str, SeriesSpec]) -> int:
    return len({spec.count for spec in specs.values() if spec.count is not None})


FAMILIES = (
    ('configuration_set.', number_of_counts(BY_CONFIGURATION_SET), 6, 'send'),
    ('event.', len(EVENT_COUNTS), 6, 'bounce'),
    ('receiving.', number_of_counts(BY_RULE), 10, 'publish_success'),
    ('dimension.', number_of_counts(BY_DIMENSION), 4, 'send'),
    ('tenant.', number_of_counts(BY_TENANT), 6, 'send'),
    ('managed_pool.', 1, 2, 'send'),
    ('global_endpoint.', number_of_counts(BY_GLOBAL_ENDPOINT), 2, 'send'),
    ('email_validation.', number_of_counts(VALIDATION), 2, 'low'),
    ('', 1, 4, 'unrecognized'),
)
"""The families of the demo: the beginning of their names, their counts, the series of each, and a count with mail."""

ROOT = Path(__file__).resolve().parents[2]
# Not the default folder, which may hold the pictures of another run.
FOLDER = tempfile.TemporaryDirectory(prefix='amazon-ses-demo-')
PICTURES = Path(FOLDER.name)
SHORT = ('--hours', '1', '--pictures', str(PICTURES))
WITHOUT_PILLOW = """
import sys
sys.modules['PIL'] = None
from demo.__main__ import main

sys.exit(main(['--hours', '1', '--no-faults', '--regions', 'us-east-1', '--pictures', sys.argv[1]]))
"""
WITHOUT_ONE_SAMPLE = """
import sys
from demo import tally
from demo.__main__ import main

add_sample, dropped = tally.Tally._add_sample, []

def lossy(self, sample, time):
    if sample.name == 'amazon_ses.bounce.count' and sample.value and not dropped:
        dropped.append(sample)
    else:
        add_sample(self, sample, time)

tally.Tally._add_sample = lossy
sys.exit(main(['--hours', '1', '--no-faults', '--regions', 'us-east-1', '--pictures', sys.argv[1]]))
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, text=True, timeout=120)


@cache
def short_run() -> subprocess.CompletedProcess[str]:
    return run('-m', 'demo', *SHORT)


def test_the_demo_proves_its_counts() -> None:
    """With faults, late data and a restart every count equals CloudWatch's final sum, and there was mail to count."""
    page = short_run()
    of_families = sum(counts * series for _, counts, series, _ in FAMILIES)

    assert page.returncode == 0, page.stdout + page.stderr
    assert page.stdout.splitlines()[-4] == (
        f'PROOF: {2 * len(EVENTS)} counts of the account and {of_families} of {len(FAMILIES)} families of series, '
        'difference 0'
    )
    sent = re.findall(r'amazon_ses\.send\.count +\S+ +\S+ +([\d,]+) +([\d,]+) +0$', page.stdout, re.MULTILINE)
    assert len(sent) == 2
    assert all(expected == submitted and expected != '0' for expected, submitted in sent)


@pytest.mark.parametrize(
    ('family', 'counts', 'series', 'never_zero'),
    FAMILIES,
)
def test_the_counts_of_many_series_are_proved(family: str, counts: int, series: int, never_zero: str) -> None:
    """Each count of each family is compared, and there was mail to count."""
    rows = re.findall(
        rf'amazon_ses\.{re.escape(family)}(\w+)\.count +{series} +([\d,]+) +([\d,]+) +0$',
        short_run().stdout,
        re.MULTILINE,
    )

    assert len(rows) == counts
    assert all(expected == submitted for _, expected, submitted in rows)
    assert all(expected != '0' for name, expected, _ in rows if name == never_zero)


def senders() -> list[list[list[str]]]:
    """The rows of the tables of sets, tenants and campaigns, in words."""
    lines = short_run().stdout.splitlines()
    heads = [number for number, line in enumerate(lines) if 'of all bounces' in line]
    return [[line.split() for line in lines[head + 1 : lines.index('', head)]] for head in heads]


def share(row: list[str]) -> float:
    """The bounced share of a sender's mail in percent, the sixth column of its row."""
    return float(row[5])


def test_the_page_names_the_set_that_bounces() -> None:
    """In the Region of the storm the set newsletter, the tenant travel and the campaign spring come first, with most
    bounces; no other sender bounces much, in either Region."""
    guilty = ['newsletter', 'travel', 'campaign:spring']
    for name, rows in zip(guilty, senders(), strict=True):
        assert rows[0][:2] == ['us-east-1', name]
        assert share(rows[0]) > 10
        assert all(share(row) < 8 for row in rows[1:])


def test_no_sender_delivers_more_than_was_accepted() -> None:
    """Every email of a set or campaign was delivered, bounced or rejected, and the Regions differ."""
    for rows in senders():
        numbers = [[float(cell.replace(',', '')) for cell in row[2:5] if cell != '-'] for row in rows]
        assert all(sum(outcomes) <= accepted and (len(outcomes) < 2 or sum(outcomes) > 0.99 * accepted - 2)
                   for accepted, *outcomes in numbers)  # fmt: skip
        mail = {region: sum(row[0] for row, words in zip(numbers, rows, strict=True) if words[0] == region)
                for region in ('us-east-1', 'eu-west-1')}  # fmt: skip
        assert mail['eu-west-1'] < 0.5 * mail['us-east-1']


def test_the_demo_ends_with_the_paths_of_its_pictures() -> None:
    """The last line names the picture of the Overview, the lines before it those of the other dashboards. All exist and
    are as wide as the dashboard."""
    image = pytest.importorskip('PIL.Image')
    shown = [line.partition(': ') for line in short_run().stdout.splitlines()[-3:]]

    assert [(label, path) for label, _, path in shown] == [
        ('PICTURE', str(PICTURES / 'inventory.png')),
        ('PICTURE', str(PICTURES / 'deliverability.png')),
        ('PICTURE', str(PICTURES / 'overview.png')),
    ]
    for _, _, path in shown:
        with image.open(path) as drawn:
            assert (drawn.format, drawn.width) == ('PNG', 1440)


def test_checks_by_hand_show_no_counts() -> None:
    """The story has an `agent check` by hand beside the Agent and while it is stopped, and neither shows a count."""
    shown = [line for line in short_run().stdout.splitlines() if '`agent check` by hand' in line]

    assert len(shown) == 2 and all(line.endswith('it shows 0 counts of email') for line in shown)


def test_without_pillow_the_counts_are_proved() -> None:
    """Where Pillow is missing there is the proof, and one line says why there is no picture."""
    process = run('-c', WITHOUT_PILLOW, str(PICTURES))

    assert process.returncode == 0, process.stderr
    proof, picture = process.stdout.splitlines()[-2:]
    assert proof.startswith('PROOF: ')
    assert picture.startswith('PICTURE: none, because Pillow is missing')


def test_every_mishap_hits_a_request() -> None:
    """A fault that hits no request would prove nothing."""
    struck = re.findall(r'\((\d+) requests?\)$', short_run().stdout, re.MULTILINE)

    assert len(struck) == 8
    assert '0' not in struck


def test_the_page_fits_and_is_plain() -> None:
    """No line is wider than 120 columns and none has colour or an empty end where stdout is no terminal."""
    for line in short_run().stdout.splitlines():
        assert len(line) <= 120
        assert line == line.rstrip()
        assert '\033' not in line


def test_progress_is_a_few_plain_lines() -> None:
    """Where stderr is no terminal it has a line for each simulated hour, nothing rewritten and nothing else."""
    lines = short_run().stderr.splitlines()

    assert 3 <= len(lines) <= 6
    assert all(re.fullmatch(r'.* UTC  [\d,]+ runs  [\d,]+ samples  \d+ events', line) for line in lines[:-1])
    assert '\r' not in short_run().stderr


def test_the_demo_is_the_same_each_time() -> None:
    """Two runs print the same page."""
    assert run('-m', 'demo', *SHORT).stdout == short_run().stdout


def test_a_lost_sample_fails_the_demo() -> None:
    """Where a single sample is missing, the command fails and names the count."""
    process = run('-c', WITHOUT_ONE_SAMPLE, str(PICTURES))

    assert process.returncode == 1
    assert re.match(r'PROOF FAILED: amazon_ses\.bounce\.count in \S+ differs by -\d+$', process.stdout.splitlines()[-4])


@pytest.mark.parametrize(
    'wrong',
    [
        ('--hours', '0'),
        ('--hours', 'nan'),
        ('--hours', 'six'),
        ('--seed', 'x'),
        ('--scenario', 'calm'),
        ('--regions', ''),
        ('--regions', 'us-east-1,us-east-1'),
        ('--regions', 'us-nowhere-9'),
        ('--unknown',),
    ],
)
def test_wrong_arguments_are_refused(wrong: tuple[str, ...]) -> None:
    """A wrong value ends with exit code 2 and a line that names the option, and nothing runs."""
    process = run('-m', 'demo', *wrong)

    assert process.returncode == 2
    assert wrong[0] in process.stderr.splitlines()[-1]
    assert process.stdout == ''


def test_help_names_all_options() -> None:
    """`--help` answers at once with every option."""
    process = run('-m', 'demo', '--help')

    assert process.returncode == 0
    options = ('--hours', '--seed', '--scenario', '--regions', '--no-faults', '--pictures')
    assert all(option in process.stdout for option in options)
    assert '(default: .demo)' in ' '.join(process.stdout.split())


@pytest.mark.skipif(sys.platform == 'win32', reason='no SIGINT for a child there')
def test_an_interruption_ends_it_cleanly() -> None:
    """Ctrl-C ends the run with exit code 130 and without a traceback."""
    with subprocess.Popen(
        [sys.executable, '-m', 'demo', '--hours', '72'],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stderr is not None and process.stdout is not None
        process.stderr.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
        assert 'Traceback' not in process.stderr.read()
        assert process.stdout.read() == ''


def test_the_pure_parts_do_not_load_the_host() -> None:
    """Page and proof can be used where the base package runs with its own stubs."""
    code = 'import sys, demo.page, demo.progress, demo.proof, demo.tally; print("standalone.host" in sys.modules)'

    assert run('-c', code).stdout.strip() == 'False'
