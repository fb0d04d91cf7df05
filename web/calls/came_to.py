"""What calls come to, in the words that the figures link with: each word says of a call whether it is one of those that its
figure counts (appliance/figures/definitions.py). Pure.

What one call alone cannot say, whether its caller came before or again, is asked of the ledger in `again.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, get_args

from appliance.config.model import Config
from appliance.ledger.cdr import Cdr
from appliance.messages import SurveyKind
from appliance.surveys import parts
from web.calls.contacts import Contact
from web.calls.stays import NOT_REACHED, within

if TYPE_CHECKING:
    from web.calls.search import Asked

TURNED = ("closed", "full", "nobody-in", "all-on-break", "long-wait", "no-queue")
CAMPAIGN = ("confirmed", "heard", "hung_up", "declined", "machine", "unreachable", "no_line")
PERSON = ("confirmed", "heard", "hung_up", "declined")
"""Outcomes of an attempt that a person answered."""
NO_CHANNEL = 503
"""SIP status of a caller on a line for whom nothing was free."""
Judge = Callable[[Cdr, Contact, "Asked", Config], bool]


def _waits(contact: Contact, asked: Asked) -> list[float]:
    return contact.stays.waits(asked.queue, asked.agent)


def _limit(contact: Contact, asked: Asked, config: Config, name: str, usual: float) -> float:
    """T or S: as asked, else the queue's own."""
    if asked.within is not None:
        return asked.within
    queues = [asked.queue] if asked.queue else contact.queues
    return max((float(getattr(each, name)) for each in config.queues if each.name in queues), default=usual)


def _in_time(cdr: Cdr, c: Contact, asked: Asked, config: Config) -> bool:
    limit = _limit(c, asked, config, "service_level_seconds", 20.0)
    return any(within(each, limit) for each in _waits(c, asked))


def _gave_up_in_time(cdr: Cdr, c: Contact, asked: Asked, config: Config) -> bool:
    limit = _limit(c, asked, config, "service_level_seconds", 20.0)
    return any(within(each, limit) for each in c.stays.gave_up(asked.queue))


def _gave_up(at_once: bool) -> Judge:
    def judge(cdr: Cdr, c: Contact, asked: Asked, config: Config) -> bool:
        limit = _limit(c, asked, config, "short_abandon_seconds", 5.0)
        return any((limit > 0 and within(each, limit)) is at_once for each in c.stays.gave_up(asked.queue))

    return judge


def _end(*words: str) -> Judge:
    """How it ended: a campaign's attempt by its outcome, another call by its disposition."""
    return lambda cdr, *_: (cdr.outcome or cdr.disposition) in words


def _noted(mark: str) -> Judge:
    """By the outcome that was keyed last, where it was keyed, of who keyed it."""
    return lambda cdr, c, asked, _: mark in c.marks and bool(c.noted_in) and (
        asked.queue in ("", c.noted_in) and asked.agent in ("", c.noted_by))


def _surveyed(judge: Callable[[Cdr, Contact], bool]) -> Judge:
    """Where its caller was asked, and after whom."""

    def of_the_place(cdr: Cdr, c: Contact, asked: Asked, _: Config) -> bool:
        queue, agent = c.asked_after or (asked.queue, asked.agent)
        return judge(cdr, c) and asked.queue in ("", queue) and asked.agent in ("", agent)

    return of_the_place


def _score(kind: SurveyKind) -> Judge:
    return _surveyed(lambda cdr, c: any(each.kind == kind and parts(kind, each.score) for each in cdr.answers))


def _blocked(cdr: Cdr, c: Contact, *_: object) -> bool:
    """No line or channel was free, or the queue was full."""
    first = cdr.legs[0] if cdr.legs else None
    refused = (first is not None and first.kind == "line" and first.direction == "in" and first.answered is None
               and first.cause.sip == NO_CHANNEL)
    return refused or cdr.reached.startswith("excuse:line:") or (c.left == "full" and not c.queued)


WHAT: dict[str, Judge] = {
    "answered": lambda cdr, c, asked, _: bool(_waits(c, asked)) if c.queues else cdr.disposition == "answered",
    "agent-answered": lambda cdr, c, asked, _: bool(_waits(c, asked)),
    "connected": lambda cdr, *_: cdr.disposition == "answered",
    "talked": lambda cdr, c, *_: bool(c.agents),
    "handled": lambda cdr, c, asked, _: c.stays.handled(asked.queue, asked.agent),
    "no_answer": _end("no_answer"),
    "busy": _end("busy"),
    "failed": lambda cdr, c, *_: cdr.disposition == "failed",
    "cancelled": _end("cancelled"),
    "interrupted": lambda cdr, c, *_: "interrupted" in (cdr.disposition, cdr.outcome, c.left),
    "broken-off": lambda cdr, c, asked, _: c.stays.broken(asked.queue, asked.agent),
    "blocked": _blocked,
    "offered": lambda cdr, c, asked, _: c.stays.offered(asked.queue),
    "in-time": _in_time,
    "in-time-or-left": lambda *call: _in_time(*call) or _gave_up_in_time(*call),
    "abandoned": lambda cdr, c, asked, _: bool(c.stays.gave_up(asked.queue)),
    "abandoned-short": _gave_up(True),
    "abandoned-late": _gave_up(False),
    "unhandled": lambda cdr, c, asked, _: c.stays.offered(asked.queue) and not (
        _waits(c, asked) or c.stays.message or c.stays.callback(asked.queue, "reached", "called-again")),
    "overflowed": lambda cdr, c, asked, _: c.stays.overflowed(asked.queue),
    "turned-away": lambda cdr, c, *_: bool(c.queues) and not c.queued and c.left in TURNED,
    "rung-in-vain": lambda cdr, c, asked, _: any(
        asked.queue in ("", queue) and asked.agent in ("", agent) for queue, agent in c.missed),
    "voicemail": lambda cdr, c, *_: c.left == "voicemail" or cdr.reached.startswith("voicemail:"),
    "transferred": lambda cdr, c, *_: bool(cdr.transfers) or len(c.agents) > 1,
    "passed-on": lambda cdr, c, asked, _: c.stays.passed_on(asked.queue, asked.agent),
    "passed-on-blind": lambda cdr, c, asked, _: c.stays.passed_on(asked.queue, asked.agent, "blind"),
    "passed-on-attended": lambda cdr, c, asked, _: c.stays.passed_on(asked.queue, asked.agent, "attended"),
    "message": lambda cdr, c, asked, _: c.stays.message and c.stays.all[-1].queue in (asked.queue or c.stays.all[-1].queue,),
    "callback": lambda cdr, c, asked, _: c.stays.callback(asked.queue),
    "callback-reached": lambda cdr, c, asked, _: c.stays.callback(asked.queue, "reached"),
    "callback-expired": lambda cdr, c, asked, _: c.stays.callback(asked.queue, *NOT_REACHED),
    "called-back": lambda cdr, c, *_: cdr.purpose == "callback",
    "campaign": lambda cdr, c, *_: bool(cdr.campaign),
    "reached": _end(*PERSON),
    "attempt-busy": lambda cdr, *_: cdr.outcome == "busy",
    "attempt-no-answer": lambda cdr, *_: cdr.outcome == "no_answer",
    "retry": lambda cdr, c, *_: cdr.attempt > 1,
    **{each: _end(each) for each in CAMPAIGN},
    "solved": _noted("solved"),
    "solved-first": _noted("solved"),
    "solved-known": _noted("solved"),
    "sale": _noted("sale"),
    "surveyed": _surveyed(lambda cdr, c: c.surveyed or bool(cdr.answers)),
    "survey-answered": _surveyed(lambda cdr, c: bool(cdr.answers)),
    **{f"survey-{kind}": _score(kind) for kind in get_args(SurveyKind) if kind != "comment"},
    "called-again": lambda cdr, c, asked, _: c.stays.offered(asked.queue),
    "answered-once": lambda cdr, c, asked, _: c.stays.had_agent(asked.queue),
}  # fmt: skip
OF_OTHERS = frozenset({"rung-in-vain"})
"""What an agent has to do with without having had the call."""
