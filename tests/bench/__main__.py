"""`./test bench [NAME] [ARGS]`: runs one bench, or all. Each prints a table: ours, the limit, the peer's figure."""

from __future__ import annotations

import importlib
import sys

from rich.console import Console
from rich.table import Table

BENCHES = {
    "signalling": "calls per second through the whole core, delay added, overload (10 minutes)",
    "sip": "answer + hang up through the SIP thread and driver alone: RATE SECONDS",
    "media": "bridged and recorded calls: CPU per packet, delay",
    "memory": "idle, per bridged call, and what comes back (3 minutes)",
    "start": "cold start to the first answered OPTIONS",
    "queue": "the queue's whole path on SIP: caller to agent, agent freed to next offer, calls per second, restart",
    "core": "the ACD: events per second, time of a decision, memory of a waiting contact",
    "ledger": "durable events per second, one day out of many records",
    "web": "50 wallboards and 20 desks beside 20 calls a second: call set-up, event to pixel, memory",
    "figures": "figures of a month out of 10 million calls; sums made of events per second",
}
ALL = ("start", "memory", "core", "ledger", "figures", "media", "signalling", "queue", "web")


def run(name: str, arguments: list[str]) -> None:
    sys.argv = [f"tests.bench {name}", *arguments]
    importlib.import_module(f"tests.bench.bench_{name}").main()


def main() -> int:
    names = sys.argv[1:]
    if not names:
        for name in ALL:
            run(name, [])
        return 0
    if names[0] not in BENCHES:
        table = Table("bench", "what it measures", title="./test bench NAME")
        for name, what in BENCHES.items():
            table.add_row(name, what)
        Console().print(table)
        return 0 if names[0] in ("list", "--help", "-h") else 2
    run(names[0], names[1:])
    return 0


if __name__ == "__main__":
    sys.exit(main())
