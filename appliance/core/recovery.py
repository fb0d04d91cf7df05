"""After a restart: calls that were open when the core died are ended on the wire, then closed in the books.

A channel counts as free only when its orphan dialog is really gone (BYE or CANCEL answered, or given up). What the ledger
knew is closed by `ledger.interrupted`; a dialog that only the driver had noted, up or just over, gets a record of its own, so
that every call the far end saw has one.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable

from appliance._core import CAMPAIGN, PHONE, Channels
from appliance.core.desk import Desk
from appliance.errors import SwitchroomError
from appliance.ids import call_id, leg_id
from appliance.ledger import Ledger, OpenCall, interrupted
from appliance.messages import AttemptEnded, CallEnded, Cause, Event, LegEnded, LegOpened
from drivers.base import Driver, OrphanEnded, OrphanFound

log = logging.getLogger("recovery")


class Recovery:
    def __init__(self, ledger: Ledger, driver: Driver, channels: Channels, desk: Desk) -> None:
        self._ledger = ledger
        self._driver = driver
        self._channels = channels
        self._desk = desk
        self._calls: dict[str, OpenCall] = {}
        self._waiting: dict[str, list[tuple[str, str]]] = {}
        """SIP Call-ID -> (call, leg) of dialogs that are being ended. More than one where a call came back to us."""
        self._legs: Counter[str] = Counter()
        """Call -> how many of its legs are being ended."""
        self._closed: set[str] = set()
        """Call-IDs that have their record, or get it now: a second dialog of the same one (a call that came back to us) gets
        none."""
        self._tasks: set[asyncio.Task[None]] = set()
        self.on_free: Callable[[], None] = lambda: None
        """A channel is free again."""

    @property
    def pending(self) -> int:
        return len(self._waiting)

    def start(self) -> None:
        """Take stock and let the driver end what is left over."""
        for call in self._ledger.open_calls():
            self._calls[call.call] = call
            for leg in call.legs:
                opened = leg.opened
                self._waiting.setdefault(opened.sip_call_id, []).append((call.call, opened.leg))
                self._legs[call.call] += 1
                if opened.kind == "line":
                    self._channels.occupy(opened.leg, opened.endpoint, CAMPAIGN, opened.campaign)
            self._closed.update(call.ended)
            if not call.legs:
                self._close(call)
        if self._waiting:
            log.warning("ending calls left over from before the restart", extra={"legs": len(self._waiting)})
        self._driver.end_orphans(list(self._waiting))

    def on_orphan(self, event: OrphanFound | OrphanEnded) -> None:
        if isinstance(event, OrphanEnded):
            self._ended(event)
        elif event.sip_call_id not in self._waiting:  # only the driver knew: it has a channel all the same
            self._channels.occupy(event.sip_call_id, event.line, PHONE)

    def _ended(self, event: OrphanEnded) -> None:
        found = self._waiting.pop(event.sip_call_id, None)
        if found is None:
            self._release(event.sip_call_id)
            if event.sip_call_id not in self._closed:
                self._closed.add(event.sip_call_id)
                self._record_unknown(event)
            return
        self._closed.add(event.sip_call_id)
        if not event.ended:
            log.info("a call left over could not be ended, its channel is free all the same",
                     extra={"sip_call_id": event.sip_call_id, "why": event.detail})
        for call, leg in found:
            self._release(leg)
            self._legs[call] -= 1
            if not self._legs[call] and call in self._calls:
                self._close(self._calls.pop(call))

    def _release(self, leg: str) -> None:
        if self._channels.release(leg):
            self.on_free()

    def _close(self, call: OpenCall) -> None:
        self._commit(interrupted(call))

    def _record_unknown(self, event: OrphanEnded) -> None:
        """A dialog of which the ledger had not heard yet when the core died (write-behind events of the last 100 ms): it was
        up, or had begun and ended within that time.

        One whose call has its record already was over before, or given up: the driver was still seeing it off."""
        if self._ledger.reader.cdr_of_sip(event.sip_call_id) is not None:
            return
        call = call_id(self._desk.utc())
        leg = leg_id(call, 1)
        cause = Cause(by="restart", text=event.detail or "known only to the driver's journal")
        self._commit([
            LegOpened(call=call, leg=leg, direction="out" if event.line else "in", endpoint=event.line,
                      kind="line" if self._channels.line(event.line) is not None else "phone",
                      sip_call_id=event.sip_call_id, purpose="orphan"),
            LegEnded(leg=leg, cause=cause),
            CallEnded(call=call, disposition="interrupted"),
        ])

    def _commit(self, events: list[Event]) -> None:
        async def go() -> None:
            try:
                await self._ledger.commit(*events)
            except SwitchroomError as problem:
                log.error("a call left over could not be closed in the ledger: %s", problem, extra={"error": problem.id})
                return
            self._desk.note([event for event in events if isinstance(event, AttemptEnded)])

        task = asyncio.create_task(go())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
