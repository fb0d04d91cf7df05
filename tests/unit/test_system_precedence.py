"""Calls go first where the system allows it, screens step back; in a session that is not ours nothing of it changes."""

from __future__ import annotations

import os
import re
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


def _may_go_first() -> bool:
    """Root in a container may not always."""
    code = f"import os; os.setpriority(os.PRIO_PROCESS, 0, {precedence.FIRST})"
    return subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, timeout=60).returncode == 0


@pytest.mark.skipif(not _may_go_first(), reason="nobody may go first here")
def test_who_was_begun_by_what_goes_first_stands_back_as_everybody() -> None:
    """Nice values are inherited: LAST more than FIRST would go before other work still."""
    code = f"from appliance.system import precedence; precedence.stand_back(); {LOOK}"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60,
                          start_new_session=True, preexec_fn=lambda: os.setpriority(os.PRIO_PROCESS, 0, precedence.FIRST))
    assert int(done.stdout.split()[0]) == precedence.LAST


def _tool(folder: Path) -> Path:
    """Stands in for sox and espeak-ng: says which nice value it has, and leads a session of its own or none."""
    path = folder / "tool"
    path.write_text(f"#!{sys.executable}\nimport os\nprint(os.getpriority(os.PRIO_PROCESS, 0), os.getsid(0) == os.getpid())\n")
    path.chmod(0o700)
    return path


@pytest.mark.parametrize("first", [False, True], ids=["as we are", "by what goes first"])
def test_tools_that_make_sounds_stand_back(tmp_path: Path, first: bool) -> None:
    """As the core begins them: by what goes first, where that may."""
    code = f"from appliance.prompts import build; print(build.run([{str(_tool(tmp_path))!r}]).decode())"
    if first and _may_go_first():
        code = f"import os; os.setpriority(os.PRIO_PROCESS, 0, {precedence.FIRST}); {code}"
        before = precedence.FIRST
    else:
        before = OURS
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    nice, session = done.stdout.split()
    assert (int(nice), session) == (min(19, max(before, 0) + precedence.LAST), "True")


def test_who_begins_tools_outside_of_it_is_no_core() -> None:
    """Whatever else starts a process is another process than the core's, or stands back by itself."""
    root = Path(__file__).resolve().parents[2]
    found = {str(path.relative_to(root)) for path in (root / "appliance").rglob("*.py")
             if re.search(r"subprocess\.(run|Popen|check_output|call)\(|create_subprocess", path.read_text())}
    assert found == {"appliance/system/precedence.py", "appliance/system/supervisor.py", "appliance/dialer/figures.py",
                     "appliance/cli/voicemail.py", "appliance/demo/world.py",
                     "appliance/core/erasure.py"}  # the last one stands back by itself (campaigns/purge.py)


def test_a_tool_that_is_not_there_is_missed_by_name() -> None:
    with pytest.raises(FileNotFoundError):
        precedence.run_behind(["no-such-tool"], timeout=10)
    with pytest.raises(subprocess.CalledProcessError):
        precedence.run_behind(["false"], timeout=10)
    with pytest.raises(subprocess.TimeoutExpired):
        precedence.run_behind(["sleep", "60"], timeout=0.05)
    assert precedence.run_behind(["cat"], b"words", timeout=10).stdout == b"words"


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
