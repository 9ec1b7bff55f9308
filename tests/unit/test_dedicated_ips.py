"""Dedicated IP addresses: from literal answers about addresses, pools and blocklists to gauges and events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pytest
from sweeping import Play, refused, values_of

from datadog_checks.amazon_ses.model import Failure, FailureKind
from datadog_checks.amazon_ses.sweeps import ApiRequest
from datadog_checks.amazon_ses.sweeps.dedicated_ips import DAY, DEDICATED_IPS, INTERVAL, MOST_NAMED

FIRST, SECOND = '198.51.100.1', '198.51.100.2'


def ip(address: str = FIRST, **members: Any) -> dict[str, Any]:
    return {'Ip': address, 'WarmupStatus': 'DONE', 'WarmupPercentage': 100, 'PoolName': 'main', **members}


def listing(name: str = 'zen.example') -> dict[str, Any]:
    return {'RblName': name, 'ListingTime': 1.0, 'Description': 'secret of jane.doe@mail.example'}


class Aws:
    """An account with dedicated IP addresses; `lists` are the blocklists of each."""

    def __init__(self, *ips: Mapping[str, Any], lists: Mapping[str, Any] | None = None) -> None:
        self.ips = list(ips)
        self.pools = {'main': 'STANDARD', 'cloud': 'MANAGED'} if ips else {}
        self.lists = dict(lists or {})
        self.failure: Failure | None = None

    def __call__(self, request: ApiRequest) -> Mapping[str, Any] | Failure:
        if self.failure and self.failure.operation == request.operation:
            return self.failure
        if request.operation == 'ListDedicatedIpPools':
            return {'DedicatedIpPools': list(self.pools)}
        if request.operation == 'GetDedicatedIpPool':
            assert request.rolling
            name = request.parameters['PoolName']
            return {'DedicatedIpPool': {'PoolName': name, 'ScalingMode': self.pools[name]}}
        if request.operation == 'GetBlacklistReports':
            names = request.parameters['BlacklistItemNames']
            assert 0 < len(names) <= 20
            return {'BlacklistReport': {name: self.lists.get(name, []) for name in names}}
        return {'DedicatedIps': list(self.ips)}


def test_addresses_warm_up_and_are_listed() -> None:
    """Pools are counted by mode, addresses by pool and warm-up; those that warm up or are listed are named."""
    warming = ip(SECOND, WarmupStatus='IN_PROGRESS', WarmupPercentage=40)
    managed = ip('198.51.100.3', WarmupStatus='NOT_APPLICABLE', WarmupPercentage=-1, PoolName='cloud')
    odd = ip('198.51.100.4', WarmupStatus='IN_PROGRESS', WarmupPercentage=-1)
    lists = {FIRST: [listing(), listing('b.example'), listing()]}
    play = Play(DEDICATED_IPS, Aws(ip(), warming, managed, odd, lists=lists)).run()
    assert play.shown() == {
        ('dedicated_ip.pools', 'scaling_mode:standard'): 1,
        ('dedicated_ip.pools', 'scaling_mode:managed'): 1,
        ('dedicated_ip.count', 'pool_name:main', 'status:done'): 1,
        ('dedicated_ip.count', 'pool_name:main', 'status:in_progress'): 2,
        ('dedicated_ip.count', 'pool_name:cloud', 'status:not_applicable'): 1,
        'dedicated_ip.listed': 1,
        ('dedicated_ip.warmup', f'ip:{SECOND}', 'pool_name:main'): 40,
        ('dedicated_ip.listing', f'ip:{FIRST}', 'pool_name:main', 'blocklist:b.example'): 1,
        ('dedicated_ip.listing', f'ip:{FIRST}', 'pool_name:main', 'blocklist:zen.example'): 1,
    }
    assert play.event_titles() == [] and 'jane' not in str(play.shown())


def test_an_account_without_dedicated_ips_is_quiet() -> None:
    """Without dedicated IP addresses nothing is shown, and two lists an hour are all that is asked."""
    play = Play(DEDICATED_IPS, Aws()).run()
    for _ in range(12):
        play.run(INTERVAL)
    assert play.shown() == {} and len(play.requests) == 26


def test_what_dedicated_ips_cost() -> None:
    """50 addresses cost two lists and three reads of blocklists an hour, and each pool one request a day."""
    play = Play(DEDICATED_IPS, Aws(*(ip(f'198.51.100.{number}') for number in range(50)))).run()
    play.requests.clear()
    for _ in range(24):
        play.run(INTERVAL)
    assert Counter(request.operation for request in play.requests) == {
        'GetDedicatedIps': 24, 'ListDedicatedIpPools': 24, 'GetBlacklistReports': 72, 'GetDedicatedIpPool': 2,
    }  # fmt: skip
    assert DAY == 24 * INTERVAL


@pytest.mark.parametrize('restarts', [False, True])
def test_listings_are_told_once_with_their_number(restarts: bool) -> None:
    """Addresses that get on a blocklist or off all of them are one event each, also over a restart."""
    aws = Aws(*(ip(f'198.51.100.{number}') for number in range(1, 31)), lists={FIRST: [listing()]})
    play = Play(DEDICATED_IPS, aws).run()
    aws.lists = {FIRST: [], SECOND: [listing()], '198.51.100.30': [listing()]}
    if restarts:
        play.restart()
    assert play.run(INTERVAL).event_titles() == [
        ('dedicated_ip.listed', '2 dedicated IP addresses on a blocklist'),
        ('dedicated_ip.delisted', 'a dedicated IP address on no blocklist any more'),
    ]
    assert '198.51.100' not in str(DEDICATED_IPS.to_document(play.state))
    assert play.run(INTERVAL).event_titles() == []
    aws.lists[SECOND] = [listing(), listing('b.example')]
    assert play.run(INTERVAL).event_titles() == [('dedicated_ip.listed', 'a dedicated IP address on a blocklist')]


REFUSALS = {
    'refused': refused('GetBlacklistReports', FailureKind.MALFORMED, at_request=True),
    'unknown': refused('GetBlacklistReports', FailureKind.UNSUPPORTED, at_request=True),
    'lacking': refused('GetBlacklistReports', FailureKind.UNSUPPORTED),
}


@pytest.mark.parametrize('name', REFUSALS)
def test_blocklists_that_cannot_be_read_are_unsupported(name: str) -> None:
    """Where AWS refuses to say who lists the addresses, nothing is shown of it, never zero; that is no warning, and it
    is asked again a day later."""
    aws = Aws(ip())
    aws.failure = REFUSALS[name]
    play = Play(DEDICATED_IPS, aws).run()
    for _ in range(23):
        play.run(INTERVAL)
    assert sum(request.operation == 'GetBlacklistReports' for request in play.requests) == 1
    assert 'dedicated_ip.listed' not in play.shown() and values_of(play.shown(), 'dedicated_ip.count')
    assert list(play.current.failures(play.now)) == [] and play.event_titles() == []
    aws.failure = None
    assert play.run(INTERVAL).shown()['dedicated_ip.listed'] == 0


@pytest.mark.parametrize('kind', [FailureKind.DENIED, FailureKind.THROTTLED])
def test_denied_and_throttled_blocklists_are_failures(kind: FailureKind) -> None:
    """Blocklists that are denied or throttled are a failure to tell, and never zero."""
    aws = Aws(ip())
    aws.failure = refused('GetBlacklistReports', kind)
    play = Play(DEDICATED_IPS, aws).run()
    assert [failure.kind for failure in play.current.failures(play.now)] == [kind]
    assert 'dedicated_ip.listed' not in play.shown()


def test_an_address_that_the_report_leaves_out_is_unknown() -> None:
    """An address that the report leaves out is neither listed nor delisted, and the others are counted."""
    aws = Aws(ip(), ip(SECOND), lists={FIRST: [listing()]})
    play = Play(DEDICATED_IPS, aws).run()
    aws.lists[FIRST] = None
    assert play.run(INTERVAL).event_titles() == []
    assert play.shown()['dedicated_ip.listed'] == 0 and values_of(play.shown(), 'dedicated_ip.listing') == {}
    aws.lists[SECOND] = None
    assert 'dedicated_ip.listed' not in play.run(INTERVAL).shown()
    aws.lists[FIRST] = []
    delisted = ('dedicated_ip.delisted', 'a dedicated IP address on no blocklist any more')
    assert play.run(INTERVAL).event_titles() == [delisted]


def test_the_bound_on_names_is_counted() -> None:
    """At most 200 warm-ups are named, and `dedicated_ip.unnamed` counts the others."""
    rows = [ip(f'198.51.{n // 250}.{n % 250}', WarmupStatus='IN_PROGRESS', WarmupPercentage=1) for n in range(250)]
    shown = Play(DEDICATED_IPS, Aws(*rows)).run().shown()
    assert len(values_of(shown, 'dedicated_ip.warmup')) == MOST_NAMED and shown['dedicated_ip.unnamed'] == 50


@pytest.mark.parametrize('operation', ['GetDedicatedIps', 'ListDedicatedIpPools', 'GetBlacklistReports'])
@pytest.mark.parametrize(
    'answer',
    [
        {},
        dict.fromkeys(('DedicatedIps', 'DedicatedIpPools', 'BlacklistReport')),
        dict.fromkeys(('DedicatedIps', 'DedicatedIpPools', 'BlacklistReport'), 7),
        {'DedicatedIps': [{}], 'DedicatedIpPools': [7], 'BlacklistReport': {FIRST: [{}]}},
        {'DedicatedIps': [None], 'DedicatedIpPools': [None], 'BlacklistReport': {FIRST: 'x'}},
    ],
)
def test_malformed_answers_change_nothing(operation: str, answer: Mapping[str, Any]) -> None:
    """An answer of another form is a failure of its operation, and what was known is shown on."""
    aws = Aws(ip(), lists={FIRST: [listing()]})
    play = Play(DEDICATED_IPS, aws).run()
    before = play.shown()
    play.aws = lambda request: answer if request.operation == operation else aws(request)
    play.run(INTERVAL)
    failures = [(failure.operation, failure.kind) for failure in play.current.failures(play.now)]
    assert failures == [(operation, FailureKind.MALFORMED)] and play.shown() == before and play.event_titles() == []


@pytest.mark.parametrize('garbage', [None, 'x y z?', 7, [], {}])
def test_garbage_in_a_part_is_unknown(garbage: Any) -> None:
    """A part of an address or a pool of another form is unknown, and costs no other part."""
    aws = Aws(ip(WarmupStatus=garbage, PoolName=garbage, WarmupPercentage=garbage))
    aws.pools = {'main': garbage}
    shown = Play(DEDICATED_IPS, aws).run().shown()
    assert [tags[-1] for tags in values_of(shown, 'dedicated_ip.count')] == ['status:unknown']
    assert values_of(shown, 'dedicated_ip.pools') == {('scaling_mode:unknown',): 1}


def test_lists_without_end_forget_nobody() -> None:
    """Where AWS's pages never end, something waits, and no address is forgotten that a blocklist lists."""
    aws = Aws(ip(), lists={FIRST: [listing()]})
    play = Play(DEDICATED_IPS, aws).run()
    endless = {'DedicatedIps': [], 'NextToken': 'again'}
    play.aws = lambda request: endless if request.operation == 'GetDedicatedIps' else aws(request)
    play.run(INTERVAL)
    assert DEDICATED_IPS.pending(play.state, play.context, play.now) == 1 and len(play.state.counts) == 1
