"""Greetings recorded from a phone: one of a menu, a queue or a mailbox, played instead of its text, and instead of a recording
that the configuration names where that is older.

    FOLDER/menu/main.wav    8 kHz, 16 bit, mono, made ready by appliance.media.message
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from appliance.config.words import Words, file_of
from appliance.errors import SwitchroomError, because
from appliance.system import files

Owner = Literal["menu", "queue", "voicemail"]
OWNERS: tuple[Owner, ...] = ("menu", "queue", "voicemail")


class Greetings:
    """What is under `folder` (DATA/greetings), looked at once: a call asks often."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._there = {(owner, path.stem): path for owner in OWNERS for path in (folder / owner).glob("*.wav")}

    def of(self, owner: Owner, name: str) -> Path | None:
        return self._there.get((owner, name))

    def draft(self, owner: Owner, name: str, call: str) -> Path:
        """Where a greeting is recorded before somebody has agreed to it."""
        folder = self.folder / "drafts"
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folder / f"{owner}-{name}-{call}.wav"

    def use(self, owner: Owner, name: str, draft: Path) -> Path:
        """From now on this is the greeting. Raises SwitchroomError "greeting.unwritable"."""
        path = self.folder / owner / f"{name}.wav"
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            files.put(draft, path)
        except OSError as error:
            raise SwitchroomError("greeting.unwritable", "{path} cannot be written: {reason}.",
                                  "Check the disk and its space.", path=path, reason=because(error)) from None
        self._there[owner, name] = path
        return path

    def remove(self, owner: Owner, name: str) -> None:
        """Back to the text. Raises SwitchroomError "greeting.unwritable"."""
        path = self._there.get((owner, name))
        if path is None:
            return
        try:
            path.unlink(missing_ok=True)
            self._there.pop((owner, name), None)
            files.sync(path.parent)
        except OSError as error:
            raise SwitchroomError("greeting.unwritable", "{path} cannot be removed: {reason}.",
                                  "Check the disk and its space.", path=path, reason=because(error)) from None


def recorded_counts(words: Words, language: str, main: str) -> bool:
    """Whether a caller who hears `language` gets the recording: it is spoken in the owner's main language, so a text in
    the caller's own goes before it."""
    return language == main or isinstance(words, str) or language not in words


def is_heard(recorded: Path | None, words: Words, language: str, main: str) -> bool:
    """Whether a caller who hears `language` gets what was recorded at a phone. Of two recordings the newer one is heard: the
    file that `words` names may have come in since."""
    if recorded is None or not recorded_counts(words, language, main):
        return False
    named = file_of(words if isinstance(words, str) else words.get(language, ""))
    return not named or _made(recorded) >= _made(Path(named))


def _made(path: Path) -> float:
    """UTC seconds; 0 for one that is not there."""
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
