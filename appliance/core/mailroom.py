"""The mailroom: what flows and commands may do with mailboxes. What a caller is told is saved is on disk and in the ledger."""

from __future__ import annotations

import asyncio
import logging
import wave
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from appliance.calls.leg import Leg
from appliance.calls.routing import canonical
from appliance.clock import Clock
from appliance.config.model import Config
from appliance.errors import SwitchroomError
from appliance.ledger import Ledger
from appliance.mail.outbox import Outbox
from appliance.media import message as audio_of
from appliance.messages import VoicemailDeleted, VoicemailHeard, VoicemailLeft
from appliance.prompts import Moment, moment_past
from appliance.voicemail import boxes, mail
from appliance.voicemail.store import Message, Messages
from drivers.base import Driver

log = logging.getLogger("mailroom")
TIDY_SECONDS = 3600.0


class Mailroom:
    """One per core."""

    def __init__(self, data: Path, ledger: Ledger, driver: Driver, config: Callable[[], Config], clock: Clock) -> None:
        self.store = Messages(data / "voicemail")
        self._outbox = Outbox(data / "mail", clock)
        self._ledger = ledger
        self._driver = driver
        self._config = config
        self._clock = clock
        self._tasks: set[asyncio.Task[None]] = set()
        self._lamps: dict[str, tuple[int, int]] = {}

    # -- life --

    async def start(self) -> None:
        """Take up what a kill left behind, and light the lamps."""
        for message in await asyncio.to_thread(self.store.left_over):
            await self._take_up(message)
        await self.tidy()
        self.refresh()

    async def stop(self) -> None:
        """Wait for what is under way: mails that are being written."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5.0)

    async def _take_up(self, message: Message) -> None:
        try:
            kept = await asyncio.to_thread(self.store.is_kept, message)
            if kept is not None:
                await self._note(kept)
            elif await self.prepare(message) is None:
                await self.discard(message)
            else:
                await self.keep(message)
        except (SwitchroomError, OSError) as problem:
            log.error("a message left over could not be kept: %s", problem, extra={"voicemail": message.id})
        else:
            log.warning("a message that was being left when the box died is taken up", extra={"voicemail": message.id})

    async def tidy(self) -> None:
        """Erase messages past their time."""
        days, now = self._config().voicemail.keep_days, self._clock.utc()
        for message in await asyncio.to_thread(self.store.older_than, days, now):
            await self._delete(message, "", "expired")

    def _later(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("work of the mailroom failed", exc_info=task.exception())

    # -- leaving a message (calls.flows.voicemail.VoicemailDesk) --

    def rules(self, box: str) -> boxes.Rules:
        return boxes.rules_of(self._config(), box)

    async def trouble(self, box: str) -> str:
        """The prompt that says why no message can be taken now, or ""."""
        if self._ledger.level != "none":
            return "voicemail-excuse"
        counts = await asyncio.to_thread(self.store.counts, box)
        return "voicemail-full" if counts.all >= self.rules(box).max_messages else ""

    async def begin(self, leg: Leg, box: str) -> Message:
        incoming, country = leg.incoming, self._config().office.country
        caller = (incoming.caller if incoming else leg.number) if leg.kind == "line" else leg.endpoint
        number = canonical(caller, country) if leg.kind == "line" else caller
        name = incoming.caller_name if incoming else ""
        return await asyncio.to_thread(self.store.begin, box, self._clock.utc(), number, name, leg.call.id)

    def raw(self, message: Message) -> Path:
        return self.store.raw(message)

    async def prepare(self, message: Message) -> tuple[Path, float] | None:
        """What was recorded, made fit to be heard, and its seconds; None where there is nothing in it."""
        ready, rules = self.store.ready(message), self.rules(message.box)
        try:
            made = await asyncio.to_thread(
                audio_of.prepare, self.store.raw(message), ready, max_seconds=rules.max_seconds,
                target_dbov=self._config().recording.level_dbov)
        except SwitchroomError as problem:
            if problem.id in ("message.silent", "message.empty", "message.unreadable"):
                return None
            raise
        return (ready, made.seconds) if made.seconds >= rules.min_seconds else None

    async def keep(self, message: Message) -> None:
        """Done when it is on disk and in the ledger. Its mail and the lamp follow by themselves."""
        ready = self.store.ready(message)
        seconds = await asyncio.to_thread(_seconds, ready)
        kept = await asyncio.to_thread(self.store.keep, message, ready, seconds)
        await self._note(kept)

    async def _note(self, kept: Message) -> None:
        await self._ledger.commit(VoicemailLeft(
            message=kept.id, box=kept.box, call=kept.call, seconds=kept.seconds, sha256=kept.sha256, caller=kept.caller))
        log.info("a message was left", extra={"call": kept.call, "box": kept.box, "voicemail": kept.id})
        self._later(self._after(kept))

    async def _after(self, kept: Message) -> None:
        """The mail, then nothing is left of the taking: a kill in between mails it at the next start, once."""
        await self._lamps_of(kept.box)
        to = self.rules(kept.box).mail_to
        if to:
            await asyncio.to_thread(self._mail, kept, to)
        await asyncio.to_thread(self.store.settled, kept)

    def _mail(self, kept: Message, to: list[str]) -> None:
        try:
            self._outbox.queue(mail.compose(self._config(), kept, self.store.audio(kept).read_bytes(), to), mail.mail_id(kept))
        except (SwitchroomError, OSError) as problem:
            log.error("a message cannot be mailed: %s", problem, extra={"voicemail": kept.id})

    async def discard(self, message: Message) -> None:
        await asyncio.to_thread(self.store.settled, message)

    # -- listening (calls.flows.mailbox.MailboxDesk) --

    async def messages(self, names: Sequence[str]) -> list[Message]:
        """Those of several mailboxes, as one: new ones first."""
        found = [message for name in names for message in await asyncio.to_thread(self.store.of, name)]
        return sorted(found, key=lambda message: (message.heard > 0, message.id))

    async def audio(self, message: Message) -> Path | None:
        return self.store.audio(message) if await asyncio.to_thread(self.store.is_whole, message) else None

    async def heard(self, message: Message, by: str) -> None:
        if message.heard or not await asyncio.to_thread(self._mark, message):
            return
        self._ledger.append(VoicemailHeard(message=message.id, box=message.box, by=by))
        await self._lamps_of(message.box)

    def _mark(self, message: Message) -> bool:
        current = self.store.is_kept(message)
        if current is None or current.heard:
            return False
        self.store.mark_heard(current, self._clock.utc())
        return True

    def received(self, message: Message) -> Moment:
        zone = ZoneInfo(self._config().office.timezone)
        return moment_past(datetime.fromtimestamp(self._clock.utc(), zone), datetime.fromtimestamp(message.at, zone))

    async def delete(self, message: Message, by: str) -> None:
        await self._delete(message, by, "asked")

    async def _delete(self, message: Message, by: str, reason: Any) -> bool:
        if not await asyncio.to_thread(self.store.delete, message):
            return False
        self._ledger.append(VoicemailDeleted(message=message.id, box=message.box, by=by, reason=reason))
        await self._lamps_of(message.box)
        return True

    # -- commands --

    async def erase(self, box: str, id: str, by: str) -> None:
        """Delete one. Raises SwitchroomError "voicemail.unknown"."""
        await self._delete(await asyncio.to_thread(self.store.message, box, id), by, "asked")

    async def erase_caller(self, caller: str, by: str) -> int:
        """Delete all that a caller left anywhere."""
        found = await asyncio.to_thread(self.store.from_caller, canonical(caller, self._config().office.country))
        return sum([await self._delete(message, by, "caller") for message in found])

    async def mailed(self, box: str, id: str) -> None:
        """Its mail has left: where the office wants that, it is not kept here."""
        if self._config().voicemail.delete_after_mail:
            try:
                message = await asyncio.to_thread(self.store.message, box, id)
            except SwitchroomError:
                return  # it is gone already
            await self._delete(message, "", "mailed")

    # -- lamps --

    def refresh(self) -> None:
        """All lamps: at the start, and with a new configuration."""
        self._later(self._all_lamps())

    async def _all_lamps(self) -> None:
        for phone in self._config().phones:
            await self._lamp(phone.extension)

    async def _lamps_of(self, box: str) -> None:
        for extension in boxes.phones_of(self._config(), box):
            await self._lamp(extension)

    async def _lamp(self, extension: str) -> None:
        names = boxes.boxes_of(self._config(), extension)
        counts = [await asyncio.to_thread(self.store.counts, name) for name in names]
        shown = sum(count.new for count in counts), sum(count.old for count in counts)
        if self._lamps.get(extension) != shown:
            self._lamps[extension] = shown
            self._driver.set_mailbox(extension, *shown)


def _seconds(path: Path) -> float:
    with wave.open(str(path), "rb") as file:
        return file.getnframes() / file.getframerate()
