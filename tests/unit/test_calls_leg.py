"""The inbox and the leg: what comes in order, who is woken and when, and how a flow unwinds when its leg is gone."""

from __future__ import annotations

import asyncio

import pytest

from appliance.calls.inbox import LIMIT, Inbox
from appliance.calls.leg import LAST_WORDS_SECONDS, HungUp
from appliance.media.events import Digit, PlayDone
from appliance.messages import (
    Cause,
    LegEnded,
)
from drivers.base import DigitInfo, Ended
from tests.callslab import Lab, in_time


def test_inbox_keeps_order_and_bounds() -> None:
    async def work() -> None:
        inbox = Inbox()
        assert await inbox.get(0) is None
        for i in range(LIMIT + 5):
            inbox.put(i)
        assert inbox.lost == 5 and await inbox.get() == 0
        inbox.put_back([-2, -1])
        assert [await inbox.get() for _ in range(3)] == [-2, -1, 1]
        assert len(inbox.drain()) == LIMIT - 2 and await inbox.get(0.001) is None
        asyncio.get_running_loop().call_soon(inbox.put, "late")
        assert await inbox.get(5) == "late"

    in_time(work())


def test_an_inbox_wakes_whoever_waits_in_time_with_one_timer_for_many_waits() -> None:
    async def work() -> None:
        inbox, loop = Inbox(), asyncio.get_running_loop()
        made: list[float] = []
        call_at = loop.call_at
        loop.call_at = lambda when, *more, **named: (made.append(when), call_at(when, *more, **named))[1]  # type: ignore[method-assign, assignment, func-returns-value]
        for n in range(20):
            loop.call_soon(inbox.put, n)
            assert await inbox.get(60) == n
        assert len(made) == 1
        began = loop.time()
        assert await inbox.get(0.02) is None  # sooner than the timer that is there
        assert await inbox.get(0.05) is None
        assert 0.065 < loop.time() - began < 5
        loop.call_soon(inbox.put, "first")
        assert await inbox.get(0.05) == "first"
        assert await inbox.get(0.1) is None  # the timer of the wait before goes off too early, and is set anew
        assert loop.time() - began > 0.16
        inbox.close()

    in_time(work())


def test_a_leg_hears_its_own_events_only_and_unwinds_when_gone() -> None:
    async def work() -> None:
        lab = Lab()
        a = lab.comes("102")
        port = a.open_port()
        lab.switch.legs["other"] = a
        a.inbox.put(Digit(port=port.id + 1, digit="9", source="rfc4733"))
        a.inbox.put(Digit(port=port.id, digit="1", source="rfc4733"))
        assert await a.key("19", 5) == "1"
        lab.tell(DigitInfo(leg=a.id, digit="5"))
        assert await a.key("5", 5) == "5"
        asyncio.get_running_loop().call_soon(lab.tell, Ended(leg=a.id, cause=Cause(q850=16)))
        with pytest.raises(HungUp):
            await a.key("1", 5)
        assert port.closed and a.quality is not None
        a.hang_up()
        assert not lab.driver.did  # who is gone is not hung up
        lab.tell(Ended(leg=a.id, cause=Cause()))
        assert len(lab.ledger.of(LegEnded)) == 1

    in_time(work())


def test_being_woken_is_not_the_time_being_up() -> None:
    async def work() -> None:
        lab = Lab()
        a = lab.comes("102")
        a.open_port()
        loop = asyncio.get_running_loop()
        loop.call_soon(a.call.break_off, "cancelled")
        loop.call_later(0.02, lab.tell, Ended(leg=a.id, cause=Cause(sip=487, by="near")))
        with pytest.raises(HungUp):  # and not None, which a flow would take for the end of ringing
            await a.wait(Digit, timeout=5)

    in_time(work())


@pytest.mark.parametrize("complete", [True, False])
def test_who_was_told_something_to_its_end_hears_it_before_we_hang_up(complete: bool) -> None:
    """The last packet is sent, and still in the phone's jitter buffer. Who pressed a key has heard enough."""
    async def work() -> None:
        lab, loop = Lab(), asyncio.get_running_loop()
        leg = lab.comes("billing", "104")
        leg.answer()
        port = leg.open_port()
        lab.switch._media_event(PlayDone(port=port.id, play=1, samples=8000, total=8000, complete=complete))
        began = loop.time()
        leg.hang_up()
        leg.hang_up()
        assert leg.hanging_up
        assert [each[0] for each in lab.driver.did if each[0] == "hang_up"] == ([] if complete else ["hang_up"])
        while not leg.is_ended:
            await asyncio.sleep(0.005)
        assert [each[0] for each in lab.driver.did if each[0] == "hang_up"] == ["hang_up"]
        assert (loop.time() - began > LAST_WORDS_SECONDS * 0.9) is complete

    in_time(work())


def test_who_hangs_up_meanwhile_is_not_hung_up_on() -> None:
    async def work() -> None:
        lab = Lab()
        leg = lab.comes("billing", "104")
        leg.answer()
        lab.switch._media_event(PlayDone(port=leg.open_port().id, play=1, samples=8000, total=8000, complete=True))
        leg.hang_up()
        lab.tell(Ended(leg=leg.id, cause=Cause(by="far", q850=16)))
        due = asyncio.Event()
        asyncio.get_running_loop().call_later(LAST_WORDS_SECONDS, due.set)
        await due.wait()
        assert not any(each[0] == "hang_up" for each in lab.driver.did) and leg.cause.by == "far"

    in_time(work())
