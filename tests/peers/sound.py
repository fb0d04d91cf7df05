"""Sound for tests: spoken messages, and comparing what was heard with what was said."""

from __future__ import annotations

import subprocess
import wave
from pathlib import Path
from typing import Any

import numpy as np
from scipy import signal

RATE = 8000
Samples = np.ndarray[Any, np.dtype[np.float64]]


def speak(path: Path, text: str, voice: str = "en-gb", words_per_minute: int = 150) -> Path:
    """Speech by espeak-ng as 8 kHz mono WAV."""
    raw = path.with_suffix(".22k.wav")
    subprocess.run(["espeak-ng", "-v", voice, "-s", str(words_per_minute), "-w", str(raw), text], check=True)
    subprocess.run(["sox", str(raw), "-r", str(RATE), "-c", "1", "-b", "16", str(path)], check=True)
    return path


def message_of(path: Path, seconds: float) -> Path:
    """A spoken message of exactly this length, speech to its last tenth of a second."""
    words = " ".join(f"The documents of house {n} must be brought to the office before Friday." for n in range(1, 60))
    speak(path, words)
    samples = load(path)
    save(path, samples[: int(seconds * RATE)])
    return path


def load(path: Path) -> Samples:
    """Samples of a mono (or the left channel of a stereo) 16-bit WAV, -1..1. A header left open by a kill is forgiven."""
    with wave.open(str(path), "rb") as file:
        assert file.getsampwidth() == 2 and file.getframerate() == RATE
        data = np.frombuffer(file.readframes(file.getnframes()), dtype="<i2").astype(np.float64) / 32768
        return data[:: file.getnchannels()]


def save(path: Path, samples: Samples, rate: int = RATE, silence: float = 0.0) -> None:
    """As a mono 16-bit WAV, with so many seconds of silence behind it."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes((np.clip(samples, -1, 1) * 32767).astype("<i2").tobytes())
        file.writeframes(bytes(2 * int(rate * silence)))


def find(needle: Samples, hay: Samples) -> tuple[int, float]:
    """Where `needle` stands in `hay` (offset in samples) and how well: the normalised cross-correlation there, -1..1."""
    if len(hay) < len(needle):
        hay = np.concatenate([hay, np.zeros(len(needle) - len(hay))])
    dots = signal.fftconvolve(hay, needle[::-1], mode="valid")
    energy = np.sqrt(np.maximum(signal.fftconvolve(hay**2, np.ones(len(needle)), mode="valid"), 1e-9)) * np.linalg.norm(needle)
    scores = dots / np.maximum(energy, 1e-9)
    best = int(np.argmax(scores))
    return best, float(scores[best])


def likeness(said: Samples, heard: Samples, piece: float = 0.25) -> float:
    """How well `said` is found in `heard`: the median over its pieces of `piece` seconds (those with speech in them) of each
    one's best correlation. A jitter buffer that stretches a pause between two pieces on a busy machine does no harm."""
    size = int(piece * RATE)
    pieces = [said[i:i + size] for i in range(0, len(said) - size + 1, size)]
    loud = [p for p in pieces if level_db(p) > level_db(said) - 10]
    return float(np.median([find(p, heard)[1] for p in loud])) if len(heard) > size else 0.0


def level_db(samples: Samples) -> float:
    return float(20 * np.log10(np.sqrt(np.mean(samples**2)) + 1e-9))
