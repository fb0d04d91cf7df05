"""A second chance begins with what the file's fixtures make anew, in one process and in workers."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

TESTS = '''
import pytest

made = []


@pytest.fixture(scope="module")
def box():
    made.append("made")
    yield made
    made.append("ended")


@pytest.mark.flaky(reruns=1)
def test_that_fails_in_the_first_box(box):
    assert box == ["made", "ended", "made"]


def test_that_goes_on_in_the_second(box):
    assert box == ["made", "ended", "made"]


@pytest.mark.flaky(reruns=1)
def test_that_is_the_last_and_fails_in_the_second(box):
    assert box == ["made", "ended", "made", "ended", "made"]
'''


@pytest.mark.parametrize("options", [[], ["-n", "1", "--dist", "loadfile"]])
def test_a_second_chance_has_a_box_of_its_own(tmp_path: Path, options: list[str]) -> None:
    (tmp_path / "test_box.py").write_text(TESTS)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "tests.second_chance", "--rootdir", tmp_path]
    done = subprocess.run([*command, *options, tmp_path / "test_box.py"], check=False, cwd=Path(__file__).parents[2],
                          capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout
    assert "3 passed, 2 rerun" in done.stdout
