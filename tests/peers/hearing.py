"""Is what a callee heard the operator's recording: whole, in order, at the right speed and level?

The recording is looked for by cross-correlation; then every 200 ms of it must stand exactly where it should. Only what
arrived is compared (a network loses packets, and that is not the sender's fault), but holes are measured. A message cut
by 200 ms at an end has pieces there that are like nothing; one played 1 % fast runs away from its place by 25 ms at both
ends of 5 s, where speech is no longer like itself; 6 dB are 6 dB. `compare` is for what came by RTP, to the sample;
`follow` for what went through somebody's adapting jitter buffer on its way (the operator's phone to our recording).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from tests.peers.sound import RATE, Samples, find

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


STEP = RATE // 25
"""A jitter buffer that adapts may leave out or add so much in one place (two packets), in a quiet moment."""
DRIFT = RATE // 10
"""And so much in all over a message of some seconds."""
CLEAR, CLEAR_SHARE = 0.98, 0.85
"""Correlation of pieces within which nothing was left out or added, and how many of them there must be."""
STRADDLING = 0.5
"""A piece in the midst of which something was left out or added correlates at least so well, its two parts each at their own
place; those at the ends by `LEAST_PIECE`."""


@dataclass(frozen=True)
class Followed:
    """A message that went through an adapting jitter buffer, followed piece by piece of 200 ms. `clear`: share of the
    pieces that correlate by 0.98; `piece`: the least; `ends`: of the first and the last; `step`, `drift`: the largest shift
    between neighbours, and in all, in seconds."""

    clear: float
    piece: float
    piece_at: float
    step: float
    drift: float
    ends: float

    @property
    def faults(self) -> list[str]:
        found = []
        if self.clear < CLEAR_SHARE:
            found.append(f"only {self.clear:.0%} of the pieces correlate by {CLEAR}")
        if self.ends < LEAST_PIECE:
            found.append(f"the first or last 200 ms correlate by {self.ends:.3f}")
        if self.piece < STRADDLING:
            found.append(f"the 200 ms at {self.piece_at:.1f} s correlate by {self.piece:.3f}")
        if self.drift > DRIFT / RATE:
            found.append(f"it drifts by {1000 * self.drift:.0f} ms")
        return found


def follow(heard: Samples, message: Samples) -> Followed:
    """Look for each 200 ms of `message` in `heard`, near where the one before was found."""
    pad = np.zeros(len(message))
    heard = np.concatenate([pad, heard, pad])
    here = int(np.argmax(signal.fftconvolve(heard, message[::-1], mode="valid")))
    mean = float(np.sqrt(np.mean(message**2)))
    scores, places, ats = [], [], []
    for at in _pieces(message):
        piece = message[at : at + PIECE]
        if np.sqrt(np.mean(piece**2)) < QUIET * mean:
            continue
        low = max(0, here + at - (DRIFT if not places else STEP))
        found, score = find(piece, heard[low : here + at + PIECE + (DRIFT if not places else STEP)])
        if score >= STRADDLING:
            here = low + found - at
        scores.append(score)
        places.append(here)
        ats.append(at)
    clear = [i for i, score in enumerate(scores) if score >= CLEAR]
    for i, at in enumerate(ats):
        before, after = [j for j in clear if j < i], [j for j in clear if j > i]
        if scores[i] < STRADDLING and before and after:
            there = [at + places[before[-1]], at + places[after[0]]]
            scores[i] = max(scores[i], _in_two(heard, message[at : at + PIECE], *there))
    steps = np.abs(np.diff(places)) if len(places) > 1 else np.zeros(1)
    worst = int(np.argmin(scores))
    return Followed(
        clear=float(np.mean(np.array(scores) >= CLEAR)), piece=float(scores[worst]), piece_at=ats[worst] / RATE,
        step=float(steps.max()) / RATE, drift=float(max(places) - min(places)) / RATE,
        ends=min(scores[0], scores[-1]),
    )


def _in_two(heard: Samples, piece: Samples, before: int, after: int) -> float:
    """How well the piece is there with its first part at `before` and the rest at `after`, wherever the step between stands;
    without what the step left out."""
    first, rest = heard[before : before + PIECE], heard[after : after + PIECE]
    lost = min(max(0, before - after), STEP)
    return max(_like(np.concatenate([first[:at], rest[at + lost :]]), np.concatenate([piece[:at], piece[at + lost :]]))
               for at in range(0, PIECE - lost, RATE // 400))


def _pieces(message: Samples) -> list[int]:
    """Where pieces begin: each half a piece, and the last at the very end."""
    return [*range(0, len(message) - PIECE, PIECE // 2), len(message) - PIECE]


def _like(a: Samples, b: Samples) -> float:
    norm = float(np.linalg.norm(a) * np.linalg.norm(b))
    return float(a @ b) / norm if norm > 0 else 0.0


def _gain_db(got: Samples, want: Samples) -> float:
    return float(20 * np.log10((np.linalg.norm(got) + 1e-9) / (np.linalg.norm(want) + 1e-9)))


def _worst_piece(got: Samples, want: Samples, there: Mask) -> tuple[float, int]:
    mean = float(np.sqrt(np.mean(want**2)))
    worst, where = 1.0, 0
    for at in _pieces(want):
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
