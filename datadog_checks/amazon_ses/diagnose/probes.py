"""Probes: the request that tries each IAM action. Each only reads, and asks for as little as it can.

AWS authorizes a request before it looks for an item, so a probe of an operation on one item may name an item that does
not exist. Where a list named one, that one is asked for, since a policy may be limited to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from datadog_checks.amazon_ses.model import Failure
from datadog_checks.amazon_ses.sweeps import Answer, ApiRequest

DOCUMENTATION_ADDRESS = '192.0.2.1'
"""An address that belongs to nobody (RFC 5737)."""

ONE = {'PageSize': 1}
DAY, PERIOD = 86400, 300


@dataclass(frozen=True, slots=True)
class Item:
    """The name of an item: the first one that another probe lists, or else one that nobody has.

    `path` leads to the list in the answer, and from each of its members to the name, where it is no text.
    """

    action: str
    path: tuple[str, ...]
    placeholder: str


@dataclass(frozen=True, slots=True)
class Probe:
    """The request for an IAM action, by the SDK's name of the service. `item` is the value of the parameter
    `item_parameter`, in a list where `in_list` is set.
    """

    action: str
    service: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    item_parameter: str = ''
    item: Item | None = None
    in_list: bool = False

    @property
    def operation(self) -> str:
        return self.action.partition(':')[2]


IDENTITY = Item('ses:ListEmailIdentities', ('EmailIdentities', 'IdentityName'), 'datadog-diagnose.invalid')
SET = Item('ses:ListConfigurationSets', ('ConfigurationSets',), 'datadog-diagnose')
POOL = Item('ses:ListDedicatedIpPools', ('DedicatedIpPools',), 'datadog-diagnose')

LIST_METRICS, GET_METRIC_DATA, VDM = 'cloudwatch:ListMetrics', 'cloudwatch:GetMetricData', 'ses:BatchGetMetricData'
ACCOUNT, QUEUE = 'ses:GetAccount', 'sqs:GetQueueAttributes'

PROBES = (
    # The lists go before the items that they name, the account before all.
    Probe(ACCOUNT, 'sesv2'),
    Probe('ses:GetSendStatistics', 'ses'),
    Probe('ses:ListEmailIdentities', 'sesv2', ONE),
    Probe('ses:ListConfigurationSets', 'sesv2', ONE),
    Probe('ses:ListDedicatedIpPools', 'sesv2', ONE),
    Probe('ses:GetIdentityDkimAttributes', 'ses', {}, 'Identities', IDENTITY, in_list=True),
    Probe('ses:GetIdentityMailFromDomainAttributes', 'ses', {}, 'Identities', IDENTITY, in_list=True),
    Probe('ses:GetIdentityNotificationAttributes', 'ses', {}, 'Identities', IDENTITY, in_list=True),
    Probe('ses:GetEmailIdentity', 'sesv2', {}, 'EmailIdentity', IDENTITY),
    Probe('ses:GetConfigurationSet', 'sesv2', {}, 'ConfigurationSetName', SET),
    Probe('ses:GetConfigurationSetEventDestinations', 'sesv2', {}, 'ConfigurationSetName', SET),
    Probe('ses:GetDedicatedIpPool', 'sesv2', {}, 'PoolName', POOL),
    Probe('ses:GetDedicatedIps', 'sesv2', ONE),
    Probe('ses:GetBlacklistReports', 'sesv2', {'BlacklistItemNames': [DOCUMENTATION_ADDRESS]}),
    Probe('ses:ListRecommendations', 'sesv2', ONE),
    Probe('ses:ListReputationEntities', 'sesv2', ONE),
    Probe('ses:ListMultiRegionEndpoints', 'sesv2', ONE),
    Probe('ses:ListImportJobs', 'sesv2', ONE),
    Probe('ses:ListExportJobs', 'sesv2', ONE),
    Probe('ses:ListSuppressedDestinations', 'sesv2', ONE),
    Probe('ses:DescribeActiveReceiptRuleSet', 'ses'),
    Probe('ses:ListReceiptRuleSets', 'ses'),
    Probe('ses:ListReceiptFilters', 'ses'),
    Probe(VDM, 'sesv2'),
    Probe(GET_METRIC_DATA, 'cloudwatch'),
)
"""Every action that is tried by a request of its own, in this order. LIST_METRICS is tried by the listing of the check
itself, QUEUE for each queue of the options."""

VDM_IS_OFF = 'the account says that VDM is off.'
"""Why the action of VDM is not tried."""

NOT_TRIED = ('sqs:ReceiveMessage', 'sqs:DeleteMessage')
"""Actions that nobody may try: what is received is hidden from others, and what is deleted is gone."""


def request(probe: Probe, answers: Mapping[str, Answer | Failure], now: float) -> ApiRequest:
    """The request of a probe, after the answers to earlier ones, by action."""
    parameters = dict(probe.parameters)
    if probe.action == GET_METRIC_DATA:
        parameters = _metric_data(now)
    elif probe.action == VDM:
        end = int(now // DAY * DAY)
        query = {'Id': 'q0', 'Namespace': 'VDM', 'Metric': 'SEND', 'StartDate': end - DAY, 'EndDate': end}
        parameters = {'Queries': [query]}
    elif probe.item is not None:
        name = _name(probe.item, answers)
        parameters[probe.item_parameter] = [name] if probe.in_list else name
    return ApiRequest(probe.service, probe.operation, parameters)


def is_vdm_off(answers: Mapping[str, Answer | Failure]) -> bool:
    """Whether the account says that its Virtual Deliverability Manager is off: nothing is then asked of it."""
    account = answers.get(ACCOUNT)
    if account is None or isinstance(account, Failure):
        return False
    attributes = account.get('VdmAttributes')
    return not (isinstance(attributes, Mapping) and attributes.get('VdmEnabled') == 'ENABLED')


def _name(item: Item, answers: Mapping[str, Answer | Failure]) -> str:
    answer = answers.get(item.action)
    names, *keys = item.path
    listed = None if answer is None or isinstance(answer, Failure) else answer.get(names)
    first = listed[0] if isinstance(listed, list) and listed else None
    for key in keys:
        first = first.get(key) if isinstance(first, Mapping) else None
    return first if isinstance(first, str) and first else item.placeholder


def _metric_data(now: float) -> dict[str, Any]:
    """One metric over one period: the smallest request that CloudWatch answers."""
    end = int(now // PERIOD * PERIOD)
    metric = {'Metric': {'Namespace': 'AWS/SES', 'MetricName': 'Send'}, 'Period': PERIOD, 'Stat': 'Sum'}
    return {
        'MetricDataQueries': [{'Id': 'q0', 'MetricStat': metric}],
        'StartTime': end - PERIOD,
        'EndTime': end,
    }
