"""Whom each agent had last, by the queue or without it: what a note or an outcome is about, also after a restart."""

from __future__ import annotations

import msgspec

from appliance.core.seats import States

NAMESPACE = "served"


class Last(msgspec.Struct, frozen=True):
    """`at`: the ACD's time, UTC seconds."""

    contact: str
    queue: str
    at: float


class Served:
    """One per core. Each change is on disk as soon as an event that is written behind; a restart folds the ledger's conversations
    into it, of which one may be newer than what was kept."""

    def __init__(self, states: States) -> None:
        self._states = states
        self._last = {agent: msgspec.msgpack.decode(raw, type=Last) for agent, raw in states.states(NAMESPACE).items()}

    def of(self, agent: str) -> tuple[str, str] | None:
        """The contact and its queue; None where the agent had none yet."""
        last = self._last.get(agent)
        return (last.contact, last.queue) if last is not None else None

    def put(self, agent: str, last: Last) -> None:
        self._last[agent] = last
        self._states.put_state(NAMESPACE, agent, msgspec.msgpack.encode(last))

    def fold(self, agent: str, past: Last) -> None:
        """A conversation of which the ledger tells: it counts where nothing later was kept."""
        known = self._last.get(agent)
        if known is None or past.at > known.at:
            self.put(agent, past)
