"""What callers are told, as it stands in the document: a text, "file:NAME", or one of these for each language. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from appliance.config.kinds import LANGUAGES, Table
from appliance.config.model import Break, Config, Outcome
from appliance.config.people import usual_breaks, usual_outcomes
from appliance.config.walk import leaves

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


def spoken(config: Config) -> Iterator[tuple[str, str]]:
    """Everything that the document has callers, agents and phones told, each text with the language that it is in."""
    for name in type(config).__struct_fields__:
        section = getattr(config, name)
        for table in section if isinstance(section, list) else [section]:
            yield from _spoken_in(table, getattr(table, "language", None) or config.office.language)
    built_in: list[Break | Outcome] = [*usual_breaks(), *usual_outcomes()]
    usual = {entry.name for entry in built_in}
    entries: list[Break | Outcome] = [*config.breaks, *config.outcomes]
    for entry in entries:
        if entry.title or entry.name not in usual:
            yield title_of(entry), config.office.language


def languages(config: Config) -> set[str]:
    """Every language that somebody may hear the box speak."""
    return {leaf.value for leaf in leaves(config) if "language" in leaf.marks}


def _spoken_in(table: Table, language: str) -> Iterator[tuple[str, str]]:
    for leaf in leaves(table):
        if "words" in leaf.marks and leaf.value:
            key = str(leaf.path[-1])  # the language, where the words stand in a table by language
            yield leaf.value, key if key in LANGUAGES else language


def title_of(entry: Break | Outcome) -> str:
    """What a break or an outcome is called in speech, where it has no prompt of its own."""
    return entry.title or entry.name.replace("-", " ").replace("_", " ")


def file_of(text: str) -> str:
    """The file that a text names, or ""."""
    return text.removeprefix(FILE).strip() if text.startswith(FILE) else ""


def with_base(text: str, base: Path) -> str:
    """The same text, the name of a file made absolute."""
    return f"{FILE}{base / file_of(text)}" if file_of(text) else text
