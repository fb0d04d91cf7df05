"""Files that come in with a form or a call of the API: kept no further than they may be long."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import IO

from appliance.errors import SwitchroomError
from appliance.sentences import Said, say
from appliance.system import precedence

MAX_RECORDING = 32 << 20
"""Bytes of a recording."""
CONVERT_SECONDS = 60.0
TYPES = {b"ID3": "mp3", b"OggS": "ogg", b"fLaC": "flac"}
"""What else than WAV is taken, by how it begins; sox is told the type, and guesses nothing."""


def keep(content: IO[bytes], out: Path, most: int, id: str, way_out: Said) -> None:
    """Raises SwitchroomError `id`, with the way out as its hint, where there are more than `most` bytes."""
    left = most
    with out.open("wb") as file:
        while data := content.read(1 << 16):
            left -= len(data)
            if left < 0:
                raise SwitchroomError(id, "The file has more than {most} MiB.", way_out, most=most >> 20)
            file.write(data)


def recording(content: IO[bytes], folder: Path, seconds: float) -> Path:
    """What somebody recorded, as a WAV file in `folder`: WAV as it is; MP3, Ogg Vorbis and FLAC by sox, cut a second after
    `seconds`. Raises SwitchroomError "message.…"."""
    source = folder / "source"
    keep(content, source, MAX_RECORDING, "message.too-large", say("Save it as mono, 8 or 16 kHz."))
    head = source.open("rb").read(4)
    kind = next((kind for mark, kind in TYPES.items() if head.startswith(mark)), "mp3" if head[:1] == b"\xff" else "")
    return _converted(source, kind, folder / "out.wav", seconds) if kind else source


def _converted(source: Path, kind: str, out: Path, seconds: float) -> Path:
    command = ["sox", "-D", "-V1", "--no-glob", "-t", kind, str(source), "-c", "1", "-b", "16", "-e", "signed", "-r", "16000",
               str(out), "trim", "0", f"{seconds + 1:.0f}"]
    try:
        precedence.run_behind(command, timeout=CONVERT_SECONDS)
    except FileNotFoundError:
        raise SwitchroomError("prompts.no-speech", "Only WAV can be read: sox is missing.",
                              "apt install sox libsox-fmt-mp3") from None
    except (OSError, subprocess.SubprocessError):
        raise SwitchroomError("message.unsupported", "This {kind} file cannot be read.", "Save it as a WAV file.",
                              kind=kind) from None
    return out
