"""The bus between the processes: commands to the core with their replies, and wake-ups from it. The only user of ZeroMQ.

The core binds three Unix sockets: a ROUTER for commands (each answered exactly once), a PUB for `Wake`s and one for what
changes in the queues (`Changed`, numbered so that a gap shows). Truth is
not on the bus: whoever wants events reads the ledger; a lost wake-up costs a moment, never a fact. Commands are
bounded in size and decoded strictly; the sockets stand in a folder that only the box's user may enter.
"""

from __future__ import annotations

import asyncio
import functools
import itertools
import logging
import operator
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import msgspec
import zmq
import zmq.asyncio

from appliance.errors import SwitchroomError
from appliance.messages import COMMANDS, REPLIES, Changed, Command, Queues, QueuesReply, Refused, Reply, Wake
from appliance.system.paths import socket_path

MAX_COMMAND = 4 << 20
"""Bytes of the largest command: a configuration document is bounded to 1 MiB and may be escaped."""

log = logging.getLogger("bus")
_encode = msgspec.msgpack.Encoder().encode
_any_command: Any = functools.reduce(operator.or_, COMMANDS)
_any_reply: Any = functools.reduce(operator.or_, REPLIES)
_commands = msgspec.msgpack.Decoder(_any_command)
_replies = msgspec.msgpack.Decoder(_any_reply)
_wakes = msgspec.msgpack.Decoder(Wake)
_changes = msgspec.msgpack.Decoder(Changed)

Handler = Callable[[Command], Awaitable[Reply]]


def _address(data: Path, name: str) -> str:
    return f"ipc://{socket_path(data, name)}"


def _refused(problem: SwitchroomError) -> Refused:
    return Refused(id=problem.id, message=problem.said, hint=problem.said_hint)


def _reply_in(body: bytes) -> Reply:
    """What a core says that is of another version, as while one is put in, is no end of the conversation."""
    try:
        return _replies.decode(body)
    except msgspec.DecodeError as problem:
        return _refused(SwitchroomError("bus.bad-reply", "The core's answer could not be read: {problem}.",
                                        "Use the same version of switchroom on both sides.", problem=problem))


def running(data: Path) -> bool:
    """Whether a core listens there now. ZeroMQ itself would wait for one silently."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.connect(str(socket_path(data, "core")))
        except OSError:
            return False
    return True


class Server:
    """The core's end. `handler` gets each command and returns its reply; a SwitchroomError becomes `Refused`."""

    def __init__(self, data: Path, handler: Handler) -> None:
        self._handler = handler
        self._context = zmq.asyncio.Context()
        self._router = self._context.socket(zmq.ROUTER)
        self._router.setsockopt(zmq.MAXMSGSIZE, MAX_COMMAND)
        self._router.setsockopt(zmq.LINGER, 200)
        self._router.bind(_address(data, "core"))
        # What is told never waits: these two need no futures.
        plain: zmq.Context[zmq.Socket[bytes]] = zmq.Context.shadow(self._context)
        self._pub = plain.socket(zmq.PUB)
        self._pub.setsockopt(zmq.SNDHWM, 1000)
        self._pub.setsockopt(zmq.LINGER, 200)
        self._pub.bind(_address(data, "wakes"))
        self._changes = plain.socket(zmq.XPUB)
        self._changes.setsockopt(zmq.SNDHWM, 10_000)
        self._changes.setsockopt(zmq.LINGER, 200)
        self._changes.bind(_address(data, "changes"))
        self._followers = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._last_wake = -1

    async def serve(self) -> None:
        """Answer commands until cancelled. Each runs as its own task: a slow one holds up nobody."""
        while True:
            frames = await self._router.recv_multipart()
            if len(frames) == 3:  # identity, request id, command; anything else is not ours to answer
                task = asyncio.create_task(self._answer(frames[0], frames[1], frames[2]))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _answer(self, who: bytes, request: bytes, body: bytes) -> None:
        reply: Reply
        try:
            reply = await self._handler(_commands.decode(body))
        except msgspec.DecodeError as problem:
            reply = _refused(SwitchroomError("bus.bad-command", "This command could not be read: {problem}.",
                                             "Use the same version of switchroom on both sides.", problem=problem))
        except SwitchroomError as problem:
            reply = _refused(problem)
        except Exception:
            log.exception("a command failed")
            reply = _refused(SwitchroomError(
                "core.internal", "The core failed on this command.",
                "Its log has the details (switchroom serve, or journalctl -u switchroom-core)."))
        await self._router.send_multipart([who, request, _encode(reply)])

    def wake(self, seq: int) -> None:
        """Tell readers that the ledger now reaches `seq`. Never waits; subscribers too slow lose it and lose nothing."""
        if seq != self._last_wake:
            self._last_wake = seq
            self._pub.send(_encode(Wake(seq=seq)))  # a PUB socket drops for a slow reader instead of blocking

    def followed(self) -> bool:
        """Whether anybody follows the queues now: otherwise there is no need to say what changes."""
        while int(self._changes.get(zmq.EVENTS)) & zmq.POLLIN:
            self._followers += 1 if self._changes.recv(zmq.NOBLOCK)[:1] == b"\x01" else -1
        return self._followers > 0

    def change(self, changed: Changed) -> None:
        """Tell those who follow the queues. Never waits; who is too slow sees a gap in the numbers, and asks for the whole."""
        self._changes.send(_encode(changed))

    def close(self) -> None:
        for task in self._tasks:
            task.cancel()
        self._router.close()
        self._changes.close()
        self._pub.close()
        self._context.term()


class Client:
    """A process's way to the core. Commands may be asked concurrently; wake-ups are an async iterator."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._context = zmq.asyncio.Context()
        self._dealer: zmq.asyncio.Socket | None = None
        self._ids = itertools.count(1)
        self._waiting: dict[bytes, asyncio.Future[Reply]] = {}
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._dealer = self._context.socket(zmq.DEALER)
        self._dealer.setsockopt(zmq.LINGER, 0)
        self._dealer.setsockopt(zmq.IMMEDIATE, 1)  # never queue for a core that is not there: ask() would lie in wait
        self._dealer.setsockopt(zmq.RECONNECT_IVL, 50)
        self._dealer.connect(_address(self._data, "core"))
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, kind: type[BaseException] | None, value: BaseException | None,
                        trace: TracebackType | None) -> None:
        if self._reader:
            self._reader.cancel()
        self._context.destroy(linger=0)

    async def _read(self) -> None:
        assert self._dealer is not None
        while True:
            frames = await self._dealer.recv_multipart()
            future = self._waiting.pop(frames[0], None)
            if future is not None and not future.done():
                future.set_result(_reply_in(frames[1]))

    async def ask(self, command: Command, timeout: float = 10.0) -> Any:
        """Send a command, return its reply. Raises SwitchroomError: "bus.not-running" where no core listens,
        "bus.timeout" where it did not answer in `timeout` seconds, or what the core refused with."""
        if not running(self._data):
            raise SwitchroomError("bus.not-running", "No Switchroom runs on {data}.",
                                  "Start it with `switchroom serve`, or name the right folder with --data DIR.",
                                  data=self._data)
        assert self._dealer is not None, "use `async with`"
        request = next(self._ids).to_bytes(8, "big")
        future: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[request] = future
        try:
            async with asyncio.timeout(timeout):
                await self._dealer.send_multipart([request, _encode(command)])
                reply = await future
        except TimeoutError:
            raise SwitchroomError("bus.timeout", "The core did not answer within {timeout} s.",
                                  "See `switchroom status`; it may be starting or overloaded.", timeout=f"{timeout:g}") from None
        finally:
            self._waiting.pop(request, None)
        if isinstance(reply, Refused):
            raise SwitchroomError(reply.id, reply.message, reply.hint)
        return reply

    async def wakes(self, every: float = 1.0) -> AsyncIterator[Wake]:
        """Yield each wake-up, and at least one every `every` seconds (seq -1), so that a lost one heals by itself."""
        sub = self._context.socket(zmq.SUB)
        sub.setsockopt(zmq.LINGER, 0)
        sub.setsockopt(zmq.RECONNECT_IVL, 50)
        sub.subscribe(b"")
        sub.connect(_address(self._data, "wakes"))
        try:
            while True:
                if await sub.poll(int(every * 1000)):
                    yield _wakes.decode(await sub.recv())
                else:
                    yield Wake(seq=-1)
        finally:
            sub.close()

    async def changes(self) -> AsyncIterator[Changed]:
        """Yield what changes in the queues, as it comes. Subscribe first, then ask for `Queues`: what has a number up to its
        `number` is in it already; a number left out is a gap."""
        sub = self._context.socket(zmq.SUB)
        sub.setsockopt(zmq.LINGER, 0)
        sub.setsockopt(zmq.RECONNECT_IVL, 50)
        sub.subscribe(b"")
        sub.connect(_address(self._data, "changes"))
        try:
            while True:
                yield _changes.decode(await sub.recv())
        finally:
            sub.close()

    async def follow(self, every: float = 5.0) -> AsyncIterator[QueuesReply | Changed]:
        """The queues as they are, first whole and then change by change. Where a change was missed (too slow, or the core is
        another one) the whole comes again. Where nothing is heard for `every` seconds it is asked whether that is so. Waits
        for a core that is not there; raises what else it refuses."""
        changes = self.changes()
        heard: asyncio.Task[Changed] | None = None
        core, number = "", -1
        try:
            while True:
                heard = heard or asyncio.create_task(anext(changes))  # type: ignore[arg-type]
                done, _ = await asyncio.wait([heard], timeout=every if core else 0)
                changed = heard.result() if done else None
                if done:
                    heard = None
                if changed is not None and changed.core == core and changed.number <= number + 1:
                    if changed.number == number + 1:
                        number += 1
                        yield changed
                    continue
                whole = await self._whole(every)
                if whole is not None and (whole.core, whole.number) != (core, number):
                    core, number = whole.core, whole.number
                    yield whole
        finally:
            if heard is not None:
                heard.cancel()

    async def _whole(self, patience: float) -> QueuesReply | None:
        """None where no core answers now."""
        try:
            reply: QueuesReply = await self.ask(Queues())
        except SwitchroomError as problem:
            if problem.id not in ("bus.not-running", "bus.timeout"):
                raise
            await asyncio.sleep(min(patience, 0.2))
            return None
        return reply


def ask_once(data: Path, command: Command, timeout: float = 10.0) -> Any:
    """One command from code without an event loop (the CLI, Flask)."""

    async def go() -> Any:
        async with Client(data) as client:
            return await client.ask(command, timeout)

    return asyncio.run(go())
