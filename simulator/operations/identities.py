"""Reads of identities: the list and one identity from SES v2, and attributes of up to 100 identities from SES v1."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from simulator.call import Call
from simulator.errors import AwsError
from simulator.inventory import PLANTED_ADDRESS, PLANTED_TOKEN, Identity
from simulator.operations.pages import arn, inventory_of, listed, present

MOST_OF_A_BATCH = 100
DAY = 86_400.0


def list_email_identities(call: Call) -> dict[str, Any]:
    filters = call.params.get('Filter', {})

    def is_asked_for(identity: Identity) -> bool:
        return (
            filters.get('IDENTITY_NAME_CONTAINS', '') in identity.name
            and filters.get('IDENTITY_TYPE') in (None, identity.type)
            and filters.get('VERIFICATION_STATUS') in (None, identity.verification)
        )

    def written(identity: Identity) -> dict[str, Any]:
        return {
            'IdentityType': identity.type,
            'IdentityName': identity.name,
            'SendingEnabled': identity.sending_enabled,
            'VerificationStatus': identity.verification,
        }

    return listed(
        call, 'EmailIdentities', 1000, lambda inventory: filter(is_asked_for, inventory.identities.values()), written
    )


def get_email_identity(call: Call) -> dict[str, Any]:
    name = call.params['EmailIdentity']
    identity = inventory_of(call).identities.get(name)
    if identity is None:
        raise AwsError('NotFoundException', f'Email identity {name} does not exist.', 404)
    started, verified = call.backend.world.started, identity.verification == 'SUCCESS'
    return present(
        {
            'IdentityType': identity.type,
            'FeedbackForwardingStatus': identity.forwarding,
            'VerifiedForSendingStatus': identity.sending_enabled,
            'VerificationStatus': identity.verification,
            'DkimAttributes': {
                'SigningEnabled': identity.dkim_enabled,
                'Status': identity.dkim_status,
                'Tokens': _tokens(identity),
                'SigningHostedZone': f'dkim.{call.region}.amazonses.com',
                'SigningAttributesOrigin': 'AWS_SES',
                'CurrentSigningKeyLength': identity.key_length,
                'NextSigningKeyLength': identity.key_length,
                'LastKeyGenerationTimestamp': started - 90 * DAY,
            },
            'MailFromAttributes': _mail_from(identity),
            'Policies': {'planted': f'{{"Principal": "{PLANTED_ADDRESS}"}}'},
            'Tags': [{'Key': 'owner', 'Value': PLANTED_ADDRESS}],
            'ConfigurationSetName': identity.configuration_set,
            'VerificationInfo': present(
                {
                    'LastCheckedTimestamp': call.now - 600.0,
                    'LastSuccessTimestamp': call.now - 600.0 if verified else started - DAY,
                    'ErrorType': identity.error_type,
                    'SOARecord': {
                        'PrimaryNameServer': f'ns.{identity.name.partition("@")[2] or identity.name}',
                        'AdminEmail': PLANTED_ADDRESS,
                        'SerialNumber': 1,
                    },
                }
            ),
        }
    )


def _mail_from(identity: Identity) -> dict[str, Any]:
    """Without a custom MAIL FROM there is its behaviour alone, though the model requires the other members."""
    behaviour = {'BehaviorOnMxFailure': 'REJECT_MESSAGE' if identity.mail_from_rejects else 'USE_DEFAULT_VALUE'}
    if not identity.mail_from_domain:
        return behaviour
    return {
        'MailFromDomain': identity.mail_from_domain,
        'MailFromDomainStatus': identity.mail_from_status,
        **behaviour,
    }


def _tokens(identity: Identity) -> list[str]:
    return [f'{PLANTED_TOKEN}{number}' for number in range(3)] if identity.dkim_enabled else []


def get_identity_dkim_attributes(call: Call) -> dict[str, Any]:
    def written(identity: Identity) -> dict[str, Any]:
        return {
            'DkimEnabled': identity.dkim_enabled,
            'DkimVerificationStatus': camel(identity.dkim_status),
            'DkimTokens': _tokens(identity),
        }

    return {'DkimAttributes': _batch(call, written)}


def get_identity_mail_from_domain_attributes(call: Call) -> dict[str, Any]:
    def written(identity: Identity) -> dict[str, Any]:
        attributes = _mail_from(identity)
        attributes['BehaviorOnMXFailure'] = camel(attributes.pop('BehaviorOnMxFailure'))
        if 'MailFromDomainStatus' in attributes:
            attributes['MailFromDomainStatus'] = camel(attributes['MailFromDomainStatus'])
        return attributes

    return {'MailFromDomainAttributes': _batch(call, written)}


def get_identity_notification_attributes(call: Call) -> dict[str, Any]:
    def written(identity: Identity) -> dict[str, Any]:
        topics = {'Bounce': identity.bounce_topic, 'Complaint': identity.complaint_topic}
        topics['Delivery'] = identity.delivery_topic
        return {
            # A topic that is not set is left out, though the model requires it.
            **{f'{kind}Topic': arn(call, topic, 'sns') for kind, topic in topics.items() if topic},
            'ForwardingEnabled': identity.forwarding,
            **{f'HeadersIn{kind}NotificationsEnabled': False for kind in topics},
        }

    return {'NotificationAttributes': _batch(call, written)}


def _batch(call: Call, write: Callable[[Identity], dict[str, Any]]) -> dict[str, Any]:
    """Attributes by identity; those that do not exist are left out."""
    names = call.params['Identities']
    if len(names) > MOST_OF_A_BATCH:
        raise AwsError('ValidationError', f'The number of identities must not exceed {MOST_OF_A_BATCH}.')
    identities = inventory_of(call).identities
    return {name: write(identities[name]) for name in names if name in identities}


def camel(word: str) -> str:
    """The word of SES v1 for a word of SES v2."""
    return ''.join(part.capitalize() for part in word.split('_'))
