"""Reads of SES v2 about configuration sets, findings and tenants."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from simulator.call import Call
from simulator.errors import AwsError
from simulator.inventory import (
    PLANTED_ADDRESS,
    PLANTED_TOPIC,
    ConfigurationSet,
    Destination,
    Finding,
    Inventory,
    Tenant,
)
from simulator.operations.pages import arn, inventory_of, listed, present


def list_configuration_sets(call: Call) -> dict[str, Any]:
    part = call.params.get('Filter', {}).get('CONFIGURATION_SET_NAME_CONTAINS', '')

    def asked_for(inventory: Inventory) -> Iterator[str]:
        return (name for name in inventory.configuration_sets if part in name)

    return listed(call, 'ConfigurationSets', 1000, asked_for, str)


def get_configuration_set(call: Call) -> dict[str, Any]:
    configuration = _configuration_set(call)
    suppression: dict[str, Any] = {'SuppressionScope': configuration.suppression_scope}
    if configuration.validation:
        suppression['ValidationOptions'] = {'ConditionThreshold': condition(configuration.validation)}
    suppression = present(suppression)
    if configuration.suppressed_reasons is not None:
        suppression['SuppressedReasons'] = list(configuration.suppressed_reasons)
    engagement, guardian = configuration.engagement_metrics, configuration.optimized_shared_delivery
    return present(
        {
            'ConfigurationSetName': configuration.name,
            'TrackingOptions': present(
                {'CustomRedirectDomain': configuration.redirect_domain, 'HttpsPolicy': configuration.https_policy}
            ),
            'DeliveryOptions': present(
                {
                    'TlsPolicy': configuration.tls_policy,
                    'SendingPoolName': configuration.pool,
                    'MaxDeliverySeconds': configuration.max_delivery_seconds,
                    'SharedPoolDeliveryMode': configuration.shared_pool,
                }
            ),
            'ReputationOptions': {
                'ReputationMetricsEnabled': configuration.reputation_metrics,
                'LastFreshStart': call.backend.world.started - 86_400.0,
            },
            'SendingOptions': {'SendingEnabled': configuration.sending_enabled},
            'Tags': [{'Key': 'owner', 'Value': PLANTED_ADDRESS}],
            'SuppressionOptions': suppression,
            'VdmOptions': present(
                {
                    'DashboardOptions': present({'EngagementMetrics': engagement}),
                    'GuardianOptions': present({'OptimizedSharedDelivery': guardian}),
                }
            ),
        }
    )


def condition(threshold: str) -> dict[str, Any]:
    """Auto validation as an answer says it: DISABLED, or enabled from a threshold on."""
    if threshold == 'DISABLED':
        return {'ConditionThresholdEnabled': 'DISABLED'}
    verdict = {'ConfidenceVerdictThreshold': threshold}
    return {'ConditionThresholdEnabled': 'ENABLED', 'OverallConfidenceThreshold': verdict}


def get_configuration_set_event_destinations(call: Call) -> dict[str, Any]:
    return {'EventDestinations': [_destination(call, each) for each in _configuration_set(call).destinations]}


def _configuration_set(call: Call) -> ConfigurationSet:
    name = call.params['ConfigurationSetName']
    configuration = inventory_of(call).configuration_sets.get(name)
    if configuration is None:
        raise AwsError('NotFoundException', f'Configuration set {name} does not exist.', 404)
    return configuration


def _destination(call: Call, destination: Destination) -> dict[str, Any]:
    role, stream = f'arn:aws:iam::{call.account}:role/{PLANTED_TOPIC}', f'deliverystream/{PLANTED_TOPIC}'
    dimension = {
        'DimensionName': 'ses:configuration-set',
        'DimensionValueSource': 'MESSAGE_TAG',
        'DefaultDimensionValue': 'none',
    }
    targets = {
        'sns': ('SnsDestination', {'TopicArn': arn(call, PLANTED_TOPIC, 'sns')}),
        'cloudwatch': ('CloudWatchDestination', {'DimensionConfigurations': [dimension]}),
        'eventbridge': ('EventBridgeDestination', {'EventBusArn': arn(call, 'event-bus/default', 'events')}),
        'firehose': (
            'KinesisFirehoseDestination',
            {'IamRoleArn': role, 'DeliveryStreamArn': arn(call, stream, 'firehose')},
        ),
        'pinpoint': ('PinpointDestination', {'ApplicationArn': arn(call, f'apps/{PLANTED_TOPIC}', 'mobiletargeting')}),
    }
    member, target = targets[destination.type]
    return {
        'Name': destination.name,
        'Enabled': destination.enabled,
        'MatchingEventTypes': list(destination.event_types),
        member: target,
    }


def list_recommendations(call: Call) -> dict[str, Any]:
    filters = call.params.get('Filter', {})
    if len(filters) > 1 and filters.keys() not in ({'STATUS', 'IMPACT'}, {'STATUS', 'TYPE'}):
        raise AwsError('ValidationError', 'STATUS can be combined with IMPACT or TYPE only.')

    def asked_for(inventory: Inventory) -> Iterator[Finding]:
        for finding in inventory.findings.values():
            members = {'STATUS': finding.status, 'IMPACT': finding.impact, 'TYPE': finding.type}
            members['RESOURCE_ARN'] = arn(call, finding.resource)
            if all(members[key] == value for key, value in filters.items()):
                yield finding

    def written(finding: Finding) -> dict[str, Any]:
        started = call.backend.world.started
        return {
            'ResourceArn': arn(call, finding.resource),
            'Type': finding.type,
            'Description': finding.description,
            'Status': finding.status,
            'CreatedTimestamp': started + finding.created,
            'LastUpdatedTimestamp': started + finding.updated,
            'Impact': finding.impact,
        }

    return listed(call, 'Recommendations', 100, asked_for, written)


def list_reputation_entities(call: Call) -> dict[str, Any]:
    filters = call.params.get('Filter', {})

    def asked_for(inventory: Inventory) -> Iterator[Tenant]:
        for tenant in inventory.tenants.values():
            if (
                filters.get('ENTITY_TYPE') in (None, 'RESOURCE')
                and filters.get('REPUTATION_IMPACT') in (None, tenant.impact)
                and filters.get('SENDING_STATUS') in (None, tenant.status)
                and _reference(call, tenant).startswith(filters.get('ENTITY_REFERENCE_PREFIX', ''))
            ):
                yield tenant

    return listed(call, 'ReputationEntities', 1000, asked_for, lambda tenant: _entity(call, tenant))


def _reference(call: Call, tenant: Tenant) -> str:
    return arn(call, f'tenant/{tenant.name}/{tenant.id}')


def _entity(call: Call, tenant: Tenant) -> dict[str, Any]:
    updated = call.backend.world.started + tenant.updated

    def record(status: str) -> dict[str, Any]:
        return present({'Status': status, 'Cause': tenant.cause, 'LastUpdatedTimestamp': updated})

    return present(
        {
            'ReputationEntityReference': _reference(call, tenant),
            'ReputationEntityType': 'RESOURCE',
            'ReputationManagementPolicy': f'arn:aws:ses:{call.region}:aws:reputation-policy/{tenant.policy}',
            'CustomerManagedStatus': record(tenant.customer_status),
            'AwsSesManagedStatus': record(tenant.ses_status),
            'SendingStatusAggregate': tenant.status,
            'ReputationImpact': tenant.impact,
        }
    )
