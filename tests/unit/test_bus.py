"""The bus: commands and replies, refusals, wake-ups, and a core that is not there."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from appliance import bus
from appliance.errors import SwitchroomError
from appliance.messages import Changed, Command, Done, Queues, QueuesReply, Reload, Reply, StartCampaign, Status
from appliance.system.paths import ensure_layout
from tests.peers.net import PATIENCE


async def answer(command: Command) -> Reply:
    if isinstance(command, Reload):
        raise SwitchroomError("config.invalid", "Line 3 is wrong.", "Mend it.")
    if isinstance(command, StartCampaign):
        raise ZeroDivisionError
    return Done(text=type(command).__name__)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    ensure_layout(tmp_path)
    return tmp_path


async def test_command_reply_refusal_and_failure(data: Path) -> None:
    server = bus.Server(data, answer)
    task = asyncio.create_task(server.serve())
    async with bus.Client(data) as client:
        assert await client.ask(Status()) == Done(text="Status")
        with pytest.raises(SwitchroomError) as refused:
            await client.ask(Reload())
        assert (refused.value.id, refused.value.hint) == ("config.invalid", "Mend it.")
        with pytest.raises(SwitchroomError) as failed:
            await client.ask(StartCampaign(scenario="1", list="2", message="x"))
        assert failed.value.id == "core.internal"
    task.cancel()
    server.close()


async def test_an_answer_of_another_version_is_an_error_and_no_end(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encode = bus._encode
    monkeypatch.setattr(bus, "_encode", lambda said: b"\xc1" if said == Done(text="Status") else encode(said))
    server = bus.Server(data, answer)
    task = asyncio.create_task(server.serve())
    async with bus.Client(data) as client:
        with pytest.raises(SwitchroomError) as strange:
            await client.ask(Status(), 5)
        assert strange.value.id == "bus.bad-reply"
        assert await client.ask(Queues(), 5) == Done(text="Queues")
    task.cancel()
    server.close()


async def test_no_core_is_said_at_once(data: Path) -> None:
    assert not bus.running(data)
    async with bus.Client(data) as client:
        with pytest.raises(SwitchroomError) as missing:
            await client.ask(Status())
    assert missing.value.id == "bus.not-running" and "switchroom serve" in missing.value.hint


async def test_wakes_reach_a_client_that_came_before_the_core(data: Path) -> None:
    async with bus.Client(data) as client:
        wakes = client.wakes(every=0.05)
        assert (await anext(wakes)).seq == -1
        server = bus.Server(data, answer)

        async def until_heard() -> int:
            async for wake in wakes:
                if wake.seq > 0:
                    return wake.seq
            return 0

        heard = asyncio.create_task(until_heard())
        async with asyncio.timeout(PATIENCE):
            number = 0
            while not heard.done():
                number += 1
                server.wake(number)
                await asyncio.sleep(0.01)
        assert await heard > 0
        server.close()


async def test_long_data_folders_work(tmp_path: Path) -> None:
    deep = tmp_path / ("d" * 60) / ("e" * 60)
    ensure_layout(deep)
    server = bus.Server(deep, answer)
    task = asyncio.create_task(server.serve())
    async with bus.Client(deep) as client:
        assert await client.ask(Status()) == Done(text="Status")
    task.cancel()
    server.close()


class Office:
    """A core's end whose queues have come to `number`."""

    def __init__(self, data: Path, core: str, number: int = 0) -> None:
        self.core, self.number = core, number
        self.server = bus.Server(data, self._answer)
        self.task = asyncio.create_task(self.server.serve())

    async def _answer(self, command: Command) -> Reply:
        assert isinstance(command, Queues)
        return QueuesReply(core=self.core, number=self.number, now=0.0, queues=[], agents=[], contacts=[])

    def happens(self, said: bool = True) -> None:
        self.number += 1
        if said:
            self.server.change(Changed(core=self.core, number=self.number, events=[]))

    def close(self) -> None:
        self.task.cancel()
        self.server.close()


def seen(part: QueuesReply | Changed) -> tuple[str, str, int]:
    return type(part).__name__, part.core, part.number


async def test_who_follows_the_queues_notices_what_was_missed(data: Path) -> None:
    office = Office(data, "a", 7)
    async with bus.Client(data) as client, asyncio.timeout(PATIENCE):
        follow = client.follow(every=1.0)
        assert seen(await anext(follow)) == ("QueuesReply", "a", 7)
        office.happens()
        # Until the subscription stands changes go unheard; then the whole comes.
        while (last := seen(await anext(follow)))[0] == "QueuesReply":
            office.happens()
        assert last == ("Changed", "a", office.number)
        office.happens(said=False)
        office.happens()
        assert seen(await anext(follow)) == ("QueuesReply", "a", office.number)  # a gap
        office.happens()
        assert seen(await anext(follow)) == ("Changed", "a", office.number)
        office.happens(said=False)
        assert seen(await anext(follow)) == ("QueuesReply", "a", office.number)  # the last one was missed: heard by asking
        office.close()
        office = Office(data, "b", 1)
        assert seen(await anext(follow)) == ("QueuesReply", "b", 1)
        await follow.aclose()  # type: ignore[attr-defined]
    office.close()


async def test_changes_are_told_only_while_somebody_follows(data: Path) -> None:
    server = bus.Server(data, answer)
    assert not server.followed()
    async with bus.Client(data) as client:
        changes = client.changes()
        first = asyncio.ensure_future(anext(changes))
        async with asyncio.timeout(PATIENCE):
            while not server.followed():
                await asyncio.sleep(0.01)
            server.change(Changed(core="one", number=7, events=[{"type": "DayBegan"}]))
            assert (await first).number == 7
    async with asyncio.timeout(PATIENCE):
        while server.followed():
            await asyncio.sleep(0.01)
    server.close()
