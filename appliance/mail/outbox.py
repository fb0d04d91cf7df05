"""The outbox: mails on disk until a mail server has taken them, through restarts and power cuts.

    ID.eml     the message as it will leave, never changed
    ID.json    what became of it (Entry); its presence is what makes a mail queued
    .lock      held for each short read-change-write of an ID.json, so that the CLI and the mailer agree
    .mailer    held by the one process that sends

A file is written beside its place, flushed to the disk, renamed, and the folder flushed: after a crash it is there
whole or not at all. A crash between sending and noting it sends a mail twice, with the same Message-ID, so that a
reader sees one.
"""

from __future__ import annotations

import fcntl
import logging
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, make_msgid
from pathlib import Path
from typing import Literal

import msgspec

from appliance.clock import Clock, SystemClock
from appliance.errors import SwitchroomError
from appliance.system import files

log = logging.getLogger(__name__)

State = Literal["waiting", "sent", "failed", "kept"]
"""`kept`: it has no recipient, so it stays here until somebody names one."""

KEEP_SENT = 500
"""Records of sent mails kept: they make queueing the same mail again harmless."""
KEEP_SENT_TEXTS = 50
"""Sent mails whose text is kept too, to be looked at."""

_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,119}")
_POLICY = SMTP.clone(cte_type="7bit")
_DOMAIN = re.compile(r"[A-Za-z0-9.-]{1,255}")


class Entry(msgspec.Struct, kw_only=True, omit_defaults=True):
    """A mail and what became of it. Times are UTC seconds; `to` still wait for it, `delivered` have it, `refused`
    will not take it (address -> what the server said). `error`: why the last try failed."""

    id: str
    state: State
    queued: float
    to: list[str]
    subject: str = ""
    message_id: str = ""
    size: int = 0
    delivered: list[str] = []
    refused: dict[str, str] = {}
    tries: int = 0
    first_try: float = 0.0
    next_try: float = 0.0
    sent: float = 0.0
    error: str = ""


_decoder = msgspec.json.Decoder(Entry)


def valid_id(id: str) -> str:
    """The id itself, or SwitchroomError "mail.bad-id": it becomes a file's name."""
    if not _ID.fullmatch(id):
        raise SwitchroomError("mail.bad-id", "{id} cannot be a mail's id.", "Use letters, digits, '.', '_' and '-'.",
                              id=repr(id))
    return id


class Outbox:
    """The mails under `folder` (DATA/mail). Any process may queue, list and change; one at a time sends (`Mailer`)."""

    def __init__(self, folder: Path, clock: Clock | None = None) -> None:
        self.folder = folder
        self.clock = clock or SystemClock()

    def queue(self, message: EmailMessage, id: str) -> bool:
        """Take a mail over: when this returns, it survives a power cut. False where `id` was queued before, sent or
        not.

        Message-ID and Date are set where missing; recipients are those of To, Cc and Bcc (Bcc is taken out). Without
        any the mail is kept and shown. Raises SwitchroomError "mail.bad-id", OSError where the disk refuses."""
        valid_id(id)
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._locked():
            if self._record(id).exists():
                return False
            now = self.clock.utc()
            to = _recipients(message)
            _complete(message, id, now)
            data = message.as_bytes(policy=_POLICY)
            entry = Entry(
                id=id,
                state="waiting" if to else "kept",
                queued=now,
                to=to,
                subject=str(message.get("Subject", "")),
                message_id=str(message["Message-ID"]),
                size=len(data),
                next_try=now,
            )
            self._write(self.folder / f"{id}.eml", data)
            self._put(entry)
        return True

    def has(self, id: str) -> bool:
        """Whether `id` was queued before."""
        return self._record(valid_id(id)).exists()

    def entries(self) -> list[Entry]:
        """All mails, oldest first. A record that cannot be read is passed over and logged."""
        found = []
        for path in self._records():
            entry = _read(path)
            if entry is not None:
                found.append(entry)
        return sorted(found, key=lambda entry: (entry.queued, entry.id))

    def entry(self, id: str) -> Entry:
        """One mail. Raises SwitchroomError "mail.unknown"."""
        entry = _read(self._record(valid_id(id)))
        if entry is None:
            raise SwitchroomError("mail.unknown", "There is no mail {id}.", "See them with: switchroom mail list",
                                  id=repr(id))
        return entry

    def text(self, id: str) -> bytes:
        """The message as it leaves (RFC 5322, CRLF). Raises SwitchroomError "mail.unknown", "mail.no-text"."""
        self.entry(id)
        try:
            return (self.folder / f"{id}.eml").read_bytes()
        except FileNotFoundError as gone:
            raise SwitchroomError("mail.no-text", "The text of mail {id} is no longer kept.",
                                  "The report itself: switchroom campaign report", id=repr(id)) from gone

    def due(self, now: float) -> list[Entry]:
        """Mails to be tried at `now`, oldest first."""
        return [entry for entry in self.entries() if entry.state == "waiting" and entry.next_try <= now]

    def change(self, id: str, how: Callable[[Entry], None]) -> Entry:
        """Change a record under the lock; the changed entry. Raises SwitchroomError "mail.unknown", OSError."""
        with self._locked():
            entry = self.entry(id)
            how(entry)
            self._put(entry)
        return entry

    def retry(self, id: str, to: Iterable[str] = ()) -> Entry:
        """Try a mail again at once, as if it were new; `to` names (other) recipients. Raises SwitchroomError
        "mail.unknown", "mail.no-text", "mail.no-recipient"."""
        wanted = list(to)
        self.text(id)

        def again(entry: Entry) -> None:
            entry.to = wanted or entry.to or list(entry.refused) or list(entry.delivered)
            if not entry.to:
                raise SwitchroomError("mail.no-recipient", "Mail {id} has no recipient.", "Name one with --to ADDRESS.",
                                      id=repr(id))
            # At once by the clock of whoever sends, which may not be ours (--now).
            entry.state, entry.next_try, entry.first_try, entry.tries = "waiting", 0.0, 0.0, 0
            entry.refused, entry.error = {}, ""

        return self.change(id, again)

    def retry_all(self) -> int:
        """Make all waiting mails due now (the mail server's settings have changed). Gives how many."""
        waiting = [entry.id for entry in self.entries() if entry.state == "waiting"]
        for id in waiting:
            self.change(id, lambda entry: setattr(entry, "next_try", 0.0))
        return len(waiting)

    def sweep(self) -> None:
        """Forget sent mails beyond KEEP_SENT, texts beyond KEEP_SENT_TEXTS, and what a crash left half written."""
        with self._locked():
            sent = [entry for entry in self.entries() if entry.state == "sent"]
            for entry in sent[:-KEEP_SENT_TEXTS]:
                (self.folder / f"{entry.id}.eml").unlink(missing_ok=True)
            for entry in sent[:-KEEP_SENT]:
                self._record(entry.id).unlink(missing_ok=True)
            for path in self.folder.glob("*.part"):
                path.unlink(missing_ok=True)
            for path in self.folder.glob("*.eml"):
                if not path.with_suffix(".json").exists():
                    path.unlink(missing_ok=True)

    @contextmanager
    def sending(self) -> Iterator[bool]:
        """Become the one sender while inside; yields False where another process is it. Dying gives it back."""
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.folder / ".mailer").open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield True

    def _record(self, id: str) -> Path:
        return self.folder / f"{id}.json"

    def _records(self) -> list[Path]:
        return [path for path in self.folder.glob("*.json") if not path.name.startswith(".")]

    def _put(self, entry: Entry) -> None:
        self._write(self._record(entry.id), msgspec.json.encode(entry))

    def _write(self, path: Path, data: bytes) -> None:
        """All of `data` under `path`, on the disk, or the file as it was."""
        files.write(path, data, beside=path.with_name(path.name + ".part"))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with (self.folder / ".lock").open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _read(path: Path) -> Entry | None:
    try:
        return _decoder.decode(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError) as problem:
        log.error("the mail record %s cannot be read: %s", path, problem)
        return None


def _recipients(message: EmailMessage) -> list[str]:
    """Addresses of To, Cc and Bcc, each once, in order; Bcc is taken out of the message."""
    found: dict[str, None] = {}
    for header in ("To", "Cc", "Bcc"):
        for value in message.get_all(header, []):
            found.update((address.addr_spec, None) for address in value.addresses if address.addr_spec)
    del message["Bcc"]
    return list(found)


def _complete(message: EmailMessage, id: str, now: float) -> None:
    """Set Date and Message-ID where missing. They stay the same however often the mail is tried (RFC 5322 3.6.4)."""
    if "Date" not in message:
        message["Date"] = format_datetime(datetime.fromtimestamp(now, UTC))
    if "Message-ID" not in message:
        sender = message["From"].addresses[0].domain if message["From"] and message["From"].addresses else ""
        domain = sender if _DOMAIN.fullmatch(sender) else "switchroom.invalid"
        message["Message-ID"] = make_msgid(idstring=id, domain=domain)
