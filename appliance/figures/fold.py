"""The ledger's events, folded into quarter-hour sums. Pure but for the shelf: a record in, numbers to add out.

Each kind of event has a room of its own in `folding/`. Agents' time counts when it was spent, all else where its contact entered
the queue.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from appliance import messages as m

from .counts import Sums
from .folding.agents import TIMES, Agents
from .folding.callers import Callers, Shelf, Shelved
from .folding.calls import Calls
from .folding.campaigns import Campaigns
from .folding.contacts import Contacts
from .folding.remembered import State
from .folding.tally import OFFICE, Subject, Tally

__all__ = ["OFFICE", "TIMES", "Fold", "State", "Subject"]


class Fold:
    """`take` records in order; `added` has what they came to since it was last emptied: (subject, quarter hour) -> sums.
    `shelf` keeps what is remembered beyond that; None: in memory."""

    def __init__(self, state: State | None = None, shelf: Shelf | None = None) -> None:
        self.state = here = state or State()
        self._tally = tally = Tally()
        calls, callers = Calls(here, tally), Callers(tally, Shelved() if shelf is None else shelf)
        self._agents = Agents(here, tally)
        rooms = (calls, callers, Contacts(here, tally, calls, callers), self._agents, Campaigns(here, tally))
        self._takes: dict[type[m.Event], Callable[[Any, m.Record], None]] = {
            kind: take for room in rooms for kind, take in room.takes.items()}

    @property
    def added(self) -> dict[tuple[Subject, int], Sums]:
        return self._tally.added

    @added.setter
    def added(self, sums: dict[tuple[Subject, int], Sums]) -> None:
        self._tally.added = sums

    def take(self, record: m.Record) -> None:
        take = self._takes.get(type(record.event))
        if take is not None:
            take(record.event, record)
        self.state.utc = max(self.state.utc, record.utc)

    def still(self, now: float) -> dict[tuple[Subject, int], Sums]:
        """What the agents' states that last come to up to `now` (UTC seconds); nothing is remembered of it."""
        return self._agents.still(now)
