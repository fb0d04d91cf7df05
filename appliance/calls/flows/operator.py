"""The operator's dialogue: dial a code, read the message after the beep, key a list number, hang up."""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
from collections.abc import Awaitable, Sequence
from pathlib import Path
from typing import NoReturn, Protocol, TypeVar

import msgspec

from appliance.calls.leg import HungUp, Leg
from appliance.calls.pins import Pins
from appliance.config.model import Scenario
from appliance.errors import SwitchroomError
from appliance.media.events import Digit
from appliance.prompts import Moment

log = logging.getLogger("operator")
T = TypeVar("T")

TRIES = 3
"""Wrong PINs, unusable lists, recordings with nothing in them: after so many the dialogue says goodbye."""
ASKS = 3
"""How often a question is put to somebody who presses nothing."""
CHOICE_SECONDS = 6.0
"""Silence after a question with keys to choose from, before it is put again."""
FIRST_KEY_SECONDS = 10.0
"""For the first digit of a number: it may have to be looked up."""
NEXT_KEY_SECONDS = 5.0
"""For the next digit of a number that is not whole yet."""
LAST_KEY_SECONDS = 3.0
"""After a list number that could be whole: it is, if nothing follows."""
TRAILING_SECONDS = 1.0
"""After a wrong PIN: digits that come so soon belong to it still."""
PATIENCE_SECONDS = 2.0
"""Work that takes longer than this is not waited for in silence."""
LEAST_MESSAGE_SECONDS = 1.0
WRONG_KEYS = 9
"""Keys that mean nothing, before we give up on one question."""
DIGITS = "0123456789"
MAX_LIST_DIGITS = 10
EXACT_MINUTES = 20
"""Forecasts beyond this are told to the next five minutes: more would be a promise."""


class Draft(msgspec.Struct, frozen=True):
    """A recorded message, trimmed and levelled, not yet given to a campaign."""

    path: Path
    seconds: float


class Preview(msgspec.Struct, frozen=True):
    """What a campaign over a list would be: told to the operator before it starts. `later`: nobody may be called yet;
    `begins` is when, where it is near enough to be said."""

    list: str
    numbers: int
    bad: int
    duplicates: int
    lines: int
    minutes: float
    later: bool = False
    begins: Moment | None = None


class Progress(msgspec.Struct, frozen=True):
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
    def apologise(self, scenario: Scenario, extension: str) -> None: ...


class Goodbye(Exception):
    """The dialogue is over; `prompt` is the last thing said."""

    def __init__(self, prompt: str, **values: object) -> None:
        super().__init__(prompt)
        self.prompt = prompt
        self.values = values


class NotHeard(Exception):
    """A recording that is no message; `prompt` says why."""

    def __init__(self, prompt: str) -> None:
        super().__init__(prompt)
        self.prompt = prompt


LIST_PROMPTS = {"list.unknown": "list-unknown", "list.empty": "list-empty"}
"""What is said of a list that cannot be used, by error id; "list-unreadable" for the rest."""
SILENT = frozenset({"message.silent", "message.empty"})


class Operator:
    """One operator's call to one scenario."""

    def __init__(self, leg: Leg, scenario: Scenario, desk: Desk, pins: Pins, language: str) -> None:
        self.leg = leg
        self.scenario = scenario
        self.desk = desk
        self.pins = pins
        self.language = scenario.language or language
        self._farewell = "campaign-not-started"
        """What is said to somebody with whom we get nowhere."""
        self._lead: list[Path] = []
        """Goes before the next thing said."""
        self._about = {"call": leg.call.id, "scenario": scenario.code, "extension": leg.endpoint}

    async def run(self) -> None:
        self.leg.answer()
        if self.leg.media is None or not self.leg.media.telephone_event:
            # Keys come as tones only. Elsewhere nobody listens for them: a voice could pass for one.
            self.leg.open_port().detect(digits=True)
        # Phones open their loudspeaker a moment after the answer: the first word must not fall into that.
        self._lead = self._clips("pause-long")
        try:
            await self._dialogue()
        except Goodbye as end:
            await self._say(end.prompt, **end.values)
        except HungUp:
            raise
        except Exception:
            if not self.leg.is_ended:
                await self._say("technical-trouble")
            raise
        self.leg.hang_up()

    async def _dialogue(self) -> None:
        if not self.desk.may_start(self.scenario, self.leg.endpoint):
            log.info("this phone may not start that", extra=self._about)
            raise Goodbye("not-allowed-to-start")
        await self._check_pin()
        progress = self.desk.running(self.scenario.code)
        if progress is not None:
            self._farewell = "goodbye"
            await self._tend(progress)
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
        door = f"scenario:{self.scenario.code}"
        questions, goodbye = ["enter-pin"], "goodbye"
        for _ in range(TRIES):
            locked = self.pins.locked(door)
            if locked:
                raise Goodbye("pin-locked", minutes=locked)
            keyed = await self._pin_keyed(questions, len(pin))
            if keyed and self.pins.check(door, pin, keyed):
                return
            questions, goodbye = (["wrong-pin"], "wrong-pin-goodbye") if keyed else (["nothing-pressed", "enter-pin"], goodbye)
        log.warning("no right PIN in %d tries", TRIES, extra=self._about)
        raise Goodbye(goodbye)

    async def _pin_keyed(self, questions: Sequence[str], length: int) -> str:
        """Up to `length` digits, ended by "#" or a pause; "*" begins again. A key too many belongs to this PIN, not to the next
        question, and so does the "#" that we asked for."""
        key = await self._first_key(questions)
        keyed = ""
        while key and key != "#":
            keyed = "" if key == "*" else keyed + key
            if len(keyed) == length:
                break
            key = await self.leg.key(DIGITS + "#*", NEXT_KEY_SECONDS)
        if len(keyed) == length and not hmac.compare_digest(keyed, self.scenario.pin or ""):
            for _ in range(MAX_LIST_DIGITS):
                if await self.leg.key(DIGITS + "#*", TRAILING_SECONDS) in ("", "#"):
                    break
        return keyed

    async def _check_hours(self) -> None:
        """Outside the hours a campaign may be recorded now and begin by itself when they open."""
        try:
            opens = self.desk.opens(self.scenario)
        except SwitchroomError as problem:
            log.warning("not started: %s", problem, extra=self._about)
            raise Goodbye("closed-now") from None
        if opens is None:
            return
        closed = [*self._clips("closed-until", opens=opens), *self._clips("closed-start-anyway")]
        if await self._ask([closed] * 2, "1*") != "1":
            raise Goodbye("campaign-not-started")

    # -- the message --

    async def _message(self) -> Draft:
        """A recording that the operator is content with."""
        unheard = 0
        while unheard < TRIES:
            try:
                draft = await self._record()
            except NotHeard as why:
                unheard += 1
                if unheard < TRIES:
                    await self._say(why.prompt)
                continue
            unheard = 0
            if await self._content(draft):
                return draft
        raise Goodbye("message-none-goodbye")

    async def _content(self, draft: Draft) -> bool:
        """Hear it again as often as wanted; False to record it again. Who just waits goes on."""
        menu = self._clips("recording-menu")
        key = await self._ask([menu] * ASKS, "12#")
        while key == "1":
            key = await self._play([*self._clips("your-message"), draft.path], keys="#*12")
            if key in ("", "*"):
                key = await self._ask([menu] * ASKS, "12#")
        return key != "2"

    async def _record(self) -> Draft:
        """One recording, made ready. Raises NotHeard where it holds no message."""
        await self._play([*self._clips("attention-recording"), *self._clips("beep")])
        path = self.desk.draft_path(self.leg.call.id)
        recording = self.leg.call.switch.config.recording
        done = await self.leg.record(path, self.scenario.max_message_seconds, recording.stop_after_pause_seconds)
        if done.error:
            raise Goodbye("storage-short")
        if done.reason == "limit":
            await self._say("recording-limit")
        try:
            draft = await self.desk.prepare(path, self.scenario)
        except SwitchroomError as problem:
            if problem.id in SILENT:
                raise NotHeard("message-empty") from None
            log.warning("the message is lost: %s", problem, extra=self._about)
            if problem.id == "message.unwritable":
                raise Goodbye("storage-short") from None
            raise
        if draft.seconds < LEAST_MESSAGE_SECONDS:
            raise NotHeard("message-too-short")
        return draft

    # -- the list --

    async def _choose_list(self, draft: Draft) -> Preview:
        questions, goodbye = ["enter-list-number"], ""
        for _ in range(TRIES):
            number = await self._list_number(questions)
            if not number:
                questions, goodbye = ["nothing-pressed", "enter-list-number"], self._farewell
                continue
            try:
                return await self._patiently(self.desk.preview(self.scenario, number, draft.seconds))
            except SwitchroomError as problem:
                if not problem.id.startswith("list."):
                    raise
                log.warning("list %s cannot be used: %s", number, problem, extra=self._about | {"error": problem.id})
                self._check_still_there(draft)
                questions = [LIST_PROMPTS.get(problem.id, "list-unreadable")]
                goodbye = "list-unknown-goodbye" if problem.id == "list.unknown" else "list-trouble-goodbye"
        raise Goodbye(goodbye)

    async def _list_number(self, questions: Sequence[str]) -> str:
        """The list number keyed: ends at "#", after a pause, or as soon as no longer number is possible; "" where nothing was.
        Hanging up after it counts as having keyed it: that is how the story goes."""
        known = self.desk.list_numbers(self.scenario)
        keyed = ""
        try:
            key = await self._first_key(questions)
            while key and key != "#":
                keyed = "" if key == "*" else keyed + key
                longer = any(number.startswith(keyed) and number != keyed for number in known)
                if len(keyed) == MAX_LIST_DIGITS or (keyed in known and not longer):
                    break
                key = await self.leg.key(DIGITS + "#*", LAST_KEY_SECONDS if keyed in known or not longer else NEXT_KEY_SECONDS)
        except HungUp:
            keyed += "".join(e.digit for e in self.leg.inbox.drain() if isinstance(e, Digit) and e.digit in DIGITS)
            if keyed not in known or self.leg.call.interrupted:
                raise
        return keyed

    # -- start --

    async def _launch(self, draft: Draft, preview: Preview) -> None:
        """Say what will happen; start unless it is cancelled. Hanging up starts it, and so does saying nothing: who has laid
        the receiver beside the phone wants what who has hung up wants."""
        try:
            if not await self._agreed(preview):
                raise Goodbye("campaign-not-started")
        except HungUp:
            if self.leg.call.interrupted:
                raise
        # From here on the start must not be torn by a hang-up: it is finished whatever the leg does.
        try:
            campaign = await self._patiently(self.desk.start(self.scenario, preview, draft, self.leg.endpoint))
        except SwitchroomError as problem:
            log.error("the campaign could not be started: %s", problem, extra=self._about | {
                "error": problem.id, "message_file": str(draft.path)})
            self._check_still_there(draft)
            raise Goodbye("campaign-under-way" if problem.id == "campaign.under-way" else "campaign-start-failed") from None
        log.info("campaign started", extra=self._about | {"campaign": campaign, "list": preview.list})
        raise Goodbye("campaign-scheduled" if preview.later else "campaign-started")

    async def _agreed(self, preview: Preview) -> bool:
        forecast = self._clips("forecast", numbers=preview.numbers, lines=preview.lines, minutes=about(preview.minutes))
        if preview.begins is not None:
            forecast += self._clips("forecast-begins", opens=preview.begins)
        first = [*self._clips("list-digits", number=preview.list), *forecast]
        if preview.bad:
            first += self._clips("list-bad-numbers", count=preview.bad)
        if preview.duplicates:
            first += self._clips("list-duplicates", count=preview.duplicates)
        confirm = self._clips("forecast-confirm")
        return await self._ask([[*first, *confirm], [*forecast, *confirm]], "1*") != "*"

    def _check_still_there(self, draft: Draft) -> None:
        """Whoever has hung up believes that it runs: it must be told otherwise, and soon. Raises HungUp then."""
        if self.leg.is_ended and not self.leg.call.interrupted:
            log.warning("the operator has hung up and is rung back", extra=self._about | {"message_file": str(draft.path)})
            self.desk.apologise(self.scenario, self.leg.endpoint)
        self.leg.check()

    # -- a campaign under way --

    async def _tend(self, progress: Progress) -> NoReturn:
        """Tell how it stands; pause, go on, cancel. Raises Goodbye in the end."""
        news = self._standing(progress)
        while True:
            running = progress.state == "running"
            menu = self._clips("campaign-menu-running" if running else "campaign-menu-paused")
            key = await self._ask([[*news, *menu], menu], "13" if running else "23")
            if key == "1":
                news = await self._control(progress, "pause", "campaign-paused")
            elif key == "2":
                news = await self._control(progress, "resume", "campaign-resumed")
            elif key == "3" and await self._ask([self._clips("campaign-cancel-sure")] * 2, "1*") == "1":
                await self._control(progress, "cancel", "campaign-cancelled")
                raise Goodbye("campaign-cancelled")
            elif not key:
                raise Goodbye("goodbye")
            now = self.desk.running(self.scenario.code)
            if now is None:
                raise Goodbye("campaign-over")
            progress = now
            if key == "3":
                news = self._standing(progress)

    def _standing(self, progress: Progress) -> list[Path]:
        state = self._clips("campaign-state-running" if progress.state == "running" else "campaign-state-paused")
        if progress.asks_confirmation:
            return state + self._clips("campaign-progress", done=progress.done, all=progress.all, confirmed=progress.confirmed)
        return state + self._clips("campaign-progress-heard", done=progress.done, all=progress.all, heard=progress.heard)

    async def _control(self, progress: Progress, action: str, prompt: str) -> list[Path]:
        """Do it, and what is said then. It may have ended, or been cancelled elsewhere, while we spoke."""
        try:
            await self._patiently(self.desk.control(progress.campaign, action, self.leg.endpoint))
        except SwitchroomError as problem:
            if not problem.id.startswith("campaign."):
                raise
            log.info("too late: %s", problem, extra=self._about)
            raise Goodbye("campaign-over") from None
        return self._clips(prompt)

    # -- speaking and listening --

    async def _play(self, clips: Sequence[Path], keys: str = "") -> str:
        lead, self._lead = self._lead, []
        return await self.leg.play([*lead, *clips], keys=keys)

    def _clips(self, name: str, **values: object) -> list[Path]:
        return self.leg.call.switch.prompts.clips(name, self.language, **values)

    async def _say(self, name: str, **values: object) -> None:
        await self._play(self._clips(name, **values))

    async def _ask(self, questions: Sequence[Sequence[Path]], keys: str) -> str:
        """Put the question, again in the words of the next of `questions` to who presses nothing; the key pressed, also while
        we speak, or "". A key that means nothing is said to, and the question put again; a "#" too many is a habit."""
        wrong = at = 0
        while at < len(questions):
            key = await self._play(questions[at], keys=keys)
            key = key or await self.leg.key(set(DIGITS + "*" + keys), CHOICE_SECONDS)
            if key and key in keys:
                return key
            if not key:
                at += 1
                continue
            wrong += 1
            if wrong == WRONG_KEYS:
                raise Goodbye(self._farewell)
            await self._say("invalid-key")
        return ""

    async def _first_key(self, questions: Sequence[str]) -> str:
        """Ask for a number. Who knows the question keys at once: that stops it, and the key counts. "" where nobody did.
        A "#" before any digit belongs to what was keyed before."""
        clips = [clip for name in questions for clip in self._clips(name)]
        return await self._play(clips, keys=DIGITS) or await self.leg.key(DIGITS, FIRST_KEY_SECONDS)

    async def _patiently(self, work: Awaitable[T]) -> T:
        """The result of work that goes on whatever the leg does; who waits long for it is told so."""
        task = asyncio.ensure_future(work)
        while not task.done():
            await asyncio.wait({task}, timeout=PATIENCE_SECONDS)
            if not task.done() and not self.leg.is_ended:
                with contextlib.suppress(HungUp):  # whoever waits next for the leg finds it gone
                    await self._say("please-wait")
        return task.result()


def about(minutes: float) -> int:
    """Minutes as they are forecast: at least one, and beyond `EXACT_MINUTES` to the next five."""
    whole = max(1, round(minutes))
    return whole if whole <= EXACT_MINUTES else 5 * round(minutes / 5)
