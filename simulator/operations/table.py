"""Every operation that the pretend AWS offers."""

from __future__ import annotations

from simulator.call import Operation
from simulator.operations import (
    cloudwatch,
    dedicated_ips,
    deliverability,
    identities,
    jobs,
    metric_data,
    receiving,
    resources,
    ses,
    sqs,
    sts,
)

# SES documents one call a second for each of its reads.
_INVENTORY = {
    ('sesv2', 'ListEmailIdentities'): identities.list_email_identities,
    ('sesv2', 'GetEmailIdentity'): identities.get_email_identity,
    ('ses', 'GetIdentityDkimAttributes'): identities.get_identity_dkim_attributes,
    ('ses', 'GetIdentityMailFromDomainAttributes'): identities.get_identity_mail_from_domain_attributes,
    ('ses', 'GetIdentityNotificationAttributes'): identities.get_identity_notification_attributes,
    ('sesv2', 'ListConfigurationSets'): resources.list_configuration_sets,
    ('sesv2', 'GetConfigurationSet'): resources.get_configuration_set,
    ('sesv2', 'GetConfigurationSetEventDestinations'): resources.get_configuration_set_event_destinations,
    ('sesv2', 'ListRecommendations'): resources.list_recommendations,
    ('sesv2', 'ListMultiRegionEndpoints'): deliverability.list_multi_region_endpoints,
    ('sesv2', 'ListSuppressedDestinations'): deliverability.list_suppressed_destinations,
    ('sesv2', 'ListReputationEntities'): resources.list_reputation_entities,
    ('ses', 'DescribeActiveReceiptRuleSet'): receiving.describe_active_receipt_rule_set,
    ('ses', 'ListReceiptRuleSets'): receiving.list_receipt_rule_sets,
    ('ses', 'ListReceiptFilters'): receiving.list_receipt_filters,
    ('sesv2', 'ListDedicatedIpPools'): dedicated_ips.list_dedicated_ip_pools,
    ('sesv2', 'GetDedicatedIpPool'): dedicated_ips.get_dedicated_ip_pool,
    ('sesv2', 'GetDedicatedIps'): dedicated_ips.get_dedicated_ips,
    ('sesv2', 'GetBlacklistReports'): dedicated_ips.get_blacklist_reports,
    ('sesv2', 'ListImportJobs'): jobs.list_import_jobs,
    ('sesv2', 'ListExportJobs'): jobs.list_export_jobs,
}

OPERATIONS: dict[tuple[str | None, str | None], Operation] = {
    ('cloudwatch', 'GetMetricData'): Operation(
        metric_data.get_metric_data,
        'cloudwatch:GetMetricData',
        per_second=500,
        write=metric_data.write_metric_data,
    ),
    ('cloudwatch', 'ListMetrics'): Operation(cloudwatch.list_metrics, 'cloudwatch:ListMetrics', per_second=25),
    ('cloudwatch', 'GetMetricStatistics'): Operation(
        cloudwatch.get_metric_statistics, 'cloudwatch:GetMetricStatistics', per_second=400
    ),
    ('ses', 'GetSendQuota'): Operation(ses.get_send_quota, 'ses:GetSendQuota', per_second=1),
    ('ses', 'GetSendStatistics'): Operation(ses.get_send_statistics, 'ses:GetSendStatistics', per_second=1),
    ('ses', 'GetAccountSendingEnabled'): Operation(
        ses.get_account_sending_enabled, 'ses:GetAccountSendingEnabled', per_second=1
    ),
    ('sesv2', 'GetAccount'): Operation(ses.get_account, 'ses:GetAccount', per_second=1),
    ('sesv2', 'BatchGetMetricData'): Operation(
        deliverability.batch_get_metric_data, 'ses:BatchGetMetricData', per_second=16
    ),
    ('sts', 'GetCallerIdentity'): Operation(sts.get_caller_identity, 'sts:GetCallerIdentity', checked=False),
    ('sts', 'AssumeRole'): Operation(sts.assume_role, 'sts:AssumeRole'),
    ('sts', 'AssumeRoleWithWebIdentity'): Operation(
        sts.assume_role_with_web_identity, 'sts:AssumeRoleWithWebIdentity', signed=False
    ),
    ('sqs', 'ReceiveMessage'): Operation(sqs.receive_message, 'sqs:ReceiveMessage'),
    ('sqs', 'DeleteMessageBatch'): Operation(sqs.delete_message_batch, 'sqs:DeleteMessage'),
    ('sqs', 'GetQueueAttributes'): Operation(sqs.get_queue_attributes, 'sqs:GetQueueAttributes'),
    **{key: Operation(answer, f'ses:{key[1]}', per_second=1) for key, answer in _INVENTORY.items()},
}
