"""Speaking with somebody who has a keypad: questions, choices, numbers, PINs. What is pressed ahead of a question counts."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Sequence
from typing import Protocol, TypeVar

from appliance.calls.disk import in_time
from appliance.calls.leg import Leg
from appliance.config.words import Words
from appliance.errors import SwitchroomError
from appliance.media.engine import Clip

log = logging.getLogger("dialogue")
T = TypeVar("T")

DIGITS = "0123456789"
KEYS = DIGITS + "*#"
ASKS = 2
"""How often a question is put to somebody who presses nothing."""
CHOICE_SECONDS = 6.0
FIRST_SECONDS = 8.0
"""For the first digit of a number: it may have to be looked up."""
NEXT_SECONDS = 4.0
WRONG_KEYS = 5
"""Keys that mean nothing, before a question is given up."""
MOST_DIGITS = 32


class Goodbye(Exception):
    """The dialogue is over; `prompt` is the last thing said, "" for nothing more."""

    def __init__(self, prompt: str = "goodbye", **values: object) -> None:
        super().__init__(prompt)
        self.prompt = prompt
        self.values = values


class Pins(Protocol):
    """Guessing has an end (appliance/core/pins.py): `locked` gives minutes for which the door stays shut."""

    def locked(self, door: str) -> float: ...
    def check(self, door: str, right: str, given: str) -> bool: ...


async def promised(work: Awaitable[T], what: str, talk: Dialogue) -> T:
    """What is told as done stands on the disk: raises Goodbye where it does not within disk.SECONDS."""
    try:
        return await in_time(work, what, talk.leg.call.id)
    except SwitchroomError as problem:
        if not problem.id.startswith("ledger."):
            raise
        raise Goodbye("technical-trouble") from None


class Dialogue:
    """One party and the language it is spoken to in."""

    def __init__(self, leg: Leg, language: str) -> None:
        self.leg = leg
        self.language = language
        self._lead: list[Clip] = []
        """Goes before the next thing said."""

    def begin(self) -> None:
        """Answer, and listen for keys. Phones open their loudspeaker a moment after the answer: the first word must not fall
        into that. Where keys come by RFC 4733 nobody listens to the audio for them: a voice could pass for one."""
        answered = bool(self.leg.answered_at)
        self.leg.answer()
        if self.leg.media is None or not self.leg.media.telephone_event:
            self.leg.open_port().detect(digits=True)
        if not answered:
            self._lead = self.clips("pause-long")

    # -- speaking --

    def clips(self, name: str, **values: object) -> list[Clip]:
        return [*self.leg.call.switch.prompts.clips(name, self.language, **values)]

    def own(self, words: Words, otherwise: str) -> list[Clip]:
        """What the office says in words of its own; nothing where it has none."""
        return [*self.leg.call.switch.sounds.say(words, self.language, otherwise)]

    async def play(self, clips: Sequence[Clip], keys: str = "") -> str:
        """To the end, or to a key out of `keys`, which is given back."""
        lead, self._lead = self._lead, []
        both = [*lead, *clips]
        return await self.leg.play(both, keys=keys) if both else ""

    async def say(self, name: str, **values: object) -> None:
        await self.play(self.clips(name, **values))

    # -- listening --

    async def key(self, keys: str, seconds: float) -> str:
        """A key out of `keys`, "" after so many seconds."""
        return await self.leg.key(keys, seconds)

    async def choose(self, question: Sequence[Clip], keys: str, seconds: float = CHOICE_SECONDS) -> str:
        """Put a question, again to who presses nothing; the key pressed, or "". A key that means nothing is said to, and the
        question put again."""
        asked = wrong = 0
        clips: Sequence[Clip] = question
        while asked < ASKS and wrong < WRONG_KEYS:
            key = await self.play(clips, keys=KEYS) or await self.leg.key(KEYS, seconds)
            if key and key in keys:
                return key
            if not key:
                asked += 1
                clips = question
            else:
                wrong += 1
                clips = question if key == "#" else [*self.clips("invalid-key"), *question]  # a "#" too many is a habit
        return ""

    async def number(
        self, question: Sequence[Clip], most: int = MOST_DIGITS, first: float = FIRST_SECONDS, following: float = NEXT_SECONDS
    ) -> str:
        """Digits as they are keyed: up to `most`, ended by "#" or a pause; "*" begins again. "" where there were none. A "#"
        before any digit belongs to what was keyed before."""
        key = await self.play(question, keys=DIGITS) or await self.leg.key(DIGITS, first)
        keyed = ""
        while key and key != "#":
            keyed = "" if key == "*" else keyed + key
            if len(keyed) >= most:
                break
            key = await self.leg.key(KEYS, following)
        return keyed

    async def check_pin(self, pins: Pins, door: str, pin: str) -> None:
        """Ask for the PIN of this door until it is right. Raises Goodbye where it is not, or where the door is shut."""
        question = "enter-pin"
        for _ in range(self.leg.call.switch.config.codes.pin_tries):
            self._check_lock(pins, door)
            keyed = await self.number(self.clips(question))
            if not keyed:
                question = "enter-pin"
                continue
            if pins.check(door, pin, keyed):
                return
            log.warning("a wrong PIN", extra={"call": self.leg.call.id, "door": door, "phone": self.leg.endpoint})
            question = "wrong-pin"
        self._check_lock(pins, door)
        raise Goodbye()

    def _check_lock(self, pins: Pins, door: str) -> None:
        minutes = pins.locked(door)
        if minutes:
            raise Goodbye("pin-locked", minutes=minutes)
