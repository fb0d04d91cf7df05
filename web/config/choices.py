"""What may be chosen at a key, in the reader's language: a name, and in a line what it does. Keys that are not here show their
values as they stand in the document."""

from __future__ import annotations

from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

CHOICES: dict[str, dict[str, LazyString]] = {
    "strategy": {
        "longest-idle": _l("who has waited longest since the last call"),
        "ring-all": _l("everybody who is free rings at once"),
        "round-robin": _l("the next in the order of the agents after the one rung last"),
        "fewest-calls": _l("who had the fewest calls today"),
        "least-occupied": _l("who spent the smallest share of the last hour on calls"),
        "equal-load": _l("who spent the least time on calls today"),
        "linear": _l("the first in the order of the agents who is free"),
        "ring-progressively": _l("the first rings, then also the second, and so on"),
        "skills": _l("who knows best what the caller needs"),
        "random": _l("by chance"),
        "weighted-random": _l("by chance, some more often than others"),
    },
}
"""Key: value (its name is the box's word for it): what it does. In the order in which an office is likely to want them."""


def choices(key: str, options: list[str]) -> list[tuple[str, str]]:
    """(value, text) of each option."""
    known = CHOICES.get(key, {})
    ordered = [*(each for each in known if each in options), *(each for each in options if each not in known)]
    return [(each, f"{_(each)}: {known[each]}" if each in known else each) for each in ordered]


def explained(key: str) -> bool:
    """Whether each choice says itself what it does."""
    return key in CHOICES
