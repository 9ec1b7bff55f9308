"""Publishes what becomes of the world's messages as events of SES, minute by minute: one message for each recipient."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import count
from typing import Any

from simulator import mail_events
from simulator.mail_events import Content
from simulator.streams import Stream
from simulator.world import World

DOMAINS: Mapping[str, str] = {
    'gmail': 'gmail.com',
    'outlook': 'outlook.com',
    'yahoo': 'yahoo.com',
    'apple': 'icloud.com',
}
"""The domain of the recipients at a provider. Those of others are at a domain of the name of the provider."""

ANSWERS: Mapping[tuple[str, str], tuple[str, str]] = {
    ('Transient', 'MailboxFull'): ('4.2.2', 'smtp; 452 4.2.2 mailbox full'),
    ('Transient', 'General'): ('4.4.7', 'smtp; 554 4.4.7 Message expired: unable to deliver in 840 minutes.'),
    ('Transient', 'ContentRejected'): ('5.7.1', 'smtp; 550 5.7.1 message content rejected'),
    ('Permanent', 'NoEmail'): ('5.1.1', 'smtp; 550 5.1.1 user unknown'),
    ('Permanent', 'General'): ('5.7.1', 'smtp; 550 5.7.1 part of the network is on our block list (S3140)'),
    ('Permanent', 'OnAccountSuppressionList'): ('5.1.1', 'Amazon SES did not send the message to this address'),
}
"""Status and answer of each type and sub-type of a bounce."""


def events_of(world: World, account: str, region: str, minute: int) -> Iterator[Content]:
    """The failure events of a minute: those of mail with a configuration set, because only its destinations publish."""
    for number, stream in enumerate(world.scenario.streams):
        if not stream.configuration_set:
            continue
        yield from _events(world, (account, region), number, stream, minute)


def _events(world: World, place: tuple[str, str], number: int, stream: Stream, minute: int) -> Iterator[Content]:
    outcomes = world.outcomes(*place, number, minute)
    provider = stream.provider.lower()
    domain = DOMAINS.get(provider, f'{provider or "mail"}.example')
    addresses = (f'user-{place}@{domain}' for place in count(1))
    options: dict[str, Any] = {'at': minute * 60.0, 'account': place[0], 'name': stream.configuration_set}
    for kind, bounces in outcomes.bounces.items():
        for _ in range(bounces):
            yield mail_events.bounce(next(addresses), kind=kind, answer=ANSWERS[kind], **options)
    for _ in range(outcomes.complained):
        yield mail_events.complaint(next(addresses), **options)
    for _ in range(outcomes.delayed):
        yield mail_events.delay(next(addresses), kind='General', **options)
    for _ in range(outcomes.rejected):
        yield mail_events.reject(next(addresses), **options)
    for _ in range(outcomes.unrendered):
        yield mail_events.rendering_failure(next(addresses), **options)
