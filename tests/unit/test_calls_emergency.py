"""An emergency call gets a channel: it tries every line, and ends a campaign's call, else a person's, where none is free."""

from __future__ import annotations

import asyncio

import pytest

from appliance._core import CAMPAIGN, EMERGENCY, PHONE
from appliance.calls.call import Call
from appliance.calls.routing import ToOutside
from appliance.messages import (
    Cause,
)
from drivers.base import Ended, Place
from tests.callslab import Lab, dial, in_time, settle


def campaign_on(lab: Lab, line: str, count: int, purpose: int = CAMPAIGN) -> list[Call]:
    """So many calls of a campaign (or of people) on this line."""
    calls = []
    for _ in range(count):
        call = lab.switch.new_call("campaign", 1)
        leg = call.add_leg("out", "line", line, "+358917700001")
        assert lab.channels.seize(leg.id, [line], purpose, 1)[0] == line
        calls.append(call)
    return calls


def test_an_emergency_call_tries_every_line_and_takes_a_campaigns_channel() -> None:
    async def work() -> None:
        lab = Lab()
        calls = campaign_on(lab, "gateway", 5)
        lab.channels.set_up("provider", False)
        for _ in range(10):
            lab.channels.seize(f"x{_}", ["provider"], EMERGENCY)
        lab.driver.on_place = lab.answers
        a = lab.comes("112")
        task = dial(lab, a, ToOutside("112", ["gateway", "provider"], emergency=True))
        await settle()
        assert [call.interrupted for call in calls] == ["", "", "", "", "emergency"]  # the youngest
        assert [(order.endpoint, order.number) for order in lab.driver.placed] == [("gateway", "112")]
        lab.tell(Ended(leg=a.id, cause=Cause(q850=16)))
        await task

    in_time(work())


@pytest.mark.parametrize(("lines", "purpose"), [(["provider", "gateway"], CAMPAIGN), (["gateway", "provider"], PHONE)])
def test_an_emergency_call_takes_anothers_channel_rather_than_a_line_that_is_down(lines: list[str], purpose: int) -> None:
    """A campaign's, and where it has none a person's."""

    async def work() -> None:
        lab = Lab()
        calls = campaign_on(lab, "gateway", 5, purpose)
        lab.channels.set_up("provider", False)
        lab.driver.on_place = lab.answers
        a = lab.comes("112")
        task = dial(lab, a, ToOutside("112", lines, emergency=True))
        await settle()
        assert [call.interrupted for call in calls] == ["", "", "", "", "emergency"]
        assert [order.endpoint for order in lab.driver.placed] == ["gateway"]
        lab.tell(Ended(leg=a.id, cause=Cause(q850=16)))
        await task

    in_time(work())


def test_an_emergency_call_that_its_line_does_not_take_comes_back_to_one_that_was_full() -> None:
    """A campaign's call is there when the free line has failed."""
    async def work() -> None:
        lab = Lab()
        calls = campaign_on(lab, "gateway", 5)

        def on_place(order: Place) -> None:
            if order.endpoint == "provider":
                lab.channels.release(calls[0].legs[0].id)
                lab.channels.seize(calls[0].legs[0].id, ["gateway"], CAMPAIGN, 1)
                lab.fails(503, "far")(order)
            else:
                lab.answers(order)

        lab.driver.on_place = on_place
        a = lab.comes("112")
        task = dial(lab, a, ToOutside("112", ["gateway", "provider"], emergency=True))
        await settle()
        assert [order.endpoint for order in lab.driver.placed] == ["provider", "gateway"]
        assert sum(call.interrupted == "emergency" for call in calls) == 1
        lab.tell(Ended(leg=a.id, cause=Cause(q850=16)))
        await task

    in_time(work())


def test_two_emergency_calls_at_once_take_two_channels_of_a_campaign(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call that is being ended still holds its channel: both would wait for the same one."""

    async def work() -> None:
        lab, ending = Lab(), dict[str, None]()
        campaign_on(lab, "gateway", 5)

        def free_for_emergency(lines: list[str], call: Call) -> bool:
            victims = lab.channels.victims(lines)
            ending.update(dict.fromkeys(victims[:1]))
            return bool(victims)

        async def channel_freed(seconds: float) -> bool:
            await asyncio.sleep(0)
            for leg in ending:
                lab.channels.release(leg)
            return True

        monkeypatch.setattr(lab, "free_for_emergency", free_for_emergency)
        monkeypatch.setattr(lab, "channel_freed", channel_freed)
        lab.driver.on_place = lab.answers
        callers = [lab.comes("112", phone) for phone in ("101", "102")]
        tasks = [dial(lab, leg, ToOutside("112", ["gateway"], emergency=True)) for leg in callers]
        await settle()
        assert [order.endpoint for order in lab.driver.placed] == ["gateway", "gateway"] and len(ending) == 2
        for leg in callers:
            lab.tell(Ended(leg=leg.id, cause=Cause(q850=16)))
        await asyncio.gather(*tasks)

    in_time(work())
