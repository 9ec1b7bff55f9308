"""The monitors of what AWS, mailbox providers and pools hold against the account, and of numbers that mislead."""

from __future__ import annotations

from tools.boards import limits
from tools.boards.monitor import BOARDS, TARGETS, Monitor
from tools.boards.queries import TARGET_TAGS, Family

GUIDE = 'https://docs.aws.amazon.com/ses/latest/dg'


def _grouped(prefix: str, *tags: str, filters: str = '') -> Family:
    """Metrics that are grouped by tags beside account and Region. `filters` names the tags that only some have."""
    return Family(prefix, (*TARGET_TAGS, *tags), filters or '*')


def _of(filters: str, prefix: str = '') -> Family:
    return Family(prefix, TARGET_TAGS, filters)


RULES = _grouped('receiving.', 'rule', filters='rule:*')
ADDRESSES = _grouped('snds.', 'ip')
POOLS = _grouped('managed_pool.', 'pool_name')
TENANTS = _grouped('tenant.', 'paused_by')
ENDPOINTS = _grouped('global_endpoint.', 'multi_region_endpoint_id', 'secondary_region')
PROVIDERS = _grouped('vdm.', 'provider', filters='window:1d,provider:*')

REFUSALS = ('blocklisted', 'authentication', 'policy')
"""Why a mailbox provider refuses a sender, and not a single mailbox."""


def _refused(reason: str) -> str:
    family = _grouped('event.', 'provider', filters=f'reason:{reason}')
    return f'default_zero({family.count("provider.count")})'


MAIL = (
    Monitor(
        key='sends_surge',
        subject='emails, of those of the same hour a week ago',
        title='Far more mail is sent than a week ago',
        description='An account sends three times as much as at the same hour a week ago. A campaign does that, and so '
        'does a thief with your keys, who spoils the reputation in hours. 100 emails are added to each five minutes.',
        query=f'avg(last_1h):100 * {TARGETS.gauge("send")} / (week_before({TARGETS.gauge("send")}) + '
        f'{limits.USUAL_PERIOD})',
        window='1 h',
        limit=limits.SURGE,
        renotify=240,
        priority=2,
        meaning='In an hour {{eval "round(value)"}} % of the mail of the same hour a week ago was sent.',
        steps=(
            'Ask who sends: is a campaign or an import planned?',
            'If nobody knows, look at new identities on the dashboard Amazon SES Inventory, and in CloudTrail for the '
            'key that sends.',
            'Take the key away, switch sending off in the SES console, and rotate what the key could read.',
            'Planned, and again next week: mute this monitor for those hours.',
        ),
        links=f'{BOARDS}, [switch sending off]({GUIDE}/sending-review-process-pause.html)',
    ),
    Monitor(
        key='provider_refuses',
        subject='recipients whose provider refuses the sender',
        title='A mailbox provider refuses the sender',
        description='Answers of a mailbox provider name a blocklist, failed authentication or a policy: no mailbox is '
        'at fault, the sender is. Only with queues of events.',
        query=f'sum(last_1h):{" + ".join(_refused(reason) for reason in REFUSALS)}',
        window='1 h',
        limit=limits.REFUSED,
        groups=(*TARGET_TAGS, 'provider'),
        renotify=240,
        priority=2,
        meaning='{{provider.name}} refused the mail to {{eval "round(value)"}} recipients in an hour for who sends it.',
        steps=(
            'Look at the reasons by provider on the dashboard Amazon SES Inventory.',
            'authentication: look at SPF, DKIM and DMARC of the sending domain; did its DNS change?',
            'blocklisted: dedicated addresses are yours to delist; for shared ones write to AWS Support.',
            'Slow bulk mail to this provider down until it takes it again.',
        ),
        links=f'{BOARDS}, [bounces]({GUIDE}/event-publishing-retrieving-sns-contents.html)',
    ),
    Monitor(
        key='provider_delivery',
        subject='share that a provider takes, of a day',
        title='A mailbox provider takes less mail',
        description='Virtual Deliverability Manager counts what each mailbox provider takes. Of the last complete day '
        'one took less than nine in ten: the sum of all providers may still look fine.',
        query=f'max(last_1h):{PROVIDERS.gauge("delivery_rate")}',
        window='1 h',
        limit=limits.PROVIDER,
        groups=PROVIDERS.by,
        renotify=1440,
        priority=3,
        meaning='{{provider.name}} took {{eval "round(value)"}} % of the mail of the last complete day.',
        steps=(
            'Look at the mailbox providers on the dashboard Amazon SES Inventory: only this one, and since when?',
            'Look at its page for senders: Postmaster Tools of Gmail, SNDS of Outlook, Sender Hub of Yahoo.',
            'Send it only to those who opened mail lately, until it recovers.',
        ),
        links=f'{BOARDS}, [VDM]({GUIDE}/vdm-dashboard.html)',
    ),
    Monitor(
        key='receipt_given_up',
        title='Inbound mail is given up',
        description='The action of a receipt rule failed until SES gave up: the email that was received is lost. '
        'Nobody else is told.',
        query=f'sum(last_30m):{RULES.count("publish_expired.count")}',
        window='30 min',
        limit=limits.RECEIPTS,
        groups=RULES.by,
        renotify=240,
        priority=2,
        meaning='SES gave up {{eval "round(value)"}} emails of the rule {{rule.name}} in half an hour; they are lost.',
        steps=(
            'Look at the bucket, topic or function that the rule writes to: does it exist, may SES write to it?',
            'With a key of KMS: may SES use it?',
            'Mail that fails now is tried again for hours: what is repaired soon is not lost.',
        ),
        links=f'{BOARDS}, [permissions]({GUIDE}/receiving-email-permissions.html)',
    ),
    Monitor(
        key='rule_set_inactive',
        title='No receipt rule set is active',
        description='There are receipt rule sets and none of them is active, so no mail is received in this Region. '
        'Delete rule sets that nobody needs, or mute the Region.',
        query=f'max(last_30m):{TARGETS.gauge("receiving.rule_set_active")}',
        window='30 min',
        limit=limits.RULE_SET,
        renotify=1440,
        priority=3,
        meaning='No receipt rule set is active: mail to your domains in this Region is refused.',
        steps=(
            'Look at the events of this check: when did the active rule set change?',
            'A deployment that makes a rule set does not make it active: CloudFormation and CDK have no such step.',
            'Set it active in the SES console, Email receiving.',
        ),
        links=f'{BOARDS}, [receiving]({GUIDE}/receiving-email-receipt-rules-console-walkthrough.html)',
    ),
)

STANDINGS = (
    Monitor(
        key='high_impact_finding',
        title='AWS has a finding of high impact',
        description='AWS says what is wrong well before it acts: bounces, complaints, DKIM, a blocklist. A finding of '
        'high impact about a tenant pauses it where its policy says so.',
        query=f'max(last_30m):{_of("impact:high").gauge("finding.open")}',
        window='30 min',
        limit=limits.FINDINGS,
        renotify=1440,
        priority=2,
        meaning='AWS has an open finding of high impact in this Region.',
        steps=(
            'Look at the findings on the dashboard Amazon SES Inventory: what kind, about whom?',
            'Read it in the SES console: Reputation metrics, or the Advisor of Virtual Deliverability Manager.',
            'Repair it; AWS closes a finding some hours later.',
        ),
        links=f'{BOARDS}, [findings]({GUIDE}/vdm-advisor.html)',
    ),
    Monitor(
        key='tenant_paused',
        title='A tenant is paused',
        description='A tenant may not send: AWS paused it, or its reputation policy or somebody of yours did. Mute the '
        'group `customer` if you pause tenants yourself.',
        query=f'max(last_30m):{TENANTS.gauge("paused")}',
        window='30 min',
        limit=limits.TENANTS,
        groups=TENANTS.by,
        renotify=1440,
        priority=3,
        meaning='{{eval "round(value)"}} tenants are paused by {{paused_by.name}} and send nothing.',
        steps=(
            'Find the tenant on the dashboard Amazon SES Inventory, and its findings in the SES console, Tenants.',
            'Ask its owner what was sent, and stop that.',
            'Reinstate it when the cause is repaired: until all findings are resolved, AWS watches it.',
        ),
        links=f'{BOARDS}, [tenants]({GUIDE}/tenants.html)',
    ),
    Monitor(
        key='address_listed',
        title='A dedicated address is on a blocklist',
        description='A dedicated IP address is on a blocklist that AWS watches. Mailbox providers that use it refuse '
        'your mail. To get it off is yours to do, also for managed pools.',
        query=f'max(last_30m):{TARGETS.gauge("dedicated_ip.listed")}',
        window='30 min',
        limit=limits.LISTED,
        renotify=1440,
        priority=3,
        meaning='{{eval "round(value)"}} dedicated addresses are on a blocklist.',
        steps=(
            'Find the address and the list on the dashboard Amazon SES Inventory.',
            'Find out what was sent from it, and stop that: a list that lists again does not forget.',
            'Ask the list to remove the address; meanwhile send from another pool.',
        ),
        links=f'{BOARDS}, [blocklists]({GUIDE}/faqs-dnsbls.html)',
    ),
    Monitor(
        key='address_distrusted',
        subject='`snds.spam_band` and `snds.trap_hits`, added up',
        title='Outlook distrusts a dedicated address',
        description='Outlook SNDS has a bad verdict on a dedicated IP address: its band of spam is red, or mail from '
        'it hit traps. The list is old or bought. Data comes once a day.',
        query=f'max(last_1h):{ADDRESSES.gauge("spam_band")} + {ADDRESSES.gauge("trap_hits")}',
        window='1 h',
        limit=limits.ADDRESS,
        groups=ADDRESSES.by,
        renotify=1440,
        priority=4,
        meaning='Outlook holds {{eval "round(value)"}} against {{ip.name}}: the band of spam, of which 2 is red, and '
        'trap hits, added up.',
        steps=(
            'Find out which stream leaves from the address, and when its list was last confirmed.',
            'Take those off who opened nothing for a year: traps never open.',
            'Look at the address again in two days: SNDS is a day late.',
        ),
        links=f'{BOARDS}, [SNDS]({GUIDE}/snds-metrics-dedicated-ips.html)',
    ),
    Monitor(
        key='pool_full',
        title='A managed pool is nearly full',
        description='A managed pool has used what its tightest mailbox provider takes in a day. More mail to it '
        'leaves from shared addresses, or waits.',
        query=f'max(last_30m):{POOLS.gauge("utilization")}',
        window='30 min',
        limit=limits.POOL,
        groups=POOLS.by,
        renotify=1440,
        priority=4,
        meaning='The pool {{pool_name.name}} has used {{eval "round(value)"}} % of what its tightest provider takes.',
        steps=(
            'Is the volume planned? A pool grows with even mail over weeks, not with one batch.',
            'Spread the batch over more days, or send a part of it from another pool.',
            'Look at the share from dedicated addresses on the dashboard Amazon SES Deliverability.',
        ),
        links=f'{BOARDS}, [managed pools]({GUIDE}/managed-dedicated-sending.html)',
    ),
    Monitor(
        key='failover_short',
        title='The second Region cannot carry all mail',
        description='A global endpoint sends everything through one Region if the other fails. The smaller of both '
        'quotas is less than what both send in 24 hours.',
        query=f'max(last_30m):{ENDPOINTS.gauge("failover_utilization")}',
        window='30 min',
        limit=limits.FAILOVER,
        groups=ENDPOINTS.by,
        renotify=1440,
        priority=4,
        meaning='If a Region fails, the other has to send {{eval "round(value)"}} % of its quota.',
        steps=(
            'Compare the quotas of both Regions on the dashboard Amazon SES Overview.',
            'Ask AWS for a higher quota in the smaller one, in Service Quotas; that takes a day.',
            'Look at what else the second Region lacks, on the dashboard Amazon SES Inventory.',
        ),
        links=f'{BOARDS}, [global endpoints]({GUIDE}/global-endpoints.html)',
    ),
)

NUMBERS = (
    Monitor(
        key='reputation_stale',
        subject='`reputation.age` while mail flows',
        title='The rates of the reputation are old',
        description='Mail flows and AWS has not renewed the bounce and complaint rates for six hours. Monitors and '
        'dashboards judge by rates of the past meanwhile. The age counts in full from many emails on.',
        query=f'avg(last_2h):{TARGETS.gauge("reputation.age")} * {TARGETS.gauge("send")} / '
        f'({TARGETS.gauge("send")} + {limits.SMALL_PERIOD})',
        window='2 h',
        limit=limits.RATES_AGE,
        renotify=1440,
        priority=4,
        meaning='The newest rates are {{eval "round(value/3600)"}} hours old, and mail flows.',
        steps=(
            'Look at Reputation metrics in the SES console: are its rates as old?',
            'Look at the monitor "Collection from AWS fails": can CloudWatch be read?',
            'Until they are renewed, judge by bounces and complaints of the configuration sets.',
        ),
        links=BOARDS,
    ),
    Monitor(
        key='counts_wrong',
        subject='`collector.periods_skipped` and `collector.periods_unknown`',
        title='Counts are known to be wrong',
        description='Periods were given up or are unknown: the Agent could not read for longer than backfill_limit, '
        'or its state was lost. The counts of those hours are too low or uncertain.',
        query=f'sum(last_1h):default_zero({_of("!reason:late_growth").count("collector.periods_skipped")}) + '
        f'default_zero({TARGETS.count("collector.periods_unknown")})',
        window='1 h',
        limit=limits.WRONG,
        renotify=1440,
        priority=4,
        meaning='{{eval "round(value)"}} periods were given up or are unknown. Gauges are right.',
        steps=(
            'Look at the tag reason of collector.periods_skipped, and at the log of the Agent, which names the times.',
            'backfill_limit: the Agent was away for longer than that; raise it if that may happen again.',
            'state_lost, another_writer: does the Agent keep its files, and does only one Agent count?',
        ),
        links=BOARDS,
    ),
)

VERDICTS = (*MAIL, *STANDINGS, *NUMBERS)
