"""What every event of the ledger shares. `appliance.messages` gathers all of them; import from there.

The files of messages leave out `from __future__ import annotations`: msgspec would read each type from its text again
for every decoder, at each start of a process.
"""

from typing import Annotated

import msgspec

Personal = Annotated[str, msgspec.Meta(extra={"personal": True})]
"""Text about a person (number, name): stored apart, erasable."""


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True, gc=False):
    """A fact. Subclasses are listed in `EVENTS`; changing one's fields needs an upcaster and a stored fixture."""


class Command(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True):
    """What a client asks of the core. Each has exactly one reply."""


class Reply(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", omit_defaults=True):
    """The core's answer to a command."""
