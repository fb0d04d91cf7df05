"""What a restart does about calls that were open when the box died. Pure: it builds the events, the core does the
deeds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import cast

import msgspec

from appliance import messages as m

from ._fold import CallFold
from .codec import with_text


class OpenLeg(msgspec.Struct, frozen=True, kw_only=True):
    """A leg without a LegEnded. `opened` carries texts, not tokens; the attempt is the one its call serves, if any."""

    opened: m.LegOpened
    utc: float
    answered: bool = False
    attempt: m.AttemptStarted | None = None


class OpenCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call without a CallEnded. `legs` are those still open; `outcome` is set where its attempt has already ended."""

    call: str
    utc: float
    legs: list[OpenLeg]
    ended: list[str] = []
    """SIP Call-IDs of its legs that have ended."""
    attempt: m.AttemptStarted | None = None
    outcome: m.AttemptEnded | None = None


def interrupted(call: OpenCall) -> list[m.Event]:
    """The events that close this call in the books: commit them once its orphan legs are really gone.

    An outcome that was committed stands; an attempt without one becomes "interrupted" (which uses up no retry)."""
    cause = m.Cause(by="restart", text="found open after a restart")
    events: list[m.Event] = [m.LegEnded(leg=leg.opened.leg, cause=cause) for leg in call.legs]
    if (attempt := call.attempt) and call.outcome is None:
        events.append(
            m.AttemptEnded(
                campaign=attempt.campaign,
                subscriber=attempt.subscriber,
                attempt=attempt.attempt,
                call=call.call,
                outcome="interrupted",
                line=attempt.line,
                cause=cause,
                why="the box restarted during the call",
            )
        )
    events.append(m.CallEnded(call=call.call, disposition="interrupted"))
    return events


def interrupted_all(calls: Iterable[OpenCall]) -> list[m.Event]:
    return [event for call in calls for event in interrupted(call)]


def open_call(fold: CallFold, texts: Callable[[str], str]) -> OpenCall:
    """What is open of a call that has not ended, tokens replaced by `texts`."""
    legs = [
        OpenLeg(
            opened=cast(m.LegOpened, with_text(leg.opened, texts)),
            utc=leg.utc,
            answered=leg.answered is not None,
            attempt=fold.attempt,
        )
        for leg in fold.legs.values()
        if leg.ended is None
    ]
    ended = [leg.opened.sip_call_id for leg in fold.legs.values() if leg.ended is not None]
    return OpenCall(call=fold.call, utc=fold.utc, legs=legs, ended=ended, attempt=fold.attempt, outcome=fold.ended_attempt)
