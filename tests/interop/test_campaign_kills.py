"""kill -9 of any process, or of all, at any instant of a campaign: nobody is called after a success, nobody is left out.

What is claimed is looked up at the gateway, which knows nothing of the box: sipp's own trace of messages. It is then held
against the report, the ledger and the CDRs. Which instants are hit is drawn from a seed that stands in the test's name.
"""

from __future__ import annotations

import random
import shutil
import time
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import pytest

from appliance.campaigns.causes import SUCCESS
from appliance.clock import SystemClock
from appliance.ledger import Cdr, Ledger, LedgerReader
from appliance.ledger.rebuild import check as check_ledger
from appliance.messages import AttemptEnded, AttemptStarted, LegOpened, PhoneRegistered, Record
from tests.interop.test_campaign_phone import OUTCOMES, numbers, record_message
from tests.peers import sound
from tests.peers.baresip import Phone
from tests.peers.box import Box
from tests.peers.net import wait_for
from tests.peers.sipp import Gateway, SeenCall, most_at_once

CHANNELS = 5
QUICK = {r"^ring_seconds = 25$": "ring_seconds = 3", r"^retries = 2$": "retries = 1",
         r"^retry_after_minutes = 10$": "retry_after_minutes = 0.05",
         r"^confirm_wait_seconds = 5\b": "confirm_wait_seconds = 2\nask_confirm = false"}
"""The reference office's campaign with times scaled down; tests/sipp/gateway_kills.xml is scaled alike."""
ON_ITS_WAY = 0.2
"""Seconds in which an INVITE that left before a kill may still reach sipp's trace: no core starts that fast."""
VICTIMS = ("core", "dialer", "all", "core", "web", "serve")
"""In turn: each process alone, the supervisor (its children must go with it), and everything at once."""


@dataclass
class Killer:
    """Kills a box that runs a campaign, at instants drawn from a seed, and remembers when (seconds of time.time())."""

    box: Box
    random: random.Random
    done: list[tuple[str, float]] = field(default_factory=list)

    def strike(self, victim: str) -> None:
        """One kill -9 after a random while, without waiting for the box to have got over the last one."""
        time.sleep(self.random.uniform(0.05, 3.5))
        if victim == "all":
            self.done.append((victim, time.time()))
            self.box.kill_all()
            self.box.start()
        elif victim == "serve":
            children = [psutil.Process(pid) for name in ("core", "dialer", "web") if (pid := self.box.pid(name))]
            self.done.append((victim, time.time()))
            self.box.kill_serve()
            self.box.start()
            assert not psutil.wait_procs(children, timeout=5)[1], "the children outlive the supervisor"
        else:
            wait_for(lambda: self.box.pid(victim), 20, f"{victim} is not running:\n{self.box.log()[-2000:]}")
            self.done.append((victim, time.time()))
            self.box.kill(victim)


def back_after(kills: list[tuple[str, float]], calls: list[SeenCall]) -> list[tuple[float, str]]:
    """Seconds from each kill that stops the core to the next INVITE, where that was not the time between two kills only."""
    ends = [at for _, at in kills[1:]] + [float("inf")]
    found = []
    for (victim, at), end in zip(kills, ends, strict=True):
        following = [call.started - at for call in calls if at + ON_ITS_WAY < call.started < end]
        if victim in ("core", "all", "serve") and following:
            found.append((round(min(following), 2), victim))
    return found


# ---- what must be so --------------------------------------------------------------------------------------------------


def check_everything(box: Box, calls: list[SeenCall], wanted: list[str]) -> dict[str, int]:
    """All claims of a finished campaign 1. Returns figures for the log."""
    report = box.report(1)
    check_report(report, wanted)
    with LedgerReader(box.data / "ledger") as reader:
        records = reader.read(0, 1_000_000)
        cdrs = reader.cdrs(limit=1_000_000)
    check_attempts(records, len(wanted))
    check_after_success(records, calls)
    never_left = check_one_to_one(cdrs, calls)
    assert most_at_once(calls) <= CHANNELS
    assert all(call.ended is not None for call in calls)
    health = check_ledger(box.data / "ledger")
    assert health.problems == [] and health.open_calls == 0
    interrupted = sum(a["outcome"] == "interrupted" for s in report["subscribers"] for a in s["attempts"])
    return {"calls": len(calls), "cdrs": len(cdrs), "interrupted": interrupted, "never_left": never_left,
            "most_at_once": most_at_once(calls)}


def check_report(report: dict[str, Any], wanted: list[str]) -> None:
    """One outcome each, nobody left out, and it is the one that the last digit says."""
    rows = [(s["number"], s["outcome"]) for s in report["subscribers"]]
    assert sorted(rows) == sorted((number, OUTCOMES[number[-1]]) for number in wanted)


def check_attempts(records: list[Record], subscribers: int) -> None:
    """Every attempt began once and ended once; numbered without gaps; nothing began after a success."""
    started: dict[int, list[int]] = defaultdict(list)
    ended: Counter[tuple[int, int]] = Counter()
    succeeded: set[int] = set()
    for record in records:
        event = record.event
        if isinstance(event, AttemptStarted):
            assert event.subscriber not in succeeded, f"attempt after a committed success, record {record.seq}"
            started[event.subscriber].append(event.attempt)
        elif isinstance(event, AttemptEnded):
            ended[event.subscriber, event.attempt] += 1
            if event.outcome in SUCCESS:
                succeeded.add(event.subscriber)
    assert set(started) == set(range(subscribers))
    for subscriber, attempts in started.items():
        assert attempts == list(range(1, len(attempts) + 1))
        assert all(ended[subscriber, attempt] == 1 for attempt in attempts)


def check_after_success(records: list[Record], calls: list[SeenCall]) -> None:
    """At the gateway: the call that brought the committed success is the last INVITE that this number got."""
    sip_of = {r.event.call: r.event.sip_call_id for r in records if isinstance(r.event, LegOpened) and r.event.kind == "line"}
    last: dict[str, str] = {}
    number_of: dict[str, str] = {}
    for call in sorted(calls, key=lambda c: c.started):
        last[call.number] = call.call_id
        number_of[call.call_id] = call.number
    for record in records:
        if isinstance(record.event, AttemptEnded) and record.event.outcome in SUCCESS:
            sip = sip_of[record.event.call]
            assert last[number_of[sip]] == sip, f"{number_of[sip]} was called again after its success"


def check_one_to_one(cdrs: list[Cdr], calls: list[SeenCall]) -> int:
    """Each Call-ID that the gateway saw stands in exactly one leg of one CDR, and the other way round.

    With one exception, which is counted and returned: a leg is committed before its INVITE leaves, so a core killed (or told to
    cancel) between the two leaves a CDR that the gateway knows nothing of. It must say so, and that nobody rang."""
    legs = [(leg, cdr) for cdr in cdrs for leg in cdr.legs if leg.kind == "line"]
    noted = Counter(leg.sip_call_id for leg, _ in legs)
    seen = {call.call_id for call in calls}
    assert {call_id: n for call_id, n in noted.items() if n != 1} == {}
    assert seen - set(noted) == set(), "calls at the gateway without a CDR"
    unseen = [(leg, cdr) for leg, cdr in legs if leg.sip_call_id not in seen]
    for leg, cdr in unseen:
        assert leg.cause.by in ("restart", "near") and leg.rang is None and leg.answered is None, (leg, cdr)
        assert (cdr.disposition, cdr.outcome) in (("interrupted", "interrupted"), ("interrupted", "cancelled")), cdr
    return len(unseen)


def copy_ledger(box: Box, into: Path) -> int:
    """A plain copy of the running box's file, as power loss would leave it. -> the last sequence number known before."""
    with LedgerReader(box.data / "ledger") as reader:
        known = reader.last_seq()
    into.mkdir(parents=True)
    shutil.copyfile(box.data / "ledger" / "data.mdb", into / "data.mdb")
    return known


def check_copy(copy: Path, known: int) -> None:
    """It opens, fits together, holds what had been committed when it was taken, and a core could go on with it."""
    health = check_ledger(copy)
    assert health.problems == []
    assert health.last_seq >= known
    ledger = Ledger(copy, SystemClock())
    try:
        assert len(ledger.open_calls()) == health.open_calls
    finally:
        ledger.close_now()


# ---- the campaign ------------------------------------------------------------------------------------------------------


@pytest.fixture
def message(tmp_path: Path) -> Path:
    return sound.message_of(tmp_path / "message.wav", 2.0)


@pytest.fixture
def gateway(tmp_path: Path) -> Iterator[Gateway]:
    # A gateway answers a BYE for a call that it has forgotten; sipp would be silent about "dead calls" for half a minute.
    with Gateway(tmp_path / "gateway", "gateway_kills.xml", 0, True, "-deadcall_wait", "0") as gateway:
        yield gateway


def start_campaign(box: Box, message: Path) -> None:
    box.run("campaign", "start", "701", "--list", "12", "--message", str(message))


def survive(box: Box, gateway: Gateway, tmp_path: Path, message: Path, wanted: list[str], kills: int, seed: int) -> None:
    killer = Killer(box, random.Random(seed))
    victims = [VICTIMS[i % len(VICTIMS)] for i in range(kills)]
    killer.random.shuffle(victims)
    start_campaign(box, message)
    wait_for(gateway.calls, 10, "the first call")
    copies = []
    for number, victim in enumerate(victims):
        with LedgerReader(box.data / "ledger") as reader:
            info = reader.campaign(1)
        assert info and info.state == "running", f"the campaign was over before kill {number + 1}: give it more numbers"
        if number % 4 == 1:
            copies.append((tmp_path / f"copy-{number}", copy_ledger(box, tmp_path / f"copy-{number}")))
        killer.strike(victim)
    box.wait_campaign(1, "finished", 180)
    calls = gateway.wait_until_quiet(40)
    figures = check_everything(box, calls, wanted)
    for copy, known in copies:
        check_copy(copy, known)
    print(f"seed {seed}: {dict(Counter(victim for victim, _ in killer.done))} killed; {figures}; "
          f"seconds from kill to next INVITE: {sorted(back_after(killer.done, calls))}")


@pytest.mark.parametrize("seed", [1])
def test_eight_kills(tmp_path: Path, gateway: Gateway, message: Path, seed: int) -> None:
    wanted = numbers(30)
    with Box(tmp_path / "box", gateway.port, 9, numbers=wanted, edits=QUICK) as box:
        survive(box, gateway, tmp_path, message, wanted, 8, seed)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2, 3, 4])
def test_twenty_kills(tmp_path: Path, gateway: Gateway, message: Path, seed: int) -> None:
    wanted = numbers(80)
    with Box(tmp_path / "box", gateway.port, 9, numbers=wanted, edits=QUICK) as box:
        survive(box, gateway, tmp_path, message, wanted, 20, seed)


# ---- what an operator told the campaign -----------------------------------------------------------------------------------


def test_pause_outlives_a_kill(tmp_path: Path, gateway: Gateway, message: Path) -> None:
    wanted = numbers(10)
    with Box(tmp_path / "box", gateway.port, 9, numbers=wanted, edits=QUICK) as box:
        start_campaign(box, message)
        wait_for(lambda: len(gateway.calls()) >= CHANNELS, 10, "calls")
        box.run("campaign", "pause", "1")
        box.kill_all()
        box.start()
        calls = gateway.wait_until_quiet(10)
        assert box.report(1)["state"] == "paused"
        box.kill("dialer")
        box.kill("core")
        box.wait_up()
        assert box.report(1)["state"] == "paused"
        assert len(gateway.calls()) == len(calls), "a paused campaign called somebody"
        box.run("campaign", "resume", "1")
        box.wait_campaign(1, "finished", 90)
        check_everything(box, gateway.wait_until_quiet(10), wanted)


def test_cancel_outlives_a_kill(tmp_path: Path, gateway: Gateway, message: Path) -> None:
    wanted = numbers(15)
    with Box(tmp_path / "box", gateway.port, 9, numbers=wanted, edits=QUICK) as box:
        start_campaign(box, message)
        wait_for(lambda: len(gateway.calls()) >= CHANNELS, 10, "calls")
        box.run("campaign", "cancel", "1")
        box.kill("core")
        killed = time.time()
        box.wait_up()
        calls = gateway.wait_until_quiet(10)
        wait_for(lambda: all(s["outcome"] for s in box.report(1)["subscribers"]), 10, "outcomes")
        report = box.report(1)
        assert report["state"] == "cancelled"
        assert {s["number"] for s in report["subscribers"]} == set(wanted)
        assert max(call.started for call in calls) < killed, "a cancelled campaign called somebody"
        with LedgerReader(box.data / "ledger") as reader:
            check_one_to_one(reader.cdrs(limit=1000), calls)


# ---- the desk phone -----------------------------------------------------------------------------------------------------


def test_operators_dialogue_is_killed(tmp_path: Path, gateway: Gateway, message: Path) -> None:
    """In mid-dialogue: the phone is told that the call is over, and may begin again without registering. After the last
    word: the campaign that was promised runs."""
    wanted = numbers(6)
    with Box(tmp_path / "box", gateway.port, 9, numbers=wanted, edits=QUICK) as box, \
            Phone(tmp_path / "phone", box.sip_port, "101", "anna-101") as phone:
        box.wait_registered("101")
        drafts = box.data / "campaigns" / "drafts"
        phone.dial("701", box.sip_port)
        phone.wait_event("CALL_ESTABLISHED", 10)
        phone.press("4321")
        wait_for(lambda: drafts.is_dir() and list(drafts.glob("*-raw.wav")), 25, "the box records")
        box.kill("core")
        phone.wait_event("CALL_CLOSED", 20)
        box.wait_up()
        assert box.json("campaign", "list") == []
        shutil.rmtree(drafts)
        record_message(phone, box, message)
        wait_for(lambda: [p for p in drafts.glob("*.wav") if not p.stem.endswith("-raw")], 15, "a draft")
        phone.press("#")
        phone.press("121")  # the list, and yes
        wait_for(lambda: box.json("campaign", "list"), 15, "the campaign starts")
        box.kill_all()
        box.start()
        phone.wait_event("CALL_CLOSED", 20)
        box.wait_campaign(1, "finished", 60)
        calls = gateway.wait_until_quiet(10)
        check_report(box.report(1), wanted)
        with LedgerReader(box.data / "ledger") as reader:
            cdrs = reader.cdrs(limit=1000)
        check_one_to_one(cdrs, calls)
        talks = [cdr for cdr in cdrs if any(leg.kind == "phone" for leg in cdr.legs)]
        assert [cdr.disposition for cdr in talks] == ["interrupted", "interrupted"]


def test_registrations_survive(tmp_path: Path) -> None:
    """After kill -9 of everything a phone can be called at once: it need not register again."""
    with Box(tmp_path / "box", 9, 9) as box, Phone(tmp_path / "p1", box.sip_port, "101", "anna-101") as anna, \
            Phone(tmp_path / "p2", box.sip_port, "102", "boris-102") as boris:
        for extension in ("101", "102"):
            box.wait_registered(extension)
        box.kill_all()
        with LedgerReader(box.data / "ledger") as reader:
            before = reader.last_seq()
        box.start()
        boris.dial("101", box.sip_port)
        anna.wait_event("CALL_INCOMING", 10)
        anna.answer()
        boris.wait_event("CALL_ESTABLISHED", 10)
        with LedgerReader(box.data / "ledger") as reader:
            assert not [r for r in reader.read(before) if isinstance(r.event, PhoneRegistered)], "it had to register again"
        boris.hang_up()
        anna.wait_event("CALL_CLOSED", 10)
