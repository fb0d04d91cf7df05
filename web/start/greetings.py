"""Greetings that come in as a file: made ready as messages of campaigns are, then named in the draft as "file:…".

DATA/greetings/uploaded/NAME-DIGEST.wav. The digest is that of the sound: the same file twice is one, and an earlier version of
the configuration keeps its own.
"""

from __future__ import annotations

import hashlib
import re
import tempfile
import threading
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import msgspec

from appliance.config.words import FILE, Words, file_of
from appliance.errors import SwitchroomError, because
from appliance.media import message
from appliance.messages import RemoveGreeting
from appliance.prompts.sounds import MOST_SECONDS
from appliance.sentences import say
from appliance.system import files
from appliance.voicemail.greetings import Greetings, is_heard
from web.app import Services, services
from web.audit.service import note
from web.audit.words import SECONDS
from web.campaigns import incoming

MAX_KEPT = 50
KEEP_SECONDS = 86_400.0
"""A draft may be about to name one that came just now."""
_NAME = re.compile(r"[a-z0-9-]{1,60}\.wav")
_one = threading.Lock()


class Greeting(msgspec.Struct, frozen=True, kw_only=True):
    """A recording that came in: `words` is how the configuration names it, such as for the `greeting` of a queue."""

    words: str
    seconds: float


def folder(box: Services) -> Path:
    return box.data.absolute() / "greetings" / "uploaded"


def upload(content: IO[bytes], name: str) -> Greeting:
    """WAV, MP3, Ogg or FLAC; nothing uses it before the configuration names it. Raises SwitchroomError "message.…",
    "greeting.too-many", "greeting.unwritable"."""
    box = services()
    most = float(MOST_SECONDS["words"])
    with _one, tempfile.TemporaryDirectory(prefix="switchroom-greeting-") as made:
        source = incoming.recording(content, Path(made), most)
        try:
            _room(box)
            part = folder(box) / ".part.wav"
            done = message.prepare(source, part, max_seconds=most, target_dbov=box.config.recording.level_dbov)
            digest = hashlib.sha256(part.read_bytes()).hexdigest()[:12]
            target = folder(box) / f"{plain(name)}-{digest}.wav"
            note("greeting.upload", target.name, str(SECONDS.about(seconds=f"{done.seconds:.1f}")))
            files.put(part, target)
        except OSError as problem:
            raise SwitchroomError("greeting.unwritable", "The greeting cannot be kept: {reason}.", "Free some space.",
                                  reason=because(problem)) from None
        except SwitchroomError as problem:
            raise SwitchroomError(problem.id, problem.said.instead(source, say("The file")), problem.said_hint) from None
    return Greeting(words=f"{FILE}{target}", seconds=round(done.seconds, 1))


def plain(name: str) -> str:
    """ "C:\\Tervehdys (uusi).mp3" -> "tervehdys-uusi"."""
    stem = Path(name.replace("\\", "/")).stem
    letters = "".join(char for char in unicodedata.normalize("NFKD", stem) if not unicodedata.combining(char))
    return re.sub(r"[^a-z0-9]+", "-", letters.lower()).strip("-")[:40].strip("-") or "greeting"


def found(box: Services, words: object) -> Path | None:
    """The recording that the words of a greeting name, where it came in here."""
    path = Path(file_of(words)) if isinstance(words, str) else Path()
    inside = path.parent == folder(box) and _NAME.fullmatch(path.name)
    return path if inside and path.is_file() else None


class AtPhone(msgspec.Struct, frozen=True, kw_only=True):
    """A greeting that was recorded at a phone (*77); `heard`: it is what callers hear, not the text or file beside it."""

    path: Path
    heard: bool


def at_phone(box: Services, queue: str, words: Words, language: str) -> AtPhone | None:
    path = Greetings(box.data / "greetings").of("queue", queue)
    return AtPhone(path=path, heard=is_heard(path, words, language, language)) if path is not None else None


def remove_at_phone(box: Services, queue: str, by: str) -> None:
    """Raises SwitchroomError as `RemoveGreeting` does."""
    note("greeting.remove", f"queue:{queue}")
    box.core.ask(RemoveGreeting(owner="queue", name=queue, by=by))


def _room(box: Services) -> None:
    """For one more: where there are many, those go that neither a version of the configuration nor a draft names."""
    folder(box).mkdir(parents=True, exist_ok=True, mode=0o700)
    kept = list(folder(box).glob("*-*.wav"))
    if len(kept) < MAX_KEPT:
        return
    texts = list(_texts(box))
    old = [each for each in kept if each.stat().st_mtime < box.clock.utc() - KEEP_SECONDS
           and not any(each.name in text for text in texts)]
    for each in old:
        each.unlink(missing_ok=True)
    if len(kept) - len(old) >= MAX_KEPT:
        raise SwitchroomError("greeting.too-many", "{most} uploaded greetings are in use already.",
                              "Remove some files that nobody needs from {folder}.", most=MAX_KEPT, folder=folder(box))


def _texts(box: Services) -> Iterator[str]:
    for pattern in ("versions/*.toml", "drafts/*.json"):
        for path in (box.data / "config").glob(pattern):
            yield path.read_text("utf-8", "replace")
