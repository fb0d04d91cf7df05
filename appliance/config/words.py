"""What callers are told, as it stands in the document: a text, "file:NAME", or one of these for each language. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

FILE = "file:"

Words = str | Mapping[Any, str]
"""`appliance.config.kinds.Words` as it is read."""


def choose(words: Words, language: str, otherwise: str) -> tuple[str, str]:
    """The text for a caller who hears `language`, and the language it is in: that one, else `otherwise` (the queue's or
    the office's), else the first there is. A text without languages is in `otherwise`. ("", …) where nothing is said."""
    if isinstance(words, str):
        return words, otherwise
    for wanted in (language, otherwise):
        if wanted in words:
            return words[wanted], wanted
    return next(((text, found) for found, text in words.items()), ("", otherwise))


def each(words: Words, otherwise: str) -> Iterator[tuple[str, str]]:
    """Every text of these words with its language."""
    if isinstance(words, str):
        if words:
            yield words, otherwise
    else:
        yield from ((text, language) for language, text in words.items() if text)


def file_of(text: str) -> str:
    """The file that a text names, or ""."""
    return text.removeprefix(FILE).strip() if text.startswith(FILE) else ""


def with_base(text: str, base: Path) -> str:
    """The same text, the name of a file made absolute."""
    return f"{FILE}{base / file_of(text)}" if file_of(text) else text
