"""What a gateway's silence and its answers say about it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from appliance.clock import ManualClock
from appliance.config.values import HostPort
from drivers.base import EndpointChanged
from drivers.sip.lines import UNHEARD, Lines

OPTIONS_ANSWER = 200


class Gateway:
    """A line to 192.0.2.20, and what the core is told of it."""

    def __init__(self) -> None:
        self.told: list[EndpointChanged] = []
        self.asked: list[int] = []
        self.lines = Lines(self._command, iter(range(1, 1000)).__next__, self.told.append, ManualClock())
        self.lines.configure(SimpleNamespace(lines=[SimpleNamespace(
            name="gateway", driver="sip-gateway", enabled=True, address=HostPort("192.0.2.20:5060"), registrar=None, failover=[],
            outbound_proxy=None, transport="udp", domain="", username="", auth_username="", secret=None, realm="",
            register_seconds=600, options_seconds=30, accept_from=[],
        )]))

    def _command(self, _kind: int, _tcp: int, handle: int, *_: Any, strings: tuple[bytes, ...]) -> None:
        self.asked.append(handle)

    def after(self, *seconds: float) -> tuple[bool, str]:
        for now in seconds:
            self.lines.tick(now)
        return (self.told[-1].up, self.told[-1].reason) if self.told else (False, "nothing was told")


def test_a_gateway_that_never_answered_may_be_called_and_is_not_said_to_be_well() -> None:
    """Many ignore OPTIONS, so calls are tried; but the address may as well be wrong."""
    gateway = Gateway()
    assert gateway.after(0.0, 5.0) == (True, UNHEARD)
    assert gateway.lines.health()["gateway"] == {"up": True, "reason": UNHEARD, "server": "192.0.2.20:5060"}


def test_its_first_answer_is_told() -> None:
    gateway = Gateway()
    gateway.after(0.0, 5.0)
    gateway.after(40.0)
    gateway.lines.response((0, OPTIONS_ANSWER, gateway.asked[-1], 0, 0, []), 40.1)
    assert [(each.up, each.reason) for each in gateway.told] == [(True, UNHEARD), (True, "")]


def test_a_call_that_is_answered_tells_it_too() -> None:
    gateway = Gateway()
    gateway.after(0.0, 5.0)
    gateway.lines.call_ended("gateway", 486, "far", 9.0)
    assert gateway.after(44.0, 50.0) == (True, "")  # OPTIONS it goes on to ignore


def test_calls_into_silence_take_it_down_and_it_is_not_well_when_it_is_tried_again() -> None:
    gateway = Gateway()
    gateway.after(0.0, 5.0)
    for _ in range(2):
        gateway.lines.call_ended("gateway", 408, "network", 9.0)
    assert (gateway.told[-1].up, gateway.told[-1].reason) == (False, "it does not answer calls")
    assert gateway.after(40.0) == (True, UNHEARD)
