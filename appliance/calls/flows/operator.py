"""The operator's dialogue: dial a code, read the message after the beep, key a list number, hang up."""

from __future__ import annotations

import asyncio
import hmac
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from appliance.calls.leg import HungUp, Leg
from appliance.config.model import Scenario
from appliance.errors import SwitchroomError
from appliance.media.events import Digit
from appliance.prompts import Moment

TRIES = 3
FIRST_KEY_SECONDS = 12.0
NEXT_KEY_SECONDS = 4.0
DIGITS = "0123456789"
MAX_LIST_DIGITS = 10


@dataclass(frozen=True)
class Draft:
    """A recorded message, trimmed and levelled, not yet given to a campaign."""

    path: Path
    seconds: float


@dataclass(frozen=True)
class Preview:
    """What a campaign over a list would be: told to the operator before it starts."""

    list: str
    numbers: int
    bad: int
    duplicates: int
    lines: int
    minutes: float


@dataclass(frozen=True)
class Progress:
    """A campaign of this scenario that is under way."""

    campaign: int
    state: str
    done: int
    all: int
    confirmed: int
    heard: int
    asks_confirmation: bool


class Desk(Protocol):
    """What the dialogue needs of the core's campaign desk. Errors are SwitchroomErrors with ids "list.…", "campaign.…"."""

    def may_start(self, scenario: Scenario, extension: str) -> bool: ...
    def opens(self, scenario: Scenario) -> Moment | None: ...
    def running(self, code: str) -> Progress | None: ...
    def can_record(self) -> bool: ...
    def draft_path(self, call: str) -> Path: ...
    async def prepare(self, recorded: Path, scenario: Scenario) -> Draft: ...
    def list_numbers(self, scenario: Scenario) -> set[str]: ...
    async def preview(self, scenario: Scenario, number: str, seconds: float) -> Preview: ...
    async def start(self, scenario: Scenario, preview: Preview, draft: Draft, by: str) -> int: ...
    async def control(self, campaign: int, action: str, by: str) -> None: ...


class Goodbye(Exception):
    """The dialogue is over; `prompt` is the last thing said."""

    def __init__(self, prompt: str) -> None:
        super().__init__(prompt)
        self.prompt = prompt


LIST_PROMPTS = {"list.unknown": "list-unknown", "list.empty": "list-empty"}
"""What is said of a list that cannot be used, by error id; "list-unreadable" for the rest."""


class Operator:
    """One operator's call to one scenario."""

    def __init__(self, leg: Leg, scenario: Scenario, desk: Desk, language: str) -> None:
        self.leg = leg
        self.scenario = scenario
        self.desk = desk
        self.language = scenario.language or language

    async def run(self) -> None:
        self.leg.answer()
        try:
            await self._dialogue()
        except Goodbye as end:
            await self._say(end.prompt)
        except SwitchroomError:
            if not self.leg.is_ended:
                await self._say("technical-trouble")
            raise
        self.leg.hang_up()

    async def _dialogue(self) -> None:
        if not self.desk.may_start(self.scenario, self.leg.endpoint):
            raise Goodbye("not-allowed-to-start")
        await self._check_pin()
        progress = self.desk.running(self.scenario.code)
        if progress is not None:
            await self._tend(progress)
            return
        await self._check_hours()
        if not self.desk.can_record():
            raise Goodbye("storage-short")
        draft = await self._message()
        preview = await self._choose_list(draft)
        await self._launch(draft, preview)

    # -- rights --

    async def _check_pin(self) -> None:
        pin = self.scenario.pin
        if pin is None:
            return
        for attempt in range(1, TRIES + 1):
            keyed = await self._digits(await self._first_key("enter-pin" if attempt == 1 else "wrong-pin"), len(pin))
            if hmac.compare_digest(keyed, pin):
                return
        raise Goodbye("wrong-pin-goodbye")

    async def _check_hours(self) -> None:
        """Outside the hours a campaign may be recorded now and begin by itself when they open."""
        opens = self.desk.opens(self.scenario)
        if opens is None:
            return
        await self._say("closed-until", opens=opens)
        key = await self._choice("closed-start-anyway", "1*")
        if key != "1":
            raise Goodbye("campaign-not-started")

    # -- the message --

    async def _message(self) -> Draft:
        for _ in range(TRIES * 2):
            draft = await self._record()
            if draft is None:
                continue
            while True:
                key = await self._choice("recording-menu", "12#")
                if key == "1":
                    await self._say("your-message")
                    await self.leg.play([draft.path], keys="#*12")
                elif key == "2":
                    break
                else:
                    # "#" goes on; so does an operator who just waits for the next question.
                    return draft
        raise Goodbye("technical-trouble")

    async def _record(self) -> Draft | None:
        """One recording, made ready; None where there was nothing to hear (said already)."""
        await self._say("attention-recording")
        await self.leg.play(self._clips("beep"))
        path = self.desk.draft_path(self.leg.call.id)
        recording = self.leg.call.switch.config.recording
        done = await self.leg.record(path, self.scenario.max_message_seconds, recording.stop_after_pause_seconds)
        if done.error:
            raise Goodbye("storage-short")
        if done.reason == "limit":
            await self._say("recording-limit")
        try:
            return await self.desk.prepare(path, self.scenario)
        except SwitchroomError as problem:
            if not problem.id.startswith("message."):
                raise
            await self._say("message-empty" if problem.id in ("message.silent", "message.empty") else "message-too-short")
            return None

    # -- the list --

    async def _choose_list(self, draft: Draft) -> Preview:
        question = "enter-list-number"
        for _ in range(TRIES):
            number = await self._list_number(question)
            try:
                return await self.desk.preview(self.scenario, number, draft.seconds)
            except SwitchroomError as problem:
                if not problem.id.startswith("list."):
                    raise
                question = LIST_PROMPTS.get(problem.id, "list-unreadable")
        raise Goodbye("list-unknown-goodbye")

    async def _list_number(self, question: str) -> str:
        """The list number keyed: ends at "#", after a pause, or as soon as no longer number is possible. Hanging up after it
        counts as having keyed it: that is how the story goes."""
        known = self.desk.list_numbers(self.scenario)
        keyed = ""
        try:
            key = await self._first_key(question)
            while len(keyed) < MAX_LIST_DIGITS:
                key = key or await self.leg.key(DIGITS + "#*", NEXT_KEY_SECONDS if keyed else FIRST_KEY_SECONDS)
                if key == "*":
                    key = ""
                    keyed = ""
                    continue
                if key in ("", "#"):
                    break
                keyed, key = keyed + key, ""
                if keyed in known and not any(other.startswith(keyed) and other != keyed for other in known):
                    break
        except HungUp:
            keyed += "".join(e.digit for e in self.leg.inbox.drain() if isinstance(e, Digit) and e.digit in DIGITS)
            if keyed not in known or self.leg.call.interrupted:
                raise
        return keyed

    # -- start --

    async def _launch(self, draft: Draft, preview: Preview) -> None:
        """Say what will happen; start unless it is cancelled. Hanging up starts it."""
        try:
            if not await self._agreed(preview):
                raise Goodbye("campaign-not-started")
        except HungUp:
            if self.leg.call.interrupted:
                raise
        # From here on the start must not be torn by a hang-up: it is shielded and finished whatever the leg does.
        try:
            await asyncio.shield(self.desk.start(self.scenario, preview, draft, self.leg.endpoint))
        except SwitchroomError:
            if not self.leg.is_ended:
                await self._say("campaign-start-failed")
            raise
        self.leg.check()
        raise Goodbye("campaign-started")

    async def _agreed(self, preview: Preview) -> bool:
        if preview.bad:
            await self._say("list-bad-numbers", count=preview.bad)
        if preview.duplicates:
            await self._say("list-duplicates", count=preview.duplicates)
        numbers = self._clips("forecast", numbers=preview.numbers, lines=preview.lines, minutes=max(1, round(preview.minutes)))
        for _ in range(2):
            key = await self.leg.play([*numbers, *self._clips("forecast-confirm")], keys="1*")
            key = key or await self.leg.key("1*", FIRST_KEY_SECONDS)
            if key:
                return key == "1"
        return True

    # -- a campaign under way --

    async def _tend(self, progress: Progress) -> None:
        """Tell how it stands; pause, go on, cancel."""
        by = self.leg.endpoint
        for _ in range(TRIES):
            running = progress.state == "running"
            await self._say("campaign-state-running" if running else "campaign-state-paused")
            if progress.asks_confirmation:
                await self._say("campaign-progress", done=progress.done, all=progress.all, confirmed=progress.confirmed)
            else:
                await self._say("campaign-progress-heard", done=progress.done, all=progress.all, heard=progress.heard)
            key = await self._choice("campaign-menu-running" if running else "campaign-menu-paused", "13" if running else "23")
            if key == "1":
                await self.desk.control(progress.campaign, "pause", by)
                await self._say("campaign-paused")
            elif key == "2":
                await self.desk.control(progress.campaign, "resume", by)
                await self._say("campaign-resumed")
            elif key == "3" and await self._choice("campaign-cancel-sure", "1*") == "1":
                await self.desk.control(progress.campaign, "cancel", by)
                raise Goodbye("campaign-cancelled")
            elif key == "":
                raise Goodbye("goodbye")
            now = self.desk.running(self.scenario.code)
            if now is None:
                raise Goodbye("campaign-over")
            progress = now
        raise Goodbye("goodbye")

    # -- speaking and listening --

    def _clips(self, name: str, **values: object) -> list[Path]:
        return self.leg.call.switch.prompts.clips(name, self.language, **values)

    async def _say(self, name: str, **values: object) -> None:
        await self.leg.play(self._clips(name, **values))

    async def _choice(self, prompt: str, keys: str) -> str:
        """Ask up to twice; the key pressed, also during the prompt, or ""."""
        for _ in range(2):
            key = await self.leg.play(self._clips(prompt), keys=keys)
            key = key or await self.leg.key(keys, FIRST_KEY_SECONDS)
            if key:
                return key
        return ""

    async def _first_key(self, question: str) -> str:
        """Ask for digits. Who knows the question keys at once: that stops it, and the key counts. "" where nobody did."""
        return await self.leg.play(self._clips(question), keys=DIGITS + "#*")

    async def _digits(self, key: str, length: int) -> str:
        """Up to `length` digits beginning with `key`, ended by "#" or a pause; "*" begins again."""
        keyed = ""
        while len(keyed) < length:
            key = key or await self.leg.key(DIGITS + "#*", NEXT_KEY_SECONDS if keyed else FIRST_KEY_SECONDS)
            if key in ("", "#"):
                break
            keyed = "" if key == "*" else keyed + key
            key = ""
        return keyed
