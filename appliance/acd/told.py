"""Why an agent has or has not been given a contact, as a sentence that pages put into the reader's language."""

from __future__ import annotations

from collections.abc import Callable

from appliance._core import REASONS, Reason
from appliance.sentences import Said, say

_TIMES = ("at", "since", "until", "again")


def told(reason: Reason, clock: Callable[[float], str]) -> Said:
    """The same in English as `reason.text(clock)`; `clock` shows UTC seconds."""
    values = {name: clock(value) if name in _TIMES else value for name, value in reason.values.items()}
    return say("{name}: {reason}", name=reason.name, reason=Said(REASONS[reason.reason]).about(**values))
