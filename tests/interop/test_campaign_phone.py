"""The first capability, whole: a desk phone starts a campaign, the gateway's people get it, the report comes by mail."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.peers import sound
from tests.peers.baresip import Phone
from tests.peers.box import Box
from tests.peers.net import wait_for
from tests.peers.sipp import Gateway, most_at_once
from tests.peers.smtp import MailServer

OUTCOMES = {"0": "heard", "1": "heard", "2": "heard", "3": "heard", "4": "confirmed", "5": "hung_up", "6": "busy",
            "7": "no_answer", "8": "declined", "9": "unreachable"}
"""Last digit of a number -> what becomes of it (tests/office/README.md)."""
QUICK = {r"^ring_seconds = 25$": "ring_seconds = 3", r"^retries = 2$": "retries = 1",
         r"^retry_after_minutes = 10$": "retry_after_minutes = 0.05"}
"""The reference office's campaign with times scaled down."""


def numbers(count: int) -> list[str]:
    return [f"+3589177{n:05d}" for n in range(count)]


def check_outcomes(report: dict[str, Any], wanted: list[str]) -> None:
    found = {s["number"]: s["outcome"] for s in report["subscribers"]}
    assert found == {number: OUTCOMES[number[-1]] for number in wanted}


def record_message(phone: Phone, box: Box, message: Path) -> None:
    """Dial the code, give the PIN, speak the message after the beep and end it with #."""
    phone.dial("701", box.sip_port)
    phone.wait_event("CALL_ESTABLISHED", 10)
    phone.press("4321")
    drafts = box.data / "campaigns" / "drafts"
    wait_for(lambda: drafts.is_dir() and list(drafts.glob("*-raw.wav")), 25, "the box records")
    phone.speak(message)
    seconds = len(sound.load(message)) / sound.RATE
    raw = next(drafts.glob("*-raw.wav"))
    wait_for(lambda: raw.stat().st_size > (seconds + 0.7) * 16000, seconds + 10, "the message is recorded")
    phone.press("#")


@pytest.fixture
def message(tmp_path: Path) -> Path:
    return sound.message_of(tmp_path / "message.wav", 5.0)


def test_operator_starts_a_campaign_from_the_phone(tmp_path: Path, message: Path) -> None:
    wanted = numbers(10)
    with MailServer() as mail, Gateway(tmp_path / "gateway") as gateway, \
            Box(tmp_path / "box", gateway.port, mail.port, numbers=wanted, edits=QUICK) as box, \
            Phone(tmp_path / "phone", box.sip_port, "101", "anna-101") as phone:
        box.wait_registered("101")
        record_message(phone, box, message)
        phone.press("#")   # go on, without hearing it again
        phone.press("12")  # the list; hanging up after it starts the campaign
        phone.hang_up()
        wait_for(lambda: box.json("campaign", "list"), 15, "the campaign starts")
        report = box.wait_campaign(1, "finished", 120)
        check_outcomes(report, wanted)
        assert report["scenario"] == "701" and report["list"] == "12" and report["lines"] == 5
        calls = gateway.wait_until_quiet(10)
        assert most_at_once(calls) <= 5
        attempts = sum(len(s["attempts"]) for s in report["subscribers"])
        assert len(calls) == attempts
        mailed = wait_for(lambda: mail.mails, 20, "the report by mail")[0]
        assert mailed["To"] == "office@harbour.example"
        kinds = {part.get_content_type() for part in mailed.walk()}
        assert {"text/html", "text/csv"} <= kinds
