"""How short of disk the box is (pure), and the reserve file that is given up so that call events can still be
written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

import msgspec

from appliance.errors import SwitchroomError

Level = Literal["none", "recordings", "campaigns", "reserve"]
LEVELS: tuple[Level, ...] = ("none", "recordings", "campaigns", "reserve")
MIB = 1 << 20


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
