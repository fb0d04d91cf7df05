"""Sentences that can be told in another language later: a template in English with named places, and what stands in them.

Whoever notices something says it in English (logs, the command line, programs read that); a page puts it into the reader's
language by the template. Values are filled in once, after the translation, and never read as a template themselves.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import cache

import msgspec

_PLACE = re.compile(r"\{(\w+)\}")


class Said(msgspec.Struct, frozen=True, omit_defaults=True):
    """A sentence, or a part of one. `template` is constant English text with places such as {number}; a value is text as it
    is to be shown, or a sentence of its own. Made by `say`."""

    template: str
    values: dict[str, str | Said] = {}

    def __str__(self) -> str:
        return self.told(_as_it_is)

    def __bool__(self) -> bool:
        return bool(self.template)

    def about(self, **values: object) -> Said:
        """The same sentence with these values: for sentences out of a table."""
        return Said(self.template, {name: value if isinstance(value, Said) else str(value) for name, value in values.items()})

    def instead(self, shown: object, better: str | Said) -> Said:
        """The same sentence, where one value is shown in other words: a file by the name that its owner knows."""
        return Said(self.template, {name: better if value == str(shown) else value for name, value in self.values.items()})

    def told(self, translate: Callable[[str], str]) -> str:
        """In the language of `translate`, which gives a template's text there. A place that has no value stays as it is."""
        if not self.template:
            return ""  # gettext would give the heading of its catalogue

        def value(place: re.Match[str]) -> str:
            found = self.values.get(place[1], place[0])
            return found.told(translate) if isinstance(found, Said) else found

        return _PLACE.sub(value, translate(self.template))


def say(template: str, /, **values: object) -> Said:
    """A sentence of a constant `template`, which the catalogues are made of (scripts/translations): values belong into its
    places, not into its text. No secrets: pages and logs show it."""
    return Said(template).about(**values)


def together(several: Iterable[Said]) -> Said:
    """One after the other."""
    found = NOTHING
    for each in several:
        found = Said("{first} {then}", {"first": found, "then": each}) if found else each
    return found


def listed(several: Iterable[Said]) -> Said:
    """One beside the other, with commas between."""
    found = NOTHING
    for each in several:
        found = Said("{first}, {then}", {"first": found, "then": each}) if found else each
    return found


def made_of(text: str, sentences: Iterable[Said]) -> Said:
    """Which of these sentences a stored English text was made of, with what stands in its places; the text alone, as a
    constant sentence, where it is none of them. So what was stored as text can be told in another language."""
    for each in sentences:
        found = _pattern(each.template).fullmatch(text)
        if found:
            return each.about(**found.groupdict())
    return Said(text)


@cache
def _pattern(template: str) -> re.Pattern[str]:
    """What texts of a template look like; a name may stand in it once."""
    parts = _PLACE.split(template)  # text, name, text, …
    return re.compile("".join(f"(?P<{part}>.*?)" if at % 2 else re.escape(part) for at, part in enumerate(parts)), re.DOTALL)


NOTHING = Said("")


def _as_it_is(template: str) -> str:
    return template
