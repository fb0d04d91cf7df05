"""Where time comes from. Decisions never read a clock: they are handed `now`; processes hold one of these."""

from __future__ import annotations

import time
import uuid
from pathlib import Path
from typing import Protocol


class Clock(Protocol):
    def utc(self) -> float:
        """Seconds since 1970, UTC. For people, calendars and indexes."""

    def mono(self) -> float:
        """Seconds on CLOCK_MONOTONIC. For durations and timers; never goes back, dies with the machine."""


class SystemClock:
    """The machine's clocks; `offset` seconds are added to UTC (a box told that it is Monday 10:00)."""

    def __init__(self, offset: float = 0.0) -> None:
        self.offset = offset

    def utc(self) -> float:
        return time.time() + self.offset

    def mono(self) -> float:
        return time.monotonic()


class SteadyClock:
    """UTC as it was at the start, carried on by the monotonic clock: what expires (registrations, nonces, bans) does so
    after its time, also when NTP sets the calendar by hours, as on a machine without a clock of its own."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._base = clock.utc() - clock.mono()

    def utc(self) -> float:
        return self._base + self._clock.mono()

    def mono(self) -> float:
        return self._clock.mono()


class ManualClock:
    """A clock that stands still until it is moved. Simulations and tests run on it."""

    def __init__(self, utc: float = 1_800_000_000.0, mono: float = 1000.0) -> None:
        self._utc = utc
        self._mono = mono

    def utc(self) -> float:
        return self._utc

    def mono(self) -> float:
        return self._mono

    def advance(self, seconds: float) -> None:
        self._utc += seconds
        self._mono += seconds


def machine_boot() -> str:
    """Names this run of the machine: CLOCK_MONOTONIC is comparable within it, also between processes."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text("ascii").strip()
    except OSError:
        return str(uuid.uuid4())
