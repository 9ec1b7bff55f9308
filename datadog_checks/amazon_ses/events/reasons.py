"""Reasons: classes of what mail servers answer, from words and from enhanced status codes (RFC 3463)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import StrEnum
from typing import NamedTuple


class Reason(StrEnum):
    """Why a recipient was refused: the values of the tag `reason`."""

    NO_MAILBOX = 'no_mailbox'
    NO_DOMAIN = 'no_domain'
    MAILBOX_FULL = 'mailbox_full'
    BLOCKLISTED = 'blocklisted'
    RATE_LIMITED = 'rate_limited'
    AUTHENTICATION = 'authentication'
    CONTENT = 'content'
    POLICY = 'policy'
    TIMEOUT = 'timeout'
    UNAVAILABLE = 'unavailable'
    SUPPRESSED = 'suppressed'
    VALIDATION = 'validation'
    COMPLAINT = 'complaint'
    OTHER = 'other'


WORDS: Mapping[Reason, tuple[str, ...]] = {
    reason: tuple(re.split(r'\s*\|\s*|\s*\n\s*', text.strip()))
    for reason, text in {
        Reason.SUPPRESSED: """
            amazon ses has suppressed | amazon ses did not send the message | suppression list
        """,
        Reason.BLOCKLISTED: """
            spamhaus | spamcop | sorbs | dnsbl | /rbl | rbl. | rbl: | uceprotect | invaluement | ivmsip | abuseat
            cloudmark | barracudacentral | senderscore | blacklist | blocklist | block list | black list | [tss0
            [ts0 | s3140 | s3150 | banned sending ip | blocked using | host blocked | blocked for spam
            blocked - see | poor reputation | low reputation | bad reputation | (bl) | is on our block | listed at
            listed in | listed on | ip is blocked | ip address is blocked | network not allowed | [ipts | [cs01]
            [hm08] | reputation of the sending | talosintelligence
        """,
        Reason.RATE_LIMITED: """
            rate limit | ratelimit | rate-limit | too many rec | too many con | too many mes | too many req
            too many ema | too many err | frequency limited | throttl | at a rate that | unusual rate | sending rate
            too fast | greylist | graylist | grey list | temporarily deferred | exceeded the maximum number of
            sending limit | receiving limits | ofr_506 | connection limit
        """,
        Reason.AUTHENTICATION: """
            dmarc | dkim | spf | unauthenticated | unauthorized sender | not pass authentication | ptr re
            authentication information | authentication checks | reverse dns | dns ptr | ip name lookup failed
            mismatches client ip | sender domain | domain of sender address | rdns | responsible address
            not verified | sender address rejected | cannot find your reverse hostname | may not be mail exchanger
        """,
        Reason.MAILBOX_FULL: """
            mailbox full | over quota | overquota | quota exceeded | exceeded quota | exceeded storage
            out of storage | mailbox size limit | is full | over its quota | exceeded its quota | quota violation
            mailbox quota | exceeds allotted | quotaex | shutoffquota | insufficient disk | storage allocation
            disk quota | limit exeeded
        """,
        Reason.NO_DOMAIN: """
            nxdomain | invalid domain | host unknown | unknown host | lookup dns | domain name not found | no mx
            null mx | domain not found | domain does not exist | unrouteable | unroutable | had no relevant answers
            host does not accept mail | dns error | host not found | domain is not reachable | nullmx
            no such domain | dns query failed | mail server for | doesn't receive | could not load drd
            bad destination system
        """,
        Reason.TIMEOUT: """
            message expired | timed out | timeout | connection refused | connection was dropped | unreachable
            connection lost | did not accept our requests to connect | delivery time expired | no answer from
            unable to deliver in | connection reset | queue.expired
        """,
        Reason.CONTENT: """
            spam | virus | malware | phish | suspicious | content | ube, | too large | size limit | too big
            length exceeds | message size | rfc 5322 | rfc 5321 | 8-bit data | header | addresses in from
            attachment | url in | links in | duplicate | unsolicited | bulk mail | line too long | mime header | bare lf
        """,
        Reason.POLICY: """
            recipient preferences | relay | please turn on smtp authentication | authentication required
            authrequired | policy | not allowed to send | client host rejected | sender rejected | not permitted
            prohibited | administrative | restricted | whitelist | sender denied | not authorized | aup#
            unauthorized
        """,
        Reason.NO_MAILBOX: """
            user unknown | unknown user | no such user | not found | invalid recipient | invalid mailbox
            mailbox unavailable | no mailbox | unknown recipient | user not | not our user | doesn't have a
            not our customer | disabled | inactive | discontinued | no longer on server | no longer valid
            no such recipient | no such mailbox | recipient unknown | no such account | address rejected
            not a valid | not exist | unknown address | not a registered | mailbox is frozen | account is blocked
            invalid address | unknown local | address unknown | recipnotfound | recipientnotfound | account closed
            no mail-box | inconnu | destinataire invalide | suspended | unbekannt | usuario | no such id
            no such person | cannot deliver mail for | undeliverable address | recipient unrecognized | invalid user
            mailbox not | no longer available | recipient rejected | recipient is not | unknown mailbox | terminated
            deactivated | not active | does not have an account | no account | user doesn | temporary locked
            expired user | unknown or illegal
        """,
        Reason.UNAVAILABLE: """
            internal error | internal system error | service unavailable
            not available | currently unavailable | system config error | not accepting | temporary failure
            upstream error | mail system problem | server error | too busy | overload | not implemented
            sequence of commands | too many hops | mail loop | mailloop | local error | resources
            temporarily unable | transaction failed | service not | configuration error | problem occurred
        """,
    }.items()
}
"""Words of answers in lower case. The first class with a word that the answer has counts."""

CODES: tuple[tuple[Reason, re.Pattern[str]], ...] = (
    (Reason.AUTHENTICATION, re.compile(r'5\.7\.(2[0-9]|30|5(09|15)|40)|[45]\.1\.[78]')),
    (Reason.BLOCKLISTED, re.compile(r'5\.7\.(5(03|11)|60[5-9]|708|750)')),
    (Reason.RATE_LIMITED, re.compile(r'4\.7\.\d+|4\.2\.1|4\.5\.3')),
    (Reason.MAILBOX_FULL, re.compile(r'[45]\.2\.2|[45]\.3\.1')),
    (Reason.NO_DOMAIN, re.compile(r'[45]\.1\.(2|10)|[45]\.4\.(3|4|310|312)')),
    (Reason.NO_MAILBOX, re.compile(r'[45]\.1\.(0|1|3|4|6|351)|5\.2\.[01]|5\.4\.1|5\.7\.13')),
    (Reason.CONTENT, re.compile(r'[45]\.6\.\d+|[45]\.2\.3|[45]\.3\.4')),
    (Reason.TIMEOUT, re.compile(r'[45]\.4\.\d+')),
    (Reason.POLICY, re.compile(r'5\.7\.\d+')),
    (Reason.UNAVAILABLE, re.compile(r'[45]\.[35]\.\d+|4\.\d+\.\d+')),
)
"""Enhanced status codes, for answers without such words."""

WEAK_WORDS: Mapping[Reason, tuple[str, ...]] = {
    Reason.UNAVAILABLE: ('try again later', 'try later', '451 ', 'unavailable'),
    Reason.POLICY: ('denied', 'refused', 'rejected', 'not allowed', 'not accepted', 'blocked', 'refuse'),
    Reason.RATE_LIMITED: ('421 ', '450 '),
    Reason.MAILBOX_FULL: ('552 ', '452 '),
}
"""Words that say little, for answers without a code that says more."""

CODE = re.compile(r'(?<![\d.])[245]\.\d{1,3}\.\d{1,3}(?!\.?\d)')
SES_PREFIX = re.compile(r"^(smtp; ?)?5\.\d\.\d - [a-z ]+ (?=\d{3}[- ]')")
"""What SES puts before the answers of some servers: a code of its own and words that say nothing."""

ADDRESS = re.compile(r'[^\s@<]{1,64}@[^\s@>]{1,255}')
"""An address, whose words say nothing of the reason."""

LONGEST_ANSWER = 1000
"""Characters of an answer that are looked at."""

EMPTY_CODES = frozenset({'5.0.0', '4.0.0', '2.0.0', '5.7.0'})
"""Codes that say nothing."""

BY_TYPE: Mapping[str, Reason] = {
    'suppressed': Reason.SUPPRESSED,
    'onaccountsuppressionlist': Reason.SUPPRESSED,
    'ontenantsuppressionlist': Reason.SUPPRESSED,
    'unsubscribedrecipient': Reason.SUPPRESSED,
    'emailvalidationsuppressed': Reason.VALIDATION,
}
"""Sub-types of bounces that SES caused itself. They count more than any answer."""

BY_TYPE_WHERE_UNKNOWN: Mapping[str, Reason] = {
    'noemail': Reason.NO_MAILBOX,
    'mailboxfull': Reason.MAILBOX_FULL,
    'messagetoolarge': Reason.CONTENT,
    'contentrejected': Reason.CONTENT,
    'attachmentrejected': Reason.CONTENT,
    'customtimeoutexceeded': Reason.TIMEOUT,
    'spamdetected': Reason.CONTENT,
    'recipientservererror': Reason.UNAVAILABLE,
    'ipfailure': Reason.BLOCKLISTED,
    'transientcommunicationfailure': Reason.TIMEOUT,
    'byoiphostnamelookupunavailable': Reason.AUTHENTICATION,
    'sendingdeferral': Reason.RATE_LIMITED,
    'internalfailure': Reason.UNAVAILABLE,
}
"""Sub-types of bounces and types of delays, where the answer says nothing."""


class Answer(NamedTuple):
    """What an answer says: the class of its reason, and its enhanced status code, empty where it has none."""

    reason: Reason
    code: str


def classified(text: str, status: str, subtype: str) -> Answer:
    """What the answer of a mail server says. `status` is the code that SES gives beside it, `subtype` in lower case and
    without underscores how SES calls the bounce or delay."""
    text = ADDRESS.sub(' ', SES_PREFIX.sub('', text[:LONGEST_ANSWER].lower()))
    codes = CODE.findall(text)
    if not codes and CODE.fullmatch(status):
        codes = [status]
    # The last line of an answer, and the innermost server, say the most.
    code = codes[-1] if codes else ''
    reason = BY_TYPE.get(subtype) or _by_words(WORDS, text) or _by_codes(codes) or _by_words(WEAK_WORDS, text)
    return Answer(reason or BY_TYPE_WHERE_UNKNOWN.get(subtype, Reason.OTHER), code)


def _by_words(table: Mapping[Reason, tuple[str, ...]], text: str) -> Reason | None:
    return next((reason for reason, words in table.items() if any(word in text for word in words)), None)


def _by_codes(codes: list[str]) -> Reason | None:
    for code in reversed(codes):
        if code not in EMPTY_CODES:
            reason = next((reason for reason, form in CODES if form.fullmatch(code)), None)
            if reason is not None:
                return reason
    return None
