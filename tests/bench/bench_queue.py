"""The whole path of a queue on real SIP: callers at the gateway, 200 agents signed in at their phones, the ledger with fsync.

`python -m tests.bench.bench_queue [--only offer|freed|calls|restart ...] [--rates N ...] [--seconds S]`

Two sipp, on the same machine: one is all callers, one all agents' phones. An agent answers at once, talks, and hangs up; the
caller's call ends by our BYE, so that each call done was answered by an agent. Times are between the kernel's stamps of the
packets (root only), and beside them between the stamps of sipp's traces, in which sipp itself waits for a processor, too.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import os
import re
import statistics
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path

import psutil
from rich.console import Console
from rich.table import Table

from tests.bench import bench_start, rig, wire
from tests.bench.bench_signalling import invites
from tests.peers.box import Box
from tests.peers.net import free_port, media_base, wait_for
from tests.peers.strangers import Datagrams

AGENTS = 200
FIRST = 1001
NUMBER = "+358917700600"
TRACE = ("-trace_msg", "-message_file")
OPEN_CONTACTS = 1000
PARTS = ("offer", "freed", "calls", "restart")
Row = tuple[str, str, str, str, str]
_OFFICE = f"""
[office]
name = "Load"
country = "FI"
timezone = "Europe/Helsinki"
[sip]
listen = "127.0.0.1:5060"
media_ports = "20000-23999"
{rig.UNLIMITED}
[web]
listen = "127.0.0.1:8080"
[dialling]
outside_prefix = "0"
[[lines]]
name = "gateway"
driver = "sip-gateway"
address = "127.0.0.1:5070"
options_seconds = 0
channels = 1000
inbound_to = "hangup"
inbound_numbers = {{ "{NUMBER}" = "queue:front" }}
[[queues]]
name = "front"
number = "600"
max_waiting = 1000
max_wait_seconds = 3600
wrap_up_seconds = 0
break_after_misses = 0
"""
_PHONE = '[[phones]]\nextension = "{0}"\nsecret = "secret-{0}"\n'
_AGENT = '[[agents]]\nid = "a{0}"\nextension = "{0}"\nalways_signed_in = true\n'


def office(count: int = AGENTS) -> str:
    extensions = [str(FIRST + n) for n in range(count)]
    members = ", ".join(f'"a{each}"' for each in extensions)
    return _OFFICE + f"agents = [{members}]\n" + "".join(_PHONE.format(each) + _AGENT.format(each) for each in extensions)


@contextlib.contextmanager
def box() -> Iterator[Box]:
    with tempfile.TemporaryDirectory(prefix="bench-queue-") as name:
        edits = {"^media_ports = .*$": f'media_ports = "{rig.MEDIA}"'}
        with Box(Path(name), free_port(), free_port(), office=office(), edits=edits) as made:
            yield made


class Desk(Datagrams):
    """Registers each phone with its extension in the contact, so that a trace shows who was rung."""

    user = ""

    def request(self, *args: str, **more: object) -> bytes:
        return super().request(*args, **more).replace(b"Contact: <sip:probe@", f"Contact: <sip:{self.user}@".encode())  # type: ignore[arg-type]


async def _register(made: Box, port: int, count: int) -> None:
    with Desk(("127.0.0.1", made.sip_port), port=port) as desk:
        for n in range(count):
            desk.user = str(FIRST + n)
            answer = await desk.register(desk.user, f"secret-{desk.user}", expires=3600)
            assert answer is not None and answer.status == 200, answer


@contextlib.contextmanager
def agents(made: Box, talk_ms: tuple[int, int], extra: Sequence[str] = (), count: int = AGENTS) -> Iterator[None]:
    """sipp as all agents' phones, registered: who talks `talk_ms` (shortest, longest) and hangs up."""
    port = free_port()
    asyncio.run(_register(made, port, count))
    text = (Path(__file__).parent / "queue_agent.xml").read_text()
    scenario = made.folder / "agent.xml"
    scenario.write_text(text.replace('"SHORTEST"', f'"{talk_ms[0]}"').replace('"LONGEST"', f'"{talk_ms[1]}"'))
    with (made.folder / "agents.out").open("wb") as out:
        process = subprocess.Popen(
            ["sipp", "-sf", str(scenario), "-i", "127.0.0.1", "-p", str(port), "-nostdin", "-aa",
             "-mp", str(media_base()), *extra],
            cwd=made.folder, stdout=out, stderr=out,
        )
        try:
            wait_for(lambda: len(psutil.Process(process.pid).net_connections("udp")) > 2, 10, "sipp as agents")
            yield
        finally:
            process.terminate()
            process.wait()


def callers(made: Box, rate: int, calls: int, extra: Sequence[str] = ()) -> subprocess.Popen[bytes]:
    csv = made.folder / "queue.csv"
    csv.write_text(f"SEQUENTIAL\n{NUMBER};\n")
    with (made.folder / "callers.out").open("wb") as out:
        return subprocess.Popen(
            ["sipp", f"127.0.0.1:{made.sip_port}", "-sf", str(Path(__file__).parent / "queue_caller.xml"), "-inf", str(csv),
             "-i", "127.0.0.1", "-p", str(rig.gateway_port(made)), "-nostdin", "-r", str(rate), "-m", str(calls), "-l", "50000",
             "-mp", str(media_base()), *extra],
            cwd=made.folder, stdout=out, stderr=out,
        )  # fmt: skip


def load(made: Box, rate: int, calls: int, extra: Sequence[str] = ()) -> rig.Outcome:
    """`calls` callers at `rate` a second, until the last one has been served."""
    result = rig.Outcome(rate, calls / rate)
    core = made.pid("core")
    before = rig.cpu_of(core)
    process = callers(made, rate, calls, ("-timeout", str(calls // rate + 60), *extra))
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0  # waited for already
    result.sipp_cpu = usage.ru_utime + usage.ru_stime
    result.cpu = rig.spent(core, before)
    text = (made.folder / "callers.out").read_text(errors="replace")
    names = ("Outgoing calls created", "Successful call", "Failed call")
    counts = [re.findall(rf"{name}\s+\|\s+\d+\s+\|\s+(\d+)", text) for name in names]
    assert all(counts), text[-1000:]
    result.made, result.done, result.failed = (int(found[-1]) for found in counts)
    result.retransmitted = sum(int(n) for n in re.findall(r"INVITE -+>\s+\d+\s+(\d+)", text)[-1:])
    return result


# -- times --


def spread(seconds: Sequence[float]) -> str:
    took = sorted(1000 * each for each in seconds)
    return f"p50 {statistics.median(took):.1f}, p99 {took[int(len(took) * 0.99)]:.1f}, longest {took[-1]:.1f} ms ({len(took)})"


def both(packets: Sequence[float] | None, sipps: Sequence[float]) -> str:
    """By the packets' stamps, where they could be had, and by sipp's."""
    if packets is None:
        return f"{spread(sipps)} by sipp"
    assert len(packets) >= len(sipps), f"{len(packets)} packets for {len(sipps)} calls: some were not seen"
    return f"{spread(packets)}; {spread(sipps)} by sipp"


def offer(seconds: int) -> Row:
    """A caller's INVITE, and the INVITE that an agent's phone gets, at 5 calls a second."""
    with box() as made, agents(made, (300, 600), (*TRACE, "agents.log")):
        with wire.listening(made.sip_port) as packets:
            done = load(made, 5, 5 * seconds, (*TRACE, "callers.log"))
        began, came = (invites(made.folder / name) for name in ("callers.log", "agents.log"))
        assert done.clean, f"{done}\n{made.log()[-2000:]}"
    took = [came[who] - at for who, at in began.items() if who in came]
    assert len(took) == done.made, f"{len(took)} of {done.made} INVITEs came through"
    return ("INVITE in → agent's INVITE out, 5/s", both(packets and packets.through(), took), "p99 ≤ 3 ms",
            "p50 2.9, p99 5.4 ms", f"{seconds} s, the packets' stamps; both sipps' stamps")


_HEAD = re.compile(r"^-{20,} (\d{4}-\d\d-\d\d[\sT][\d:.]+)\s*$", re.MULTILINE)


def freed_to_offered(trace: Path) -> list[float]:
    """Seconds from each agent's BYE to the next INVITE for the same agent, out of the agents' trace."""
    parts = _HEAD.split(trace.read_text(errors="replace"))
    agent_of: dict[str, str] = {}
    freed: dict[str, float] = {}
    took = []
    for stamp, body in zip(parts[1::2], parts[2::2], strict=True):
        at = datetime.fromisoformat(stamp.replace("\t", " ")[:26]).timestamp()
        call = re.search(r"^Call-ID:\s*(\S+)", body, re.MULTILINE | re.IGNORECASE)
        rung = re.search(r"^INVITE sip:(\d+)@", body, re.MULTILINE)
        if call and rung and call.group(1) not in agent_of:
            agent = agent_of[call.group(1)] = rung.group(1)
            if agent in freed:
                took.append(at - freed.pop(agent))
        elif call and re.search(r"^BYE ", body, re.MULTILINE):
            freed.setdefault(agent_of[call.group(1)], at)
    return took


def freed(seconds: int) -> Row:
    """All agents talk and callers wait: who hangs up is given the next. The callers are enough for `seconds`."""
    waiting, talk = 60, (4000, 8000)
    calls = AGENTS + waiting + seconds * AGENTS * 2000 // sum(talk)
    with box() as made, agents(made, talk, (*TRACE, "agents.log")):
        with wire.listening(made.sip_port) as packets:
            done = load(made, 60, calls)
        took = freed_to_offered(made.folder / "agents.log")
        assert done.clean, f"{done}\n{made.log()[-2000:]}"
    most = calls - AGENTS - waiting  # later nobody may have been waiting
    return ("agent's BYE → its next INVITE, callers waiting", both(packets and packets.freed_to_offered()[:most], took[:most]),
            "p99 ≤ 5 ms", "505–515 ms", "the packets' stamps; the agents' sipp's stamps")


# -- load --


def sustained(rates: Sequence[int], seconds: int) -> list[Row]:
    """Each rate on one box, upwards, until one is not clean. 200 agents talk 100 to 200 ms."""
    rows = []
    with box() as made, agents(made, (100, 200)):
        for rate in rates:
            done = load(made, rate, rate * seconds)
            split = ", ".join(f"{name} {1000 * s / max(done.done, 1):.2f}" for name, s in sorted(
                done.cpu.items(), key=lambda item: -item[1]) if 1000 * s / max(done.done, 1) >= 0.01)
            rows.append((
                f"queue calls, {rate}/s for {seconds} s",
                f"{done.done} of {done.made} served, {done.failed} failed, {done.retransmitted} repeated; "
                f"{done.core_ms:.2f} ms: {split}",
                "500/s at 2 ms", "175/s at 9.5 ms", f"core's CPU by thread; sipp {done.sipp_ms:.2f} ms beside it"))
            if not done.clean:
                break
    return rows


def restart() -> Row:
    """1,000 callers wait, nobody is there; everything is killed (-9) and started: seconds to the first answered OPTIONS."""
    with box() as made:
        process = callers(made, 150, 3 * OPEN_CONTACTS)  # a busy machine refuses some; what is too many finds no channel
        try:
            waiting = wait_for(lambda: (n := made.json("queue", "list")[0]["waiting"]) >= OPEN_CONTACTS and n, 60,
                               "a thousand callers in the queue")
            made.kill_all()
        finally:
            process.kill()
            process.wait()
        took = bench_start.first_answer(made)
        made.wait_up()
        return ("kill -9 with 1,000 contacts waiting → serving", f"{took:.2f} s ({waiting} waited)", "< 1 s", "",
                "first answered OPTIONS")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--rates", type=int, nargs="+", default=[175, 300, 500])
    parser.add_argument("--seconds", type=int, default=10, help="of each measurement")
    asked = parser.parse_args()
    title = f"The queue's whole path, {AGENTS} agents"
    table = Table("what", "ours", "aim", "peer", "how measured", title=title, show_lines=True)
    if "offer" in asked.only:
        table.add_row(*offer(asked.seconds))
    if "freed" in asked.only:
        table.add_row(*freed(asked.seconds))
    if "calls" in asked.only:
        for row in sustained(asked.rates, asked.seconds):
            table.add_row(*row)
    if "restart" in asked.only:
        table.add_row(*restart())
    Console().print(table)


if __name__ == "__main__":
    main()
