"""Who calls, known by a key that the ledger's events alone do not give away; and whom each caller talked with last."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from hashlib import blake2b

from appliance.config.model import Queue
from appliance.core.customers import States

NAMESPACE = "acd"
REMEMBERED = 10_000
"""Callers whose last agent is remembered."""
LastTalk = tuple[str, str, float]
"""Agent, queue and time of a conversation."""


class Callers:
    """`last` by the caller's key."""

    def __init__(self, states: States) -> None:
        self.last: dict[str, LastTalk] = {}
        known = states.get_state(NAMESPACE, "key")
        if known is None:
            known = secrets.token_bytes(32)
            states.put_state(NAMESPACE, "key", known)
        self._key = known

    @property
    def seed(self) -> int:
        """The same after each restart."""
        return int.from_bytes(self._key[:7], "big")

    def key(self, number: str) -> str:
        """"" for nobody's."""
        return blake2b(number.encode(), key=self._key, digest_size=12).hexdigest() if number else ""

    def recall(self, past: Mapping[str, LastTalk]) -> None:
        """As it was before a restart, under what is known already."""
        self.last = dict(past) | self.last

    def remember(self, caller: str, agent: str, queue: str, at: float) -> None:
        self.last.pop(caller, None)
        self.last[caller] = (agent, queue, at)
        if len(self.last) > REMEMBERED:
            del self.last[next(iter(self.last))]

    def last_agent(self, caller: str, rules: Queue | None, now: float) -> str:
        """The agent whom this caller would get back to by the queue's rules; "" for none."""
        known = self.last.get(caller)
        if known is None or rules is None or not rules.last_agent_minutes:
            return ""
        agent, _, at = known
        fresh = abs(now - at) <= rules.last_agent_minutes * 60  # a calendar that was set back has left times ahead
        return agent if fresh and any(member.agent == agent for member in rules.members) else ""
