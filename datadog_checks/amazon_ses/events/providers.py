"""Providers of mailboxes: families of domains, and words by which an answer tells who hosts the domain."""

from __future__ import annotations

from collections.abc import Mapping

OTHER = 'other'

DOMAINS: Mapping[str, tuple[str, ...]] = {
    'gmail': ('gmail.com', 'googlemail.com', 'google.com'),
    'microsoft': ('outlook.*', 'hotmail.*', 'live.*', 'msn.com', 'passport.com', 'windowslive.com'),
    'yahoo': (
        *('yahoo.*', 'ymail.com', 'rocketmail.com', 'myyahoo.com', 'aol.*', 'aim.com', 'verizon.net', 'att.net'),
        *('sbcglobal.net', 'bellsouth.net', 'frontier.com', 'netscape.net'),
    ),
    'apple': ('icloud.com', 'me.com', 'mac.com', 'privaterelay.appleid.com'),
    'united_internet': ('gmx.*', 'web.de', 'mail.com', '1und1.de', 'ionos.*', 'caramail.com'),
    'comcast': ('comcast.net', 'xfinity.com'),
    'orange': ('orange.fr', 'wanadoo.fr', 'voila.fr'),
    't_online': ('t-online.de', 'magenta.de'),
    'mail_ru': ('mail.ru', 'bk.ru', 'list.ru', 'inbox.ru', 'internet.ru'),
    'yandex': ('yandex.*', 'ya.ru', 'narod.ru'),
    'tencent': ('qq.com', 'foxmail.com'),
    'netease': ('163.com', '126.com', 'yeah.net'),
    'proton': ('proton.me', 'protonmail.com', 'protonmail.ch', 'pm.me'),
    'zoho': ('zoho.*', 'zohomail.*'),
}
"""The domains of each family. `.*` stands for any top-level domain, such as co.uk."""

ANSWERS: Mapping[str, tuple[str, ...]] = {
    'gmail': ('gsmtp', 'support.google.com'),
    'microsoft': ('protection.outlook.com', 'prod.outlook.com', 'sender.office.com', 'office365', 'mail.live.com'),
    'yahoo': ('yahoodns.net', 'yahoo.com', 'verizonmedia.com', '[tss0', '[ts0', 'senders.yahooinc.com'),
    'apple': ('support.apple.com', 'icloud.com', 'me.com esmtp'),
    'united_internet': ('gmx.net', 'gmx.com', 'nemesis esmtp', 'web.de', 'kundenserver.de', 'postmaster.1und1.de'),
    'orange': ('ofr_', 'ofr00', 'wanadoo'),
    'proofpoint': ('proofpoint', 'pphosted.com', 'ppe-hosted.com'),
    'mimecast': ('mimecast', 'mcspamsignature'),
    'barracuda': ('barracuda', 'ess.barracudanetworks.com'),
    'tencent': ('mail.qq.com', 'exmail.qq.com'),
    'mail_ru': ('help.mail.ru',),
    'zoho': ('zoho',),
}
"""Words of answers, for domains that are hosted. The first that matches counts."""

FAMILIES = (*dict.fromkeys((*DOMAINS, *ANSWERS)), OTHER)
"""Every value of the tag `provider`."""

_EXACT = {domain: family for family, domains in DOMAINS.items() for domain in domains if not domain.endswith('.*')}
_NAMES = {domain[:-2]: family for family, domains in DOMAINS.items() for domain in domains if domain.endswith('.*')}
LONGEST_ENDING = 2
"""Labels of an ending such as co.uk."""


def provider_of(domain: str, answer: str) -> str:
    """The family of a recipient's domain, or else of the answer of its server; both in lower case."""
    family = _EXACT.get(domain)
    if family is None:
        name, _, ending = domain.partition('.')
        if ending and ending.count('.') < LONGEST_ENDING:
            family = _NAMES.get(name)
    if family is None:
        family = next((family for family, words in ANSWERS.items() if any(word in answer for word in words)), OTHER)
    return family
