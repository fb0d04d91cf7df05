"""Is what a callee heard the operator's recording: whole, in order, at the right speed and level?

The recording is looked for by cross-correlation; then every 200 ms of it must stand exactly where it should. Only what
arrived is compared (a network loses packets, and that is not the sender's fault), but holes are measured. A message cut
by 200 ms at an end has pieces there that are like nothing; one played 1 % fast runs away from its place by 25 ms at both
ends of 5 s, where speech is no longer like itself; 6 dB are 6 dB.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from tests.peers.sound import RATE, Samples

Mask = NDArray[np.bool_]

LEAST_CORRELATION = 0.98
"""Of the whole, on what arrived. G.711 alone leaves above 0.999."""
LEAST_PIECE = 0.90
"""Of the least like 200 ms."""
LEVEL_WITHIN = 1.0
"""dB."""
LONGEST_HOLE = 0.12
"""Seconds. At 5 % loss more than six packets of 20 ms in a row are lost once in 60 million."""
PIECE = RATE // 5
QUIET = 0.05
"""A piece with less than this share of the message's mean amplitude is a pause: there is nothing to compare."""


@dataclass(frozen=True)
class Heard:
    """`offset` samples into what was heard the message begins; `level_db` louder than the original; `piece` the
    correlation of its least like 200 ms and `piece_at` (s) where that stands; `hole` the longest gap in seconds."""

    offset: int
    correlation: float
    level_db: float
    piece: float
    piece_at: float
    hole: float

    @property
    def faults(self) -> list[str]:
        """Why this is not the message; empty where it is."""
        found = []
        if self.correlation < LEAST_CORRELATION:
            found.append(f"correlation {self.correlation:.3f} is below {LEAST_CORRELATION}")
        if self.piece < LEAST_PIECE:
            found.append(f"the 200 ms at {self.piece_at:.1f} s correlate by {self.piece:.3f}, below {LEAST_PIECE}")
        if abs(self.level_db) > LEVEL_WITHIN:
            found.append(f"level is off by {self.level_db:+.1f} dB")
        if self.hole > LONGEST_HOLE:
            found.append(f"{1000 * self.hole:.0f} ms are missing at a stretch")
        return found


def compare(heard: Samples, message: Samples, arrived: Mask | None = None) -> Heard:
    """Look for `message` in `heard` and compare. `arrived`: which samples of `heard` came at all (default all)."""
    arrived = np.ones(len(heard), bool) if arrived is None else arrived
    pad = np.zeros(len(message))  # a message whose head is missing begins before the capture does
    heard = np.concatenate([pad, np.where(arrived, heard, 0.0), pad])
    arrived = np.concatenate([pad > 0, arrived, pad > 0])
    dots = signal.fftconvolve(heard, message[::-1], mode="valid")
    offset = int(np.argmax(dots))
    got, there = heard[offset : offset + len(message)], arrived[offset : offset + len(message)]
    piece, at = _worst_piece(got, message, there)
    return Heard(
        offset=offset - len(pad), correlation=_like(got[there], message[there]), level_db=_gain_db(got[there], message[there]),
        piece=piece, piece_at=at / RATE, hole=_longest_hole(there) / RATE,
    )


def _like(a: Samples, b: Samples) -> float:
    norm = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / norm if norm > 0 else 0.0


def _gain_db(got: Samples, want: Samples) -> float:
    return float(20 * np.log10((np.linalg.norm(got) + 1e-9) / (np.linalg.norm(want) + 1e-9)))


def _worst_piece(got: Samples, want: Samples, there: Mask) -> tuple[float, int]:
    mean = float(np.sqrt(np.mean(want**2)))
    worst, where = 1.0, 0
    for at in range(0, len(want) - PIECE + 1, PIECE // 2):
        here = slice(at, at + PIECE)
        if np.sqrt(np.mean(want[here] ** 2)) < QUIET * mean:
            continue
        if np.sqrt(np.mean(want[here][there[here]] ** 2)) < QUIET * mean if there[here].any() else False:
            continue  # what arrived of it is a pause
        score = _like(got[here][there[here]], want[here][there[here]])
        if score < worst:
            worst, where = score, at
    return worst, where


def _longest_hole(there: Mask) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[1], there.astype(np.int8), [1]])))
    return int(max(edges[1::2] - edges[::2], default=0))
