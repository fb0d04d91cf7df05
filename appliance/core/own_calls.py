"""What rings or talks at a phone of the house without the ACD: the user's own calls, and callers who were in a queue and have
come here another way: the office moved them, an agent put them through, or the queue's rule sent them on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING

from appliance import _core as core
from appliance.calls.call import Call, OutOf
from appliance.calls.flows.callnumber import own_number
from appliance.calls.flows.desk import caller_of
from appliance.calls.leg import Leg

if TYPE_CHECKING:
    from appliance.core.acd import Dispatch


def counts(leg: Leg) -> bool:
    """Whether this phone's user is busy by this leg: dialled (but no code), taken, or rung for somebody out of a queue."""
    if leg.is_ended:
        return False
    if is_passed_on(leg):
        return True
    return leg.call.purpose != "code" if leg.direction == "in" else bool(leg.answered_at)


def is_passed_on(leg: Leg) -> bool:
    """Whether somebody out of a queue waits for this phone, or talks with it. (Phones that the ACD rings are none: while it does
    the caller is not out of the queue.)"""
    came = leg.call.out_of
    called = leg.direction == "out" or leg.took_over
    return came is not None and leg.kind == "phone" and called and leg.id != came.caller and not (leg.is_ended or leg.hanging_up)


def passed_on(
    calls: Iterable[Call], given: Callable[[Leg], bool], agents_at: Callable[[str], Iterable[str]],
) -> Iterator[tuple[Call, bool, list[str]]]:
    """The calls of such callers: whether they talk already, and the agents at the phones. `given`: by the ACD."""
    for call in calls:
        legs = [leg for leg in call.legs if is_passed_on(leg) and not given(leg)] if call.out_of is not None else []
        talking = [leg for leg in legs if leg.answered_at]
        agents = dict.fromkeys(agent for leg in talking or legs for agent in agents_at(leg.endpoint))
        if agents:
            yield call, bool(talking), list(agents)


class OwnCalls:
    """Tells the ACD whether an agent's phone is in a call that it did not give this agent."""

    def __init__(self, acd: Dispatch) -> None:
        self._acd = acd
        self._calling_in: dict[str, list[Leg]] = {}
        """Agents outside who call us now, with that leg."""
        self._talks: dict[str, core.DialEnded] = {}
        """Agent who talks with somebody passed on from a queue -> what the ACD is told when that is over."""

    def look(self, agent: str) -> None:
        """Something about the agent or the phone has changed."""
        acd = self._acd
        view = acd.core.agent(agent)
        if view is None or view.state == "logged-out" or acd.has_contact(agent):
            return
        legs = acd.switch.legs_at(acd.seats.extension_of(agent))
        busy = bool(self._calling_in.get(agent)) or any(counts(leg) and acd.agent_of(leg) != agent for leg in legs)
        if busy and view.state != "dialling-out":
            self._talks.pop(agent, None)
            acd.tell(core.Dial(agent))
        elif not busy and view.state == "dialling-out":
            acd.tell(self._talks.pop(agent, core.DialEnded(agent)))

    def comes(self, agent: str, leg: Leg) -> None:
        """An agent outside calls us."""
        calling = self._calling_in.setdefault(agent, [])
        if not leg.is_ended and leg not in calling:  # it is there already where the code was keyed once more
            calling.append(leg)
            self.look(agent)

    def gone(self, agent: str, leg: Leg) -> None:
        """Such a call is over, if it was one."""
        calling = self._calling_in.get(agent, [])
        if leg in calling:
            calling.remove(leg)
            self.look(agent)

    def passed_on(self, agent: str, leg: Leg) -> None:
        """Who was passed on to this phone from a queue: what this agent notes is about that contact now."""
        acd, came = self._acd, leg.call.out_of
        if came is None:
            return
        acd.touched.agent(agent)
        if leg.answered_at and is_passed_on(leg) and not acd.given(leg):
            acd.took(agent, came.contact, came.queue)
            talk = self._talks[agent] = core.DialEnded(agent, came.queue, came.contact, self._key_of(came))
            if talk.caller:
                acd.callers.remember(talk.caller, agent, came.queue, acd.now())

    def _key_of(self, came: OutOf) -> str:
        """The key of the caller who was in the queue."""
        leg, config = self._acd.switch.legs.get(came.caller), self._acd.switch.config
        return self._acd.callers.key(own_number(config, leg, caller_of(leg, config)[0])) if leg is not None else ""
