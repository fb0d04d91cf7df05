"""Calls without wires: a driver, a media engine and a ledger that only note what they are told. For unit tests of flows."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from appliance._core import Channels
from appliance.calls.call import Call
from appliance.calls.flows.dial import Dial
from appliance.calls.leg import Leg
from appliance.calls.parking import ParkingLot
from appliance.calls.routing import Decision, ToExtension, ToOutside, from_line, from_phone
from appliance.calls.settings import SettingsBook
from appliance.calls.switch import Switch
from appliance.clock import SystemClock
from appliance.config import Config, load
from appliance.config.values import RecordRule, Target
from appliance.errors import SwitchroomError
from appliance.media.events import Digit, PlayDone, RecordDone
from appliance.messages import Cause, Event, Quality
from drivers.base import Answered, Ended, Incoming, LegEvent, MediaAnswer, Place
from tests.peers.net import PATIENCE

OFFICE = Path(__file__).parent / "office" / "office.toml"


def media(codec: str = "PCMA", **changes: Any) -> MediaAnswer:
    known = {"host": "127.0.0.1", "port": 40000, "codec": codec, "payload_type": 8, "telephone_event": 101}
    return MediaAnswer(**{**known, **changes})


class NotedPort:
    def __init__(self, engine: NotedEngine, id: int) -> None:
        self.engine, self.id, self.port, self.host, self.closed = engine, id, 20000 + 2 * id, "127.0.0.1", False
        self.digits = ""
        self.playing = 0
        self.playback = -1
        self.recorded = 1000 * id
        self.detects: dict[str, Any] = {}
        self.heard: list[str] = []
        """Names of the prompts played, in order."""
        self.connected: MediaAnswer | None = None

    def connect(self, answer: MediaAnswer) -> None:
        self.connected = answer

    def play(self, clips: list[Any], *, loop: bool = False, gap_ms: int = 0, loop_from: int = 0) -> int:
        self.playing += 1
        self.playback = self.playing
        self.engine.on_play(self, clips, self.playing)
        self.heard += [clip.decode() for clip in clips if isinstance(clip, bytes) and len(clip) < 100]
        return self.playing

    def record(
        self, path: Path, *, max_seconds: float, stop_silence_seconds: float | None = None, stereo: bool = False
    ) -> int:
        self.recorded += 1
        self.engine.on_record(self, path, self.recorded)
        return self.recorded

    def stop_record(self) -> None:
        self.engine.on_record(self, None, self.recorded)

    def detect(self, **what: Any) -> None:
        self.detects = what

    def play_position(self) -> int:
        return 0

    def stop_play(self) -> int:
        self.playback = -1
        return 0

    def pause_record(self, on: bool = True) -> None:
        self.paused = on

    def keep_digits(self, on: bool = True) -> None:
        self.kept = on

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
        self.on_play: Callable[[NotedPort, list[Any], int], None] = lambda port, clips, play: None
        self.on_record: Callable[[NotedPort, Path | None, int], None] = lambda port, path, record: None
        """`path` None: it is to be stopped."""
        self.bridges: list[NotedBridge] = []
        self._ids = itertools.count(1)

    def open(self, near: NotedPort | None = None) -> NotedPort:
        if len(self.open_ports) >= self.room:
            raise SwitchroomError("media.ports-exhausted", "No RTP port is free.", "Widen it.")
        port = NotedPort(self, next(self._ids))
        self.open_ports.add(port.id)
        return port

    def bridge(self, ports: list[Any]) -> NotedBridge:
        self.bridges.append(NotedBridge())
        return self.bridges[-1]


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
        self.kept: dict[tuple[str, str], bytes] = {}

    def append(self, event: Event) -> None:
        self.events.append(event)

    def commit(self, *events: Event) -> asyncio.Future[int]:
        """As the ledger's: several may wait for it."""
        self.events += events
        done = asyncio.get_running_loop().create_future()
        done.set_result(len(self.events))
        return done

    async def flush(self) -> int:
        return len(self.events)

    def of(self, kind: type) -> list[Any]:
        return [event for event in self.events if isinstance(event, kind)]

    # -- state records --

    def get_state(self, namespace: str, key: str) -> bytes | None:
        return self.kept.get((namespace, key))

    def states(self, namespace: str) -> dict[str, bytes]:
        return {key: value for (space, key), value in self.kept.items() if space == namespace}

    def put_state(self, namespace: str, key: str, value: bytes | None) -> None:
        if value is None:
            self.kept.pop((namespace, key), None)
        else:
            self.kept[namespace, key] = value


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


class NotedRecorder:
    """Records what `rule` says, when asked to."""

    def __init__(self) -> None:
        self.rule = RecordRule("never")
        self.begun: list[tuple[str, str]] = []
        self.recording: Any = None

    def wanted(self, legs: list[Leg], queue: str) -> bool:
        return self.rule.percent == 100

    def on_demand(self, legs: list[Leg], queue: str) -> bool:
        return self.rule.on_demand

    def begin(self, legs: list[Leg], queue: str, why: str) -> Any:
        self.begun.append((queue, why))
        return self.recording


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
        self.settings = SettingsBook(self.ledger)
        self.recorder = NotedRecorder()
        self.lot = ParkingLot(lambda: self.config.parking.slots)
        self.told: list[tuple[str, str]] = []
        self._numbers = itertools.count(1)

    def busy(self, name: str) -> int:
        line = self.channels.line(name)
        assert line is not None
        return line.busy

    # -- Exchange --

    def decide(self, leg: Leg, dialled: str) -> Decision:
        if leg.is_ours:
            return from_phone(self.config, leg.extension, dialled)
        return from_line(self.config, leg.endpoint, dialled)

    def contacts(self, extension: str) -> list[str]:
        return self.devices.get(extension, [])

    def free_for_emergency(self, lines: list[str], call: Call) -> bool:
        legs = [self.switch.legs[id] for id in self.channels.victims(lines) if id in self.switch.legs]
        victim = next((leg for leg in legs if leg.call is not call), None)
        if victim is None:
            return False
        victim.call.break_off("emergency")
        return True

    async def channel_freed(self, seconds: float) -> bool:
        await asyncio.sleep(0)
        return True

    def ring_and_say(self, extension: str, prompt: str, **values: object) -> None:
        self.told.append((extension, prompt))

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

    def tell_digit(self, leg: Leg, digit: str) -> None:
        assert leg.port is not None
        leg.inbox.put(Digit(port=leg.port.id, digit=digit, source="rfc4733"))

    def answers(self, order: Place) -> None:
        self.tell(Answered(leg=order.leg, media=media()))

    def fails(self, status: int, by: Any = "far") -> Callable[[Place], None]:
        return lambda order: self.tell(Ended(leg=order.leg, cause=Cause(sip=status, by=by)))


HANG_UP = "H"


class Caller:
    """A party of paper on a leg: presses what `reacts` has for a prompt (its name, or the text of the office's own) on hearing it
    the first, second … time, HANG_UP hangs up. `said` is all that it heard, `recordings` how each recording ends ("stopped" after
    a "#", "silence", "limit", HANG_UP)."""

    def __init__(
        self, lab: Lab, leg: Leg, reacts: dict[str, list[str]] | None = None, recordings: list[str] | None = None,
    ) -> None:
        self.lab, self.leg = lab, leg
        self.said: list[str] = []
        self._reacts = {name: list(keys) for name, keys in (reacts or {}).items()}
        self._recordings = list(recordings or [])
        lab.engine.on_play = self._hears
        lab.engine.on_record = self._speaks

    def press(self, keys: str) -> None:
        assert self.leg.port is not None
        for key in keys:
            if key == HANG_UP:
                self.lab.tell(Ended(leg=self.leg.id, cause=Cause(by="far", q850=16)))
            else:
                self.leg.inbox.put(Digit(port=self.leg.port.id, digit=key, source="rfc4733"))

    def _hears(self, port: NotedPort, clips: list[Any], play: int) -> None:
        names = [clip.decode() if isinstance(clip, bytes) else str(clip) for clip in clips]
        self.said += [name for name in names if name != "pause-long"]
        keys = "".join(self._reacts[name].pop(0) for name in names if self._reacts.get(name))
        loop = asyncio.get_running_loop()
        if keys:
            loop.call_soon(self.press, keys)
        else:
            done = PlayDone(port=port.id, play=play, samples=8000, total=8000, complete=True)
            loop.call_soon(self.leg.inbox.put, done)

    def _speaks(self, port: NotedPort, path: Path | None, record: int) -> None:
        if path is None:
            return
        how = self._recordings.pop(0) if self._recordings else "stopped"
        path.write_bytes(b"spoken")
        loop = asyncio.get_running_loop()
        if how == HANG_UP:
            loop.call_soon(self.press, HANG_UP)
            how = "stopped"
        done: Any = RecordDone(port=port.id, record=record, path=str(path), samples=8000, reason=how)  # type: ignore[arg-type]
        loop.call_soon(self.lab.switch._media_event, done)


class HastyLoop(asyncio.SelectorEventLoop):
    """Waits cost nothing: where nothing is ready, its clock jumps to the next timer."""

    def __init__(self) -> None:
        super().__init__()
        self._ahead = 0.0
        look = self._selector.select  # type: ignore[attr-defined]

        def select(timeout: float | None) -> Any:
            found = look(0 if timeout else timeout)
            if not found and timeout:
                self._ahead += timeout
            return found

        self._selector.select = select  # type: ignore[attr-defined]

    def time(self) -> float:
        return super().time() + self._ahead


def hastily(work: Coroutine[Any, Any, None], seconds: float = 600) -> None:
    """Run it on a loop on which waits cost nothing; `seconds` of that loop at most."""
    with asyncio.Runner(loop_factory=HastyLoop) as runner:
        runner.run(asyncio.wait_for(work, seconds))


def in_time(work: Coroutine[Any, Any, None], seconds: float = PATIENCE) -> None:
    """Run it in real time; `seconds` at most."""
    asyncio.run(asyncio.wait_for(work, seconds))


def dial(lab: Lab, a: Leg, decision: ToExtension | ToOutside) -> asyncio.Task[None]:
    """Lead the call of `a` to where it dialled."""
    return lab.switch.lead(a.call, lambda: Dial(a, lab).run(decision))


async def settle() -> None:
    """Let everything that is ready run."""
    for _ in range(20):
        await asyncio.sleep(0)
