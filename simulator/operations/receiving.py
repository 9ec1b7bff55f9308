"""Reads of SES v1 about receiving: the active receipt rule set, rule sets, filters."""

from __future__ import annotations

from typing import Any

from simulator.call import Call
from simulator.inventory import PLANTED_TOPIC, Rule, RuleSet
from simulator.operations.pages import arn, inventory_of, listed


def describe_active_receipt_rule_set(call: Call) -> dict[str, Any]:
    """Nothing where no rule set is active."""
    for rule_set in inventory_of(call).rule_sets.values():
        if rule_set.active:
            return {'Metadata': _metadata(call, rule_set), 'Rules': [_rule(call, rule) for rule in rule_set.rules]}
    return {}


def list_receipt_rule_sets(call: Call) -> dict[str, Any]:
    return listed(
        call, 'RuleSets', 100, lambda inventory: inventory.rule_sets.values(), lambda each: _metadata(call, each)
    )


def list_receipt_filters(call: Call) -> dict[str, Any]:
    filters = inventory_of(call).ip_filters.values()
    return {'Filters': [{'Name': each.name, 'IpFilter': {'Policy': 'Block', 'Cidr': each.cidr}} for each in filters]}


def _metadata(call: Call, rule_set: RuleSet) -> dict[str, Any]:
    return {'Name': rule_set.name, 'CreatedTimestamp': call.backend.world.started - 86_400.0}


def _rule(call: Call, rule: Rule) -> dict[str, Any]:
    function = arn(call, f'function:{PLANTED_TOPIC}', 'lambda')
    return {
        'Name': rule.name,
        'Enabled': rule.enabled,
        'TlsPolicy': 'Optional',
        'Recipients': list(rule.recipients),
        'Actions': [
            {'S3Action': {'BucketName': f'bucket-{PLANTED_TOPIC}', 'TopicArn': arn(call, PLANTED_TOPIC, 'sns')}},
            {'LambdaAction': {'FunctionArn': function, 'InvocationType': 'Event'}},
        ],
        'ScanEnabled': True,
    }
