"""Reception: what leads a call, and callers who are sent on."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, get_args

from appliance.calls.leg import Leg
from appliance.calls.routing import Decision, ToExcuse, ToHangUp, ToMenu
from appliance.config.values import Target
from appliance.core.reception import MAX_HOPS, Reception
from tests.callslab import Lab
from tests.peers.net import PATIENCE


def reception_of(lab: Lab) -> Reception:
    box: Any = SimpleNamespace(switch=lab.switch, config=lab.config, channels=lab.channels, driver=lab.driver,
                               settings=lab.settings, recordings=lab.recorder)
    return Reception(box)


def test_every_decision_has_a_flow() -> None:
    assert set(reception_of(Lab()).flows) == set(get_args(Decision))


def test_a_circle_of_menus_comes_to_an_end() -> None:
    async def work() -> None:
        lab = Lab()
        reception = reception_of(lab)
        met: list[Decision] = []

        async def menu(leg: Leg, decision: Decision) -> None:
            met.append(decision)
            await reception.send(leg, Target("menu:main"))

        async def said(leg: Leg, decision: ToExcuse) -> None:
            met.append(decision)

        reception.flows[ToMenu] = menu
        reception.flows[ToExcuse] = said
        await reception.send(lab.comes("600"), Target("menu:main"))
        assert met[:-1] == [ToMenu("main")] * MAX_HOPS
        assert met[-1] == ToExcuse("menu-goodbye", 480, "loop")

    asyncio.run(asyncio.wait_for(work(), PATIENCE))


def test_a_target_may_be_a_decision() -> None:
    async def work() -> None:
        lab = Lab()
        reception = reception_of(lab)
        met: list[Decision] = []

        async def bye(leg: Leg, decision: Decision) -> None:
            met.append(decision)

        reception.flows[ToHangUp] = bye
        await reception.send(lab.comes("600"), ToHangUp())
        await reception.send(lab.comes("600"), Target("hangup"))
        assert met == [ToHangUp(), ToHangUp()]

    asyncio.run(asyncio.wait_for(work(), PATIENCE))
