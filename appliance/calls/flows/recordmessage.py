"""A message recorded at a phone that the box rings: said, heard, said again, kept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path

from appliance.calls.flows.dialogue import KEYS, Dialogue, Goodbye
from appliance.calls.flows.ringback import CALLER
from appliance.calls.leg import HungUp, Leg
from appliance.errors import SwitchroomError
from drivers.base import Answered

RING_SECONDS = 40.0
TRIES = 3
"""Recordings with nothing in them."""
HEAR, AGAIN, KEEP = "1", "2", "#"

Prepare = Callable[[], Awaitable[None]]
"""Make the recording fit to be played. Raises SwitchroomError "message.…" where there is nothing to hear."""


class RecordMessage:
    """`draft` is what is recorded; `ready` makes it fit to be played, in place; `keep` takes it over. Who hangs up when it is
    said, keeps it: nobody reads a manual first."""

    def __init__(self, leg: Leg, draft: Path, max_seconds: float, ready: Prepare, keep: Prepare) -> None:
        self.leg = leg
        self.draft = draft
        self.max_seconds = max_seconds
        self.ready = ready
        self.keep = keep
        self.talk = Dialogue(leg, leg.language)

    async def run(self) -> None:
        try:
            await self._conduct()
        finally:
            self.draft.unlink(missing_ok=True)

    async def _conduct(self) -> None:
        leg, switch = self.leg, self.leg.call.switch
        leg.call.reached(f"extension:{leg.endpoint}")
        leg.codecs = switch.codecs_of("phone", leg.endpoint)
        leg.open_port()
        switch.ledger.append(leg.call.opened(leg))
        switch.place(leg, leg.endpoint, CALLER, "Switchroom")
        if await leg.wait(Answered, timeout=RING_SECONDS) is None:
            leg.hang_up(19)
            return
        self.talk.begin()
        await self.talk.say("pause-long")  # the receiver is on its way to the ear
        try:
            await self._choose()
            await self.keep()
            await self.talk.say("goodbye")
        except Goodbye as end:
            if end.prompt:
                await self.talk.say(end.prompt)
        leg.hang_up()

    async def _choose(self) -> None:
        """Ends where it is to be kept."""
        await self._record()
        while await self._menu() == AGAIN:
            await self._record()

    async def _menu(self) -> str:
        """What is to become of what was said: AGAIN, or else it is kept; also for who hangs up now."""
        key = ""
        try:
            while True:
                key = key or await self.talk.choose(self.talk.clips("recording-menu"), HEAR + AGAIN + KEEP)
                if key != HEAR:
                    return key
                key = await self.talk.play([*self.talk.clips("your-message"), self.draft], keys=KEYS)
        except HungUp:
            await self.keep()
            raise

    async def _record(self) -> None:
        """Until there is something in it."""
        pause = self.leg.call.switch.config.recording.stop_after_pause_seconds
        for _ in range(TRIES):
            await self.talk.play([*self.talk.clips("attention-recording"), *self.talk.clips("beep")])
            try:
                done = await self.leg.record(self.draft, self.max_seconds, pause)
            except HungUp:
                await self._keep_what_was_said()
                raise
            if done.error:
                raise Goodbye("storage-short")
            try:
                return await self.ready()
            except SwitchroomError as problem:
                if problem.id == "message.unwritable":
                    raise Goodbye("storage-short") from None
                await self.talk.say("message-empty")
        raise Goodbye

    async def _keep_what_was_said(self) -> None:
        try:
            await self.ready()
        except SwitchroomError:
            return  # nothing was
        await self.keep()
