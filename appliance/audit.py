"""The audit log: who changed or looked at what, noted before it is done.

Notes stand in the ledger, which the core alone writes. While no core answers they wait in DATA/config/audit.waiting, a line
each, synced; the core takes them over when it starts and before each further note. After a kill meanwhile one may come twice.
"""

from __future__ import annotations

import fcntl
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

import msgspec

from appliance.errors import SwitchroomError, because
from appliance.ledger.reader import LedgerReader
from appliance.messages import AuditNoted, NoteAudit

log = logging.getLogger("audit")
MAX_TEXT = 500
MAX_WAITING = 4 << 20
"""Bytes of notes that may wait for a core."""
MAX_PAGE = 200
MOST_LOOKED_AT = 5_000
"""Notes that one page looks at; the next goes on from there."""
BATCH = 200
NEWEST = (1 << 63) - 1
"""Above every `seq`."""
_NO_CORE = ("bus.not-running", "bus.timeout")


class Commits(Protocol):
    def commit(self, event: AuditNoted) -> Any: ...


def note(data: Path, ask: Callable[[NoteAudit], object], command: NoteAudit) -> None:
    """On disk when it returns. `ask` sends it to the core. Raises SwitchroomError where it can be noted nowhere: then what
    was to be done must not be done."""
    command = _bounded(command)
    try:
        ask(command)
    except SwitchroomError as problem:
        if problem.id not in _NO_CORE:
            raise
        _wait(data, command)


def noted(command: NoteAudit) -> AuditNoted:
    return msgspec.convert(msgspec.to_builtins(_bounded(command)) | {"type": "AuditNoted"}, AuditNoted)


def _bounded(command: NoteAudit) -> NoteAudit:
    """Names and details come from forms: one line, not too long."""
    def tidy(text: str) -> str:
        return "".join(char if char.isprintable() else " " for char in text[:MAX_TEXT])

    texts = {name: tidy(getattr(command, name)) for name in ("by", "what", "address", "target", "detail")}
    return msgspec.structs.replace(command, **texts)


def _path(data: Path) -> Path:
    return data / "config" / "audit.waiting"


@contextmanager
def _locked(data: Path, how: int = fcntl.LOCK_EX) -> Iterator[int]:
    """The file of waiting notes, ours alone while we look at it. Raises BlockingIOError with LOCK_NB where it is not."""
    path = _path(data)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        if os.geteuid() == 0:  # the command line as root: the box must be able to read it
            owner = data.stat()
            os.fchown(handle, owner.st_uid, owner.st_gid)
        fcntl.flock(handle, how)
        yield handle
    finally:
        os.close(handle)


def _wait(data: Path, command: NoteAudit) -> None:
    try:
        with _locked(data) as handle:
            if os.fstat(handle).st_size > MAX_WAITING:
                raise SwitchroomError("audit.full", "No core has taken over the notes of what was done for too long.",
                                      "Start the box: switchroom serve.")
            os.write(handle, msgspec.json.encode(command) + b"\n")
            os.fsync(handle)
    except OSError as problem:
        raise SwitchroomError("audit.failed", "This could not be noted in the audit log: {reason}.",
                              "Free some space on the disk; nothing was changed.", reason=because(problem)) from None


def waiting(data: Path) -> list[NoteAudit]:
    """What no core has taken over yet, oldest first."""
    if not _path(data).exists():
        return []
    with _locked(data) as handle:
        return list(_read(handle))


class Noted(msgspec.Struct, frozen=True, kw_only=True):
    """A note; `at` UTC seconds; `seq` its place in the log, 0 while no core has taken it over."""

    seq: int
    at: float
    by: str
    address: str
    what: str
    target: str
    detail: str


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which notes; "" and None: any. `who`: "web:ada", or "ada" wherever she did it; `what`: a stable word, or what stands before
    its dot ("user"); `since` and `until` UTC seconds, from and before."""

    who: str = ""
    what: str = ""
    since: float | None = None
    until: float | None = None

    def fits(self, note: AuditNoted | NoteAudit) -> bool:
        by, who = note.by.casefold(), self.who.casefold()
        return (
            who in ("", by, by.partition(":")[2]) and (self.what in ("", note.what) or note.what.startswith(self.what + "."))
            and (self.since is None or note.at >= self.since) and (self.until is None or note.at < self.until))


class Page(msgspec.Struct, frozen=True, kw_only=True):
    """Notes, newest first; `before`: with what the next page is asked for, 0 where this was the last; `looked_at` so many."""

    notes: list[Noted]
    before: int
    looked_at: int


def read(data: Path, before: int = 0, limit: int = 100, wanted: Wanted = Wanted()) -> Page:  # noqa: B008 - frozen
    """The log, newest first, at most MAX_PAGE; `before`: that of the page before. One page looks at no more than MOST_LOOKED_AT
    notes: of seldom ones it may have few, or none, and still say where the next goes on."""
    limit = max(1, min(limit, MAX_PAGE))
    waits = [] if before else [_plain(0, each) for each in reversed(waiting(data)) if wanted.fits(each)]
    found = waits[:limit]
    if len(found) == limit:
        return Page(notes=found, before=NEWEST, looked_at=limit)  # those that wait are seldom so many: the log comes next
    try:
        with LedgerReader(data / "ledger") as reader:
            return _search(reader, found, before or NEWEST, limit, wanted)
    except SwitchroomError as problem:
        if problem.id != "ledger.missing":
            raise
        return Page(notes=found, before=0, looked_at=len(found))  # no box has run here yet


def _search(reader: LedgerReader, found: list[Noted], before: int, limit: int, wanted: Wanted) -> Page:
    looked = 0
    while looked < MOST_LOOKED_AT:
        records = reader.audit(before, BATCH)
        for record in records:
            looked, before, note = looked + 1, record.seq, record.event
            if wanted.since is not None and record.utc < wanted.since:
                return Page(notes=found, before=0, looked_at=looked)  # nothing is noted before it is done
            if isinstance(note, AuditNoted) and wanted.fits(note):
                found.append(_plain(record.seq, note))
                if len(found) == limit:
                    return Page(notes=found, before=before if reader.audit(before, 1) else 0, looked_at=looked)
        if len(records) < BATCH:
            return Page(notes=found, before=0, looked_at=looked)
    return Page(notes=found, before=before, looked_at=looked)


def _plain(seq: int, each: AuditNoted | NoteAudit) -> Noted:
    return Noted(seq=seq, at=each.at, by=each.by, address=each.address, what=each.what, target=each.target, detail=each.detail)


def _read(handle: int) -> Iterator[NoteAudit]:
    for line in os.pread(handle, os.fstat(handle).st_size, 0).splitlines():
        try:
            yield msgspec.json.decode(line, type=NoteAudit)
        except msgspec.MsgspecError:
            log.error("a waiting note of the audit log cannot be read and is left out", extra={"bytes": len(line)})


async def take_waiting(data: Path, ledger: Commits) -> None:
    """The core: put what waited into the ledger."""
    path = _path(data)
    if not path.exists() or not path.stat().st_size:
        return
    try:
        with _locked(data, fcntl.LOCK_EX | fcntl.LOCK_NB) as handle:
            for command in list(_read(handle)):
                await ledger.commit(noted(command))
            os.ftruncate(handle, 0)
            os.fsync(handle)
    except BlockingIOError:
        log.info("the waiting notes are being taken over already")
