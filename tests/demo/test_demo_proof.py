"""The comparison that the demo ends with."""

from __future__ import annotations

import pytest

from demo import proof
from demo.proof import Family, Proof, Tags, Truth, prove
from demo.tally import Tally
from standalone.model import Run, Sample

REGION = 'us-east-1'
SINCE = 1_772_442_300.0
ACCOUNT = Family('', {'amazon_ses.send.count': ('Send',)})


def gauge(name: str, value: float, *tags: str) -> Sample:
    return Sample(name, 'gauge', value, ('aws_account:123456789012', f'region:{REGION}', *tags), '')


def count(name: str, value: float, *tags: str) -> Sample:
    return gauge(name, value, *tags)._replace(type='count')


def samples() -> list[Sample]:
    return [
        gauge(proof.SINCE, SINCE),
        count('amazon_ses.send.count', 3),
        count('amazon_ses.send.count', 4),
        count(proof.CALLS, 2, 'operation:GetAccount'),
        count(proof.BILLED, 12),
    ]


def proved(submitted: list[Sample], held: float = 7, calls: int = 2, billed: int = 12) -> Proof:
    tally = Tally()
    for sample in submitted:
        tally.add(Run(SINCE, 0.0, metrics=[sample]))

    def of_account(family: Family, count: str, region: str, since: float) -> dict[Tags, float]:
        return {(): held if (family.counts[count], region, since) == (('Send',), REGION, SINCE) else -1}

    return prove(tally, [REGION], [ACCOUNT], Truth(of_account, {(REGION, 'GetAccount'): calls}, {REGION: billed}))


def test_equal_numbers_are_a_proof() -> None:
    """Where everything submitted is what the other side has, the proof holds and says so."""
    found = proved(samples())

    assert found.holds
    assert found.verdict == 'PROOF: 1 counts of the account, difference 0'


@pytest.mark.parametrize('dropped', range(len(samples())))
def test_every_dropped_sample_breaks_the_proof(dropped: int) -> None:
    """No single sample that the proof rests on can be lost without its failing."""
    kept = [sample for place, sample in enumerate(samples()) if place != dropped]

    found = proved(kept)

    assert not found.holds
    assert found.verdict.startswith('PROOF FAILED: ')


def test_an_amount_handed_over_twice_breaks_the_proof() -> None:
    """Too much is as wrong as too little, and the verdict tells which count and by how much."""
    found = proved([*samples(), count('amazon_ses.send.count', 4)])

    assert found.verdict == 'PROOF FAILED: amazon_ses.send.count in us-east-1 differs by +4'


@pytest.mark.parametrize('other', [{'held': 8}, {'calls': 3}, {'calls': 1}, {'billed': 24}])
def test_a_different_truth_breaks_the_proof(other: dict[str, int]) -> None:
    """CloudWatch's sum, the logged requests and the billed metrics each have a say."""
    assert not proved(samples(), **other).holds


def test_a_request_that_was_never_submitted_breaks_the_proof() -> None:
    """An operation that only the log knows is a difference, too."""
    tally = Tally()
    tally.add(Run(SINCE, 0.0, metrics=[gauge(proof.SINCE, SINCE)]))
    found = prove(tally, [REGION], [ACCOUNT], Truth(lambda *_: {(): 0.0}, {(REGION, 'ListMetrics'): 1}, {}))

    assert found.verdict == 'PROOF FAILED: ListMetrics in us-east-1 differs by -1'


SETS = {'news': 5.0, 'alerts': 2.0}
SET_SEND = 'amazon_ses.configuration_set.send.count'
FOUND = Family(
    'configuration sets', {SET_SEND: ('Send',)}, {'ses:configuration-set': 'configuration_set'}, limited=True
)
NAMED = Family('named dimensions', {SET_SEND: ('Send',)}, {'ses:configuration-set': 'configuration_set'})


def proved_by_set(*submitted: Sample, held: dict[str, float], family: Family = FOUND) -> Proof:
    tally = Tally()
    tally.add(Run(SINCE, 0.0, metrics=[*samples(), *submitted]))

    def of_all(asked: Family, count: str, region: str, since: float) -> dict[Tags, float]:
        return {(f'configuration_set:{name}',): one for name, one in held.items()} if asked.name else {(): 7.0}

    return prove(tally, [REGION], [ACCOUNT, family], Truth(of_all, {(REGION, 'GetAccount'): 2}, {REGION: 12}))


def by_set(**values: float) -> list[Sample]:
    return [count(SET_SEND, value, f'configuration_set:{name}') for name, value in values.items()]


def test_equal_sets_are_a_proof() -> None:
    """Counts of configuration sets are compared beside those of the account."""
    assert proved_by_set(*by_set(**SETS), held=SETS).verdict == (
        'PROOF: 1 counts of the account and 2 of 1 families of series, difference 0'
    )


@pytest.mark.parametrize(
    ('submitted', 'differences'),
    [
        ({'news': 5.0}, ['alerts in us-east-1 differs by -2']),
        ({'news': 5.0, 'alerts': 2.0, 'other': 1.0}, ['other in us-east-1 differs by +1']),
        (
            {'news': 4.0, 'alerts': 3.0},
            ['alerts in us-east-1 differs by +1', 'news in us-east-1 differs by -1'],
        ),
    ],
)
def test_each_set_breaks_the_proof(submitted: dict[str, float], differences: list[str]) -> None:
    """A set that is missing, too much or mixed up with another is named, even where the sums are equal."""
    found = proved_by_set(*by_set(**submitted), held=SETS)

    assert list(found.objections) == [f'{SET_SEND} of configuration_set:{one}' for one in differences]


def test_sets_that_are_not_asked_for_are_not_missed() -> None:
    """Where the option max_series leaves series out, only what was submitted is compared; but what an option names is
    never left out."""
    left_out = gauge(proof.LEFT_OUT, 10, 'reason:max_series')

    assert proved_by_set(*by_set(news=5.0), left_out, held=SETS).holds
    assert not proved_by_set(*by_set(news=4.0), left_out, held=SETS).holds
    assert not proved_by_set(*by_set(news=5.0), left_out, held=SETS, family=NAMED).holds


@pytest.mark.parametrize('sample', [count(proof.SKIPPED, 1, 'reason:late_growth'), gauge(proof.SHRUNK, 1)])
def test_what_was_given_up_breaks_the_proof(sample: Sample) -> None:
    """Equal sums are no proof where periods were skipped or amounts taken back."""
    assert not proved([*samples(), sample]).holds


def test_no_counts_are_no_proof() -> None:
    """A run in which nothing could be compared does not pass."""
    assert prove(Tally(), [REGION], [ACCOUNT], Truth(lambda *_: {}, {}, {})).objections == (
        'nothing was counted in us-east-1',
        'there is no count to compare',
    )
