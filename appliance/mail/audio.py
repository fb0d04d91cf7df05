"""Makes a recorded message small enough for mail: 16-bit WAV to µ-law WAV, half the size, played by every program."""

from __future__ import annotations

import io
import struct
import sys
import wave
from array import array
from functools import cache

from appliance.errors import SwitchroomError

_BIAS = 0x84
_CLIP = 32635
_ULAW = 7
"""Format tag of µ-law in a WAV file (RFC 2361)."""


def ulaw(sample: int) -> int:
    """A 16-bit sample as a µ-law byte (ITU-T G.711)."""
    sign = 0x80 if sample < 0 else 0
    magnitude = min(-sample if sample < 0 else sample, _CLIP) + _BIAS
    exponent = magnitude.bit_length() - 8
    return ~(sign | exponent << 4 | magnitude >> (exponent + 3) & 0x0F) & 0xFF


@cache
def _table() -> bytes:
    """µ-law of every sample, by its lowest 16 bits."""
    return bytes(ulaw(value - 0x10000 if value & 0x8000 else value) for value in range(0x10000))


def small_wav(data: bytes) -> bytes:
    """A mono 16-bit WAV as a µ-law WAV of the same rate. Anything else is given back as it is.

    Raises SwitchroomError "mail.bad-audio" where it is no WAV at all."""
    try:
        with wave.open(io.BytesIO(data), "rb") as file:
            channels, width, rate = file.getnchannels(), file.getsampwidth(), file.getframerate()
            frames = file.readframes(file.getnframes())
    except wave.Error as problem:
        if data[:4] == b"RIFF" and "unknown format" in str(problem):
            return data
        raise SwitchroomError("mail.bad-audio", "The message is no WAV file ({problem}).", "Record it again.",
                              problem=problem) from problem
    except EOFError as problem:
        raise SwitchroomError("mail.bad-audio", "The message is cut short.", "Record it again.") from problem
    if channels != 1 or width != 2:
        return data
    samples = array("h", frames)
    if sys.byteorder == "big":
        samples.byteswap()
    table = _table()
    return _wav(bytes([table[sample & 0xFFFF] for sample in samples]), rate)


def _wav(body: bytes, rate: int) -> bytes:
    """A RIFF file with the `fact` chunk that compressed formats want."""
    form = struct.pack("<HHIIHHH", _ULAW, 1, rate, rate, 1, 8, 0)
    chunks = b"WAVEfmt " + struct.pack("<I", len(form)) + form
    chunks += b"fact" + struct.pack("<II", 4, len(body))
    chunks += b"data" + struct.pack("<I", len(body)) + body + b"\0" * (len(body) & 1)
    return b"RIFF" + struct.pack("<I", len(chunks)) + chunks
