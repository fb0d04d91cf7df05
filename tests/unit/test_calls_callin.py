"""Whose call to the agents' number is an agent's: by the caller's number, on a line that can be believed, with a PIN."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from appliance.calls.flows.callin import caller_as_agent
from appliance.config.model import Agent, Line
from tests.callslab import Lab

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
