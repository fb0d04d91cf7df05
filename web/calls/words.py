"""A call's steps, ends and outcomes in words of the page's language."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask_babel import gettext as _

from appliance import _core as core
from appliance import messages as m
from appliance.campaigns import causes
from web.calls.came_to import CAMPAIGN
from web.calls.timeline import Step
from web.campaigns.words import outcome
from web.reasons import reason

Facts = dict[str, Any]


def disposition(word: str) -> str:
    return {
        "answered": _("answered"), "no_answer": _("not answered"), "busy": _("busy"), "failed": _("failed"),
        "cancelled": _("cancelled"), "interrupted": _("broken off"),
    }.get(word, word)  # fmt: skip


def what(word: str) -> str:
    """What calls can be searched for by what became of them."""
    return {
        "offered": _("came to a queue"), "in-time": _("answered in time"), "abandoned": _("hung up while waiting"),
        "abandoned-short": _("hung up at once"), "handled": _("helped by an agent"), "message": _("left a message"),
        "callback-reached": _("reached by a call back"), "callback-expired": _("not reached by a call back"),
        "called-back": _("call back to somebody"),
        "unhandled": _("nobody helped"), "overflowed": _("sent on by the queue"), "turned-away": _("turned away at the door"),
        "voicemail": _("went to voicemail"), "transferred": _("transferred"), "callback": _("asked to be called back"),
        "campaign": _("of a campaign"), "solved": _("solved"), "sale": _("sold"),
        "surveyed": _("asked after the call"), "survey-answered": _("answered the survey"),
        "survey-csat": _("said how satisfied"), "survey-nps": _("said whether to recommend us"),
        "survey-ces": _("said how easy it was"), "called-again": _("called again within a week"),
        "answered-once": _("answered, and did not call again"), "connected": _("both parties talked"),
        "agent-answered": _("answered by an agent"),
        "talked": _("talked with an agent"), "broken-off": _("cut off from an agent"), "blocked": _("nothing free for it"),
        "in-time-or-left": _("answered in time, or hung up by then"), "abandoned-late": _("hung up after some waiting"),
        "rung-in-vain": _("rung at an agent in vain"), "passed-on": _("passed on by an agent"),
        "passed-on-blind": _("passed on without asking"), "passed-on-attended": _("passed on after asking"),
        "reached": _("reached a person"), "retry": _("another attempt"), "solved-first": _("solved at the first call"),
        "solved-known": _("solved, the caller known"), "attempt-busy": _("of a campaign, busy"),
        "attempt-no-answer": _("of a campaign, not answered"),
    }.get(word) or (outcome(word) if word in CAMPAIGN else disposition(word))  # fmt: skip


def kind_of(word: str) -> str:
    """The class of `state` for what a call came to."""
    if word in ("answered", "confirmed", "heard"):
        return "good"
    return "bad" if word in ("failed", "interrupted") else "warn"


def left(reason: str) -> str:
    """Why a contact left its queue."""
    return {
        "abandoned": _("the caller hung up"), "cut": _("the network lost the caller"), "overflow": _("a rule of the queue"),
        "max-wait": _("the longest wait was over"), "left": _("the caller pressed out"), "transferred": _("transferred"),
        "voicemail": _("the caller left a message"), "callback": _("the caller will be called back"),
        "closed": _("the queue is closed"), "full": _("the queue is full"), "nobody-in": _("nobody is signed in"),
        "all-on-break": _("all are on a break"), "long-wait": _("the wait would be too long"),
        "no-queue": _("the queue is gone"), "interrupted": _("the box restarted"),
        "resumed": _("the caller called again and kept the place"), "call-again": _("an agent wants the caller called again"),
    }.get(reason, reason)  # fmt: skip


def offer_end(how: str) -> str:
    return {
        "accepted": _("it was taken"), "refused": _("it was refused"), "missed": _("nobody answered"),
        "withdrawn": _("another agent took it, or the caller left"), "unreachable": _("the phone could not be reached"),
    }.get(how, how)  # fmt: skip


def callback_end(reason: str) -> str:
    return {
        "reached": _("the customer was reached"), "expired": _("too much time has gone by"),
        "attempts": _("all attempts are used up"), "cancelled": _("cancelled"),
        "called-again": _("the customer called again"), "no-queue": _("the queue is gone"),
        "unreachable": _("no line leads to the number"),
    }.get(reason, reason)  # fmt: skip


def screened(verdict: str) -> str:
    return {"block": _("unwanted"), "vip": _("VIP"), "anonymous": _("without a number")}.get(verdict, verdict)


def decision(action: core.Action) -> str:
    """What the queues decided."""
    return {
        core.Queued: _("waits in the queue"), core.Offer: _("is offered"), core.EndOffer: _("an offer ends"),
        core.Connect: _("is connected"), core.Leave: _("leaves the queue"), core.DialCustomer: _("the customer is called"),
        core.RetryLater: _("is called again later"), core.CallbackClosed: _("the promise to call back ends"),
    }.get(type(action), type(action).__name__)


def cause(found: m.Cause) -> str:
    """Why a leg ended, in words, with its codes (RFC 3261, ITU-T Q.850)."""
    who = {"far": _("the other end hung up"), "near": _("we hung up"), "restart": _("the box restarted"),
           "network": _("the network did not reply"), "tone": _("a tone was heard")}[found.by]
    row = causes.TONES.get(found.tone) or (causes.q850_verdict(found.q850) if found.q850 not in (0, 16) else None)
    row = row or (causes.sip_verdict(found.sip) if found.sip >= 300 else None)
    codes = ", ".join(filter(None, [f"SIP {found.sip}" if found.sip else "", f"Q.850 {found.q850}" if found.q850 else "",
                                    _tone(found.tone), reason(found.text)]))
    words = _(row.why) if row is not None else who
    return f"{words} ({codes})" if codes else words


def _tone(name: str) -> str:
    """A tone that was heard (ITU-T E.180) beside the sentence about it."""
    return "" if name in causes.TONES else name


def name_of(setting: str) -> str:
    """A fact's name where no sentence has it."""
    return setting.replace("_", " ")


def step(found: Step) -> str:
    """One step as a sentence; one without a sentence of its own by its name and its facts."""
    say = _SAY.get(found.what)
    if say is not None:
        return say(found, found.facts)
    told = ", ".join(f"{name_of(key)}: {value}" for key, value in found.facts.items())
    return f"{found.what.replace('-', ' ')} {told}".strip()


def _opened(found: Step, f: Facts) -> str:
    if f.get("direction") == "in":
        return _("%(party)s calls", party=found.party)
    return _("%(party)s is called", party=found.party)


def _answered(found: Step, f: Facts) -> str:
    if f.get("heard"):
        return _("%(party)s answers (heard on the line)", party=found.party)
    return _("%(party)s answers", party=found.party)


def _ended(found: Step, f: Facts) -> str:
    return _("%(party)s is out of the call: %(why)s", party=found.party, why=cause(found.cause or m.Cause()))


def _transferred(found: Step, f: Facts) -> str:
    target = f.get("target", "")
    if f.get("kind") == "pickup":
        return _("%(target)s picks the call up", target=target)
    if f.get("kind") == "attended":
        return _("%(party)s transfers to %(target)s after asking", party=found.party, target=target)
    return _("%(party)s transfers to %(target)s at once", party=found.party, target=target)


def _queued(found: Step, f: Facts) -> str:
    return _("waits in the queue %(queue)s at place %(place)s", queue=f.get("queue", ""), place=f.get("position", 0))


def _left(found: Step, f: Facts) -> str:
    return _("leaves the queue %(queue)s: %(why)s", queue=f.get("queue", ""), why=left(str(f.get("reason", ""))))


def _survey(found: Step, f: Facts) -> str:
    score = f.get("score")
    return _("answers “%(question)s”: %(answer)s", question=f.get("question", ""), answer=_("spoken") if score is None else score)


def _failed(found: Step, f: Facts) -> str:
    why = callback_end(str(f.get("reason", ""))) if f.get("reason") != "stopped" else _("cancelled")
    return _("the customer was not reached: %(why)s", why=why)


_SAY: dict[str, Callable[[Step, Facts], str]] = {
    "leg-opened": _opened,
    "leg-ringing": lambda s, f: _("%(party)s rings", party=s.party),
    "leg-answered": _answered,
    "leg-held": lambda s, f: _("%(party)s is put on hold", party=s.party),
    "leg-resumed": lambda s, f: _("%(party)s is back from hold", party=s.party),
    "leg-ended": _ended,
    "call-reached": lambda s, f: _("comes to %(target)s", target=f.get("target", "")),
    "call-transferred": _transferred,
    "call-ended": lambda s, f: _("the call is over: %(word)s", word=disposition(str(f.get("disposition", "")))),
    "call-forwarded": lambda s, f: _("%(extension)s sends its calls on to %(target)s", extension=f.get("extension", ""),
                                     target=f.get("target", "")),
    "call-parked": lambda s, f: _("%(party)s is parked at %(slot)s", party=s.party, slot=f.get("slot", "")),
    "call-unparked": lambda s, f: _("%(party)s leaves the parking place %(slot)s", party=s.party, slot=f.get("slot", "")),
    "call-conferenced": lambda s, f: _("%(party)s takes %(target)s into the conversation", party=s.party,
                                       target=f.get("target", "")),
    "contact-queued": _queued,
    "contact-offered": lambda s, f: _("offered to %(agent)s", agent=f.get("agent", "")),
    "offer-ended": lambda s, f: _("the offer to %(agent)s ends: %(why)s", agent=f.get("agent", ""),
                                  why=offer_end(str(f.get("how", "")))),
    "contact-connected": lambda s, f: _("connected to %(agent)s after %(seconds)s s", agent=f.get("agent", ""),
                                        seconds=round(float(f.get("waited", 0)))),
    "contact-handed-over": lambda s, f: _("%(agent)s hands over to %(to)s", agent=f.get("agent", ""),
                                          to=f.get("to") or _("nobody")),
    "contact-ended": lambda s, f: _("%(agent)s has talked for %(seconds)s s", agent=f.get("agent", ""),
                                    seconds=round(float(f.get("talked", 0)))),
    "contact-left": _left,
    "contact-outcome": lambda s, f: _("%(agent)s notes the outcome %(name)s", agent=f.get("agent", ""), name=f.get("name", "")),
    "contact-noted": lambda s, f: _("%(agent)s writes: %(text)s", agent=f.get("agent", ""), text=f.get("text", "")),
    "callback-requested": lambda s, f: _("asks to be called back by %(queue)s", queue=f.get("queue", "")),
    "callback-attempted": lambda s, f: _("is called back, attempt %(number)s", number=f.get("attempt", "")),
    "callback-closed": lambda s, f: _("the promise to call back ends: %(why)s", why=callback_end(str(f.get("reason", "")))),
    "fact-keyed": lambda s, f: _("keyed in %(name)s: %(digits)s", name=f.get("label") or f.get("name", ""),
                                 digits=f.get("digits", "")),
    "caller-screened": lambda s, f: _("screened as %(verdict)s", verdict=screened(str(f.get("verdict", "")))),
    "voicemail-left": lambda s, f: _("leaves a message in %(box)s", box=f.get("box", "")),
    "recording-started": lambda s, f: _("recording begins"),
    "recording-paused": lambda s, f: _("recording is paused") if f.get("paused") else _("recording goes on"),
    "recording-ended": lambda s, f: _("recording ends"),
    "survey-asked": lambda s, f: _("is asked the survey %(survey)s", survey=f.get("survey", "")),
    "survey-answered": _survey,
    "attempt-started": lambda s, f: _("attempt %(number)s of campaign %(campaign)s over %(line)s", number=f.get("attempt", ""),
                                      campaign=f.get("campaign", ""), line=f.get("line", "")),
    "callback-failed": _failed,
    "missed-marked": lambda s, f: _("%(who)s has taken care of it", who=f.get("by", "")) if f.get("done")
        else _("%(who)s takes care of it", who=f.get("by", "")),
    "recording-erased": lambda s, f: _("the recording is erased"),
    "attempt-ended": lambda s, f: _("the campaign notes %(outcome)s", outcome=outcome(str(f.get("outcome", "")))),
}
