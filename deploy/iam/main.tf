# The role with which a Datadog Agent reads Amazon SES in this account. One module call for each account.

terraform {
  required_version = ">= 1.3"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.0"
    }
  }
}

variable "agent_role_arn" {
  description = "The role of the Agent, which assumes this one."
  type        = string
}

variable "external_id" {
  description = "The option external_id of the instances."
  type        = string
  sensitive   = true
}

variable "role_name" {
  description = "The name of the role."
  type        = string
  default     = "datadog-amazon-ses"
}

data "aws_iam_policy_document" "trust" {
  statement {
    actions = ["sts:AssumeRole"]

    principals {
      type        = "AWS"
      identifiers = [var.agent_role_arn]
    }

    condition {
      test     = "StringEquals"
      variable = "sts:ExternalId"
      values   = [var.external_id]
    }
  }
}

data "aws_iam_policy_document" "read" {
  statement {
    sid       = "TheDefaultConfiguration"
    resources = ["*"]
    actions = [
      # actions: generated
      "cloudwatch:GetMetricData",
      "cloudwatch:ListMetrics",
      "ses:BatchGetMetricData",
      "ses:DescribeActiveReceiptRuleSet",
      "ses:GetAccount",
      "ses:GetBlacklistReports",
      "ses:GetConfigurationSet",
      "ses:GetConfigurationSetEventDestinations",
      "ses:GetDedicatedIpPool",
      "ses:GetDedicatedIps",
      "ses:GetEmailIdentity",
      "ses:GetIdentityDkimAttributes",
      "ses:GetIdentityMailFromDomainAttributes",
      "ses:GetIdentityNotificationAttributes",
      "ses:GetSendStatistics",
      "ses:ListConfigurationSets",
      "ses:ListDedicatedIpPools",
      "ses:ListEmailIdentities",
      "ses:ListExportJobs",
      "ses:ListImportJobs",
      "ses:ListMultiRegionEndpoints",
      "ses:ListReceiptFilters",
      "ses:ListReceiptRuleSets",
      "ses:ListRecommendations",
      "ses:ListReputationEntities",
      # actions: end
    ]
  }
}

resource "aws_iam_role" "reader" {
  name               = var.role_name
  description        = "Read by the Datadog Agent for Amazon SES"
  assume_role_policy = data.aws_iam_policy_document.trust.json
}

resource "aws_iam_role_policy" "read" {
  name   = "read-amazon-ses"
  role   = aws_iam_role.reader.id
  policy = data.aws_iam_policy_document.read.json
}

output "role_arn" {
  description = "The option role_arn."
  value       = aws_iam_role.reader.arn
}
