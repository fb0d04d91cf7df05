"""The sums kept up to date for as long as the pages are served, and the ledger's sums beside them."""

from __future__ import annotations

import logging
import threading
import time
from pathlib import Path
from zoneinfo import ZoneInfo

from appliance.clock import Clock
from appliance.config.model import Config
from appliance.errors import SwitchroomError
from appliance.figures.ask import Sources
from appliance.figures.store import FiguresStore
from appliance.ledger.reader import LedgerReader

log = logging.getLogger("figures")
EVERY_SECONDS = 5.0
AT_ONCE = 20_000
"""Records that a request takes up itself, so that it shows what has just happened."""


class Keeper:
    """Opens what it needs when first asked. Give back with `close`."""

    def __init__(self, data: Path, clock: Clock) -> None:
        self._data = data
        self._clock = clock
        self._lock = threading.Lock()
        self._store: FiguresStore | None = None
        self._ledger: LedgerReader | None = None
        self._thread: threading.Thread | None = None
        self._stop = threading.Event()
        self._last = -EVERY_SECONDS

    def start(self) -> None:
        """Keep up by itself, on a thread."""
        self._thread = threading.Thread(target=self._run, name="figures", daemon=True)
        self._thread.start()

    def close(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join(30)
        with self._lock:
            if self._ledger is not None:
                self._ledger.close()
            if self._store is not None:
                self._store.close()

    def sources(self, config: Config) -> Sources:
        """What figures are computed from, up to date within a second."""
        store, ledger = self._open()
        if ledger is not None and time.monotonic() - self._last > 1.0:
            store.catch_up(ledger, most=AT_ONCE)
            self._last = time.monotonic()
        return Sources(store, ledger, ZoneInfo(config.office.timezone), self._clock.utc())

    def _open(self) -> tuple[FiguresStore, LedgerReader | None]:
        with self._lock:
            if self._store is None:
                self._store = FiguresStore(self._data)
            if self._ledger is None:
                try:
                    self._ledger = LedgerReader(self._data / "ledger")
                except SwitchroomError as problem:
                    if problem.id != "ledger.missing":  # a box that has not begun has no figures, and no trouble
                        raise
            return self._store, self._ledger

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                store, ledger = self._open()
                while ledger is not None and not self._stop.is_set():
                    if store.catch_up(ledger, most=AT_ONCE).seq >= ledger.last_seq() or self._stop.wait(0.01):
                        break
            except Exception:
                log.exception("the figures could not be brought up to date")
            self._stop.wait(EVERY_SECONDS)
