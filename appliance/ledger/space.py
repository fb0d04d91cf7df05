"""How short of disk the box is (pure), the reserve file that is given up so that call events can still be written, and who
looks after both."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import msgspec

from appliance.errors import SwitchroomError

Level = Literal["none", "recordings", "campaigns", "reserve"]
LEVELS: tuple[Level, ...] = ("none", "recordings", "campaigns", "reserve")
Shortage = Callable[[Level, str], None]
MIB = 1 << 20
SPACE_SECONDS = 2.0
log = logging.getLogger(__name__)


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """Free bytes below which each thing stops: first recordings, then campaigns; below `reserve` the reserve is spent.
    A level is left only when `slack` bytes more than its threshold are free, so that it does not flutter."""

    recordings: int = 512 * MIB
    campaigns: int = 128 * MIB
    reserve: int = 32 * MIB
    slack: int = 32 * MIB


def level_for(free: int, thresholds: Thresholds, current: Level = "none") -> Level:
    """The shortage level at `free` bytes, coming from `current`. Pure."""
    limits = (thresholds.recordings, thresholds.campaigns, thresholds.reserve)
    rank = sum(free < limit for limit in limits)
    held = sum(free < limit + thresholds.slack for limit in limits)
    return LEVELS[max(rank, min(held, LEVELS.index(current)))]


def free_bytes(path: Path) -> int:
    """Bytes that this process may still write on the file system of `path`."""
    stat = os.statvfs(path)
    return stat.f_bavail * stat.f_frsize


class Reserve:
    """A preallocated file beside the ledger. `spend` frees its blocks, `keep` takes them again when there is room."""

    def __init__(self, path: Path, size: int) -> None:
        self._path = path
        self.size = size

    @property
    def kept(self) -> bool:
        return self._path.exists() and self._path.stat().st_size >= self.size

    def keep(self) -> bool:
        """Preallocate the file; False where the disk has no room for it (then nothing stays behind)."""
        if self.kept or not self.size:
            return True
        fd = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            os.posix_fallocate(fd, 0, self.size)
        except OSError:
            self._path.unlink(missing_ok=True)
            return False
        finally:
            os.close(fd)
        return True

    def spend(self) -> bool:
        """Give the blocks back to the file system. True when there was something to give."""
        if not self._path.exists():
            return False
        try:
            self._path.unlink()
        except OSError as error:
            raise SwitchroomError("ledger.reserve", "The reserve {path} cannot be released: {error}.",
                                  "Check who owns the file.", path=self._path, error=error) from error
        return True


class Watch:
    """Looks at the disk under `path` every SPACE_SECONDS, gives the reserve up and takes it back, and calls
    `changed(level, detail)` whenever the level is another. For the writer's thread alone; others may read `level`."""

    def __init__(
        self, path: Path, reserve_bytes: int, thresholds: Thresholds, free: Callable[[Path], int], changed: Shortage,
    ) -> None:
        self.level: Level = "none"
        self.reserve = Reserve(path / "reserve", reserve_bytes)
        self._path = path
        self._thresholds = thresholds
        self._free = free
        self._changed = changed
        self._due = 0.0
        self._unseen = ""
        """Why the directory cannot be looked at: logged when it begins, and not again until it is over."""

    @property
    def period(self) -> float:
        """How long the writer may sleep, in seconds."""
        return SPACE_SECONDS if self.level != "none" else SPACE_SECONDS * 2

    def look(self, now: float) -> None:
        """`now` monotonic; not every time."""
        if now < self._due:
            return
        self._due = now + SPACE_SECONDS
        try:
            self._look()
        except (OSError, SwitchroomError) as error:
            # Its directory is gone, or the disk does not answer: what is written now may never be found again.
            if not self._unseen:
                log.error("ledger: %s cannot be looked at: %s. Bring it back, or start the box again.", self._path, error)
            self._unseen = str(error)
            self._set_level("reserve", f"{error}")
        else:
            self._unseen = ""

    def takes_nothing(self, detail: str) -> None:
        """A write failed: short to the utmost, until a look says otherwise."""
        self._due = 0.0
        self._set_level("reserve", detail)

    def _look(self) -> None:
        free = self._free(self._path)
        level = level_for(free, self._thresholds, self.level)
        if level == "reserve":
            self.reserve.spend()
        elif not self.reserve.kept and free > self._thresholds.reserve + self.reserve.size + self._thresholds.slack:
            self.reserve.keep()
        self._set_level(level, f"{free >> 20} MiB free")

    def _set_level(self, level: Level, detail: str) -> None:
        if level != self.level:
            self.level = level
            self._changed(level, detail)
