"""The monitors of mail, reputation, quota and collection, as data, and all monitors."""

from __future__ import annotations

from collections.abc import Iterable

from tools.boards import limits
from tools.boards.monitor import BOARDS, NOTIFY_NO_DATA, SENT, SETS, TARGETS, Monitor
from tools.boards.queries import TARGET_TAGS, Family
from tools.boards.verdicts import VERDICTS

IDENTITY_PROBLEMS = (
    'verification_lost',
    'verification_failed',
    'sending_off',
    'mail_from_rejects',
    'dkim_failed',
    'mail_from_failed',
    'feedback_topic_lost',
)


def _of_sent(part: str) -> str:
    """A part of the emails in percent, damped for few emails."""
    return f'100 * {TARGETS.count(f"{part}.count")} / ({SENT} + {limits.SMALL_SET})'


def _problems(metric: str, problems: Iterable[str]) -> str:
    """How many members have these problems, all together."""
    families = (Family(by=TARGET_TAGS, filters=f'problem:{problem}') for problem in problems)
    return ' + '.join(family.gauge(metric) for family in families)


DANGERS = (
    Monitor(
        key='sending_paused',
        subject='`account.enforcement_level` and `account.sending_enabled`',
        title='Sending is under review, paused or off',
        description='AWS reviews an account that bounces or is complained about too much, or for other reasons, and '
        'may then pause it. Paused by AWS or switched off by its owner, no email leaves.',
        query=f'max(last_10m):{TARGETS.gauge("account.enforcement_level")} + '
        f'2 * (1 - {TARGETS.gauge("account.sending_enabled", "min")})',
        window='10 min',
        limit=limits.STANDING,
        on_missing_data='show_no_data',
        renotify=60,
        priority=1,
        meaning='{{#is_alert}}No email leaves this account in this Region: AWS has paused it, or its owner has '
        'switched sending off. The service check sending_status says which.{{/is_alert}}'
        '{{#is_warning}}AWS has the account under review and may pause it.{{/is_warning}}',
        steps=(
            'Switched off and nobody meant to: an automatic pause of your own may have acted. Repair its cause first.',
            'Find the email of AWS, which goes to the address of the root user and names the date, and the case in AWS '
            'Support.',
            'Stop bulk mail now: the table of configuration sets on the dashboard shows who bounces.',
            'Repair the cause, then answer the case with what was changed.',
        ),
        no_data='AWS does not say how the account stands: see the monitor "Collection from AWS fails".',
    ),
    Monitor(
        key='pause_near',
        title='Reputation is near where AWS may pause',
        description='The risk of the worse rate: AWS reviews an account from 50, and may pause it from 100, which is a '
        'bounce rate of 10 % or a complaint rate of 0.5 %. After a pause nothing is sent, password resets included.',
        query=f'avg(last_30m):{TARGETS.gauge("reputation.risk")}',
        window='30 min',
        limit=limits.PAUSE_NEAR,
        renotify=240,
        priority=2,
        meaning='The risk is {{eval "round(value)"}}. AWS reviews an account from 50 and may pause it from 100. It may '
        'also pause without a review, and for reasons that no rate shows.',
        steps=(
            'Stop marketing and bulk configuration sets now; keep transactional mail.',
            'Find the set with the highest bounced and complained share on the dashboard.',
            'Remove invalid and unconfirmed addresses from the list that was sent last.',
            'Check that the account-level suppression list is on.',
        ),
    ),
    Monitor(
        key='bounce_rate',
        title='Bounce rate comes near the review level',
        description='AWS advises to stay below a bounce rate of 2 % and reviews an account from 5 %. The rate covers a '
        'volume that AWS chooses, so it falls slowly, over months for small senders: act while it is low.',
        query=f'avg(last_30m):{TARGETS.gauge("reputation.bounce_rate")}',
        window='30 min',
        limit=limits.BOUNCE_RATE,
        renotify=1440,
        priority=2,
        meaning='The bounce rate that AWS judges by is {{eval "round(value*100)/100"}} %. AWS advises to '
        'stay below 2 % and reviews the account from 5 %. The rate falls only as good mail is sent: who sends little '
        'waits for months.',
        steps=(
            'Find the configuration set and the campaign that bounce, on the dashboard.',
            'Stop that stream and remove the invalid addresses.',
            'Check that the account-level suppression list is on, and that new addresses are confirmed.',
            'If AWS has opened a case, ask in it for a fresh look once the cause is repaired.',
        ),
    ),
    Monitor(
        key='complaint_rate',
        title='Complaint rate comes near the review level',
        description='AWS reviews an account from a complaint rate of 0.1 % and may pause it from 0.5 %. Recipients who '
        'mark emails as spam also spoil delivery to everybody else at their provider.',
        query=f'avg(last_30m):{TARGETS.gauge("reputation.complaint_rate")}',
        window='30 min',
        limit=limits.COMPLAINT_RATE,
        renotify=1440,
        priority=2,
        meaning='The complaint rate that AWS judges by is {{eval "round(value*1000)/1000"}} %. AWS '
        'advises to stay below 0.1 %, from where it reviews the account. The rate falls only as good mail is sent: '
        'who sends little waits for months. Gmail sends SES no complaints: look at its Postmaster Tools too.',
        steps=(
            'Find the configuration set that is complained about, on the dashboard, and stop the stream.',
            'Check that one-click unsubscribe works and is honoured at once.',
            'Mail only those who agreed, and less often.',
            'If AWS has opened a case, ask in it for a fresh look once the cause is repaired.',
        ),
    ),
    Monitor(
        key='daily_quota',
        title='Daily quota is nearly used',
        description='SES refuses emails once the quota of 24 hours is used. A quota that fills unexpectedly can also '
        'mean stolen credentials.',
        query=f'max(last_15m):{TARGETS.gauge("quota.utilization")}',
        window='15 min',
        limit=limits.QUOTA,
        renotify=240,
        priority=2,
        meaning='{{eval "round(value)"}} % of the 24-hour quota is used.',
        steps=(
            'Is the volume planned? If not, look for stolen credentials and rotate them.',
            'Spread the batch over more hours, or hold back what can wait.',
            'Ask AWS for a higher quota in Service Quotas; that takes a day.',
        ),
        links=f'{BOARDS}, [quotas](https://docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas.html)',
    ),
    Monitor(
        key='send_rate',
        title='Send rate is near the maximum',
        description='SES throttles sending above the maximum rate. The value is a mean of five minutes, so short '
        'bursts are already above it.',
        query=f'max(last_15m):{TARGETS.gauge("quota.rate_utilization")}',
        window='15 min',
        limit=limits.SEND_RATE,
        renotify=240,
        priority=3,
        meaning='Sending uses {{eval "round(value)"}} % of the maximum rate.',
        steps=(
            'Slow the workers down and let them retry with growing, random pauses.',
            'Look for a batch that can be spread.',
            'Ask AWS for a higher rate in Service Quotas.',
        ),
        links=f'{BOARDS}, [quotas](https://docs.aws.amazon.com/ses/latest/dg/manage-sending-quotas.html)',
    ),
    Monitor(
        key='mail_stopped',
        title='Mail has stopped flowing',
        description='An account that sent mail has had none accepted for an hour, as CloudWatch says: counts that are '
        'missing do not alert. Customers wait for password resets and receipts. Mute it where nights are quiet.',
        query=f'sum(last_1h):{TARGETS.count("send.count")}',
        window='1 h',
        limit=limits.SILENCE,
        on_missing_data='show_no_data',
        renotify=240,
        priority=2,
        meaning='SES accepted no email in the last hour.',
        steps=(
            'Look at the application that sends: is it up, is its queue full?',
            'Look at its credentials and at its permission ses:SendEmail.',
            'Look at the monitors on a pause and on the quota.',
        ),
        links=BOARDS,
    ),
    Monitor(
        key='set_bounces',
        subject='bounces of a configuration set, of its emails',
        title='A configuration set bounces too much',
        description='One bad list can bring the whole account under review. This names the configuration set before '
        'the rate of the account moves. Small sets are damped: 200 emails are added to each.',
        query=f'sum(last_4h):100 * {SETS.count("bounce.count")} / ({SETS.count("send.count")} + {limits.SMALL_SET})',
        window='4 h',
        limit=limits.SET_BOUNCES,
        groups=SETS.by,
        renotify=1440,
        priority=3,
        meaning='Of the emails of {{configuration_set.name}} in four hours {{eval "round(value*10)/10"}} % bounced.',
        steps=(
            'Ask the owner of the set which list was imported or mailed last.',
            'Stop the set: switch its sending off in the SES console.',
            'Remove the invalid addresses before it goes on.',
        ),
    ),
    Monitor(
        key='collection_fails',
        title='Collection from AWS fails',
        description='Nothing can be read from AWS, or parts cannot. The other monitors and the dashboards are blind '
        'meanwhile.',
        query=f'avg(last_10m):{TARGETS.gauge("can_connect", "min")}',
        window='10 min',
        limit=limits.CONNECTION,
        on_missing_data=NOTIFY_NO_DATA,
        renotify_statuses=('alert', 'warn', 'no data'),
        renotify=1440,
        priority=2,
        meaning='{{#is_alert}}Nothing can be read from AWS: the other monitors and the dashboards are blind.'
        '{{/is_alert}}{{#is_warning}}A part cannot be read from AWS: what shows it is old or missing.{{/is_warning}}',
        steps=(
            'Read the message of the service check amazon_ses.can_connect, or run `agent diagnose` where the Agent '
            'runs: both name the failing call and the way out.',
            'denied: give the Agent the permissions of assets/iam_policy.json.',
            'credentials: look at the role or keys of the instance; throttled: raise `period` or share fewer calls.',
        ),
        no_data='The Agent sends nothing: is it running, and is the check amazon_ses in `agent status`? The account '
        '`unknown` ends so once AWS tells which it is.',
        links=BOARDS,
    ),
)


WATCHES = (
    Monitor(
        key='rendering_failures',
        subject='rendering failures, of the emails',
        title='Templates cannot be rendered',
        description='SES accepts an email and then cannot fill its template: it tells nobody who sends, and no email '
        'leaves. Usually a release forgot a value. 200 emails are added, so that a single failure is no alert.',
        query=f'sum(last_1h):{_of_sent("rendering_failure")}',
        window='1 h',
        limit=limits.NOT_RENDERED,
        renotify=240,
        priority=2,
        meaning='Of the emails of an hour {{eval "round(value)"}} % could not be rendered, and nobody received them.',
        steps=(
            'Find the configuration set on the dashboard Amazon SES Deliverability, and what was released last.',
            'Send the template with the data of a real email: TestRenderEmailTemplate names the value that is missing.',
            'Repair it, and send again what was lost: SES does not.',
        ),
        links=BOARDS,
    ),
    Monitor(
        key='not_delivered',
        subject='emails without delivery, of all',
        title='Providers do not take the mail',
        description='Mail is accepted by SES and not delivered. The rate that AWS judges may stay low, since it counts '
        'only some bounces. 20 emails are added to each five minutes, so that few are no alert.',
        query=f'avg(last_2h):100 * ({TARGETS.gauge("send")} - {TARGETS.gauge("delivery")}) / '
        f'({TARGETS.gauge("send")} + {limits.SMALL_PERIOD})',
        window='2 h',
        limit=limits.NOT_DELIVERED,
        renotify=240,
        priority=2,
        meaning='Of the emails of two hours {{eval "round(value)"}} % are not delivered.',
        steps=(
            'Look at bounces and delays on the dashboard: which configuration set, since when?',
            'Read the answers of the providers in the bounces of SES: do they name a block list, DKIM or DMARC?',
            'Stop bulk mail until the cause is repaired: providers remember.',
        ),
        links=BOARDS,
    ),
    Monitor(
        key='delays',
        subject='delays, of the emails',
        title='Delivery is delayed',
        description='Providers put emails off, and SES tries again for hours. Codes for sign-in come too late. 200 '
        'emails are added, so that few emails are no alert.',
        query=f'sum(last_1h):{_of_sent("delivery_delay")}',
        window='1 h',
        limit=limits.DELAYED,
        renotify=240,
        priority=3,
        meaning='Of the emails of an hour {{eval "round(value)"}} % were delayed.',
        steps=(
            'Look at delays by configuration set on the dashboard: is it a single stream?',
            'Slow bulk mail down: providers put off who sends more than usual.',
            'Look at the status page of AWS and at the block lists of your addresses.',
        ),
        links=BOARDS,
    ),
    Monitor(
        key='sandbox',
        title='Account is in the sandbox',
        description='In the sandbox an account reaches verified addresses alone, and 200 emails a day. Mute it for '
        'accounts that are meant to be there.',
        query=f'max(last_30m):{TARGETS.gauge("account.production_access")}',
        window='30 min',
        limit=limits.SANDBOX,
        renotify=1440,
        priority=4,
        meaning='The account has no production access in this Region: mail to others than verified addresses fails.',
        steps=(
            'Is it the right Region? Production access is given for each by itself.',
            'Ask for production access in the SES console, Account dashboard.',
            'Mute this monitor for accounts of tests.',
        ),
        links=BOARDS,
    ),
    Monitor(
        key='several_agents',
        title='Several Agents count the same account',
        description='More than one Agent counts the same account and Region, so all counts are too high. One Agent '
        'covers 3,600 seconds of an hour.',
        query=f'sum(last_1h):{TARGETS.count("collector.covered_seconds")}',
        window='1 h',
        limit=limits.AGENTS,
        renotify=1440,
        priority=3,
        meaning='In an hour {{eval "round(value)"}} seconds were covered; a single Agent covers 3,600.',
        steps=(
            'Find the hosts on which the check amazon_ses has this account and Region.',
            'Remove the instance from all but one, or make it a cluster check.',
            'Counts of the time in between stay too high: gauges are right.',
        ),
        links=BOARDS,
    ),
    Monitor(
        key='data_stale',
        title='Data of AWS is old',
        description='A source of the collection has not answered for two hours. What the dashboards and the other '
        'monitors show of it is old or missing.',
        query=f'max(last_15m):{Family("collector.", (*TARGET_TAGS, "source"), "*").gauge("data_age")}',
        window='15 min',
        limit=limits.STALE,
        groups=(*TARGET_TAGS, 'source'),
        renotify=1440,
        priority=3,
        meaning='The source {{source.name}} last answered {{eval "round(value/60)"}} minutes ago.',
        steps=(
            'Look at the monitor "Collection from AWS fails" and at the service check can_connect: it says why.',
            'denied: give the Agent the permissions of assets/iam_policy.json.',
            'throttled: look at who else calls the API in this account.',
        ),
        links=BOARDS,
    ),
    Monitor(
        key='identity_problem',
        subject='identities that lost verification, sending, DKIM, MAIL FROM or feedback',
        title='An identity lost what it needs to send',
        description='AWS says that a domain or an address is not verified any more, may not send, or has lost DKIM or '
        'its MAIL FROM domain. Its mail is refused, or fails DMARC and lands in spam.',
        query=f'max(last_15m):{_problems("identity.unhealthy", IDENTITY_PROBLEMS)}',
        window='15 min',
        limit=limits.PROBLEMS,
        renotify=1440,
        priority=2,
        meaning='{{eval "round(value)"}} identities cannot send, or lost DKIM or MAIL FROM.',
        steps=(
            'Open the identity in the SES console: the events of this check and the gauge identity.severity name it.',
            'Restore the DNS records that SES shows; somebody may have changed the zone.',
            'Until then send from another verified domain what cannot wait.',
        ),
        links=BOARDS,
    ),
    Monitor(
        key='destination_disabled',
        subject='configuration sets with a disabled destination',
        title='An event destination is disabled',
        description='A configuration set has an event destination that is disabled: bounces and complaints do not '
        'reach whoever takes addresses off the list.',
        query=f'max(last_15m):{_problems("configuration_set.unhealthy", ("destination_disabled",))}',
        window='15 min',
        limit=limits.DESTINATIONS,
        renotify=1440,
        priority=3,
        meaning='{{eval "round(value)"}} configuration sets have a disabled event destination.',
        steps=(
            'Find the set: the events of this check and the gauge configuration_set.severity name it.',
            'Look whether its topic, stream or bus still exists and may be written to.',
            'Enable the destination again; what happened meanwhile is not sent later.',
        ),
        links=BOARDS,
    ),
)
"""Monitors of what else is collected: none of them wakes anybody."""

MONITORS = (*DANGERS, *WATCHES, *VERDICTS)
