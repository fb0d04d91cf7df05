"""Agents: their time, counted when it was spent, and their after-call work, counted with the contact that it was of."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from appliance import messages as m
from appliance.config.people import usual_breaks
from appliance.figures.counts import CODES, Sums
from appliance.figures.slots import split

from .remembered import Agent, State
from .tally import Subject, Tally, ms_between

TIMES = {
    "ready": "ready_ms", "offered": "ringing_ms", "on-contact": "contact_ms", "wrap-up": "wrapping_ms", "break": "break_ms",
    "dialling-out": "dialling_ms", "reserved": "reserved_ms", "not-answering": "away_ms",
}
USUALLY_UNPAID = [each.name for each in usual_breaks() if not each.paid]
"""Where the ledger does not tell: it is of an earlier release."""
LONGEST_STATE = 40 * 86_400.0
"""Seconds of one state that count: a clock that was set by years must not fill them."""


class Agents:
    def __init__(self, state: State, tally: Tally) -> None:
        self._state = state
        self._tally = tally
        self.takes: dict[type[m.Event], Callable[[Any, m.Record], None]] = {
            m.AgentStateChanged: self._agent, m.BoxStarted: self._started, m.AcdConfigured: self._configured,
        }

    def _configured(self, event: m.AcdConfigured, record: m.Record) -> None:
        """A break is paid or not as the configuration has it when the break ends."""
        self._state.unpaid = event.unpaid

    def _agent(self, event: m.AgentStateChanged, record: m.Record) -> None:
        agent = self._state.agents.get(event.agent)
        if agent is None:
            if event.state != "logged-out":
                self._state.agents[event.agent] = Agent(event.state, event.at, reason=event.reason)
            return
        if event.state == agent.state and (event.state != "break" or event.reason == agent.reason):
            return  # told what follows later, or wrap-up was extended
        self._spend(event.agent, agent, event.at)
        if agent.state == "wrap-up" and agent.last is not None:
            queue, slot, office = agent.last
            ms = ms_between(agent.since, event.at)
            self._tally.add(("queue", queue), slot, CODES["wrap_ms"], ms)
            self._tally.of_agent(event.agent, queue, slot, "wrap_ms", ms)
            self._tally.of_office(office, "wrap_ms", ms)
        agent.state, agent.since, agent.reason = event.state, event.at, event.reason
        if event.state == "wrap-up" and event.asked.get("type") == "DialEnded" and event.asked.get("queue"):
            agent.last = None  # of a caller who was passed on: no queue counts the conversation, nor what is done after it
        if event.state == "logged-out":
            del self._state.agents[event.agent]

    def _spend(self, name: str, agent: Agent, until: float) -> None:
        unpaid = USUALLY_UNPAID if self._state.unpaid is None else self._state.unpaid
        counters = [TIMES[agent.state]] if agent.state in TIMES else []
        if agent.state == "break" and agent.reason in unpaid:
            counters.append("unpaid_ms")
        for slot, ms in split(agent.since, min(until, agent.since + LONGEST_STATE)) if counters else ():
            for counter in counters:
                self._tally.add(("agent", name), slot, CODES[counter], ms)
                self._tally.of_office(slot, counter, ms)

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
