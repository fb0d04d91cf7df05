"""Reports: every wish in the ledger becomes one mail in the outbox, every mail that left a ReportSent in the ledger.

A wish is the end of a campaign, or a ReportRequested; its record's sequence makes its mail's id, so that a wish met twice
(after a kill) queues nothing new. `reports.seq` beside the outbox says up to where the ledger was seen through: it
saves reading, no more; without it everything is looked at again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from appliance import bus
from appliance.clock import Clock
from appliance.config.model import Config
from appliance.errors import SwitchroomError
from appliance.ledger.reader import LedgerReader
from appliance.mail.mailer import Mailer
from appliance.mail.outbox import Entry, Outbox
from appliance.mail.report_ids import campaign_of, mail_id
from appliance.messages import CampaignStateChanged, NoteReport, Record, ReportRequested, ReportSent, VoicemailMailed
from appliance.system import files
from appliance.voicemail.mail import message_of as voicemail_of

log = logging.getLogger("dialer")

TRY_AGAIN = 10.0
"""Seconds after which a report that could not be made (disk full) or noted (core gone) is tried again."""
LOOK_BACK = 7 * 86400.0
"""A mail that left longer ago than this is not asked about again at a start."""


class Wish(NamedTuple):
    """`seq` is the record that asks, `to` the addresses (empty: the scenario's)."""

    campaign: int
    seq: int
    to: tuple[str, ...]


def wish_of(record: Record) -> Wish | None:
    """The wish that a record holds."""
    event = record.event
    if isinstance(event, ReportRequested):
        return Wish(event.campaign, record.seq, tuple(event.to))
    if isinstance(event, CampaignStateChanged) and event.state in ("finished", "cancelled"):
        return Wish(event.campaign, record.seq, ())
    return None


class Reports:
    """`busy(campaign)` says whether calls of it still stand: a cancelled one is reported when the last has ended."""

    def __init__(self, data: Path, reader: LedgerReader, config: Config, clock: Clock, client: bus.Client,
                 busy: Callable[[int], bool]) -> None:
        self._data = data
        self._reader = reader
        self._config = config
        self._clock = clock
        self._client = client
        self._busy = busy
        self._outbox = Outbox(data / "mail", clock)
        self._mark = data / "mail" / "reports.seq"
        self._wishes: list[Wish] = []
        self._sent: list[Entry] = []
        self._seen = 0
        self._changed = asyncio.Event()
        self.mailer = Mailer(config.mail, self._outbox, clock, self._on_sent)

    def take_over(self, config: Config) -> None:
        self._config = config
        self.mailer.update(config.mail)

    def seen(self, record: Record) -> None:
        """The dialer folded this record."""
        wish = wish_of(record)
        if wish is not None and wish not in self._wishes:
            self._wishes.append(wish)
            self.look()

    def look(self) -> None:
        """Something may have become ready."""
        self._changed.set()

    async def run(self, upto: int) -> None:
        """Go through what was written while nobody looked (up to `upto`), then serve wishes until cancelled."""
        await asyncio.to_thread(self._catch_up, upto)
        self._seen = upto
        self._changed.set()
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(TRY_AGAIN):  # and not wait_for: in 3.11 it may swallow a cancellation
                    await self._changed.wait()
            self._changed.clear()
            await self._serve()
            await self._note()

    def _catch_up(self, upto: int) -> None:
        after = self._read_mark()
        found = [wish for record in self._reader.follow(after) if record.seq <= upto and (wish := wish_of(record))]
        self._wishes = found + [wish for wish in self._wishes if wish not in found]
        since = self._clock.utc() - LOOK_BACK
        for entry in self._outbox.entries():
            campaign = campaign_of(entry.id)
            if entry.state != "sent" or entry.sent <= since:
                continue
            if voicemail_of(entry.id) is not None or (campaign and not self._is_noted(campaign, entry.id)):
                self._sent.append(entry)

    def _is_noted(self, campaign: int, id: str) -> bool:
        after = 0
        while records := self._reader.campaign_events(campaign, after, 10_000):
            if any(isinstance(r.event, ReportSent) and r.event.mail_id == id for r in records):
                return True
            after = records[-1].seq
        return False

    async def _serve(self) -> None:
        """Queue what is ready; the rest stays and is looked at again."""
        failed = False
        for wish in list(self._wishes):
            if self._busy(wish.campaign):
                continue
            try:
                await asyncio.to_thread(self._queue, wish)
            except (SwitchroomError, OSError) as problem:
                log.error("the report of campaign %d cannot be made now: %s", wish.campaign, problem)
                failed = True
                continue
            self._wishes.remove(wish)
            self.mailer.wake()
        if not failed:
            self._write_mark()

    def _queue(self, wish: Wish) -> None:
        id = mail_id(wish.campaign, str(wish.seq))
        if self._outbox.has(id) or self._is_noted(wish.campaign, id):
            return
        from appliance.mail.reports import queue_report  # 4 MB of tables and words, from the first report on

        queue_report(self._data, self._config, self._reader, wish.campaign, str(wish.seq), wish.to, self._clock)

    async def _on_sent(self, entry: Entry) -> None:
        self._sent.append(entry)
        self.look()

    async def _note(self) -> None:
        """Tell the core of mails that left. Told twice after a kill in between, it notes twice: harmless."""
        while self._sent:
            entry = self._sent[0]
            campaign, voicemail = campaign_of(entry.id), voicemail_of(entry.id)
            try:
                if voicemail is not None:
                    await self._client.ask(VoicemailMailed(box=voicemail[0], message=voicemail[1]))
                elif campaign is not None:
                    await self._client.ask(NoteReport(campaign=campaign, to=entry.delivered, mail_id=entry.id))
            except SwitchroomError as problem:
                log.warning("that mail %s left could not be noted yet: %s", entry.id, problem)
                return
            self._sent.pop(0)

    # ---- how far the ledger was seen through -------------------------------------------------------------------------

    def passed(self, seq: int) -> None:
        """The dialer has folded up to `seq`."""
        self._seen = max(self._seen, seq)

    def _read_mark(self) -> int:
        try:
            return int(self._mark.read_text("ascii"))
        except (OSError, ValueError):
            return 0

    def _write_mark(self) -> None:
        upto = min([self._seen, *(wish.seq - 1 for wish in self._wishes)])
        try:
            files.write(self._mark, str(upto).encode("ascii"))
        except OSError as problem:
            log.warning("%s cannot be written: %s; the next start reads more of the ledger", self._mark, problem)
