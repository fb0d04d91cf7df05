"""Work in a process of its own: its exit status comes back, and nothing that it did to memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.system import aside


def test_its_status_comes_back() -> None:
    assert [aside.finish(aside.begin(lambda status=status: status)) for status in (0, 1, 7)] == [0, 1, 7]


def test_nothing_of_it_stays_here() -> None:
    here: list[int] = []

    def work() -> int:
        here.append(os.getpid())
        return len(here)

    assert aside.finish(aside.begin(work)) == 1
    assert not here


def test_what_it_raises_is_told_and_is_a_failure(capfd: pytest.CaptureFixture[str]) -> None:
    def work() -> int:
        raise RuntimeError("broken pen")

    assert aside.finish(aside.begin(work)) == 1
    assert "RuntimeError: broken pen" in capfd.readouterr().err


def test_one_that_was_killed_is_a_failure() -> None:
    def work() -> int:
        os.kill(os.getpid(), signal.SIGKILL)
        return 0

    assert aside.finish(aside.begin(work)) == -signal.SIGKILL


def test_work_that_nobody_listens_to_any_more_does_not_come_back(tmp_path: Path) -> None:
    """Its last words cannot be written: it ends all the same, and goes no way of the other process's."""
    back = tmp_path / "back"
    code = "\n".join([
        "import os, sys; from pathlib import Path; from appliance.system import aside",
        "listens, says = os.pipe(); os.close(listens); sys.stdout = os.fdopen(says, 'w')",
        "def work(): print('words'); return 3",
        "us = os.getpid()",
        "try: process = aside.begin(work)",
        f"finally: os.getpid() == us or Path({str(back)!r}).touch()",
        "os._exit(aside.finish(process))"])
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60, check=False)
    assert done.returncode == 3 and not back.exists()
