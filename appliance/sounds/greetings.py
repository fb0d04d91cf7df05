"""Greetings that come in as a file: made ready as messages of campaigns are, then named in the configuration as "file:…".

DATA/greetings/uploaded/NAME-DIGEST.wav. The digest is that of the sound: the same file twice is one, and an earlier version of
the configuration keeps its own.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import tempfile
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec

from appliance.config.store import Store
from appliance.config.words import FILE, Words, file_of
from appliance.errors import SwitchroomError, because
from appliance.media import message
from appliance.media.audio import RATE
from appliance.messages import RemoveGreeting
from appliance.prompts.sounds import MOST_SECONDS
from appliance.sentences import say
from appliance.sounds import incoming
from appliance.sounds.hands import Hands
from appliance.sounds.messages import HEADER, Messages
from appliance.system import files
from appliance.voicemail.greetings import OWNERS, Greetings, Owner, is_heard

MAX_KEPT = 50
KEEP_SECONDS = 86_400.0
"""A draft may be about to name one that came just now."""
SECONDS = say("{seconds} s")
"""What a note says of one that came in."""
_NAME = re.compile(r"[a-z0-9-]{1,60}\.wav")
_PART = ".part-"


class Greeting(msgspec.Struct, frozen=True, kw_only=True):
    """A recording that came in: `words` is how the configuration names it, such as for the `greeting` of a queue."""

    words: str
    seconds: float


class KeptGreeting(msgspec.Struct, frozen=True, kw_only=True):
    """One that is kept. `name` is its file's, or "menu:main" for what was recorded at a phone for that menu, queue or mailbox;
    `words` names a file in the configuration ("": one of a phone needs none); `used`: by the configuration in force; `at`: UTC
    seconds when it came."""

    name: str
    words: str
    seconds: float
    at: float
    used: bool


class AtPhone(msgspec.Struct, frozen=True, kw_only=True):
    """A greeting that was recorded at a phone (*77); `heard`: it is what callers hear, not the text or file beside it."""

    path: Path
    heard: bool


def folder(data: Path) -> Path:
    return data.absolute() / "greetings" / "uploaded"


def upload(hands: Hands, content: IO[bytes], name: str) -> Greeting:
    """WAV, MP3, Ogg or FLAC; nothing uses it before the configuration names it. Raises SwitchroomError "message.…",
    "greeting.too-many", "greeting.unwritable"."""
    with tempfile.TemporaryDirectory(prefix="switchroom-greeting-") as made:
        return _keep(hands, incoming.recording(content, Path(made), float(MOST_SECONDS["words"])), name)


def from_message(hands: Hands, id: str) -> Greeting:
    """A kept message, such as one said at a phone, as a greeting too; the message stays. Raises SwitchroomError as `upload` and
    "message.unknown"."""
    messages = Messages(hands)
    kept = messages.one(id)
    return _keep(hands, messages.path_of(kept), kept.name)


def _keep(hands: Hands, source: Path, name: str) -> Greeting:
    part = folder(hands.data) / f"{_PART}{secrets.token_hex(8)}"
    try:
        _room(hands)
        done = message.prepare(source, part, max_seconds=float(MOST_SECONDS["words"]),
                               target_dbov=hands.config.recording.level_dbov)
        digest = hashlib.sha256(part.read_bytes()).hexdigest()[:12]
        target = folder(hands.data) / f"{plain(name)}-{digest}.wav"
        hands.note("greeting.upload", target.name, str(SECONDS.about(seconds=f"{done.seconds:.1f}")))
        hands.give(part)
        files.put(part, target)
    except OSError as problem:
        raise SwitchroomError("greeting.unwritable", "The greeting cannot be kept: {reason}.", "Free some space.",
                              reason=because(problem)) from None
    except SwitchroomError as problem:
        raise SwitchroomError(problem.id, problem.said.instead(source, say("The file")), problem.said_hint) from None
    finally:
        part.unlink(missing_ok=True)
    return Greeting(words=f"{FILE}{target}", seconds=round(done.seconds, 1))


def plain(name: str) -> str:
    """ "C:\\Tervehdys (uusi).mp3" -> "tervehdys-uusi"."""
    stem = Path(name.replace("\\", "/")).stem
    letters = "".join(char for char in unicodedata.normalize("NFKD", stem) if not unicodedata.combining(char))
    return re.sub(r"[^a-z0-9]+", "-", letters.lower()).strip("-")[:40].strip("-") or "greeting"


def found(data: Path, words: object) -> Path | None:
    """The recording that the words of a greeting name, where it came in here."""
    path = Path(file_of(words)) if isinstance(words, str) else Path()
    inside = path.parent == folder(data) and _NAME.fullmatch(path.name)
    return path if inside and path.is_file() else None


# ---- what there is ---------------------------------------------------------------------------------------------------


def all_kept(hands: Hands) -> list[KeptGreeting]:
    """Those that came as files and those recorded at phones; by name."""
    text = _in_force(hands.data)
    uploaded = [_shown(each, each.name, f"{FILE}{each}", each.name in text) for each in folder(hands.data).glob("*.wav")
                if _NAME.fullmatch(each.name)]
    recorded = [_shown(path, f"{owner}:{path.stem}", "", used=True) for owner in OWNERS
                for path in (hands.data.absolute() / "greetings" / owner).glob("*.wav")]
    return sorted(uploaded + recorded, key=lambda each: each.name)


def _shown(path: Path, name: str, words: str, used: bool) -> KeptGreeting:
    stat = path.stat()
    return KeptGreeting(name=name, words=words, seconds=round(max(0, stat.st_size - HEADER) / (2 * RATE), 1), at=stat.st_mtime,
                        used=used)


def path_of(hands: Hands, name: str) -> Path:
    """By the name as in `all_kept`. Raises SwitchroomError "greeting.unknown"."""
    owner, at_phone, rest = name.partition(":")
    path = folder(hands.data) / name if not at_phone and _NAME.fullmatch(name) else None
    if at_phone and owner in OWNERS:
        path = Greetings(hands.data / "greetings").of(_owner(owner), rest)
    if path is None or not path.is_file():
        raise SwitchroomError("greeting.unknown", "There is no such greeting.", "Choose one from the list.")
    return path


def _owner(word: str) -> Owner:
    return next(each for each in OWNERS if each == word)


def remove(hands: Hands, name: str) -> None:
    """One that came as a file goes unless the configuration names it; one of a phone goes, and the text or file of the
    configuration is heard again. Raises SwitchroomError "greeting.unknown", "greeting.used", and as `RemoveGreeting` does."""
    path = path_of(hands, name)
    owner, at_phone, rest = name.partition(":")
    if at_phone:
        hands.note("greeting.remove", name, "")
        hands.ask(RemoveGreeting(owner=_owner(owner), name=rest, by=hands.by))
        return
    if path.name in _in_force(hands.data):
        raise SwitchroomError("greeting.used", "The configuration names this greeting.",
                              "Take it out of the configuration first.")
    hands.note("greeting.remove", name, "")
    try:
        files.remove(path)
    except OSError as problem:
        raise SwitchroomError("greeting.unwritable", "{path} cannot be removed: {reason}.", "Check the disk and its space.",
                              path=path.name, reason=because(problem)) from None


def _in_force(data: Path) -> str:
    """The configuration's text as it stands; "" for none."""
    try:
        return Store(data).text()
    except SwitchroomError:
        return ""


def at_phone(data: Path, queue: str, words: Words, language: str) -> AtPhone | None:
    path = Greetings(data / "greetings").of("queue", queue)
    return AtPhone(path=path, heard=is_heard(path, words, language, language)) if path is not None else None


def remove_at_phone(hands: Hands, queue: str) -> None:
    """Raises SwitchroomError as `RemoveGreeting` does."""
    hands.note("greeting.remove", f"queue:{queue}", "")
    hands.ask(RemoveGreeting(owner="queue", name=queue, by=hands.by))


# ---- room ------------------------------------------------------------------------------------------------------------


def _room(hands: Hands) -> None:
    """For one more: where there are many, those go that neither a version of the configuration nor a draft names."""
    kept = list(hands.folder("greetings", "uploaded").glob("*-*.wav"))
    if len(kept) < MAX_KEPT:
        return
    texts = list(_texts(hands.data))
    old = [each for each in kept if each.stat().st_mtime < hands.utc - KEEP_SECONDS
           and not any(each.name in text for text in texts)]
    for each in old:
        each.unlink(missing_ok=True)
    if len(kept) - len(old) >= MAX_KEPT:
        raise SwitchroomError("greeting.too-many", "{most} uploaded greetings are in use already.",
                              "Remove some files that nobody needs from {folder}.", most=MAX_KEPT, folder=folder(hands.data))


def _texts(data: Path) -> Iterator[str]:
    for pattern in ("versions/*.toml", "drafts/*.json"):
        for path in (data / "config").glob(pattern):
            yield path.read_text("utf-8", "replace")
