"""What rings or talks at a phone of the house without the ACD: the user's own calls, and callers who were in a queue and have
come here another way: the office moved them, an agent put them through, or the queue's rule sent them on."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from appliance.calls.call import Call
from appliance.calls.leg import Leg


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
