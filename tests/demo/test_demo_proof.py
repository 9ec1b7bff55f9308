"""The comparison that the demo ends with."""

from __future__ import annotations

from dataclasses import replace

import pytest

from demo.proof import BILLED, CALLS, LEFT_OUT, SHRUNK, SINCE, SKIPPED, Family, Proof, Tags, Truth, prove
from demo.tally import Tally
from standalone.model import Run, Sample

REGION = 'us-east-1'
START = 1_772_442_300.0
ACCOUNT = Family('', {'amazon_ses.send.count': ('Send',)})


def gauge(name: str, value: float, *tags: str) -> Sample:
    return Sample(name, 'gauge', value, ('aws_account:123456789012', f'region:{REGION}', *tags), '')


def count(name: str, value: float, *tags: str) -> Sample:
    return gauge(name, value, *tags)._replace(type='count')


def samples() -> list[Sample]:
    return [
        gauge(SINCE, START),
        count('amazon_ses.send.count', 3),
        count('amazon_ses.send.count', 4),
        count(CALLS, 2, 'operation:GetAccount'),
        count(BILLED, 12),
    ]


def proved(submitted: list[Sample], amount: float = 7, calls: int = 2, billed: int = 12) -> Proof:
    tally = Tally()
    for sample in submitted:
        tally.add(Run(START, 0.0, metrics=[sample]))

    def amounts(family: Family, count: str, region: str, since: float) -> dict[Tags, float]:
        return {(): amount if (family.counts[count], region, since) == (('Send',), REGION, START) else -1}

    return prove(tally, [REGION], [ACCOUNT], Truth(amounts, {(REGION, 'GetAccount'): calls}, {REGION: billed}))


def test_equal_numbers_are_a_proof() -> None:
    """Where everything submitted equals the numbers of AWS, the proof holds and says so."""
    proof = proved(samples())

    assert proof.holds
    assert proof.verdict == 'PROOF: 1 counts of the account, difference 0'


@pytest.mark.parametrize('dropped', range(len(samples())))
def test_every_dropped_sample_breaks_the_proof(dropped: int) -> None:
    """No single sample that the proof rests on can be lost without its failing."""
    proof = proved([sample for number, sample in enumerate(samples()) if number != dropped])

    assert not proof.holds
    assert proof.verdict.startswith('PROOF FAILED: ')


def test_an_amount_submitted_twice_breaks_the_proof() -> None:
    """Too much is as wrong as too little, and the verdict names the count and the difference."""
    proof = proved([*samples(), count('amazon_ses.send.count', 4)])

    assert proof.verdict == 'PROOF FAILED: amazon_ses.send.count in us-east-1 differs by +4'


@pytest.mark.parametrize('truth', [{'amount': 8}, {'calls': 3}, {'calls': 1}, {'billed': 24}])
def test_a_different_truth_breaks_the_proof(truth: dict[str, int]) -> None:
    """A different sum in CloudWatch, number of logged requests or of billed metrics each breaks the proof."""
    assert not proved(samples(), **truth).holds


def test_a_request_that_was_never_submitted_breaks_the_proof() -> None:
    """An operation that is in the log of AWS alone is a difference, too."""
    tally = Tally()
    tally.add(Run(START, 0.0, metrics=[gauge(SINCE, START)]))
    proof = prove(tally, [REGION], [ACCOUNT], Truth(lambda *_: {(): 0.0}, {(REGION, 'ListMetrics'): 1}, {}))

    assert proof.verdict == 'PROOF FAILED: ListMetrics in us-east-1 differs by -1'


SETS = {'news': 5.0, 'alerts': 2.0}
SET_SEND = 'amazon_ses.configuration_set.send.count'
LISTED = Family(
    'configuration sets', {SET_SEND: ('Send',)}, {'ses:configuration-set': 'configuration_set'}, limited=True
)
NAMED = Family('named dimensions', {SET_SEND: ('Send',)}, {'ses:configuration-set': 'configuration_set'})


def proved_by_set(*submitted: Sample, sums: dict[str, float], family: Family = LISTED) -> Proof:
    tally = Tally()
    tally.add(Run(START, 0.0, metrics=[*samples(), *submitted]))

    def amounts(family: Family, count: str, region: str, since: float) -> dict[Tags, float]:
        return {(f'configuration_set:{name}',): amount for name, amount in sums.items()} if family.name else {(): 7.0}

    return prove(tally, [REGION], [ACCOUNT, family], Truth(amounts, {(REGION, 'GetAccount'): 2}, {REGION: 12}))


def by_set(**values: float) -> list[Sample]:
    return [count(SET_SEND, value, f'configuration_set:{name}') for name, value in values.items()]


def test_equal_sets_are_a_proof() -> None:
    """Counts of configuration sets are compared beside those of the account."""
    assert proved_by_set(*by_set(**SETS), sums=SETS).verdict == (
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
    proof = proved_by_set(*by_set(**submitted), sums=SETS)

    assert list(proof.objections) == [f'{SET_SEND} of configuration_set:{difference}' for difference in differences]


@pytest.mark.parametrize(('transient', 'differences'), [(3.0, []), (2.0, [-1.0])])
def test_counts_divided_by_type_are_added_up(transient: float, differences: list[float]) -> None:
    """Failure events of a set are compared with CloudWatch as the sum over the types that divide them."""
    family = replace(NAMED, divided=True)
    name = 'configuration_set:news'
    events = [
        count(SET_SEND, 2.0, name, 'bounce_type:permanent'),
        count(SET_SEND, transient, name, 'bounce_type:transient'),
    ]
    proof = proved_by_set(*events, sums={'news': 5.0}, family=family)
    (comparison,) = proof.counts[family.name]
    assert [comparison.difference] == (differences or [0.0])
    assert proof.holds is not bool(differences)


def test_sets_that_max_series_leaves_out_are_not_compared() -> None:
    """Where the option max_series leaves series out, only submitted series are compared. Series that an option names
    are never left out."""
    left_out = gauge(LEFT_OUT, 10, 'reason:max_series')

    assert proved_by_set(*by_set(news=5.0), left_out, sums=SETS).holds
    assert not proved_by_set(*by_set(news=4.0), left_out, sums=SETS).holds
    assert not proved_by_set(*by_set(news=5.0), left_out, sums=SETS, family=NAMED).holds


@pytest.mark.parametrize('sample', [count(SKIPPED, 1, 'reason:late_growth'), gauge(SHRUNK, 1)])
def test_losses_break_the_proof(sample: Sample) -> None:
    """Equal sums are no proof where periods were skipped or amounts are lowered."""
    assert not proved([*samples(), sample]).holds


def test_no_counts_are_no_proof() -> None:
    """A run in which nothing could be compared does not pass."""
    assert prove(Tally(), [REGION], [ACCOUNT], Truth(lambda *_: {}, {}, {})).objections == (
        'nothing was counted in us-east-1',
        'there is no count to compare',
    )
