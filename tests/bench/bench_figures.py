"""Figures of a month out of ten million calls, and how fast sums are made of the ledger's events.

`./test bench figures [--calls N] [--months N] [--events N] [--dir DIR] [--build] [--json]`

With `--build` the sums are made in DIR and left there; a run with the same DIR takes them as they are, and measures only.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from rich.console import Console
from rich.progress import track
from rich.table import Table

from appliance import messages as m
from appliance.clock import ManualClock
from appliance.config.model import Config, Office
from appliance.figures import report
from appliance.figures.ask import Of, Sources
from appliance.figures.counts import CODES, SPREAD_CODES, Sums, edge_of
from appliance.figures.fold import OFFICE, Subject
from appliance.figures.slots import SLOT
from appliance.figures.store import FiguresStore
from appliance.ledger import Ledger, LedgerReader
from appliance.ledger.rollup import Rollup, head_of
from appliance.ledger.store import U32

BEGAN = datetime(2025, 1, 1, tzinfo=UTC).timestamp()
ENCODE = msgspec.msgpack.Encoder().encode
QUEUES, AGENTS, LINES = 6, 30, 4
LIMIT_MS = 300


def slots(months: int) -> int:
    return months * 30 * 96


def fill(folder: Path, calls: int, months: int) -> None:
    """Sums as that many calls leave them, day and night, spread over queues, agents and lines."""
    rng, count = random.Random(1), slots(months)
    per_slot = max(1, calls // count)
    ledger = Ledger(folder / "ledger", ManualClock(utc=BEGAN), "boot")
    subjects: list[Subject] = [OFFICE, *(("queue", f"queue{n}") for n in range(QUEUES)),
                               *(("agent", f"agent{n}") for n in range(AGENTS)),
                               *(("seat", f"queue{n % QUEUES}\0agent{n}") for n in range(AGENTS))]
    store = FiguresStore(folder)
    store.catch_up(ledger.reader)
    lines = ["all", *(f"line:line{n}" for n in range(LINES))]
    for first in track(range(0, count, 960), description=f"{calls:,} calls in {months} months"):
        added = {(subject, int(BEGAN) // SLOT + slot): some(rng, max(1, per_slot // share(subject)))
                 for slot in range(first, min(first + 960, count)) for subject in subjects}
        with store._env.begin(write=True) as txn:
            store._put(txn, added)
        with ledger._store.write() as (txn, dbs):
            for slot in range(first, min(first + 960, count)):
                for line in lines:
                    sums = Rollup(calls=per_slot, answered=per_slot, talk=100.0 * per_slot, duration=120.0 * per_slot)
                    txn.put(head_of(line) + U32.pack(int(BEGAN) // SLOT + slot), ENCODE(sums), db=dbs["rollup"])
    store.close()
    ledger.close_now()


def share(subject: Subject) -> int:
    return {"office": 1, "queue": QUEUES}.get(subject[0], AGENTS)


def some(rng: random.Random, contacts: int) -> Sums:
    """What so many contacts leave."""
    sums: Sums = {}
    for _ in range(min(contacts, 60)):
        ms = int(rng.expovariate(1 / 25_000))
        code = SPREAD_CODES["waits"] + edge_of(ms)
        sums[code] = sums.get(code, 0) + max(1, contacts // 60)
    for name in ("offered", "answered", "handled", "first_n", "rung"):
        sums[CODES[name]] = contacts
    for name in ("wait_ms", "first_ms", "talk_ms", "hold_ms", "wrap_ms", "ready_ms", "contact_ms", "wrapping_ms", "break_ms"):
        sums[CODES[name]] = contacts * rng.randrange(1000, 100_000)
    sums[CODES["abandoned"]] = contacts // 20
    for name in ("callers", "callers_again", "callers_answered", "answered_again", "noted", "solved", "survey_asked", "csat_n"):
        sums[CODES[name]] = contacts // 4
    return sums


def timed(ask: Callable[[], Any]) -> float:
    """The better of five, in ms."""
    times = []
    for _ in range(5):
        began = time.perf_counter()
        ask()
        times.append(time.perf_counter() - began)
    return min(times) * 1e3


def month(folder: Path, months: int) -> dict[str, float]:
    """A whole month by each dimension, with the month before to compare, as a page asks it."""
    config = Config(office=Office(name="Bench", country="FI", timezone="Europe/Helsinki"))
    zone = ZoneInfo("Europe/Helsinki")
    now = BEGAN + slots(months) * SLOT
    found = {}
    with FiguresStore(folder) as store, LedgerReader(folder / "ledger") as ledger:
        sources = Sources(store, ledger, zone, now)
        for by in ("queue", "agent", "line", "day", "hour", "weekday", "clock"):
            question = report.Question(period="last-month", by=by)  # type: ignore[arg-type]
            found[f"by {by}"] = timed(lambda question=question: report.ask_for(question, sources, config))
        for by in ("day", "hour"):
            one = report.Question(period="last-month", by=by, of=Of(queue="queue1"))  # type: ignore[arg-type]
            found[f"by {by}, one queue"] = timed(lambda one=one: report.ask_for(one, sources, config))
    return found


def events(count: int) -> Iterator[list[m.Event]]:
    """Calls through a queue, eleven events each."""
    at = BEGAN
    for n in range(count // 11):
        at += 1.0
        call, leg, agent, queue = f"c{n:x}", f"l{n:x}", f"agent{n % AGENTS}", f"queue{n % QUEUES}"
        common: dict[str, Any] = {"contact": call, "queue": queue}
        yield [
            m.LegOpened(call=call, leg=leg, direction="in", kind="line", endpoint="line1", number=f"+35840{n % 20000:07d}"),
            m.LegAnswered(leg=leg), m.ContactQueued(at=at, since=at, caller=f"{n % 20000:024x}", **common),
            m.ContactOffered(at=at, agent=agent, **common),
            m.OfferEnded(at=at + 5, agent=agent, how="accepted", **common), m.ContactConnected(at=at + 5, agent=agent, **common),
            m.AgentStateChanged(at=at + 5, agent=agent, state="on-contact", before="offered", reason=call),
            m.ContactEnded(at=at + 90, agent=agent, talked=85.0, **common),
            m.AgentStateChanged(at=at + 90, agent=agent, state="ready", before="on-contact"),
            m.LegEnded(leg=leg), m.CallEnded(call=call, disposition="answered"),
        ]


def catching_up(folder: Path, count: int) -> dict[str, float]:
    clock = ManualClock(utc=BEGAN)
    ledger = Ledger(folder / "ledger", clock, "boot")
    waiting: list[m.Event] = []
    for call in events(count):
        clock.advance(1.0)
        waiting += call
        if len(waiting) > 2_000:
            ledger.commit_now(*waiting)
            waiting.clear()
    ledger.commit_now(*waiting)
    with FiguresStore(folder) as store:
        began, last = time.perf_counter(), ledger.reader.last_seq()
        store.rebuild(ledger.reader)
        took = time.perf_counter() - began
        again = timed(lambda: store.catch_up(ledger.reader))
    ledger.close_now()
    return {"events_s": last / took, "nothing new, ms": again}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000_000)
    parser.add_argument("--months", type=int, default=6)
    parser.add_argument("--events", type=int, default=110_000)
    parser.add_argument("--dir", type=Path, default=None)
    parser.add_argument("--build", action="store_true")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    root = given.dir or Path(tempfile.mkdtemp(prefix="figures-bench-"))
    if not (root / "month" / "ready").exists():
        fill(root / "month", given.calls, given.months)
        (root / "month" / "ready").touch()
    if given.build:
        return
    try:
        found = {"a month, ms": month(root / "month", given.months), "from the ledger": catching_up(root / "fold", given.events)}
        found["size"] = {"MB of sums": (root / "month" / "figures" / "data.mdb").stat().st_size / 1e6}
    finally:
        shutil.rmtree(root / "fold", ignore_errors=True)
        if given.dir is None:
            shutil.rmtree(root)
    if given.json:
        print(json.dumps(found))
        return
    table = Table("what", "figure", "value", "limit", title=f"Figures out of {given.calls:,} calls in {given.months} months")
    for what, figures in found.items():
        for name, value in figures.items():
            table.add_row(what, name, f"{value:,.1f}", str(LIMIT_MS) if what.startswith("a month") else "")
    Console().print(table)


if __name__ == "__main__":
    main()
