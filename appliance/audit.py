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


def read(data: Path, before: int = 0, limit: int = 100) -> list[Noted]:
    """The log, newest first; `before`: the `seq` of the last one of the page before. At most MAX_PAGE."""
    limit = max(1, min(limit, MAX_PAGE))
    found = [] if before else [_plain(0, each) for each in reversed(waiting(data))][:limit]
    try:
        with LedgerReader(data / "ledger") as reader:
            records = reader.audit(before, limit) if before else reader.audit(limit=limit)
    except SwitchroomError as problem:
        if problem.id != "ledger.missing":
            raise
        records = []  # no box has run here yet
    return (found + [_plain(record.seq, record.event) for record in records if isinstance(record.event, AuditNoted)])[:limit]


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
