"""The reference office as it stands: 300 numbers, real times, from the phone to the mail. About 45 minutes: `./test long`.

The quick twin with scaled times is test_campaign_phone.py; it measures the same figures over 40 numbers.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.interop.test_campaign_phone import QUICK, check_outcomes, numbers, record_message
from tests.peers import sound
from tests.peers.baresip import Phone
from tests.peers.box import Box
from tests.peers.net import wait_for
from tests.peers.sipp import Gateway, SeenCall, most_at_once
from tests.peers.smtp import MailServer

LINES = 5


def figures(calls: list[SeenCall]) -> dict[str, float]:
    """Line use while untried numbers remained, and the time of the first round over its ideal (work / lines), both as the
    gateway saw it."""
    firsts: dict[str, SeenCall] = {}
    for call in sorted(calls, key=lambda c: c.started):
        firsts.setdefault(call.number, call)
    begun = min(call.started for call in calls)
    last_start = max(call.started for call in firsts.values())
    last_end = max(call.ended or call.started for call in firsts.values())
    busy = sum(min(call.ended or last_start, last_start) - call.started for call in calls if call.started < last_start)
    work = sum((call.ended or call.started) - call.started for call in firsts.values())
    return {"use": busy / (LINES * (last_start - begun)), "over_ideal": (last_end - begun) / (work / LINES),
            "first_round_seconds": last_end - begun}


def run_campaign(
    folder: Path, wanted: list[str], edits: dict[str, str], seconds: float
) -> tuple[Any, list[SeenCall], MailServer]:
    message = sound.message_of(folder / "message.wav", 5.0)
    with MailServer() as mail, Gateway(folder / "gateway") as gateway, \
            Box(folder / "box", gateway.port, mail.port, numbers=wanted, edits=edits) as box, \
            Phone(folder / "phone", box.sip_port, "101", "anna-101") as phone:
        box.wait_registered("101")
        record_message(phone, box, message)
        phone.press("#12")
        phone.hang_up()
        wait_for(lambda: box.json("campaign", "list"), 15, "the campaign starts")
        report = box.wait_campaign(1, "finished", seconds)
        calls = gateway.wait_until_quiet(10)
        wait_for(lambda: mail.mails, 30, "the report by mail")
        cdrs = [json.loads(line) for line in box.run("cdr", "export", "--format", "jsonl").stdout.splitlines()]
        in_cdrs = [leg["sip_call_id"] for cdr in cdrs for leg in cdr["legs"] if leg["kind"] == "line"]
        assert sorted(in_cdrs) == sorted(call.call_id for call in calls)
        return report, calls, mail


def check(report: Any, calls: list[SeenCall], wanted: list[str], tail: float) -> None:
    check_outcomes(report, wanted)
    found = figures(calls)
    print(json.dumps(found), "most at once", most_at_once(calls), "calls", len(calls))
    assert most_at_once(calls) <= LINES
    assert found["use"] >= 0.95
    assert found["over_ideal"] <= tail


def test_forty_numbers_keep_the_lines_busy(tmp_path: Path) -> None:
    """Over 40 numbers the last calls of the round weigh more than over 300: its end is allowed one call's length on top."""
    wanted = numbers(40)
    report, calls, _ = run_campaign(tmp_path, wanted, QUICK, 240)
    check(report, calls, wanted, 1.25)


@pytest.mark.slow
@pytest.mark.timeout(5400)
def test_three_hundred_numbers_in_real_time(tmp_path: Path) -> None:
    wanted = numbers(300)
    report, calls, mail = run_campaign(tmp_path, wanted, {}, 4800)
    check(report, calls, wanted, 1.05)
    assert {part.get_content_type() for part in mail.mails[0].walk()} >= {"text/html", "text/csv"}
