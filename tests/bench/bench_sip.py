"""Answer + hang up per second through the SIP thread and driver.py, ledger and core left out.

python -m tests.bench.bench_sip RATE SECONDS
Prints calls done, failures, CPU milliseconds per call of this process, and of the SIP thread alone."""

from __future__ import annotations

import asyncio
import os
import re
import sys
import tempfile
import time
from pathlib import Path

from drivers.base import DriverEvent, Ended, Incoming
from tests.peers.net import free_port
from tests.peers.sipdriver import Peer, Sipp, gateway, media, office


async def main(rate: int, seconds: int) -> None:
    far_port = free_port()
    done = 0
    offer = media()
    with tempfile.TemporaryDirectory() as folder:
        config = office(gateway("gateway", far_port), sip="max_new_calls_per_second = 100000\n")
        async with Peer(config, journal=Path("/dev/shm") / f"bench-{os.getpid()}") as peer:

            def on_event(event: DriverEvent) -> None:
                nonlocal done
                if isinstance(event, Incoming):
                    peer.driver.answer(event.leg, offer)
                elif isinstance(event, Ended):
                    done += 1
                peer.events.clear()

            peer.on_event = on_event
            before, start = time.process_time(), time.monotonic()
            async with Sipp("uac", Path(folder), far_port, "-r", str(rate), "-m", str(rate * seconds), "-l", "20000",
                            remote=f"127.0.0.1:{peer.port}", trace=False) as far:
                code = await far.done(seconds * 3 + 60)
                text = far.log_text()
            took, cpu = time.monotonic() - start, time.process_time() - before
            health = peer.driver.health()
    found = re.findall(r"Failed call\s+\|\s+\d+\s+\|\s+(\d+)", text)
    retransmissions = re.findall(r"(?:INVITE|BYE) ---------->\s+\d+\s+(\d+)", text)
    Path(f"/dev/shm/bench-{os.getpid()}").unlink(missing_ok=True)
    print(f"{rate}/s asked for {seconds} s: {done} calls in {took:.1f} s, failed {found[-1:] or '?'}, sipp exit {code}, "
          f"retransmitted {retransmissions[-2:]}, "
          f"{1000 * cpu / max(done, 1):.3f} CPU-ms per call, SIP thread {int(health['cpu_us']) / 1000 / max(done, 1):.3f}")


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]), int(sys.argv[2])))
