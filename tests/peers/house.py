"""The reference office with its outside world under the test's hand: a gateway and a provider that are Stations."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from appliance import bus
from appliance.ledger.cdr import Cdr
from appliance.ledger.reader import LedgerReader
from appliance.messages import CallEnded, LegOpened, LineStatus, PhoneGone, PhoneRegistered, Status, StatusReply
from tests.peers.baresip import Phone
from tests.peers.box import Box
from tests.peers.net import free_port, wait_for
from tests.peers.station import Station

RINGS = 12.0
"""Seconds that a phone rings: not long for who waits for their end, long enough to be listened to meanwhile."""
EDITS = {
    r"^outside_prefix = .*$": f'outside_prefix = "0"\nring_seconds = {RINGS:g}',
    r"^media_ports = (.*)$": r"media_ports = \1\nmedia_timeout_seconds = 8",
    r"^keep_free_for_inbound = 0$": 'keep_free_for_inbound = 0\n'
    'inbound_numbers = { "+358911111101" = "extension:101", "+358911111103" = "extension:103" }',
    r'^secret = "chen-103"$': 'secret = "chen-103"\nmax_calls = 1',
}
"""Times are scaled down; two numbers of the gateway ring phones."""


class House:
    """Box, gateway, provider (`provider` False: not in service). `media_ports` narrows the RTP range; `more` is TOML that is
    added. Phones are started by the test: `phone` (baresip) or `desk` (a Station that is a phone)."""

    def __init__(
        self, folder: Path, *, edits: dict[str, str] | None = None, numbers: list[str] | None = None, provider: bool = True,
        media_ports: int = 0, more: str = "", mail_port: int = 0,
    ) -> None:
        self.folder = folder
        self.provider = Station(user="35899000100", port=free_port())
        self.gateway = Station(user="gateway", port=free_port())
        registrar = {r"^registrar = .*$": f'registrar = "127.0.0.1:{self.provider.port}"'}
        self.box = Box(folder / "box", self.gateway.port, mail_port or free_port(), numbers=numbers,
                       edits={**EDITS, **registrar, **(edits or {})})
        self.box.config.write_text(self.box.config.read_text() + more)
        if media_ports:
            low, high = self.box.media
            text = self.box.config.read_text()
            self.box.config.write_text(text.replace(f"{low}-{high}", f"{low}-{low + media_ports - 1}"))
        self._with_provider = provider
        self.gateway.box_port = self.provider.box_port = self.box.sip_port
        self._seen: set[str] = set()
        self._open: list[Any] = []

    def __enter__(self) -> Self:
        for part in (self.provider, self.gateway, self.box):
            self._open.append(part.__enter__())
        self.reader = LedgerReader(self.box.data / "ledger")
        if self._with_provider:
            wait_for(lambda: self.line("provider").up, 10, "the provider's registration")
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        for part in reversed(self._open):
            part.__exit__(kind, value, trace)

    def line(self, name: str) -> LineStatus:
        return next(line for line in self.status().lines if line.name == name)

    def status(self) -> StatusReply:
        reply: StatusReply = bus.ask_once(self.box.data, Status())
        return reply

    # -- phones --

    def phone(self, extension: str, name: str, device: str = "", **options: Any) -> Phone:
        """A baresip that is registered; it goes with the house."""
        phone = Phone(self.folder / f"phone{extension}{device}", self.box.sip_port, extension, f"{name}-{extension}", **options)
        self._open.append(phone.__enter__())
        wait_for(lambda: self._registered(extension, phone.port), 10,
                 f"the registration of {extension}:\n{self.box.log()[-2000:]}")
        return phone

    def _registered(self, extension: str, port: int) -> bool:
        there = False
        for record in self.reader.read(limit=100_000):
            event = record.event
            if isinstance(event, PhoneRegistered | PhoneGone) and event.extension == extension and f":{port}" in event.contact:
                there = isinstance(event, PhoneRegistered)
        return there

    def desk(self, extension: str, name: str, **options: Any) -> Station:
        """A phone that does what the test says."""
        station = Station(self.box.sip_port, user=extension, secret=f"{name}-{extension}", **options)
        self._open.append(station.__enter__())
        station.register()
        return station

    @contextlib.contextmanager
    def guest(self, extension: str, name: str, **options: Any) -> Iterator[Phone]:
        """A baresip for a while: it takes its registration with it."""
        phone = self.phone(extension, name, device=f"-{len(self._open)}", **options)
        try:
            yield phone
        finally:
            self._open.remove(phone)
            phone.__exit__(None, None, None)
            self._wait_gone(extension, phone.port)

    @contextlib.contextmanager
    def guest_desk(self, extension: str, name: str, **options: Any) -> Iterator[Station]:
        """A Station as a phone for a while."""
        station = self.desk(extension, name, **options)
        try:
            yield station
        finally:
            self._open.remove(station)
            station.unregister()
            station.__exit__(None, None, None)
            self._wait_gone(extension, station.port)

    def _wait_gone(self, extension: str, port: int) -> None:
        wait_for(lambda: not self._registered(extension, port), 10, f"{extension} to unregister")

    # -- books --

    def cdr(self, seconds: float = 8) -> Cdr:
        """The record of the one call that ended since the last look: that there is one and only one."""
        def new() -> list[Cdr]:
            return [row for row in self._rows() if row.call not in self._seen]

        found = wait_for(new, seconds, "a CDR")
        assert len(found) == 1, found
        return self._taken(found)[0]

    def cdrs(self, count: int, seconds: float = 8) -> list[Cdr]:
        """The records of `count` calls that ended since the last look."""
        def new() -> list[Cdr] | None:
            rows = [row for row in self._rows() if row.call not in self._seen]
            return rows if len(rows) >= count else None

        found = wait_for(new, seconds, f"{count} CDRs")
        assert found is not None and len(found) == count, found
        return self._taken(found)

    def _unwritten(self) -> set[str]:
        """Calls whose end is not in the ledger yet: it is written a moment after it happened."""
        began: set[str] = set()
        for record in self.reader.read(limit=100_000):
            if isinstance(record.event, LegOpened):
                began.add(record.event.call)
            elif isinstance(record.event, CallEnded):
                began.discard(record.event.call)
        return began

    def _rows(self) -> list[Any]:
        return list(self.reader.rows(limit=1000))

    def _taken(self, rows: list[Any]) -> list[Cdr]:
        self._seen |= {row.call for row in rows}
        cdrs = []
        for row in rows:
            cdr = self.reader.cdr(row.call)
            assert cdr is not None
            cdrs.append(cdr)
        return cdrs

    def forget(self) -> None:
        """What has happened so far is of no interest, once it is over."""
        wait_for(lambda: self.status().calls == 0, 10, "all calls to end")
        wait_for(lambda: not self._unwritten(), 5, "the last records")
        self._seen = {row.call for row in self._rows()}


