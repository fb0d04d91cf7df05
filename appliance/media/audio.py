"""Audio files as the engine plays them: read, checked, converted to 16-bit PCM at 8 kHz, and kept for the next call.

Understood: WAV with PCM (8, 16, 24 or 32 bit), A-law or µ-law, mono or more channels (mixed), any rate from 4 to 192
kHz; and headerless G.711 in files named .alaw/.al or .ulaw/.ul/.mulaw. Everything here may take milliseconds and
touches the disk: it runs on the control side, never on a media thread.
"""

from __future__ import annotations

import array
import asyncio
import os
import struct
import sys
import time
from collections import OrderedDict
from pathlib import Path
from typing import Any

from appliance.errors import SwitchroomError, because
from appliance.media._media import ffi, lib
from appliance.sentences import Said, say

RATE = 8000
TRUSTED_SECONDS = 0.1
"""A thousand calls a second hear the same prompt: its file is looked at ten times a second."""
MAX_BYTES = 256 << 20
"""A longer file is refused: four hours of telephone audio are nothing to be played to a caller."""
WAVE_PCM, WAVE_ALAW, WAVE_ULAW, WAVE_EXTENSIBLE = 1, 6, 7, 0xFFFE
RAW_LAWS = {".alaw": 8, ".al": 8, ".ulaw": 0, ".ul": 0, ".mulaw": 0}


class Audio:
    """PCM held on the C side; its memory goes when the last playback and the last Audio let go of it."""

    def __init__(self, handle: Any, samples: int) -> None:
        self.handle = handle
        self.samples = samples

    @classmethod
    def of_pcm(cls, pcm: bytes) -> Audio:
        """16-bit samples at 8 kHz in native byte order."""
        samples = len(pcm) // 2
        raw = lib.clip_alloc(samples)
        if raw == ffi.NULL:
            raise SwitchroomError("media.memory", "There is no memory for this audio.", "Use a shorter file.")
        handle = ffi.gc(raw, lib.clip_free, size=2 * samples)
        ffi.memmove(lib.clip_samples(handle), pcm, 2 * samples)
        return cls(handle, samples)

    @property
    def seconds(self) -> float:
        return self.samples / RATE

    def pcm(self) -> bytes:
        """The samples again, as `of_pcm` takes them."""
        return bytes(ffi.buffer(lib.clip_samples(self.handle), 2 * self.samples))


class AudioCache:
    """The files last played, up to `limit` bytes of PCM, by path; a file that changed (mtime, size) is read anew, at the
    latest TRUSTED_SECONDS later."""

    def __init__(self, limit: int = 64 << 20) -> None:
        self.limit = limit
        self.held = 0
        self._entries: OrderedDict[str, tuple[tuple[int, int], Audio, float]] = OrderedDict()
        """Path -> (mtime and size, audio, monotonic time until which the file is not looked at again)."""

    def load(self, path: str | Path) -> Audio:
        """The file's audio. Raises "media.file" with what is wrong with it."""
        name = str(path)
        known, now = self._entries.get(name), time.monotonic()
        if known is not None and now < known[2]:
            return known[1]
        try:
            stat = os.stat(name)  # noqa: PTH116 - done for every clip that is played; pathlib costs more than the call
        except OSError as error:
            raise _bad(Path(path), because(error)) from None
        stamp = (stat.st_mtime_ns, stat.st_size)
        if known is not None and known[0] == stamp:
            self._entries[name] = (stamp, known[1], now + TRUSTED_SECONDS)
            self._entries.move_to_end(name)
            return known[1]
        path = Path(path)
        if stat.st_size > MAX_BYTES:
            raise _bad(path, say("it has {size} MB, more than {most}", size=stat.st_size >> 20, most=MAX_BYTES >> 20))
        audio = read_audio(path)
        self._keep(name, stamp, audio, now + TRUSTED_SECONDS)
        return audio

    async def make_ready(self, path: str | Path) -> None:
        """Read a file beside the calls, so that the first who plays it need not wait. Raises "media.file"."""
        file = Path(path)
        try:
            stat = file.stat()
        except OSError as error:
            raise _bad(file, because(error)) from None
        if str(path) not in self._entries and stat.st_size <= MAX_BYTES:
            audio = await asyncio.to_thread(read_audio, file)
            self._keep(str(path), (stat.st_mtime_ns, stat.st_size), audio, time.monotonic() + TRUSTED_SECONDS)

    def _keep(self, key: str, stamp: tuple[int, int], audio: Audio, until: float) -> None:
        old = self._entries.pop(key, None)
        if old is not None:
            self.held -= 2 * old[1].samples
        if 2 * audio.samples > self.limit:
            return
        self._entries[key] = (stamp, audio, until)
        self.held += 2 * audio.samples
        while self.held > self.limit:
            _, (_, oldest, _) = self._entries.popitem(last=False)
            self.held -= 2 * oldest.samples


def read_audio(path: Path) -> Audio:
    """One file, converted."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise _bad(path, because(error)) from None
    law = RAW_LAWS.get(path.suffix.lower())
    if law is not None and data[:4] != b"RIFF":
        return Audio.of_pcm(_expand(law, data))
    try:
        pcm, rate = parse_wav(data)
    except _Unfit as error:
        raise _bad(path, error.why) from None
    return Audio.of_pcm(resample(pcm, rate, RATE))


def resample(pcm: bytes, rate_in: int, rate_out: int) -> bytes:
    """16-bit mono PCM at another rate (windowed sinc)."""
    if rate_in == rate_out or not pcm:
        return pcm
    samples = len(pcm) // 2
    size = lib.pcm_resampled(samples, rate_in, rate_out)
    out = ffi.new("int16_t[]", size)
    lib.pcm_resample(ffi.from_buffer("int16_t[]", pcm), samples, rate_in, out, rate_out)
    return bytes(ffi.buffer(out, 2 * size))


def parse_wav(data: bytes) -> tuple[bytes, int]:
    """A WAV file as mono 16-bit PCM in native byte order, and its rate. Raises ValueError in words for a person."""
    if len(data) < 12 or data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise _Unfit(say("it is no WAV file"))
    form: tuple[int, int, int, int] | None = None
    at = 12
    while at + 8 <= len(data):
        name, size = data[at : at + 4], struct.unpack_from("<I", data, at + 4)[0]
        body = data[at + 8 : at + 8 + size]
        if name == b"fmt ":
            form = _format(body)
        elif name == b"data":
            if form is None:
                raise _Unfit(say("its format stands behind its data"))
            return _mono(body, *form[:3]), form[3]
        at += 8 + size + (size & 1)
    raise _Unfit(say("it holds no audio data"))


def _format(body: bytes) -> tuple[int, int, int, int]:
    """(encoding, channels, bits, rate) out of a fmt chunk, checked."""
    if len(body) < 16:
        raise _Unfit(say("its format is cut short"))
    encoding, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", body)
    if encoding == WAVE_EXTENSIBLE and len(body) >= 26:
        encoding = struct.unpack_from("<H", body, 24)[0]
    known = bits in (8, 16, 24, 32) if encoding == WAVE_PCM else encoding in (WAVE_ALAW, WAVE_ULAW) and bits == 8
    if not known:
        raise _Unfit(say("its encoding ({encoding}, {bits} bit) is not PCM, A-law or µ-law", encoding=encoding, bits=bits))
    if not 1 <= channels <= 8:
        raise _Unfit(say("it has {channels} channels", channels=channels))
    if not 4000 <= rate <= 192000:
        raise _Unfit(say("its rate of {rate} Hz is outside {range}", rate=rate, range="4000-192000"))
    return encoding, channels, bits, rate


def _mono(body: bytes, encoding: int, channels: int, bits: int) -> bytes:
    if encoding == WAVE_ALAW:
        pcm = _expand(8, body)
    elif encoding == WAVE_ULAW:
        pcm = _expand(0, body)
    else:
        pcm = _sixteen(body, bits // 8)
    if channels == 1:
        return pcm[: len(pcm) & ~1]
    samples = array.array("h", pcm[: len(pcm) // (2 * channels) * 2 * channels])
    parts = [samples[i::channels] for i in range(channels)]
    return array.array("h", [sum(frame) // channels for frame in zip(*parts, strict=True)]).tobytes()


def _sixteen(body: bytes, width: int) -> bytes:
    """Little-endian PCM of `width` bytes as native 16-bit: the two highest bytes of each sample."""
    body = body[: len(body) // width * width]
    if width == 1:
        return array.array("h", [(b - 128) << 8 for b in body]).tobytes()
    out = bytearray(len(body) // width * 2)
    low, high = (0, 1) if sys.byteorder == "little" else (1, 0)
    out[low::2] = body[width - 2 :: width]
    out[high::2] = body[width - 1 :: width]
    return bytes(out)


def _expand(law: int, data: bytes) -> bytes:
    out = ffi.new("int16_t[]", len(data))
    lib.pcm_expand(law, ffi.from_buffer("uint8_t[]", data), out, len(data))
    return bytes(ffi.buffer(out, 2 * len(data)))


class _Unfit(ValueError):
    """A file that cannot be played, and why."""

    def __init__(self, why: Said) -> None:
        super().__init__(str(why))
        self.why = why


def _bad(path: Path, why: str | Said) -> SwitchroomError:
    return SwitchroomError("media.file", "{name} cannot be played: {why}.", "Use a WAV file with PCM, A-law or µ-law audio.",
                           name=path.name, why=why)
