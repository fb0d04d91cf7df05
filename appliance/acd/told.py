"""Why an agent has or has not been given a contact, as a sentence that pages put into the reader's language."""

from __future__ import annotations

from collections.abc import Callable

from appliance._core import REASONS, Reason
from appliance.sentences import Said, say

_TIMES = ("at", "since", "until", "again")
_CODES = ("channel", "strategy", "reason")
"""Values that are words of ours. The reason of a break is not: the office named it."""
WORDS = (
    say("chat"), say("mail"), say("longest-idle"), say("ring-all"), say("round-robin"), say("fewest-calls"),
    say("least-occupied"), say("equal-load"), say("random"), say("weighted-random"), say("linear"),
    say("ring-progressively"), say("skills"), say("unreachable"),
)
MISSED = say("missed calls")
"""The reason "missed": alone, the word says of a target that it was not reached."""
STATES = (
    say("logged-out"), say("ready"), say("offered"), say("on-contact"), say("wrap-up"), say("break"), say("dialling-out"),
    say("reserved"), say("not-answering"),
)
"""The agents' states as refusals name them."""


def told(reason: Reason, clock: Callable[[float], str]) -> Said:
    """The sentence of `reason.text(clock)`; `clock` shows UTC seconds."""
    codes = () if reason.reason == "break" else _CODES
    values = {name: clock(value) if name in _TIMES else _word(value) if name in codes else value
              for name, value in reason.values.items()}
    return say("{name}: {reason}", name=reason.name, reason=Said(REASONS[reason.reason]).about(**values))


def _word(code: str) -> Said:
    return MISSED if code == "missed" else Said(code)
