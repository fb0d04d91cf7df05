"""Several campaigns at once, and what may come in a campaign's way: closed hours, a dead gateway, lists, the mail server."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from appliance.ledger import LedgerReader
from appliance.messages import AttemptEnded, AttemptStarted, LineChanged, Record
from tests.interop.test_campaign_kills import QUICK
from tests.interop.test_campaign_phone import check_outcomes, numbers
from tests.peers import sound
from tests.peers.box import OFFICE, Box
from tests.peers.net import PATIENCE, free_port, wait_for
from tests.peers.sipp import Gateway, most_at_once
from tests.peers.smtp import MailServer

SECOND = """
[[lists]]
number = "13"
file = "managers.csv"

[[scenarios]]
code = "702"
name = "The second"
lines = 5
confirm = "1"
ring_seconds = 25
confirm_wait_seconds = 5
retries = 2
retry_after_minutes = 10
"""
TALKS = [f"+358917700{n:03d}" for n in range(1000) if n % 10 < 4]
"""Numbers whose people hear the message out; more than are called while a test looks."""


@pytest.fixture
def message(tmp_path: Path) -> Path:
    return sound.message_of(tmp_path / "message.wav", 2.0)


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    with Gateway(tmp_path / "gateway", "gateway_kills.xml") as gateway:
        yield gateway


def office(extra: str = "") -> str:
    return (OFFICE / "office.toml").read_text() + extra


def start(box: Box, message: Path, code: str = "701", number: str = "12", *options: str) -> Any:
    return box.run("campaign", "start", code, "--list", number, "--message", str(message), *options)


def records(box: Box) -> list[Record]:
    with LedgerReader(box.data / "ledger") as reader:
        return reader.read(0, 100_000)


def on_the_phone(box: Box) -> Counter[int]:
    """Campaign -> its calls now."""
    now: Counter[int] = Counter()
    for record in records(box):
        if isinstance(record.event, AttemptStarted):
            now[record.event.campaign] += 1
        elif isinstance(record.event, AttemptEnded):
            now[record.event.campaign] -= 1
    return now


def mean_lines(box: Box, campaigns: tuple[int, int], since: float, until: float) -> list[float]:
    """Calls of each campaign at once, on average between two moments (monotonic seconds of the ledger)."""
    held = dict.fromkeys(campaigns, 0.0)
    now: Counter[int] = Counter()
    before = since
    for record in [r for r in records(box) if isinstance(r.event, AttemptStarted | AttemptEnded)]:
        at = min(max(record.mono, since), until)
        for campaign in campaigns:
            held[campaign] += now[campaign] * (at - before)
        before = at
        now[record.event.campaign] += 1 if isinstance(record.event, AttemptStarted) else -1  # type: ignore[union-attr]
    return [held[campaign] / (until - since) for campaign in campaigns]


def began_beside(box: Box, since: float, until: float) -> list[int]:
    """For each call that began between two moments: the calls that stood then, itself among them."""
    now, found = 0, []
    for record in records(box):
        if isinstance(record.event, AttemptStarted):
            now += 1
            if since <= record.mono <= until:
                found.append(now)
        elif isinstance(record.event, AttemptEnded):
            now -= 1
    return found


def test_two_campaigns_share_the_lines_and_are_steered(tmp_path: Path, gateway: Gateway, message: Path) -> None:
    with Box(tmp_path / "box", gateway.port, 9, numbers=TALKS, office=office(SECOND), edits=QUICK) as box:
        start(box, message)
        wait_for(lambda: on_the_phone(box) == {1: 5}, PATIENCE, "the first campaign takes all lines")
        start(box, message, "702", "13")
        wait_for(lambda: on_the_phone(box)[2] >= 2, PATIENCE, "the second gets its share")
        since = records(box)[-1].mono
        wait_for(lambda: records(box)[-1].mono > since + 10, PATIENCE, "ten seconds of both")
        shares = mean_lines(box, (1, 2), since, since + 10)
        beside = began_beside(box, since, since + 10)
        # A line that is kept free for somebody stays free. (How long it takes to dial the next one is the machine's affair.)
        assert max(beside) == 5 and beside.count(5) >= len(beside) // 5, f"lines stand idle: {beside}"
        # Calls are equally long and end in waves: of one wave a campaign may get one line of five, in the next it is the first.
        assert min(shares) > 0.25 * sum(shares), f"not shared: {shares}"

        box.run("campaign", "pause", "1")
        wait_for(lambda: on_the_phone(box)[2] == 5, PATIENCE, "the second takes what the paused one leaves")
        assert on_the_phone(box)[1] == 0 and box.report(1)["state"] == "paused"
        box.run("campaign", "resume", "1")
        wait_for(lambda: on_the_phone(box)[1] >= 2, PATIENCE, "the first gets its share again")
        box.run("campaign", "cancel", "2")
        box.run("campaign", "cancel", "1")
        wait_for(lambda: not +on_the_phone(box), PATIENCE, "every call is ended")
        again = box.run("campaign", "resume", "2", check=False)
        assert again.returncode == 1 and "not under way" in again.stderr
        assert most_at_once(gateway.wait_until_quiet(10)) == 5
        for campaign in (1, 2):
            report = box.report(campaign)
            assert report["state"] == "cancelled"
            assert {s["outcome"] for s in report["subscribers"]} == {"heard", "cancelled"}


def test_a_channel_stays_free_for_callers(tmp_path: Path, gateway: Gateway, message: Path) -> None:
    edits = QUICK | {r"^keep_free_for_inbound = 0": "keep_free_for_inbound = 1"}
    with Box(tmp_path / "box", gateway.port, 9, numbers=TALKS[:9], edits=edits) as box:
        start(box, message)
        box.wait_campaign(1, "finished", 30)
        assert most_at_once(gateway.wait_until_quiet(10)) == 4


def test_closed_hours_of_the_scenario_and_of_a_callee(tmp_path: Path, gateway: Gateway, message: Path) -> None:
    """Before eight the campaign waits and says until when; the box begins again a moment before the hour, and the campaign on it.
    It is seven in Paris then."""
    edits = QUICK | {r'^numbers = \["\+358\*"\]$': 'numbers = ["*"]',
                     r"^allow = .*$": 'allow = ["national", "mobile", "international"]',
                     r"^pin = \"4321\"$": 'pin = "4321"\ncallee_hours = ["daily 08:00-20:00"]'}
    wanted = TALKS[:4]
    with Box(tmp_path / "box", gateway.port, 9, numbers=["+33142345670", *wanted], edits=edits,
             now="2026-03-02T07:30:00+02:00") as box:
        said = start(box, message).stdout
        assert "hours are closed" in said and ":00:00 on" in said
        assert box.report(1)["state"] == "running" and gateway.calls() == []
        box.stop()
        box.set_clock("2026-03-02T07:59:52+02:00")
        box.start()
        wait_for(gateway.calls, 30, "the first call")
        opened = 1772431200.0  # Monday 2026-03-02 08:00 in Helsinki
        first = next(record for record in records(box) if isinstance(record.event, AttemptStarted))
        assert opened <= first.utc < opened + PATIENCE
        wait_for(lambda: sum(1 for s in box.report(1)["subscribers"] if s["outcome"]) == 4, 30, "all but Paris")
        report = box.report(1)
        assert report["state"] == "running"
        assert [s["number"] for s in report["subscribers"] if not s["attempts"]] == ["+33142345670"]
        box.run("campaign", "cancel", "1")
        assert Counter(s["outcome"] for s in box.report(1)["subscribers"]) == {"heard": 4, "cancelled": 1}


def test_the_gateway_goes_and_comes_back(tmp_path: Path, message: Path) -> None:
    """What the dead line could not take costs nobody a try, and everybody is called once it is back."""
    wanted = numbers(20)
    port = free_port()
    edits = QUICK | {r'^(address = .*)$': r"\1" + "\noptions_seconds = 1"}
    first = Gateway(tmp_path / "first", "gateway_kills.xml", port)
    with Box(tmp_path / "box", port, 9, numbers=wanted, edits=edits) as box:
        with first:
            start(box, message)
            wait_for(first.calls, 10, "the first call")
            box.run("campaign", "pause", "1")
            first.wait_until_quiet(20)
            wait_for(lambda: not +on_the_phone(box), 10, "the calls to end")
        box.run("campaign", "resume", "1")
        wait_for(lambda: any(isinstance(r.event, LineChanged) and r.event.line == "gateway" and not r.event.up
                             for r in records(box)), 20, "the line is down")
        down = records(box)[-1].seq
        with Gateway(tmp_path / "second", "gateway_kills.xml", port):
            wait_for(lambda: any(isinstance(r.event, LineChanged) and r.event.line == "gateway" and r.event.up
                                 for r in records(box) if r.seq > down), 40, "the line is up")
            report = box.wait_campaign(1, "finished", 60)
            wait_for(lambda: box.json("status")["calls"] == 0, 10, "every call to end")
    check_outcomes(report, wanted)
    attempts = [a["outcome"] for s in report["subscribers"] for a in s["attempts"]]
    assert attempts.count("no_line") >= 1, "no call was under way when the gateway went"
    for subscriber in report["subscribers"]:
        assert sum(a["outcome"] != "no_line" for a in subscriber["attempts"]) <= 2


LISTS = """
[[lists]]
number = "20"
file = "empty.csv"

[[lists]]
number = "21"
file = "latin.csv"
encoding = "utf-8"

[[lists]]
number = "22"
file = "gone.csv"
"""


def test_lists_that_cannot_be_called_are_errors_with_a_way_out(tmp_path: Path, message: Path) -> None:
    box = Box(tmp_path / "box", free_port(), 9, office=office(LISTS))
    (box.folder / "empty.csv").write_text("number,name\n")
    (box.folder / "latin.csv").write_bytes("number,name\n+358917700000,Jämsä\n".encode("latin-1"))
    (box.folder / "gone.csv").write_text("number,name\n+358917700000,Anna\n")
    with box:
        (box.folder / "gone.csv").unlink()
        for number, said in (("99", "no list 99"), ("20", "can be called"), ("21", "utf-8"), ("22", "gone.csv")):
            done = box.run("campaign", "start", "701", "--list", number, "--message", str(message), check=False)
            assert done.returncode == 1 and said.lower() in done.stderr.lower(), (number, done.stderr)
            assert len(done.stderr.strip().splitlines()) >= 2, f"no hint: {done.stderr}"
        done = box.run("campaign", "start", "799", "--list", "12", "--message", str(message), check=False)
        assert done.returncode == 1 and "701" in done.stderr
        assert box.json("campaign", "list") == []


def test_the_report_waits_for_the_mail_server(tmp_path: Path, gateway: Gateway, message: Path) -> None:
    port = free_port()
    with Box(tmp_path / "box", gateway.port, port, numbers=["+358917700009"], edits=QUICK) as box:
        start(box, message)
        box.wait_campaign(1, "finished", 20)
        waiting = wait_for(lambda: [m for m in box.json("mail", "list") if m["state"] == "waiting" and m["tries"]], 20, "a try")
        with MailServer(port) as mail:
            box.run("mail", "retry", "--all")
            wait_for(lambda: mail.mails, 20, "the report")
            wait_for(lambda: box.json("mail", "list")[0]["state"] == "sent", 10, "the outbox knows")
        assert len(waiting) == len(mail.mails) == 1
