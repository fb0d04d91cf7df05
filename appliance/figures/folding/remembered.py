"""What the fold remembers between records: calls, contacts, agents' states. Written to disk with the sums."""

from __future__ import annotations

from typing import Any

import msgspec

MOST_OPEN = 50_000
"""Calls, contacts, attempts that are remembered until they end. The oldest are let go beyond: their end never came."""


class Stay(msgspec.Struct):
    """One stay in one queue; `at` when it began (UTC seconds)."""

    queue: str
    at: float
    slot: int
    since: float
    requested: float = 0.0
    """When the caller asked to be called back; 0: did not."""
    reached: bool = False
    answered: bool = False
    handled: bool = False
    known: bool = False
    """Whether it stands on the shelf for what is said of it later."""


class Contact(msgspec.Struct):
    slot: int
    at: float
    arrived: float = 0.0
    caller: str = ""
    """Opaque key of who calls; "": not known."""
    stay: Stay | None = None
    agent: str = ""
    joined: float = 0.0
    hold_ms: int = 0
    answered: bool = False
    handled: bool = False
    out: str = ""
    """Agent who had it when it was taken to another queue, or went ahead of the caller."""
    passed: tuple[str, str, int] | None = None
    """Agent, queue and quarter hour of the last time it was passed on, while it is not known how."""
    how: str = ""
    """A transfer that was announced and not yet done."""
    mailbox: tuple[str, int] | None = None
    """Queue and quarter hour of the stay that it left for a mailbox."""
    over: bool = False


class Call(msgspec.Struct):
    slot: int
    utc: float
    legs: list[str] = []
    line_in: str = ""
    """The leg of a caller on a line, until it is answered."""
    blocked: bool = False
    held: list[str] = []
    held_since: float = 0.0
    boot: str = ""


class Agent(msgspec.Struct):
    state: str
    since: float
    last: tuple[str, int, int] | None = None
    """Queue, quarter hours (of the stay, of the contact) of the last conversation: what the after-call work is of."""
    reason: str = ""
    """Name of the break."""


class State(msgspec.Struct):
    """All that the fold remembers between records."""

    utc: float = 0.0
    calls: dict[str, Call] = {}
    legs: dict[str, str] = {}
    contacts: dict[str, Contact] = {}
    agents: dict[str, Agent] = {}
    attempts: dict[str, int] = {}
    unpaid: list[str] | None = None
    """Breaks that are not paid; None: the ledger has not told."""

    def tidy(self, name: str, contact: Contact) -> None:
        """Forget a contact of which nothing more can come."""
        if contact.over and contact.stay is None:
            self.contacts.pop(name, None)


def bound(found: dict[str, Any]) -> None:
    if len(found) > MOST_OPEN:
        del found[next(iter(found))]
