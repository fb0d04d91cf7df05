"""The office's own texts, recordings and music: made once, at one level, found in a call; the built-in melody."""

from __future__ import annotations

import math
import os
import shutil
import subprocess
import wave
from array import array
from pathlib import Path
from random import Random

import numpy as np
import pytest

from appliance.config import loads
from appliance.config.model import Break, Config, Outcome
from appliance.config.store import with_base
from appliance.errors import SwitchroomError
from appliance.prompts import Prompts
from appliance.prompts.melody import melody, melody_path
from appliance.prompts.sounds import KEEP_SECONDS, Sounds
from tests import detectlab

pytestmark = pytest.mark.skipif(
    shutil.which("espeak-ng") is None or shutil.which("sox") is None, reason="espeak-ng or sox is not installed"
)

TEXT = """
[office]
name = "X"
country = "FI"
[[queues]]
name = "front"
greeting = { en = "Hello there, and welcome.", fi = "Hei ja tervetuloa." }
messages = ["file:news.flac"]
music = "jazz"
[[queues]]
name = "desk"
language = "fi"
greeting = "Hetkinen vain."
[[music]]
name = "jazz"
files = ["one.ogg", "two.mp3"]
shuffle = true
[[breaks]]
digit = "1"
name = "lunch"
[[breaks]]
digit = "2"
name = "coffee-room"
"""


def read(path: Path) -> tuple[int, array[int]]:
    with wave.open(str(path)) as file:
        assert file.getnchannels() == 1 and file.getsampwidth() == 2
        return file.getframerate(), array("h", file.readframes(file.getnframes()))


def level(samples: array[int]) -> float:
    """Mean level, dBov."""
    return 10 * math.log10(sum(s * s for s in samples) / len(samples) / 32768**2)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A folder with the recordings that TEXT names: a quiet one, a loud one, stereo, of several rates."""
    base = tmp_path / "office"
    base.mkdir()
    for name, rate, volume in (("news.flac", 44100, 0.02), ("one.ogg", 48000, 0.9), ("two.mp3", 44100, 0.2)):
        command = ["sox", "-n", "-r", str(rate), "-c", "2", str(base / name), "synth", "2", "pluck", "A4", "vol", str(volume)]
        subprocess.run(command, check=True, capture_output=True)
    return base


def config_of(base: Path, text: str = TEXT) -> Config:
    return with_base(loads(text), base)


def sounds_in(tmp_path: Path, rate: int = 8000) -> Sounds:
    return Sounds(tmp_path / "sounds", Prompts(tmp_path / "prompts", rate=rate), rate)


def test_texts_recordings_and_music_are_made_once(base: Path, tmp_path: Path) -> None:
    sounds, config = sounds_in(tmp_path), config_of(base)
    assert sounds.prepare(config) == 7  # three greetings, a message, two tunes, the name of a break
    assert sounds.prepare(config) == 0
    assert sounds_in(tmp_path).prepare(config) == 0
    assert len(list((tmp_path / "sounds").rglob("*.wav"))) == 14 and not list((tmp_path / "sounds").rglob("*.part*"))
    front, desk = config.queues
    for words, language, otherwise, seconds in (
        (front.greeting, "en", "en", 1.5), (front.greeting, "fi", "en", 1.2), (desk.greeting, "ru", "fi", 0.8),
        (front.messages[0], "en", "en", 2.0),
    ):  # fmt: skip
        for rate in (8000, 16000):
            sounds.rate = rate
            (clip,) = sounds.say(words, language, otherwise)
            assert read(clip)[0] == rate
            assert seconds * 0.7 < len(read(clip)[1]) / rate < seconds * 2
            assert -25 < level(read(clip)[1]) < -17
    assert sounds.say("", "en", "en") == [] and sounds.say({}, "en", "en") == []


def test_a_text_without_a_version_in_the_callers_language_is_the_offices(base: Path, tmp_path: Path) -> None:
    sounds, config = sounds_in(tmp_path), config_of(base)
    sounds.prepare(config)
    greeting = config.queues[0].greeting
    assert sounds.say(greeting, "ru", "en") == sounds.say(greeting, "en", "en") != sounds.say(greeting, "fi", "en")


def test_music_comes_at_one_level_and_in_another_order(base: Path, tmp_path: Path) -> None:
    sounds, config = sounds_in(tmp_path), config_of(base)
    sounds.prepare(config)
    orders = {tuple(sounds.music(config.music_named("jazz"), Random(seed))) for seed in range(20)}
    assert len(orders) == 2
    for tune in orders.pop():
        assert level(read(tune)[1]) == pytest.approx(-24, abs=1.0)


def test_a_break_is_said_by_its_prompt_or_its_own_name(base: Path, tmp_path: Path) -> None:
    sounds, config = sounds_in(tmp_path), config_of(base)
    sounds.prepare(config)
    built = tmp_path / "prompts" / "8000" / "fi"
    built.mkdir(parents=True)
    (built / "reason-lunch.wav").write_bytes(b"")
    (built / "outcome-sold.wav").write_bytes(b"")
    assert sounds.title(config.breaks[0], "fi", "en") == [built / "reason-lunch.wav"]
    assert sounds.title(Outcome(code="1", name="sold"), "fi", "en") == [built / "outcome-sold.wav"]
    (coffee,) = sounds.title(config.breaks[1], "fi", "en")
    assert coffee.parent == tmp_path / "sounds" / "8000"
    with pytest.raises(SwitchroomError, match="Nap"):
        sounds.title(Break(digit="3", name="lunch", title="Nap"), "fi", "en")


def test_a_changed_recording_is_taken_over_with_the_next_preparation(base: Path, tmp_path: Path) -> None:
    sounds, config = sounds_in(tmp_path), config_of(base)
    sounds.prepare(config)
    message = config.queues[0].messages[0]
    before = sounds.say(message, "en", "en")
    shutil.copy(base / "news.flac", base / "copy.flac")
    subprocess.run(["sox", base / "copy.flac", base / "news.flac", "speed", "0.5"], check=True, capture_output=True)
    assert sounds.say(message, "en", "en") == before
    assert sounds.prepare(config) == 1
    assert sounds.say(message, "en", "en") != before and before[0].is_file()


def test_what_nothing_wants_goes_after_a_while(base: Path, tmp_path: Path) -> None:
    sounds = sounds_in(tmp_path)
    sounds.prepare(config_of(base))
    smaller = config_of(base, TEXT[: TEXT.index("[[music]]")].replace('music = "jazz"\n', ""))
    sounds.prepare(smaller)
    clips = list((tmp_path / "sounds").rglob("*.wav"))
    assert len(clips) == 14
    for clip in clips:
        os.utime(clip, (clip.stat().st_atime, clip.stat().st_mtime - KEEP_SECONDS - 60))
    assert sounds.prepare(smaller) == 0
    assert len(list((tmp_path / "sounds").rglob("*.wav"))) == 8
    assert sounds.say(smaller.queues[1].greeting, "fi", "fi")


@pytest.mark.parametrize(
    ("name", "content", "id"),
    [
        ("news.flac", None, "prompts.file-unreadable"),
        ("news.flac", b"no audio at all", "prompts.file-unreadable"),
        ("news.flac", b"", "prompts.file-unreadable"),
        ("two.mp3", b"\xff" * 4000, "prompts.file-"),
    ],
)
def test_a_bad_recording_is_named(base: Path, tmp_path: Path, name: str, content: bytes | None, id: str) -> None:
    (base / name).unlink()
    if content is not None:
        (base / name).write_bytes(content)
    with pytest.raises(SwitchroomError) as caught:
        sounds_in(tmp_path).prepare(config_of(base))
    assert caught.value.id.startswith(id) and name in caught.value.message and caught.value.hint
    assert not list((tmp_path / "sounds").rglob("*.part*"))


def test_a_playlist_and_silence_are_no_recordings(base: Path, tmp_path: Path) -> None:
    (base / "list.m3u").write_text("/etc/passwd\n")
    with pytest.raises(SwitchroomError, match="must be one of"):
        sounds_in(tmp_path).prepare(config_of(base, TEXT.replace("news.flac", "list.m3u")))
    command = ["sox", "-n", "-r", "8000", str(base / "quiet.wav"), "trim", "0", "1"]
    subprocess.run(command, check=True, capture_output=True)
    with pytest.raises(SwitchroomError) as caught:
        sounds_in(tmp_path).prepare(config_of(base, TEXT.replace("news.flac", "quiet.wav")))
    assert caught.value.id == "prompts.file-silent"


def test_a_missing_tool_is_named(base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SwitchroomError) as caught:
        sounds_in(tmp_path).prepare(config_of(base))
    assert caught.value.id == "prompts.no-speech" and "apt install" in caught.value.hint


def test_what_was_not_prepared_is_an_error(base: Path, tmp_path: Path) -> None:
    sounds, config = sounds_in(tmp_path), config_of(base)
    for call in (
        lambda: sounds.say(config.queues[0].greeting, "en", "en"),
        lambda: sounds.say(config.queues[0].messages[0], "en", "en"),
        lambda: sounds.music(config.music_named("jazz"), Random(1)),
        lambda: sounds.music(None, Random(1)),
    ):
        with pytest.raises(SwitchroomError) as caught:
            call()
        assert caught.value.id == "prompts.not-built" and caught.value.hint


# ---- the built-in melody ---------------------------------------------------------------------------------------------


def test_the_melody_is_quiet_loops_and_dials_nothing() -> None:
    samples = melody(8000)
    seconds = len(samples) / 8000
    assert 60 < seconds < 120
    assert level(samples) == pytest.approx(-26, abs=0.1) and max(map(abs, samples)) < 16000
    for start in range(0, len(samples) - 16000, 16000):
        assert level(samples[start : start + 16000]) > -40  # no long silence: a caller would hang up
    jump = abs(samples[-1] - samples[0])
    assert jump < 1500  # it runs into its own beginning
    twice = np.tile(np.frombuffer(samples, np.int16).astype(float), 2)
    for louder in (1.0, 3.0):
        listener = detectlab.Listener("digits")
        listener.run(detectlab.alaw(louder * twice), None, [])
        assert listener.values("digit") == []
    check = detectlab.Listener("digits")
    check.run(detectlab.alaw(detectlab.join(twice[:8000], detectlab.digit("5", 80, -12), twice[:8000])), None, [])
    assert check.values("digit") == ["5"]  # the listener would have heard one


def test_the_melody_is_the_same_at_both_rates() -> None:
    narrow, wide = melody(8000), melody(16000)
    assert len(wide) == 2 * len(narrow)
    differences = array("h", (a - b for a, b in zip(narrow, wide[::2], strict=True)))
    assert level(differences) < level(narrow) - 30


def test_set_up_makes_the_melody(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from appliance.prompts import build as builder

    monkeypatch.setattr(builder, "catalog", lambda language: {})
    (tmp_path / "8000").mkdir()
    (tmp_path / "8000" / "melody-0.wav").write_bytes(b"old")
    assert builder.build(tmp_path, ["en"]) == 0
    assert not (tmp_path / "8000" / "melody-0.wav").exists()
    for rate in (8000, 16000):
        path = Prompts(tmp_path, rate=rate).melody()
        assert path == melody_path(tmp_path, rate) and read(path)[0] == rate
