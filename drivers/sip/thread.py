"""The SIP thread as an object: starts it, sends it commands, hands out its events on the event loop."""

from __future__ import annotations

import asyncio
import logging
import os
import resource
import secrets
from collections.abc import Callable
from pathlib import Path
from typing import Any

from appliance.errors import SwitchroomError, because
from drivers.sip import wire
from drivers.sip.rounds import ROUND_SECONDS, Rounds

log = logging.getLogger("sip")
_BUFFER = 1 << 18


class SipThread:
    """One per process (libre keeps state per process). `on_event` gets each record, on the loop `start` was called on."""

    def __init__(self, on_event: Callable[[wire.Record], None]) -> None:
        self._on_event = on_event
        self._ua: Any = None
        self._fd = -1
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: list[bytes] = []
        """Commands of this turn of the loop."""
        self._rounds = Rounds()
        self._next: asyncio.TimerHandle | None = None
        """While events are fetched by turns, the next time."""
        self.leaked = 0

    def start(
        self, listen: list[str], journal: Path | None, *, software: str = "Switchroom", emergency: tuple[str, ...] = (),
        public_address: str = "", local_networks: tuple[str, ...] = (),
        max_legs: int = 4096, timer_b_ms: int = 0, session_seconds: int = 0, min_se: int = 90, ring_log2: int = 22,
    ) -> None:
        """Binds the sockets and starts the thread. Raises SwitchroomError "sip.start", or "sip.journal"."""
        from drivers.sip import _sip  # type: ignore[attr-defined]  # built by setup.py; the pure parts of the driver can be used without it

        self._lib, self._ffi = _sip.lib, _sip.ffi
        ffi = self._ffi
        keep = [ffi.new("char[]", text.encode()) for text in (
            " ".join(listen), software, str(journal or ""), ",".join(emergency), public_address, " ".join(local_networks))]
        cfg = ffi.new("struct ua_config *")
        cfg.listen, cfg.software, cfg.journal, cfg.emergency, cfg.public_addr, cfg.local = keep
        cfg.journal_slots = cfg.max_legs = max_legs
        cfg.max_fds = max(8192, min(resource.getrlimit(resource.RLIMIT_NOFILE)[0], 65536))
        cfg.timer_b_ms, cfg.session_seconds, cfg.min_se, cfg.ring_log2 = timer_b_ms, session_seconds, min_se, ring_log2
        cfg.secret = secrets.token_bytes(16)
        error = ffi.new("char[256]")
        self._ua = self._lib.ua_start(cfg, error, 256)
        if not self._ua:
            text = ffi.string(error).decode(errors="replace")
            if text.startswith("the dialog journal"):
                raise SwitchroomError("sip.journal", "SIP could not be started: {text}.",
                                      "Make room where it stands (df {folder}), or see who owns it.",
                                      text=text, folder=journal.parent if journal else "")
            raise SwitchroomError("sip.start", "SIP could not be started: {text}.",
                                  "Is another program (or another Switchroom) using that address and port?", text=text)
        self._cbuf = ffi.new("uint8_t[]", _BUFFER)
        self._fd = self._lib.ua_fd(self._ua)
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._fd, self._woken)

    @property
    def running(self) -> bool:
        return self._ua is not None

    def ports(self) -> list[int]:
        """Local ports in the order of `listen`."""
        ports = [self._lib.ua_port(self._ua, i) for i in range(8)]
        return [port for port in ports if port]

    def command(self, kind: int, code: int = 0, id: int = 0, a: int = 0, b: int = 0, strings: tuple[bytes, ...] = ()) -> None:
        """Commands of one turn of the event loop go to the thread together, in order: each crossing wakes it, and lets go of
        Python's lock."""
        if self._ua is None or self._loop is None:
            return
        if not self._waiting:
            self._loop.call_soon(self._flush)
        self._waiting.append(wire.command(kind, code, id, a, b, strings))

    def _flush(self) -> None:
        if self._ua is None or not self._waiting:
            return
        records = b"".join(self._waiting)
        self._waiting.clear()
        err = self._lib.ua_command(self._ua, records, len(records))
        if err:
            raise SwitchroomError("sip.command", "The SIP thread took no command: {reason}.",
                                  "The machine is short of memory; see `switchroom status`.",
                                  reason=because(OSError(err, os.strerror(err))))

    def counters(self) -> dict[str, int]:
        if self._ua is None:
            return {}
        out = self._ffi.new("struct ua_counters *")
        self._lib.ua_counters(self._ua, out)
        return {name: int(getattr(out, name)) for name, _ in self._ffi.typeof("struct ua_counters").fields}

    def _woken(self) -> None:
        assert self._loop is not None
        if self._rounds.note(self._drain(), self._loop.time()) and self._next is None and self._ua is not None:
            self._lib.ua_poll(self._ua, True)
            self._next = self._loop.call_later(ROUND_SECONDS, self._round)

    def _round(self) -> None:
        """Fetch what has come since; be woken again where that was little."""
        assert self._loop is not None
        self._next = self._loop.call_later(ROUND_SECONDS, self._round)  # whatever comes of this one: nobody wakes us
        if self._rounds.note(self._drain(), self._loop.time()) or self._ua is None:
            return
        self._next.cancel()
        self._next = None
        self._lib.ua_poll(self._ua, False)
        self._drain()  # what came before the thread knew

    def _drain(self) -> int:
        """Hand out a buffer full of events, and say how many. Where there are more the descriptor stays readable: others get
        their turn first."""
        if self._ua is None:
            return 0
        n = self._lib.ua_events(self._ua, self._cbuf, _BUFFER)
        if not n:
            return 0
        records = wire.records(self._ffi.buffer(self._cbuf, n)[:])
        for record in records:
            try:
                self._on_event(record)
            except Exception:  # one bad event must not take the other calls' events with it
                log.exception("an event of the SIP thread could not be handled", extra={"type": record[0]})
        return len(records)

    def close(self) -> None:
        """Joins the thread. What it still had to say is handed over first."""
        if self._ua is None:
            return
        if self._loop is not None:
            self._loop.remove_reader(self._fd)
        if self._next is not None:
            self._next.cancel()
        self._flush()
        while self._drain():
            pass
        ua, self._ua = self._ua, None
        self.leaked = int(self._lib.ua_free(ua))
        if self.leaked:
            log.error("the SIP library left memory behind", extra={"blocks": self.leaked})
