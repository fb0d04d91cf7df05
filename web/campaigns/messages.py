"""Messages that campaigns can play: typed and spoken, uploaded, or recorded at a phone; each made ready to be played at once.

DATA/campaigns/messages/ID.wav (8 kHz, one level, silence trimmed) and ID.json (what it is). An id is made here and holds small
letters and digits alone.
"""

from __future__ import annotations

import re
import secrets
import tempfile
from pathlib import Path
from typing import IO, Literal

import msgspec

from appliance.config.model import Config
from appliance.errors import SwitchroomError, because
from appliance.media import message
from appliance.media.audio import RATE
from appliance.messages import AskCalls, CallsReply, RecordMessage
from appliance.sentences import say
from appliance.system import files
from web.app import Services, services
from web.audit.service import note, who
from web.audit.words import RECORDED
from web.campaigns import incoming
from web.start import speech

MAX_KEPT = 200
MAX_NAME = 80
USUAL_SECONDS = 300.0
RECORDING_SECONDS = 1_800.0
"""How long a message may take from ringing the phone to being kept."""
RINGS_WITHIN = 3.0
"""Seconds from asking for it until the call to the phone is there."""
HEADER = 44
"""Bytes before the sound in a file of `message.prepare`."""
_ID = re.compile(r"[0-9a-f]{16}")
Source = Literal["typed", "uploaded", "recorded"]


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """A message; `at` UTC seconds when it was made, `text` what is spoken where it was typed."""

    id: str
    name: str
    source: Source
    seconds: float
    at: float
    by: str
    text: str = ""
    language: str = ""
    phone: str = ""
    """Where it was recorded."""


def folder(box: Services) -> Path:
    return box.data / "campaigns" / "messages"


def all_kept(box: Services) -> list[Kept]:
    """The newest first."""
    return [each for each in _all(box) if each.seconds]


def awaited(box: Services) -> list[Kept]:
    """Those that are being recorded at a phone now: the newest first."""
    now = box.clock.utc()
    found = [each for each in _all(box) if not each.seconds and each.at > now - RECORDING_SECONDS]
    ringing = _ringing(box) if found else set()
    return [each for each in found if each.phone in ringing or each.at > now - RINGS_WITHIN]


def _ringing(box: Services) -> set[str]:
    """The phones at which a message is being recorded."""
    try:
        reply: CallsReply = box.core.ask(AskCalls(), 3.0)
    except SwitchroomError:
        return set()  # said in the page
    return {leg.endpoint for call in reply.calls if call.purpose == "record-message" for leg in call.legs}


def _all(box: Services) -> list[Kept]:
    found = [_read(path) for path in folder(box).glob("*.json")]
    return sorted((each for each in found if each is not None), key=lambda each: -each.at)


def _read(path: Path) -> Kept | None:
    """One at a phone has no seconds before it is recorded."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Kept)
        if found.source == "recorded" and (sound := path.with_suffix(".wav")).exists():
            found = msgspec.structs.replace(found, seconds=round((sound.stat().st_size - HEADER) / (2 * RATE), 1))
    except (OSError, msgspec.DecodeError):
        return None  # being removed, or no message of ours
    return found


def record(extension: str, name: str) -> Kept:
    """Ring a phone, where somebody says it. Raises SwitchroomError as `RecordMessage` does, "message.too-many"."""
    box = services()
    _sweep(box)
    id = _room(box)
    kept = Kept(id=id, name=clean(name) or id, source="recorded", seconds=0.0, at=box.clock.utc(), by=who(), phone=extension[:10])
    note("message.make", id, str(RECORDED.about(phone=kept.phone)))
    _write(box, kept)
    try:
        box.core.ask(RecordMessage(extension=extension[:10], message=id, by=who()))
    except SwitchroomError:
        (folder(box) / f"{id}.json").unlink(missing_ok=True)
        raise
    return kept


def _sweep(box: Services) -> None:
    """What nobody recorded after all."""
    for each in _all(box):
        if not each.seconds and each.at < box.clock.utc() - RECORDING_SECONDS:
            (folder(box) / f"{each.id}.json").unlink(missing_ok=True)


def one(id: str) -> Kept:
    """Raises SwitchroomError "message.unknown"."""
    found = _read(folder(services()) / f"{id}.json") if _ID.fullmatch(id) else None
    if found is None or not found.seconds or not path_of(found).is_file():
        raise SwitchroomError("message.unknown", "There is no such message.", "Choose one from the list, or make a new one.")
    return found


def path_of(kept: Kept) -> Path:
    return folder(services()) / f"{kept.id}.wav"


def most_seconds(config: Config) -> float:
    """As long as any scenario lets a message be."""
    return float(max([USUAL_SECONDS, *(each.max_message_seconds for each in config.scenarios)]))


def speak(text: str, language: str, name: str = "") -> Kept:
    """Raises SwitchroomError as `speech.spoken` and `message.prepare`."""
    text = " ".join(text.split())
    with tempfile.NamedTemporaryFile(prefix="switchroom-message-", suffix=".wav") as file:
        file.write(speech.spoken(text, language))
        file.flush()
        return _keep(Path(file.name), name or text, "typed", text=text, language=language)


def upload(content: IO[bytes], name: str) -> Kept:
    """WAV as it is; MP3, Ogg Vorbis and FLAC by sox. Raises SwitchroomError "message.…"."""
    with tempfile.TemporaryDirectory(prefix="switchroom-message-") as made:
        source = incoming.recording(content, Path(made), most_seconds(services().config))
        return _keep(source, Path(name).stem, "uploaded")


def _keep(source: Path, name: str, how: Source, *, text: str = "", language: str = "") -> Kept:
    box = services()
    id = _room(box)
    note("message.make", id, how)
    try:
        done = message.prepare(source, folder(box) / f"{id}.wav", max_seconds=most_seconds(box.config),
                               target_dbov=box.config.recording.level_dbov)
        kept = Kept(id=id, name=clean(name) or id, source=how, seconds=round(done.seconds, 1), at=box.clock.utc(), by=who(),
                    text=text, language=language)
        _write(box, kept)
    except OSError as problem:
        raise SwitchroomError("message.unwritable", "The message cannot be kept: {reason}.", "Free some space.",
                              reason=because(problem)) from None
    except SwitchroomError as problem:
        raise SwitchroomError(problem.id, problem.said.instead(source, say("The file")), problem.said_hint) from None
    return kept


def _room(box: Services) -> str:
    """The id of one more."""
    if len(_all(box)) >= MAX_KEPT:
        raise SwitchroomError("message.too-many", "There are {most} messages already.", "Remove some that nobody needs.",
                              most=MAX_KEPT)
    folder(box).mkdir(parents=True, exist_ok=True, mode=0o700)
    return secrets.token_hex(8)


def _write(box: Services, kept: Kept) -> None:
    files.write(folder(box) / f"{kept.id}.json", msgspec.json.encode(kept))


def clean(name: str) -> str:
    return "".join(char for char in " ".join(name.split()) if char.isprintable())[:MAX_NAME]


def remove(id: str) -> None:
    """Campaigns that were started with it have a copy of their own. Raises SwitchroomError "message.unknown"."""
    found = one(id)
    note("message.remove", id)
    (folder(services()) / f"{id}.json").unlink(missing_ok=True)
    path_of(found).unlink(missing_ok=True)
