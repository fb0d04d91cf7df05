"""A greeting recorded from a phone: said, heard, said again, used; or back to the text."""

from __future__ import annotations

import logging
from collections.abc import Awaitable
from pathlib import Path
from typing import Protocol

from appliance.calls.flows.dialogue import KEYS, Dialogue, Goodbye, promised
from appliance.calls.leg import Leg
from appliance.errors import SwitchroomError
from appliance.voicemail.greetings import Owner

log = logging.getLogger("greeting")

TRIES = 3
"""Recordings with nothing in them."""
MOST_SECONDS = 180.0
HEAR, AGAIN, USE, TEXT = "1", "2", "#", "0"


class GreetingDesk(Protocol):
    """What recording a greeting needs of the core."""

    def can_record(self) -> bool: ...
    def recorded(self, owner: Owner, name: str) -> Path | None: ...
    def draft(self, owner: Owner, name: str, call: str) -> Path: ...
    async def made_ready(self, draft: Path) -> float:
        """Make a recording fit to be played; its seconds. Raises SwitchroomError "message.…"."""

    async def use(self, owner: Owner, name: str, draft: Path, seconds: float, by: str) -> None: ...
    async def use_text(self, owner: Owner, name: str, by: str) -> None: ...


class RecordGreeting:
    def __init__(self, leg: Leg, owner: Owner, name: str, desk: GreetingDesk, talk: Dialogue) -> None:
        self.leg = leg
        self.owner: Owner = owner
        self.name = name
        self.desk = desk
        self.talk = talk
        self._path = desk.draft(owner, name, leg.call.id)

    async def run(self) -> None:
        """Raises Goodbye with what is said last, or HungUp: nothing changes then unless the caller agreed to it."""
        try:
            await self._choose()
        finally:
            self._path.unlink(missing_ok=True)

    async def _choose(self) -> None:
        shown, seconds = self.desk.recorded(self.owner, self.name), 0.0
        if shown is None:
            shown, seconds = self._path, await self._record()
        key = ""
        while True:
            key = key or await self.talk.choose(self.talk.clips("greeting-menu"), HEAR + AGAIN + USE + TEXT)
            if key == HEAR:
                key = await self.talk.play([shown], keys=KEYS)
                continue
            if key == AGAIN:
                shown, seconds, key = self._path, await self._record(), ""
                continue
            if key == TEXT:
                await self._done(self.desk.use_text(self.owner, self.name, self.leg.endpoint))
                raise Goodbye("greeting-removed")
            if key == USE and seconds:
                await self._done(self.desk.use(self.owner, self.name, self._path, seconds, self.leg.endpoint))
                raise Goodbye("greeting-saved")
            raise Goodbye

    async def _done(self, work: Awaitable[None]) -> None:
        """Raises Goodbye where the disk does not take it."""
        try:
            await promised(work, "a greeting", self.talk)
        except SwitchroomError as problem:
            log.error("the greeting cannot be changed: %s", problem, extra={"call": self.leg.call.id, "owner": self.owner})
            raise Goodbye("technical-trouble") from None

    async def _record(self) -> float:
        """Its seconds, once there is something in it."""
        if not self.desk.can_record():
            raise Goodbye("storage-short")
        pause = self.leg.call.switch.config.recording.stop_after_pause_seconds
        for _ in range(TRIES):
            await self.talk.play([*self.talk.clips("greeting-record"), *self.talk.clips("beep")])
            done = await self.leg.record(self._path, MOST_SECONDS, pause)
            if done.error:
                raise Goodbye("storage-short")
            try:
                return await self.desk.made_ready(self._path)
            except SwitchroomError as problem:
                if problem.id == "message.unwritable":
                    raise Goodbye("storage-short") from None
                await self.talk.say("message-empty")
        raise Goodbye
