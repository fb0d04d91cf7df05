"""Figures of the media engine: bridged calls, recorded calls, CPU per packet, memory per call; beside a bare loop and the peer.

`python -m tests.bench.bench_media [--calls N ...] [--recorded N ...] [--seconds S] [--threads N] [--json]`

A process of its own sends every leg a G.711 packet each 20 ms, stamped, and reads from the kernel's receive stamps how late
it came back: its own slowness is not counted, that of the machine is. CPU is of the whole engine process (the bare loop: of its
thread).
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cffi
import psutil
from rich.console import Console
from rich.table import Table

from appliance.media.engine import Engine
from appliance.media.events import RecordDone
from drivers.base import MediaAnswer

HERE = Path(__file__).parent
WARM_SECONDS = 2.0
PEER = {"relay": "600 calls, 22 µs", "record": "300 calls"}
"""What Asterisk does on such a machine: the highest clean number of calls, CPU per packet."""
SURFACE = """
struct load; struct bare;
struct load_figures { uint64_t sent, received, late_slots; double p50_ms, p99_ms, p999_ms, max_ms; };
struct load *load_open(int kind, uint16_t *number);
void load_start(struct load *l, const uint16_t *ports, int legs);
void load_count(struct load *l, int on);
void load_stop(struct load *l, struct load_figures *f);
struct bare *bare_open(int legs, uint16_t to, uint16_t *ports);
void bare_close(struct bare *b, uint64_t *packets, double *cpu_seconds);
"""


def library(directory: Path) -> tuple[cffi.FFI, Any]:
    """Compile rtpload.c and load it."""
    path = directory / "rtpload.so"
    if not path.exists():
        command = ["cc", "-O2", "-shared", "-fPIC", "-pthread", "-o", str(path), str(HERE / "rtpload.c")]
        subprocess.run(command, check=True)
    ffi = cffi.FFI()
    ffi.cdef(SURFACE)
    return ffi, ffi.dlopen(str(path))


def generate(directory: Path) -> None:
    """The load process: prints its port, reads the ports to send to, then obeys "count" and "stop"."""
    ffi, lib = library(directory)
    number = ffi.new("uint16_t *")
    load = lib.load_open(8, number)
    print(number[0], flush=True)
    ports = [int(p) for p in sys.stdin.readline().split()]
    lib.load_start(load, ports, len(ports))
    for line in sys.stdin:
        if line.strip() == "stop":
            break
        lib.load_count(load, int(line.strip() == "count"))
    figures = ffi.new("struct load_figures *")
    lib.load_stop(load, figures)
    print(json.dumps({name: getattr(figures, name) for name, _ in ffi.typeof("struct load_figures").fields}), flush=True)


class Load:
    def __init__(self, directory: Path) -> None:
        command = [sys.executable, "-m", "tests.bench.bench_media", "--generate", str(directory)]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.port = int(self.process.stdout.readline())

    def tell(self, line: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()

    def figures(self) -> dict[str, float]:
        """Ends it; what is still under way has half a second to come back."""
        time.sleep(0.5)
        self.tell("stop")
        assert self.process.stdout is not None
        found: dict[str, float] = json.loads(self.process.stdout.readline())
        self.process.wait()
        return found


@contextmanager
def tempdir() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bench-media-") as name:
        yield Path(name)


def kernel_kb() -> int:
    """What the kernel holds for sockets and the like."""
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Slab:"))


def result(figures: dict[str, float], calls: int, cpu: float, packets: int, seconds: float) -> dict[str, float]:
    return {
        "calls": calls,
        "cpu_us": cpu / packets * 1e6 if packets else 0.0,
        "cpu_share": cpu / seconds * 100,
        "p50_ms": figures["p50_ms"],
        "p99_ms": figures["p99_ms"],
        "max_ms": figures["max_ms"],
        "lost": 1 - figures["received"] / figures["sent"] if figures["sent"] else 1.0,
        "generator_late": figures["late_slots"],
    }


def bare(directory: Path, calls: int, seconds: float) -> dict[str, float]:
    """The limit: one thread, epoll, recvfrom, sendto."""
    ffi, lib = library(directory)
    load = Load(directory)
    ports = ffi.new("uint16_t[]", 2 * calls)
    loop = lib.bare_open(2 * calls, load.port, ports)
    load.tell(" ".join(str(p) for p in ports))
    time.sleep(WARM_SECONDS)
    load.tell("count")
    time.sleep(seconds)
    load.tell("end")
    figures = load.figures()
    packets, cpu = ffi.new("uint64_t *"), ffi.new("double *")
    lib.bare_close(loop, packets, cpu)
    return result(figures, calls, cpu[0], packets[0], seconds + WARM_SECONDS)


def engine(directory: Path, calls: int, seconds: float, threads: int, record: bool) -> dict[str, float]:
    """`calls` bridged pairs; with `record` each is recorded too (both sides mixed)."""
    me = psutil.Process(os.getpid())
    load = Load(directory)
    made = Engine("127.0.0.1", (10000, 10001 + 4 * calls + 400), threads=threads)
    made.start()
    rss, slab = me.memory_info().rss, kernel_kb()
    far = MediaAnswer(host="127.0.0.1", port=load.port, codec="PCMA", payload_type=8, telephone_event=101)
    pairs = []
    for i in range(calls):
        a = made.open()
        b = made.open(near=a)
        a.connect(far)
        b.connect(far)
        made.bridge([a, b])
        if record:
            a.record(directory / f"{i}.wav", max_seconds=3600, both=True)
        pairs.append((a, b))
    load.tell(" ".join(f"{a.port} {b.port}" for a, b in pairs))
    time.sleep(WARM_SECONDS)
    before = sum(p.stats().packets_out for pair in pairs for p in pair)
    cpu = me.cpu_times()
    load.tell("count")
    time.sleep(seconds)
    after = me.cpu_times()
    packets = sum(p.stats().packets_out for pair in pairs for p in pair) - before
    load.tell("end")
    used_rss, used_slab = me.memory_info().rss - rss, kernel_kb() - slab
    found = result(load.figures(), calls, after.user + after.system - cpu.user - cpu.system, packets, seconds)
    found["kb_per_call"] = (used_rss / 1024 + max(0, used_slab)) / calls
    found["record_lost"] = float(made.health()["record_samples_lost"])
    done = _close(made, pairs, calls if record else 0)
    found["files_short"] = float(sum(1 for d in done if d.error or d.samples < (seconds + WARM_SECONDS) * 8000 * 0.98))
    found["kb_kept_per_call"] = max(0.0, (me.memory_info().rss - rss) / 1024 / calls)
    made.stop()
    for path in directory.glob("*.wav"):
        path.unlink()
    return found


def _close(made: Engine, pairs: list[Any], recordings: int) -> list[RecordDone]:
    for a, b in pairs:
        a.close()
        b.close()
    done: list[RecordDone] = []
    until = time.monotonic() + 120
    while (len(done) < recordings or made.health()["ports_open"]) and time.monotonic() < until:
        done += [e for e in made.events() if isinstance(e, RecordDone)]
        time.sleep(0.05)
    return done


def show(rows: list[tuple[str, dict[str, float], str]]) -> None:
    table = Table(title="Media: bridged G.711 calls, 20 ms packets, loopback")
    for name in (
        "what",
        "calls",
        "CPU µs per packet",
        "% of a core",
        "delay p50 ms",
        "p99",
        "max",
        "lost %",
        "KB per call",
        "peer",
    ):
        table.add_column(name, justify="left" if name in ("what", "peer") else "right")
    for what, f, peer in rows:
        memory = f"{f['kb_per_call']:.0f}" if "kb_per_call" in f else ""
        table.add_row(
            what, str(f["calls"]), f"{f['cpu_us']:.2f}", f"{f['cpu_share']:.0f}", f"{f['p50_ms']:.2f}", f"{f['p99_ms']:.2f}",
            f"{f['max_ms']:.1f}", f"{f['lost'] * 100:.3f}", memory, peer,
        )  # fmt: skip
    Console(width=140).print(table)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, nargs="*", default=[600, 1200])
    parser.add_argument("--recorded", type=int, nargs="*", default=[300, 600])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--threads", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--generate", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.generate:
        generate(asked.generate)
        return
    rows: list[tuple[str, dict[str, float], str]] = []
    with tempdir() as directory:
        library(directory)
        for calls in asked.calls:
            rows.append(("bare epoll recv/send (limit)", bare(directory, calls, asked.seconds), ""))
            rows.append(("relayed", engine(directory, calls, asked.seconds, asked.threads, False), PEER["relay"]))
        for calls in asked.recorded:
            rows.append(("relayed and recorded", engine(directory, calls, asked.seconds, asked.threads, True), PEER["record"]))
    if asked.json:
        print(json.dumps([{"what": what, **figures} for what, figures, _ in rows]))
    else:
        show(rows)


if __name__ == "__main__":
    main()
