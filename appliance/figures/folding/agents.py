"""Agents: their time, counted when it was spent, and their after-call work, counted with the contact that it was of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from appliance import messages as m
from appliance.figures.counts import CODES, Sums
from appliance.figures.slots import split

from .remembered import Agent, State
from .tally import Subject, Tally, ms_between

TIMES = {
    "ready": "ready_ms", "offered": "ringing_ms", "on-contact": "contact_ms", "wrap-up": "wrapping_ms", "break": "break_ms",
    "dialling-out": "dialling_ms", "reserved": "reserved_ms", "not-answering": "away_ms",
}
LONGEST_STATE = 40 * 86_400.0
"""Seconds of one state that count: a clock that was set by years must not fill them."""


class Agents:
    def __init__(self, state: State, tally: Tally) -> None:
        self._state = state
        self._tally = tally
        self.takes: dict[type[m.Event], Callable[[Any, m.Record], None]] = {
            m.AgentStateChanged: self._agent, m.BoxStarted: self._started,
        }

    def _agent(self, event: m.AgentStateChanged, record: m.Record) -> None:
        agent = self._state.agents.get(event.agent)
        if agent is None:
            if event.state != "logged-out":
                self._state.agents[event.agent] = Agent(event.state, event.at)
            return
        if event.state == agent.state:
            return  # told what follows later, or wrap-up was extended
        self._spend(event.agent, agent, event.at)
        if agent.state == "wrap-up" and agent.last is not None:
            queue, slot, office = agent.last
            ms = ms_between(agent.since, event.at)
            self._tally.add(("queue", queue), slot, CODES["wrap_ms"], ms)
            self._tally.of_agent(event.agent, queue, slot, "wrap_ms", ms)
            self._tally.of_office(office, "wrap_ms", ms)
        agent.state, agent.since = event.state, event.at
        if event.state == "wrap-up" and event.asked.get("type") == "DialEnded" and event.asked.get("queue"):
            agent.last = None  # of a caller who was passed on: no queue counts the conversation, nor what is done after it
        if event.state == "logged-out":
            del self._state.agents[event.agent]

    def _spend(self, name: str, agent: Agent, until: float) -> None:
        counter = TIMES.get(agent.state)
        for slot, ms in split(agent.since, min(until, agent.since + LONGEST_STATE)) if counter else ():
            self._tally.add(("agent", name), slot, CODES[counter or ""], ms)
            self._tally.of_office(slot, counter or "", ms)

    def _started(self, event: m.BoxStarted, record: m.Record) -> None:
        """Nobody worked while the box was off: the states end with the last word before, and begin again now."""
        for name, agent in self._state.agents.items():
            self._spend(name, agent, max(agent.since, self._state.utc))
            agent.since = max(agent.since, record.utc)
        for call in self._state.calls.values():
            call.held.clear()

    def still(self, now: float) -> dict[tuple[Subject, int], Sums]:
        """What the agents' states that last come to up to `now` (UTC seconds); nothing is remembered of it."""
        kept, self._tally.added = self._tally.added, {}
        for name, agent in self._state.agents.items():
            self._spend(name, agent, max(agent.since, now))
        found, self._tally.added = self._tally.added, kept
        return found
