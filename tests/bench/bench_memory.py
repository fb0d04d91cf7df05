"""Memory of the whole box: idle by process, in the reference office and in the bench's, per bridged call, and what has come
back after the calls.

`python -m tests.bench.bench_memory [--calls N] [--json]`; `--calls 0` looks at idle boxes alone.

Takes four minutes with 200 calls: all of them come and go twice, and what they leave is looked at when it has settled. PSS
counts pages that processes share once. Calls are bridged G.711 between sipp and sipp, without audio; what sockets take of the
kernel stands apart (Slab). What is kept is told in two parts: the core's own memory, and pages of files (journal of dialogs,
ledger), which the system takes back whenever it wants them.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import psutil
from rich.console import Console
from rich.table import Table

from tests.bench import rig
from tests.bench.bench_media import kernel_kb
from tests.peers.box import Box
from tests.peers.net import free_port, wait_for

PROCESSES = ("serve", "core", "dialer", "web")
RATE = 50
REST_SECONDS = 5
SETTLE_SECONDS = 50
"""SIP transactions live 32 s (RFC 3261 timer J), and memory is given back every 15 s (appliance/system/memory.py)."""


def pss_mb(pid: int) -> tuple[float, float]:
    """(PSS, USS) in MB."""
    found = psutil.Process(pid).memory_full_info()
    return found.pss / 1e6, found.uss / 1e6


Idle = dict[str, tuple[float, float]]
"""PSS and USS in MB, by process."""


def total(idle: Idle) -> float:
    return sum(pss for pss, _ in idle.values())


def idle_of(made: Box) -> Idle:
    """All four processes once they are up and have come to rest."""
    made.wait_pages()
    looks: list[Idle] = []

    def at_rest() -> Idle | None:
        looks.append({name: pss_mb(made.pid(name)) for name in PROCESSES})
        last = [total(look) for look in looks[-REST_SECONDS:]]
        time.sleep(1)
        return looks[-1] if len(last) == REST_SECONDS and max(last) - min(last) < 0.3 else None

    return wait_for(at_rest, 60, "rest")


def idle_in_reference_office() -> Idle:
    """With what an office has: lists, queues, menus, hours, holidays, mail."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name, Box(Path(name), free_port(), free_port()) as made:
        return idle_of(made)


class Core(NamedTuple):
    """Memory of the core's own, in MB: `own`, and pages of `files`."""

    own: float
    files: float


def core_now(made: Box) -> Core:
    rollup = Path(f"/proc/{made.pid('core')}/smaps_rollup").read_text()
    kb = {name: int(number) for name, number in re.findall(r"^(\w+): +(\d+) kB$", rollup, re.MULTILINE)}
    return Core(kb["Anonymous"] / 1000, (kb["Private_Clean"] + kb["Private_Dirty"] - kb["Anonymous"]) / 1000)


def bridged(made: Box, calls: int) -> dict[str, float]:
    """`calls` calls up at once, then gone; and all of it once more: what an allocator keeps is used again, a leak is not."""
    with rig.phones(made):
        rig.load(made, RATE, 2, two_legs=True)  # what is made once: caches, the first arenas
        before, slab = core_now(made), kernel_kb()
        during = wave(made, calls)
        used = kernel_kb() - slab
        after = settled(made)
        wave(made, calls)
        again = settled(made)
    return {
        "calls": calls, "kb_per_call": (during.own - before.own) * 1000 / calls, "kernel_kb_per_call": max(0, used) / calls,
        "kept_kb_per_call": (after.own - before.own) * 1000 / calls, "kept_files_mb": after.files - before.files,
        "kept_again_kb_per_call": (again.own - after.own) * 1000 / calls,
    }  # fmt: skip


def wave(made: Box, calls: int) -> Core:
    """All calls up at once; the core's memory then. The callers hang up by and by."""
    stay = calls / RATE * 2 + 10
    sipp = rig.caller(made, RATE, calls, two_legs=True, extra=("-d", str(int(stay * 1000))))
    wait_for(lambda: made.json("status")["calls"] == calls, stay, f"{calls} calls at once")
    found = core_now(made)
    sipp.wait(stay * 4)
    return found


def settled(made: Box) -> Core:
    wait_for(lambda: made.json("status")["calls"] == 0, 60, "the end of all calls")
    time.sleep(SETTLE_SECONDS)
    return core_now(made)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    idle = idle_in_reference_office()
    with rig.box(rig.UNLIMITED) as made:
        plain = idle_of(made)
        calls = bridged(made, asked.calls) if asked.calls else {}
    if asked.json:
        print(json.dumps({"idle": idle, "idle_bench_office": plain, **calls}))
        return
    table = Table("what", "figure", "aim", "peer", title="Memory")
    for name, (pss, uss) in idle.items():
        table.add_row(f"idle: {name}", f"{pss:.0f} MB ({uss:.0f} its own)", "", "")
    table.add_row("idle: all, reference office", f"{total(idle):.0f} MB", "150 MB", "62 MB (one process)")
    table.add_row("idle: all, the bench's office", f"{total(plain):.0f} MB", "", "")
    if calls:
        _add_calls(table, asked.calls, calls)
    Console().print(table)


def _add_calls(table: Table, count: int, calls: dict[str, float]) -> None:
    table.add_row(f"per bridged call ({count} up)", f"{calls['kb_per_call']:.0f} KB", "100 KB", "430 KB")
    table.add_row("the same, in the kernel", f"{calls['kernel_kb_per_call']:.0f} KB", "", "")
    table.add_row("kept after the calls", f"{calls['kept_kb_per_call']:.0f} KB per call", "0", "3.6 GB after 800/s")
    table.add_row("— and pages of files", f"{calls['kept_files_mb']:+.1f} MB", "", "")
    table.add_row("kept after as many again", f"{calls['kept_again_kb_per_call']:+.0f} KB per call", "0", "")


if __name__ == "__main__":
    main()
