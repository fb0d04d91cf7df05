"""Makes a message fit to be played to people: silence and clicks at its ends trimmed, the key that ended the recording
left out, the speech at one level. In: WAV as phones, PCs and studios write it. Out: WAV, 8 kHz, 16 bit, mono."""

from __future__ import annotations

import contextlib
import os
import struct
import tempfile
from pathlib import Path
from typing import BinaryIO

import msgspec

from appliance.errors import SwitchroomError, because
from appliance.media._media import ffi, lib
from appliance.media.audio import RATE, resample
from appliance.sentences import Said, say
from appliance.system import files

KEEP_SECONDS = 0.15
"""Of what is before the first and behind the last sound: words begin and end softly."""
LEAST_SPEECH = 0.2
"""Seconds that must sound; less is a cough, or nothing."""
MOST_GAIN_DB = 24.0
CEILING = 0.89
"""-1 dBov: what coding to A-law and back may add still fits."""
SLACK_SECONDS = 0.5
MOST_SILENCE = 120.0
"""Seconds of silence around a message that are put up with, before the file is refused unread."""
CHUNK = 1 << 16
MOST_CHUNKS = 1000
"""Before the audio, in a file's header; a studio writes a dozen."""

_EXTENSIBLE = 0xFFFE
_WIDTHS = {lib.MESSAGE_PCM: (8, 16, 24, 32), lib.MESSAGE_ALAW: (8,), lib.MESSAGE_ULAW: (8,)}


class Prepared(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a message. Times in seconds; `peak` is the largest sample of the result, 0..1."""

    seconds: float
    trimmed_head: float
    trimmed_tail: float
    gain_db: float
    peak: float


class _Format(msgspec.Struct, frozen=True):
    encoding: int
    channels: int
    rate: int
    bits: int

    @property
    def frame_bytes(self) -> int:
        return self.channels * self.bits // 8


def prepare(
    path_in: str | Path, path_out: str | Path, *, max_seconds: float = 300.0, target_dbov: float = -20.0
) -> Prepared:
    """Read `path_in`, write `path_out` (whole or not at all; the two may be the same file), say what was done.

    `max_seconds` limits the result, `target_dbov` is its active speech level (ITU-T P.56; 0 is a full-scale square wave).
    Needs memory for the message at its own rate, as mono 16 bit. Raises SwitchroomError: "message.unreadable",
    "message.unsupported", "message.empty", "message.silent", "message.too-long", "message.unwritable"."""
    pcm = _read(Path(path_in), max_seconds + MOST_SILENCE)
    samples = ffi.from_buffer("int16_t[]", pcm)
    found = ffi.new("struct message_found *")
    if lib.message_find(samples, len(samples), found):
        raise MemoryError
    if found.speech_seconds < LEAST_SPEECH:
        raise SwitchroomError(
            "message.silent", "There is no speech in the message.", "Record it again, closer to the microphone."
        )
    keep = round(KEEP_SECONDS * RATE)
    start = max(0, found.start - keep)
    end = min(found.limit, found.end + keep)
    seconds = (end - start) / RATE
    if seconds > max_seconds + SLACK_SECONDS:
        raise _too_long(seconds, max_seconds)
    gain_db = min(MOST_GAIN_DB, target_dbov - found.active_dbov)
    out = ffi.new("int16_t[]", end - start)
    peak = ffi.new("double *")
    if lib.message_level(samples + start, end - start, 10.0 ** (gain_db / 20.0), CEILING, out, peak):
        raise MemoryError
    _write(Path(path_out), bytes(ffi.buffer(out)))
    return Prepared(
        seconds=seconds,
        trimmed_head=start / RATE,
        trimmed_tail=(len(samples) - end) / RATE,
        gain_db=round(gain_db, 2),
        peak=peak[0],
    )


# ---- reading ---------------------------------------------------------------------------------------------------------


def _read(path: Path, most_seconds: float) -> bytes:
    """The file as mono 16-bit PCM at 8 kHz."""
    try:
        with path.open("rb") as file:
            form, size = _seek_data(file, path)
            seconds = size / form.frame_bytes / form.rate
            if seconds > most_seconds:
                raise _too_long(seconds, most_seconds)
            pcm = _read_mono(file, form, size)
    except OSError as error:
        raise SwitchroomError("message.unreadable", "{path} cannot be read: {reason}.",
                              "Check the path and its permissions.", path=path, reason=because(error)) from None
    if len(pcm) < 2:
        raise SwitchroomError("message.empty", "{path} holds no audio.", "Record the message again.", path=path)
    return resample(bytes(pcm), form.rate, RATE)


def _read_mono(file: BinaryIO, form: _Format, size: int) -> bytearray:
    """Mono 16 bit at the file's own rate, chunk by chunk, so that the file itself need not be in memory."""
    pcm = bytearray()
    frames = max(1, CHUNK // form.frame_bytes)
    out = ffi.new("int16_t[]", frames)
    while size >= form.frame_bytes:
        data = file.read(min(size, frames * form.frame_bytes))
        count = len(data) // form.frame_bytes
        if not count:
            break  # the header promised more than there is: a recording that was cut off is still a recording
        lib.message_mono(data, count, form.encoding, form.bits // 8, form.channels, out)
        pcm += ffi.buffer(out, 2 * count)
        size -= len(data)
    return pcm


def _seek_data(file: BinaryIO, path: Path) -> tuple[_Format, int]:
    """Walk the chunks up to the audio; returns its format and its size as far as the file goes."""
    total = file.seek(0, os.SEEK_END)
    file.seek(0)
    head = file.read(12)
    if not head:
        raise SwitchroomError("message.empty", "{path} is empty.", "Record the message again.", path=path)
    if len(head) < 12 or head[:4] != b"RIFF" or head[8:] != b"WAVE":
        raise _unsupported(path, say("it is no WAV file"))
    form: _Format | None = None
    for _ in range(MOST_CHUNKS):
        chunk = file.read(8)
        if len(chunk) < 8:
            break
        name, size = struct.unpack("<4sI", chunk)
        here = file.tell()
        if name == b"fmt ":
            form = _format(file.read(min(size, 40)), path)
        elif name == b"data":
            if form is None:
                raise _unsupported(path, say("its format stands behind its data"))
            return form, min(size, total - here)
        file.seek(here + size + (size & 1))
    raise SwitchroomError("message.empty", "{path} holds no audio.", "Record the message again.", path=path)


def _format(body: bytes, path: Path) -> _Format:
    if len(body) < 16:
        raise _unsupported(path, say("its header is cut short"))
    encoding, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", body)
    if encoding == _EXTENSIBLE and len(body) >= 26:
        encoding = struct.unpack_from("<H", body, 24)[0]
    if bits not in _WIDTHS.get(encoding, ()):
        why = say("its encoding ({encoding}, {bits} bit) is not PCM, A-law or µ-law", encoding=encoding, bits=bits)
        raise _unsupported(path, why)
    if not 1 <= channels <= 8:
        raise _unsupported(path, say("it has {channels} channels", channels=channels))
    if not 8000 <= rate <= 96000:
        raise _unsupported(path, say("its rate of {rate} Hz is outside {range}", rate=rate, range="8000-96000"))
    return _Format(encoding, channels, rate, bits)


def _unsupported(path: Path, why: str | Said) -> SwitchroomError:
    return SwitchroomError("message.unsupported", "{path} cannot be used: {why}.",
                           "Save it as a WAV file: PCM, mono or stereo, 8 to 48 kHz.", path=path, why=why)


def _too_long(seconds: float, most: float) -> SwitchroomError:
    return SwitchroomError("message.too-long", "The message takes {seconds} s, more than {most} s.",
                           "Make it shorter, or raise the limit in the configuration.", seconds=f"{seconds:.0f}",
                           most=f"{most:.0f}")


# ---- writing ---------------------------------------------------------------------------------------------------------


def _write(path: Path, pcm: bytes) -> None:
    """A WAV file, on disk before it has its name: nobody ever plays half a message."""
    header = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(pcm), b"WAVE", b"fmt ", 16, 1, 1, RATE, 2 * RATE,
                         2, 16, b"data", len(pcm))  # fmt: skip
    name = ""
    try:
        with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".message-", delete=False) as file:
            name = file.name
            file.write(header)
            file.write(pcm)
        files.put(Path(name), path)
    except OSError as error:
        with contextlib.suppress(FileNotFoundError):
            if name:
                Path(name).unlink()
        raise SwitchroomError("message.unwritable", "{path} cannot be written: {reason}.", "Check the disk and its space.",
                              path=path, reason=because(error)) from None
