"""Quarter hours since 1970, hours and days (UTC) made of them, and how a period is covered by few of them. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

SLOT: Final = 900
"""Seconds. Every time zone's midnight falls on a multiple of it."""
SLOT_MS: Final = SLOT * 1000
LEVELS: Final = (1, 4, 96)
"""Quarter hours in a quarter hour, an hour and a day: sums are kept of each."""


def slot_of(utc: float) -> int:
    return max(0, int(utc // SLOT))


def slot_end(utc: float) -> int:
    """The first quarter hour that begins at or after `utc`."""
    return max(0, -int(-utc // SLOT))


def cover(first: int, end: int) -> Iterator[tuple[int, int, int]]:
    """The quarter hours [first, end) as (level, from, to): runs of whole days, hours, quarter hours, `to` exclusive and in
    units of the level."""
    yield from _cover(first, end, len(LEVELS) - 1)


def _cover(first: int, end: int, level: int) -> Iterator[tuple[int, int, int]]:
    if first >= end:
        return
    size = LEVELS[level]
    low, high = -(-first // size), end // size
    if level == 0:
        yield 0, first, end
    elif low >= high:
        yield from _cover(first, end, level - 1)
    else:
        yield from _cover(first, low * size, level - 1)
        yield level, low, high
        yield from _cover(high * size, end, level - 1)


def split(since: float, until: float) -> Iterator[tuple[int, int]]:
    """A span of time as (quarter hour, milliseconds in it)."""
    begin, end = round(since * 1000), round(until * 1000)
    while begin < end:
        slot = begin // SLOT_MS
        stop = min(end, (slot + 1) * SLOT_MS)
        yield max(0, slot), stop - begin
        begin = stop
