"""A phone that is registered and dead: known in seconds, passed over by whoever calls it, and back by itself."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import pytest

from appliance.messages import PhoneGone, PhoneRegistered
from drivers.base import Ended, EndpointChanged, Incoming, Ringing
from tests.peers.sipdriver import Peer, office, phone
from tests.peers.station import Station

DEAD = 4.0
"""Seconds without any answer after which a phone counts as not there."""


@contextmanager
def station(peer: Peer, extension: str = "101", **options: object) -> Iterator[Station]:
    with Station(peer.port, user=extension, secret=f"secret-{extension}", **options) as phone:  # type: ignore[arg-type]
        yield phone


@asynccontextmanager
async def registered(*plans: list[int]) -> AsyncIterator[tuple[Peer, list[Station]]]:
    """A driver, and so many devices registered as 101."""
    async with Peer(office(phone("101"), phone("102"))) as peer:
        with station(peer, plan=plans[0]) as first:
            if len(plans) == 1:
                await asyncio.to_thread(first.register)
                yield peer, [first]
                return
            with station(peer, plan=plans[1]) as second:
                for each in (first, second):
                    await asyncio.to_thread(each.register)
                yield peer, [first, second]


def call(peer: Peer) -> str:
    return peer.place("101", "101", kind="phone")


async def gone(peer: Peer) -> EndpointChanged:
    found: EndpointChanged = await peer.wait(EndpointChanged, lambda e: isinstance(e.event, PhoneGone))
    return found


async def back(peer: Peer) -> EndpointChanged:
    found: EndpointChanged = await peer.wait(EndpointChanged, lambda e: isinstance(e.event, PhoneRegistered))
    return found


async def test_a_dead_phone_is_known_in_seconds_and_back_when_it_answers() -> None:
    async with registered([180, 200]) as (peer, [dead]):
        await back(peer)
        dead.deaf = True
        loop = asyncio.get_running_loop()
        began = loop.time()
        leg = call(peer)
        cause = (await peer.wait(Ended, lambda e: e.leg == leg)).cause
        assert DEAD - 0.2 < loop.time() - began < 2 * DEAD  # for which a caller waited before
        assert (cause.sip, cause.q850, cause.by) == (408, 20, "network")
        told = await gone(peer)
        assert isinstance(told.event, PhoneGone) and told.event.reason == "unreachable" and not told.up
        assert not peer.driver.registered("101") and peer.driver.contacts("101") == []
        dead.deaf = False
        assert (await back(peer)).up
        assert peer.driver.registered("101")
        second = call(peer)
        await peer.wait(Ringing, lambda e: e.leg == second)
        peer.driver.hang_up(second)


@pytest.mark.parametrize("sign", ["registers again", "calls"])
async def test_a_sign_of_life_is_enough(sign: str) -> None:
    """The registration is the same as before, so that its refreshing alone would be no news."""
    async with registered([180, 200]) as (peer, [dead]):
        await back(peer)
        dead.deaf = True
        call(peer)
        await gone(peer)
        peer.driver._silence._ask = lambda *a: None  # type: ignore[method-assign]  # no further question
        peer.driver._silence._asked.clear()
        dead.deaf = False
        if sign == "calls":
            dead.dial("102")
            await peer.wait(Incoming)
        else:
            await asyncio.to_thread(dead.register)
        assert (await back(peer)).up and peer.driver.registered("101")


async def test_a_slow_phone_is_not_hurt() -> None:
    """It says 100, and rings long after the time is over."""
    async with registered([0] * 10 + [180]) as (peer, _):
        leg = call(peer)
        await peer.wait(Ringing, lambda e: e.leg == leg)
        assert peer.driver.registered("101")
        assert not any(isinstance(event, Ended) for event in peer.events)
        peer.driver.hang_up(leg)


async def test_the_other_device_rings_on() -> None:
    async with registered([180], [180]) as (peer, [dead, alive]):
        dead.deaf = True
        leg = call(peer)
        told = await gone(peer)
        assert told.up and peer.driver.contacts("101") == [f"sip:101@127.0.0.1:{alive.port}"]
        assert not any(isinstance(event, Ended) for event in peer.events)
        peer.driver.hang_up(leg)
