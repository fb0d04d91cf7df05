"""What Python keeps of legs: by the name that the core knows, and by each id that the SIP thread gave a branch of one."""

from __future__ import annotations

from typing import Literal

import msgspec

from appliance.messages import Cause

By = Literal["far", "near", "network"]
BY: tuple[By, ...] = ("far", "near", "network")
"""Who ended a leg, by the thread's number."""
NETWORK = BY.index("network")
ABSENT = 20
"""Q.850 subscriber absent: a phone that gives no answer at all."""
FOR_ALL = (600, 603, 604)
"""One device speaks for all (RFC 3261 21.6)."""
_TELLING = {487: 0, 408: 0, 480: 0, 503: 0, 486: 2, 600: 3, 603: 3}
"""Which refusal of several devices tells the caller most; the rest count 1."""


class Leg(msgspec.Struct):
    """A phone that is registered from several devices is called on all of them: each is a branch with an id of its own in the
    thread, until one answers; `handle` is the one that counts."""

    id: str
    handle: int
    endpoint: str
    kind: str
    call_id: str
    branches: list[int]
    rang: bool = False
    cause: Cause | None = None
    """The most telling refusal of the branches that have ended."""
    target: str = ""
    """Where that one wants the call to go."""
    devices: dict[int, str] = {}
    """Branches of a phone that have not ended -> the contact that is called. Empty once one has answered."""

    def refused(self, cause: Cause, target: str) -> None:
        """A branch has ended in this way."""
        if self.cause is None or _TELLING.get(cause.sip, 1) > _TELLING.get(self.cause.sip, 1):
            self.cause, self.target = cause, target


class Legs:
    """All that have not ended."""

    def __init__(self) -> None:
        self.by_id: dict[str, Leg] = {}
        self._by_handle: dict[int, Leg] = {}

    def add(self, leg: str, handle: int, endpoint: str, kind: str, call_id: str) -> Leg:
        entry = Leg(leg, handle, endpoint, kind, call_id, [handle])
        self.by_id[leg] = self._by_handle[handle] = entry
        return entry

    def branch(self, leg: Leg, handle: int) -> None:
        """Another device is called as well."""
        leg.branches.append(handle)
        self._by_handle[handle] = leg

    def get(self, leg: str) -> Leg | None:
        return self.by_id.get(leg)

    def at(self, handle: int) -> Leg | None:
        return self._by_handle.get(handle)

    def end(self, handle: int) -> Leg | None:
        """The branch is gone. -> its leg, None for what never became one"""
        return self._by_handle.pop(handle, None)

    def answered(self, leg: Leg, handle: int) -> list[int]:
        """This branch is the leg from now on. -> the others, of which nobody hears any more"""
        others = [other for other in leg.branches if other != handle]
        for other in others:
            del self._by_handle[other]
        leg.handle, leg.branches, leg.devices = handle, [handle], {}
        return others

    def forget(self, leg: Leg) -> None:
        del self.by_id[leg.id]
