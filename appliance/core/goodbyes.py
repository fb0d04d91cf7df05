"""Customers who cannot be called back yet: they hear our goodbye still, or somebody calls them by hand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from appliance.calls.flows.desk import Party


class Goodbyes:
    """By contact: who says goodbye (None: an agent calls by hand), and what is set when that is done."""

    def __init__(self) -> None:
        self._of: dict[str, tuple[Party | None, asyncio.Event]] = {}

    def __contains__(self, contact: str) -> bool:
        return contact in self._of

    def begin(self, contact: str, party: Party) -> None:
        """The contact became a callback while its caller is still on the line."""
        self._of[contact] = (party, asyncio.Event())

    def end(self, contact: str, party: Party) -> None:
        goodbye = self._of.get(contact)
        if goodbye is not None and goodbye[0] is party:
            del self._of[contact]
            goodbye[1].set()

    def over(self, contact: str) -> Awaitable[object] | None:
        """To wait for before the customer is called: who still hears our goodbye would be busy."""
        goodbye = self._of.get(contact)
        return goodbye[1].wait() if goodbye is not None else None

    def by_hand(self, contact: str) -> Callable[[], None]:
        """Somebody calls this customer now without the ACD: until what this gives is called, nobody else dials the number."""
        mine = (None, asyncio.Event())
        self._of[contact] = mine

        def over() -> None:
            if self._of.get(contact) is mine:
                del self._of[contact]
            mine[1].set()

        return over
