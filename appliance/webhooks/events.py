"""What webhooks tell, made of the ledger. Pure: records in, messages out.

The fold remembers the calls that are open. It is not kept on disk: whoever starts it gives it the records from `since()` of the
last time on, and takes only the messages of those that are new.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

import msgspec

from appliance import messages as m
from appliance.config.webhooks import HookEvent

OLDEST = 86400.0
"""Seconds after which an open call is forgotten: it bounds how far back a start has to read."""


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """`id` is the same whenever it is made again of the same ledger."""

    id: str
    type: str
    utc: float
    data: dict[str, Any]
    queues: frozenset[str] = frozenset()

    def body(self) -> bytes:
        at = datetime.fromtimestamp(self.utc, UTC).isoformat(timespec="milliseconds")
        return msgspec.json.encode({"type": self.type, "timestamp": at, "data": self.data})


class Open(msgspec.Struct, kw_only=True):
    """A call that goes on, or a promise to call back."""

    seq: int
    began: float
    direction: str
    number: str
    name: str
    line: str
    called: str = ""
    queues: list[str] = []
    agents: list[str] = []
    facts: dict[str, str] = {}
    phones: dict[str, str] = {}
    """Legs to phones: their extensions."""
    offers: int = 0
    answered: float = 0.0
    voicemail: str = ""
    ended: bool = False
    promised: bool = False


class Fold:
    """`extension_of`: of an agent, by the configuration."""

    def __init__(self, extension_of: Callable[[str], str] = lambda agent: "") -> None:
        self.extension_of = extension_of
        self._open: dict[str, Open] = {}
        self._call_of: dict[str, str] = {}
        """Of the legs to phones."""

    def since(self, seq: int) -> int:
        """From after which record the fold has to be fed, to know what it knows at `seq`."""
        return min((each.seq - 1 for each in self._open.values()), default=seq)

    def feed(self, record: m.Record) -> Iterator[Message]:
        take = _TAKE.get(type(record.event))
        if take is None:
            return
        for number, (type_, data, queues) in enumerate(take(self, record.event, record)):
            yield Message(id=f"{record.boot[:12]}-{record.seq}-{number}", type=type_, utc=record.utc, data=data,
                          queues=frozenset(queues))

    def forget(self, utc: float) -> None:
        """What is older than a day."""
        for id in [id for id, each in self._open.items() if utc - each.began > OLDEST]:
            self._drop(id)

    # ---- calls ---------------------------------------------------------------------------------------------------

    def _told(self, type_: HookEvent, id: str, call: Open, **more: Any) -> tuple[str, dict[str, Any], list[str]]:
        data = {"call": id, "direction": call.direction, "number": call.number, "name": call.name, "line": call.line,
                "queue": call.queues[-1] if call.queues else "", "facts": dict(call.facts), **more}
        return type_, data, call.queues

    def _opened(self, event: m.LegOpened, record: m.Record) -> Iterator[Any]:
        call = self._open.get(event.call)
        if call is None:
            if event.campaign:
                return  # a campaign tells of itself as a whole
            inside = event.kind == "phone"
            direction = "in" if event.kind == "line" and event.direction == "in" else "inside" if inside else "out"
            self._open[event.call] = Open(
                seq=record.seq, began=record.utc, direction=direction, number=event.number if not inside else event.endpoint,
                name=event.name, line="" if inside else event.endpoint, called=event.number if inside else "")
        elif event.kind == "phone" and event.direction == "out":
            call.phones[event.leg] = event.endpoint
            self._call_of[event.leg] = event.call
        elif event.kind == "line" and event.direction == "out" and call.direction == "inside":
            call.direction, call.line, call.number, call.name = "out", event.endpoint, event.number, ""
        yield from ()

    def _rings(self, event: m.LegRinging, record: m.Record) -> Iterator[Any]:
        """A phone that no queue makes ring; those are told with their agent."""
        id = self._call_of.get(event.leg, "")
        call = self._open.get(id)
        if call is not None and not call.offers and not call.queues:
            yield self._told("call.ringing", id, call, agent="", extension=call.phones[event.leg])

    def _picked_up(self, event: m.LegAnswered, record: m.Record) -> Iterator[Any]:
        id = self._call_of.get(event.leg, "")
        call = self._open.get(id)
        if call is not None and not call.queues and not call.answered:
            call.answered = record.utc
            yield self._told("call.answered", id, call, agent="", extension=call.phones[event.leg], waited=0.0)

    def _keyed(self, event: m.FactKeyed, record: m.Record) -> Iterator[Any]:
        if event.call in self._open:
            self._open[event.call].facts[event.name] = event.digits
        yield from ()

    def _message_left(self, event: m.VoicemailLeft, record: m.Record) -> Iterator[Any]:
        call = self._open.get(event.call)
        data = {"message": event.message, "mailbox": event.box, "call": event.call, "number": event.caller,
                "seconds": event.seconds}
        if call is not None:
            call.voicemail = event.message
        yield "voicemail.left", data, call.queues if call else []

    def _over(self, event: m.CallEnded, record: m.Record) -> Iterator[Any]:
        call = self._open.get(event.call)
        if call is None:
            return
        agent = call.agents[-1] if call.agents else ""
        talked = round(record.utc - call.answered, 3) if call.answered else 0.0
        if call.direction == "in" and not call.answered:
            yield self._told("call.missed", event.call, call, voicemail=call.voicemail, callback=call.promised,
                             waited=round(record.utc - call.began, 3))
        yield self._told("call.ended", event.call, call, disposition=event.disposition, agent=agent, seconds=talked,
                         voicemail=call.voicemail)
        call.ended = True
        if not call.promised:
            self._drop(event.call)

    def _drop(self, id: str) -> None:
        for leg in self._open.pop(id).phones:
            self._call_of.pop(leg, None)

    # ---- queues --------------------------------------------------------------------------------------------------

    def _queued(self, event: m.ContactQueued, record: m.Record) -> Iterator[Any]:
        call = self._open.get(event.contact)
        if call is not None and event.queue not in call.queues[-1:]:
            call.queues.append(event.queue)
        yield from ()

    def _offered(self, event: m.ContactOffered, record: m.Record) -> Iterator[Any]:
        call = self._open.get(event.contact)
        if call is not None:
            call.offers += 1
            yield self._told("call.ringing", event.contact, call, agent=event.agent, extension=self.extension_of(event.agent))

    def _joined(self, event: m.ContactConnected, record: m.Record) -> Iterator[Any]:
        call = self._open.get(event.contact)
        if call is not None:
            call.answered = call.answered or record.utc
            call.agents.append(event.agent)
            yield self._told("call.answered", event.contact, call, agent=event.agent, extension=self.extension_of(event.agent),
                             waited=event.waited)

    def _handed(self, event: m.ContactHandedOver, record: m.Record) -> Iterator[Any]:
        call = self._open.get(event.contact)
        if call is not None and event.to:
            call.agents.append(event.to)
            yield self._told("call.answered", event.contact, call, agent=event.to, extension=self.extension_of(event.to),
                             waited=0.0)

    def _promised(self, event: m.CallbackRequested, record: m.Record) -> Iterator[Any]:
        if event.contact in self._open:
            self._open[event.contact].promised = True
        yield from ()

    def _kept(self, event: m.CallbackClosed, record: m.Record) -> Iterator[Any]:
        call = self._open.get(event.contact)
        if call is not None:
            call.promised = False
            if call.ended:
                self._drop(event.contact)
        yield from ()

    # ---- others --------------------------------------------------------------------------------------------------

    def _recorded(self, event: m.RecordingEnded, record: m.Record) -> Iterator[Any]:
        if event.bytes:
            id = PurePosixPath(event.recording).stem
            call = self._open.get(event.call)
            yield "recording.ready", {"recording": id, "call": event.call, "seconds": event.seconds, "sha256": event.sha256,
                                      "path": f"/api/v1/recordings/{id}"}, call.queues if call else []

    def _campaign(self, event: m.CampaignStateChanged, record: m.Record) -> Iterator[Any]:
        if event.state in ("finished", "cancelled"):
            yield "campaign.ended", {"campaign": event.campaign, "state": event.state, "reason": event.reason}, []


_TAKE: dict[type[m.Event], Callable[[Fold, Any, m.Record], Iterator[Any]]] = {
    m.LegOpened: Fold._opened, m.LegRinging: Fold._rings, m.LegAnswered: Fold._picked_up, m.FactKeyed: Fold._keyed,
    m.VoicemailLeft: Fold._message_left, m.CallEnded: Fold._over, m.ContactQueued: Fold._queued,
    m.ContactOffered: Fold._offered, m.ContactConnected: Fold._joined, m.ContactHandedOver: Fold._handed,
    m.CallbackRequested: Fold._promised, m.CallbackClosed: Fold._kept, m.RecordingEnded: Fold._recorded,
    m.CampaignStateChanged: Fold._campaign,
}  # fmt: skip
