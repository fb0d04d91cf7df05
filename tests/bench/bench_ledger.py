"""Figures of the ledger: durable events per second, what a call costs, one day out of many CDRs.

`python -m tests.bench.bench_ledger [--calls N] [--waiting N] [--cdrs N] [--dir DIR] [--json]`
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import resource
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import uvloop
from rich.console import Console
from rich.progress import track
from rich.table import Table

from appliance import messages as m
from appliance.clock import ManualClock, SystemClock
from appliance.ledger import Cdr, Ledger, LedgerReader, LegRecord
from appliance.ledger._derive import Deriver
from appliance.ledger.codec import token
from appliance.ledger.persons import Persons

QUALITY = m.Quality(packets_in=500, packets_out=500, jitter_ms=1.5, mos=4.3, codec="PCMA")


def call_events(n: int) -> tuple[m.Event, m.Event, m.Event, m.Event]:
    call, leg = f"c{n:012x}", f"l{n:012x}"
    opened = m.LegOpened(
        call=call, leg=leg, direction="in", kind="line", endpoint="gateway", number=f"+35840{n % 20000:07d}",
        sip_call_id=f"{n:032x}@198.51.100.7", peer="198.51.100.7:5060", media_port=20000, purpose="excuse",
    )  # fmt: skip
    return (
        opened, m.LegAnswered(leg=leg, codec="PCMA"),
        m.LegEnded(leg=leg, cause=m.Cause(sip=200, q850=16), quality=QUALITY), m.CallEnded(call=call, disposition="answered"),
    )  # fmt: skip


def cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


async def calls(directory: Path, count: int, waiting: int) -> dict[str, float]:
    """`waiting` flows at once, each: commit LegOpened, then append the three other events; until `count` calls are
    durable."""
    ledger = Ledger(directory, SystemClock())
    todo = iter([call_events(n) for n in range(count)])
    delays: list[float] = []

    async def flow() -> None:
        for opened, *rest in todo:
            began = time.perf_counter()
            await ledger.commit(opened)
            delays.append(time.perf_counter() - began)
            for event in rest:
                ledger.append(event)

    gc.collect()
    began, used = time.perf_counter(), cpu()
    await asyncio.gather(*(flow() for _ in range(waiting)))
    await ledger.flush()
    took, used = time.perf_counter() - began, cpu() - used
    await ledger.close()
    delays.sort()
    return {
        "calls_s": count / took, "events_s": 4 * count / took, "cpu_us_per_call": used / count * 1e6,
        "commit_ms_p50": statistics.median(delays) * 1e3, "commit_ms_p99": delays[int(len(delays) * 0.99)] * 1e3,
    }  # fmt: skip


async def paced(directory: Path, rate: float, seconds: float) -> dict[str, float]:
    """`rate` calls a second: what a commit waits at a small office's load."""
    ledger = Ledger(directory, SystemClock())
    delays: list[float] = []

    async def flow(n: int) -> None:
        opened, *rest = call_events(n)
        began = time.perf_counter()
        await ledger.commit(opened)
        delays.append(time.perf_counter() - began)
        for event in rest:
            ledger.append(event)

    loop = asyncio.get_running_loop()
    tasks: list[asyncio.Future[None]] = []
    began, used = loop.time(), cpu()
    while len(tasks) < rate * seconds:
        while len(tasks) < min((loop.time() - began) * rate, rate * seconds):
            tasks.append(asyncio.ensure_future(flow(len(tasks))))
        await asyncio.sleep(0.001)
    await asyncio.gather(*tasks)
    used = cpu() - used
    await ledger.close()
    delays.sort()
    return {
        "commit_ms_p50": statistics.median(delays) * 1e3, "commit_ms_p99": delays[int(len(delays) * 0.99)] * 1e3,
        "cpu_us_per_call": used / len(tasks) * 1e6,
    }  # fmt: skip


async def append_cost(directory: Path, count: int) -> dict[str, float]:
    """Seconds that `append` takes on the loop's thread, the writer kept out by a full gate (thread CPU time)."""
    ledger = Ledger(directory, SystemClock(), queue_limit=count + 1)
    events = [m.LegAnswered(leg=f"l{n}", codec="PCMA") for n in range(count)]
    append = ledger.append
    began = time.thread_time()
    for event in events:
        append(event)
    took = time.thread_time() - began
    began = time.perf_counter()
    await ledger.flush()
    drained = time.perf_counter() - began
    await ledger.close()
    return {"append_us": took / count * 1e6, "drain_events_s": count / drained}


def fill(directory: Path, count: int, per_day: int) -> float:
    """Put `count` CDRs, `per_day` a day, straight through the deriver's own indexing. -> UTC of the first."""
    ledger = Ledger(directory, ManualClock())
    store, deriver, persons = ledger._store, Deriver(), Persons()
    first = 1_600_000_000.0 // 86_400 * 86_400
    step = 86_400 / per_day
    batch = 20_000
    for base in track(range(0, count, batch), description=f"{count:,} CDRs"):
        while store.room() < 256 << 20:
            store.grow(256 << 20)
        with store.write() as (txn, dbs):
            for n in range(base, min(base + batch, count)):
                number = token(persons.id_of(txn, dbs, f"+35840{n % 20000:07d}"))
                leg = LegRecord(
                    leg=f"l{n:x}", direction="in", kind="line", endpoint="gateway", line="gateway", number=number,
                    sip_call_id=f"{n:032x}@198.51.100.7", opened=first + n * step, answered=1.0, ended=31.0, codec="PCMA",
                    cause=m.Cause(sip=200, q850=16), quality=QUALITY,
                )  # fmt: skip
                cdr = Cdr(
                    call=f"c{n:x}", seq=n + 1, start=first + n * step, direction="in", disposition="answered", caller=number,
                    duration=31.0, talk=30.0, line="gateway", legs=[leg],
                )  # fmt: skip
                deriver.add(txn, dbs, cdr)
            persons.put(txn, dbs)
            deriver.put(txn, dbs)
    ledger.close_now()
    return first


def day(directory: Path, first: float, count: int, per_day: int) -> dict[str, float]:
    """One day from the middle: its first page, the whole of it, and the same by number."""
    since = first + (count // per_day // 2) * 86_400
    found: dict[str, float] = {}
    with LedgerReader(directory) as reader:
        for name, ask in (
            ("page_100_ms", lambda: reader.cdrs(since, since + 86_400, limit=100)),
            ("day_rows_ms", lambda: reader.rows(since, since + 86_400, limit=per_day)),
            ("day_cdrs_ms", lambda: reader.cdrs(since, since + 86_400, limit=per_day)),
            ("number_100_ms", lambda: reader.cdrs(number="+358400000042", limit=100, newest_first=True)),
        ):
            times = []
            for _ in range(5):
                began = time.perf_counter()
                got = ask()
                times.append(time.perf_counter() - began)
            found[name] = min(times) * 1e3
            found[name.removesuffix("_ms") + "_found"] = len(got)
    found["bytes_per_cdr"] = (directory / "data.mdb").stat().st_size / count
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=20_000)
    parser.add_argument("--waiting", type=int, default=100, help="flows that commit at once")
    parser.add_argument("--cdrs", type=int, default=200_000)
    parser.add_argument("--per-day", type=int, default=5_000)
    parser.add_argument("--dir", type=Path, default=None, help="where to write (the file system that is measured)")
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    root = Path(tempfile.mkdtemp(prefix="ledger-bench-", dir=given.dir))
    try:
        found: dict[str, Any] = {
            f"calls, {given.waiting} waiting": uvloop.run(calls(root / "calls", given.calls, given.waiting)),
            "calls, 1 waiting": uvloop.run(calls(root / "one", 500, 1)),
            "calls, 50/s": uvloop.run(paced(root / "50", 50, 4)),
            "calls, 1600/s": uvloop.run(paced(root / "1600", 1600, 4)),
            "append": uvloop.run(append_cost(root / "append", 50_000)),
        }
        first = fill(root / "cdrs", given.cdrs, given.per_day)
        found[f"one day ({given.per_day:,}) of {given.cdrs:,} CDRs"] = day(
            root / "cdrs", first, given.cdrs, given.per_day
        )
    finally:
        shutil.rmtree(root)
    if given.json:
        print(json.dumps(found))
        return
    table = Table("what", "figure", "value", title="Ledger (fsync on)")
    for what, figures in found.items():
        for name, value in figures.items():
            table.add_row(what, name, f"{value:,.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
