"""A contact's stays in queues, counted as the figures count them (appliance/figures/folding/contacts.py): in a queue each stay,
in the office the contact once, by its first queue and its first answer. Pure."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from appliance import messages as m
from appliance.figures.counts import edge_of
from appliance.figures.folding.contacts import EXITS

NOT_REACHED = ("expired", "attempts", "no-queue", "unreachable")


class Stay(msgspec.Struct, kw_only=True):
    """UTC seconds: `at` it entered, `joined` its first agent, `gone` it left without one. `agent`: that first one. `requested`:
    to be called back, which ended as `closed`. `handlers`: agents whose conversation in it ended normally, `cut_off`: whose a
    failure ended, `passed`: who passed it on, and how ("": it is not known)."""

    queue: str
    at: float
    joined: float | None = None
    gone: float | None = None
    agent: str = ""
    left: str = ""
    final: bool = True
    requested: bool = False
    closed: str = ""
    handlers: list[str] = []
    cut_off: list[str] = []
    passed: list[tuple[str, str]] = []

    @property
    def answered(self) -> bool:
        return self.joined is not None and not self.requested

    @property
    def way(self) -> str:
        """How it left, in the figures' words."""
        return EXITS.get(self.left, "")


class Stays(msgspec.Struct, kw_only=True):
    """`moved`: this agent had it, and sends it on; `message`: it left one in a mailbox after it had been in a queue. `talks`: an
    agent has it; `how`: a transfer that was announced and not yet done; `unknown`: stays of which it is not told yet how it was
    passed on in them last."""

    all: list[Stay] = []
    moved: str = ""
    message: bool = False
    talks: bool = False
    how: str = ""
    unknown: Stay | None = None

    def take(self, event: Any) -> None:
        take = _TAKE.get(type(event))
        if take is not None and (self.all or isinstance(event, m.ContactQueued)):
            take(self, event)

    def waits(self, queue: str, agent: str) -> list[float]:
        """Seconds until an agent, of those that were answered."""
        if queue or agent:
            return [each.joined - each.at for each in self.all if each.joined is not None and each.answered
                    and queue in ("", each.queue) and agent in ("", each.agent)]
        first = next((each for each in self.all if each.joined is not None), None)
        return [first.joined - self.all[0].at] if first is not None and first.joined is not None and first.answered else []

    def gave_up(self, queue: str) -> list[float]:
        """Seconds after which it was abandoned."""
        return self._exits(queue, "abandoned")

    def overflowed(self, queue: str) -> bool:
        return bool(self._exits(queue, "overflowed"))

    def _exits(self, queue: str, way: str) -> list[float]:
        """Seconds after which it went that way; of the office only as it left for good."""
        if queue:
            return [each.gone - each.at for each in self.all if each.gone is not None and each.way == way and each.queue == queue]
        last = self.all[-1] if self.all else None
        if last is None or last.gone is None or last.way != way or not last.final or any(each.joined for each in self.all):
            return []
        return [last.gone - self.all[0].at]

    def offered(self, queue: str) -> bool:
        return any(queue in ("", each.queue) for each in self.all)

    def handled(self, queue: str, agent: str) -> bool:
        """A conversation ended normally, by callback too."""
        if agent:
            return any(agent in each.handlers and queue in ("", each.queue) for each in self.all)
        return any((each.handlers or each.closed == "reached") and queue in ("", each.queue) for each in self.all)

    def had_agent(self, queue: str) -> bool:
        """An agent was connected, by callback too."""
        return any(each.joined is not None and queue in ("", each.queue) for each in self.all)

    def broken(self, queue: str, agent: str) -> bool:
        """A failure ended a conversation."""
        return any(each.cut_off and queue in ("", each.queue) and (not agent or agent in each.cut_off) for each in self.all)

    def passed_on(self, queue: str, agent: str, how: str = "") -> bool:
        """An agent passed it on; with `how`, in that way."""
        return any(queue in ("", each.queue) and agent in ("", giver) and how in ("", way)
                   for each in self.all for giver, way in each.passed)

    def pass_on(self, stay: Stay, agent: str) -> None:
        stay.passed.append((agent, self.how))
        self.unknown, self.how = (None if self.how else stay), ""

    def callback(self, queue: str, *ends: str) -> bool:
        """Somebody asked to be called back; with `ends`, and that ended as one of these."""
        return any(each.requested and queue in ("", each.queue) and (not ends or each.closed in ends) for each in self.all)


def within(seconds: float, limit: float) -> bool:
    """As the figures' spread of waits has it, by the second."""
    return edge_of(max(0, round(seconds * 1000))) <= limit


def _queued(stays: Stays, event: m.ContactQueued) -> None:
    moved, stays.moved = stays.moved, ""
    last = stays.all[-1] if stays.all else None
    if last is not None and moved:
        if last.queue == event.queue and event.since < event.at:
            return  # the agent went before the two were joined: the caller has the old place
        last.handlers.append(moved)
        stays.pass_on(last, moved)
    stays.all.append(Stay(queue=event.queue, at=event.at))


def _connected(stays: Stays, event: m.ContactConnected) -> None:
    last = stays.all[-1]
    if last.joined is None:
        last.joined, last.agent = event.at, event.agent
    stays.talks, stays.how = True, ""


def _handed(stays: Stays, event: m.ContactHandedOver) -> None:
    stays.all[-1].handlers.append(event.agent)
    stays.pass_on(stays.all[-1], event.agent)
    stays.talks = bool(event.to)


def _transferred(stays: Stays, event: m.CallTransferred) -> None:
    """Comes before or after the hand-over that it is about."""
    if event.kind == "pickup":
        return
    if stays.unknown is not None:
        stays.unknown.passed[-1] = (stays.unknown.passed[-1][0], event.kind)
        stays.unknown = None
    elif stays.talks:
        stays.how = event.kind


def _conferenced(stays: Stays, event: m.CallConferenced) -> None:
    """Who leaves the caller with whom they asked in, passes on after asking. A transfer that follows says itself how."""
    if stays.talks:
        stays.how = "attended"


def _ended(stays: Stays, event: m.ContactEnded) -> None:
    stays.moved = event.agent if event.reason == "moved" else ""
    stays.talks = False
    if event.reason in ("cut", "restart"):
        stays.all[-1].cut_off.append(event.agent)
    elif event.reason != "moved":
        stays.all[-1].handlers.append(event.agent)


def _left(stays: Stays, event: m.ContactLeft) -> None:
    last, stays.unknown = stays.all[-1], None
    if not last.answered and not last.requested:
        last.left = "voicemail" if event.target.startswith("voicemail:") else event.reason
        last.gone, last.final = event.at, not event.target.startswith("queue:")


def _requested(stays: Stays, event: m.CallbackRequested) -> None:
    stays.all[-1].requested = True


def _closed(stays: Stays, event: m.CallbackClosed) -> None:
    stays.all[-1].closed = event.reason


def _message(stays: Stays, event: m.VoicemailLeft) -> None:
    stays.message = stays.all[-1].left == "voicemail" and all(each.joined is None for each in stays.all)


_TAKE: dict[type[m.Event], Callable[[Stays, Any], None]] = {
    m.ContactQueued: _queued, m.ContactConnected: _connected, m.ContactHandedOver: _handed, m.ContactEnded: _ended,
    m.CallTransferred: _transferred, m.CallConferenced: _conferenced, m.ContactLeft: _left, m.CallbackRequested: _requested,
    m.CallbackClosed: _closed, m.VoicemailLeft: _message,
}
