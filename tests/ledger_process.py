"""A writer in a process of its own, to be killed, copied from, or starved of disk. `python -m tests.ledger_process
DIR [BYTES]`.

Prints one line per thing acknowledged: the calls whose commit returned. With BYTES the process may not write a file
beyond that
size until it reads a line from standard input; then the limit is lifted."""

from __future__ import annotations

import asyncio
import itertools
import resource
import sys
from pathlib import Path

from appliance import messages as m
from appliance.clock import SystemClock
from appliance.ledger import Ledger


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


async def flow(ledger: Ledger, numbers: itertools.count[int], stop: asyncio.Event) -> None:
    while not stop.is_set():
        n = next(numbers)
        call, leg = f"c{n}", f"l{n}"
        key = {"campaign": 1, "subscriber": n, "attempt": 1}
        await ledger.commit(
            m.AttemptStarted(**key, call=call, leg=leg, line="gw"),
            m.LegOpened(
                call=call, leg=leg, direction="out", kind="line", endpoint="gw", number=f"+3584{n:08d}", sip_call_id=f"s{n}",
            ),
        )  # fmt: skip
        say(f"started {n}")
        ledger.append(m.LegAnswered(leg=leg))
        await ledger.commit(m.AttemptEnded(**key, call=call, outcome="heard"))
        say(f"ended {n}")
        ledger.append(m.LegEnded(leg=leg))
        await ledger.commit(m.CallEnded(call=call, disposition="answered"))
        say(f"done {n}")


async def main(directory: Path, limit: int) -> None:
    ledger = Ledger(directory, SystemClock(), on_shortage=lambda level, detail: say(f"level {level}"), reserve_bytes=0)
    stop = asyncio.Event()
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    numbers = itertools.count(ledger.reader.last_seq() + 1)
    flows = [asyncio.create_task(flow(ledger, numbers, stop)) for _ in range(8)]
    say("ready")
    await asyncio.to_thread(sys.stdin.readline)
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    await asyncio.to_thread(sys.stdin.readline)
    stop.set()
    await asyncio.gather(*flows)
    await ledger.close()
    say("closed")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else 0))
