"""Where agents sit: at their own phone, at another one that they signed in at, or at a number outside."""

from __future__ import annotations

from typing import Protocol

from appliance.acd.of_config import phone_agent
from appliance.calls.flows.ring import Seat
from appliance.calls.routing import ToExtension, ToOutside, once_per_config, to_target
from appliance.calls.switch import Switch
from appliance.config.model import Config
from appliance.config.values import Target

NAMESPACE = "seats"
_PHONE = phone_agent("")


@once_per_config
def _owners(config: Config) -> dict[str, list[str]]:
    """Extension -> the agents whose phone it usually is. Asked for every leg of a phone."""
    found: dict[str, list[str]] = {}
    for agent in config.agents:
        if agent.extension:
            found.setdefault(agent.extension, []).append(agent.id)
    return found


@once_per_config
def _rung_phones(config: Config) -> frozenset[str]:
    """Phones that queues ring by their extension, whoever sits there."""
    return frozenset(member.extension for queue in config.queues for member in queue.members if member.extension)


class States(Protocol):
    def put_state(self, namespace: str, key: str, value: bytes | None) -> None: ...
    def states(self, namespace: str) -> dict[str, bytes]: ...


class Seats:
    """One per core; outlives a restart. A phone that answers a queue without anybody signing in is an agent of its own."""

    def __init__(self, switch: Switch, states: States) -> None:
        self._switch = switch
        self._states = states
        self._at = {agent: extension.decode() for agent, extension in states.states(NAMESPACE).items()}
        self.seating: object = object()
        """Another one after each move."""

    def extension_of(self, agent: str) -> str:
        """The agent's phone now; "" for one who has none."""
        if agent.startswith(_PHONE):
            return agent.removeprefix(_PHONE)
        known = self._switch.config.agent(agent)
        return self._at.get(agent) or (known.extension if known else None) or ""

    def agent_at(self, extension: str) -> str:
        """Who sits at this phone: who signed in there, else whose it is, else the phone itself where a queue rings it."""
        config = self._switch.config
        signed_in = self.signed_in_at(extension)
        if signed_in:
            return signed_in
        for agent in _owners(config).get(extension, ()):
            if not self._at.get(agent):
                return agent
        return phone_agent(extension) if extension in _rung_phones(config) else ""

    def agents_at(self, extension: str) -> list[str]:
        """All whose calls ring this phone: who sits there, and the phone itself where a queue rings it by its extension."""
        sits = self.agent_at(extension)
        if extension not in _rung_phones(self._switch.config):
            return [sits] if sits else []
        named = phone_agent(extension)
        return [named] if sits == named else [sits, named]

    def signed_in_at(self, extension: str) -> str:
        """The agent who signed in here by code, "" where none did."""
        for agent, at in self._at.items():
            if at == extension:
                return agent
        return ""

    def sit(self, agent: str, extension: str) -> None:
        """An agent signs in at a phone; "" leaves it."""
        if self._at.get(agent, "") == extension:
            return
        if extension:
            self._at[agent] = extension
        else:
            self._at.pop(agent, None)
        self.seating = object()
        self._states.put_state(NAMESPACE, agent, extension.encode() or None)

    def outside(self, agent: str) -> bool:
        """Whether the agent is rung at a number outside, wherever the phone is."""
        known = self._switch.config.agent(agent)
        return known is not None and known.outside_number is not None and agent not in self._at

    def always(self, agent: str) -> bool:
        """Whether the agent is signed in whenever the phone is there."""
        known = self._switch.config.agent(agent)
        return agent.startswith(_PHONE) or (known is not None and known.always_signed_in)

    def seat_of(self, agent: str, queue: str) -> Seat | None:
        config = self._switch.config
        known, rules = config.agent(agent), config.queue(queue)
        asked = rules.agent_confirms if rules else None
        if known is not None and known.outside_number is not None and self.outside(agent):
            where = to_target(config, Target(f"outside:{known.outside_number}"))
            confirms = True if asked is None else asked
            own = known.extension or ""
            return Seat(where, confirms, config.office.language, own) if isinstance(where, ToOutside) else None
        extension = self.extension_of(agent)
        if not extension:
            return None
        return Seat(ToExtension(extension), bool(asked), self._switch.language_of(extension))
