"""The agents as the bus tells them. Screens ask several times a second, on the loop that calls need too: only those to whom
something has happened since the last question are looked at again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from appliance.calls.routing import once_per_config
from appliance.config.model import Config
from appliance.core.own_calls import is_passed_on
from appliance.messages import AcdConfigured, AgentNow, DayBegan, Event

if TYPE_CHECKING:
    from appliance.core.acd import Dispatch


class Touched:
    """Agents of whom something has changed since somebody looked."""

    def __init__(self) -> None:
        self._agents: set[str] = set()
        self._everybody = True

    def note(self, events: Iterable[Event]) -> None:
        """By what the ACD decided."""
        for event in events:
            if isinstance(event, AcdConfigured | DayBegan):
                self._everybody = True
            for name in (getattr(event, "agent", ""), getattr(event, "to", "")):
                if name:
                    self._agents.add(name)

    def agent(self, id: str) -> None:
        self._agents.add(id)

    def take(self) -> set[str] | None:
        """None: all of them."""
        found = None if self._everybody else self._agents
        self._agents, self._everybody = set(), False
        return found


@once_per_config
def _queues_of(config: Config) -> dict[str, list[str]]:
    """Agent -> the queues served, in their order."""
    found: dict[str, list[str]] = {}
    for queue in config.queues:
        for agent in dict.fromkeys(member.agent for member in queue.members if member.agent):
            found.setdefault(agent, []).append(queue.name)
    return found


class AgentBoard:
    """One per core. What it shows of an agent follows from the ACD and the last contact (`Dispatch.touched` says whose have
    changed), the seats, and the configuration."""

    def __init__(self, acd: Dispatch, config: Callable[[], Config]) -> None:
        self._acd = acd
        self._config = config
        self._shown: dict[str, AgentNow] = {}
        self._made_of: tuple[object, object, object] = (None, None, None)

    def agents(self) -> list[AgentNow]:
        """In the ACD's order."""
        acd, config = self._acd, self._config()
        touched, made_of = acd.touched.take(), (acd.core, config, acd.seats.seating)
        if touched is None or any(before is not now for before, now in zip(self._made_of, made_of, strict=True)):
            self._shown, self._made_of = {}, made_of
        for id in touched or ():
            self._shown.pop(id, None)
        return [self._shown.get(id) or self._look(id, config) for id in acd.core.agent_ids()]

    def _look(self, id: str, config: Config) -> AgentNow:
        acd = self._acd
        view, known, last = acd.core.agent(id), config.agent(id), acd.last_contact(id)
        assert view is not None
        state, since = (self._passed_on(id) if view.state == "dialling-out" else None) or (view.state, view.since)
        shown = self._shown[id] = AgentNow(
            id=id, name=known.name if known else "", extension=acd.seats.extension_of(id), state=state, reason=view.reason,
            since=since, until=view.until, contacts=view.contacts, busy=view.busy, last=last[0] if last else "",
            queues=_queues_of(config).get(id, []), pending=view.pending)
        return shown

    def _passed_on(self, id: str) -> tuple[str, float] | None:
        """What the agent of whom the ACD only knows that the phone is in use does with a caller passed on from a queue, and since
        when."""
        acd = self._acd
        legs = [leg for leg in acd.switch.legs_at(acd.seats.extension_of(id)) if is_passed_on(leg) and not acd.given(leg)]
        answered = next((leg.answered_at for leg in legs if leg.answered_at), 0.0)
        view = acd.core.agent(id)
        if not legs or view is None:
            return None
        return ("on-contact", acd.now() - (acd.switch.clock.mono() - answered)) if answered else ("offered", view.since)
