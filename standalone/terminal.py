"""Text for a terminal: characters that move the cursor, change colours or turn the direction of the text are escaped.

They may come from tags, which anybody may choose who sends mail, from options, and from answers.
"""

from __future__ import annotations

from unicodedata import category

UNSAFE = ('Cc', 'Cf', 'Cs', 'Zl', 'Zp')
"""Unicode categories: control and format characters, surrogates, separators of lines and paragraphs."""


def visible(text: str, allowed: str = '') -> str:
    """The text with every unsafe character as \\uXXXX, which JSON reads as that character. Those in `allowed` stay."""
    if text.isprintable():
        return text
    return ''.join(_escaped(character) if _is_unsafe(character, allowed) else character for character in text)


def underscored(text: str, allowed: str = '') -> str:
    """The text with _ in place of every unsafe character, as Datadog stores them in tags. Those in `allowed` stay."""
    if text.isprintable():
        return text
    return ''.join('_' if _is_unsafe(character, allowed) else character for character in text)


def _is_unsafe(character: str, allowed: str) -> bool:
    return character not in allowed and category(character) in UNSAFE


def _escaped(character: str) -> str:
    units = character.encode('utf-16-be', 'surrogatepass')
    return ''.join(f'\\u{units[place : place + 2].hex()}' for place in range(0, len(units), 2))
