"""What is kept of a person is erased on request: recordings, messages, promised calls, rows of uploaded lists, and the texts of
the ledger.

Found by the number in the call records, so the texts go last. Events and call records stay, with "(erased)" in place of the
person.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from appliance import _core as core
from appliance import audit
from appliance.calls.callers import is_hidden
from appliance.calls.routing import canonical
from appliance.campaigns import lists, own
from appliance.campaigns.purge import Columns, Order, Purged
from appliance.config import numbers
from appliance.config.kinds import NumberForm
from appliance.config.model import Config, SubscriberList
from appliance.errors import SwitchroomError
from appliance.ledger.cdr import Cdr
from appliance.ledger.reader import LedgerReader
from appliance.messages import ErasePerson, NoteAudit, PersonErased, RecordingErased
from appliance.sentences import say
from appliance.voicemail.store import Message
from appliance.webhooks.store import WebhookStore

if TYPE_CHECKING:
    from appliance.core.box import Box

log = logging.getLogger("erasure")
PAGE = 500
PURGE_SECONDS = 600.0


@dataclass(frozen=True)
class Found:
    """What is kept of one number. `recordings`: call and name of each file that is still there."""

    calls: int
    recordings: list[tuple[str, str]]
    messages: list[Message]
    callbacks: list[str]
    texts: int


class Erasure:
    """One per core."""

    def __init__(self, box: Box) -> None:
        self._box = box

    async def run(self, command: ErasePerson) -> PersonErased:
        box, number = self._box, number_of(self._box.config, command.number)
        found = await self._find(number, frozenset(command.parts))
        texts = "texts" in command.parts
        files, named = await asyncio.to_thread(own_places, box.config, number)
        purged = await from_lists(box.data, box.config, number, dry_run=True) if texts else Purged()
        country = box.config.office.country
        now = sum(any(canonical(leg.number, country) == number for leg in call.legs) for call in box.switch.calls.values())
        reply = PersonErased(
            calls=found.calls, recordings=len(found.recordings), voicemail=len(found.messages), callbacks=len(found.callbacks),
            texts=found.texts, now=now, list_rows=purged.rows, uploads=purged.uploads, lists=named,
            files=list(dict.fromkeys([*(each for each in files if not _rewritten(box.data, purged, each)), *purged.links])),
            unread=purged.unread)
        if not command.dry_run:
            await self._note(command, found, purged)
            await self._erase(number, found, command.by)  # first: who follows the ledger reads it anew a moment after the note
            if texts:
                await from_lists(box.data, box.config, number)
        return reply

    async def _find(self, number: str, parts: frozenset[str]) -> Found:
        box, reader = self._box, self._box.ledger.reader
        await box.ledger.flush()
        forms = forms_of(box.config, number)
        cdrs = await asyncio.to_thread(lambda: list(calls_of(reader, forms)))
        kept = [(cdr.call, each.recording) for cdr in cdrs for each in cdr.recordings if each.reason and not each.erased]
        return Found(
            len(cdrs),
            kept if "recordings" in parts else [],
            await asyncio.to_thread(box.office.mailroom.store.from_caller, number) if "voicemail" in parts else [],
            [id for id, person in box.acd.customers.all().items() if person.number == number] if "callbacks" in parts else [],
            await asyncio.to_thread(lambda: sum(map(reader.texts_of, forms))) if "texts" in parts else 0)

    async def _note(self, command: ErasePerson, found: Found, purged: Purged) -> None:
        box = self._box
        detail = (f"{len(found.recordings)} recordings, {len(found.messages)} messages, {len(found.callbacks)} callbacks, "
                  f"{found.texts} texts of a number in {found.calls} calls, {purged.rows} rows of lists, "
                  f"{purged.uploads} uploads")
        await box.ledger.commit(audit.noted(NoteAudit(
            at=box.clock.utc(), by=command.by, what="person.erase", target=",".join(command.parts), detail=detail)))

    async def _erase(self, number: str, found: Found, by: str) -> None:
        box = self._box
        if found.recordings:
            await asyncio.to_thread(box.recordings.remove, [name for _, name in found.recordings])
            await box.ledger.commit(*(RecordingErased(call=call, recording=name, reason="number")
                                      for call, name in found.recordings))
        if found.messages:
            await box.office.mailroom.erase_caller(number, by)
        for contact in found.callbacks:
            box.acd.tell(core.CloseCallback(contact))
        if found.texts:
            for form in forms_of(box.config, number):
                box.desk.forget(form)
            await box.ledger.flush()
            for form in forms_of(box.config, number):
                await box.ledger.erase(form)
            await asyncio.to_thread(untell, box.data, forms_of(box.config, number))
        log.info("what was kept of a number is erased", extra={"by": by, "recordings": len(found.recordings)})


def number_of(config: Config, given: str) -> str:
    """The number as call records have it. Raises SwitchroomError "person.bad-number" for what is no outside number: those of our
    own phones stand in nearly every call."""
    number = canonical(given.strip(), config.office.country)
    if is_hidden(number) or config.phone(number) is not None or len(number) > 64:
        raise SwitchroomError("person.bad-number", "{given} is no number of a caller.",
                              "Give it as `switchroom cdr list` shows it, such as +358401234567.", given=repr(given[:64]))
    return number


def forms_of(config: Config, number: str) -> list[str]:
    """How a number may stand in records: lines hand over a caller's as they write it."""
    ways: tuple[NumberForm, ...] = ("e164", "national", "digits")
    made = [numbers.send_as(number, way, config.office.country) for way in ways] if number.startswith("+") else []
    digits = [f"00{number[1:]}"] if number.startswith("+") else []
    return list(dict.fromkeys([number, *made, *digits]))


def calls_of(reader: LedgerReader, forms: list[str]) -> Iterator[Cdr]:
    """Every call with this number, however it is written."""
    seen: set[str] = set()
    for form in forms:
        after = ""
        while page := reader.cdrs(number=form, after=after, limit=PAGE):
            yield from (cdr for cdr in page if cdr.call not in seen)
            seen |= {cdr.call for cdr in page}
            after = page[-1].key


def untell(data: Path, forms: list[str]) -> None:
    """Messages for other programs that were not taken yet, or given up, have the number too. Blocks on the disk."""
    if not (data / "webhooks").is_dir():
        return  # the pages have never run
    store = WebhookStore(data)
    try:
        store.erase(forms)
    finally:
        store.close()


async def from_lists(data: Path, config: Config, number: str, *, dry_run: bool = False) -> Purged:
    """Out of the lists that came through the pages, by a process of its own. Raises SwitchroomError "person.lists"."""
    if not (data / "lists").is_dir():
        return Purged()
    if not dry_run:
        await asyncio.to_thread(own.settle, data / "lists", config)
    order = Order(
        number=number, dry_run=dry_run,
        countries=list(dict.fromkeys([config.office.country, *(each.country for each in config.lists if each.country)])),
        lists={Path(each.file).name: Columns(number=each.number_column, name=each.name_column, encoding=each.encoding)
               for each in config.lists if Path(each.file).parent == (data / "lists").absolute()})
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "appliance.campaigns.purge", str(data), stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE, start_new_session=True)  # ours goes before all others
    try:
        out, said = await asyncio.wait_for(process.communicate(msgspec.json.encode(order)), PURGE_SECONDS)
        if process.returncode:
            log.error("looking through the lists failed: %s", said.decode(errors="replace")[-2000:])
            raise TimeoutError
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        hint = say("Nothing was erased. Look into the log, then erase again.") if dry_run else say(
            "All else is erased. Look into the log, then erase again.")
        raise SwitchroomError("person.lists", "The uploaded lists could not be looked through.", hint) from None
    return msgspec.json.decode(out, type=Purged)


def _rewritten(data: Path, purged: Purged, file: str) -> bool:
    path = Path(file)
    return path.parent == (data / "lists").absolute() and path.name in purged.lists


def own_places(config: Config, number: str) -> tuple[list[str], list[str]]:
    """CSV files, and lists of callers in the configuration, in which the office itself has this number. Blocks on the disk."""
    country = config.office.country
    plain = [(config.phone_book.file, config.phone_book.country), *((each.file, None) for each in config.callers)]
    named = [*(SubscriberList(number="0", file=file, country=of) for file, of in plain if file), *config.lists]
    files = list(dict.fromkeys(each.file for each in named if _in_file(config, each, number)))
    return files, [each.name for each in config.callers if any(canonical(text, country) == number for text in each.numbers)]


def _in_file(config: Config, entry: SubscriberList, number: str) -> bool:
    """Read as campaigns read it: by the columns and the encoding of its entry."""
    try:
        loaded = lists.load_list(entry, config)
    except SwitchroomError as problem:
        log.warning("%s was not looked at: %s", entry.file, problem)
        return False
    return any(subscriber.number == number for subscriber in loaded.subscribers)
