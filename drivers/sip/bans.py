"""Who is shut out, and when. Pure: failures and time in, decisions out.

Only failures that are tied to a proof come here: a wrong answer to a nonce that we sent to that very address
(`Verdict.proven`). Whoever forges a source address never sees the nonce, so forged datagrams count for nothing.
Addresses of configured lines and of live registrations are never banned. Guessing from behind one of them (a PC in the
same NAT as a phone, a program on the machine of a gateway) bans that one port, and is slowed down per address and user.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from typing import TypeVar

import msgspec

from appliance.messages import SourceBanned

_K = TypeVar("_K")


def endpoint(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


class _Source(msgspec.Struct):
    failures: deque[float]
    bans: int = 0
    until: float = 0.0
    seen: float = 0.0


class Bans:
    """Counts failures per source address and bans at the threshold.

    `failures` wrong answers within `window` seconds ban for `seconds`; each further ban of the same source lasts
    `growth` times longer, up to `longest`. A ban is forgotten (and the growth with it) after a quiet day.
    `sources_max` bounds memory: the source seen longest ago is forgotten first.
    """

    def __init__(
        self,
        *,
        failures: int = 5,
        window: float = 60.0,
        seconds: float = 600.0,
        growth: float = 2.0,
        longest: float = 86400.0,
        throttle_failures: int = 5,
        throttle_seconds: float = 30.0,
        sources_max: int = 10000,
    ) -> None:
        self._failures, self._window = failures, window
        self._seconds, self._growth, self._longest = seconds, growth, longest
        self._throttle_failures, self._throttle_seconds = throttle_failures, throttle_seconds
        self._max = sources_max
        self._sources: OrderedDict[str, _Source] = OrderedDict()
        self._slow: OrderedDict[tuple[str, str], _Source] = OrderedDict()

    def failure(
        self, address: str, port: int, username: str, now: float, *, shared: bool = False, ours: bool = False
    ) -> SourceBanned | None:
        """A proven wrong answer came from `address`, `port`. `shared`: the address is a line's or a registered phone's;
        `ours`: so is this very port, then nothing is banned.

        Returns the ban that it causes ("192.0.2.66", or "192.0.2.66:5060" and "[2001:db8::1]:5060" where only a port is
        shut out); the caller hands it to the guard and to the ledger."""
        if self._count(self._slow, (address, username), now, self._throttle_failures):
            self._slow[address, username].until = now + self._throttle_seconds
        source = endpoint(address, port) if shared else address
        if ours or not self._count(self._sources, source, now, self._failures):
            return None
        entry = self._sources[source]
        entry.failures.clear()
        seconds = min(self._seconds * self._growth**entry.bans, self._longest)
        entry.bans = min(entry.bans + 1, 16)
        entry.until = now + seconds
        reason = f"{self._failures} wrong passwords in {self._window:g} s"
        return SourceBanned(address=source, reason=reason, seconds=seconds)

    def _count(self, table: OrderedDict[_K, _Source], key: _K, now: float, limit: int) -> bool:
        """Notes a failure; True when `limit` lie within the window."""
        entry = table.get(key) or _Source(deque(maxlen=limit))
        if now - max(entry.seen, entry.until) > self._longest:
            entry = _Source(deque(maxlen=limit))
        table[key] = entry
        table.move_to_end(key)
        while len(table) > self._max:
            table.popitem(last=False)
        entry.seen = now
        entry.failures.append(now)
        return len(entry.failures) == limit and now - entry.failures[0] <= self._window

    def throttled(self, address: str, username: str, now: float) -> bool:
        """Whether credentials of this user from this address are not even looked at now: answer with a plain new
        challenge. Never ask for a request that comes from the very address and port of the user's own registration."""
        entry = self._slow.get((address, username))
        return entry is not None and now < entry.until

    def success(self, address: str, username: str) -> None:
        """The right password: earlier slips of this user from there are forgiven; those with other names are not."""
        self._slow.pop((address, username), None)

    def banned(self, now: float) -> dict[str, float]:
        """Address -> seconds left."""
        return {address: entry.until - now for address, entry in self._sources.items() if entry.until > now}

    def pardon(self, source: str) -> None:
        """A person lifted the ban, or the source proved to be one of ours."""
        self._sources.pop(source, None)
