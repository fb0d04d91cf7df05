"""Calls go first where the system allows it, screens step back; in a session that is not ours nothing of it changes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from appliance.system import precedence
from tests.peers.sessions import have_values, value

LOOK = "import os; print(os.getpriority(os.PRIO_PROCESS, 0), open('/proc/self/autogroup').read())"
OURS = os.getpriority(os.PRIO_PROCESS, 0)
pytestmark = pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="this kernel has no autogroups")


def _after(call: str, session: bool, more: int = 0) -> tuple[str, int, int | None]:
    """What the call gave, and the nice values of the process and of its session after it. It began `more` nice than we are."""
    code = f"from appliance.system import precedence; print(precedence.{call}()); {LOOK}"
    done = subprocess.run(["nice", "-n", str(more), sys.executable, "-c", code], capture_output=True, text=True, check=True,
                          timeout=60, start_new_session=session)
    gave, values = done.stdout.split("\n", 1)
    own, group = values.split(" ", 1)
    return gave, int(own), value(group)


def test_screens_stand_back() -> None:
    gave, own, group = _after("stand_back", session=True)
    assert (gave, own) == ("None", min(19, OURS + precedence.LAST))
    assert group == precedence.LAST or not have_values()


def test_screens_stand_back_further_in_a_box_that_stands_back() -> None:
    assert _after("stand_back", session=True, more=8)[1] == min(19, OURS + 8 + precedence.LAST)


def test_calls_do_not_go_first_in_a_box_that_stands_back() -> None:
    gave, own, group = _after("go_first", session=True, more=3)
    assert (gave, own) == ("False", min(19, OURS + 3)) and group in (0, None)


def test_calls_go_first_or_go_on_as_they_are() -> None:
    gave, own, group = _after("go_first", session=True)
    if os.geteuid() == 0 and OURS <= 0 and gave == "True":
        assert own == precedence.FIRST and (group == precedence.FIRST or not have_values())
    else:
        assert gave == "False"


@pytest.mark.parametrize("call", ["go_first", "stand_back"])
def test_the_session_of_a_shell_stays_as_it_is(call: str) -> None:
    before = value(Path("/proc/self/autogroup").read_text())
    assert _after(call, session=False)[2] == before


class Busy:
    """/proc/self/autogroup as whoever is not root finds it, where somebody has just set a value."""

    def __init__(self, times: int) -> None:
        self.times, self.values = times, list[str]()

    def exists(self) -> bool:
        return True

    def write_text(self, text: str, encoding: str) -> None:
        if self.times:
            self.times -= 1
            raise BlockingIOError(11, "Resource temporarily unavailable")
        self.values.append(text)


@pytest.mark.parametrize(("times", "values"), [(0, ["5"]), (3, ["5"]), (1000, [])])
def test_a_value_is_set_once_the_kernel_takes_one_again(monkeypatch: pytest.MonkeyPatch, times: int, values: list[str]) -> None:
    """The processes of a box begin at the same time, and all of them set one."""
    busy, slept = Busy(times), list[float]()
    monkeypatch.setattr(precedence, "GROUP", busy)
    monkeypatch.setattr(precedence.time, "sleep", slept.append)
    monkeypatch.setattr(os, "getsid", lambda pid: os.getpid())
    monkeypatch.setattr(os, "nice", lambda more: more)
    precedence.stand_back()
    assert busy.values == values and sum(slept) < 2.0
