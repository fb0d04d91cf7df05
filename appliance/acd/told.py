"""Why an agent has or has not been given a contact, as a sentence that pages put into the reader's language."""

from __future__ import annotations

from collections.abc import Callable

from appliance._core import DENIALS, REASONS, Reason
from appliance.errors import SwitchroomError
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
STATES: dict[str, Said] = {
    "logged-out": say("signed out"), "ready": say("ready"), "offered": say("ringing"), "on-contact": say("talking"),
    "wrap-up": say("in wrap-up"), "break": say("on break"), "dialling-out": say("dialling"), "reserved": say("reserved"),
    "not-answering": say("not answering"),
}
"""The agents' states as refusals name them."""
_SIGNED_OUT = say("{agent} is signed out."), say("Sign {agent} in first.")
_READY_ALREADY = say("{agent} is {state}: contacts come already."), say("A break or signing out can be ordered.")
_READY_LATER = say("{agent} is {state}, and ready by itself after that."), say("Order it again in wrap-up, to end that early.")
_REFUSED: dict[str, dict[str, tuple[Said, Said]]] = {
    "login": {"": (say("{agent} is signed in already: {state}."), say("To sit at another phone, sign out first."))},
    "logout": {"logged-out": (say("{agent} is signed out already."), say("Nothing needs to be done."))},
    "ready": {
        "logged-out": _SIGNED_OUT, "ready": _READY_ALREADY, "offered": _READY_ALREADY, "reserved": _READY_ALREADY,
        "on-contact": _READY_LATER,
    },
    "break": {"logged-out": _SIGNED_OUT},
    "extend": {
        "logged-out": _SIGNED_OUT,
        "": (say("{agent} is {state}: there is no wrap-up."), say("Order it during a conversation or in the wrap-up after it.")),
    },
}
"""Action of `ControlAgent`, state of the agent ("": any other): what is wrong, and what helps."""
_OTHERWISE = say("{agent} is {state}: {why}"), say("Order it again when that is over.")


def refused(agent: str, action: str, state: str, reason: str) -> SwitchroomError:
    """Why an order to an agent in this state changed nothing: "agent.state". `reason` is one of `DENIALS`."""
    known = _REFUSED.get(action, {})
    what, step = known.get(state) or known.get("") or _OTHERWISE
    values = {"agent": agent, "state": STATES.get(state, Said(state)), "why": Said(DENIALS[reason])}
    return SwitchroomError("agent.state", what.about(**values), step.about(**values))


def told(reason: Reason, clock: Callable[[float], str]) -> Said:
    """The sentence of `reason.text(clock)`; `clock` shows UTC seconds."""
    codes = () if reason.reason == "break" else _CODES
    values = {name: clock(value) if name in _TIMES else _word(value) if name in codes else value
              for name, value in reason.values.items()}
    return say("{name}: {reason}", name=reason.name, reason=Said(REASONS[reason.reason]).about(**values))


def _word(code: str) -> Said:
    return MISSED if code == "missed" else Said(code)
