"""What the ledger promises holds when its process is killed, its files are copied while written, or the disk is
full."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import lmdb
import pytest

from appliance import messages as m
from appliance.clock import ManualClock, SystemClock
from appliance.ledger import Ledger, LedgerReader, interrupted_all
from appliance.ledger.guard import COPY_SECONDS
from appliance.ledger.rebuild import check

ROOT = Path(__file__).parents[2]
LINES = 200_000
"""More lines than any of these writers says: reading them is bounded without a clock."""


class Writer:
    """tests.ledger_process and what it acknowledged."""

    def __init__(self, directory: Path, limit: int = 0) -> None:
        command = [sys.executable, "-m", "tests.ledger_process", str(directory), str(limit)]
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.said: dict[str, list[str]] = {}

    def hear_until(self, word: str, count: int = 1) -> None:
        assert self.process.stdout is not None
        while len(self.said.get(word, ())) < count:
            line = self.process.stdout.readline()
            assert line, f"the writer ended before {count} x {word!r}: {self.said.keys()}"
            self._note(line)

    def _note(self, line: str) -> None:
        word, _, rest = line.strip().partition(" ")
        self.said.setdefault(word, []).append(rest)

    def tell(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()

    def kill(self) -> None:
        """kill -9, then what it had said before it died."""
        self.process.kill()
        self.rest()

    def rest(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            if line.endswith("\n"):
                self._note(line)
        self.process.wait()


@contextmanager
def writing(directory: Path, limit: int = 0) -> Iterator[Writer]:
    writer = Writer(directory, limit)
    try:
        yield writer
    finally:
        if writer.process.poll() is None:
            writer.process.kill()
        writer.process.communicate()


def assert_kept(reader: LedgerReader, said: dict[str, list[str]]) -> None:
    """Everything that was acknowledged is there."""
    for n in said.get("started", ()):
        assert reader.attempt(1, int(n), 1) is not None
    for n in said.get("ended", ()):
        assert isinstance(reader.attempt(1, int(n), 1), m.AttemptEnded)
    for n in said.get("done", ()):
        cdr = reader.cdr(f"c{n}")
        assert cdr is not None
        assert cdr.outcome == "heard"


def test_killed_at_random_everything_acknowledged_is_there(tmp_path: Path) -> None:
    chance = random.Random(4)
    said: dict[str, list[str]] = {}
    for _ in range(6):
        with writing(tmp_path) as writer:
            writer.hear_until("started", chance.randrange(1, 400))
            writer.kill()
        for word, numbers in writer.said.items():
            said.setdefault(word, []).extend(numbers)
        ledger = Ledger(tmp_path, SystemClock(), reserve_bytes=0)
        opened = ledger.open_calls()
        ledger.commit_now(*interrupted_all(opened))
        assert_kept(ledger.reader, said)
        ledger.close_now()
    health = check(tmp_path)
    assert health.problems == []
    assert health.open_calls == 0
    with LedgerReader(tmp_path) as reader:
        starts = {e.event.call for e in reader.follow() if isinstance(e.event, m.AttemptStarted)}
        cdrs = reader.cdrs(limit=LINES)
        assert sorted(cdr.call for cdr in cdrs) == sorted(starts), "one CDR per call"
        assert {cdr.legs[0].sip_call_id for cdr in cdrs} == {f"s{call[1:]}" for call in starts}
        assert all(cdr.outcome in ("heard", "interrupted") for cdr in cdrs)


def plain_copy(source: Path, target: Path, writer: Writer) -> None:
    """Byte by byte from the start of the file, as `cp` does, with commits while it is at it. A machine so busy or a disk so slow
    that the copy took longer than the ledger promises for begins again, at last with fewer commits beside it."""
    for tries in range(20):
        began, parts = time.monotonic(), 8 >> tries // 5
        with (source / "data.mdb").open("rb", buffering=0) as whole, (target / "data.mdb").open("wb") as copied:
            step = max(1 << 16, (source / "data.mdb").stat().st_size // parts // 4096 * 4096)
            copied.write(whole.read(8192))
            for _ in range(parts):
                writer.hear_until("done", len(writer.said["done"]) + 4)
                copied.write(whole.read(step))
            copied.write(whole.readall())
        if time.monotonic() - began < COPY_SECONDS:
            return
    raise AssertionError("no copy was quick enough to tell anything")


def lmdb_copy(source: Path, target: Path, writer: Writer) -> None:
    with lmdb.open(str(source), readonly=True, max_dbs=64) as env:
        env.copy(str(target))


@pytest.mark.parametrize("copy", [plain_copy, lmdb_copy])
def test_a_copy_taken_while_writing_is_sound(tmp_path: Path, copy: Callable[[Path, Path, Writer], None]) -> None:
    live = tmp_path / "live"
    with writing(live) as writer:
        for number in range(4):
            writer.hear_until("done", 150 * (number + 1))
            acknowledged = {word: list(numbers) for word, numbers in writer.said.items()}
            copied = tmp_path / str(number)
            copied.mkdir()
            copy(live, copied, writer)
            health = check(copied)
            assert health.problems == []
            assert health.cdrs >= 150 * (number + 1)
            with LedgerReader(copied) as reader:
                assert_kept(reader, acknowledged)
            ledger = Ledger(copied, ManualClock(), reserve_bytes=0)
            ledger.commit_now(*interrupted_all(ledger.open_calls()))
            ledger.close_now()
            assert check(copied).problems == []


def test_a_full_disk_loses_nothing_acknowledged(tmp_path: Path) -> None:
    """The process may not write beyond 1 MiB (EFBIG instead of ENOSPC, the same to LMDB): commits wait, then go on."""
    with writing(tmp_path, limit=1 << 20) as writer:
        writer.hear_until("level")
        assert writer.said["level"] == ["reserve"]
        before = {word: list(numbers) for word, numbers in writer.said.items()}
        with LedgerReader(tmp_path) as reader:
            assert_kept(reader, before)
        assert (tmp_path / "data.mdb").stat().st_size <= 1 << 20
        writer.tell()
        writer.hear_until("done", len(writer.said["done"]) + 50)
        writer.tell()
        writer.hear_until("closed")
    health = check(tmp_path)
    assert health.problems == []
    assert health.open_calls == 0
    with LedgerReader(tmp_path) as reader:
        assert_kept(reader, writer.said)
        assert sorted(writer.said["started"]) == sorted(writer.said["done"])
        assert health.cdrs == len(writer.said["done"])
