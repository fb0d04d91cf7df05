"""What an agent's phone shows of a waiting customer. Pure."""

from __future__ import annotations

from collections.abc import Iterable

MOST_NAME, MOST_FACT, MOST_LABEL = 40, 24, 96
"""Characters: of the name or number, of one thing keyed in, of the whole. Phones show little more."""


def label(name: str, number: str, keyed: Iterable[str], queue: str) -> str:
    """As in "Anna Virta - 4711 - billing": the name, else the number; what was keyed in, as much as fits; the queue."""
    ends = [_printable(name, MOST_NAME) or _printable(number, MOST_NAME), _printable(queue, MOST_NAME)]
    parts, left = ends[:1], MOST_LABEL - sum(len(end) + 3 for end in ends)
    for fact in (_printable(value, MOST_FACT) for value in keyed):
        left -= len(fact) + 3
        if fact and left >= 0:
            parts.append(fact)
    return " - ".join(part for part in (*parts, ends[1]) if part)


def _printable(text: str, most: int) -> str:
    """On one line and without anything that steers a terminal or turns the direction of writing."""
    shown = text if text.isprintable() else "".join(character if character.isprintable() else " " for character in text)
    return " ".join(shown.split())[:most].rstrip()
