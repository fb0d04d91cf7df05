"""kill -9 right after short calls: each call that a far end saw has one record, also where it began and ended within the time
that the ledger takes to write."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from tests.peers.house import House
from tests.peers.net import wait_for
from tests.peers.station import Station, StationCall

ROUNDS = 4
NUMBER = "00917700001"


def short_call(house: House, anna: Station) -> tuple[StationCall, StationCall]:
    """Answered at once and hung up at once. -> the phone's end and the gateway's."""
    before = len(house.gateway.calls)
    call = anna.dial(NUMBER).wait_up()
    call.hang_up()
    wait_for(lambda: len(house.gateway.calls) > before and house.gateway.calls[before].ended, 5, "the gateway's end")
    return call, house.gateway.calls[before]


def noted(house: House) -> Counter[str]:
    """SIP Call-IDs of all legs of all records."""
    return Counter(leg.sip_call_id for cdr in house.reader.cdrs(limit=10_000) for leg in cdr.legs)


def missing(house: House, seen: list[StationCall]) -> list[str]:
    there = noted(house)
    return [call.call_id for call in seen if call.call_id not in there]


def test_short_calls_just_before_a_kill_have_their_record(tmp_path: Path) -> None:
    seen: list[StationCall] = []
    lost = 0
    with House(tmp_path / "house", provider=False) as house:
        house.gateway.plan = [200]
        anna = house.desk("101", "anna")
        for calls in range(1, ROUNDS + 1):
            for _ in range(calls):
                seen.extend(short_call(house, anna))
            house.box.kill("core")
            lost += len(missing(house, seen))
            house.box.wait_up()
            wait_for(lambda: not missing(house, seen), 10, "a record of each call")
        assert lost, "the ledger had written everything before each kill: the test shows nothing"
        wait_for(lambda: house.status().calls == 0, 5, "all calls to end")
        found = noted(house)
        assert set(found.values()) == {1}, found
        assert set(found) == {call.call_id for call in seen}
        before = len(house.reader.cdrs(limit=10_000))
        house.box.kill("core")  # what was over long ago is not told again
        house.box.wait_up()
        short_call(house, anna)
        wait_for(lambda: len(house.reader.cdrs(limit=10_000)) > before, 10, "a record")
        assert len(house.reader.cdrs(limit=10_000)) == before + 1


def test_refused_before_they_were_calls(tmp_path: Path) -> None:
    """An INVITE that was only challenged is no call, before a kill as after."""
    with House(tmp_path / "house", provider=False) as house, \
            Station(house.box.sip_port, user="101") as stranger:
        stranger.dial(NUMBER).wait_end()
        house.box.kill("core")
        house.box.wait_up()
        anna = house.desk("101", "anna")
        house.gateway.plan = [200]
        call, far = short_call(house, anna)
        wait_for(lambda: call.call_id in noted(house), 10, "a record")
        assert set(noted(house)) == {call.call_id, far.call_id}
