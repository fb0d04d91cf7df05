"""What the bus may ask about calls that go on."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from appliance import messages as m
from appliance.calls.call import Call
from appliance.calls.leg import Leg
from appliance.errors import SwitchroomError

if TYPE_CHECKING:
    from appliance.core.box import Box

log = logging.getLogger("calls")
NORMAL_CLEARING = 16
"""Q.850."""
SLICE = 16
"""Calls that are looked at in one go: some 0.1 ms."""


class CallCommands:
    def __init__(self, box: Box) -> None:
        self._box = box
        self.table: dict[type[m.Command], Callable[[Any], Awaitable[m.Reply]]] = {
            m.AskCalls: self._calls, m.EndCall: self._end,
        }

    async def _calls(self, command: m.AskCalls) -> m.Reply:
        """In slices: the calls themselves come first."""
        calls, found = self._box.switch.calls, []
        for n, id in enumerate(list(calls), 1):
            call = calls.get(id)  # None: over meanwhile
            if call is not None and call.legs:
                found.append(self._call(call))
            if n % SLICE == 0:
                await asyncio.sleep(0)
        return m.CallsReply(calls=found)

    def _call(self, call: Call) -> m.CallNow:
        return m.CallNow(
            call=call.id, purpose=call.purpose, campaign=call.campaign, facts=dict(call.facts),
            recorded=call.recording is not None and not call.recording.over, legs=[self._leg(leg) for leg in call.legs])

    def _leg(self, leg: Leg) -> m.LegNow:
        clock = self._box.clock
        answered = leg.answered_at - clock.mono() + clock.utc() if leg.answered_at else 0.0
        return m.LegNow(leg=leg.id, direction=leg.direction, kind=leg.kind, endpoint=leg.endpoint, number=leg.number,
                        state=leg.state.value, held=leg.held, answered=answered)

    async def _end(self, command: m.EndCall) -> m.Reply:
        call = self._box.switch.calls.get(command.call)
        if call is None:
            raise SwitchroomError("call.unknown", "There is no call {call} now.",
                                  "It may be over: see `switchroom cdr list`.", call=command.call)
        log.info("a call is ended by hand", extra={"call": call.id, "by": command.by})
        for leg in call.open_legs:
            leg.hang_up(NORMAL_CLEARING, "ended by the office")
        return m.Done()
