"""A caller leaves a message: hears the greeting, speaks after the tone, keeps it, hears it, or says it again.

Hanging up keeps it, whenever that is. The message is safe on disk and in the ledger before the caller is told so.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from appliance.calls.flows.dialogue import KEYS, Dialogue, Goodbye, promised
from appliance.calls.leg import HungUp, Leg
from appliance.errors import SwitchroomError
from appliance.media.engine import Clip
from appliance.voicemail.boxes import Rules
from appliance.voicemail.store import Message

log = logging.getLogger("voicemail")

RECORDINGS = 5
"""A caller may say it again so often."""
CLOSING_SECONDS = 5.0
"""How long the file of a caller who has hung up may take to be closed."""


class VoicemailDesk(Protocol):
    """What leaving a message needs of the core."""

    def rules(self, box: str) -> Rules: ...
    async def trouble(self, box: str) -> str:
        """The prompt that says why no message can be taken now, or ""."""

    async def begin(self, leg: Leg, box: str) -> Message: ...
    def raw(self, message: Message) -> Path: ...
    async def prepare(self, message: Message) -> tuple[Clip, float] | None:
        """What was recorded, made fit to be heard, and its seconds; None where there is nothing in it."""

    async def keep(self, message: Message) -> None:
        """Done when it is on disk and in the ledger. Raises SwitchroomError, OSError where it cannot be noted: the file stays."""

    async def discard(self, message: Message) -> None: ...


class Voicemail:
    """`greeting`: what the mailbox says in words of its own; without any a built-in text is heard."""

    def __init__(self, leg: Leg, box: str, greeting: Sequence[Clip], desk: VoicemailDesk) -> None:
        self.leg = leg
        self.box = box
        self.greeting = greeting
        self.desk = desk
        self.config = leg.call.switch.config
        self.talk = Dialogue(leg, leg.language or self.config.office.language)
        self._about = {"call": leg.call.id, "box": box}

    async def run(self) -> None:
        self.talk.begin()
        try:
            trouble = await self.desk.trouble(self.box)
            if trouble:
                log.warning("no message can be taken: %s", trouble, extra=self._about)
                raise Goodbye(trouble)
            await self.talk.play(self.greeting or self.talk.clips("voicemail-greeting"), keys="#")
            await self._message()
        except Goodbye as end:
            await self.talk.say(end.prompt, **end.values)
        self.leg.hang_up()

    async def _message(self) -> None:
        """Recordings until one is kept. Ends in Goodbye, or HungUp."""
        for again in range(RECORDINGS):
            await self.talk.play(self.talk.clips("beep"))
            message = await self.desk.begin(self.leg, self.box)
            try:
                limit = await self._record(message)
                taken = await self.desk.prepare(message)
                kept = await self._review(taken[0], limit) if taken is not None else None
            except HungUp:
                await self._keep_after_hang_up(message)
                raise
            if kept:
                await self._keep(message)
                raise Goodbye("voicemail-saved")
            await self.desk.discard(message)
            if kept is None:
                if again:
                    break
                await self.talk.say("message-empty")
        raise Goodbye("voicemail-not-saved")

    async def _record(self, message: Message) -> bool:
        """Whether it reached its full length."""
        pause = self.config.recording.stop_after_pause_seconds
        done = await self.leg.record(self.desk.raw(message), self.desk.rules(self.box).max_seconds, pause)
        if done.error:
            log.error("a message cannot be recorded: %s", done.error, extra=self._about)
        return done.reason == "limit"

    async def _review(self, audio: Clip, limit: bool) -> bool:
        """Whether the caller is content. Who just waits is."""
        if limit:
            await self.talk.say("recording-limit")
        question = self.talk.clips("voicemail-review")
        key = await self.talk.choose(question, "123#")
        while key == "2":
            key = await self.talk.play([audio], keys=KEYS)
            if key not in ("1", "2", "3"):
                key = await self.talk.choose(question, "123#")
        return key != "3"

    async def _keep(self, message: Message) -> None:
        try:
            await promised(self.desk.keep(message), "a message", self.talk)
        except (SwitchroomError, OSError) as problem:
            log.error("a message could not be noted, it is looked for at the next start: %s", problem, extra=self._about)
            raise Goodbye("technical-trouble") from None

    async def _keep_after_hang_up(self, message: Message) -> None:
        """The caller is gone: what was said by then counts. Nobody is there to be told anything."""
        if self.leg.recorded is not None:
            await asyncio.wait([self.leg.recorded], timeout=CLOSING_SECONDS)
        try:
            if await self.desk.prepare(message) is None:
                await self.desk.discard(message)
            else:
                await self.desk.keep(message)
        except (SwitchroomError, OSError) as problem:
            log.error("a message could not be kept, it is looked for at the next start: %s", problem, extra=self._about)
