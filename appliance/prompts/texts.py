"""The texts of one language, read from texts/LANG.toml: what stands in the file, checked, and nothing decided here.

A text is a list of pieces: words to be spoken as they stand, and slots ("{count:line}") filled in when it is said.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import msgspec

from appliance.errors import SwitchroomError

LANGUAGES = ("en", "fi", "ru", "uk", "zh")
TEXTS = Path(__file__).parent / "texts"
FORMS = ("plain", "key", "digits", "moment", "span")
"""How a slot may be said, beside the nouns: a bare number, a key of the phone, digit by digit, a day and clock time, a
length of time in minutes."""

_SLOT = re.compile(r"\{([a-z_]+):([a-z-]+)\}")


class Numbers(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The number words: 0 to 19, the tens, the hundreds, and how they are joined. `variants` replaces 1 and 2 by gender
    or case ("f": одна, две) wherever they end a number; `exact` does so only where they are the whole number (两)."""

    system: str
    units: list[str]
    tens: list[str]
    hundreds: list[str]
    tens_joiner: str = ""
    and_: str = msgspec.field(default="", name="and")
    one_thousand: list[str] = []
    variants: dict[str, dict[str, str]] = {}
    exact: dict[str, dict[str, str]] = {}
    thousands: list[str] = []
    ten_thousand: str = ""
    zero: str = ""
    one: str = ""


class Noun(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A thing that is counted. Forms by CLDR plural category; `variant` is the number words it wants."""

    other: str
    one: str = ""
    few: str = ""
    many: str = ""
    variant: str = ""


class ClockWords(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A clock time: 24 hours as they are said, then the minutes: a number after `zero` below ten, followed by
    `minute_suffix`, or a counted `minute_noun`; `halves` says which half of the day it is, after the minutes."""

    hours: list[str]
    before: str = ""
    zero: str = ""
    minute_suffix: str = ""
    minute_noun: str = ""
    halves: list[str] = []


class Days(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The days as something happens on them: `week` from Monday on; further off, `dates` 1 to 31 and the month, as each
    is said beside the other, the month first where `month_first` says so."""

    today: str
    yesterday: str
    tomorrow: str
    week: list[str]
    dates: list[str]
    months: list[str]
    month_first: bool = False


class Speech(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything the box can say in one language."""

    language: str
    voice: str
    words_per_minute: int
    joiner: str
    numbers: Numbers
    nouns: dict[str, Noun]
    digits: dict[str, str]
    clock: ClockWords
    days: Days
    texts: dict[str, str]
    keys: dict[str, str] = {}


class Words(msgspec.Struct, frozen=True):
    """A piece spoken as it stands. `name` is the clip's."""

    name: str
    text: str


class Slot(msgspec.Struct, frozen=True):
    """A piece said from a value: `value` names it, `form` says how."""

    value: str
    form: str


class Pause(msgspec.Struct, frozen=True):
    """Punctuation between pieces: a breath."""

    name: str


Piece = Words | Slot | Pause


@cache
def speech(language: str) -> Speech:
    """Read one language. Raises SwitchroomError "prompts.no-language" where there is none."""
    if language not in LANGUAGES:
        raise SwitchroomError("prompts.no-language", "There are no prompts in the language {language}.",
                              "Set office.language to one of {languages}.", language=repr(language),
                              languages=", ".join(LANGUAGES))
    return msgspec.toml.decode((TEXTS / f"{language}.toml").read_bytes(), type=Speech)


@cache
def pieces(language: str, name: str) -> tuple[Piece, ...]:
    """A text cut into what is spoken at set-up and what is filled in. A text without slots is one clip of its name;
    else the words are clips NAME-1, NAME-2, … Raises SwitchroomError "prompts.unknown"."""
    text = speech(language).texts.get(name)
    if text is None:
        raise SwitchroomError("prompts.unknown", "There is no prompt named {name}.",
                              "See them with: switchroom prompts list", name=repr(name))
    if not _SLOT.search(text):
        return (Words(name, text),)
    out: list[Piece] = []
    said = 0
    at = 0
    for slot in _SLOT.finditer(text):
        said += _add_words(out, name, text[at : slot.start()], said)
        out.append(Slot(slot.group(1), slot.group(2)))
        at = slot.end()
    _add_words(out, name, text[at:], said)
    return tuple(out)


_SHORT = ",:;、，：；"
_LONG = ".!?。！？"


def _pause(marks: str) -> Pause:
    return Pause("pause-long" if any(mark in _LONG for mark in marks) else "pause-short")


def _add_words(out: list[Piece], name: str, text: str, said: int) -> int:
    """Append the words between two slots, and pauses where there is punctuation; give how many clips were added."""
    marks = _SHORT + _LONG + " "
    core = text.strip(marks)
    before, after = text[: text.find(core)], text[text.find(core) + len(core) :]
    if not core:
        before, after = text, ""
    if out and before.strip():
        out.append(_pause(before))
    if not core:
        return 0
    ending = after.strip()[:1]
    out.append(Words(f"{name}-{said + 1}", core + (ending if ending in _LONG else "")))
    if after.strip():
        out.append(_pause(after))
    return 1


def slots(language: str, name: str) -> dict[str, str]:
    """The values a text asks for, each with its form."""
    return {piece.value: piece.form for piece in pieces(language, name) if isinstance(piece, Slot)}


__all__ = ["FORMS", "LANGUAGES", "Noun", "Pause", "Piece", "Slot", "Speech", "Words", "pieces", "slots", "speech"]
