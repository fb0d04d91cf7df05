"""Signals for the detectors' tests: tones, digits, speech by espeak-ng, G.711, packet loss, echo; and a listener."""

from __future__ import annotations

import functools
import io
import math
import subprocess
import wave
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
from scipy import signal

from appliance.media import _media, tones

RATE = 8000
FRAME = 160
ROWS, COLS = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
KEYS = "123A456B789C*0#D"
FLAGS = {"digits": 1, "voice": 2, "tones": 4, "machine": 8, "beep": 16}
VERDICTS = ("none", "person", "machine", "unsure")


class Heard(NamedTuple):
    """One event: `at` when it was told (s since the start of the signal), `began` as the event says (s)."""

    kind: str
    value: str
    at: float
    began: float


class Listener:
    """A detector fed by frames. Events gather in `heard`."""

    def __init__(self, *flags: str, country: str | None = None, **conf: int) -> None:
        self.ffi, self.lib = _media.ffi, _media.lib
        self.heard: list[Heard] = []
        self.pushed = 0
        raw = self.ffi.new("struct detect_conf *", {"flags": sum(FLAGS[f] for f in flags), **conf})
        self.rate = conf.get("rate", 0) or RATE
        plan = tones.fill(self.ffi, tones.plan(country)) if country is not None else self.ffi.NULL
        raw.plan = plan
        out = self.ffi.new("struct detect **")
        assert self.lib.detect_alloc(out, raw) == 0
        self.raw = self.ffi.gc(out[0], self.lib.detect_free)
        self.handler = self.ffi.callback("detect_h", self._event)

    def _event(self, event: Any, _arg: Any) -> None:
        kind = ("digit", "voice", "tone", "machine")[event.type]
        value = {
            "digit": chr,
            "voice": lambda v: "start" if v else "stop",
            "tone": lambda v: tones.KINDS[v - 1],
            "machine": lambda v: VERDICTS[v],
        }[kind](event.value)
        self.heard.append(Heard(kind, value, self.pushed / self.rate, event.at_ms / 1000))

    def set(self, *flags: str) -> None:
        self.lib.detect_set(self.raw, sum(FLAGS[f] for f in flags))

    def frame(self, rx: np.ndarray, tx: np.ndarray | None = None, lost: bool = False) -> None:
        rx = np.ascontiguousarray(rx, dtype=np.int16)
        self.pushed += len(rx)
        pointer = self.ffi.from_buffer("int16_t[]", rx)
        sent = self.ffi.NULL
        if tx is not None:
            tx = np.ascontiguousarray(tx, dtype=np.int16)
            sent = self.ffi.from_buffer("int16_t[]", tx)
        self.lib.detect_push(self.raw, pointer, sent, len(rx), 1 if lost else 0, self.handler, self.ffi.NULL)

    def run(self, rx: np.ndarray, tx: np.ndarray | None = None, lost: Iterable[int] = ()) -> list[Heard]:
        gone = set(lost)
        size = FRAME * self.rate // RATE
        for i in range(0, len(rx) - size + 1, size):
            self.frame(rx[i : i + size], None if tx is None else tx[i : i + size], i // size in gone)
        return self.heard

    def values(self, kind: str) -> list[str]:
        return [h.value for h in self.heard if h.kind == kind]


def pcm(x: np.ndarray) -> np.ndarray:
    return np.clip(np.round(x), -32768, 32767).astype(np.int16)


def level(x: np.ndarray, dbov: float) -> np.ndarray:
    """Scaled so that the RMS of its active part (within 30 dB of the loudest 20 ms) is that many dBov."""
    x = x.astype(float)
    frames = x[: len(x) // FRAME * FRAME].reshape(-1, FRAME)
    power = (frames**2).mean(axis=1)
    active = power[power > power.max() / 1000].mean()
    return x * (32768 * 10 ** (dbov / 20) / np.sqrt(active))


def sine(freqs: Iterable[float], ms: float, dbov: float = -16.0) -> np.ndarray:
    t = np.arange(round(ms * 8)) / RATE
    parts = [np.sin(2 * np.pi * f * t) for f in freqs]
    return sum(parts) * (32768 * 10 ** (dbov / 20) * np.sqrt(2 / len(parts)))


def silence(ms: float) -> np.ndarray:
    return np.zeros(round(ms * 8))


def noise(ms: float, dbov: float, rng: np.random.Generator) -> np.ndarray:
    return rng.normal(size=round(ms * 8)) * 32768 * 10 ** (dbov / 20)


def digit(key: str, ms: float = 100.0, dbov: float = -16.0, twist_db: float = 0.0, off: float = 0.0) -> np.ndarray:
    i = KEYS.index(key)
    t = np.arange(round(ms * 8)) / RATE
    half = 10 ** (twist_db / 40)
    row = np.sin(2 * np.pi * ROWS[i // 4] * (1 + off) * t) / half
    col = np.sin(2 * np.pi * COLS[i % 4] * (1 + off) * t) * half
    return (row + col) * 32768 * 10 ** (dbov / 20)


@functools.cache
def speech(text: str, voice: str = "en", speed: int = 160) -> np.ndarray:
    """What espeak-ng says, at 8 kHz, without its own level."""
    raw = subprocess.run(
        ["espeak-ng", "-v", voice, "-s", str(speed), "--stdout", text], capture_output=True, check=True
    ).stdout
    with wave.open(io.BytesIO(raw)) as f:
        rate = f.getframerate()
    common = math.gcd(RATE, rate)
    return signal.resample_poly(np.frombuffer(raw[44:], dtype="<i2").astype(float), RATE // common, rate // common)


def _through(law: int, x: np.ndarray) -> np.ndarray:
    samples = pcm(x)
    coded = _media.ffi.new("uint8_t[]", len(samples))
    out = np.empty(len(samples), dtype=np.int16)
    _media.lib.pcm_compress(law, _media.ffi.from_buffer("int16_t[]", samples), coded, len(samples))
    _media.lib.pcm_expand(law, coded, _media.ffi.from_buffer("int16_t[]", out), len(samples))
    return out


def alaw(x: np.ndarray) -> np.ndarray:
    """There and back through G.711 A-law."""
    return _through(8, x)


def ulaw(x: np.ndarray) -> np.ndarray:
    """There and back through G.711 µ-law."""
    return _through(0, x)


def packets_lost(frames: int, rate: float, rng: np.random.Generator) -> list[int]:
    return [int(i) for i in np.flatnonzero(rng.random(frames) < rate)]


def zero_fill(x: np.ndarray, lost: Iterable[int]) -> np.ndarray:
    out = x.copy()
    for i in lost:
        out[i * FRAME : (i + 1) * FRAME] = 0
    return out


def echo(tx: np.ndarray, delay_ms: float, db: float, path: np.ndarray | None = None) -> np.ndarray:
    x = np.concatenate([np.zeros(round(delay_ms * 8)), tx.astype(float)])[: len(tx)]
    if path is not None:
        x = signal.lfilter(path, [1.0], x)
    return x * 10 ** (db / 20)


def join(*parts: np.ndarray) -> np.ndarray:
    return np.concatenate(parts)


class Presses(NamedTuple):
    """A row of key presses: the signal, the keys, and where each one's time begins (samples; one more at the end)."""

    signal: np.ndarray
    keys: str
    edges: list[int]

    def heard_right(self, heard: Sequence[Heard]) -> int:
        """How many keys were heard exactly once, each within its own time, as what they were."""
        right = 0
        for i, key in enumerate(self.keys):
            low, high = self.edges[i] / RATE - 0.005, self.edges[i + 1] / RATE - 0.005
            right += [h.value for h in heard if low <= h.began < high] == [key]
        return right


def presses(count: int, ms: float, gap_ms: float, rng: np.random.Generator, dbov: float = -16.0) -> Presses:
    """`count` random keys at any place against the packets' borders."""
    keys = "".join(KEYS[i] for i in rng.integers(0, 16, count))
    parts, edges = [np.zeros(int(rng.integers(0, FRAME)))], []
    at = len(parts[0])
    for key in keys:
        edges.append(at)
        parts += [digit(key, ms, dbov), np.zeros(round(gap_ms * 8) + int(rng.integers(0, FRAME)))]
        at += len(parts[-1]) + len(parts[-2])
    return Presses(alaw(np.concatenate(parts)), keys, [*edges, at])


def report(capsys_disabled: Any, line: str) -> None:
    """Print a measured figure past pytest's capture: the rates are part of what a run says."""
    with capsys_disabled:
        print(f"\n  measured: {line}", end="")
