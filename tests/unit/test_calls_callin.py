"""Whose call to the agents' number is an agent's: by the caller's number, on a line that can be believed, with a PIN."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from appliance.acd.of_config import rules_of
from appliance.calls.flows.agent import AgentCodes
from appliance.calls.flows.callin import CallIn, caller_as_agent
from appliance.calls.leg import Leg
from appliance.config.model import Agent, Line
from appliance.core.acd import Dispatch
from appliance.media.events import PlayDone
from appliance.messages import Cause
from drivers.base import Ended
from tests.callslab import Lab, settle
from tests.peers.net import PATIENCE

NUMBER = "040 123 4567"


def leg(caller: str, kind: str = "line", endpoint: str = "gateway") -> Any:
    return SimpleNamespace(kind=kind, endpoint=endpoint, incoming=SimpleNamespace(caller=caller), call=SimpleNamespace(id="c"))


def office(trusted: bool, pin: str | None) -> Any:
    return SimpleNamespace(
        office=Lab().config.office, agents=[Agent(id="dora", outside_number=NUMBER, pin=pin)],
        line=lambda name: Line(name=name, driver="sip-gateway", trust_caller_id=trusted) if name == "gateway" else None)


@pytest.mark.parametrize(("who", "trusted", "pin", "found"), [
    (leg("0401234567"), True, "1105", True), (leg("+358401234567"), True, "1105", True),
    (leg("358401234568"), True, "1105", False),
    (leg("0401234567"), False, "1105", False), (leg("0401234567"), True, None, False), (leg("anonymous"), True, "1105", False),
    (leg("0401234567", "phone", "101"), True, "1105", False), (leg("0401234567", endpoint="gone"), True, "1105", False),
])
def test_who_is_an_agent(who: Any, trusted: bool, pin: str | None, found: bool) -> None:
    assert (caller_as_agent(office(trusted, pin), who) is not None) is found


class Mobile:
    """The agent dora at a number outside, who calls in: any number of calls at once. `said` is what each of them heard."""

    def __init__(self) -> None:
        self.lab = Lab()
        config = self.lab.config
        agents = [msgspec.structs.replace(each, outside_number=NUMBER, pin="1105") if each.id == "anna" else each
                  for each in config.agents]
        lines = [msgspec.structs.replace(each, trust_caller_id=True) for each in config.lines]
        self.lab.config = self.lab.switch.config = msgspec.structs.replace(config, agents=agents, lines=lines)
        self.acd = Dispatch(self.lab.switch, self.lab.ledger, self.lab)
        self.lab.switch.on_leg = self.acd.on_leg
        self.acd.core.configure(*rules_of(self.lab.config), self.lab.switch.clock.utc())
        pins = SimpleNamespace(locked=lambda door: 0, check=lambda door, pin, digits: pin == digits)
        self.flow = CallIn(AgentCodes(self.lab.switch, self.acd, pins), self.acd)
        self.said: dict[str, list[str]] = {}
        self.lab.engine.on_play = self._hears

    def calls(self, pin: str = "1105#") -> Leg:
        leg = self.lab.comes("9", "gateway", "line")
        assert leg.incoming is not None
        leg.incoming = msgspec.structs.replace(leg.incoming, caller="0401234567")
        self.said[leg.id] = []
        self.pin = pin
        self.lab.switch.lead(leg.call, lambda: self.flow.run(leg))
        return leg

    def _hears(self, port: Any, clips: list[Any], play: int) -> None:
        leg = next(leg for leg in self.lab.switch.legs.values() if leg.port is port)
        self.said[leg.id] += [clip.decode() for clip in clips]
        loop = asyncio.get_running_loop()
        if b"enter-pin" in clips or b"wrong-pin" in clips:
            for key in self.pin:
                loop.call_soon(self.lab.tell_digit, leg, key)
        else:
            loop.call_soon(leg.inbox.put, PlayDone(port=port.id, play=play, samples=8000, total=8000, complete=True))

    def keys(self, leg: Leg, code: str) -> None:
        for key in code:
            self.lab.tell_digit(leg, key)

    def state(self) -> str:
        view = self.acd.core.agent("anna")
        return view.state if view else ""


async def until(check: Callable[[], bool]) -> None:
    """Keys are waited for in real time."""
    for _ in range(1000):
        if check():
            return
        await asyncio.sleep(0.01)
    raise AssertionError("it never came to this")


def lived(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(asyncio.wait_for(work, PATIENCE))


def test_two_calls_at_once_from_one_number_are_one_agent() -> None:
    async def work() -> None:
        mobile = Mobile()
        first, second = mobile.calls(), mobile.calls()
        await until(lambda: sorted(each[-1] for each in mobile.said.values() if each) == [
            "agent-already-signed-in", "agent-signed-in"])
        for leg, state in ((first, "dialling-out"), (second, "ready")):  # the number is busy as long as one call lasts
            assert mobile.state() == "dialling-out"
            mobile.lab.tell(Ended(leg=leg.id, cause=Cause(by="far", q850=16)))
            await settle()
            assert mobile.state() == state

    lived(work())


@pytest.mark.parametrize(("code", "said", "state"), [
    ("sign_in", "agent-signed-in", "dialling-out"), ("take_break", "agent-not-signed-in", "logged-out"),
])
def test_what_the_other_call_may_do_when_one_has_signed_out(code: str, said: str, state: str) -> None:
    async def work() -> None:
        mobile = Mobile()
        first, second = mobile.calls(), mobile.calls()
        await until(lambda: all(mobile.said.values()) and all("signed-in" in each[-1] for each in mobile.said.values()))
        mobile.keys(first, mobile.lab.config.codes.sign_out)
        await until(lambda: first.is_ended)
        assert mobile.state() == "logged-out" and not second.is_ended
        mobile.said[second.id].clear()
        mobile.keys(second, getattr(mobile.lab.config.codes, code))
        await until(lambda: mobile.said[second.id] == [said])
        assert mobile.state() == state
        if state == "logged-out":
            await until(lambda: second.is_ended)

    lived(work())


def test_a_wrong_pin_in_the_second_call_changes_nothing() -> None:
    async def work() -> None:
        mobile = Mobile()
        first = mobile.calls()
        await until(lambda: mobile.said[first.id][-1:] == ["agent-signed-in"])
        second = mobile.calls("9#")
        await until(lambda: second.is_ended)
        assert mobile.said[second.id][-1] == "wrong-pin-goodbye" and not first.is_ended
        assert mobile.state() == "dialling-out"

    lived(work())
