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
from appliance.sounds import incoming, speech
from appliance.sounds.hands import Hands
from appliance.system import files

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
RECORDED = say("recorded at {phone}")
"""What a note says of one that is asked for at a phone."""
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


class Messages:
    """Those of one box, on somebody's behalf."""

    def __init__(self, hands: Hands) -> None:
        self._hands = hands
        self._folder = hands.data / "campaigns" / "messages"

    def all(self) -> list[Kept]:
        """The newest first."""
        return [each for each in self._all() if each.seconds]

    def awaited(self) -> list[Kept]:
        """Those that are being recorded at a phone now: the newest first."""
        now = self._hands.utc
        found = [each for each in self._all() if not each.seconds and each.at > now - RECORDING_SECONDS]
        ringing = self._ringing() if found else set()
        return [each for each in found if each.phone in ringing or each.at > now - RINGS_WITHIN]

    def _ringing(self) -> set[str]:
        """The phones at which a message is being recorded."""
        try:
            reply: CallsReply = self._hands.ask(AskCalls(), 3.0)
        except SwitchroomError:
            return set()  # said where it is shown
        return {leg.endpoint for call in reply.calls if call.purpose == "record-message" for leg in call.legs}

    def _all(self) -> list[Kept]:
        found = [_read(path) for path in self._folder.glob("*.json")]
        return sorted((each for each in found if each is not None), key=lambda each: -each.at)

    def one(self, id: str) -> Kept:
        """Raises SwitchroomError "message.unknown"."""
        found = _read(self._folder / f"{id}.json") if _ID.fullmatch(id) else None
        if found is None or not found.seconds or not self.path_of(found).is_file():
            raise SwitchroomError("message.unknown", "There is no such message.", "Choose one from the list, or make a new one.")
        return found

    def path_of(self, kept: Kept) -> Path:
        return self._folder / f"{kept.id}.wav"

    # ---- making --------------------------------------------------------------------------------------------------

    def speak(self, text: str, language: str, name: str = "") -> Kept:
        """Raises SwitchroomError as `speech.spoken` and `message.prepare`."""
        text = " ".join(text.split())
        with tempfile.NamedTemporaryFile(prefix="switchroom-message-", suffix=".wav") as file:
            file.write(speech.spoken(text, language))
            file.flush()
            return self._keep(Path(file.name), name or text, "typed", text=text, language=language)

    def upload(self, content: IO[bytes], name: str) -> Kept:
        """WAV as it is; MP3, Ogg Vorbis and FLAC by sox. `name` of the file. Raises SwitchroomError "message.…"."""
        with tempfile.TemporaryDirectory(prefix="switchroom-message-") as made:
            source = incoming.recording(content, Path(made), most_seconds(self._hands.config))
            return self._keep(source, Path(name).stem, "uploaded")

    def record(self, extension: str, name: str) -> Kept:
        """Ring a phone, where somebody says it. Raises SwitchroomError as `RecordMessage` does, "message.too-many"."""
        hands = self._hands
        self._sweep()
        id = self._room()
        kept = Kept(id=id, name=clean(name) or id, source="recorded", seconds=0.0, at=hands.utc, by=hands.by,
                    phone=extension[:10])
        hands.note("message.make", id, str(RECORDED.about(phone=kept.phone)))
        self._write(kept)
        try:
            hands.ask(RecordMessage(extension=extension[:10], message=id, by=hands.by))
        except SwitchroomError:
            (self._folder / f"{id}.json").unlink(missing_ok=True)
            raise
        return kept

    def _sweep(self) -> None:
        """What nobody recorded after all."""
        for each in self._all():
            if not each.seconds and each.at < self._hands.utc - RECORDING_SECONDS:
                (self._folder / f"{each.id}.json").unlink(missing_ok=True)

    def _keep(self, source: Path, name: str, how: Source, *, text: str = "", language: str = "") -> Kept:
        hands = self._hands
        id = self._room()
        hands.note("message.make", id, how)
        path = self._folder / f"{id}.wav"
        try:
            done = message.prepare(source, path, max_seconds=most_seconds(hands.config),
                                   target_dbov=hands.config.recording.level_dbov)
            hands.give(path)
            kept = Kept(id=id, name=clean(name) or id, source=how, seconds=round(done.seconds, 1), at=hands.utc, by=hands.by,
                        text=text, language=language)
            self._write(kept)
        except OSError as problem:
            raise SwitchroomError("message.unwritable", "The message cannot be kept: {reason}.", "Free some space.",
                                  reason=because(problem)) from None
        except SwitchroomError as problem:
            raise SwitchroomError(problem.id, problem.said.instead(source, say("The file")), problem.said_hint) from None
        return kept

    def _room(self) -> str:
        """The id of one more."""
        if len(self._all()) >= MAX_KEPT:
            raise SwitchroomError("message.too-many", "There are {most} messages already.", "Remove some that nobody needs.",
                                  most=MAX_KEPT)
        self._hands.folder("campaigns", "messages")
        return secrets.token_hex(8)

    def _write(self, kept: Kept) -> None:
        files.write(self._folder / f"{kept.id}.json", msgspec.json.encode(kept), owner=self._hands.owner())

    def remove(self, id: str) -> None:
        """Campaigns that were started with it have a copy of their own. Raises SwitchroomError "message.unknown",
        "message.unwritable"."""
        found = self.one(id)
        self._hands.note("message.remove", id, "")
        sound = self.path_of(found)
        try:
            sound.unlink(missing_ok=True)  # first: without it there is no message, and nobody's voice stays without a name
            files.remove(self._folder / f"{id}.json")
        except OSError as problem:
            raise SwitchroomError("message.unwritable", "{path} cannot be removed: {reason}.", "Check the disk and its space.",
                                  path=sound.name, reason=because(problem)) from None


def _read(path: Path) -> Kept | None:
    """One at a phone has no seconds before it is recorded."""
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Kept)
        if found.source == "recorded" and (sound := path.with_suffix(".wav")).exists():
            found = msgspec.structs.replace(found, seconds=round((sound.stat().st_size - HEADER) / (2 * RATE), 1))
    except (OSError, msgspec.DecodeError):
        return None  # being removed, or no message of ours
    return found


def most_seconds(config: Config) -> float:
    """As long as any scenario lets a message be."""
    return float(max([USUAL_SECONDS, *(each.max_message_seconds for each in config.scenarios)]))


def clean(name: str) -> str:
    return "".join(char for char in " ".join(name.split()) if char.isprintable())[:MAX_NAME]
