"""What is noted of a contact when its call may be long over: in the ledger, and to be found by the contact (ledger/late.py)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import Protocol

from appliance.errors import SwitchroomError
from appliance.ledger import late
from appliance.messages import ContactNoted, ContactOutcome, Event


class Writer(Protocol):
    def commit(self, *events: Event) -> Awaitable[int]: ...
    def flush(self) -> Awaitable[int]: ...
    def get_state(self, namespace: str, key: str) -> bytes | None: ...
    def put_state(self, namespace: str, key: str, value: bytes | None) -> None: ...


class ContactNotes:
    """One after the other: what is found already is read from the disk."""

    def __init__(self, ledger: Writer) -> None:
        self._ledger = ledger
        self._one = asyncio.Lock()

    async def write(self, event: ContactOutcome | ContactNoted) -> None:
        """On disk, and to be found."""
        async with self._one:
            await self._add(event.contact, await self._ledger.commit(event))

    async def found(self, contact: str, written: Awaitable[int], left: int) -> None:
        """An event that is being written is to be found, too; `left` events of its commit come after it."""
        try:
            seq = await written - left
        except SwitchroomError:
            return  # whoever waits for it to be written says so
        async with self._one:
            await self._add(contact, seq)

    async def _add(self, contact: str, seq: int) -> None:
        known = self._ledger.get_state(late.NAMESPACE, contact)
        self._ledger.put_state(late.NAMESPACE, contact, late.added(known, seq))
        await self._ledger.flush()
