"""One search of the network at a time, in the background; the pages and the API ask how far it is."""

from __future__ import annotations

import logging
import threading
from typing import Literal

import msgspec

from appliance.config.model import Config
from appliance.errors import SwitchroomError
from drivers.sip import probe, search
from drivers.sip.search import Found
from web.i18n import tell

log = logging.getLogger("search")


class SearchState(msgspec.Struct, frozen=True, kw_only=True):
    """How far it is: `done` of `total` addresses in `networks`. `error` says why it failed."""

    phase: Literal["new", "searching", "done", "failed"] = "new"
    done: int = 0
    total: int = 0
    networks: list[str] = []
    found: list[Found] = []
    error: str = ""
    hint: str = ""


class Finder:
    """Of one application. Give back with `close`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._plan: probe.Plan | None = None
        self._step = probe.Step(done=0, total=0, found=[])
        self._running = False
        self._problem: SwitchroomError | None = None

    def begin(self) -> None:
        """Search; where one goes on already it goes on. Raises SwitchroomError "search.no-network"."""
        with self._lock:
            if self._running:
                return
            self._plan, self._problem = probe.own(), None
            self._step = probe.Step(done=0, total=len(self._plan.hosts), found=[])
            searching = threading.Thread(target=self._run, args=(self._plan,), name="search", daemon=True)
            try:
                searching.start()
                self._running = True
            except RuntimeError:  # no memory or too many threads: the next one may begin again
                log.exception("the search could not begin")
                self._problem = _broke_off()

    def _run(self, plan: probe.Plan) -> None:
        try:
            probe.run(plan, self._tell, self._ended.is_set)
        except SwitchroomError as problem:
            self._problem = problem
        except Exception:
            log.exception("the search broke off")
            self._problem = _broke_off()
        finally:
            with self._lock:
                self._running = False

    def _tell(self, step: probe.Step) -> None:
        self._step = step

    def state(self, config: Config) -> SearchState:
        with self._lock:
            plan, step, running, problem = self._plan, self._step, self._running, self._problem
        if plan is None:
            return SearchState()
        phase: Literal["searching", "done", "failed"] = "searching" if running else "failed" if problem else "done"
        return SearchState(phase=phase, done=step.done, total=step.total, networks=plan.networks,
                           found=search.told(step.found, config),
                           error=tell(problem.said) if problem else "", hint=tell(problem.said_hint) if problem else "")

    def close(self) -> None:
        self._ended.set()


def _broke_off() -> SwitchroomError:
    return SwitchroomError("search.failed", "The search broke off.", "The log has the details.")
