"""What the office does by itself: menus, mailboxes, the night switch, greetings, and who is let in: rows of the reception's
tables."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from appliance.calls import callers
from appliance.calls.disk import noted
from appliance.calls.flows.ask import Asked
from appliance.calls.flows.dialogue import Dialogue, Goodbye
from appliance.calls.flows.excuse import excuse
from appliance.calls.flows.greeting import RecordGreeting
from appliance.calls.flows.lastcaller import last_caller
from appliance.calls.flows.mailbox import Mailbox
from appliance.calls.flows.menu import Menu
from appliance.calls.flows.nightswitch import night_switch
from appliance.calls.flows.voicemail import Voicemail
from appliance.calls.leg import Leg
from appliance.calls.routing import Decision, ToExcuse, ToExtension, ToMenu, ToSurvey, ToVoicemail, canonical, outside, to_target
from appliance.config import numbers
from appliance.config.opening import ALL, Opening, by_code, pin_and_right
from appliance.config.words import Words
from appliance.core.mailroom import Mailroom
from appliance.core.night import Night
from appliance.core.surveys import Surveys
from appliance.errors import SwitchroomError
from appliance.media import message as audio_of
from appliance.media.engine import Clip
from appliance.messages import CallerScreened, FactKeyed, GreetingChanged
from appliance.voicemail import boxes
from appliance.voicemail.greetings import Greetings, Owner, is_heard
from drivers.base import Incoming

if TYPE_CHECKING:
    from appliance.core.box import Box

log = logging.getLogger("office")

LOOK_SECONDS = 20.0
"""So often lamps, messages past their time and changed files are looked at."""
REJECT_ANONYMOUS = 433
"""Anonymity Disallowed (RFC 5079)."""
MOST_GREETING_SECONDS = 180.0
LOOK_BACK = 50
"""Calls of a phone among which its last caller is looked for."""


class Office:
    """One per core. It stands behind several flows as their desk."""

    def __init__(self, box: Box) -> None:
        self._box = box
        self.night = Night(box.ledger, box.driver, lambda: box.config, box.clock)
        self.mailroom = Mailroom(box.data, box.ledger, box.driver, lambda: box.config, box.clock)
        self.greetings = Greetings(box.data / "greetings")
        self.surveys = Surveys(box.ledger, box.recordings, lambda: box.config, box.clock, box.acd.caller_key)
        self.callers = callers.NOBODY
        self._watch: asyncio.Task[None] | None = None
        reception = box.reception
        reception.flows[ToMenu] = self._menu
        reception.flows[ToVoicemail] = self._voicemail
        reception.flows[ToSurvey] = self.surveys.lead
        self._dial = reception.flows[ToExtension]
        reception.flows[ToExtension] = self._extension
        reception.codes |= {
            "night_switch": self._dialogue(self._night), "voicemail": self._dialogue(self._listen),
            "voicemail_other": self._dialogue(self._listen_other), "record_greeting": self._dialogue(self._record_greeting),
            "call_back_last": self._dialogue(self._last_caller),
        }
        reception.screen = self.screen
        box.switch.on_caller = self.named
        box.acd.opening = self.opening
        box.switch.greeting = self.greeting

    # -- life --

    async def start(self) -> None:
        await self.take_over()
        await self.mailroom.start()
        self._watch = asyncio.create_task(self._look())

    async def stop(self) -> None:
        if self._watch is not None:
            self._watch.cancel()
        await self.mailroom.stop()

    async def take_over(self) -> None:
        """A new configuration: its files are read, lamps are set."""
        self.callers = await asyncio.to_thread(callers.load, self._box.config)
        self.night.refresh()
        self.mailroom.refresh()

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                self.night.refresh()
                await self.mailroom.tidy()
                self.surveys.tidy()
                if await asyncio.to_thread(self.callers.changed):
                    self.callers = await asyncio.to_thread(callers.load, self._box.config)
            except (SwitchroomError, OSError):
                log.exception("looking after the office failed, it is tried again")

    # -- who calls --

    def named(self, event: Incoming) -> Incoming:
        """A caller from outside by the name that the phone book has."""
        if event.kind != "line":
            return event
        name = self.callers.name_of(event.caller)
        return msgspec.structs.replace(event, caller_name=name) if name else event

    def screen(self, leg: Leg) -> Decision | None:
        """Where a caller goes who is on a list, or hides the number; None where all others go. A VIP is noted with the call."""
        config, event = self._box.config, leg.incoming
        if event is None or leg.kind != "line":
            return None
        if callers.is_hidden(event.caller):
            line = config.line(leg.endpoint)
            if line is None or line.anonymous_to is None:
                return None
            self._screened(leg, CallerScreened(call=leg.call.id, verdict="anonymous", target=str(line.anonymous_to)))
            return to_target(config, line.anonymous_to)
        entry = self.callers.list_of(event.caller)
        if entry is None:
            return None
        self._screened(leg, CallerScreened(call=leg.call.id, verdict=entry.kind, list=entry.name, target=str(entry.to or "")))
        if entry.kind == "vip":
            leg.call.vip = entry
            return to_target(config, entry.to) if entry.to is not None else None
        if entry.silent:
            return ToExcuse("", 603, f"callers:{entry.name}")
        return to_target(config, entry.to) if entry.to is not None else ToExcuse("caller-blocked", 603, f"callers:{entry.name}")

    def _screened(self, leg: Leg, event: CallerScreened) -> None:
        log.info("a caller is on a list, or hides", extra={"call": leg.call.id, "verdict": event.verdict, "list": event.list})
        self._box.switch.ledger.append(event)

    async def _extension(self, leg: Leg, decision: ToExtension) -> None:
        phone, event = self._box.config.phone(decision.extension), leg.incoming
        if phone is not None and phone.reject_anonymous and leg.kind == "line" and event and callers.is_hidden(event.caller):
            refusal = ToExcuse("anonymous-rejected", REJECT_ANONYMOUS, f"extension:{decision.extension}")
            await excuse(leg, refusal, leg.language)
        else:
            await self._dial(leg, decision)

    # -- menus (calls.flows.menu.MenuDesk) --

    async def _menu(self, leg: Leg, decision: ToMenu) -> None:
        rules = self._box.config.menu(decision.menu)
        if rules is None:  # it went with a new configuration while the caller was on the way
            await excuse(leg, ToExcuse("number-not-in-service", 404, f"menu:{decision.menu}"), leg.language)
            return
        leg.call.reached(f"menu:{decision.menu}")
        target = await Menu(leg, rules, self).run()
        if target is not None:
            await self._box.reception.send(leg, target)

    def opening(self, hours: str | None) -> Opening:
        return self.night.opening(hours)

    def greeting(self, owner: Owner, name: str, words: Words, language: str, main: str) -> Sequence[Clip]:
        """The greeting of a menu, queue or mailbox: as it was recorded at a phone, else the office's own text or a newer file; or
        nothing."""
        recorded = self.greetings.of(owner, name)
        if recorded is not None and is_heard(recorded, words, language, main):
            return [recorded]
        return self._box.switch.sounds.say(words, language, main)

    async def keyed(self, leg: Leg, asked: Asked) -> None:
        caller = canonical(leg.incoming.caller, self._box.config.office.country) if leg.incoming else ""
        await noted(self._box.ledger.commit(FactKeyed(
            call=leg.call.id, caller="" if callers.is_hidden(caller) else caller, digits=asked.digits, name=asked.name,
            label=asked.label)), "what a caller keyed", leg.call.id)
        leg.call.facts[asked.name] = asked.digits

    # -- voicemail --

    async def _voicemail(self, leg: Leg, decision: ToVoicemail) -> None:
        leg.call.reached(f"voicemail:{decision.mailbox}")
        config = self._box.config
        main, words = config.office.language, config.mailbox(decision.mailbox).greeting
        greeting = self.greeting("voicemail", decision.mailbox, words, leg.language or main, main)
        await Voicemail(leg, decision.mailbox, greeting, self.mailroom).run()

    # -- codes --

    def _dialogue(
        self, work: Callable[[Dialogue, str], Awaitable[Decision | None]]
    ) -> Callable[[Leg, str], Awaitable[None]]:
        """A code's flow: answered, spoken with, and either put through or hung up with a last word."""

        async def flow(leg: Leg, digits: str) -> None:
            talk = Dialogue(leg, leg.language)
            talk.begin()
            try:
                decision = await work(talk, digits)
            except Goodbye as end:
                await talk.say(end.prompt, **end.values)
                decision = None
            if decision is not None:
                await self._box.reception.send(leg, decision)
            leg.hang_up()

        return flow

    async def _night(self, talk: Dialogue, digits: str) -> None:
        config = self._box.config
        allowed, pin = pin_and_right(config, talk.leg.endpoint)
        hours = by_code(config, digits) if digits else None
        if not allowed:
            raise Goodbye("not-allowed-here")
        if not config.hours:
            raise Goodbye("service-off")
        if digits and hours is None:
            raise Goodbye("number-unknown")
        if pin is not None:
            await talk.check_pin(self._box.pins, "night", pin)
        await night_switch(talk, hours.name if hours else ALL, self.night)

    async def _listen(self, talk: Dialogue, digits: str) -> Decision | None:
        leg = talk.leg
        return await Mailbox(leg, boxes.boxes_of(self._box.config, leg.endpoint), self.mailroom, talk, self._back(leg)).run()

    async def _listen_other(self, talk: Dialogue, digits: str) -> Decision | None:
        config, leg = self._box.config, talk.leg
        number = digits or await talk.number(talk.clips("voicemail-enter-mailbox"))
        name = boxes.by_number(config, number)
        own = name in boxes.boxes_of(config, leg.endpoint)
        pin = boxes.rules_of(config, name).pin if name is not None else None
        if name is None or not (own or pin):
            raise Goodbye("voicemail-unknown")
        if not own and pin:
            await talk.check_pin(self._box.pins, f"mailbox:{name}", pin)
        return await Mailbox(leg, [name], self.mailroom, talk, self._back(leg)).run()

    async def _record_greeting(self, talk: Dialogue, digits: str) -> None:
        config, extension = self._box.config, talk.leg.endpoint
        owner, name = self._owner(digits) if digits else ("voicemail", extension)
        if not name:
            raise Goodbye("greeting-unknown")
        pin = config.mailbox(name).pin
        if pin and name not in boxes.boxes_of(config, extension):
            await talk.check_pin(self._box.pins, f"mailbox:{name}", pin)
        await RecordGreeting(talk.leg, owner, name, self, talk).run()

    def _owner(self, number: str) -> tuple[Owner, str]:
        config = self._box.config
        for entry in config.menus:
            if entry.number == number:
                return "menu", entry.name
        return "queue", next((entry.name for entry in config.queues if entry.number == number), "")

    async def _last_caller(self, talk: Dialogue, digits: str) -> Decision:
        number = await asyncio.to_thread(self.last_caller, talk.leg.endpoint)
        return await last_caller(talk, number, self._back(talk.leg))

    def last_caller(self, extension: str) -> str:
        """The number or extension that called this phone last, "" where none is known: from the records, newest first."""
        reader = self._box.ledger.reader
        for row in reader.rows(extension=extension, newest_first=True, limit=LOOK_BACK):
            cdr = reader.cdr(row.call)
            called = cdr is not None and any(
                leg.direction == "out" and leg.kind == "phone" and leg.endpoint == extension for leg in cdr.legs)
            if called and row.direction != "out" and row.purpose in ("line", "phone") and not callers.is_hidden(row.caller):
                return row.caller
        return ""

    def _back(self, leg: Leg) -> Callable[[str], Decision | None]:
        def decide(caller: str) -> Decision | None:
            """A call to somebody who has called, with the rights of this phone."""
            config = self._box.config
            if config.phone(caller) is not None:
                return ToExtension(caller)
            number = canonical(caller, config.office.country)
            if callers.is_hidden(number) or not number.startswith("+"):
                return None
            read = numbers.Dialled("outside", number, numbers.classify(number, config.office.country))
            decision = outside(config, leg.endpoint, read)
            return None if isinstance(decision, ToExcuse) else decision

        return decide

    # -- greetings (calls.flows.greeting.GreetingDesk) --

    def can_record(self) -> bool:
        return self._box.ledger.level == "none"

    def recorded(self, owner: Owner, name: str) -> Path | None:
        return self.greetings.of(owner, name)

    def draft(self, owner: Owner, name: str, call: str) -> Path:
        return self.greetings.draft(owner, name, call)

    async def made_ready(self, draft: Path) -> float:
        recording = self._box.config.recording
        made = await asyncio.to_thread(
            audio_of.prepare, draft, draft, max_seconds=MOST_GREETING_SECONDS, target_dbov=recording.level_dbov)
        return made.seconds

    async def use(self, owner: Owner, name: str, draft: Path, seconds: float, by: str) -> None:
        await asyncio.to_thread(self.greetings.use, owner, name, draft)
        await self._box.ledger.commit(GreetingChanged(owner=owner, name=name, by=by, seconds=round(seconds, 2)))

    async def use_text(self, owner: Owner, name: str, by: str) -> None:
        await asyncio.to_thread(self.greetings.remove, owner, name)
        await self._box.ledger.commit(GreetingChanged(owner=owner, name=name, by=by))
