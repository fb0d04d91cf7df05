"""A SIP driver on free loopback ports, with a sink that tests wait on, for interop tests of drivers/sip."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

from appliance import config
from drivers.base import DriverEvent, EndpointChanged, LegEvent, MediaOffer, OrphanEnded, Place
from drivers.sip.driver import SipDriver
from tests.peers.net import PATIENCE

WAIT = PATIENCE
_OFFICE = """
[office]
name = "Test Office"
country = "FI"
timezone = "Europe/Helsinki"
[sip]
listen = "{listen}"
register_min_seconds = 10
{sip}
[dialling]
outside_prefix = "0"
"""
_PHONE = '[[phones]]\nextension = "{0}"\nname = "Phone {0}"\nsecret = "secret-{0}"\ndigest = "{1}"\n'


def gateway(name: str, port: int, extra: str = "", host: str = "127.0.0.1") -> str:
    """A [[lines]] table of a gateway that is not asked for its health unless `extra` says so."""
    more = extra if "options_seconds" in extra else "options_seconds = 0\n" + extra
    return (f'[[lines]]\nname = "{name}"\ndriver = "sip-gateway"\naddress = "{host}:{port}"\nchannels = 100\n'
            f'inbound_to = "extension:101"\n{more}\n')


def phone(extension: str, digest: str = "md5") -> str:
    return _PHONE.format(extension, digest)


def office(*tables: str, listen: str = "127.0.0.1:0", sip: str = "") -> config.Config:
    phones = "" if any("[[phones]]" in t and '"101"' in t for t in tables) else phone("101")
    return config.loads(_OFFICE.format(listen=listen, sip=sip) + "\n".join(tables) + "\n" + phones)


def media(port: int = 40000, **changes: Any) -> MediaOffer:
    return MediaOffer(**{"host": "127.0.0.1", "port": port, **changes})


class Peer:
    """A running driver. `events` has everything that came, in order; `wait` finds the next that fits, once each."""

    def __init__(self, cfg: config.Config, **options: Any) -> None:
        self.config = cfg
        self.driver = SipDriver(cfg, **options)
        self.events: list[DriverEvent] = []
        self._taken: set[int] = set()
        self._news = asyncio.Event()
        self._numbers = itertools.count(1)
        self.on_event: Callable[[DriverEvent], None] | None = None

    async def __aenter__(self) -> Peer:
        self.driver.start(self._sink)
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self.driver.stop()
        assert self.driver.leaked == 0, f"{self.driver.leaked} blocks leaked"

    def _sink(self, event: DriverEvent) -> None:
        self.events.append(event)
        self._news.set()
        if self.on_event is not None:
            self.on_event(event)

    @property
    def port(self) -> int:
        return self.driver.ports[0]

    async def wait(self, kind: type, fits: Callable[[Any], bool] = lambda e: True, seconds: float = WAIT) -> Any:
        deadline = asyncio.get_running_loop().time() + seconds
        while True:
            for i, event in enumerate(self.events):
                if i not in self._taken and isinstance(event, kind) and fits(event):
                    self._taken.add(i)
                    return event
            self._news.clear()
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                raise AssertionError(f"no {kind.__name__} within {seconds} s; came: {self.events}")
            try:
                await asyncio.wait_for(self._news.wait(), left)
            except TimeoutError:
                continue

    def of(self, leg: str) -> list[DriverEvent]:
        return [e for e in self.events if isinstance(e, LegEvent) and e.leg == leg]

    def place(self, endpoint: str, number: str, **changes: Any) -> str:
        leg = changes.pop("leg", None) or f"leg-{next(self._numbers)}"
        order = {"leg": leg, "endpoint": endpoint, "kind": "line", "number": number, "caller": "101", "media": media()}
        self.driver.place(Place(**{**order, **changes}))
        return leg


class Sipp:
    """sipp from Debian with a scenario; its own port is chosen by the kernel before it starts."""

    def __init__(
        self, scenario: Path | str, directory: Path, port: int, *args: str, remote: str = "", trace: bool = True
    ) -> None:
        self.trace = ["-trace_err", "-trace_msg", "-trace_logs"] if trace else []
        self.scenario, self.directory, self.port = scenario, directory, port
        self.args = args
        self.remote = remote
        self.process: asyncio.subprocess.Process | None = None

    async def __aenter__(self) -> Sipp:
        builtin = isinstance(self.scenario, str)
        pick = ["-sn", str(self.scenario)] if builtin else ["-sf", str(self.scenario)]
        where = [self.remote] if self.remote else []
        self.log = (self.directory / f"sipp-{self.port}.out").open("wb")
        self.process = await asyncio.create_subprocess_exec(
            "sipp", *where, *pick, "-i", "127.0.0.1", "-p", str(self.port), "-nostdin", *self.trace, *self.args,
            cwd=self.directory, stdout=self.log, stderr=self.log,
        )
        return self

    async def done(self, seconds: float = 30.0) -> int:
        assert self.process is not None
        return await asyncio.wait_for(self.process.wait(), seconds)

    def log_text(self) -> str:
        return (self.directory / f"sipp-{self.port}.out").read_text(errors="replace")

    def messages(self) -> str:
        return "\n".join(p.read_text(errors="replace") for p in sorted(self.directory.glob(f"*_{self.process.pid}_messages.log")))

    def errors(self) -> str:
        return "\n".join(p.read_text(errors="replace") for p in sorted(self.directory.glob(f"*_{self.process.pid}_errors.log")))

    async def __aexit__(self, *exc: object) -> None:
        if self.process is not None and self.process.returncode is None:
            self.process.terminate()
            await self.process.wait()
        self.log.close()


__all__ = ["EndpointChanged", "OrphanEnded", "Peer", "Sipp", "gateway", "media", "office", "phone"]
