"""The groups of the dashboard Amazon SES Inventory that say why mail bounces: by mailbox provider, and by event."""

from __future__ import annotations

from tools.boards import limits
from tools.boards.inventory_queries import by
from tools.boards.queries import ALL, STEP, Family
from tools.boards.widgets import Group, Measure, Row, bars, chart, newest, note, rare, table, top

QUEUES_CONTENT = """\
Failure events say **why** and **at whom**, which CloudWatch does not. They are counted at least once and only for \
configuration sets that publish to a queue: add them to nothing that CloudWatch counts.

The **judged** bounces are those that AWS judges by: permanent, without suppression lists and validation.
"""

PROVIDERS = by('vdm.', 'provider', only='window:1d,provider:*')
EVENTS = Family('event.')

PROVIDER_GROUP = Group(
    'What Do Mailbox Providers Do?',
    'vivid_green',
    Row(
        3,
        table(
            6,
            'Providers yesterday',
            newest('delivered', PROVIDERS.gauge('delivery_rate', 'min'), limits.PROVIDER),
            newest('bounced for good', PROVIDERS.gauge('permanent_bounce_rate')),
            newest('bounced for now', PROVIDERS.gauge('transient_bounce_rate')),
            newest('complained', PROVIDERS.gauge('complaint_rate'), limits.SET_COMPLAINTS),
            description='Of the last complete UTC day, the worst Region. The complaint rate is of deliveries to '
            'providers that report complaints.',
            order=1,
        ),
        chart(
            6,
            'Delivered share by provider',
            Measure(
                'delivered',
                by('vdm.', 'provider', only='window:7d,provider:*').gauge('delivery_rate', 'min'),
                lowest=True,
            ),
            minimum=60,
            description='Of the last seven complete days.',
        ),
    ),
)

QUEUE_GROUP = Group(
    'Why Does Mail Bounce?',
    'vivid_orange',
    Row(
        3,
        note(3, QUEUES_CONTENT),
        chart(
            5,
            'Judged bounce rate and that of AWS',
            Measure('judged, by events', EVENTS.gauge('judged_bounce_rate')),
            Measure('as AWS says', ALL.gauge('reputation.bounce_rate')),
            description='Events: of 24 hours. AWS: of a volume that it chooses. Where the first is above the second, '
            'the second will rise.',
        ),
        top(
            4,
            'Refused by provider and reason',
            Measure('recipients', by('event.', 'provider', 'reason').count('provider.count')),
        ),
    ),
    Row(
        3,
        top(
            3,
            'Failures by provider and kind',
            Measure('recipients', by('event.', 'provider', 'event').count('provider.count')),
        ),
        top(
            3,
            'Bounces by type',
            Measure('recipients', by('event.', 'bounce_type', 'bounce_sub_type').count('bounce.count')),
        ),
        top(
            3,
            'Judged bounces by set',
            Measure('recipients', by('event.', 'configuration_set').count('bounce.judged.count')),
        ),
        top(3, 'Complaints by set', Measure('recipients', by('event.', 'configuration_set').count('complaint.count'))),
    ),
    Row(
        3,
        top(3, 'Delays by type', Measure('recipients', by('event.', 'delay_type').count('delivery_delay.count'))),
        top(
            3,
            'Templates not rendered',
            Measure('recipients', by('event.', 'template').count('rendering_failure.count')),
            'A release forgot a value of this template.',
        ),
        top(3, 'Rejected by set', Measure('recipients', by('event.', 'configuration_set').count('reject.count'))),
        top(3, 'Delivered by set', Measure('recipients', by('event.', 'configuration_set').count('delivery.count'))),
    ),
    Row(
        3,
        table(
            6,
            'Queues',
            newest('oldest message', by('event.', 'queue').gauge('queue_lag'), limits.QUEUE_LAG),
            newest('messages left', by('event.', 'queue').gauge('messages_left')),
            description='A lag that grows: more comes than one Agent reads. Send fewer kinds of events to the queue.',
        ),
        bars(
            6,
            'Messages that were not counted',
            rare('known already', EVENTS.count('duplicates', STEP)),
            rare('of another kind', EVENTS.count('ignored', STEP)),
            rare('unreadable', EVENTS.count('unreadable', STEP)),
            rare('unreadable and deleted', EVENTS.count('unreadable_deleted', STEP)),
        ),
    ),
)
