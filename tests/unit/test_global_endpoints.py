"""Global endpoints: from literal answers of ListMultiRegionEndpoints, and from what is known of two Regions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from sweeping import Play, refused, values_of

from datadog_checks.amazon_ses.model import Failure, FailureKind
from datadog_checks.amazon_ses.sweeps import ApiRequest, Means
from datadog_checks.amazon_ses.sweeps.global_endpoints import EMPTY_INTERVAL, GLOBAL_ENDPOINTS, INTERVAL

HERE, THERE = 'us-east-1', 'eu-west-1'
READY, USED, LACKING = (
    'global_endpoint.ready',
    'global_endpoint.failover_utilization',
    'global_endpoint.failover_missing',
)
EQUAL = Means(50_000.0, 10_000.0, True, {1: (), 2: ()}, frozenset({7, 8}))


def endpoint(name: str = 'abcdef12.g3h', **members: Any) -> dict[str, Any]:
    return {
        'EndpointName': 'secret of jane.doe@mail.example', 'EndpointId': name, 'Status': 'READY',
        'Regions': [HERE, THERE], **members,
    }  # fmt: skip


class Aws:
    """An account with endpoints, one on a page."""

    def __init__(self, *rows: Mapping[str, Any]) -> None:
        self.rows = list(rows)

    def __call__(self, request: ApiRequest) -> Mapping[str, Any] | Failure:
        assert request.operation == 'ListMultiRegionEndpoints'
        first = int(request.parameters.get('NextToken', 0))
        more = {'NextToken': str(first + 1)} if first + 1 < len(self.rows) else {}
        return {'MultiRegionEndpoints': self.rows[first : first + 1], **more}


def play(*rows: Mapping[str, Any], **means: Means) -> Play:
    of = {name.replace('_', '-'): value for name, value in means.items()}
    return Play(GLOBAL_ENDPOINTS, Aws(*rows), means=of.get).run()


@pytest.mark.parametrize(
    ('status', 'word'),
    [('READY', 'ready'), ('FAILED', 'failed'), ('CREATING', 'creating'), ('DELETING', 'deleting'), ('NEW', 'unknown')],
)
def test_each_status_is_shown(status: str, word: str) -> None:
    """Each endpoint is ready or not, with its status and its second Region, and without its name."""
    shown = play(endpoint(Status=status), endpoint('other')).shown()
    tags = ('multi_region_endpoint_id:abcdef12.g3h', f'secondary_region:{THERE}', f'status:{word}')
    assert shown[READY, *tags] == (word == 'ready')
    assert len(shown) == 2 and 'jane' not in str(shown)


def test_without_endpoints_nothing_is_shown() -> None:
    """Where there is no endpoint nothing is submitted, and it is asked once an hour, else every 15 minutes."""
    none, one = play(), play(endpoint())
    assert none.shown() == {}
    assert len(none.run(EMPTY_INTERVAL - 1).requests) == 1 and len(none.run(1).requests) == 2
    assert len(one.run(INTERVAL).requests) == 2


def kinds(playing: Play) -> dict[str, float]:
    return {tags[2].removeprefix('kind:'): value for tags, value in values_of(playing.shown(), LACKING).items()}


def test_a_second_region_that_could_carry_everything() -> None:
    """With equal Regions nothing is missing, and the mail of both is compared with the smaller quota."""
    playing = play(endpoint(), us_east_1=EQUAL, eu_west_1=replace(EQUAL, max_24_hour=40_000.0))
    assert kinds(playing) == {'identities': 0, 'configuration_sets': 0, 'production_access': 0}
    assert list(values_of(playing.shown(), USED).values()) == [50.0]


def test_what_the_second_region_lacks() -> None:
    """Identities, sets and production access that the second Region lacks are counted; a subdomain or an address whose
    domain is verified there may send."""
    here = replace(EQUAL, identities={1: (), 2: (), 3: (1,), 4: (2,)})
    there = Means(200.0, 0.0, False, {1: ()}, frozenset({8, 9}))
    playing = play(endpoint(), us_east_1=here, eu_west_1=there)
    assert kinds(playing) == {'identities': 2, 'configuration_sets': 1, 'production_access': 1}
    assert list(values_of(playing.shown(), USED).values()) == [5000.0]


def test_what_is_not_read_is_unknown() -> None:
    """Where one of the Regions is not read, or a part of it is not known, nothing is said of that."""
    assert kinds(play(endpoint(), us_east_1=EQUAL)) == {}
    assert kinds(play(endpoint(), eu_west_1=EQUAL)) == {}
    assert kinds(play(endpoint(), us_east_1=EQUAL, eu_west_1=replace(EQUAL, identities=None))) == {
        'configuration_sets': 0, 'production_access': 0,
    }  # fmt: skip
    nothing = play(endpoint(), us_east_1=EQUAL, eu_west_1=Means())
    assert kinds(nothing) == {} and values_of(nothing.shown(), USED) == {}
    sandbox = play(endpoint(), us_east_1=replace(EQUAL, production_access=False), eu_west_1=EQUAL)
    assert 'production_access' not in kinds(sandbox)


@pytest.mark.parametrize(('here', 'there', 'used'), [(-1.0, 40_000.0, [50.0]), (-1.0, -1.0, []), (0.0, 40_000.0, [])])
def test_quotas_that_are_unlimited_or_zero(here: float, there: float, used: list[float]) -> None:
    """An unlimited quota is no bound, and of none at all there is no share."""
    of_here, of_there = replace(EQUAL, max_24_hour=here), replace(EQUAL, max_24_hour=there)
    assert list(values_of(play(endpoint(), us_east_1=of_here, eu_west_1=of_there).shown(), USED).values()) == used


def test_events_of_another_status() -> None:
    """Another status is one event, also over a restart; what is seen for the first time, unknown or gone is none."""
    playing = play(endpoint(Status='CREATING'))
    assert playing.event_titles() == []
    playing.aws = Aws(endpoint(), endpoint('new', Status='FAILED'))
    playing.restart().run(INTERVAL)
    assert playing.event_titles() == [('global_endpoint.status', 'a global endpoint became ready')]
    playing.aws = Aws(endpoint(Status='FAILED'), endpoint('new', Status='X'))
    playing.run(INTERVAL)
    assert playing.event_titles() == [('global_endpoint.status', 'a global endpoint failed')]
    playing.aws = Aws()
    assert playing.run(INTERVAL).event_titles() == [] and playing.shown() == {}


@pytest.mark.parametrize(
    'answer',
    [
        {},
        {'MultiRegionEndpoints': None},
        {'MultiRegionEndpoints': ['x']},
        {'MultiRegionEndpoints': [{}]},
        {'MultiRegionEndpoints': [endpoint(EndpointId=7)]},
        {'MultiRegionEndpoints': [endpoint(Regions=7)]},
        {'MultiRegionEndpoints': [], 'NextToken': 7},
    ],
)
def test_malformed_answers_change_nothing(answer: Mapping[str, Any]) -> None:
    """An answer of another form is a failure, and what was known is shown on."""
    playing = play(endpoint())
    before = playing.shown()
    playing.aws = lambda request: answer
    playing.run(INTERVAL)
    assert [failure.kind for failure in playing.current.failures(playing.now)] == [FailureKind.MALFORMED]
    assert playing.shown() == before and playing.event_titles() == []


@pytest.mark.parametrize('member', ['Status', 'Regions'])
@pytest.mark.parametrize('garbage', [None, [], {}, ['x y? z', 7, None]])
def test_garbage_in_a_part_is_unknown(member: str, garbage: Any) -> None:
    """A part of another form is unknown, and costs no other endpoint."""
    playing = play(endpoint(**{member: garbage}), endpoint('other'))
    assert {tags[0].partition(':')[2] for tags in values_of(playing.shown(), READY)} == {'abcdef12.g3h', 'other'}


def test_lists_without_end_change_nothing() -> None:
    """Where AWS's pages never end, what was known stays until it is too old, and something waits."""
    playing = play(endpoint())
    playing.aws = lambda request: {'MultiRegionEndpoints': [endpoint('b')], 'NextToken': 'again'}
    playing.run(INTERVAL)
    assert len(playing.shown()) == 1 and playing.event_titles() == []
    assert GLOBAL_ENDPOINTS.pending(playing.state, playing.context, playing.now) == 1
    playing.aws = lambda request: refused(request.operation)
    assert playing.run(2 * INTERVAL).shown() == {}
