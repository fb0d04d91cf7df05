"""What a phone hears of the box's prompts: they are looked for in its recording, in the order they are said."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from appliance.prompts import Prompts
from appliance.system.paths import prompts_dir
from tests.peers import sound
from tests.peers.baresip import Phone
from tests.peers.net import PATIENCE, pause_after
from tests.peers.sound import RATE, Samples
from tests.peers.station import StationCall

HEARD = 0.9
"""Correlation of a whole prompt, or the likeness of its pieces where a busy machine stretched a pause."""
WORD = 0.8
"""Of each of its clips at its place: another number in a sentence stays below 0.5."""
SLACK = RATE // 4
CUT = RATE // 4
"""What a jitter buffer may still hold when the box hangs up behind its last word: nobody hears that."""
QUIET_DB = -60
"""Level of a clip that is a pause."""
SILENT = 0.004
"""Mean amplitude (of 1) below which a tenth of a second is silence."""


class Ear:
    """One call of `phone`, from before it is dialled. `at` is how far it has been listened to, in samples."""

    def __init__(self, phone: Phone, language: str = "en") -> None:
        self.phone = phone
        self.language = language
        self.at = 0
        self.prompts = Prompts(prompts_dir())
        self.late = 0.0
        """Seconds that went by at most from the end of a prompt until it was recognised: what we say to it is as late."""
        self._earlier = len(phone.heard())

    def samples(self) -> Samples:
        return self.phone.hears() if len(self.phone.heard()) > self._earlier else np.zeros(0)

    def hear(self, name: str, seconds: float = 15, /, **values: object) -> float:
        """Wait until this prompt, with these values, was heard behind all that was heard before; where it began, in seconds.
        AssertionError after `seconds`, with the best correlation."""
        return self.hear_clips(self.prompts.clips(name, self.language, **values), seconds, name)

    def hear_clips(self, clips: list[Path], seconds: float = 15, name: str = "") -> float:
        words = [sound.load(clip) for clip in clips]
        seconds = max(seconds, PATIENCE)
        until = time.monotonic() + seconds
        best, before = ("", 0.0), -1
        while (now := time.monotonic()) < until:
            heard = len(self.samples())
            begun, score, why = self._look(words, over=heard == before)
            before = heard
            if not why:
                self.at = begun + sum(map(len, words)) - SLACK
                self.late = max(self.late, (len(self.samples()) - self.at) / RATE)
                return begun / RATE
            best = max(best, (why, score), key=lambda found: found[1])
            time.sleep(pause_after(time.monotonic() - now, 0.1))
        log = f"{len(self.samples()) / RATE:.1f} s were heard, {self.at / RATE:.1f} s of them before"
        raise AssertionError(f"{name or clips[0].stem} was not heard within {seconds} s: {best[0]} ({log})")

    def _look(self, words: list[Samples], over: bool = False) -> tuple[int, float, str]:
        """Where the row of words begins, how like it is, and "" or why it is not the one. `over`: nothing comes any more."""
        hay = self.samples()[self.at:]
        if over:
            hay = np.concatenate([hay, np.zeros(CUT)])
        whole = np.concatenate(words)
        if len(hay) < len(whole) - SLACK:
            return 0, 0.0, "too little was heard"
        begun, score = sound.find(whole, hay)
        if score < HEARD:
            score = sound.likeness(whole, hay)
            begun = _begin(words, hay)  # a poor match of the whole says nothing of where it is
        if score < HEARD:
            return 0, score, f"its correlation was {score:.2f}"
        place = begun
        for word in words:
            if sound.level_db(word) > QUIET_DB:
                first = max(0, place - SLACK)
                window = hay[first:place + len(word) + SLACK]
                found, like = sound.find(word, window)
                like = max(like, sound.likeness(word, window))
                if like < WORD:
                    return 0, like, f"a word of it {(place - begun) / RATE:.1f} s from its beginning correlates by {like:.2f}"
                place = first + found  # a pause before it may have been stretched
            place += len(word)
        return self.at + begun, score, ""

    def longest_silence(self, since: int) -> float:
        """Seconds of the longest stretch in which nothing was heard, from sample `since` on."""
        steps = self.samples()[since:]
        steps = np.abs(steps[: len(steps) // 800 * 800]).reshape(-1, 800).mean(axis=1)
        longest = now = 0
        for quiet in steps < SILENT:
            now = now + 1 if quiet else 0
            longest = max(longest, now)
        return longest / 10


def _begin(words: list[Samples], hay: Samples) -> int:
    """Where the row begins, by its first word that is more than a pause."""
    before = 0
    for word in words:
        if sound.level_db(word) > QUIET_DB:
            return max(0, sound.find(word, hay)[0] - before)
        before += len(word)
    return 0


class Handset:
    """What an Ear needs of a phone, of a Station's call."""

    def __init__(self) -> None:
        self.call: StationCall | None = None

    def heard(self) -> list[Path]:
        return [Path("call")] if self.call else []

    def hears(self) -> sound.Samples:
        return self.call.heard() if self.call else np.zeros(0)


class Party:
    """Somebody on a call of a Station: presses keys, and listens for what the box says."""

    def __init__(self, call: StationCall, language: str = "en") -> None:
        self.call = call.wait_up()
        handset = Handset()
        self.ear = Ear(handset, language)  # type: ignore[arg-type]
        handset.call = call

    def hear(self, name: str, /, **values: object) -> None:
        self.ear.hear(name, 15, **values)
