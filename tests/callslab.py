"""Calls without wires: a driver, a media engine and a ledger that only note what they are told. For unit tests of flows."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from appliance._core import Channels
from appliance.calls.leg import Leg
from appliance.calls.routing import Decision, from_line, from_phone
from appliance.calls.switch import Switch
from appliance.clock import SystemClock
from appliance.config import Config, load
from appliance.config.values import Target
from appliance.errors import SwitchroomError
from appliance.messages import Cause, Event, Quality
from drivers.base import Answered, Ended, Incoming, LegEvent, MediaAnswer, Place

OFFICE = Path(__file__).parent / "office" / "office.toml"


def media(codec: str = "PCMA", **changes: Any) -> MediaAnswer:
    known = {"host": "127.0.0.1", "port": 40000, "codec": codec, "payload_type": 8, "telephone_event": 101}
    return MediaAnswer(**{**known, **changes})


class NotedPort:
    def __init__(self, engine: NotedEngine, id: int) -> None:
        self.engine, self.id, self.port, self.host, self.closed = engine, id, 20000 + 2 * id, "127.0.0.1", False
        self.digits = ""
        self.playing = 0
        self.connected: MediaAnswer | None = None

    def connect(self, answer: MediaAnswer) -> None:
        self.connected = answer

    def play(self, clips: list[Any], *, loop: bool = False, gap_ms: int = 0) -> int:
        self.playing += 1
        return self.playing

    def play_position(self) -> int:
        return 0

    def stop_play(self) -> int:
        return 0

    def send_digits(self, digits: str) -> None:
        self.digits += digits

    def close(self) -> Quality:
        self.closed = True
        self.engine.open_ports.discard(self.id)
        return Quality(packets_in=1)


class NotedBridge:
    def __init__(self) -> None:
        self.ports: list[NotedPort] = []

    def add(self, port: NotedPort) -> None:
        if port not in self.ports:
            self.ports.append(port)

    def remove(self, port: NotedPort) -> None:
        if port in self.ports:
            self.ports.remove(port)

    def close(self) -> None:
        self.ports.clear()


class NotedEngine:
    """`room` ports at most."""

    def __init__(self, room: int = 100) -> None:
        self.room = room
        self.open_ports: set[int] = set()
        self._ids = itertools.count(1)

    def open(self, near: NotedPort | None = None) -> NotedPort:
        if len(self.open_ports) >= self.room:
            raise SwitchroomError("media.ports-exhausted", "No RTP port is free.", "Widen it.")
        port = NotedPort(self, next(self._ids))
        self.open_ports.add(port.id)
        return port

    def bridge(self, ports: list[Any]) -> NotedBridge:
        return NotedBridge()


class NotedDriver:
    """`did` has every order as (name, leg, …). A leg that is told to go, goes: its Ended comes on the loop."""

    def __init__(self) -> None:
        self.did: list[tuple[Any, ...]] = []
        self.watching: set[str] = set()
        self.placed: list[Place] = []
        self.sink: Callable[[Any], None] = lambda event: None
        self.on_place: Callable[[Place], None] = lambda order: None

    def call_id_of(self, leg: str) -> str:
        return f"{leg}@test"

    def place(self, order: Place) -> None:
        self.placed.append(order)
        asyncio.get_running_loop().call_soon(self.on_place, order)

    def watched(self, resource: str) -> bool:
        return resource in self.watching

    def _end(self, leg: str, cause: Cause) -> None:
        asyncio.get_running_loop().call_soon(self.sink, Ended(leg=leg, cause=cause))

    def hang_up(self, leg: str, q850: int = 16, text: str = "") -> None:
        self.did.append(("hang_up", leg, q850))
        self._end(leg, Cause(by="near", q850=q850, text=text))

    def reject(self, leg: str, sip_code: int, reason: str = "", retry_after: int | None = None) -> None:
        self.did.append(("reject", leg, sip_code, retry_after))
        self._end(leg, Cause(by="near", sip=sip_code))

    def __getattr__(self, name: str) -> Callable[..., None]:
        return lambda *args: self.did.append((name, *args))


class NotedLedger:
    def __init__(self) -> None:
        self.events: list[Event] = []

    def append(self, event: Event) -> None:
        self.events.append(event)

    async def commit(self, *events: Event) -> None:
        self.events += events

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]


class NoPrompts:
    def clips(self, name: str, language: str, **values: object) -> list[bytes]:
        return [name.encode()]


class NoSounds:
    def say(self, words: str, language: str, otherwise: str) -> list[bytes]:
        return [words.encode()] if words else []

    def title(self, entry: Any, language: str, office: str) -> list[bytes]:
        return [(entry.title or entry.name).encode()]

    def music(self, music: Any, chance: Any) -> list[bytes]:
        return [b"melody" if music is None else music.name.encode()]


class Lab:
    """A switch on noted parts, with the reference office and an exchange as the core gives it."""

    def __init__(self, room: int = 100) -> None:
        self.config: Config = load(OFFICE)
        self.driver, self.engine, self.ledger, self.channels = NotedDriver(), NotedEngine(room), NotedLedger(), Channels()
        for line in self.config.lines:
            self.channels.set_line(line.name, line.channels)
        parts: dict[str, Any] = {"ledger": self.ledger, "engine": self.engine, "driver": self.driver, "prompts": NoPrompts()}
        parts["sounds"] = NoSounds()
        self.switch = Switch(config=self.config, channels=self.channels, clock=SystemClock(), **parts)
        self.driver.sink = self.switch.on_driver
        self.devices: dict[str, list[str]] = {}
        self.sent: list[Target | Decision] = []
        self._numbers = itertools.count(1)

    def busy(self, name: str) -> int:
        line = self.channels.line(name)
        assert line is not None
        return line.busy

    # -- Exchange --

    def decide(self, leg: Leg, dialled: str) -> Decision:
        if leg.kind == "phone":
            return from_phone(self.config, leg.endpoint, dialled)
        return from_line(self.config, leg.endpoint, dialled)

    def contacts(self, extension: str) -> list[str]:
        return self.devices.get(extension, [])

    def free_for_emergency(self, lines: list[str]) -> bool:
        victim = self.channels.victim(lines)
        if victim is None:
            return False
        self.switch.legs[victim].call.break_off("emergency")
        return True

    async def channel_freed(self, seconds: float) -> bool:
        await asyncio.sleep(0)
        return True

    async def send(self, leg: Leg, target: Target | Decision) -> None:
        self.sent.append(target)

    # -- what happens --

    def comes(self, number: str, endpoint: str = "101", kind: str = "phone") -> Leg:
        """A leg calls us; no flow leads it yet."""
        event = Incoming(leg=f"in-{next(self._numbers)}", endpoint=endpoint, kind=kind, number=number,  # type: ignore[arg-type]
                         caller=endpoint, offer=media())
        legs: list[Leg] = []

        async def take(leg: Leg, event: Incoming) -> None:
            await asyncio.Event().wait()

        self.switch.on_incoming = take
        self.switch.on_driver(event)
        legs.append(self.switch.legs[event.leg])
        return legs[0]

    def tell(self, event: LegEvent) -> None:
        self.switch.on_driver(event)

    def answers(self, order: Place) -> None:
        self.tell(Answered(leg=order.leg, media=media()))

    def fails(self, status: int, by: Any = "far") -> Callable[[Place], None]:
        return lambda order: self.tell(Ended(leg=order.leg, cause=Cause(sip=status, by=by)))


async def settle() -> None:
    """Let everything that is ready run."""
    for _ in range(20):
        await asyncio.sleep(0)
