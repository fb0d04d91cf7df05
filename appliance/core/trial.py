"""Trying out a phone or a line: a call that says a sentence and ends by itself."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from appliance import messages as m
from appliance._core import PHONE
from appliance.calls.call import Call
from appliance.calls.leg import Leg
from appliance.calls.routing import ToOutside, caller_id_for, number_on, outside
from appliance.config import numbers
from appliance.core.ringing import check_phone
from appliance.errors import SwitchroomError
from appliance.sentences import say
from drivers.base import Answered, Ended

if TYPE_CHECKING:
    from appliance.core.box import Box

RING_SECONDS = 40.0
PURPOSE = "test"
"""Of the call that tries a line."""


class Trial:
    def __init__(self, box: Box) -> None:
        self._box = box

    async def ring_phone(self, command: m.RingPhone) -> m.Reply:
        box, extension = self._box, command.extension
        check_phone(box, extension, say("Apply the configuration first."))
        box.ring(extension, None, lambda language: box.switch.prompts.clips("phone-works", language, extension=extension))
        return m.Done()

    async def try_line(self, command: m.TryLine) -> m.Reply:
        box = self._box
        number = self._number(command)
        if any(each.purpose == PURPOSE for each in box.switch.calls.values()):
            # Each may cost, and whoever asked waits for it: a token that was stolen takes neither all lines nor all pages.
            raise SwitchroomError("line.trying", "A line is being tried just now.", "Wait until that is over.")
        call = box.switch.new_call(PURPOSE)
        leg = call.add_leg("out", "line", "", number)
        line, why = box.channels.seize(leg.id, [command.line], PHONE)
        if line is None:
            box.switch.drop(leg)
            box.switch.calls.pop(call.id, None)
            said = say("All its channels are in use.") if why == "full" else say("The line is down.")
            raise SwitchroomError("line.busy", said, "Look at its state, then try again.")
        leg.endpoint = line
        began = time.monotonic()
        await box.switch.lead(call, lambda: self._conduct(call, leg, number))
        answered = bool(leg.answered_at)
        return m.LineTried(answered=answered, rang=bool(leg.rang), seconds=round(time.monotonic() - began, 1),
                           sip=0 if answered else leg.cause.sip, q850=0 if answered else leg.cause.q850,
                           why="" if answered else leg.cause.text)

    def _number(self, command: m.TryLine) -> str:
        """As E.164, where the routes let it through on this line."""
        config = self._box.config
        if config.line(command.line) is None:
            raise SwitchroomError("line.unknown", "There is no line {line}.", "Apply the configuration first.",
                                  line=command.line[:64])
        read = numbers.read_dialled(command.number, config.office.country, emergency=config.dialling.emergency,
                                    area_code=config.dialling.area_code)
        if read.kind == "emergency":
            raise SwitchroomError("line.number", "Emergency numbers are not called to try a line.",
                                  "Take your own mobile's number.")
        decision = outside(config, "", read) if read.kind in ("outside", "short") else None
        if not isinstance(decision, ToOutside) or command.line not in decision.lines:
            hint = say("Try another number, such as your mobile's, or look at the routes.")
            if read.why is not None:
                raise SwitchroomError("line.number", read.why, hint)
            raise SwitchroomError("line.number", "The routes do not send this number over {line}.", hint, line=command.line)
        return decision.number

    async def _conduct(self, call: Call, leg: Leg, number: str) -> None:
        switch = call.switch
        config = switch.config
        line = config.line(leg.endpoint)
        call.reached(f"line:{leg.endpoint}")
        leg.supervised = line is not None and line.answer_supervision == "audio"
        leg.codecs = switch.codecs_of("line", leg.endpoint)
        leg.open_port()
        switch.ledger.append(call.opened(leg))
        switch.place(leg, number_on(config, leg.endpoint, number), caller_id_for(config, leg.endpoint, None))
        if not isinstance(await leg.wait(Answered, Ended, timeout=RING_SECONDS), Answered):
            leg.hang_up(19)
            return
        language = switch.language_of(leg.endpoint)
        await leg.play([*switch.prompts.clips("pause-long", language), *switch.prompts.clips("line-works", language)])
        leg.hang_up()
