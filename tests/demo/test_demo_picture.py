"""The samples and the caption of a run's pictures."""

from __future__ import annotations

from demo import picture
from demo.tally import Tally
from standalone.model import Run, Sample, ServiceCheck
from tools.boards.picture import CAPTION

TAGS = ('aws_account:123456789012', 'region:eu-west-1')


def test_only_samples_before_the_end_are_drawn() -> None:
    """Samples after the end are left out, and so is a series that has no other samples."""
    tally = Tally()
    for time, name in ((60, 'a'), (120, 'a'), (180, 'a'), (180, 'late')):
        status = ServiceCheck(name, 0, TAGS, '', '')
        tally.add(Run(time, 0.0, metrics=[Sample(name, 'count', 1.0, TAGS, '')], service_checks=[status]))

    recording = picture.recorded(tally, 60, 120)

    assert (recording.start, recording.end) == (60, 120)
    assert recording.series == {('a', 'count', TAGS): [(60, 1.0), (120, 1.0)]}
    assert recording.statuses == {('a', TAGS): [(60, 0), (120, 0)]}


def test_the_caption_is_true_of_every_scenario() -> None:
    """It says that this is no screenshot, and names the scenario that was drawn."""
    assert CAPTION.format(source=picture.source('bounce_storm')) == (
        "Drawn by this project's own tool from a simulated bounce storm; not a screenshot of Datadog"
    )
    assert CAPTION.format(source=picture.source('steady')) == (
        "Drawn by this project's own tool from the simulated scenario steady; not a screenshot of Datadog"
    )
