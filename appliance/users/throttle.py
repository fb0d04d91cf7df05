"""How often somebody may try to sign in: after a few wrong passwords a door stays shut, longer each time.

A door is a pair of name and address, so that nobody can shut the administrator out from elsewhere; each address has a door of
its own on top, against one who tries many names. Pure: the time comes in.
"""

from __future__ import annotations

from dataclasses import dataclass

TRIES = 5
ADDRESS_TRIES = 30
FIRST_SECONDS = 60.0
LONGEST_SECONDS = 3600.0
FORGET_SECONDS = 3600.0
MAX_DOORS = 10_000


@dataclass
class _Door:
    wrong: int = 0
    shut: int = 0
    until: float = 0.0
    last: float = 0.0


class Throttle:
    def __init__(self) -> None:
        self._doors: dict[tuple[str, str], _Door] = {}

    def shut_for(self, login: str, address: str, now: float) -> float:
        """Seconds that this one must wait; 0.0: may try."""
        return max(0.0, *(self._until(key, now) - now for key in ((login, address), ("", address))))

    def wrong(self, login: str, address: str, now: float) -> None:
        self._count((login, address), TRIES, now)
        self._count(("", address), ADDRESS_TRIES, now)

    def right(self, login: str, address: str) -> None:
        """The pair's door is forgotten; the address's is not: who has one account must not guess at others freely."""
        self._doors.pop((login, address), None)

    def _until(self, key: tuple[str, str], now: float) -> float:
        door = self._doors.get(key)
        return door.until if door else now

    def _count(self, key: tuple[str, str], tries: int, now: float) -> None:
        if len(self._doors) >= MAX_DOORS:
            self._doors = {k: door for k, door in self._doors.items() if now - max(door.last, door.until) < FORGET_SECONDS}
            if len(self._doors) >= MAX_DOORS:
                oldest = min(self._doors, key=lambda k: self._doors[k].last)
                del self._doors[oldest]
        door = self._doors.setdefault(key, _Door())
        if now - max(door.last, door.until) >= FORGET_SECONDS:
            door.wrong = door.shut = 0
        door.wrong, door.last = door.wrong + 1, now
        if door.wrong >= tries:
            door.until = now + min(FIRST_SECONDS * 2**door.shut, LONGEST_SECONDS)
            door.wrong, door.shut = 0, door.shut + 1
