"""The web's way to the core: one bus client on a loop of its own, asked from any thread."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from appliance.bus import Client
from appliance.messages import Command


class CoreLink:
    def __init__(self, data: Path) -> None:
        self.data = data
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="core-link", daemon=True)
        self._ready = threading.Event()
        self._client: Client
        self._thread.start()
        self._ready.wait()

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._open())
        self._loop.run_forever()
        self._loop.run_until_complete(self._shut())
        self._loop.close()

    async def _open(self) -> None:
        self._client = await Client(self.data).__aenter__()
        self._ready.set()

    async def _shut(self) -> None:
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._client.__aexit__(None, None, None)

    def ask(self, command: Command, timeout: float = 10.0) -> Any:
        """The core's reply. Raises SwitchroomError as `Client.ask` does."""
        return asyncio.run_coroutine_threadsafe(self._client.ask(command, timeout), self._loop).result(timeout + 5)

    @property
    def client(self) -> Client:
        """To be used on this link's loop alone (`spawn`)."""
        return self._client

    def soon(self, work: Callable[[], object]) -> None:
        """Have it done on this link's loop."""
        self._loop.call_soon_threadsafe(work)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop)

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
