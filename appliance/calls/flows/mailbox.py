"""Messages heard at a phone: how many, then each with its number and time; again, next, delete, call back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from typing import Protocol

from appliance.calls.flows.dialogue import Dialogue
from appliance.calls.leg import Leg
from appliance.calls.routing import Decision
from appliance.media.engine import Clip
from appliance.prompts import Moment
from appliance.voicemail.store import Message

log = logging.getLogger("mailbox")

AGAIN, NEXT, DELETE, CALL, END = "1", "2", "3", "4", "*"
KEYS = AGAIN + NEXT + DELETE + CALL + END


class MailboxDesk(Protocol):
    """What listening needs of the core."""

    async def messages(self, boxes: Sequence[str]) -> list[Message]: ...
    async def audio(self, message: Message) -> Clip | None:
        """None where it is damaged or gone."""

    async def heard(self, message: Message, by: str) -> None: ...
    async def delete(self, message: Message, by: str) -> None: ...
    def received(self, message: Message) -> Moment: ...
CallBack = Callable[[str], Decision | None]
"""Where a call to this number goes from here; None where there is no number, or it may not be called."""


class Mailbox:
    """`run` gives where the listener wants to be put through to, or None where the call is over."""

    def __init__(self, leg: Leg, boxes: Sequence[str], desk: MailboxDesk, talk: Dialogue, call_back: CallBack) -> None:
        self.leg = leg
        self.boxes = boxes
        self.desk = desk
        self.talk = talk
        self.call_back = call_back

    async def run(self) -> Decision | None:
        messages = await self.desk.messages(self.boxes)
        if not messages:
            await self._end("voicemail-none")
            return None
        new = sum(not message.heard for message in messages)
        intro = self.talk.clips("voicemail-count", new=new, old=len(messages) - new)
        for n, message in enumerate(messages, 1):
            wish = await self._message(message, [*intro, *self._about(n, len(messages), message)])
            if wish is None:
                await self._end("goodbye")
                return None
            if not isinstance(wish, str):
                return wish
            intro = self.talk.clips(wish) if wish else []
        await self.talk.play(intro)
        await self._end("voicemail-no-more")
        return None

    async def _end(self, prompt: str) -> None:
        await self.talk.say(prompt)
        self.leg.hang_up()

    def _about(self, n: int, all: int, message: Message) -> list[Clip]:
        caller, config = message.caller, self.leg.call.switch.config
        clips = self.talk.clips("voicemail-message", n=n, all=all)
        if config.phone(caller) is not None:
            clips += self.talk.clips("voicemail-from-extension", number=caller)
        elif any(character.isdigit() for character in caller):
            clips += self.talk.clips("voicemail-from", number=caller)
        else:
            clips += self.talk.clips("voicemail-from-unknown")
        return clips + self.talk.clips("voicemail-received", when=self.desk.received(message))

    async def _message(self, message: Message, intro: Sequence[Clip]) -> str | Decision | None:
        """One message: what is said before the next one, a call back, or None for the end."""
        audio = await self.desk.audio(message)
        if audio is None:
            log.error("a message cannot be played", extra={"voicemail": message.id, "box": message.box})
            await self.talk.play(intro)
            return "technical-trouble"
        key = await self.talk.play(intro, keys=KEYS)
        while True:
            if key in ("", AGAIN):
                key = await self.talk.play([audio], keys=KEYS)
                if key != END:  # heard to the end, or so much of it that something is done about it
                    await self.desk.heard(message, self.leg.endpoint)
            key = key or await self.talk.choose(self.talk.clips("voicemail-menu"), KEYS)
            if key == DELETE:
                await self.desk.delete(message, self.leg.endpoint)
                return "voicemail-deleted"
            if key == NEXT:
                return ""
            if key == CALL:
                decision = self.call_back(message.caller)
                if decision is not None:
                    return decision
                key = await self.talk.choose([*self.talk.clips("voicemail-no-number"), *self.talk.clips("voicemail-menu")], KEYS)
                if key == CALL:
                    key = ""
            if key in ("", END):
                return None
