"""A caller who is to be called back by a queue, without waiting in it: asked for the number, told the truth about when.

The wish is in the queue, on disk, before the caller is told so. Nobody is called while still on this line (see
flows/callback.py).
"""

from __future__ import annotations

from appliance.calls.flows.callnumber import Wording, choose_number, own_number
from appliance.calls.flows.closed import opens_at
from appliance.calls.flows.desk import Customer, QueueDesk, caller_of
from appliance.calls.flows.dialogue import Dialogue
from appliance.calls.leg import Leg
from appliance.config.model import Queue

WORDING = Wording("callback-wish-number", "callback-wish-confirm")
SHORT_WAIT = 60.0
"""An expected wait below this is told as a moment."""


class Wish:
    def __init__(self, leg: Leg, queue: Queue, desk: QueueDesk) -> None:
        self.leg = leg
        self.call = leg.call
        self.queue = queue
        self.desk = desk
        self.config = leg.call.switch.config
        self.talk = Dialogue(leg, leg.language or queue.language or self.config.office.language)

    async def run(self) -> None:
        self.call.reached(f"callback:{self.queue.name}")
        self.talk.begin()
        shown, name = caller_of(self.leg, self.config)
        own = own_number(self.config, self.leg, shown)
        number = await choose_number(self.talk, self.config, own, self.queue.callback.ask_number, WORDING)
        if not number:
            await self.talk.say("callback-wish-none")
        elif not await self.desk.promise(self.queue.name, self.call, Customer(
                number, name, self.talk.language, dict(self.call.facts))):
            await self.talk.say("callback-not-possible")
            await self.talk.say("queue-goodbye")
        else:
            await self._goodbye()
        self.leg.hang_up()

    async def _goodbye(self) -> None:
        """When it will be, as far as anybody can know."""
        opening = self.desk.opening(self.queue.callback.hours or self.queue.hours)
        if not opening.open:
            opens = opens_at(self.config, opening, self.call.switch.clock.utc())
            await (self.talk.say("callback-noted-opens", opens=opens) if opens else self.talk.say("callback-noted"))
            return
        view = self.desk.core.contact(self.call.id)
        if view is None or view.state != "waiting":  # somebody is free for it
            await self.talk.say("callback-noted-now")
            return
        wait = self.desk.core.estimate(self.call.id)
        if wait is None:  # nobody is signed in
            await self.talk.say("callback-noted")
        elif wait < SHORT_WAIT:
            await self.talk.say("callback-noted-now")
        else:
            await self.talk.say("callback-noted-wait", minutes=wait / 60)
