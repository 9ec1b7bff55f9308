"""SES v2 reads."""

from __future__ import annotations

from typing import Any

from simulator.operations import Call, operation


@operation('sesv2', 'GetAccount', action='ses:GetAccount', per_second=1)
def get_account(call: Call) -> dict[str, Any]:
    standing = call.world.standing(call.account, call.region, call.now)
    return {
        'DedicatedIpAutoWarmupEnabled': False,
        'EnforcementStatus': standing.enforcement_status,
        'ProductionAccessEnabled': standing.production_access,
        'SendQuota': {
            'Max24HourSend': standing.max_24_hour_send,
            'MaxSendRate': standing.max_send_rate,
            'SentLast24Hours': float(call.world.sent_last_24_hours(call.account, call.region, call.now)),
        },
        'SendingEnabled': standing.sending_enabled,
        'SuppressionAttributes': {'SuppressedReasons': ['BOUNCE', 'COMPLAINT']},
        'VdmAttributes': {'VdmEnabled': 'DISABLED'},
    }
