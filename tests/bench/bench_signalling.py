"""Signalling through the whole core: sipp, the SIP thread, Python control, media ports, the ledger with fsync.

`python -m tests.bench.bench_signalling [--seconds S] [--rates N ...] [--two-leg-rates N ...] [--only PART] [--json]`

sipp runs on the same machine and takes its part of the cores: its CPU stands beside ours. A rate counts when every call of
`--seconds` was answered and hung up, none failed or refused; retransmissions are shown. Transactions live 32 s, so a
figure below 80 s is a hint only.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import re
import statistics
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from tests.bench import rig, wire
from tests.peers.box import Box

PEER = {"answer": "800/s at 1.39 ms; collapses at 900/s", "two legs": "not measured alone"}
AIM = {"answer": "1,600/s at 0.5 ms", "two legs": "500/s at 1.2 ms"}
DELAY_RATE = 50


def highest(made: Box, rates: Sequence[int], seconds: float, two_legs: bool) -> list[rig.Outcome]:
    """Each rate, upwards, until one is not clean."""
    found = []
    for rate in rates:
        found.append(rig.load(made, rate, seconds, two_legs=two_legs))
        if not found[-1].clean:
            break
    return found


@contextlib.contextmanager
def office(two_legs: bool, trace: Sequence[str] = ()) -> Iterator[Box]:
    with rig.box(rig.UNLIMITED) as made, rig.phones(made, trace) if two_legs else contextlib.nullcontext():
        yield made


def calls(two_legs: bool, rates: Sequence[int], seconds: float) -> list[rig.Outcome]:
    with office(two_legs) as made:
        return highest(made, rates, seconds, two_legs)


def overload(rate: int, seconds: float) -> list[rig.Outcome]:
    """The highest rate, then twice as much, on one box: what the machine gives changes from minute to minute."""
    with office(False) as made:
        return [rig.load(made, wanted, seconds) for wanted in (rate, 2 * rate)]


def delay(seconds: float) -> dict[str, float]:
    """Milliseconds from sipp's INVITE to the INVITE that the called phone gets, by the packets' stamps (root only), else by the
    two sipps'."""
    trace = ("-trace_msg", "-message_file")
    with office(True, (*trace, "called.log")) as made:
        with wire.listening(made.sip_port) as packets:
            done = rig.load(made, DELAY_RATE, seconds, two_legs=True, extra=(*trace, "calling.log"))
        began, came = (invites(made.folder / name) for name in ("calling.log", "called.log"))
    way = packets.through() if packets else [came[who] - at for who, at in began.items() if who in came]
    took = sorted(1000 * each for each in way)
    assert len(took) == done.made, f"{len(took)} of {done.made} INVITEs came through"
    return {"calls": len(took), "p50_ms": statistics.median(took), "p99_ms": took[int(len(took) * 0.99)], "max_ms": took[-1]}


_HEAD = re.compile(r"^-{20,} (\d{4}-\d\d-\d\d[\sT][\d:.]+)\s*$", re.MULTILINE)


def invites(trace: Path) -> dict[str, float]:
    """The first INVITE of each caller in a sipp trace: user part of From -> seconds."""
    parts = _HEAD.split(trace.read_text(errors="replace"))
    found: dict[str, float] = {}
    for at, body in zip(parts[1::2], parts[2::2], strict=True):
        caller = re.search(r"^From:[^\n]*sip:(c\d+)@", body, re.MULTILINE | re.IGNORECASE)
        if caller and re.search(r"^INVITE ", body, re.MULTILINE):
            found.setdefault(caller.group(1), datetime.fromisoformat(at.replace("\t", " ")[:26]).timestamp())
    return found


def show(found: dict[str, Any]) -> None:
    table = Table(title="Signalling through the whole core", show_lines=True)
    for name in ("what", "asked /s", "done /s", "failed", "refused", "repeated", "core ms per call", "sipp ms", "aim", "peer"):
        table.add_column(name)
    for what, outcomes in found.items():
        for o in outcomes if isinstance(outcomes, list) else ():
            split = ", ".join(f"{name} {1000 * s / max(o.done, 1):.2f}" for name, s in sorted(
                o.cpu.items(), key=lambda item: -item[1]) if 1000 * s / max(o.done, 1) >= 0.01)
            table.add_row(what, str(o.rate), f"{o.per_second:.0f}", str(o.failed), str(o.refused), str(o.retransmitted),
                          f"{o.core_ms:.2f}: {split}", f"{o.sipp_ms:.2f}", AIM.get(what, ""), PEER.get(what, ""))
    if "delay" in found:
        d = found["delay"]
        took = f"p50 {d['p50_ms']:.1f} ms, p99 {d['p99_ms']:.1f} ms"
        peer = "p50 2.9, p99 5.4 ms at 5/s"
        table.add_row("INVITE in → INVITE out", str(DELAY_RATE), "", "", "", "", took, "", "p99 3 ms", peer)
    Console(width=170).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=80)
    parser.add_argument("--rates", type=int, nargs="*", default=[400, 800, 1200, 1600])
    parser.add_argument("--two-leg-rates", type=int, nargs="*", default=[200, 350, 500])
    parser.add_argument("--only", choices=["answer", "two-legs", "delay", "overload"])
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    parts = [asked.only] if asked.only else ["answer", "two-legs", "delay", "overload"]
    found: dict[str, Any] = {}
    if "answer" in parts:
        found["answer"] = calls(False, asked.rates, asked.seconds)
    if "two-legs" in parts:
        found["two legs"] = calls(True, asked.two_leg_rates, asked.seconds)
    if "delay" in parts:
        found["delay"] = delay(min(asked.seconds, 30))
    if "overload" in parts:
        clean = [o.rate for o in found.get("answer", []) if o.clean]
        found["overload"] = overload(clean[-1] if clean else asked.rates[-1], min(asked.seconds, 40))
    if asked.json:
        print(json.dumps(found, default=vars))
    else:
        show(found)


if __name__ == "__main__":
    main()
