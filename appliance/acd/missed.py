"""Callers whom nobody served, and whom an agent wants called again, as a list to be worked off: a fold of the ledger. Pure.

One entry a caller, however often he called. It closes by itself when anyone reaches him: he calls again and is served, is called
back, or is called from any phone; or somebody says that it is done. An outcome may open one, and another outcome closes that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from appliance import messages as m

MISSED = frozenset({
    "abandoned", "cut", "interrupted", "max-wait", "overflow", "nobody-in", "all-on-break", "full", "long-wait", "no-queue",
})
"""Reasons of `ContactLeft` that leave somebody unserved. Who goes on to another queue or is called back closes the entry."""

CALL_AGAIN = "call-again"
"""Reason of an entry that an outcome made, and the mark of such outcomes."""

MOST = 50_000
"""Calls, contacts and legs of which something is remembered, the last ones: a campaign goes through a million."""


class Missed(msgspec.Struct):
    """`contact` is the first of them and names the entry; `number` as the ledger shows it ("" unknown, or erased)."""

    contact: str
    queue: str
    number: str
    first: float
    last: float
    times: int
    waited: float
    reason: str
    owner: str = ""


class MissedCallers:
    """`short` gives the seconds within which a queue's caller who hangs up does not count."""

    def __init__(self, short: Callable[[str], float] = lambda queue: 0.0) -> None:
        self._short = short
        self._open: dict[str, Missed] = {}
        self._key: dict[str, str] = {}
        """Contact -> who it is: the caller's key, else the contact itself."""
        self._numbers: dict[str, str] = {}
        """Call -> the number of the leg that began it."""
        self._out: dict[str, str] = {}
        """Leg that we placed over a line and that nobody answered yet -> number."""
        self._queue: dict[str, str] = {}
        """Contact -> the queue it was in last."""
        self._dialled: dict[str, str] = {}
        """Call -> the number outside that it went to."""

    def apply(self, event: m.Event, utc: float) -> None:
        match event:
            case m.LegOpened(direction="in"):
                if event.call not in self._numbers:
                    _remember(self._numbers, event.call, event.number if event.kind == "line" else event.endpoint)
            case m.LegOpened(direction="out", kind="line"):
                _remember(self._out, event.leg, event.number)
                if not event.campaign:  # of a campaign's calls no agent notes an outcome
                    _remember(self._dialled, event.call, event.number)
            case m.LegAnswered():
                self._reached_number(self._out.pop(event.leg, ""))
            case m.LegEnded():
                self._out.pop(event.leg, None)
            case m.ContactQueued():
                _remember(self._key, event.contact, event.caller or event.contact)
                _remember(self._queue, event.contact, event.queue)
            case m.ContactConnected():
                self._close(event.contact)
            case m.ContactOutcome():
                self._outcome(event, utc)
            case m.CallbackRequested():
                self._close(event.contact)
            case m.CallbackClosed(reason="expired" | "attempts" | "no-queue" | "unreachable"):
                self._add(event.contact, event.queue, event.reason, 0.0, utc)
            case m.ContactEnded(reason="restart"):
                self._add(event.contact, event.queue, "interrupted", 0.0, utc)
            case m.ContactLeft():
                self._left(event, utc)
            case m.MissedMarked():
                self._marked(event)

    def _left(self, event: m.ContactLeft, utc: float) -> None:
        if event.reason not in MISSED:
            return
        if event.reason == "abandoned" and event.waited < self._short(event.queue):
            return
        self._add(event.contact, event.queue, event.reason, event.waited, utc)

    def _outcome(self, event: m.ContactOutcome, utc: float) -> None:
        known = self._open.get(self._key.get(event.contact, event.contact))
        if CALL_AGAIN in event.marks:
            if known is None or known.reason != CALL_AGAIN:
                self._add(event.contact, self._queue.get(event.contact, ""), CALL_AGAIN, 0.0, utc)
        elif known is not None and known.reason == CALL_AGAIN:
            self._close(event.contact)

    def _add(self, contact: str, queue: str, reason: str, waited: float, utc: float) -> None:
        key = self._key.get(contact, contact)
        known = self._open.get(key)
        if known is None:
            # Who was in no queue was called by us: the first leg of that call is our own phone's.
            number = (self._numbers if contact in self._key else self._dialled).get(contact, "")
            self._open[key] = Missed(contact, queue, number, utc, utc, 1, waited, reason)
        else:
            known.last, known.waited, known.reason, known.queue = utc, waited, reason, queue
            known.times += 1

    def _close(self, contact: str) -> None:
        self._open.pop(self._key.get(contact, contact), None)

    def _reached_number(self, number: str) -> None:
        if number:
            for key in [key for key, entry in self._open.items() if entry.number == number]:
                del self._open[key]

    def _marked(self, event: m.MissedMarked) -> None:
        for key, entry in list(self._open.items()):
            if entry.contact == event.contact:
                entry.owner = event.by
                if event.done:
                    del self._open[key]

    def entries(self) -> list[Missed]:
        """Those open, the oldest first."""
        return sorted(self._open.values(), key=lambda entry: entry.first)


def _remember(known: dict[str, str], key: str, value: str) -> None:
    """As the newest of at most MOST."""
    known.pop(key, None)
    known[key] = value
    if len(known) > MOST:
        del known[next(iter(known))]


def fold(records: Iterable[m.Record], short: Callable[[str], float] = lambda queue: 0.0) -> list[Missed]:
    callers = MissedCallers(short)
    for record in records:
        callers.apply(record.event, record.utc)
    return callers.entries()
