"""Cold start: from `switchroom serve` to the first answered OPTIONS. `python -m tests.bench.bench_start [--times N]`

The first start of a folder makes the ledger and takes the configuration over; "again" is what a restart takes. The files of
Python are in the page cache, as after any earlier start.
"""

from __future__ import annotations

import argparse
import socket
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests.bench import rig
from tests.peers.box import Box

ASK_EVERY = 0.005
OPTIONS = (
    "OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:{port};rport;branch=z9hG4bK{n}\r\nMax-Forwards: 70\r\n"
    "From: <sip:probe@127.0.0.1>;tag={n}\r\nTo: <sip:127.0.0.1>\r\nCall-ID: start-{n}\r\nCSeq: 1 OPTIONS\r\n"
    "Content-Length: 0\r\n\r\n"
)


@contextmanager
def gateway(port: int) -> Iterator[socket.socket]:
    """A socket at the gateway's address: a source that the box knows is asked as often as it likes."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", port))
        sock.settimeout(ASK_EVERY)
        yield sock


def first_answer(made: Box) -> float:
    """Start the box; seconds until the first 200 to an OPTIONS."""
    with gateway(rig.gateway_port(made)) as sock:
        began = time.monotonic()
        made.launch()
        for n in range(12_000):
            try:
                sock.sendto(OPTIONS.format(port=sock.getsockname()[1], n=n).encode(), ("127.0.0.1", made.sip_port))
                if sock.recv(4096).startswith(b"SIP/2.0 200"):
                    return time.monotonic() - began
            except (TimeoutError, ConnectionRefusedError):
                time.sleep(ASK_EVERY / 5)
    raise AssertionError(f"no OPTIONS was answered:\n{made.log()[-2000:]}")


def once() -> tuple[float, float]:
    """A first start and a second one of the same folder."""
    with tempfile.TemporaryDirectory(prefix="bench-start-") as name:
        made = rig.unstarted(Path(name))
        try:
            first = first_answer(made)
            made.wait_up()
            made.stop()
            again = first_answer(made)
            made.wait_up()
            return first, again
        finally:
            made.stop()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", type=int, default=5)
    times = [once() for _ in range(parser.parse_args().times)]
    table = Table("what", "median s", "best s", "aim", "peer", title="`switchroom serve` to the first answered OPTIONS")
    for what, taken in (("first start", [first for first, _ in times]), ("again", [again for _, again in times])):
        table.add_row(what, f"{statistics.median(taken):.2f}", f"{min(taken):.2f}", "1", "0.77–0.99 s")
    Console().print(table)


if __name__ == "__main__":
    main()
