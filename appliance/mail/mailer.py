"""Sends what waits in the outbox through the office's mail server, as long as it takes."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from appliance.clock import Clock
from appliance.errors import SwitchroomError
from appliance.mail.delivery import Failure, MailConfig, Refusal, deliver, settle_failed, settle_taken
from appliance.mail.outbox import Entry, Outbox

log = logging.getLogger(__name__)

_POLL = 1.0
_LOOK_AGAIN = 60.0
_TIDY_EVERY = 3600.0

Sent = Callable[[Entry], Awaitable[None]]


class Mailer:
    """`run()` sends waiting mails until it is cancelled; `update()` gives it new settings at any time.

    A mail that cannot be delivered is tried again after 1 minute, then ever later up to an hour, until
    `keep_trying_hours` after its first try; then it is kept as failed. Without a mail server everything is kept.
    `on_sent` is told of each mail that left; it may be told twice of one after a crash."""

    def __init__(self, config: MailConfig, outbox: Outbox, clock: Clock, on_sent: Sent | None = None) -> None:
        self.config = config
        self.outbox = outbox
        self.clock = clock
        self.on_sent = on_sent
        self._wake = asyncio.Event()
        self._taken: dict[str, dict[str, Refusal]] = {}
        """Mails that the server took, but that could not be noted on the disk yet: never sent again from here."""

    def update(self, config: MailConfig) -> None:
        """Take over new settings; what waits is tried with them at once."""
        changed = config != self.config
        self.config = config
        if changed and config.server is not None:
            self.outbox.retry_all()
        self.wake()

    def wake(self) -> None:
        """Look at the outbox now; without this it is looked at every second."""
        self._wake.set()

    async def run(self) -> None:
        """Send until cancelled. One process sends: a second one waits until the first is gone."""
        while True:
            with self.outbox.sending() as ours:
                if ours:
                    await self._send_for_ever()
            await asyncio.sleep(_POLL)

    async def _send_for_ever(self) -> None:
        """The folder's time of change says whether there is something new; else the next due time is waited for."""
        seen, due, tidy = -1, 0.0, 0.0
        while True:
            self._wake.clear()
            now, mark = self.clock.utc(), self._mark()
            if now >= tidy:
                await self._tidy()
                tidy = now + _TIDY_EVERY
            if self.config.server is not None and (mark != seen or now >= due):
                seen, due = mark, await self._round(now)
            try:
                async with asyncio.timeout(_POLL):  # and not wait_for: in 3.11 it may swallow a cancellation
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def _tidy(self) -> None:
        try:
            await asyncio.to_thread(self.outbox.sweep)
        except OSError as problem:
            log.warning("the mail outbox cannot be tidied: %s", problem)

    def _mark(self) -> int:
        try:
            return self.outbox.folder.stat().st_mtime_ns
        except OSError:
            return 0

    async def _round(self, now: float) -> float:
        """Try each mail that is due; when to look again (UTC)."""
        try:
            entries = await asyncio.to_thread(self.outbox.entries)
            for entry in entries:
                if entry.state == "waiting" and entry.next_try <= now:
                    await self.send(entry)
        except OSError as problem:
            log.error("the mail outbox cannot be used: %s", problem)
            return now + _LOOK_AGAIN
        coming = [entry.next_try for entry in entries if entry.state == "waiting" and entry.next_try > now]
        return min([*coming, now + _LOOK_AGAIN])

    async def send(self, entry: Entry) -> Entry:
        """Try one mail and note what became of it. Raises OSError where that cannot be noted."""
        keep = float(self.config.keep_trying_hours)
        failure: Failure | None = None
        if entry.id not in self._taken:
            try:
                data = await asyncio.to_thread(self.outbox.text, entry.id)
                self._taken[entry.id] = await deliver(self.config, data, entry.to)
            except Failure as problem:
                failure = problem
            except SwitchroomError as problem:
                failure = Failure(str(problem), for_good=True)
        now = self.clock.utc()

        def note(current: Entry) -> None:
            if failure is not None:
                settle_failed(current, failure, now, keep)
            else:
                settle_taken(current, self._taken[entry.id], now, keep)

        noted = await asyncio.to_thread(self.outbox.change, entry.id, note)
        self._taken.pop(entry.id, None)
        await self._tell(noted)
        return noted

    async def _tell(self, entry: Entry) -> None:
        if entry.state == "sent":
            log.info("mail %s left for %s", entry.id, ", ".join(entry.delivered))
        else:
            log.warning("mail %s is %s after %d tries: %s", entry.id, entry.state, entry.tries, entry.error)
        if entry.state == "sent" and self.on_sent is not None:
            try:
                await self.on_sent(entry)
            except Exception:
                log.exception("mail %s left, but this could not be passed on", entry.id)
