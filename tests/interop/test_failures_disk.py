"""A full disk under the whole box: recordings and campaigns stop, calls go on, nothing acknowledged is lost, and it all
goes on when there is room again. On a small file system of the test's own, which only root may mount."""

from __future__ import annotations

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from appliance.ledger.reader import LedgerReader
from appliance.messages import BoxStarted, ShortageChanged
from tests.peers import sound
from tests.peers.box import Box
from tests.peers.net import wait_for
from tests.peers.sipp import Gateway
from tests.peers.smtp import MailServer
from tests.peers.station import Station

MIB = 1 << 20
SIZE = 640 * MIB
"""Room enough for a box that is short of nothing (appliance/ledger/space.py)."""
EDITS = {r"^ring_seconds = 25$": "ring_seconds = 3", r"^retries = 2$": "retries = 1",
         r"^retry_after_minutes = 10$": "retry_after_minutes = 0.05", r"^confirm_wait_seconds = 5 ": "confirm_wait_seconds = 1 "}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """DATA as a file system of its own."""
    data = tmp_path / "box" / "data"
    data.mkdir(parents=True)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0700", "tmpfs", str(data)], capture_output=True,
                             text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"a file system of our own may not be mounted here: {mounted.stderr.strip()}")
    yield data
    subprocess.run(["umount", "-l", str(data)], check=True)


def free(data: Path) -> int:
    stat = os.statvfs(data)
    return stat.f_bavail * stat.f_frsize


def fill(data: Path, leave: int) -> None:
    """Take up the disk so that `leave` bytes stay free."""
    file = os.open(data / "filler", os.O_RDWR | os.O_CREAT)
    try:
        while (wanted := free(data) - leave) > 0:
            with contextlib.suppress(OSError):  # the box was quicker: look again how much there is
                os.posix_fallocate(file, os.fstat(file).st_size, wanted)
    finally:
        os.close(file)


def shortages(data: Path) -> list[str]:
    with LedgerReader(data / "ledger") as reader:
        return [r.event.level for r in reader.read(limit=100_000) if isinstance(r.event, ShortageChanged)]


def short(box: Box) -> dict[str, str]:
    found: dict[str, str] = box.json("status").get("shortages", {})
    return found


def talk(anna: Station, boris: Station) -> None:
    """Anna calls Boris, who answers; she hangs up."""
    call = anna.dial("102").wait_up()
    boris.wait_call()
    call.hang_up()


def test_a_full_disk_stops_campaigns_and_loses_nothing(tmp_path: Path, small_disk: Path) -> None:
    wanted = [f"+35891770{n:03d}{n % 4}" for n in range(30)]
    message = sound.message_of(tmp_path / "message.wav", 1.5)
    with MailServer() as mail, Gateway(tmp_path / "gateway") as gateway, \
            Box(tmp_path / "box", gateway.port, mail.port, numbers=wanted, edits=EDITS) as box, \
            Station(box.sip_port, user="101", secret="anna-101") as anna, \
            Station(box.sip_port, user="102", secret="boris-102") as boris:
        anna.register()
        boris.register()
        core = box.pid("core")
        assert short(box) == {}
        start = ("campaign", "start", "701", "--list", "12", "--message", str(message))
        box.run(*start)
        wait_for(lambda: box.report(1)["totals"]["heard"] >= 3, 40, "some have heard it")

        box.run("campaign", "pause", "1")  # it would be over before all of this was looked at
        fill(small_disk, leave=400 * MIB)
        wait_for(lambda: short(box) == {"disk": "recordings"}, 10, "recordings stop first")
        box.run("campaign", "resume", "1")
        fill(small_disk, leave=8 * MIB)
        wait_for(lambda: short(box) == {"disk": "reserve"}, 10, "the shortage in `status`")
        assert "Short of disk" in box.run("status").stdout
        refused = box.run(*start, check=False)
        assert refused.returncode and "disk" in refused.stderr, refused.stderr
        fill(small_disk, leave=0)  # the reserve that was given up is taken, too: now nothing at all can be written
        talk(anna, boris)

        calls = gateway.wait_until_quiet(30)
        assert len(calls) < len(wanted), "the campaign went on without a disk"
        talk(anna, boris)
        assert len(gateway.calls()) == len(calls), "nobody was called while the disk was full"
        assert box.pid("core") == core, "the core died of a full disk"

        (small_disk / "filler").unlink()
        wait_for(lambda: short(box) == {}, 15, "the shortage to end")
        report = box.wait_campaign(1, "finished", 120)
        assert {s["outcome"] for s in report["subscribers"]} == {"heard"} and len(report["subscribers"]) == len(wanted)
        calls = gateway.wait_until_quiet(10)
        assert len(calls) == sum(len(s["attempts"]) for s in report["subscribers"]) == len(wanted), "each was called once"
        wait_for(lambda: mail.mails, 30, "the report by mail")
        talk(anna, boris)
        wait_for(lambda: len(box.json("cdr", "list", "--extension", "101", "--limit", "100")) == 3, 10, "the record of each talk")
        records = box.json("cdr", "list", "--campaign", "1", "--limit", "1000")
        assert len(records) == len(calls)
        levels = shortages(small_disk)
        assert levels[0] == "recordings" and "reserve" in levels and levels[-1] == "none", levels
        assert box.pid("core") == core
        assert box.run("ledger", "check").returncode == 0


def test_a_box_that_starts_on_a_full_disk_takes_calls(tmp_path: Path, small_disk: Path) -> None:
    with Gateway(tmp_path / "gateway") as gateway, Box(tmp_path / "box", gateway.port, 1, numbers=["+35891770000"]) as box, \
            Station(box.sip_port, user="101", secret="anna-101") as anna, \
            Station(box.sip_port, user="102", secret="boris-102") as boris:
        anna.register()
        boris.register()
        talk(anna, boris)
        fill(small_disk, leave=0)
        box.kill("core")
        wait_for(lambda: (s := box.status()) and s["phones"][0].get("registered"), 40, "the core to be back")
        fill(small_disk, leave=0)  # what the spent reserve gave
        talk(anna, boris)
        assert short(box) == {"disk": "reserve"}
        (small_disk / "filler").unlink()
        wait_for(lambda: short(box) == {}, 15, "the shortage to end")
        wait_for(lambda: len(box.json("cdr", "list", "--extension", "101")) == 2, 10, "the record of each talk")
        with LedgerReader(small_disk / "ledger") as reader:
            starts = [r.event.clean for r in reader.read(limit=1000) if isinstance(r.event, BoxStarted)]
        assert len(starts) == 2
