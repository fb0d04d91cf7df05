"""Speaks the prompts: espeak-ng says each clip, sox brings it to 8 and 16 kHz, then it is trimmed and levelled here.

    OUT/8000/LANG/NAME.wav, OUT/16000/LANG/NAME.wav    mono, 16 bit
    OUT/manifest.json                                  what each clip was made from, so that it is made once

Clips are made in batches, one sox for each batch and rate: starting a process for every word would take minutes.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import shutil
import subprocess
import sys
import wave
from array import array
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from operator import mul
from pathlib import Path
from typing import NamedTuple

from appliance.errors import SwitchroomError
from appliance.prompts.catalog import Clip, catalog
from appliance.prompts.melody import melody, melody_path
from appliance.prompts.texts import LANGUAGES, speech
from appliance.system import files, precedence

RATES = (8000, 16000)
LEVEL_DBOV = -20.0
"""Mean level of the spoken part, relative to full scale (ITU-T G.100.1): as loud as speech from a telephone."""
PEAK = 0.89
"""Largest sample allowed, of full scale (-1 dB)."""
VERSION = "1"
"""Part of every clip's hash: raise it when this file makes clips differently."""

Progress = Callable[[int, int, str], None]

_BATCH = 48
_SPOKEN_RATE = 22050
_WIDE = max(RATES)
_GAP_SECONDS = 0.2
_BREATH_SECONDS = 0.25
_FRAME_SECONDS = 0.005
_KEEP_FRAMES = 4
_TIMEOUT = 60.0
_PAUSES = {"pause-short": 0.15, "pause-long": 0.35}
_BEEP_HZ, _BEEP_SECONDS, _BEEP_DBOV = 1000.0, 0.4, -10.0


def build(out: Path, languages: Iterable[str] = LANGUAGES, progress: Progress | None = None) -> int:
    """Make the clips of `languages` that are missing or changed; give how many were made.

    `progress(done, total, language)` is told after each batch. Raises SwitchroomError "prompts.no-speech" where
    espeak-ng or sox is missing or fails, OSError where `out` cannot be written."""
    languages = tuple(languages)
    manifest = _read_manifest(out)
    voice = speaker()
    wanted = {
        (language, name): _digest(clip, language, voice)
        for language in languages
        for name, clip in catalog(language).items()
    }
    missing = [key for key, digest in wanted.items() if manifest.get("/".join(key)) != digest or not _stands(out, *key)]
    _generated(out, languages)
    done = 0
    for language in languages:
        names = [name for owner, name in missing if owner == language]
        for start in range(0, len(names), _BATCH):
            batch = [catalog(language)[name] for name in names[start : start + _BATCH]]
            speak(partial(_folder, out, language), language, batch)
            manifest.update({f"{language}/{clip.name}": wanted[language, clip.name] for clip in batch})
            _write(out / "manifest.json", json.dumps(manifest, indent=0, sort_keys=True).encode())
            done += len(batch)
            if progress is not None:
                progress(done, len(missing), language)
    _sweep(out, languages)
    return len(missing)


def speaker() -> str:
    """Version of espeak-ng. Raises SwitchroomError where a tool is missing."""
    for tool in ("espeak-ng", "sox"):
        if shutil.which(tool) is None:
            raise SwitchroomError("prompts.no-speech", "The prompts cannot be spoken: {tool} is missing.",
                                  "apt install {tool}", tool=tool)
    return run(["espeak-ng", "--version"]).decode(errors="replace").split("Data")[0].strip()


def run(command: list[str], data: bytes = b"") -> bytes:
    """Run a tool on `data`; give what it writes. Raises SwitchroomError "prompts.no-speech"."""
    try:
        return precedence.run_behind(command, data, timeout=_TIMEOUT).stdout
    except (OSError, subprocess.SubprocessError) as problem:
        said = getattr(problem, "stderr", b"") or b""
        text = said.decode(errors="replace").strip() or str(problem)
        raise SwitchroomError("prompts.no-speech", "{command} failed: {text}",
                              "Try the same by hand, then build the prompts again.", command=command[0],
                              text=text[:300]) from problem


def _digest(clip: Clip, language: str, voice: str) -> str:
    spoken = speech(language)
    made_from = [VERSION, voice, spoken.voice, spoken.words_per_minute, clip.text, clip.ends, LEVEL_DBOV]
    return hashlib.sha256(json.dumps(made_from).encode()).hexdigest()[:24]


def _stands(out: Path, language: str, name: str) -> bool:
    return all((out / str(rate) / language / f"{name}.wav").is_file() for rate in RATES)


def _read_manifest(out: Path) -> dict[str, str]:
    """What is there already; a manifest that cannot be read means that everything is made again."""
    try:
        found = json.loads((out / "manifest.json").read_bytes())
    except (OSError, ValueError):
        return {}
    return {str(key): str(value) for key, value in found.items()} if isinstance(found, dict) else {}


# ---- speaking --------------------------------------------------------------------------------------------------------


def _folder(out: Path, language: str, rate: int) -> Path:
    return out / str(rate) / language


def speak(folder: Callable[[int], Path], language: str, clips: Sequence[Clip]) -> None:
    """Make clips in the folder of each rate: speak them in one row with gaps, bring the row to the rate, and cut it up
    again. Raises SwitchroomError "prompts.no-speech" where a tool fails or says nothing."""
    with ThreadPoolExecutor(max_workers=min(4, os.cpu_count() or 1)) as pool:
        spoken = list(pool.map(lambda clip: _espeak(clip.text, language), clips))
    gap = bytes(2 * int(_SPOKEN_RATE * _GAP_SECONDS))
    row = gap.join(spoken)
    rows = {rate: _samples(_resample(row, rate)) for rate in RATES}
    start, made = 0, list[tuple[Path, Path]]()
    for clip, sound in zip(clips, spoken, strict=True):
        end = start + len(sound)
        cut = _find(rows[_WIDE], start, end)
        if cut is None:
            raise SwitchroomError("prompts.no-speech", "espeak-ng says nothing for {text} ({language}).", "Change the text.",
                                  text=repr(clip.text[:100]), language=language)
        for rate, samples in rows.items():
            piece = _scaled(samples[round(cut.start * rate) : round(cut.end * rate)], cut.gain)
            if clip.ends:
                piece.extend([0] * int(rate * _BREATH_SECONDS))
            target = folder(rate) / f"{clip.name}.wav"
            made.append((_part(target, piece, rate), target))
        start = end + len(gap)
    files.put_all(made)


def _espeak(text: str, language: str) -> bytes:
    """Speak a text: 22050 Hz, mono, 16 bit little endian, without a header."""
    spoken = speech(language)
    command = ["espeak-ng", "-v", spoken.voice, "-s", str(spoken.words_per_minute), "-b", "1", "--stdin", "--stdout"]
    sound = run(command, text.encode())
    at = sound.find(b"data")  # the header's length fields are not filled in on a pipe, so wave cannot read it
    body = sound[at + 8 :] if at >= 0 else b""
    return body[: len(body) & ~1]


def _resample(row: bytes, rate: int) -> bytes:
    raw = ["-t", "raw", "-e", "signed", "-b", "16", "-c", "1", "-L"]
    before = ["-r", str(_SPOKEN_RATE), "-"]
    return run(["sox", "-D", "-V1", "-v", "0.9", *raw, *before, *raw, "-r", str(rate), "-"], row)


def _samples(data: bytes) -> array[int]:
    samples = array("h", data)
    if sys.byteorder == "big":
        samples.byteswap()
    return samples


class _Cut(NamedTuple):
    """What to take of a row, in seconds, and by how much to make it louder."""

    start: float
    end: float
    gain: float


def _find(row: array[int], start: int, end: int) -> _Cut | None:
    """The spoken part of a piece of the row at _WIDE Hz (`start`, `end`: bytes of what espeak-ng spoke), without the silence
    at both ends: frames 40 dB below the loudest one, a few frames of grace kept. The gain brings its mean level to
    LEVEL_DBOV. None where nothing is heard. Found once, at one rate: it is the slow part."""
    scale = _WIDE / _SPOKEN_RATE / 2
    size = int(_WIDE * _FRAME_SECONDS)
    frames = range(round(start * scale / size), round(end * scale / size))
    energies = [_energy(row[at * size : (at + 1) * size]) for at in frames]
    floor = max(energies, default=0) / 10_000
    loud = [at for at, energy in enumerate(energies) if energy > floor]
    if not loud:
        return None
    first, last = max(0, loud[0] - _KEEP_FRAMES), min(len(energies), loud[-1] + 1 + _KEEP_FRAMES)
    samples = row[(frames[0] + first) * size : (frames[0] + last) * size]
    gain = 32768 * 10 ** (LEVEL_DBOV / 20) / math.sqrt(_energy(samples) / len(samples))
    return _Cut((frames[0] + first) * _FRAME_SECONDS, (frames[0] + last) * _FRAME_SECONDS, gain)


def _energy(samples: array[int]) -> int:
    return sum(map(mul, samples, samples))


def _scaled(samples: array[int], gain: float) -> array[int]:
    """Louder by `gain`, the peak staying below PEAK."""
    loudest = max(samples)
    gain = min(gain, 32767 * PEAK / max(loudest, -min(samples), 1))
    return array("h", [round(s * gain) for s in samples])


# ---- files -----------------------------------------------------------------------------------------------------------


def _generated(out: Path, languages: tuple[str, ...]) -> None:
    """The beep after which the operator speaks, the breaths between pieces, and the melody for those who wait."""
    for rate in RATES:
        tune = melody_path(out, rate)
        if not tune.is_file():
            _write_wav(tune, melody(rate), rate)
        for language in languages:
            folder = out / str(rate) / language
            for name, seconds in _PAUSES.items():
                if not (folder / f"{name}.wav").is_file():
                    _write_wav(folder / f"{name}.wav", array("h", [0] * int(rate * seconds)), rate)
            if not (folder / "beep.wav").is_file():
                _write_wav(folder / "beep.wav", beep(rate), rate)


def beep(rate: int) -> array[int]:
    """1000 Hz for 400 ms at -10 dBov, faded in and out over 5 ms so that it does not click."""
    amplitude = 32768 * math.sqrt(2) * 10 ** (_BEEP_DBOV / 20)
    count, fade = int(rate * _BEEP_SECONDS), int(rate * 0.005)
    return array(
        "h",
        [
            round(amplitude * min(1.0, i / fade, (count - 1 - i) / fade) * math.sin(2 * math.pi * _BEEP_HZ * i / rate))
            for i in range(count)
        ],
    )


def _write_wav(path: Path, samples: array[int], rate: int) -> None:
    files.put(_part(path, samples, rate), path)


def _part(path: Path, samples: array[int], rate: int) -> Path:
    """What `path` will be, beside it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    data = array("h", samples)
    if sys.byteorder == "big":
        data.byteswap()
    part = path.with_suffix(f".{os.getpid()}.part")
    with wave.open(str(part), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(data.tobytes())
    return part


def _write(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    files.write(path, data, beside=path.with_suffix(f".{os.getpid()}.part"))


def _sweep(out: Path, languages: tuple[str, ...]) -> None:
    """Take away clips that no text asks for any more."""
    for rate in RATES:
        for path in (out / str(rate)).glob("melody-*.wav"):
            if path != melody_path(out, rate):
                path.unlink(missing_ok=True)
        for language in languages:
            keep = catalog(language).keys() | _PAUSES.keys() | {"beep"}
            for path in (out / str(rate) / language).glob("*.wav"):
                if path.stem not in keep:
                    path.unlink(missing_ok=True)
