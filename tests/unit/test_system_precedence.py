"""Calls go first where the system allows it, screens step back; in a session that is not ours nothing of it changes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.system import precedence

LOOK = "import os; print(os.getpriority(os.PRIO_PROCESS, 0), open('/proc/self/autogroup').read())"
OURS = os.getpriority(os.PRIO_PROCESS, 0)
pytestmark = pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="this kernel has no autogroups")


def _group(words: str) -> int | None:
    """A session's nice value; None where it has none of its own: it began before there were any, as in some containers."""
    last = words.split()[-1:]
    return int(last[0]) if last else None


def _after(call: str, session: bool, more: int = 0) -> tuple[str, int, int | None]:
    """What the call gave, and the nice values of the process and of its session after it. It began `more` nice than we are."""
    code = f"from appliance.system import precedence; print(precedence.{call}()); {LOOK}"
    done = subprocess.run(["nice", "-n", str(more), sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          timeout=60, start_new_session=session)
    gave, values = done.stdout.split("\n", 1)
    own, group = values.split(" ", 1)
    return gave, int(own), _group(group)


def test_screens_stand_back() -> None:
    assert _after("stand_back", session=True) == ("None", min(19, OURS + precedence.LAST), precedence.LAST)


def test_screens_stand_back_further_in_a_box_that_stands_back() -> None:
    assert _after("stand_back", session=True, more=8)[1] == min(19, OURS + 8 + precedence.LAST)


def test_calls_do_not_go_first_in_a_box_that_stands_back() -> None:
    assert _after("go_first", session=True, more=3) == ("False", min(19, OURS + 3), 0)


def test_calls_go_first_or_go_on_as_they_are() -> None:
    gave, own, group = _after("go_first", session=True)
    if os.geteuid() == 0 and OURS <= 0 and gave == "True":
        assert (own, group) == (precedence.FIRST, precedence.FIRST)
    else:
        assert gave == "False"


@pytest.mark.parametrize("call", ["go_first", "stand_back"])
def test_the_session_of_a_shell_stays_as_it_is(call: str) -> None:
    before = _group(Path("/proc/self/autogroup").read_text())
    assert _after(call, session=False)[2] == before
