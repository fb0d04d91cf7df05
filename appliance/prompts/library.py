"""The clips that make a prompt: found among those spoken at set-up, an office's own recordings first."""

from __future__ import annotations

import logging
import os
import time
import wave
from pathlib import Path

from appliance.errors import SwitchroomError
from appliance.prompts import grammar
from appliance.prompts.melody import melody_path
from appliance.prompts.texts import Pause, Words, pieces

log = logging.getLogger(__name__)

RATES = (8000, 16000)
OWN_SECONDS = 1.0
"""A prompt that the office records anew while we run is heard after this at the latest."""


class Prompts:
    """Prompts as rows of WAV files (mono, 16 bit, `rate` Hz), to be played one after the other.

    `built` is where build.build() put what espeak-ng spoke; `custom` holds LANG/NAME.wav recorded by the office, which
    win (mono, 16 bit, 8000 or 16000 Hz; anything else is ignored and logged). Names: `switchroom prompts list`.
    """

    def __init__(self, built: Path, custom: Path | None = None, rate: int = 8000, look_every: float = OWN_SECONDS) -> None:
        self.built = built
        self.custom = custom
        self.rate = rate
        self._own_folder = str(custom)
        self._look_every = look_every
        self._checked: dict[tuple[str, int], bool] = {}
        self._looked: dict[tuple[str, str], tuple[float, Path | None]] = {}
        self._spoken: dict[tuple[str, str], Path] = {}
        self._melody: Path | None = None

    def clips(self, name: str, language: str, **values: object) -> list[Path]:
        """The clips of a prompt with its values said: `clips("forecast", "ru", numbers=300, lines=5, minutes=35)`.

        Raises SwitchroomError: "prompts.unknown", "prompts.no-language", "prompts.missing-value", "prompts.bad-value",
        "prompts.not-built"."""
        whole = self._own(name, language)
        if whole is not None:
            return [whole]
        if name in {"beep", "pause-short", "pause-long"}:
            return [self._clip(name, language)]
        out: list[Path] = []
        for piece in pieces(language, name):
            if isinstance(piece, Words | Pause):
                out.append(self._clip(piece.name, language))
            elif piece.value in values:
                out += self._words(grammar.say(values[piece.value], piece.form, language), language)
            else:
                raise SwitchroomError("prompts.missing-value", "The prompt {name} needs a value for {value}.",
                                      "Give it to clips().", name=repr(name), value=repr(piece.value))
        return out

    def melody(self) -> Path:
        """The built-in music, to be played in a loop. Raises SwitchroomError "prompts.not-built"."""
        if self._melody is None:
            path = melody_path(self.built, self.rate)
            if not path.is_file():
                raise SwitchroomError("prompts.not-built", "The built-in melody has not been made yet.", "Run ./run --setup.")
            self._melody = path
        return self._melody

    def say_number(self, n: int, language: str, noun: str = "", variant: str = "") -> list[Path]:
        """A number 0 to 999,999, counted with `noun` ("line", "minute", …) or bare; `variant` as in grammar."""
        words = grammar.counted(n, noun, language) if noun else grammar.number(n, language, variant)
        return self._words(words, language)

    def say_digits(self, text: str, language: str) -> list[Path]:
        """Digits one by one: list numbers, extensions, telephone numbers."""
        return self._words(grammar.digits(text, language), language)

    def say_moment(self, value: grammar.Moment, language: str) -> list[Path]:
        return self._words(grammar.say_moment(value, language), language)

    def _words(self, words: list[grammar.Word], language: str) -> list[Path]:
        return [self._clip(word.name, language) for word in words]

    def _clip(self, name: str, language: str) -> Path:
        own = self._own(name, language)
        if own is not None:
            return own
        path = self._spoken.get((name, language))
        if path is None:
            path = self.built / str(self.rate) / language / f"{name}.wav"
            if not path.is_file():
                raise SwitchroomError("prompts.not-built", "The prompt {name} has not been spoken in {language} yet.",
                                      "Run ./run --setup.", name=repr(name), language=repr(language))
            self._spoken[name, language] = path
        return path

    def _own(self, name: str, language: str) -> Path | None:
        """The office's own recording, where there is one that can be played."""
        if self.custom is None:
            return None
        now = time.monotonic()
        looked, own = self._looked.get((name, language), (0.0, None))
        if now - looked >= self._look_every:
            own = self._look(f"{self._own_folder}/{language}/{name}.wav")
            self._looked[name, language] = (now, own)
        return own

    def _look(self, where: str) -> Path | None:
        try:
            changed = os.stat(where).st_mtime_ns  # noqa: PTH116 - often; pathlib costs more than the call
        except OSError:
            return None
        key = (where, changed)
        if key not in self._checked:
            self._checked[key] = _playable(Path(where))
        return Path(where) if self._checked[key] else None


def _playable(path: Path) -> bool:
    try:
        with wave.open(str(path), "rb") as file:
            fits = file.getnchannels() == 1 and file.getsampwidth() == 2 and file.getframerate() in RATES
            empty = file.getnframes() == 0
    except (OSError, EOFError, wave.Error) as problem:
        log.warning("own prompt %s is not used: it cannot be read (%s)", path, problem)
        return False
    if not fits or empty:
        log.warning("own prompt %s is not used: it must be mono, 16 bit, 8000 or 16000 Hz, and not empty", path)
    return fits and not empty
