"""The way back from the ledger's events to the ACD's state, and why something was decided in the past. Pure.

What `appliance.core.acd_ledger` left in `asked` is lived through again at its times.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

import msgspec

from appliance import _core as acd
from appliance import messages as m
from appliance.acd.rules import AgentRules, QueueRules

Rules = tuple[list[QueueRules], list[AgentRules]]


def replay(
    events: Iterable[m.Event], rules: Callable[[int], Rules], core: acd.Acd
) -> Iterator[tuple[float, acd.AcdEvent | None, list[acd.Action]]]:
    """Let `core` (new, or restored from a snapshot) live through the ledger's events again; yields each step after it was
    made. `rules` gives those of a version of the configuration."""
    for event in events:
        if isinstance(event, m.AcdConfigured):
            yield event.at, None, core.configure(*rules(event.version), event.at)
        elif event.__class__ in m.ACD_EVENTS and (asked := event.asked):  # type: ignore[attr-defined]
            at = event.at  # type: ignore[attr-defined]
            step = acd.event_of(asked)
            yield at, step, core.step(at, step)


class Moment(msgspec.Struct, frozen=True):
    """What was decided for a contact at `at` (UTC seconds), and why each agent was or was not given it then."""

    at: float
    action: acd.Action
    reasons: list[acd.Reason]

    def text(self, clock: Callable[[float], str]) -> str:
        what = f"{clock(self.at)} {type(self.action).__name__}"
        return "\n".join((what, *(f"  {reason.text(clock)}" for reason in self.reasons)))


def why_past(
    events: Iterable[m.Event], rules: Callable[[int], Rules], contact: str, core: acd.Acd | None = None
) -> list[Moment]:
    """Each decision about a contact that is over, with its reasons: the ledger is replayed up to its end. `events` from the
    beginning, or from where the snapshot in `core` was taken. Empty where the contact does not occur."""
    core = acd.Acd() if core is None else core
    moments: list[Moment] = []
    before: list[acd.Reason] = []
    for _at, _event, actions in replay(events, rules, core):
        view = core.contact(contact)
        now = core.why(contact) if view is not None and view.state != "connected" else before
        about = [action for action in actions if getattr(action, "contact", None) == contact]
        moments += [Moment(action.at, action, now) for action in about if isinstance(action, _DECISIONS)]
        before = now
        if moments and view is None:
            break
    return moments


_DECISIONS = (acd.Queued, acd.Offer, acd.EndOffer, acd.Connect, acd.Leave, acd.DialCustomer, acd.RetryLater, acd.CallbackClosed)
