"""What the benches share: the whole box with an office made for load, sipp as the load, CPU by process and by thread."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

from tests.peers.box import Box
from tests.peers.net import free_port, media_base, wait_for
from tests.peers.strangers import Datagrams

PHONES = 20
UNLIMITED = "max_new_calls_per_second = 100000"
MEDIA = "20000-31999"
_OFFICE = """
[office]
name = "Load"
country = "FI"
timezone = "Europe/Helsinki"
[sip]
listen = "127.0.0.1:5060"
media_ports = "20000-23999"
{sip}
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
inbound_numbers = {{ {numbers} }}
"""
_PHONE = '[[phones]]\nextension = "{0}"\nname = "Phone {0}"\nsecret = "secret-{0}"\nmax_calls = 32\n'


def extension(n: int) -> str:
    return str(201 + n % PHONES)


def number(n: int) -> str:
    """The outside number that rings `extension(n)`."""
    return f"+358917700{extension(n)}"


def office(sip: str = "") -> str:
    numbers = ", ".join(f'"{number(n)}" = "extension:{extension(n)}"' for n in range(PHONES))
    return _OFFICE.format(sip=sip, numbers=numbers) + "".join(_PHONE.format(extension(n)) for n in range(PHONES))


def unstarted(folder: Path, sip: str = "") -> Box:
    return Box(folder, free_port(), free_port(), office=office(sip), edits={"^media_ports = .*$": f'media_ports = "{MEDIA}"'})


@contextmanager
def box(sip: str = "") -> Iterator[Box]:
    """A box of its own (`switchroom serve`, ledger on disk with fsync). Its gateway is a sipp on `gateway_port(box)`."""
    with tempfile.TemporaryDirectory(prefix="bench-") as name, unstarted(Path(name), sip) as made:
        yield made


def gateway_port(made: Box) -> int:
    found = re.search(r'^address = "127.0.0.1:(\d+)"', made.config.read_text(), re.MULTILINE)
    assert found is not None
    return int(found.group(1))


# -- CPU --


def cpu_of(pid: int) -> dict[str, float]:
    """CPU seconds of each kind of thread of a process, user and system; threads of one name are added up."""
    found: dict[str, float] = {}
    for thread in psutil.Process(pid).threads():
        try:
            name = Path(f"/proc/{pid}/task/{thread.id}/comm").read_text().strip()
        except OSError:
            continue
        name = "python (calls)" if thread.id == pid else name
        found[name] = found.get(name, 0.0) + thread.user_time + thread.system_time
    return found


def spent(pid: int, before: dict[str, float]) -> dict[str, float]:
    return {name: seconds - before.get(name, 0.0) for name, seconds in cpu_of(pid).items()}


# -- load --


@dataclass
class Outcome:
    """What sipp saw. `refused` are calls that got 503."""

    rate: int
    seconds: float
    made: int = 0
    done: int = 0
    failed: int = 0
    refused: int = 0
    retransmitted: int = 0
    timed_out: int = 0
    cpu: dict[str, float] = field(default_factory=dict)
    """Core CPU seconds by thread."""
    sipp_cpu: float = 0.0

    @property
    def clean(self) -> bool:
        return self.failed == 0 and self.done == self.made > 0

    @property
    def per_second(self) -> float:
        return self.done / self.seconds

    @property
    def core_ms(self) -> float:
        return 1000 * sum(self.cpu.values()) / max(self.done, 1)

    @property
    def sipp_ms(self) -> float:
        return 1000 * self.sipp_cpu / max(self.done, 1)


def _last(pattern: str, text: str) -> int:
    found = re.findall(pattern, text)
    return int(found[-1]) if found else 0


@contextmanager
def phones(made: Box, extra: Sequence[str] = ()) -> Iterator[int]:
    """sipp as all phones, registered; yields its pid."""
    port = free_port()
    asyncio.run(_register(made, port))
    with (made.folder / "uas.out").open("wb") as out:
        process = subprocess.Popen(
            ["sipp", "-sn", "uas", "-i", "127.0.0.1", "-p", str(port), "-nostdin", "-mp", str(media_base()), *extra],
            cwd=made.folder, stdout=out, stderr=out,
        )
        try:
            wait_for(lambda: len(psutil.Process(process.pid).net_connections("udp")) > 2, 10, "sipp as phones")
            yield process.pid
        finally:
            process.terminate()
            process.wait()


async def _register(made: Box, port: int) -> None:
    with Datagrams(("127.0.0.1", made.sip_port), port=port) as device:
        for n in range(PHONES):
            answer = await device.register(extension(n), f"secret-{extension(n)}", expires=3600)
            assert answer is not None and answer.status == 200, answer


def caller(
    made: Box, rate: int, calls: int, *, two_legs: bool = False, extra: Sequence[str] = ()
) -> subprocess.Popen[bytes]:
    """sipp at the gateway's address: `calls` calls at `rate` a second. Its screen goes to uac.out."""
    csv = made.folder / "numbers.csv"
    csv.write_text("SEQUENTIAL\n" + "".join(f"{number(n) if two_legs else 'service'};\n" for n in range(PHONES)))
    with (made.folder / "uac.out").open("wb") as out:
        return subprocess.Popen(
            ["sipp", f"127.0.0.1:{made.sip_port}", "-sf", str(Path(__file__).parent / "uac.xml"), "-inf", str(csv),
             "-i", "127.0.0.1", "-p", str(gateway_port(made)), "-nostdin", "-r", str(rate), "-m", str(calls), "-l", "50000",
             "-mp", str(media_base()), *extra],
            cwd=made.folder, stdout=out, stderr=out,
        )  # fmt: skip


def load(made: Box, rate: int, seconds: float, *, two_legs: bool = False, extra: Sequence[str] = ()) -> Outcome:
    """`rate` calls a second for `seconds`, from the gateway's address: INVITE, 200, ACK, BYE, 200."""
    result = Outcome(rate, seconds)
    core = made.pid("core")
    before = cpu_of(core)
    limit = ("-timeout", str(int(seconds) + 60))
    process = caller(made, rate, int(rate * seconds), two_legs=two_legs, extra=(*limit, *extra))
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0  # waited for already
    result.sipp_cpu = usage.ru_utime + usage.ru_stime
    result.cpu = spent(core, before)
    text = (made.folder / "uac.out").read_text(errors="replace")
    assert "Successful call" in text, text[-1000:]
    result.made = _last(r"Outgoing calls created\s+\|\s+\d+\s+\|\s+(\d+)", text)
    result.done = _last(r"Successful call\s+\|\s+\d+\s+\|\s+(\d+)", text)
    result.failed = _last(r"Failed call\s+\|\s+\d+\s+\|\s+(\d+)", text)
    result.refused = _last(r"503 <-+\s+(\d+)", text)
    result.done -= result.refused
    result.retransmitted = sum(int(n) for n in re.findall(r"(?:INVITE|BYE) -+>\s+\d+\s+(\d+)", text)[-2:])
    return result
