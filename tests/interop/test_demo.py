"""`./run --demo` as a newcomer sees it, and a box that listens on every address, as the first start makes it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from appliance.demo import world
from tests.peers.baresip import Phone
from tests.peers.box import Box
from tests.peers.net import free_port

ROOT = Path(__file__).parents[2]
TOLD = ["The box is up", "Anna's desk phone registers as 101", "Anna dials 701", "She keys 4321", "Attention, recording",
        "keys list 12 and hangs up", "Campaign 1 begins: 10 people, 5 lines", "The campaign is finished", "The report is in",
        "The last calls", "Everything came out as simulated."]


def run_demo(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-m", "appliance.cli", "demo", *words], cwd=ROOT, capture_output=True, text=True,
                          timeout=150, env=os.environ | {"COLUMNS": "160"}, check=False)


def test_demo_shows_the_main_job(tmp_path: Path) -> None:
    done = run_demo("--once", "--people", "10", "--data", str(tmp_path / "demo"))
    assert done.returncode == 0, done.stdout + done.stderr
    at = [done.stdout.find(words) for words in TOLD]
    assert -1 not in at and at == sorted(at), (at, done.stdout)
    text = (tmp_path / "demo" / "report.csv").read_text(encoding="utf-8-sig")
    for person in world.people(10):
        assert person.number in text and person.name in text
    assert "<html" in (tmp_path / "demo" / "report.html").read_text(encoding="utf-8")


def test_first_ten_people_show_every_behaviour() -> None:
    assert {person.simulated for person in world.people(10)} == set(world.COMES_TO)
    assert len({person.number for person in world.people(24)}) == 24


def test_demo_does_not_touch_a_folder_that_is_none_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "letters.txt").write_text("mine")
    done = run_demo("--once", "--data", str(tmp_path))
    assert done.returncode == 1 and "Name another folder" in done.stderr
    assert (tmp_path / "letters.txt").read_text() == "mine"


def test_phones_register_where_the_box_listens_everywhere(tmp_path: Path) -> None:
    everywhere = {r'^listen = "127\.0\.0\.1:(\d+)"(\s+# UDP)': r'listen = "0.0.0.0:\1"\2'}
    with Box(tmp_path / "box", free_port(), free_port(), edits=everywhere) as box:
        for transport in ("udp", "tcp"):
            with Phone(tmp_path / transport, box.sip_port, "101", "anna-101", transport=transport) as phone:
                box.wait_registered("101")
                phone.dial("199", box.sip_port)  # nobody: the box says so, over audio that it must tell the address of
                phone.wait_event("CALL_CLOSED", 20)
