"""Fields of events that have one of some values: another one would be written, and never be read again.

Structs check their types where they are read, not where they are made; this is the part of it that costs next to nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from operator import attrgetter
from typing import Any

import msgspec

from appliance import messages as m
from appliance.errors import SwitchroomError

Choice = tuple[str, Callable[[Any], Any], frozenset[Any]]


def _choices(cls: type, before: str = "") -> Iterator[Choice]:
    """Of a struct and of those inside it: name, how to get at it, what it may be."""
    for field in getattr(msgspec.inspect.type_info(cls), "fields", ()):
        name, kind = before + field.name, field.type
        if isinstance(kind, msgspec.inspect.LiteralType):
            yield name, attrgetter(name), frozenset(kind.values)
        elif isinstance(kind, msgspec.inspect.StructType):
            yield from _choices(kind.cls, f"{name}.")


CHOICES: dict[type[m.Event], tuple[Choice, ...]] = {cls: found for cls in m.EVENTS if (found := tuple(_choices(cls)))}
"""Event types with such fields."""


def check(event: m.Event) -> None:
    """Raises SwitchroomError "ledger.bad-event"."""
    for name, value_of, allowed in CHOICES.get(event.__class__, ()):
        value = value_of(event)
        if not isinstance(value, str) or value not in allowed:
            raise SwitchroomError("ledger.bad-event", "{event}.{field} cannot be {value}.", "There are: {known}.",
                                  event=event.__class__.__name__, field=name, value=f"{value!r:.40}",
                                  known=", ".join(sorted(allowed)))
