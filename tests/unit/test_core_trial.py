"""Trying out a phone or a line: what is refused and why, what the call says, that nothing stays behind."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from types import SimpleNamespace
from typing import Any

import pytest

from appliance import messages as m
from appliance.core.trial import RING_SECONDS, Trial
from appliance.errors import SwitchroomError
from appliance.media.events import PlayDone
from drivers.base import Place
from tests.callslab import Lab, NotedPort, hastily, settle

NUMBER = "+358401234567"


class House:
    """Phone 101 is connected, 102 is not; whoever is called hears all that is played."""

    def __init__(self) -> None:
        self.lab = Lab()
        self.rung: list[tuple[str, list[Any]]] = []
        self.heard: list[str] = []
        self.lab.engine.on_play = self._plays
        box: Any = SimpleNamespace(config=self.lab.config, switch=self.lab.switch, channels=self.lab.channels,
                                   driver=SimpleNamespace(registered={"101"}.__contains__), ring=self._ring)
        self.trial = Trial(box)

    def _ring(self, extension: str, language: str | None, said: Callable[[str], list[Any]]) -> None:
        self.rung.append((extension, said("en")))

    def _plays(self, port: NotedPort, clips: list[Any], play: int) -> None:
        self.heard += [clip.decode() for clip in clips if isinstance(clip, bytes)]
        done = PlayDone(port=port.id, play=play, samples=1, total=1, complete=True)
        asyncio.get_running_loop().call_soon(self.lab.switch._media_event, done)

    async def line(self, number: str = NUMBER, line: str = "gateway") -> m.LineTried:
        reply = await self.trial.try_line(m.TryLine(line=line, number=number))
        assert isinstance(reply, m.LineTried)
        return reply


def run(work: Callable[[], Coroutine[Any, Any, None]]) -> None:
    hastily(work())


def test_a_phone_that_is_there_is_rung() -> None:
    async def work() -> None:
        house = House()
        assert await house.trial.ring_phone(m.RingPhone(extension="101")) == m.Done()
        assert house.rung == [("101", [b"phone-works"])]

    run(work)


@pytest.mark.parametrize(("extension", "id"), [
    ("102", "phone.not-connected"), ("999", "phone.unknown"), ("x" * 999, "phone.unknown"),
])  # fmt: skip
def test_a_phone_that_is_not_is_named(extension: str, id: str) -> None:
    async def work() -> None:
        house = House()
        with pytest.raises(SwitchroomError) as caught:
            await house.trial.ring_phone(m.RingPhone(extension=extension))
        assert caught.value.id == id and caught.value.hint and len(caught.value.message) < 100 and house.rung == []

    run(work)


def test_a_line_that_is_answered_says_that_it_works_and_hangs_up() -> None:
    async def work() -> None:
        house = House()
        house.lab.driver.on_place = house.lab.answers
        told = await house.line()
        assert told.answered and (told.sip, told.q850, told.why) == (0, 0, "")
        assert house.heard == ["pause-long", "line-works"]
        order, = house.lab.driver.placed
        assert order.kind == "line" and order.number.endswith("401234567")
        await settle()
        assert house.lab.busy("gateway") == 0 and not house.lab.switch.calls and not house.lab.engine.open_ports
        assert [each.disposition for each in house.lab.ledger.of(m.CallEnded)] == ["answered"]

    run(work)


def test_one_line_is_tried_at_a_time() -> None:
    """Each trial is a call that may cost, and holds who asked for it for a minute."""

    async def work() -> None:
        house = House()
        first = asyncio.ensure_future(house.line())
        await settle()
        with pytest.raises(SwitchroomError) as caught:
            await house.line()
        assert caught.value.id == "line.trying" and len(house.lab.driver.placed) == 1
        await asyncio.wait_for(first, 2 * RING_SECONDS)
        house.lab.driver.on_place = house.lab.answers
        assert (await house.line()).answered  # and the next once that is over

    run(work)


def test_why_nobody_answered_is_told() -> None:
    async def work() -> None:
        house = House()
        house.lab.driver.on_place = house.lab.fails(486)
        told = await house.line()
        assert not told.answered and told.sip == 486
        await settle()
        assert house.lab.busy("gateway") == 0 and not house.lab.switch.calls

    run(work)


def test_a_number_that_nobody_picks_up_is_given_up() -> None:
    async def work() -> None:
        house = House()

        def silent(order: Place) -> None:
            return None

        house.lab.driver.on_place = silent
        began = asyncio.get_running_loop().time()
        told = await house.line()
        assert not told.answered and asyncio.get_running_loop().time() - began >= RING_SECONDS
        await settle()
        assert house.lab.busy("gateway") == 0 and not house.lab.switch.calls

    run(work)


@pytest.mark.parametrize(("line", "number", "id"), [
    ("nothing", NUMBER, "line.unknown"), ("gateway", "112", "line.number"), ("gateway", "101", "line.number"),
    ("gateway", "", "line.number"), ("gateway", "x" * 500, "line.number"), ("gateway", "\r\n", "line.number"),
])  # fmt: skip
def test_what_is_not_called_is_refused_with_a_next_step(line: str, number: str, id: str) -> None:
    async def work() -> None:
        house = House()
        with pytest.raises(SwitchroomError) as caught:
            await house.line(number, line)
        assert caught.value.id == id and caught.value.hint
        assert house.lab.driver.placed == [] and not house.lab.switch.calls

    run(work)


def test_a_line_without_a_free_channel_is_said_to_be_busy_and_keeps_nothing() -> None:
    async def work() -> None:
        house = House()
        house.lab.channels.set_line("gateway", 0)
        with pytest.raises(SwitchroomError) as caught:
            await house.line()
        assert caught.value.id == "line.busy"
        assert not house.lab.switch.calls and not house.lab.switch.legs

    run(work)
