"""What mail servers answer, by reason and by provider: a corpus from public documents, bug reports and bounces."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from datadog_checks.amazon_ses.events.facts import BOUNCE_SUB_TYPES, DELAY_TYPES
from datadog_checks.amazon_ses.events.providers import ANSWERS, DOMAINS, FAMILIES, provider_of
from datadog_checks.amazon_ses.events.reasons import BY_TYPE, BY_TYPE_WHERE_UNKNOWN, Reason, classified

CORPUS = """
= no_mailbox
550 5.1.1 <x@example.jp>: Recipient address rejected: User unknown in virtual mailbox table
550 5.1.1 user unknown
550-5.1.1 The email account that you tried to reach does not exist. - gsmtp
550-5.2.1 The email account that you tried to reach is disabled. https://support.google.com/mail/?p=DisabledUser - gsmtp
550 5.5.0 Requested action not taken: mailbox unavailable (S2017062302). [x.prod.protection.outlook.com]
550 5.4.1 Recipient address rejected: Access denied. [x.prod.protection.outlook.com]
550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup
550 5.1.351 Remote server returned unknown recipient or mailbox unavailable -> 550 : User unknown
554 delivery error: dd This user doesn't have a yahoo.com account (x@yahoo.com) [0] - mta1061.mail.ne1.yahoo.com
552 1 Requested mail action aborted, mailbox not found
554 30 Sorry, your message to x@aol.com cannot be delivered. This mailbox is disabled (554.30).
550 5.1.1 <x@icloud.com>: user does not exist
550 5.1.1 <x@privaterelay.appleid.com>: user not found
550 5.1.6 recipient no longer on server: x@example.go.jp
550 Requested action not taken: mailbox unavailable (gmx)
5.3.0 - Other mail system problem 550-'Unknown user x@docomo.ne.jp' (delivery attempts: 0)
550 <x@ezweb.ne.jp>: User unknown
550 5.1.1 Adresse d au moins un destinataire invalide. Invalid recipient. OFR_416 [416]
550 5.5.0 Adresse destinataire invalide. Invalid recipient. LPN007_416
550 5.1.1 unknown or illegal alias: x@example.org
551 not our customer
553 sorry, no mailbox here by that name. (#5.7.1)
550 No such user here
550 5.2.1 The email account is inactive
550 5.1.1 RCP-P1 http://postmaster.facebook.com/response_codes?ip=192.0.2.54#rcp Recipient address does not exist
550 #5.1.0 Address rejected.
550 5.7.1 550 User Unknown: x@example.org
511 5.1.1 unknown address
550 Invalid Recipient - https://community.mimecast.com/docs/DOC-1369#550 [abc]
550 5.1.1 User does not exist - <x@zoho.example>
= mailbox_full
552-5.2.2 The recipient's inbox is out of storage space and inactive. - gsmtp
452-4.2.2 The recipient's inbox is out of storage space. https://support.google.com/mail/?p=OverQuotaTemp - gsmtp
550 5.2.2 STOREDRV.Deliver: mailbox full. MapiExceptionShutoffQuotaExceeded
552 5.2.2 <x@icloud.com>: user is over quota
552 5.2.2 Over quota
552 Requested mail action aborted: exceeded storage allocation. Quota exceeded.
5.1.0 - Unknown address error 550-'5.2.2 <x@example.jp>... Mailbox Full' (delivery attempts: 0)
452 4.4.5 Insufficient disk space; try again later
552 5.2.2 <x@example.org> Quota exceeded (mailbox for user is full)
522 5.2.0 Delivery failed: Over quota
= blocklisted
421 4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user complaints
553 5.7.1 [BL21] Connections will not be accepted from 192.0.2.1, because the ip is in Spamhaus's list
550 5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Part of their network is on our block list (S3140).
550 5.7.606 Access denied, banned sending IP [192.0.2.1]. https://sender.office.com/
550 5.7.511 Access denied, banned sender[192.0.2.1].
550-5.7.1 This message is likely suspicious due to the very low reputation of the sending IP - gsmtp
554 5.7.1 <host[192.0.2.1]>: Client host rejected: blocked using zen.spamhaus.org
554 Blocked - see https://support.proofpoint.com/dnsbl-lookup.cgi?ip=192.0.2.1
550 permanent failure for one or more recipients (x@example.com:blocked) barracudacentral.org/reputation
554 5.7.1 [CS01] Message rejected due to local policy. https://support.apple.com/en-us/HT204137
554 5.7.1 Service unavailable; client [192.0.2.1] blocked using bl.spamcop.net
550 mwinf5c04 ME Adresse IP source bloquee. Client host blocked for spamming issues. OFR006_102
554 Host network not allowed - https://community.mimecast.com/docs/DOC-1369#554
554 IP=192.0.2.254 - A problem occurred. (Ask your postmaster for help) (BL)
553 5.3.0 flpd575 DNSBL:RBL 521< 192.0.2.1 >_is_blocked. For assistance forward this
= rate_limited
421-4.7.28 An unusual rate of unsolicited mail originating from your IP address - gsmtp
450-4.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages - gsmtp
451 4.7.650 The mail server [192.0.2.1] has been temporarily rate limited due to IP reputation
421 RP-001 (BAY004-MC1F12) Unfortunately, some messages from 192.0.2.1 weren't sent: too many connections
451 4.7.1 <x@example.org>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/
452 4.3.2 Connection rate limit exceeded.
550 Connection frequency limited. http://service.mail.qq.com/cgi-bin/help?subtype=1
421 4.7.0 Try again later, closing connection.
452 4.5.3 Too many recipients
450 4.7.1 Client is sending too fast, throttled
= authentication
550-5.7.26 Unauthenticated email from example.org is not accepted due to domain's DMARC policy - gsmtp
550-5.7.26 This mail has been blocked because the sender is unauthenticated - gsmtp
550-5.7.25 The IP address sending this message does not have a PTR record setup - gsmtp
550 5.7.515 Access denied, sending domain EXAMPLE.ORG doesn't meet the required authentication level
550 5.7.509 Access denied, sending domain does not pass DMARC verification and has a DMARC policy of reject
554 5.7.5 Permanent error evaluating DMARC policy
554 5.7.1 Your message was rejected due to example.org's DMARC policy.
550 5.7.1 Email rejected per DMARC policy for example.org
550 Bad SPF records for [example.org:192.0.2.2]
550 5.7.1 Connections not accepted from servers without a valid sender domain. Fix reverse DNS for 192.0.2.1
554-No SMTP service 554-Bad DNS PTR resource record. http://postmaster.gmx.com/en/
553 5.1.8 <x@host.example>... Domain of sender address x@host.example does not exist
450 4.7.1 Access denied. IP name lookup failed [192.0.2.222]
= content
552-5.7.0 This message was blocked because its content presents a potential security issue - gsmtp
550 5.7.1 Message content rejected, UBE, id=00000-22-225
550 High probability of spam
554 5.7.1 Email cannot be delivered. Reason: Email flagged as Spam.
550 Virus Detected; Content Rejected
552 5.3.4 Message too large
550 5.2.3 RESOLVER.RST.RecipSizeLimit; message too large for this recipient
550-5.7.1 This message is not RFC 5322 compliant - gsmtp
554 email rejected due to security policies - MCSpamSignature.sa.2.2
550 5.7.350 Remote server returned message detected as spam -> 554 5.7.1 spam
= policy
554 5.7.9 Message not accepted for policy reasons. See https://postmaster.yahooinc.com/error-codes
550 Denied by policy
550 5.7.1 RESOLVER.RST.AuthRequired; authentication required
550 5.7.133 RESOLVER.RST.SenderNotAuthenticatedForGroup; authentication required
554 5.7.1 <x@example.com>: Relay access denied
550 5.1.1 RCP-P2 Refused due to recipient preferences
550 Administrative prohibition
550 5.7.1 <x@example.com>... Access denied
550 Rejected
550 5.7.1 Sender not authorized
= timeout
554 4.4.7 Message expired: unable to deliver in 840 minutes.<421 4.4.2 Connection timed out>
550 5.4.316 Message expired, connection refused
550 4.4.7 QUEUE.Expired; message expired
The recipient server did not accept our requests to connect. [mx.example.jp 192.0.2.222: timed out]
421 4.4.2 Connection dropped due to timeout
451 4.4.1 No answer from host
= no_domain
550 5.4.4 Invalid domain
550 4.4.7 Unable to lookup DNS for example.comn
DNS Error: DNS type 'mx' lookup of example.comn responded with code NXDOMAIN
550 5.1.2 Host unknown
556 5.1.10 Recipient address has a null MX
550 Unrouteable address
= unavailable
421 4.3.0 Upstream error, please check https://developers.cloudflare.com/email-routing/postmaster
451 4.3.0 This message could not be delivered due to a recipient error. Please try again later.
550 5.3.5 <x@example.org>... Internal System Error
421 mwinf5c77 ME Service refuse. Veuillez essayer plus tard. Service refused, please try later. OFR_999
451 4.3.2 Please try again later; server error
554 5.4.6 Too many hops
= suppressed
Amazon SES has suppressed sending to this address because it has a recent history of bouncing
Amazon SES did not send the message to this address because it is on the suppression list for your account.
= other
250 2.1.5 Ok
550
554 hello
"""
"""Reasons, each with some answers."""


def lines() -> Iterator[tuple[Reason, str]]:
    """Each answer of the corpus with its reason."""
    reason = Reason.OTHER
    for line in CORPUS.strip().splitlines():
        if line.startswith('= '):
            reason = Reason(line.removeprefix('= '))
        else:
            yield reason, line


LINES = [*lines()]


@pytest.mark.parametrize(('reason', 'answer'), LINES)
def test_an_answer_has_its_reason(reason: Reason, answer: str) -> None:
    """An answer of a mail server is of the class that a person who reads it would choose."""
    assert classified(answer, '', '').reason is reason
    assert classified(f'smtp; {answer}', '', '').reason is reason


def test_few_answers_are_other() -> None:
    """Less than a fifth of the corpus has no class, and every class that an answer can have occurs."""
    found = Counter(classified(answer, '', '').reason for _, answer in LINES)
    assert len(LINES) > 100
    assert found[Reason.OTHER] < 0.2 * len(LINES)
    assert set(found) == set(Reason) - {Reason.COMPLAINT, Reason.VALIDATION}


def test_ses_decides_what_it_caused() -> None:
    """What SES kept back has that reason, whatever the text; else the sub-type decides where the text says nothing."""
    assert classified('550 5.1.1 user unknown', '', 'onaccountsuppressionlist').reason is Reason.SUPPRESSED
    assert classified('', '', 'emailvalidationsuppressed').reason is Reason.VALIDATION
    assert classified('', '', 'mailboxfull').reason is Reason.MAILBOX_FULL
    assert classified('550 5.1.1 user unknown', '', 'mailboxfull').reason is Reason.NO_MAILBOX
    assert classified('', '5.2.2', 'general') == (Reason.MAILBOX_FULL, '5.2.2')
    assert classified('550 from 10.4.7.1', '', '').code == ''
    known = {word.replace('_', '') for word in (*BOUNCE_SUB_TYPES, *DELAY_TYPES)}
    assert {*BY_TYPE, *BY_TYPE_WHERE_UNKNOWN} <= known


@pytest.mark.parametrize(
    ('domain', 'answer', 'provider'),
    [
        ('gmail.com', '', 'gmail'),
        ('hotmail.co.uk', '', 'microsoft'),
        ('outlook.com', '', 'microsoft'),
        ('yahoo.co.jp', '', 'yahoo'),
        ('aol.com', '', 'yahoo'),
        ('me.com', '', 'apple'),
        ('gmx.net', '', 'united_internet'),
        ('web.de', '', 'united_internet'),
        ('yahoo.evil.example.org', '', 'other'),
        ('live.', '', 'other'),
        ('shop.example', '550 5.1.1 no such user - gsmtp', 'gmail'),
        ('shop.example', '550 5.4.1 denied [x.prod.protection.outlook.com]', 'microsoft'),
        ('shop.example', '554 blocked - see https://support.proofpoint.com/', 'proofpoint'),
        ('shop.example', '550 https://community.mimecast.com/docs', 'mimecast'),
        ('shop.example', '550 5.1.1 user unknown', 'other'),
        ('', '', 'other'),
    ],
)
def test_a_recipient_has_a_provider(domain: str, answer: str, provider: str) -> None:
    """The domain of a recipient names the provider, or else the answer of the server that hosts it."""
    assert provider_of(domain, answer) == provider


def test_families_are_few() -> None:
    """The tag `provider` has at most 20 values, each once, and no domain is in two families."""
    assert len(FAMILIES) == len(set(FAMILIES)) <= 20
    domains = [domain for family in DOMAINS.values() for domain in family]
    assert len(domains) == len(set(domains))
    assert all(word == word.lower() for words in ANSWERS.values() for word in words)
