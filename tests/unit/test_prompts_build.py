"""The spoken clips: all there, audible, of a sensible length and level; made once; an office's own recordings win."""

from __future__ import annotations

import itertools
import math
import shutil
import subprocess
import wave
from array import array
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.errors import SwitchroomError
from appliance.prompts import LANGUAGES, Moment, Prompts
from appliance.prompts import build as builder
from appliance.prompts.build import RATES, build
from appliance.prompts.catalog import Clip, catalog
from appliance.prompts.texts import speech
from appliance.system.paths import prompts_dir

pytestmark = pytest.mark.skipif(
    shutil.which("espeak-ng") is None or shutil.which("sox") is None, reason="espeak-ng or sox is not installed"
)
SHORT = ("enter-pin", "goodbye", "number-21", "number-2", "number-5", "forecast-1", "digit-1")


def read(path: Path) -> tuple[int, array[int]]:
    with wave.open(str(path)) as file:
        assert file.getnchannels() == 1 and file.getsampwidth() == 2
        return file.getframerate(), array("h", file.readframes(file.getnframes()))


def level(samples: array[int]) -> float:
    """Mean level, dBov."""
    return 10 * math.log10(sum(s * s for s in samples) / len(samples) / 32768**2)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A catalogue of a few clips, so that a build takes a moment."""

    def few(language: str) -> dict[str, Clip]:
        return {name: clip for name, clip in catalog(language).items() if name in SHORT}

    monkeypatch.setattr(builder, "catalog", few)
    yield


@pytest.mark.usefixtures("small")
def test_clips_are_made_once(tmp_path: Path) -> None:
    told: list[tuple[int, int, str]] = []
    assert build(tmp_path, ["en", "ru"], lambda *step: told.append(step)) == 2 * len(SHORT)
    assert told[-1] == (2 * len(SHORT), 2 * len(SHORT), "ru")
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.wav")}
    assert build(tmp_path, ["en", "ru"]) == 0
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.wav")} == before
    assert not list(tmp_path.rglob("*.part"))


@pytest.mark.usefixtures("small")
def test_what_is_missing_or_changed_is_made_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    build(tmp_path, ["en"])
    (tmp_path / "8000" / "en" / "goodbye.wav").unlink()
    (tmp_path / "8000" / "en" / "gone-by.wav").write_bytes(b"old")
    assert build(tmp_path, ["en"]) == 1
    assert (tmp_path / "8000" / "en" / "goodbye.wav").is_file()
    assert not (tmp_path / "8000" / "en" / "gone-by.wav").exists()
    monkeypatch.setattr(builder, "VERSION", "next")
    assert build(tmp_path, ["en"]) == len(SHORT)
    (tmp_path / "manifest.json").write_bytes(b'{"en/goodbye": ')
    assert build(tmp_path, ["en"]) == len(SHORT)


def test_missing_tool_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SwitchroomError) as caught:
        build(tmp_path, ["en"])
    assert caught.value.id == "prompts.no-speech" and "apt install" in caught.value.hint


def test_beep() -> None:
    for rate in RATES:
        samples = builder.beep(rate)
        assert len(samples) == rate * 2 // 5
        assert level(samples) == pytest.approx(-10, abs=0.3)
        crossings = sum((a < 0) != (b < 0) for a, b in itertools.pairwise(samples))
        assert crossings == pytest.approx(800, abs=4)  # 1000 Hz for 0.4 s


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """English as set-up spoke it; what is missing there or no longer fits its text is spoken here."""
    out = tmp_path_factory.mktemp("prompts")
    ready = prompts_dir()
    for name in ("8000/en", "16000/en"):
        if (ready / name).is_dir():
            shutil.copytree(ready / name, out / name)
    if (ready / "manifest.json").is_file():
        shutil.copy(ready / "manifest.json", out)
    build(out, ["en"])
    return out


def check_language(built: Path, language: str) -> None:
    """Every clip of a language: there, audible, levelled, neither cut nor padded."""
    seconds = {}
    for name, clip in catalog(language).items():
        rate, samples = read(built / "8000" / language / f"{name}.wav")
        assert rate == 8000
        seconds[name] = len(samples) / rate
        assert max(map(abs, samples)) < 32767 and -32 < level(samples) < -17, name
        # espeak-ng says 5 to 25 letters of an alphabet in a second, 2 to 8 Chinese ones
        letters = sum(c.isalpha() for c in clip.text)
        slow, fast = (1.5, 9.0) if language == "zh" else (2.0, 30.0)
        assert letters / fast - 0.1 <= seconds[name] <= letters / slow + 1.0, (name, seconds[name], clip.text)
        wide_rate, wide = read(built / "16000" / language / f"{name}.wav")
        assert wide_rate == 16000 and abs(len(wide) / 16000 - seconds[name]) < 0.1, name


def test_english_clips_are_audible_and_of_the_right_length(built: Path) -> None:
    check_language(built, "en")


@pytest.mark.slow
@pytest.mark.parametrize("language", LANGUAGES)
def test_clips_of_every_language(tmp_path: Path, language: str) -> None:
    build(tmp_path, [language])
    check_language(tmp_path, language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_text_is_read_in_another_language(language: str) -> None:
    """espeak-ng marks a switch of language in its phonemes: "(en)". The plain Chinese voice reads pinyin as English so."""
    texts = "\n".join(clip.text for clip in catalog(language).values())
    command = ["espeak-ng", "-v", speech(language).voice, "-q", "-x", "-b", "1", "--stdin"]
    phonemes = subprocess.run(command, input=texts.encode(), capture_output=True, check=True).stdout.decode()
    assert "(" not in phonemes
    assert len(phonemes) > len(texts) / 2


def test_clips_of_a_sentence(built: Path, tmp_path: Path) -> None:
    prompts = Prompts(built, tmp_path)
    names = [path.stem for path in prompts.clips("forecast", "en", numbers=300, lines=1, minutes=35)]
    assert names == [
        "number-300", "number-other", "pause-short", "number-1", "line-one", "pause-short", "forecast-1", "number-35",
        "minute-other", "pause-long",
    ]  # fmt: skip
    assert all(path.is_file() for path in prompts.clips("forecast", "en", numbers=999_999, lines=12, minutes=5000))
    assert [path.stem for path in prompts.clips("beep", "en")] == ["beep"]
    assert [path.stem for path in prompts.say_number(2, "en", "line")] == ["number-2", "line-other"]
    assert [path.stem for path in prompts.say_digits("12", "en")] == ["digit-1", "digit-2"]
    assert [path.stem for path in prompts.say_moment(Moment("today", 9), "en")] == ["day-today", "clock-9", "clock-half-0"]
    assert Prompts(built, rate=16000).clips("goodbye", "en") == [built / "16000" / "en" / "goodbye.wav"]


def test_own_recordings_win(built: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    prompts = Prompts(built, tmp_path, look_every=0.0)
    own = tmp_path / "en" / "number-300.wav"
    own.parent.mkdir()
    shutil.copy(built / "8000" / "en" / "beep.wav", own)
    assert prompts.clips("forecast", "en", numbers=300, lines=1, minutes=1)[0] == own
    assert prompts.say_number(300, "en") == [own]
    whole = tmp_path / "en" / "goodbye.wav"
    shutil.copy(own, whole)
    assert prompts.clips("goodbye", "en") == [whole]
    with wave.open(str(whole), "wb") as file:  # stereo: the player would not take it
        file.setnchannels(2)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(400))
    assert prompts.clips("goodbye", "en") == [built / "8000" / "en" / "goodbye.wav"]
    assert "goodbye.wav is not used" in caplog.text
    own.unlink()
    assert prompts.say_number(300, "en") == [built / "8000" / "en" / "number-300.wav"]


def test_errors_name_the_next_step(built: Path) -> None:
    prompts = Prompts(built)
    for call, id in (
        (lambda: prompts.clips("no-such", "en"), "prompts.unknown"),
        (lambda: prompts.clips("forecast", "en", numbers=1), "prompts.missing-value"),
        (lambda: prompts.clips("goodbye", "fi"), "prompts.not-built"),
        (lambda: prompts.clips("goodbye", "de"), "prompts.no-language"),
    ):
        with pytest.raises(SwitchroomError) as caught:
            call()
        assert caught.value.id == id and caught.value.hint
