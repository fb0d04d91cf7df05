"""Messages on disk: what was taken survives a kill and a power cut.

    FOLDER/BOX/ID.wav     the audio, 8 kHz, 16 bit, mono
    FOLDER/BOX/ID.json    who left it and when (Message); its presence is what makes a message
    FOLDER/.taking/ID.*    a message that is being spoken: the audio as it comes, and whose it will be

A message leaves `.taking` when the ledger knows it, so whatever a kill leaves there is taken up at the next start: nobody who
has spoken is lost. Everything here blocks on the disk: call it in a thread. One process, the core, writes; others read.
"""

from __future__ import annotations

import hashlib
import logging
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path

import msgspec

from appliance.errors import SwitchroomError
from appliance.system import files

log = logging.getLogger("voicemail")

TAKING = ".taking"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}")
_ID = re.compile(r"[0-9]{13}-[0-9a-f]{8}")
_DAY = 86400.0


class Message(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One message. `at` UTC seconds; `seconds` of audio; `caller` a number as E.164, an extension, or "" where it is not known;
    `sha256` of the WAV file; `heard` UTC seconds, 0.0 while it is new."""

    id: str
    box: str
    at: float
    caller: str = ""
    name: str = ""
    call: str = ""
    seconds: float = 0.0
    sha256: str = ""
    heard: float = 0.0


class Counts(msgspec.Struct, frozen=True):
    new: int = 0
    old: int = 0

    @property
    def all(self) -> int:
        return self.new + self.old


_decoder = msgspec.json.Decoder(Message)


class Messages:
    """All mailboxes under `folder` (DATA/voicemail)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    # -- taking a message --

    def begin(self, box: str, at: float, caller: str, name: str, call: str) -> Message:
        """Room for a message of this mailbox; its audio goes to `raw`. Raises SwitchroomError "voicemail.bad-name", OSError."""
        message = Message(id=f"{int(at * 1000):013d}-{secrets.token_hex(4)}", box=_checked(box), at=at, caller=caller,
                          name=name, call=call)
        _write(self._taking(message.id, "json"), msgspec.json.encode(message))
        return message

    def raw(self, message: Message) -> Path:
        """Where the audio of a message is recorded."""
        return self._taking(message.id, "wav")

    def ready(self, message: Message) -> Path:
        """Where its audio stands once it is made fit to be heard, until it is kept."""
        return self._taking(message.id, "ready.wav")

    def keep(self, message: Message, audio: Path, seconds: float) -> Message:
        """Put it into its mailbox. When this returns it is safe on disk; `settled` is due when the ledger knows it."""
        data = audio.read_bytes()
        kept = msgspec.structs.replace(message, seconds=round(seconds, 2), sha256=hashlib.sha256(data).hexdigest())
        _write(self.audio(kept), data)
        _write(self._record(kept), msgspec.json.encode(kept))
        return kept

    def settled(self, message: Message) -> None:
        """The ledger knows it, or it is not wanted: nothing is left of the taking."""
        for kind in ("wav", "ready.wav", "json"):
            self._taking(message.id, kind).unlink(missing_ok=True)

    def left_over(self) -> list[Message]:
        """What a kill left in the taking, oldest first."""
        found = [_read(path) for path in (self.folder / TAKING).glob("*.json")]
        return sorted((message for message in found if message is not None), key=lambda message: message.id)

    def is_kept(self, message: Message) -> Message | None:
        """The message as it stands in its mailbox; None where it does not (yet)."""
        return _read(self._record(message))

    # -- mailboxes --

    def boxes(self) -> list[str]:
        """Mailboxes that have messages, or had."""
        if not self.folder.is_dir():
            return []
        return sorted(path.name for path in self.folder.iterdir() if path.is_dir() and path.name != TAKING)

    def of(self, box: str) -> list[Message]:
        """The messages of a mailbox: new ones first, each oldest first. A record that cannot be read is logged."""
        found = [message for path in self._box(box).glob("*.json") if (message := _read(path)) is not None]
        return sorted(found, key=lambda message: (message.heard > 0, message.id))

    def counts(self, box: str) -> Counts:
        messages = self.of(box)
        new = sum(not message.heard for message in messages)
        return Counts(new, len(messages) - new)

    def message(self, box: str, id: str) -> Message:
        """One message. Raises SwitchroomError "voicemail.unknown"."""
        found = _read(self._box(box) / f"{id}.json") if _ID.fullmatch(id) else None
        if found is None:
            raise SwitchroomError("voicemail.unknown", "There is no message {id} in the mailbox {box}.",
                                  "See them with: switchroom voicemail list", id=repr(id), box=repr(box))
        return found

    def audio(self, message: Message) -> Path:
        return self._box(message.box) / f"{message.id}.wav"

    def is_whole(self, message: Message) -> bool:
        """Whether the audio is still what was kept."""
        try:
            return hashlib.sha256(self.audio(message).read_bytes()).hexdigest() == message.sha256
        except OSError:
            return False

    def mark_heard(self, message: Message, at: float) -> Message:
        heard = msgspec.structs.replace(message, heard=at)
        if self._record(message).exists():  # it may have been erased meanwhile
            _write(self._record(heard), msgspec.json.encode(heard))
        return heard

    def delete(self, message: Message) -> bool:
        """Erase it; False where it was gone already."""
        there = self._record(message).exists()
        self._record(message).unlink(missing_ok=True)
        self.audio(message).unlink(missing_ok=True)
        return there

    def older_than(self, days: int, now: float) -> list[Message]:
        """Messages past their time (`keep_days`); none where that is 0."""
        return [message for message in self._all() if days and now - message.at > days * _DAY]

    def from_caller(self, caller: str) -> list[Message]:
        """What somebody left anywhere: to be erased with all else that is known of a person."""
        return [message for message in self._all() if message.caller == caller]

    def _all(self) -> Iterator[Message]:
        for box in self.boxes():
            yield from self.of(box)

    # -- files --

    def _box(self, box: str) -> Path:
        return self.folder / _checked(box)

    def _record(self, message: Message) -> Path:
        return self._box(message.box) / f"{message.id}.json"

    def _taking(self, id: str, kind: str) -> Path:
        folder = self.folder / TAKING
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder / f"{id}.{kind}"


def _checked(box: str) -> str:
    """The name itself: it becomes a folder's."""
    if not _NAME.fullmatch(box):
        raise SwitchroomError("voicemail.bad-name", "{box} is no name of a mailbox.", "See: switchroom voicemail list",
                              box=repr(box))
    return box


def _read(path: Path) -> Message | None:
    try:
        return _decoder.decode(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError) as problem:
        log.error("the message %s cannot be read: %s", path, problem)
        return None


def _write(path: Path, data: bytes) -> None:
    """Whole or not at all, and safe when this returns."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    files.write(path, data, beside=path.with_name(f"{path.name}.{os.getpid()}.part"))
