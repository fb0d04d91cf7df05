"""Who called this phone last: read out, and called back by pressing 1."""

from __future__ import annotations

from collections.abc import Callable

from appliance.calls.flows.dialogue import Dialogue, Goodbye
from appliance.calls.routing import Decision


async def last_caller(talk: Dialogue, number: str, call_back: Callable[[str], Decision | None]) -> Decision:
    """Where to call back to. Raises Goodbye where there is nobody, or the listener does not want to."""
    decision = call_back(number) if number else None
    if decision is None:
        raise Goodbye("last-caller-none")
    if await talk.choose(talk.clips("last-caller", number=number), "1") != "1":
        raise Goodbye
    return decision
