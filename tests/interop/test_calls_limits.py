"""What happens at the limits: no RTP port, no channel, too many calls at once. Emergency calls pass all the same."""

from __future__ import annotations

from pathlib import Path

from appliance.messages import AttemptEnded, ShortageChanged
from tests.peers import sound
from tests.peers.house import House
from tests.peers.net import wait_for


def test_rtp_ports_run_out_and_come_back(tmp_path: Path) -> None:
    edits = {r"^channels = \d+$": "channels = 1", r'^secret = "boris-102"$': 'secret = "boris-102"\nmax_calls = 8'}
    with House(tmp_path, edits=edits, media_ports=16) as house:
        anna, boris = house.desk("101", "anna"), house.desk("102", "boris")
        calls = [anna.dial("102").wait_up() for _ in range(4)]
        refused = anna.dial("102").wait_end()
        assert refused.statuses[-1] == 503 and refused.retry_after > 0
        assert house.status().shortages == {"rtp-ports": "reserve"}
        assert "No RTP port is free" in house.box.log() and "Widen [sip] media_ports" in house.box.log()
        calls[0].hang_up()
        wait_for(lambda: not house.status().shortages, 5, "the shortage is over")
        calls.append(anna.dial("102").wait_up())
        for call in calls[1:]:
            call.hang_up()
        wait_for(lambda: house.status().health["media"]["ports_open"] == 0, 5, "every port is given back")
        assert sorted(cdr.disposition for cdr in house.cdrs(6)) == ["answered"] * 5 + ["failed"]
        shortages = [r.event for r in house.reader.read(limit=10_000) if isinstance(r.event, ShortageChanged)]
        assert [(s.what, s.level) for s in shortages] == [("rtp-ports", "reserve"), ("rtp-ports", "none")]
        assert len(boris.calls) == 5


def test_emergency_takes_a_campaigns_channel(tmp_path: Path) -> None:
    """All five channels of the only line are the campaign's: one of its calls is ended, and made again later."""
    numbers = [f"+358917700{n:03d}" for n in range(6)]
    edits = {r'^name = "provider"$': 'name = "provider"\nenabled = false',
             r"^confirm_wait_seconds = 5": "confirm_wait_seconds = 1",
             r"^retry_after_minutes = 10$": "retry_after_minutes = 0.05"}
    with House(tmp_path, edits=edits, numbers=numbers, provider=False) as house:
        anna = house.desk("101", "anna")
        message = sound.message_of(tmp_path / "message.wav", 4.0)
        house.box.run("campaign", "start", "701", "--list", "12", "--message", str(message), "--lines", "5")
        wait_for(lambda: sum(call.up for call in house.gateway.calls) == 5, 20, "five calls of the campaign")
        call = anna.dial("112").wait_up()
        help_ = house.gateway.wait_call(5, lambda c: c.number == "112")
        assert sum(c.up for c in house.gateway.calls) == 5 and house.line("gateway").busy == 5
        call.hang_up()
        help_.wait_end()
        report = house.box.wait_campaign(1, "finished", 90)
        assert {s["outcome"] for s in report["subscribers"]} == {"heard"}
        ended = [r.event for r in house.reader.read(limit=10_000) if isinstance(r.event, AttemptEnded)]
        broken = [event for event in ended if event.outcome == "interrupted"]
        assert len(broken) == 1 and len(ended) == 7
        again = [event for event in ended if event.subscriber == broken[0].subscriber]
        assert [event.outcome for event in again] == ["interrupted", "heard"]
        cdrs = house.cdrs(8)
        assert [cdr.disposition for cdr in cdrs if cdr.reached == "emergency"] == ["answered"]
        assert [cdr.disposition for cdr in cdrs if cdr.call == broken[0].call] == ["interrupted"]


def test_emergency_takes_the_channel_of_people_where_there_is_no_other(tmp_path: Path) -> None:
    """Two people hold both channels of the only line: the younger call is ended, the older goes on."""
    edits = {r'^name = "provider"$': 'name = "provider"\nenabled = false', r"^channels = \d+$": "channels = 2"}
    with House(tmp_path, edits=edits, provider=False) as house:
        anna, boris = house.desk("101", "anna"), house.desk("102", "boris")
        talk, waiting = anna.dial("00917700100").wait_up(), house.gateway.dial("0911111102").wait_up()
        assert house.line("gateway").busy == 2
        call = boris.dial("112").wait_up()
        waiting.wait_end()
        help_ = house.gateway.wait_call(1, lambda c: c.number == "112")
        assert help_.up and talk.up and house.line("gateway").busy == 2
        call.hang_up()
        help_.wait_end()
        talk.hang_up()
        cdrs = house.cdrs(3)
        assert sorted(cdr.disposition for cdr in cdrs) == ["answered", "answered", "interrupted"]
        assert [cdr.disposition for cdr in cdrs if cdr.reached == "emergency"] == ["answered"]


def test_emergency_passes_when_new_calls_are_shed(tmp_path: Path) -> None:
    """One new call a second, after 20 at once: the rest is told 503 and when to come again; 112 and 0112 pass."""
    edits = {r"^media_timeout_seconds = 8$": "media_timeout_seconds = 8\nmax_new_calls_per_second = 1"}
    with House(tmp_path, edits=edits) as house:
        anna = house.desk("101", "anna")
        boris = house.desk("102", "boris")
        talking = anna.dial("102").wait_up()
        flood = [anna.dial("101") for _ in range(60)]  # itself: busy at once
        for call in flood:
            call.wait_end()
        told = [call.statuses[-1] for call in flood]
        assert set(told) == {486, 503} and told.count(503) >= 30
        assert all(call.retry_after > 0 for call in flood if call.statuses[-1] == 503)
        for number in ("112", "0112"):
            help_ = anna.dial(number).wait_up()
            help_.hang_up()
        assert talking.up and boris.calls[0].up
        talking.hang_up()
        boris.calls[0].wait_end()
