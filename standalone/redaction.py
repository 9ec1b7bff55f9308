"""Removes secrets from all texts that people read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

MASK = '********'
# The path of a file is no secret, and a message without it would be useless.
SECRET_OPTION = re.compile(
    r'^(?!.*_(?:file|path|uri)$).*(?:secret|passw|token|credential|api_?key|access_?key|private_?key|external_?id)',
    re.IGNORECASE,
)
# Secrets by their form, whatever the configuration: AWS access key ids, and the user and password of a URL.
ACCESS_KEY_ID = re.compile(r'\b(?:AKIA|ASIA)[A-Z0-9]{12,}\b')
URL_USER = re.compile(r'(?<=://)[^/\s@]+(?=@)')
# A shorter value would also mask parts of harmless words.
SHORTEST_SECRET = 4


class Redactor:
    """Masks the secrets of all configurations that it has learned."""

    def __init__(self) -> None:
        self._secrets: set[str] = set()

    def learn(self, options: Any) -> None:
        """Remembers the values of all options whose names indicate a secret, at any depth of `options`."""
        self._secrets.update(_secrets(options, secret=False))

    def __call__(self, text: str) -> str:
        """Returns `text` with secrets masked."""
        # The longest first: a secret may be the beginning of another.
        for secret in sorted(self._secrets, key=len, reverse=True):
            text = text.replace(secret, MASK)
        return URL_USER.sub(MASK, ACCESS_KEY_ID.sub(MASK, text))


def _secrets(options: Any, secret: bool) -> Iterator[str]:
    if isinstance(options, dict):
        for name, value in options.items():
            yield from _secrets(value, secret or bool(SECRET_OPTION.match(str(name))))
    elif isinstance(options, (list, tuple)):
        for value in options:
            yield from _secrets(value, secret)
    elif secret and isinstance(options, (str, int, float)) and not isinstance(options, bool):
        if len(str(options)) >= SHORTEST_SECRET:
            yield str(options)
