"""Making a recording whole that was cut off: the header says how much there is, and a kill may come between the two."""

from __future__ import annotations

import os
import struct
from pathlib import Path

from appliance.errors import SwitchroomError
from appliance.sentences import Said, say

HEADER = 44
_FORMAT = struct.Struct("<4sI4s4sIHHIIHH4sI")


def repair(path: Path) -> int:
    """Make the header of a recording (PCM, as record.c writes it) tell all that is in the file, cut a half sample, and sync it;
    frames in it. Raises SwitchroomError "recording.unreadable"."""
    try:
        with path.open("r+b") as file:
            head = file.read(HEADER)
            size = os.fstat(file.fileno()).st_size
            if len(head) < HEADER:
                raise _unreadable(path, say("it has no header"))
            riff, _, wave, fmt, fmt_size, kind, channels, rate, byte_rate, frame, bits, data, _ = _FORMAT.unpack(head)
            if (riff, wave, fmt, fmt_size, kind, data) != (b"RIFF", b"WAVE", b"fmt ", 16, 1, b"data") or not frame:
                raise _unreadable(path, say("it is no recording of ours"))
            length = (size - HEADER) // frame * frame
            file.seek(0)
            rest = (wave, fmt, 16, 1, channels, rate, byte_rate, frame, bits, data, length)
            file.write(_FORMAT.pack(riff, length + HEADER - 8, *rest))
            file.truncate(HEADER + length)
            file.flush()
            os.fsync(file.fileno())
            return int(length // frame)
    except OSError as problem:
        raise _unreadable(path, str(problem)) from problem


def _unreadable(path: Path, why: str | Said) -> SwitchroomError:
    return SwitchroomError("recording.unreadable", "The recording {path} cannot be read: {why}.",
                           "Restore it from a backup.", path=path, why=why)
