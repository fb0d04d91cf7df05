"""The built-in melody for callers who wait, composed for this and synthesised at set-up: no file to ship, no licence to pay.

Plucked notes with few overtones, all within the band of a telephone, quieter than speech, and running into their own
beginning, so that the melody can be played in a loop for as long as it takes.
"""

from __future__ import annotations

import math
from array import array
from itertools import accumulate, repeat
from operator import add, mul
from pathlib import Path

VERSION = 1
"""Raise it when the melody changes: it is part of the file's name."""
LEVEL_DBOV = -26.0
"""Mean level: a caller who waits turns the volume up for speech, not for this."""

_BEAT_SECONDS = 0.8
_NOTE_SECONDS = 2.4
_ATTACK_SECONDS = 0.012
_RELEASE_SECONDS = 0.08
_PARTIALS = ((1, 1.0, 1.6), (2, 0.32, 2.6), (3, 0.12, 3.8))
"""Multiple of the note's frequency, strength, and how fast it dies away (1/s)."""
_HIGHEST_HZ = 3300.0

# MIDI numbers. One bar has four beats; a chord is broken into eight half beats, low to high and back.
_CHORDS = {
    "C": (48, 55, 60, 64, 67, 64, 60, 55),
    "Am": (45, 52, 57, 60, 64, 60, 57, 52),
    "F": (53, 57, 60, 65, 69, 65, 60, 57),
    "G": (43, 50, 55, 59, 62, 59, 55, 50),
    "Em": (52, 55, 59, 64, 67, 64, 59, 55),
    "Dm": (50, 57, 62, 65, 69, 65, 62, 57),
}
_BARS = (
    "C", "G", "Am", "Em", "F", "C", "Dm", "G",
    "C", "G", "Am", "Em", "F", "C", "G", "C",
    "F", "G", "Em", "Am", "Dm", "G", "C", "G",
)  # fmt: skip
_TUNE = (
    # (MIDI number, beats), 0 rests; as many beats as the bars have
    (76, 2), (74, 1), (72, 1), (74, 3), (0, 1), (72, 2), (69, 1), (72, 1), (71, 3), (0, 1),
    (69, 2), (72, 1), (77, 1), (76, 3), (0, 1), (74, 2), (77, 1), (76, 1), (74, 3), (0, 1),
    (79, 2), (76, 1), (72, 1), (74, 3), (0, 1), (72, 2), (76, 1), (72, 1), (71, 3), (0, 1),
    (69, 2), (72, 1), (69, 1), (67, 2), (72, 2), (71, 2), (74, 2), (72, 3), (0, 1),
    (77, 2), (76, 1), (74, 1), (79, 3), (0, 1), (76, 2), (74, 1), (71, 1), (72, 3), (0, 1),
    (74, 2), (77, 1), (74, 1), (71, 2), (74, 2), (72, 4), (0, 4),
)  # fmt: skip
_TUNE_STRENGTH = 1.0
_CHORD_STRENGTH = 0.42


def melody_path(out: Path, rate: int) -> Path:
    """Where the built-in melody stands; its version is part of the name, so that another one is made anew."""
    return out / str(rate) / f"melody-{VERSION}.wav"


def melody(rate: int) -> array[int]:
    """All of it, 16 bit, mono."""
    beats = 4 * len(_BARS)
    mixed = array("d", bytes(8 * int(beats * _BEAT_SECONDS * rate)))
    score = _score()
    notes = {note: _note(note, rate) for note in {note for _, note, _ in score}}
    struck = {(note, strength): array("d", map(strength.__mul__, notes[note])) for note, strength in {x[1:] for x in score}}
    for beat, note, strength in score:
        at = int(beat * _BEAT_SECONDS * rate)
        sound = struck[note, strength]
        _add(mixed, at, sound[: len(mixed) - at])
        _add(mixed, 0, sound[len(mixed) - at :])  # what rings on at the end does so into the beginning
    rms = math.sqrt(sum(map(mul, mixed, mixed)) / len(mixed))
    gain = 32768 * 10 ** (LEVEL_DBOV / 20) / rms
    return array("h", map(round, map(gain.__mul__, mixed)))


def _add(mixed: array[float], at: int, sound: array[float]) -> None:
    mixed[at : at + len(sound)] = array("d", map(add, mixed[at : at + len(sound)], sound))


def _score() -> list[tuple[float, int, float]]:
    """Every note: the beat it begins on, its MIDI number, its strength."""
    notes: list[tuple[float, int, float]] = []
    for bar, chord in enumerate(_BARS):
        notes += [(4 * bar + half / 2, note, _CHORD_STRENGTH) for half, note in enumerate(_CHORDS[chord])]
    beat = 0
    for note, beats in _TUNE:
        if note:
            notes.append((beat, note, _TUNE_STRENGTH))
        beat += beats
    return notes


def _note(midi: int, rate: int) -> array[float]:
    """One plucked note, 0 dB at its strongest partial."""
    hertz = 440.0 * 2 ** ((midi - 69) / 12)
    made = array("d", bytes(8 * int(_NOTE_SECONDS * rate)))
    for multiple, strength, decay in _PARTIALS:
        if hertz * multiple > _HIGHEST_HZ:
            continue
        turn, fade = 2 * math.pi * hertz * multiple / rate, math.exp(-decay / rate)
        wave = map(math.sin, map(turn.__mul__, range(len(made))))
        _add(made, 0, array("d", map(mul, accumulate(repeat(fade, len(made) - 1), mul, initial=strength), wave)))
    attack, release = int(_ATTACK_SECONDS * rate), int(_RELEASE_SECONDS * rate)
    for index in range(attack):
        made[index] *= index / attack
    for index in range(release):
        made[-1 - index] *= index / release
    return made
