"""What is decided for a contact is carried out in order: where one action waits for the ledger, those after it wait with it.

Otherwise an offer might be ended before it began, or a customer be dialled after the attempt was called off.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable

from appliance._core import Action, DialCustomer, EndOffer, KeptPlace, Offer, StopDialling
from appliance.calls.disk import noted
from appliance.errors import SwitchroomError

log = logging.getLogger("acd")
FIRST = (KeptPlace, DialCustomer)
"""Never before they are on the disk: what is promised aloud, and a call that a restart must not make again. People wait on the
line for the others."""


class InOrder:
    """`do` carries out; `ready` says what a dialled customer must be waited for, besides the ledger (None: nothing)."""

    def __init__(self, do: Callable[[Action], None], ready: Callable[[str], Awaitable[object] | None]) -> None:
        self._do = do
        self._ready = ready
        self._lines: dict[str, deque[tuple[Action, Awaitable[object] | None]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def waits(self, contact: str) -> bool:
        """Whether something of this contact is still to be carried out."""
        return contact in self._lines

    def is_undone(self, action: Offer | DialCustomer) -> bool:
        """Whether it is called off already, by what waits behind it: on a slow disk somebody would be rung for nothing."""
        what, agent = (StopDialling, "") if isinstance(action, DialCustomer) else (EndOffer, action.agent)
        return any(isinstance(later, what) and getattr(later, "agent", "") == agent
                   for later, _ in self._lines.get(action.contact, ()))

    def put(self, contact: str, action: Action, written: Awaitable[object] | None) -> None:
        """Carry it out once `written` is done (a future: it may be waited for by several) and all before it."""
        line = self._lines.get(contact)
        if line is not None:
            line.append((action, written))
            return
        self._lines[contact] = deque([(action, written)])
        task = asyncio.get_running_loop().create_task(self._work(contact))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _work(self, contact: str) -> None:
        line = self._lines[contact]
        try:
            while line:
                action, written = line[0]
                await self._may(contact, action, written)
                line.popleft()
                try:
                    self._do(action)
                except Exception:
                    log.exception("a decision could not be carried out", extra={"contact": contact})
        finally:
            del self._lines[contact]

    async def _may(self, contact: str, action: Action, written: Awaitable[object] | None) -> None:
        if written is not None:
            try:
                await (written if isinstance(action, FIRST) else noted(written, "a decision", contact))
            except SwitchroomError as problem:
                # The ACD has decided, and people wait for it: better done and not noted than neither.
                log.error("not in the ledger, and done all the same: %s", problem, extra={"contact": contact})
        ready = self._ready(contact) if isinstance(action, DialCustomer) else None
        if ready is not None:
            await ready
