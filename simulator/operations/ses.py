"""SES reads: the standing of an account from SES v2, quota and statistics from SES v1."""

from __future__ import annotations

from collections import Counter
from typing import Any

from simulator.call import Call
from simulator.inventory import PLANTED_TOKEN, AccountSettings
from simulator.operations.pages import inventory_of, present
from simulator.operations.resources import condition

BUCKET = 15
"""Minutes of a bucket of GetSendStatistics."""

_STATISTICS = {'DeliveryAttempts': 'Send', 'Bounces': 'Bounce', 'Complaints': 'Complaint', 'Rejects': 'Reject'}


def get_account(call: Call) -> dict[str, Any]:
    standing = call.backend.world.standing(call.account, call.region, call.now)
    settings = inventory_of(call).account
    return present(
        {
            'DedicatedIpAutoWarmupEnabled': settings.auto_warmup,
            'EnforcementStatus': standing.enforcement_status,
            'ProductionAccessEnabled': standing.production_access,
            'SendQuota': get_send_quota(call),
            'SendingEnabled': standing.sending_enabled,
            'SuppressionAttributes': _suppression(settings),
            'Details': _details(settings),
            'VdmAttributes': _vdm(settings),
            'PricingAttributes': present({'CurrentPlan': settings.plan, 'NextPlan': settings.next_plan}),
            'DeliveryAttributes': present({'SharedPoolDeliveryMode': settings.shared_pool}),
        }
    )


def _suppression(settings: AccountSettings) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    if settings.suppressed_reasons is not None:
        attributes['SuppressedReasons'] = list(settings.suppressed_reasons)
    if settings.validation:
        attributes['ValidationAttributes'] = {'ConditionThreshold': condition(settings.validation)}
    return attributes


def _details(settings: AccountSettings) -> dict[str, Any]:
    return present(
        {
            'MailType': settings.mail_type,
            'WebsiteURL': settings.website,
            'ContactLanguage': 'EN',
            'UseCaseDescription': settings.use_case,
            'AdditionalContactEmailAddresses': list(settings.contacts) or None,
            'ReviewDetails': {'Status': settings.review, 'CaseId': PLANTED_TOKEN} if settings.review else None,
        }
    )


def _vdm(settings: AccountSettings) -> dict[str, Any] | None:
    if not settings.vdm:
        return None
    dashboard, guardian = settings.engagement_metrics, settings.optimized_shared_delivery
    return present(
        {
            'VdmEnabled': settings.vdm,
            'DashboardAttributes': present({'EngagementMetrics': dashboard}),
            'GuardianAttributes': present({'OptimizedSharedDelivery': guardian}),
        }
    )


def get_send_quota(call: Call) -> dict[str, Any]:
    standing = call.backend.world.standing(call.account, call.region, call.now)
    return {
        'Max24HourSend': standing.max_24_hour_send,
        'MaxSendRate': standing.max_send_rate,
        'SentLast24Hours': float(call.backend.world.sent_last_24_hours(call.account, call.region, call.now)),
    }


def get_send_statistics(call: Call) -> dict[str, Any]:
    # AWS counts its buckets back from the request's own minute, so their timestamps move from call to call, and the
    # newest bucket has only just begun.
    world, target, newest = call.backend.world, (call.account, call.region), int(call.now // 60)
    first = newest - 14 * 1440 + BUCKET
    buckets: dict[int, Counter[str]] = {}
    for field, metric in _STATISTICS.items():
        amounts = world.amounts(*target, metric, first, newest)
        for start in range(first, newest, BUCKET):
            number = int(sum(amounts[start - first : start - first + BUCKET]))
            if number:
                buckets.setdefault(start, Counter())[field] = number
        running = world.happened(*target, metric, newest * 60, newest * 60 + 60, call.now)
        if running:
            buckets.setdefault(newest, Counter())[field] += running
    # Unordered, as documented: a fixed shuffle by the minute of the bucket.
    order = sorted(buckets, key=lambda start: (start * 2_654_435_761) & 0xFFFF_FFFF)
    return {
        'SendDataPoints': [
            {'Timestamp': start * 60.0, **{field: buckets[start][field] for field in _STATISTICS}} for start in order
        ]
    }


def get_account_sending_enabled(call: Call) -> dict[str, Any]:
    return {'Enabled': call.backend.world.standing(call.account, call.region, call.now).sending_enabled}
