"""What the flows of queues need of the core: the ACD, and who the agents are."""

from __future__ import annotations

import asyncio
from typing import Protocol

import msgspec

from appliance._core import Acd, AcdEvent, Action
from appliance.calls.call import Call
from appliance.calls.flows.ring import Seat
from appliance.calls.leg import Leg
from appliance.config.model import Config
from appliance.config.opening import Opening


class Party(Protocol):
    """Whoever leads a contact: told at once of each action about it. Must not tell the ACD anything from within."""

    def act(self, action: Action) -> None: ...
    def agent_left(self, leg: Leg, agent: str) -> None:
        """A leg that served this contact is gone (told a moment later, when the flow has seen it too)."""



class Customer(msgspec.Struct, frozen=True):
    """Who is to be called back, and how: number (E.164, or an extension), name, language, and what was keyed in before."""

    number: str
    name: str
    language: str
    facts: dict[str, str]


def caller_of(leg: Leg, config: Config) -> tuple[str, str]:
    """Number and name of who is on a leg that called us; a phone of ours by its extension."""
    if leg.kind == "phone":
        phone = config.phone(leg.endpoint)
        return leg.endpoint, phone.name if phone else ""
    incoming = leg.incoming
    return (incoming.caller or "anonymous", incoming.caller_name) if incoming else (leg.number, "")


class QueueDesk(Protocol):
    """The core's side (appliance/core/acd.py)."""

    core: Acd

    def now(self) -> float:
        """The ACD's time, which its own times count from."""

    def tell(self, event: AcdEvent) -> list[Action]:
        """Tell the ACD that something happened; its actions are carried out before this returns."""

    def lead(self, contact: str, party: Party, customer: Customer) -> None:
        """From now on `party` leads this contact, and `customer` is whom to call back where that comes to be."""

    async def promise(self, queue: str, call: Call, customer: Customer) -> bool:
        """Put a call back into the queue, as the contact of this call; done when it is on disk. False where that cannot be, or
        the disk does not take it in time."""

    def flushed(self) -> asyncio.Future[int]:
        """Done when all that was decided so far is on disk. Raises SwitchroomError."""

    def opening(self, hours: str | None) -> Opening:
        """The state of the hours of this name now; None: always open."""

    def leave(self, contact: str, party: Party) -> None: ...
    def seat_of(self, agent: str, queue: str) -> Seat | None:
        """Where this agent is rung for this queue; None: nowhere."""

    def agent_at(self, extension: str) -> str:
        """The agent who sits at this phone, "" where none does."""

    async def after_call(self, leg: Leg) -> None:
        """What an agent outside can do after a call, on the same line; the leg goes with that."""

    def caller_key(self, number: str) -> str: ...
    def last_agent(self, caller: str, queue: str) -> str:
        """Who last served this caller, where the queue remembers that long; else ""."""

    def serving(self, leg: Leg, party: Party, agent: str) -> None:
        """This leg rings an agent for a contact of the ACD: it is no call of the agent's own."""
