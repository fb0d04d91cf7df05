"""A caller in a menu: is told what there is, presses a digit, and goes there.

`Menu.run` gives the target that the caller wants, or None where the call is over (a goodbye was said). Whoever sends the
caller there counts the hops, so a circle of menus has an end. What is pressed ahead counts, also for the menu after this one.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Protocol

import msgspec

from appliance.calls.flows.ask import Asked, ask
from appliance.calls.flows.closed import closed_target, closed_words
from appliance.calls.flows.dialogue import DIGITS, KEYS, MOST_DIGITS, Dialogue
from appliance.calls.leg import Leg
from appliance.config.menus import Menu as Rules
from appliance.config.opening import Opening
from appliance.config.values import Target
from appliance.config.words import Words
from appliance.media.engine import Clip
from appliance.voicemail.greetings import Owner

log = logging.getLogger("menu")

MOST_LANGUAGES = 5
"""So often a caller may choose another language in one menu."""
TRAILING_SECONDS = 0.7
NOTHING, WRONG = "nothing", "wrong"


class MenuDesk(Protocol):
    """What a menu needs of the core."""

    def opening(self, hours: str | None) -> Opening: ...
    def greeting(self, owner: Owner, name: str, words: Words, language: str, main: str) -> Sequence[Clip]: ...
    async def keyed(self, leg: Leg, asked: Asked) -> None: ...


class Choice(msgspec.Struct, frozen=True):
    """What a caller made of the greeting: a target, a language, one of NOTHING and WRONG in `failed`; none of them: it is put
    again, and does not count."""

    target: Target | None = None
    language: str = ""
    failed: str = ""


class Menu:
    """One visit of one caller."""

    def __init__(self, leg: Leg, rules: Rules, desk: MenuDesk) -> None:
        self.leg = leg
        self.rules = rules
        self.desk = desk
        self.config = leg.call.switch.config
        self.main = rules.language or self.config.office.language
        self.talk = Dialogue(leg, rules.language or leg.language or self.config.office.language)
        self._extensions = self._dialable()
        self._wrong: list[Clip] = []
        """Said before the greeting comes again."""
        self._after_number = False
        """A number was keyed just now: a "#" too many belongs to it."""

    async def run(self) -> Target | None:
        self.talk.begin()
        opening = self.desk.opening(self.rules.hours)
        if not opening.open:
            return await self._closed(opening)
        if self.rules.ask is not None:
            answered = await ask(self.talk, self.rules.ask, self.main, self.desk.keyed)
            self._after_number = True
            if answered and self.rules.ask.then is not None:
                return self.rules.ask.then
        return await self._choose() if self._has_choice() else await self._only_speak()

    def _has_choice(self) -> bool:
        return bool(self.rules.keys or self.rules.languages or self._extensions)

    async def _choose(self) -> Target | None:
        failed, heard, changed = NOTHING, 0, 0
        while heard <= self.rules.repeats:
            choice = await self._offer()
            if choice.target is not None:
                return choice.target
            if choice.language:
                self.leg.language = self.talk.language = choice.language
                changed += 1
            if choice.failed or changed > MOST_LANGUAGES:
                failed = choice.failed or WRONG
                heard += 1
        wanted = self.rules.no_answer
        if failed == WRONG:
            wanted = self.rules.invalid or wanted
        if wanted is None:
            await self._goodbye("menu-goodbye")
        return wanted

    async def _only_speak(self) -> Target | None:
        await self.talk.play(self._greeting())
        if self.rules.no_answer is None:
            await self._goodbye("goodbye")
        return self.rules.no_answer

    async def _goodbye(self, prompt: str, **values: object) -> None:
        await self.talk.say(prompt, **values)
        self.leg.hang_up()

    # -- closed --

    async def _closed(self, opening: Opening) -> Target | None:
        """Where callers go; without a target they are told when the office opens."""
        target = closed_target(self.config, opening, self.rules.when_closed)
        if target is None:
            prompt, values = closed_words(self.config, opening, self.leg.call.switch.clock.utc())
            await self._goodbye(prompt, **values)
        return target

    # -- choosing --

    def _greeting(self) -> list[Clip]:
        return [*self.desk.greeting("menu", self.rules.name, self.rules.greeting, self.talk.language, self.main)]

    async def _offer(self) -> Choice:
        """The greeting once, and what is pressed during or after it."""
        question, self._wrong = [*self._wrong, *self._greeting()], []
        if not self.rules.greeting and self._extensions and not self.rules.keys:
            question += self.talk.clips("menu-extension")
        key = await self.talk.play(question, keys=KEYS) if question else ""
        key = key or await self.leg.key(KEYS, self.rules.wait_seconds)
        stray, self._after_number = key == "#" and self._after_number, False
        if not key:
            return Choice(failed=NOTHING)
        if stray and key not in self.rules.keys and key not in self.rules.languages:
            return Choice()
        return await self._pressed(key)

    async def _pressed(self, key: str) -> Choice:
        if key in self.rules.languages:
            return Choice(language=self.rules.languages[key])
        if key in DIGITS and any(extension.startswith(key) for extension in self._extensions):
            return await self._extension(key)
        if key in self.rules.keys:
            return Choice(target=self.rules.keys[key])
        return await self._mistaken("invalid-key")

    async def _extension(self, keyed: str) -> Choice:
        """More digits may follow, where they would make an extension; a pause, and what stands is taken."""
        while any(extension.startswith(keyed) and extension != keyed for extension in self._extensions):
            key = await self.leg.key(KEYS, self.rules.digit_seconds)
            if not key or key == "#":
                break
            keyed += key
        if keyed in self._extensions:
            return Choice(target=Target(f"extension:{keyed}"))
        if keyed in self.rules.keys:
            return Choice(target=self.rules.keys[keyed])
        return await self._mistaken("menu-extension-unknown")

    async def _mistaken(self, prompt: str) -> Choice:
        """What follows at once belongs to the same mistake: a whole number was keyed."""
        for _ in range(MOST_DIGITS):
            if not await self.leg.key(KEYS, TRAILING_SECONDS):
                break
        self._wrong = self.talk.clips(prompt)
        return Choice(failed=WRONG)

    def _dialable(self) -> frozenset[str]:
        if not self.rules.dial_extensions:
            return frozenset()
        return frozenset(self.rules.dialable or (phone.extension for phone in self.config.phones))
