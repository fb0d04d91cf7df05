"""Where a call goes instead of the phone that it was for. Pure: what holds for the phone and what became of the call, in; a way
on, out.

A call is sent on at most `MOST` times, and never twice by the same phone until something else has led it (a menu, a queue).
What goes outside is checked against the rights and routes of the phone that sends it there, not of the caller.
"""

from __future__ import annotations

import enum
from collections.abc import Collection, Sequence
from typing import Any

import msgspec

from appliance.calls.codes import ToCode
from appliance.calls.routing import (
    Decision,
    ToExcuse,
    ToExtension,
    ToOutside,
    ToScenario,
    ToVoicemail,
    caller_id_for,
    from_phone,
    to_target,
)
from appliance.calls.settings import Settings, target_of
from appliance.config.model import Config
from appliance.config.people import Phone
from appliance.config.values import NAMELESS, Target
from appliance.errors import SwitchroomError
from appliance.messages import Cause, Setting

MOST = 8
"""Diversions of one call, over all that happens to it (RFC 5806 4 wants a bound against loops)."""
DECLINED = 603
BUSY = frozenset({486, 600, DECLINED})
ABSENT = 20
"""Q.850 subscriber absent."""
NO_ANSWER = 19


class When(enum.Enum):
    """Why a call is sent on, as it stands in the ledger."""

    ALWAYS = "always"
    BUSY = "busy"
    NO_ANSWER = "no_answer"
    UNREGISTERED = "unregistered"
    REDIRECTED = "redirected"


SETTING: dict[When, Setting] = {
    When.ALWAYS: "forward_always",
    When.BUSY: "forward_busy",
    When.NO_ANSWER: "forward_no_answer",
    When.UNREGISTERED: "forward_unregistered",
}
REASON = {
    When.ALWAYS: "always",
    When.BUSY: "busy",
    When.NO_ANSWER: "no-answer",
    When.UNREGISTERED: "unavailable",
    When.REDIRECTED: "always",
}
"""As `drivers.base.Place` has it."""


class Diversion(msgspec.Struct, frozen=True):
    """One time that a call was sent on: by whom, why, and to what (a target, or digits as dialled there)."""

    by: str
    when: When
    target: str


def what_happened(cause: Cause) -> When | None:
    """Which forwarding a call that was not answered falls under; None: none (the caller gave up, or it failed for good)."""
    if cause.q850 == ABSENT:
        return When.UNREGISTERED
    if cause.sip in BUSY or cause.q850 == 17:
        return When.BUSY
    if cause.sip in (408, 480) or cause.q850 == NO_ANSWER:
        return When.NO_ANSWER
    return None


UNDISTURBED = Cause(sip=486, q850=17, by="near", text="do not disturb")
SENT_ON = Cause(sip=480, q850=31, by="near", text="all its calls go elsewhere")


def at_once(phone: Phone | None, settings: Settings) -> Cause | None:
    """Why a phone is not even rung: its calls all go elsewhere, or it is not to be disturbed. None: it is."""
    if target_of(phone, settings, "forward_always"):
        return SENT_ON
    return UNDISTURBED if settings.do_not_disturb else None


def next_way(
    phone: Phone | None, settings: Settings, extension: str, cause: Cause, elsewhere: str = ""
) -> Diversion | None:
    """What is set at the phone for a call that ended there in this way; what it said itself (`elsewhere`) goes first."""
    if elsewhere:
        return Diversion(extension, When.REDIRECTED, elsewhere)
    when = When.ALWAYS if cause is SENT_ON else what_happened(cause)
    return diversion(phone, settings, extension, when) if when is not None else None


def diversion(phone: Phone | None, settings: Settings, extension: str, when: When) -> Diversion | None:
    """What is set for this case, if anything."""
    target = target_of(phone, settings, SETTING[when])
    return Diversion(extension, when, target) if target else None


def allowed(made: Collection[Diversion], next: Diversion, since: int = 0) -> bool:
    """Whether a call that was sent on so far may be sent on again; `since`: diversions before this were of an earlier search."""
    return len(made) < MOST and all(each.by != next.by for each in list(made)[since:])


def decide(config: Config, by: str, target: str) -> Decision:
    """What a wish means: a target, or digits dialled at the phone `by`. Outside numbers by the rights of that phone."""
    if ":" not in target and target not in NAMELESS:
        decision = from_phone(config, by, target)
        return ToVoicemail(by) if decision == ToCode("voicemail") else decision
    parsed = Target(target)
    if parsed.kind == "outside":
        # Written as people of the country dial it, so without the prefix that reaches outside.
        prefix = "" if parsed.name.startswith("+") else config.dialling.outside_prefix
        return from_phone(config, by, prefix + parsed.name)
    return to_target(config, parsed)


def follow_me(config: Config, phone: Phone) -> ToOutside | None:
    """The outside number that rings with this phone, by its own rights; None where it may not be called."""
    decision = decide(config, phone.extension, f"outside:{phone.follow_me}")
    return decision if isinstance(decision, ToOutside) and not decision.emergency else None


def wish(config: Config, extension: str, value: str) -> str:
    """A wish made by code or command, checked: as it is kept. Raises SwitchroomError "forward.bad-number"."""
    bad = SwitchroomError("forward.bad-number", "Calls cannot go to {value}.",
                          "Give a number as this phone dials it, or a target such as voicemail:101.", value=repr(value))
    try:
        decision = decide(config, extension, value)
    except ValueError:
        raise bad from None
    refused = isinstance(decision, ToOutside) and decision.emergency
    itself = isinstance(decision, ToExtension) and decision.extension == extension
    if refused or itself or not is_way(decision):
        raise bad
    return value


def is_way(decision: Decision) -> bool:
    """Whether a call can be sent there: not to an excuse, nor to a campaign's code."""
    return not isinstance(decision, ToExcuse | ToScenario | ToCode)


def shown(config: Config, line: str, made: Sequence[Diversion]) -> dict[str, Any]:
    """Fields of `drivers.base.Place` that say who sent the call on last. On a line a phone is known by the number that is shown
    for it; to a phone (`line` "") by its extension."""
    last = made[-1]
    phone = config.phone(last.by)
    number = caller_id_for(config, line, phone.caller_id if phone else None) if line else last.by
    return {"diverted_from": number, "diverted_why": REASON[last.when], "diversions": len(made)}
