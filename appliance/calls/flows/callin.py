"""An agent outside calls the office from the own number, and works there by codes: signs in and out, takes a break, asks how the
queues stand.

The line must be one whose callers' numbers can be believed (`trust_caller_id`), and the agent must have a PIN: a number shown is
no proof of who calls.
"""

from __future__ import annotations

import logging
from typing import Protocol

from appliance._core import SignIn
from appliance.calls.flows.agent import AgentCodes
from appliance.calls.flows.dialogue import KEYS, Dialogue
from appliance.calls.keys import Code, KeyReader
from appliance.calls.leg import Leg, Outsider
from appliance.calls.routing import caller_on, canonical
from appliance.config.model import Agent, Config

log = logging.getLogger("callin")
CODES = ("sign_in", "sign_out", "ready", "take_break", "wrap_up_end", "wrap_up_extend", "outcome", "queue_status")
"""Keys of [codes] that can be keyed here."""
IDLE_SECONDS = 20.0
"""Who keys nothing for so long is done."""


class OwnCalls(Protocol):
    """The core's side (appliance/core/acd.py): who calls in is not rung meanwhile."""

    def calls_in(self, agent: str, leg: Leg) -> None: ...
    def is_outside(self, agent: str) -> bool: ...


class CallIn:
    """One per core; `run` for each call."""

    def __init__(self, codes: AgentCodes, desk: OwnCalls) -> None:
        self._codes = codes
        self._desk = desk

    async def run(self, leg: Leg) -> None:
        """Until the caller hangs up, signs out or keys nothing more."""
        config = leg.call.switch.config
        Dialogue(leg, leg.language).begin()
        leg.types_ahead = True
        agent = caller_as_agent(config, leg)
        if agent is None:
            await self._codes.say(leg, "agent-unknown")
        elif await self._codes.pin_of(leg, agent):
            leg.outsider = Outsider(agent.extension or "", agent.id)
            if await self._signed_in(leg, agent):
                await self._listen(leg, agent)
        leg.hang_up()

    async def _signed_in(self, leg: Leg, agent: Agent) -> bool:
        """Sign in who is not yet. The phone is in use: calls come when it is free again."""
        view = self._codes.view(leg)
        if view is not None and view.state != "logged-out":
            if not self._desk.is_outside(agent.id):
                await self._codes.say(leg, "agent-signed-in-elsewhere")
                return False
            self._desk.calls_in(agent.id, leg)
            await self._codes.say(leg, "agent-already-signed-in")
            return True
        # Not ready at once: a caller who waits would be sent to a number that is busy with this very call.
        if not self._codes.tell(SignIn(agent.id, ready=False)):
            await self._codes.say(leg, "agent-unknown")
            return False
        self._desk.calls_in(agent.id, leg)
        self._codes.be_ready(agent.id)
        await self._codes.say_signed_in(leg, agent.id)
        return True

    async def _listen(self, leg: Leg, agent: Agent) -> None:
        """Codes, one after the other."""
        config, clock = leg.call.switch.config, leg.call.switch.clock
        reader = KeyReader({code: name for code, name in config.codes.in_use().items() if name in CODES},
                           config.call_keys.digit_seconds)
        until = clock.mono() + IDLE_SECONDS
        while clock.mono() < until:
            key = await leg.key(KEYS, 1.0)
            for found in reader.press(key, clock.mono()) if key else reader.tick(clock.mono()):
                if not isinstance(found, Code):
                    continue
                if found.name == "sign_in":  # another call from the same number may have signed out meanwhile
                    await self._signed_in(leg, agent)
                else:
                    await self._codes.bare[found.name](leg, "")
                until = clock.mono() + IDLE_SECONDS
                view = self._codes.view(leg)
                if view is None or view.state == "logged-out":
                    return
            if key:
                until = clock.mono() + IDLE_SECONDS


def caller_as_agent(config: Config, leg: Leg) -> Agent | None:
    """Whose outside number calls here; None for everybody else, on a line that cannot be believed, and without a PIN."""
    line = config.line(leg.endpoint) if leg.kind == "line" else None
    if line is None or leg.incoming is None:
        return None
    country = config.office.country
    number = caller_on(config, leg.endpoint, leg.incoming.caller)
    agent = next((agent for agent in config.agents
                  if agent.outside_number and canonical(agent.outside_number, country) == number), None)
    if agent is None:
        return None
    if not line.trust_caller_id or agent.pin is None:
        why = "the agent has no pin" if line.trust_caller_id else "trust_caller_id is false"
        log.warning("an agent cannot sign in by calling: %s", why, extra={
            "call": leg.call.id, "agent": agent.id, "line": line.name})
        return None
    return agent

