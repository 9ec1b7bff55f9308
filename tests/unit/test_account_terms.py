"""The terms of an account: from literal answers of GetAccount to gauges, and from two answers to events."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from common import values_by_name

from datadog_checks.amazon_ses import progress
from datadog_checks.amazon_ses.collectors import account, terms
from datadog_checks.amazon_ses.collectors.account import Standing
from datadog_checks.amazon_ses.collectors.terms import Terms
from datadog_checks.amazon_ses.progress import Progress
from datadog_checks.amazon_ses.state.document import from_document, to_document
from datadog_checks.amazon_ses.words import is_on, word

NOW = 1_790_000_100

ACCOUNT: Mapping[str, Any] = {
    'DedicatedIpAutoWarmupEnabled': True,
    'EnforcementStatus': 'HEALTHY',
    'ProductionAccessEnabled': True,
    'SendQuota': {'Max24HourSend': 50_000.0, 'MaxSendRate': 14.0, 'SentLast24Hours': 12_500.0},
    'SendingEnabled': True,
    'SuppressionAttributes': {
        'SuppressedReasons': ['COMPLAINT', 'BOUNCE'],
        'ValidationAttributes': {
            'ConditionThreshold': {
                'ConditionThresholdEnabled': 'ENABLED',
                'OverallConfidenceThreshold': {'ConfidenceVerdictThreshold': 'MEDIUM'},
            }
        },
    },
    'Details': {
        'MailType': 'TRANSACTIONAL',
        'WebsiteURL': 'https://secret.example',
        'ContactLanguage': 'EN',
        'UseCaseDescription': 'secret use case',
        'AdditionalContactEmailAddresses': ['secret@example.com'],
        'ReviewDetails': {'Status': 'GRANTED', 'CaseId': 'secret-1'},
    },
    'VdmAttributes': {
        'VdmEnabled': 'ENABLED',
        'DashboardAttributes': {'EngagementMetrics': 'ENABLED'},
        'GuardianAttributes': {'OptimizedSharedDelivery': 'DISABLED'},
    },
    'PricingAttributes': {'CurrentPlan': 'ESSENTIALS', 'NextPlan': 'PRO'},
    'DeliveryAttributes': {'SharedPoolDeliveryMode': 'GLOBAL'},
}
ALL = Terms(50_000.0, 14.0, True, 'essentials', 'pro', 'bounce, complaint', 'medium', 'global', True, True, 'granted')


def readings(answer: Mapping[str, Any]) -> dict[Any, Any]:
    return values_by_name(terms.readings(terms.terms(answer)))


def with_suppression(**attributes: Any) -> Mapping[str, Any]:
    return {'SuppressionAttributes': attributes}


def test_a_whole_answer_has_every_term() -> None:
    """GetAccount states suppression by reason, validation, VDM, shared pool, warm-up, plan and the request for
    production access; texts and names of the owner are not read."""
    assert terms.terms(ACCOUNT) == ALL
    assert readings(ACCOUNT) == {
        ('account.suppression_enabled', 'reason:bounce'): 1.0,
        ('account.suppression_enabled', 'reason:complaint'): 1.0,
        'account.vdm_enabled': 1.0,
        'account.auto_warmup_enabled': 1.0,
        ('account.auto_validation', 'status:medium'): 1.0,
        ('account.shared_pool', 'status:global'): 1.0,
        ('account.plan', 'status:essentials'): 1.0,
        ('account.production_access_request', 'status:granted'): 1.0,
    }
    assert 'secret' not in repr((terms.terms(ACCOUNT), list(account.parse(ACCOUNT, NOW))))


@pytest.mark.parametrize('absent', [name for name in ACCOUNT if name not in ('SendQuota', 'SendingEnabled')])
def test_what_an_older_sdk_drops_is_unknown(absent: str) -> None:
    """A field that an answer lacks has no gauge and is no change, and the other fields are as before."""
    answer = {name: value for name, value in ACCOUNT.items() if name != absent}
    lacking = terms.terms(answer)
    assert readings(answer).items() <= readings(ACCOUNT).items()
    assert list(terms.changes(ALL, lacking)) == list(terms.changes(lacking, ALL)) == []
    assert ALL.updated(lacking) == ALL


@pytest.mark.parametrize(
    ('answer', 'expected'),
    [
        (with_suppression(), {}),
        (with_suppression(SuppressedReasons=[]), {'bounce': 0.0, 'complaint': 0.0}),
        (with_suppression(SuppressedReasons=['BOUNCE']), {'bounce': 1.0, 'complaint': 0.0}),
        (with_suppression(SuppressedReasons=['Complaint', 'SOMETHING_NEW']), {'bounce': 0.0, 'complaint': 1.0}),
        (with_suppression(SuppressedReasons='BOUNCE'), {}),
        (with_suppression(SuppressedReasons=[None]), {}),
    ],
)
def test_an_empty_suppression_list_is_off_and_an_absent_one_unknown(answer: Any, expected: dict[str, float]) -> None:
    """Suppression is off for a reason that the list lacks, and unknown where there is no list."""
    assert readings(answer) == {
        ('account.suppression_enabled', f'reason:{reason}'): value for reason, value in expected.items()
    }


@pytest.mark.parametrize(
    ('enabled', 'threshold', 'status'),
    [
        ('DISABLED', None, 'disabled'),
        ('ENABLED', 'HIGH', 'high'),
        ('Enabled', 'Managed', 'managed'),
        ('ENABLED', None, 'enabled'),
        ('ENABLED', 'VERY_HIGH', 'very_high'),
        ('PERHAPS', 'HIGH', None),
        (None, None, None),
    ],
)
def test_states_of_auto_validation(enabled: str | None, threshold: str | None, status: str | None) -> None:
    """Auto validation is disabled, or has the confidence that it asks for; another answer is unknown."""
    condition: dict[str, Any] = {'ConditionThresholdEnabled': enabled}
    if threshold:
        condition['OverallConfidenceThreshold'] = {'ConfidenceVerdictThreshold': threshold}
    answer = with_suppression(ValidationAttributes={'ConditionThreshold': condition})
    assert readings(answer) == ({('account.auto_validation', f'status:{status}'): 1.0} if status else {})


@pytest.mark.parametrize('garbage', [None, 'x', '', 7, [], {}, ['x'], {'x': {}}, 'two words and a@b.example'])
@pytest.mark.parametrize('field', ['SuppressionAttributes', 'Details', 'VdmAttributes', 'PricingAttributes'])
def test_garbage_in_a_term_costs_that_term_alone(field: str, garbage: object) -> None:
    """A field of another form than AWS documents is unknown; quota and standing are shown."""
    after, events = progress.after_snapshot(Progress(), account.ACCOUNT, {**ACCOUNT, field: garbage}, NOW)
    assert not after.sources['account'].failures and events == ()
    shown = values_by_name(after.sources['account'].readings)
    assert shown['quota.max_24_hour'] == 50_000.0 and shown['account.sending_enabled'] == 1.0
    assert shown.items() <= values_by_name(account.parse(ACCOUNT, NOW)).items()


def changed(**now: Any) -> list[tuple[str, str, str]]:
    events = terms.changes(ALL, ALL._replace(**now))
    return [(event.spec.name, event.title, event.alert_type) for event in events]


@pytest.mark.parametrize(
    ('now', 'expected'),
    [
        ({}, []),
        ({'max_24_hour': 200.0, 'max_send_rate': 1.0}, [('account.quota', 'sending quota was lowered', 'warning')]),
        ({'max_24_hour': -1.0}, [('account.quota', 'sending quota was raised', 'info')]),
        ({'max_send_rate': 500.0}, [('account.quota', 'sending quota was raised', 'info')]),
        ({'production_access': False}, [('account.sandbox', 'account is in the sandbox again', 'error')]),
        ({'plan': 'none'}, [('account.plan', 'plan is none', 'info')]),
        ({'next_plan': 'none'}, [('account.plan', 'plan is essentials', 'info')]),
        ({'suppression': ''}, [('account.suppression', 'suppression is off', 'warning')]),
        ({'suppression': 'bounce'}, [('account.suppression', 'suppression was switched off in part', 'warning')]),
        ({'validation': 'disabled'}, [('account.auto_validation', 'auto validation is disabled', 'info')]),
        ({'shared_pool': 'regional'}, [('account.shared_pool', 'shared pool is regional', 'info')]),
        ({'vdm': False, 'auto_warmup': False, 'production_request': 'pending'}, []),
    ],
)
def test_which_changes_of_terms_are_events(now: dict[str, Any], expected: list[tuple[str, str, str]]) -> None:
    """Quota, sandbox, plan, suppression, validation and shared pool are events where they change, each of its kind."""
    assert changed(**now) == [(name, f'Amazon SES {title}', alert) for name, title, alert in expected]


def test_texts_of_a_quota_that_nobody_asked_for() -> None:
    """The event of a raised quota says both limits and that stolen keys look like this."""
    (event,) = terms.changes(Terms(max_24_hour=200.0, max_send_rate=1.0), Terms(50_000.0, 14.0))
    assert event.text.startswith(
        'The 24-hour quota was 200 and is now 50,000. The maximum send rate was 1 and is now 14.'
    )
    assert 'stolen keys' in event.text
    (event,) = terms.changes(Terms(production_access=False), Terms(production_access=True))
    assert event.alert_type == 'info' and 'stolen keys' in event.text


def test_terms_outlive_a_restart() -> None:
    """The terms are saved as they are, and a state of an older version has none: the first answer is no change."""
    saved = to_document(Progress(standing=Standing('HEALTHY', True, ALL)))
    saved.values['standing'] = json.loads(json.dumps(saved.values['standing']))
    assert from_document(saved).standing == Standing('HEALTHY', True, ALL)
    saved.values['standing'] = ['HEALTHY', True]
    older = from_document(saved).standing
    assert older == Standing('HEALTHY', True) and list(account.changes(older, Standing('HEALTHY', True, ALL))) == []


@pytest.mark.parametrize(
    ('text', 'expected'),
    [
        ('TEMPORARY_FAILURE', 'temporary_failure'),
        ('TemporaryFailure', 'temporary_failure'),
        ('temporary-failure', 'temporary_failure'),
        ('FEEDBACK_3P', 'feedback_3p'),
        ('Pending Sending Pause', 'pending_sending_pause'),
        ('arn:aws:ses', None),
        ('a@b.example', None),
        ('x' * 41, None),
        ('', None),
        (None, None),
        (7, None),
    ],
)
def test_words_in_any_spelling(text: object, expected: str | None) -> None:
    """A word of AWS is one word, however it is spelled, and what is no word is not shown."""
    assert word(text) == expected
    assert [is_on(value) for value in ('ENABLED', 'Disabled', True, 'perhaps', None)] == [True, False, True, None, None]
