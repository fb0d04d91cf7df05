"""A ledger's file that is cut short is refused with a word on what to do, by the core and by readers; a sound one never is."""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import struct
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import lmdb
import pytest

from appliance import messages as m
from appliance.clock import SystemClock
from appliance.errors import SwitchroomError
from appliance.ledger import Ledger, LedgerReader, whole
from appliance.ledger.rebuild import check

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A ledger of a few hundred calls, whose file has some hundred pages."""
    directory = tmp_path_factory.mktemp("written")

    async def fill() -> None:
        ledger = Ledger(directory, SystemClock(), reserve_bytes=0)
        for n in range(400):
            ledger.append(m.LegOpened(call=f"c{n}", leg=f"l{n}", direction="in", kind="line", endpoint="gateway",
                                      number=f"+35840{n:07d}", sip_call_id=f"{n}@far"))
            ledger.append(m.LegEnded(leg=f"l{n}"))
            ledger.append(m.CallEnded(call=f"c{n}", disposition="cancelled"))
            if n % 50 == 0:
                await ledger.flush()
        await ledger.close()

    asyncio.run(fill())
    return directory


@pytest.fixture
def copy(written: Path, tmp_path: Path) -> Iterator[Path]:
    target = tmp_path / "ledger"
    target.mkdir()
    shutil.copyfile(written / "data.mdb", target / "data.mdb")
    yield target


def cut(directory: Path, fraction: float) -> int:
    file = directory / "data.mdb"
    size = int(file.stat().st_size * fraction)
    os.truncate(file, size)
    return size


@pytest.mark.parametrize("fraction", [0.02, 0.3, 0.5, 0.9])
def test_a_file_cut_short_is_refused(copy: Path, fraction: float) -> None:
    size = cut(copy, fraction)
    for open_it in (lambda: Ledger(copy, SystemClock()), lambda: LedgerReader(copy), lambda: check(copy)):
        with pytest.raises(SwitchroomError) as refused:
            open_it()
        assert refused.value.id == "ledger.damaged" and "cut short" in refused.value.message
        assert f"mv {copy}" in refused.value.hint
    assert (copy / "data.mdb").stat().st_size == size, "left as it was found"


@pytest.mark.parametrize("rubbish", [b"\xff", b"\x00", b"\x02\x00\x01", (
    struct.pack("=8x2xHHH", 2, 18, 4000) + struct.pack("=H", 32) + bytes(14) + struct.pack("=HHHH", 0xFFFF, 0xFFFF, 1, 0) +
    b"\xff" * 8 + bytes(4096 - 48))])
def test_a_free_list_that_makes_no_sense_is_no_excuse(written: Path, tmp_path: Path, rubbish: bytes) -> None:
    """Cut short, and what is left was written over: the same word to whoever opens it, and no traceback."""
    metas = bytearray((written / "data.mdb").read_bytes()[:8192])
    for at in (0, 4096):
        struct.pack_into("=Q", metas, at + 80, 2)  # root of the free list
        struct.pack_into("=Q", metas, at + 136, 100)  # highest page
    (tmp_path / "data.mdb").write_bytes(metas + (rubbish * 4096)[:4096])
    with pytest.raises(SwitchroomError) as refused:
        LedgerReader(tmp_path)
    assert refused.value.id == "ledger.damaged" and "cut short" in refused.value.message


def test_switchroom_says_it_and_does_not_die(copy: Path) -> None:
    """As a person meets it: the command ends with the error, not by a signal."""
    cut(copy, 0.5)
    done = subprocess.run([sys.executable, "-m", "appliance.cli", "--data", str(copy.parent), "ledger", "check"],
                          check=False, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode > 0, (done.returncode, done.stderr)
    assert "cut short" in done.stderr + done.stdout


def test_without_the_look_it_would_be_a_signal(copy: Path) -> None:
    """The danger is real: LMDB alone opens the same file and dies."""
    cut(copy, 0.3)
    read = ("import lmdb, sys; e = lmdb.open(sys.argv[1], max_dbs=64, readonly=True, lock=False); t = e.begin()\n"
            "for name, _ in t.cursor(): list(t.cursor(db=e.open_db(name, t, create=False)))")
    done = subprocess.run([sys.executable, "-c", read, str(copy)], check=False, capture_output=True, timeout=60)
    assert done.returncode < 0


def test_pages_never_written_are_not_missed(tmp_path: Path) -> None:
    """Whatever transactions take and give back, a sound file is never called cut short, at any of its states."""
    chance = random.Random(4)
    short = 0
    with lmdb.open(str(tmp_path), map_size=1 << 26, max_dbs=4) as env:
        db = env.open_db(b"a")
        for _ in range(400):
            with env.begin(write=True, db=db) as txn:
                for _ in range(chance.randrange(1, 60)):
                    key = b"%d" % chance.randrange(300)
                    if chance.random() < 0.5:
                        txn.put(key, bytes(chance.randrange(1, 3000)))
                    else:
                        txn.delete(key)
                if chance.random() < 0.1:  # many pages at the file's end, taken and given back by one transaction
                    txn.put(b"large", bytes(chance.randrange(100_000, 400_000)))
                    txn.delete(b"large")
            whole.look(tmp_path / "data.mdb")
            short += (env.info()["last_pgno"] + 1) * 4096 > (tmp_path / "data.mdb").stat().st_size
    assert short, "no state had pages that were never written: the test shows nothing"


def test_what_is_no_ledger_is_left_to_lmdb(tmp_path: Path) -> None:
    for content in (b"", b"\0" * 10_000, b"x" * 100):
        (tmp_path / "data.mdb").write_bytes(content)
        whole.look(tmp_path / "data.mdb")
