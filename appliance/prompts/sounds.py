"""What the office brings itself: its texts spoken, its recordings and its music made fit to be played.

    FOLDER/8000/KEY.wav, FOLDER/16000/KEY.wav    mono, 16 bit; KEY is made from what is in the clip

`prepare` makes what a configuration needs and is not there yet. It runs programs and takes its time: call it off the event
loop, before the configuration is taken into use. The look-ups are quick.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from random import Random

from appliance.config.model import Break, Config, Music, Outcome
from appliance.config.words import Words, choose, file_of, spoken, title_of
from appliance.errors import SwitchroomError, because
from appliance.prompts import build
from appliance.prompts.catalog import Clip
from appliance.prompts.library import Prompts
from appliance.prompts.texts import speech
from appliance.sentences import Said, say
from appliance.system import files, precedence

RATES = build.RATES
VERSION = "1"
"""Part of every key: raise it when this file makes clips differently."""
MOST_SECONDS = {"words": 300, "music": 900}
"""A recording is cut off after this."""
MOST_BYTES = 256 << 20
LEVEL_DBOV = {"words": build.LEVEL_DBOV, "music": -24.0}
KEEP_SECONDS = 7 * 86400.0
"""What no configuration wants any more goes after this: calls that began under an earlier one may still play it."""

TYPES = {".wav": "wav", ".mp3": "mp3", ".ogg": "ogg", ".flac": "flac"}
"""What sox may read, by the ending of the name. It is told the type: it would follow a playlist to anywhere."""

_BATCH = 24
_TIMEOUT = 120.0
_SOX_HEADROOM_DB = 1.0
_LOUDNESS = re.compile(rb"^RMS lev dB\s+(-?[0-9.]+|-inf)", re.MULTILINE)
_PEAK = re.compile(rb"^Pk lev dB\s+(-?[0-9.]+|-inf)", re.MULTILINE)


class Sounds:
    """The office's own clips under `folder`, as rows of WAV files of `rate` Hz; `prompts` has what is built in."""

    def __init__(self, folder: Path, prompts: Prompts, rate: int = 8000) -> None:
        self.folder = folder
        self.prompts = prompts
        self.rate = rate
        self._files: dict[tuple[str, str], str] = {}
        """Key of each file as it was when it was prepared last: what changes meanwhile is not looked at in a call."""

    # ---- before a configuration is taken into use --------------------------------------------------------------------

    def prepare(self, config: Config) -> int:
        """Make every clip that the configuration needs and that is missing; how many were made. Names of files must be
        absolute (`Store.current`). Raises SwitchroomError "prompts.no-speech" (a tool is missing or fails),
        "prompts.file-unreadable", "prompts.file-silent", "prompts.disk"; what was made until then stays."""
        texts = {(text, language) for text, language in spoken(config) if not file_of(text)}
        recordings = {file_of(text) for text, _ in spoken(config) if file_of(text)}
        tunes = {file for music in config.music for file in music.files}
        spoken_keys = {_text_key(text, language): (text, language) for text, language in sorted(texts)}
        try:
            made = self._speak({key: each for key, each in spoken_keys.items() if not self._stands(key)})
            files: dict[tuple[str, str], str] = {}
            for kind, names in (("words", recordings), ("music", tunes)):
                for name in sorted(names):
                    key = files[kind, name] = _file_key(kind, name)
                    if not self._stands(key):
                        self._convert(Path(name), key, kind)
                        made += 1
            self._sweep({*spoken_keys, *files.values()})
        except OSError as error:
            raise SwitchroomError("prompts.disk", "The office's own prompts cannot be stored: {reason}.",
                                  "Free some space on the disk, and check the owner of {folder}.", reason=because(error),
                                  folder=self.folder) from error
        self._files.update(files)
        return made

    def _speak(self, missing: dict[str, tuple[str, str]]) -> int:
        if not missing:
            return 0
        build.speaker()
        by_language: dict[str, list[Clip]] = {}
        for key, (text, language) in missing.items():
            by_language.setdefault(language, []).append(Clip(key, text, ends=True))
        for language, clips in by_language.items():
            for start in range(0, len(clips), _BATCH):
                build.speak(lambda rate: self.folder / str(rate), language, clips[start : start + _BATCH])
        return len(missing)

    def _convert(self, source: Path, key: str, kind: str) -> None:
        """Bring a recording to each rate and to one level."""
        try:
            size = source.stat().st_size
        except OSError as error:
            raise _unreadable(source, because(error)) from None
        if size > MOST_BYTES:
            raise _unreadable(source, say("it has {size} MB, more than {most}", size=size >> 20, most=MOST_BYTES >> 20))
        gain = _gain(source, kind)
        for rate in RATES:
            target = self._path(key, rate)
            target.parent.mkdir(parents=True, exist_ok=True)
            part = target.with_suffix(f".{os.getpid()}.part.wav")
            cut = ["trim", "0", str(MOST_SECONDS[kind])]
            output = ["-c", "1", "-b", "16", "-e", "signed", "-r", str(rate), str(part)]
            try:
                _sox(source, [*output, *cut, "gain", f"{gain:.2f}"])
                files.put(part, target)
            finally:
                part.unlink(missing_ok=True)

    def _sweep(self, wanted: Iterable[str]) -> None:
        now = time.time()  # file times are wall-clock times
        keep = set(wanted)
        for rate in RATES:
            for path in (self.folder / str(rate)).glob("*.wav"):
                if path.stem in keep:
                    os.utime(path)
                elif now - path.stat().st_mtime > KEEP_SECONDS:
                    path.unlink(missing_ok=True)

    # ---- during calls ------------------------------------------------------------------------------------------------

    def say(self, words: Words, language: str, otherwise: str) -> list[Path]:
        """What the office says, for a caller who hears `language`; `otherwise` is the language of a text without one: the
        table's, else the office's. Empty where there is nothing to say. Raises SwitchroomError "prompts.not-built"."""
        text, its_language = choose(words, language, otherwise)
        if not text:
            return []
        file = file_of(text)
        return [self._clip(self._files.get(("words", file), "") if file else _text_key(text, its_language), text)]

    def title(self, entry: Break | Outcome, language: str, office: str) -> list[Path]:
        """The name of a break or an outcome: built in where it is one of the usual, else the office's own, in the office's
        language."""
        name = f"{'reason' if isinstance(entry, Break) else 'outcome'}-{entry.name}"
        if not entry.title and name in speech(language).texts:
            return self.prompts.clips(name, language)
        return [self._clip(_text_key(title_of(entry), office), title_of(entry))]

    def music(self, music: Music | None, chance: Random | None = None) -> list[Path]:
        """The tunes of this music in the order to play them (`Config.music_named`), as they are written down where there is no
        `chance`; None: the built-in melody."""
        if music is None:
            return [self.prompts.melody()]
        tunes = [self._clip(self._files.get(("music", file), ""), file) for file in music.files]
        if music.shuffle and chance is not None:
            chance.shuffle(tunes)
        return tunes

    def _clip(self, key: str, shown: str) -> Path:
        path = self._path(key, self.rate)
        if not path.is_file():
            raise SwitchroomError("prompts.not-built", "The office's own prompt {shown} has not been made.",
                                  "Take the configuration into use again: switchroom config reload", shown=repr(shown[:80]))
        return path

    def _path(self, key: str, rate: int) -> Path:
        return self.folder / str(rate) / f"{key}.wav"

    def _stands(self, key: str) -> bool:
        return all(self._path(key, rate).is_file() for rate in RATES)


def _text_key(text: str, language: str) -> str:
    spoken_by = speech(language)
    return _key(["text", spoken_by.voice, spoken_by.words_per_minute, text])


def _file_key(kind: str, file: str) -> str:
    """A file that changed (its time or size) is another one. One that is not there is refused when it is converted."""
    try:
        stat = Path(file).stat()
    except OSError:
        return _key([kind, file])
    return _key([kind, file, stat.st_size, stat.st_mtime_ns])


def _key(made_from: list[object]) -> str:
    return hashlib.sha256(json.dumps([VERSION, *made_from]).encode()).hexdigest()[:32]


def _gain(source: Path, kind: str) -> float:
    """How many dB louder a recording must be, its peaks staying below full scale."""
    said = _sox(source, ["-n", "trim", "0", str(MOST_SECONDS[kind]), "remix", "-", "stats"])
    loudness, peak = _LOUDNESS.search(said), _PEAK.search(said)
    if loudness is None or peak is None or b"inf" in loudness[1]:
        raise SwitchroomError("prompts.file-silent", "There is nothing to hear in {source}.",
                              "Record it again, or name another file.", source=source)
    return min(LEVEL_DBOV[kind] - float(loudness[1]), -_SOX_HEADROOM_DB - float(peak[1]))


def _sox(source: Path, arguments: list[str]) -> bytes:
    """Run sox on `source`; what it tells. Raises SwitchroomError "prompts.file-unreadable", "prompts.no-speech"."""
    kind = TYPES.get(source.suffix.lower())
    if kind is None or not source.is_absolute():
        raise _unreadable(source, say("it must be one of {types}", types=", ".join(TYPES)))
    command = ["sox", "-D", "-V1", "--no-glob", "-t", kind, str(source), *arguments]
    try:
        return precedence.run_behind(command, timeout=_TIMEOUT).stderr
    except FileNotFoundError as problem:
        raise SwitchroomError(
            "prompts.no-speech", "Recordings cannot be converted: sox is missing.", "apt install sox libsox-fmt-mp3"
        ) from problem
    except (OSError, subprocess.SubprocessError) as problem:
        said = getattr(problem, "stderr", b"") or b""
        raise _unreadable(source, said.decode(errors="replace").strip()[:300] or say("sox failed")) from problem


def _unreadable(source: Path, why: str | Said) -> SwitchroomError:
    return SwitchroomError("prompts.file-unreadable", "{source} cannot be played: {why}.",
                           "Name another file, or save it as WAV.", source=source, why=why)
