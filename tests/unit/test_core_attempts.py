"""Leases of attempts: what happens to one whose campaign is cancelled while the ledger commits it. No wire."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from appliance._core import Channels
from appliance.calls.switch import Switch
from appliance.campaigns.book import CampaignBook
from appliance.clock import ManualClock
from appliance.config import loads
from appliance.core.attempts import Attempts
from appliance.core.desk import Open
from appliance.messages import (
    AskAttempt,
    AttemptEnded,
    AttemptGranted,
    AttemptRefused,
    AttemptStarted,
    CallEnded,
    CampaignCreated,
    Event,
    LegEnded,
    LegOpened,
    Subscriber,
)
from drivers.base import Place
from tests.peers.net import PATIENCE

CLOCK = ManualClock()
OFFICE = """
[office]
name = "Office"
country = "FI"
timezone = "Europe/Helsinki"
[[lines]]
name = "gateway"
driver = "sip-gateway"
address = "127.0.0.1:5070"
channels = 5
inbound_to = "extension:101"
[[routes]]
name = "country"
numbers = ["+358*"]
lines = ["gateway"]
allow = ["national", "mobile"]
[[phones]]
extension = "101"
name = "Anna"
secret = "anna-101"
[[lists]]
number = "12"
name = "All"
file = "all.csv"
[[scenarios]]
code = "701"
name = "News"
lines = 5
"""


class SlowLedger:
    """Commits when it is told to; keeps what it was given."""

    level = "none"

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.disk = asyncio.Event()

    def append(self, event: Event) -> None:
        self.events.append(event)

    async def commit(self, *events: Event) -> int:
        await self.disk.wait()
        self.events += events
        return len(self.events)


class Wire:
    """A driver that notes what would leave."""

    def __init__(self) -> None:
        self.placed: list[Place] = []

    def place(self, order: Place) -> None:
        self.placed.append(order)

    def hang_up(self, leg: str, q850: int = 16, text: str = "") -> None:
        assert leg not in [order.leg for order in self.placed]

    def call_id_of(self, leg: str) -> str:
        return f"sip-{leg}"


class Ports:
    """Media that carries nothing."""

    def open(self, near: object = None) -> Any:
        return SimpleNamespace(id=1, port=20000, host="127.0.0.1", closed=False, close=lambda: None, play_position=lambda: 0,
                               detect=lambda **kinds: None)


async def eventually(what: Awaitable[Any]) -> Any:
    async with asyncio.timeout(PATIENCE):
        return await what


async def test_a_cancel_during_the_commit_keeps_the_call_from_leaving() -> None:
    config, ledger, wire, channels = loads(OFFICE), SlowLedger(), Wire(), Channels()
    channels.set_line("gateway", 5)
    unused: dict[str, Any] = {"prompts": None, "sounds": None}
    switch = Switch(config=config, ledger=ledger, engine=Ports(), driver=wire, channels=channels, clock=CLOCK, **unused)  # type: ignore[arg-type]
    created = CampaignCreated(campaign=1, scenario="701", name="News", list="12", lines=5, message="m.wav", message_seconds=5.0,
                              subscribers=1, rules={"code": "701", "name": "News", "lines": 5})
    entry = Open(CampaignBook(created), [Subscriber(index=0, number="+358917700000")], Path("m.wav"), 40000)
    desk = SimpleNamespace(open={1: entry}, hours_open=lambda rules: True, note=lambda events, seq=0: None)
    attempts = Attempts(switch, desk, ledger)  # type: ignore[arg-type]
    ask = asyncio.create_task(attempts.ask(AskAttempt(campaign=1, subscriber=0, attempt=1)))
    while not switch.calls:
        await asyncio.sleep(0)
    attempts.cancel(1)
    ledger.disk.set()
    assert isinstance(await eventually(ask), AttemptGranted)
    await eventually(asyncio.gather(*switch._tasks))
    assert wire.placed == [] and switch.legs == {} and channels.in_use(1) == 0
    assert [type(event) for event in ledger.events] == [AttemptStarted, LegOpened, LegEnded, AttemptEnded, CallEnded]
    ended, over = ledger.events[-2:]
    assert isinstance(ended, AttemptEnded) and ended.outcome == "cancelled"
    assert isinstance(over, CallEnded) and over.disposition == "interrupted"


async def test_no_attempt_is_granted_before_the_campaigns_time() -> None:
    config, ledger, wire, channels = loads(OFFICE), SlowLedger(), Wire(), Channels()
    channels.set_line("gateway", 5)
    unused: dict[str, Any] = {"prompts": None, "sounds": None}
    switch = Switch(config=config, ledger=ledger, engine=Ports(), driver=wire, channels=channels, clock=CLOCK, **unused)  # type: ignore[arg-type]
    created = CampaignCreated(campaign=1, scenario="701", name="News", list="12", lines=5, message="m.wav", message_seconds=5.0,
                              subscribers=1, rules={"code": "701"}, not_before=CLOCK.utc() + 90.0)
    entry = Open(CampaignBook(created), [Subscriber(index=0, number="+358917700000")], Path("m.wav"), 40000)
    attempts = Attempts(switch, SimpleNamespace(open={1: entry}), ledger)  # type: ignore[arg-type]
    refused = await attempts.ask(AskAttempt(campaign=1, subscriber=0, attempt=1))
    assert refused == AttemptRefused(why="closed", retry_after=90.0)
    assert not ledger.events and not switch.calls


async def test_who_was_erased_is_not_dialled_even_where_a_route_takes_all_numbers() -> None:
    office = OFFICE.replace('["+358*"]', '["*"]').replace('["national", "mobile"]', '["national", "mobile", "international"]')
    config, ledger, wire, channels = loads(office), SlowLedger(), Wire(), Channels()
    ledger.disk.set()
    channels.set_line("gateway", 5)
    unused: dict[str, Any] = {"prompts": None, "sounds": None}
    switch = Switch(config=config, ledger=ledger, engine=Ports(), driver=wire, channels=channels, clock=CLOCK, **unused)  # type: ignore[arg-type]
    created = CampaignCreated(campaign=1, scenario="701", name="News", list="12", lines=5, message="m.wav", message_seconds=5.0,
                              subscribers=1, rules={"code": "701"})
    entry = Open(CampaignBook(created), [Subscriber(index=0, number="", row=2)], Path("m.wav"), 40000)
    attempts = Attempts(switch, SimpleNamespace(open={1: entry}, note=lambda events: None), ledger)  # type: ignore[arg-type]
    granted = await attempts.ask(AskAttempt(campaign=1, subscriber=0, attempt=1))
    await eventually(asyncio.gather(*switch._tasks))
    assert isinstance(granted, AttemptGranted) and not granted.line and not wire.placed
    assert [type(event) for event in ledger.events] == [AttemptStarted, AttemptEnded]


async def test_a_line_taken_out_of_service_for_a_while_strikes_nobody_off_the_list() -> None:
    """`enabled = false` and a reload, in the middle of a campaign."""
    config, ledger, wire, channels = loads(OFFICE), SlowLedger(), Wire(), Channels()
    ledger.disk.set()
    unused: dict[str, Any] = {"prompts": None, "sounds": None}
    switch = Switch(config=config, ledger=ledger, engine=Ports(), driver=wire, channels=channels, clock=CLOCK, **unused)  # type: ignore[arg-type]
    created = CampaignCreated(campaign=1, scenario="701", name="News", list="12", lines=5, message="m.wav", message_seconds=5.0,
                              subscribers=1, rules={"code": "701"})
    entry = Open(CampaignBook(created), [Subscriber(index=0, number="+358917700000")], Path("m.wav"), 40000)
    attempts = Attempts(switch, SimpleNamespace(open={1: entry}, note=lambda events: None), ledger)  # type: ignore[arg-type]
    refused = await attempts.ask(AskAttempt(campaign=1, subscriber=0, attempt=1))
    assert refused == AttemptRefused(why="line_down", retry_after=10.0)
    assert not ledger.events and not switch.calls and not switch.legs
