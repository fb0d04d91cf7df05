"""The hub asks the core for what pages show, and for nothing else."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Coroutine, Iterator
from typing import Any

import pytest

from appliance.errors import SwitchroomError
from appliance.messages import AskCalls, CallsReply, Changed, Command, Queues, QueuesReply, Status, StatusReply
from tests.peers.net import PATIENCE, wait_for
from web.live import hub as hubs
from web.live.hub import LEAST_GAP, MOST_REST, Hub, gap

STATUS = StatusReply(version="1", uptime=1.0, config_version=1, lines=[], phones=[], calls=0, campaigns_running=[], shortages={},
                     hours=[], ledger_seq=1, health={})


class Link:
    """A core on a loop of its own: something changes in it every 10 ms."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.down = False
        self.client = self
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()

    async def ask(self, command: Command, timeout: float) -> Any:
        self.asked.append(type(command).__name__)
        if self.down:
            raise SwitchroomError("bus.not-running", "No Switchroom runs.", "Start it.")
        return {Queues: QueuesReply(core="x", number=1, now=0.0, queues=[], agents=[], contacts=[]), Status: STATUS,
                AskCalls: CallsReply(calls=[])}[type(command)]

    async def changes(self) -> AsyncIterator[Changed]:
        while True:
            await asyncio.sleep(0.01)
            yield Changed(core="x", number=1, events=[])

    async def wakes(self) -> AsyncIterator[Changed]:
        while True:
            await asyncio.sleep(3600)
            yield Changed(core="x", number=1, events=[])

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop)

    def soon(self, work: Any) -> None:
        self._loop.call_soon_threadsafe(work)

    def close(self) -> None:
        async def end() -> None:
            rest = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
            for task in rest:
                task.cancel()
            await asyncio.gather(*rest, return_exceptions=True)

        asyncio.run_coroutine_threadsafe(end(), self._loop).result(PATIENCE)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(PATIENCE)
        self._loop.close()


@pytest.fixture
def link() -> Iterator[Link]:
    made = Link()
    yield made
    made.close()


@pytest.fixture
def hub(link: Link) -> Iterator[Hub]:
    made = Hub(link)  # type: ignore[arg-type]
    yield made
    made.close()


def test_screens_that_show_queues_alone_ask_for_nothing_else(hub: Hub, link: Link) -> None:
    state = hub.wait(0, PATIENCE)
    for _ in range(3):
        state = hub.wait(state.version, PATIENCE)
    assert state.queues is not None and state.calls is None and state.status is None
    assert set(link.asked) == {"Queues"}


def test_a_page_that_shows_more_has_it_at_once_and_the_box_itself_less_often(
    hub: Hub, link: Link, monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hubs, "STATUS_GAP", 3600.0)
    hub.wait(0, PATIENCE)
    state = hub.wait(0, PATIENCE, ("calls", "status"))
    for _ in range(3):
        state = hub.wait(state.version, PATIENCE, ("calls", "status"))
        assert state.calls is not None and state.status is not None
    assert link.asked.count("Status") == 1 and link.asked.count("AskCalls") >= 3


def test_what_nobody_looks_at_any_more_is_not_asked_for(hub: Hub, link: Link, monkeypatch: pytest.MonkeyPatch) -> None:
    hub.wait(0, PATIENCE)
    monkeypatch.setattr(hubs, "WANTED_SECONDS", 0.3)
    wait_for(lambda: hub.state.queues is None, 5, "the hub to rest")
    asked = len(link.asked)
    version = hub.state.version
    wait_for(lambda: hub.state.version > version + 1, 5, "the hub to look again")
    assert len(link.asked) == asked
    wait_for(lambda: hub.wait(0, 1).queues is not None, 5, "it to be asked for again")


def test_what_was_known_stands_while_the_core_is_away(hub: Hub, link: Link) -> None:
    hub.wait(0, PATIENCE)
    link.down = True
    wait_for(lambda: not hub.wait(hub.state.version, 1).up, 5, "the core to be missed")
    assert hub.state.queues is not None and hub.state.reason == "No Switchroom runs."
    link.down = False
    wait_for(lambda: hub.wait(hub.state.version, 3).up, 5, "the core to be back")


def test_a_core_that_takes_long_to_answer_is_asked_less_often() -> None:
    assert [gap(took) for took in (0.001, 0.05, 0.2, 5.0)] == [LEAST_GAP, LEAST_GAP, 0.4, MOST_REST]
