"""A far end for media tests, independent of the engine: RTP, G.711 by the definition of ITU-T G.711, comparing of audio."""

from __future__ import annotations

import socket
import struct
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from appliance.media.engine import Engine, Port
from appliance.media.events import Digit, MediaEvent
from drivers.base import MediaAnswer
from tests.peers.net import wait_for

Pcm = NDArray[np.int16]
TYPES = {"PCMU": 0, "PCMA": 8, "G722": 9}
EVENT = 101
EVENT_NAMES = "0123456789*#ABCD"


def _ulaw_table() -> NDArray[np.int16]:
    codes = ~np.arange(256) & 0xFF
    magnitude = (((codes & 15) << 3) + 132 << ((codes >> 4) & 7)) - 132
    return np.where(codes & 128, -magnitude, magnitude).astype(np.int16)


def _alaw_table() -> NDArray[np.int16]:
    codes = np.arange(256) ^ 0x55
    exponent, mantissa = (codes >> 4) & 7, codes & 15
    magnitude = np.where(exponent == 0, (mantissa << 4) + 8, (mantissa << 4) + 264 << np.maximum(exponent - 1, 0))
    return np.where(codes & 128, magnitude, -magnitude).astype(np.int16)


TABLES = {"PCMU": _ulaw_table(), "PCMA": _alaw_table()}


def expand(codec: str, data: bytes) -> Pcm:
    return TABLES[codec][np.frombuffer(data, np.uint8)]


def compress(codec: str, pcm: Pcm) -> bytes:
    """The code whose value is nearest."""
    table = TABLES[codec].astype(np.int32)
    order = np.argsort(table, kind="stable")
    steps = table[order]
    at = np.clip(np.searchsorted(steps, pcm), 1, 255)
    nearer = np.where(pcm - steps[at - 1] <= steps[at] - pcm, at - 1, at)
    return order[nearer].astype(np.uint8).tobytes()


def speech(seconds: float, seed: int = 1, level: float = 5000.0) -> Pcm:
    """Something like speech to a correlator: noise below 1500 Hz, in syllables that never fall silent."""
    rng = np.random.default_rng(seed)
    n = int(seconds * 8000)
    noise = np.convolve(rng.standard_normal(n + 16), np.hanning(9) / np.hanning(9).sum(), "same")[:n]
    envelope = 0.6 + 0.4 * np.sin(2 * np.pi * 4 * np.arange(n) / 8000)
    out = noise / noise.std() * level * envelope
    return np.clip(out, -30000, 30000).astype(np.int16)


def tone(hz: float, seconds: float, amplitude: float = 8000.0) -> Pcm:
    return (amplitude * np.sin(2 * np.pi * hz * np.arange(int(seconds * 8000)) / 8000)).astype(np.int16)


def power_at(pcm: Pcm, hz: float) -> float:
    """Amplitude of one frequency in the signal."""
    t = np.arange(len(pcm)) / 8000
    return float(2 * abs(np.mean(pcm * np.exp(-2j * np.pi * hz * t))))


@dataclass(frozen=True)
class Match:
    """Where `source` begins in what was captured, how like it is (1.0: the same shape), how loud (1.0: the same)."""

    offset: int
    correlation: float
    gain: float
    worst: float
    """The least like 200 ms of it, each looked for within 40 ms of where it should be."""


def match(captured: Pcm, source: Pcm, slack: int = 320) -> Match:
    """Compare by correlation. A message cut by 200 ms has a 200 ms piece that is like nothing: `worst` near 0."""
    have, want = captured.astype(float), source.astype(float)
    have = np.concatenate([have, np.zeros(max(0, len(want) - len(have)) + slack)])
    size = 1 << int(np.ceil(np.log2(len(have) + len(want))))
    cross = np.fft.irfft(np.fft.rfft(have, size) * np.conj(np.fft.rfft(want, size)), size)
    offset = int(np.argmax(cross[: len(have) - len(want) + 1]))
    piece = have[offset : offset + len(want)]
    worst = min(_likeness(have, want[k : k + 1600], offset + k, slack) for k in range(0, len(want) - 1599, 800))
    norm = np.linalg.norm(piece) * np.linalg.norm(want)
    return Match(
        offset=offset,
        correlation=float(piece @ want / norm) if norm else 0.0,
        gain=float(np.linalg.norm(piece) / np.linalg.norm(want)),
        worst=worst,
    )


def _likeness(have: NDArray[np.float64], piece: NDArray[np.float64], at: int, slack: int) -> float:
    low = max(0, at - slack)
    area = have[low : at + len(piece) + slack]
    if len(area) < len(piece):
        return 0.0
    cross = np.correlate(area, piece, "valid")
    energy = np.convolve(area**2, np.ones(len(piece)), "valid")
    return float(np.max(cross / (np.sqrt(np.maximum(energy, 1.0)) * np.linalg.norm(piece))))


@dataclass(frozen=True)
class Rtp:
    type: int
    marker: bool
    seq: int
    ts: int
    ssrc: int
    payload: bytes
    at: float


def pack(kind: int, seq: int, ts: int, ssrc: int, payload: bytes, marker: bool = False) -> bytes:
    head = struct.pack("!BBHII", 0x80, kind | marker << 7, seq & 0xFFFF, ts & 0xFFFFFFFF, ssrc)
    return head + payload


class Far:
    """A telephone for one port: takes every packet it gets, sends audio in real time from a thread of its own."""

    def __init__(self, codec: str = "PCMA", host: str = "127.0.0.1", event: int = EVENT) -> None:
        self.codec = codec
        self.host = host
        self.event = event
        self.peer = "127.0.0.1"
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        self.socket.bind((host, 0))
        self.packets: list[Rtp] = []
        self.seq, self.ts, self.ssrc = 65500, 4294960000, 0x1234
        self._stop = False
        self._threads = [threading.Thread(target=self._listen, daemon=True)]
        self._threads[0].start()

    @property
    def port(self) -> int:
        return int(self.socket.getsockname()[1])

    def __enter__(self) -> Far:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stop = True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as bell:
            bell.sendto(b"", (self.host, self.port))
        for thread in self._threads:
            thread.join()
        self.socket.close()

    def answer(self, **changes: object) -> MediaAnswer:
        """What our SDP would say."""
        fields: dict[str, object] = {
            "host": self.host,
            "port": self.port,
            "codec": self.codec,
            "payload_type": TYPES[self.codec],
            "telephone_event": self.event,
        }
        return MediaAnswer(**(fields | changes))  # type: ignore[arg-type]

    def _listen(self) -> None:
        while not self._stop:
            data = self.socket.recv(4096)
            if len(data) < 12:
                continue
            _, kind, seq, ts, ssrc = struct.unpack_from("!BBHII", data)
            self.packets.append(Rtp(kind & 127, kind > 127, seq, ts, ssrc, data[12:], time.monotonic()))

    # -- what it heard --

    def audio(self) -> list[Rtp]:
        return [p for p in list(self.packets) if p.type == TYPES[self.codec]]

    def pcm(self) -> Pcm:
        """All it heard, put in place by timestamp; what is missing is 0. For G.711."""
        packets = self.audio()
        if not packets:
            return np.zeros(0, np.int16)
        start = packets[0].ts
        places = [((p.ts - start + (1 << 31)) & 0xFFFFFFFF) - (1 << 31) for p in packets]
        out = np.zeros(max(places) + len(packets[places.index(max(places))].payload), np.int16)
        for at, packet in zip(places, packets, strict=True):
            if at >= 0:
                out[at : at + len(packet.payload)] = expand(self.codec, packet.payload)
        return out

    def digits(self) -> list[tuple[str, int]]:
        """Presses by telephone-event: the digit and its last duration in ms."""
        found: dict[int, tuple[str, int]] = {}
        for p in list(self.packets):
            if p.type == self.event:
                found[p.ts] = (EVENT_NAMES[p.payload[0]], struct.unpack("!H", p.payload[2:4])[0] // 8)
        return list(found.values())

    # -- what it says --

    def send(self, payload: bytes, to: int, *, kind: int | None = None, ts: int | None = None, marker: bool = False) -> None:
        number = TYPES[self.codec] if kind is None else kind
        data = pack(number, self.seq, self.ts if ts is None else ts, self.ssrc, payload, marker)
        self.seq += 1
        self.socket.sendto(data, (self.peer, to))

    def say(self, pcm: Pcm | bytes, to: int, *, drift_ppm: float = 0.0) -> threading.Thread:
        """Send audio (PCM for G.711, or bytes as coded) in packets of 20 ms, in real time; join the thread to wait."""
        data = pcm if isinstance(pcm, bytes) else compress(self.codec, pcm)
        frames = [data[i : i + 160] for i in range(0, len(data) - 159, 160)]
        thread = threading.Thread(target=self._say, args=(frames, to, 0.02 * (1 - drift_ppm * 1e-6)), daemon=True)
        self._threads.append(thread)
        thread.start()
        return thread

    def _say(self, frames: Sequence[bytes], to: int, pause: float) -> None:
        due = time.monotonic()
        for frame in frames:
            if self._stop:
                return
            self.send(frame, to)
            self.ts += len(frame)
            due += pause
            time.sleep(max(0.0, due - time.monotonic()))

    def press(self, digit: str, to: int, *, packets: int = 5, drop: Sequence[int] = ()) -> None:
        """A digit by telephone-event; `drop` names packets (by their number) that never leave. No pacing."""
        event = EVENT_NAMES.index(digit)
        for i in range(packets + 2):
            end = i >= packets - 1
            body = struct.pack("!BBH", event, (128 if end else 0) | 10, 160 * min(i + 1, packets))
            if i in drop:
                self.seq += 1
            else:
                self.send(body, to, kind=self.event, marker=i == 0)
        self.ts += 160 * (packets + 5)


def collect(
    engine: Engine, got: list[MediaEvent], kind: type[MediaEvent], count: int = 1, seconds: float = 10
) -> list[MediaEvent]:
    """Drain events into `got` until it holds `count` of that kind; returns these."""

    def there() -> list[MediaEvent] | None:
        got.extend(engine.events())
        found = [e for e in got if isinstance(e, kind)]
        return found if len(found) >= count else None

    return wait_for(there, seconds, f"{count} x {kind.__name__} in {got}") or []


def until(what: Callable[[], object], why: str, seconds: float = 10) -> None:
    wait_for(what, seconds, why)


def connect(media: Port, far: Far, /, **changes: object) -> None:
    media.connect(far.answer(**changes))


def digits_of(events: list[MediaEvent]) -> list[tuple[str, str]]:
    return [(e.digit, e.source) for e in events if isinstance(e, Digit)]
