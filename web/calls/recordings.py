"""The recordings of a call: found by what the ledger says of them, never by a path from outside; their shape for the eye. Without
Flask."""

from __future__ import annotations

import re
import wave
from array import array
from collections.abc import Iterable
from pathlib import Path

from appliance import messages as m
from appliance.errors import SwitchroomError
from appliance.ledger import kept as ledger_kept
from appliance.ledger.reader import LedgerReader
from appliance.users.model import User
from web.calls import met, search

ID = re.compile(r"([0-9a-z]{4,40})-[0-9]{1,3}")
"""A recording's id: its call's, and which one of that call."""
POINTS = 300
LOOKED_AT = 2_000
"""Frames of each of the POINTS stretches that are looked at: an hour costs no more than a minute."""


class Kept(ledger_kept.Kept, kw_only=True):
    """A recording. `there` whether its file is; `pauses` how often it was paused."""

    id: str
    name: str
    """Its file below recordings/."""
    pauses: int = 0
    there: bool = False


def kept_of(events: Iterable[m.Event], call: str) -> dict[str, Kept]:
    """The recordings of a call, by the name of their file below recordings/."""
    found: dict[str, Kept] = {}
    for event in events:
        if isinstance(event, m.RecordingStarted) and event.call == call:
            found[event.recording] = Kept(id=Path(event.recording).stem, name=event.recording, call=call, queue=event.queue,
                                          why=event.why)
        elif isinstance(event, m.RecordingPaused) and event.recording in found:
            found[event.recording].pauses += event.paused
        elif isinstance(event, m.RecordingEnded) and event.recording in found:
            found[event.recording].end(event)
    return found


def of_call(folder: Path, events: Iterable[m.Event], call: str) -> list[Kept]:
    found = kept_of(events, call)
    for name, kept in found.items():
        kept.there = inside(folder, name) is not None
    return list(found.values())


def inside(folder: Path, name: str) -> Path | None:
    """The file of that name, where it is one and in the folder; no link leads out of it."""
    try:
        path = (folder / name).resolve(strict=True)
    except (OSError, ValueError):
        return None
    return path if path.is_file() and path.is_relative_to(folder.resolve()) else None


def find(reader: LedgerReader, folder: Path, id: str, user: User) -> tuple[Kept, Path]:
    """Raises SwitchroomError "recording.unknown"."""
    named = ID.fullmatch(id)
    if named is not None:
        try:
            cdr, _ = search.one(reader, named[1], user)
        except SwitchroomError as problem:
            if problem.id != "call.unknown":
                raise
        else:
            for name, kept in kept_of(met.events_of(reader, [cdr]), cdr.call).items():
                path = inside(folder, name)
                if kept.id == id and path is not None and user.sees_queue(kept.queue):
                    return kept, path
    raise SwitchroomError("recording.unknown", "There is no such recording.",
                          "It may have been erased: see the page of its call.")


def peaks(path: Path, points: int = POINTS) -> list[list[float]]:
    """How loud it is over time, 0..1, of each channel (the caller, the office); a sample of each stretch is looked at. Empty
    where it cannot be read."""
    try:
        with wave.open(str(path), "rb") as file:
            frames, channels = file.getnframes(), file.getnchannels()
            if file.getsampwidth() != 2 or not frames or channels > 2:
                return []
            found: list[list[float]] = [[] for _ in range(channels)]
            for point in range(min(points, frames)):
                file.setpos(point * frames // points if frames > points else point)
                samples = array("h", file.readframes(min(LOOKED_AT, max(1, frames // points))))
                for channel, heights in enumerate(found):
                    part = samples[channel::channels]
                    heights.append(max(*part, -min(part)) / 32768 if part else 0.0)
            return found
    except (OSError, EOFError, wave.Error, ValueError):
        return []


def outline(heights: list[float], up: bool) -> str:
    """The path of a channel's shape in a box of POINTS x 100: above its middle line, or below."""
    if not heights:
        return ""
    sign = -1 if up else 1
    top = " ".join(f"L{x} {50 + sign * (1 + 48 * height):.1f}" for x, height in enumerate(heights))
    return f"M0 50 {top} L{len(heights) - 1} 50 Z"
