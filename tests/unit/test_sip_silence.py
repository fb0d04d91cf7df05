"""Devices that leave a call without an answer, by time and answers alone."""

from __future__ import annotations

from typing import Any

import pytest

from appliance.messages import Event, PhoneGone, PhoneRegistered
from drivers.sip import wire
from drivers.sip.phones import Phones
from drivers.sip.registrar import Request
from drivers.sip.silence import MOST_SECONDS, TRY_SECONDS, Silence
from tests.peers.sipdriver import office

URI = "sip:101@192.0.2.7:5060"
QUESTION_SECONDS = 32.0


class Office:
    """The phone 101, and a clock; questions that are sent are left without an answer after 32 s, as the SIP thread tells."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.phones = Phones(office(), bytes(32), None)
        self.asked: dict[int, float] = {}
        self.register()
        self.silence = Silence(self._sent, self._handle, lambda: "192.0.2.1:5060", self.phones)

    def register(self, expires: str = "3600") -> None:
        answer = self.phones.registrar.register(Request(
            extension="101", call_id="a", cseq=int(self.now), contacts=[f"<{URI}>"], source="192.0.2.7:5060", expires=expires),
            self.now)
        assert answer.status == 200

    def _handle(self) -> int:
        return len(self.asked) + 1

    def _sent(self, kind: int, code: int, handle: int, *rest: int, strings: tuple[bytes, ...]) -> None:
        assert kind == wire.CMD_REQUEST
        self.asked[handle] = self.now

    def fails(self) -> list[Event]:
        """A call draws no answer."""
        return self.silence.began("101", URI, self.now, self.now)

    def answers(self, handle: int, status: int) -> list[Event]:
        record: Any = (wire.EV_RESPONSE, status, handle, 0, 0, ())
        return self.silence.response(record, self.now, self.now)[1]

    def pass_time(self, seconds: float) -> list[Event]:
        """Second by second."""
        found: list[Event] = []
        for _ in range(round(seconds)):
            self.now += 1.0
            for handle, since in self.asked.items():
                if self.now - since == QUESTION_SECONDS:
                    found += self.answers(handle, 0)
            found += self.silence.tick(self.now, self.now)
        return found

    @property
    def reachable(self) -> bool:
        return bool(self.phones.best("101", self.now))


def test_a_phone_that_leaves_options_alone_is_called_again() -> None:
    """It takes calls, and one was lost on the way: it is not without calls until it registers again, an hour later."""
    at = Office()
    assert [type(event) for event in at.fails()] == [PhoneGone]
    assert at.pass_time(TRY_SECONDS - 1) == [] and not at.reachable
    assert [type(event) for event in at.pass_time(1)] == [PhoneRegistered] and at.reachable


def test_a_dead_one_costs_fewer_and_fewer_callers_their_time() -> None:
    at = Office()
    at.register(expires="3600")
    waits = []
    for _ in range(5):
        at.fails()
        began = at.now
        while not at.reachable:
            at.pass_time(1)
        waits.append(at.now - began)
    assert waits == [TRY_SECONDS * 2**n for n in range(4)] + [MOST_SECONDS]


@pytest.mark.parametrize("status", [200, 405])
def test_whoever_answers_is_back(status: int) -> None:
    at = Office()
    for _ in range(3):
        at.fails()
        at.pass_time(5)
        assert [type(event) for event in at.answers(len(at.asked), status)] == [PhoneRegistered] and at.reachable
        at.pass_time(TRY_SECONDS)


def test_an_answer_does_not_count_where_the_next_call_draws_none_again() -> None:
    """Small datagrams reach it, an INVITE is lost: else its agent would be ready every few seconds, and each caller wait."""
    at = Office()
    at.fails()
    at.answers(len(at.asked), 200)
    at.fails()
    assert at.answers(len(at.asked), 200) == [] and not at.reachable
    asked = len(at.asked)
    assert at.pass_time(TRY_SECONDS) == [] and len(at.asked) == asked  # its answer would say nothing
    assert [type(event) for event in at.pass_time(TRY_SECONDS)] == [PhoneRegistered]


def test_an_answer_counts_after_a_long_silence() -> None:
    """A switch was without power for minutes, and calls were tried meanwhile."""
    at = Office()
    for seconds in (TRY_SECONDS, 2 * TRY_SECONDS):
        at.fails()
        at.pass_time(seconds)
    at.fails()
    at.pass_time(5)
    assert [type(event) for event in at.answers(len(at.asked), 200)] == [PhoneRegistered]


def test_what_it_sends_itself_ends_all_doubt() -> None:
    at = Office()
    for _ in range(4):
        at.fails()
        assert [type(event) for event in at.silence.heard("101", "192.0.2.7:5060", at.now)] == [PhoneRegistered]
    at.fails()
    at.pass_time(TRY_SECONDS)
    assert at.reachable


def test_who_is_no_longer_registered_is_forgotten() -> None:
    at = Office()
    at.fails()
    at.register(expires="0")
    at.pass_time(1)
    assert not at.phones.silent and not at.silence._all and not at.silence._doubts


def test_questions_are_few() -> None:
    at = Office()
    at.fails()
    at.pass_time(TRY_SECONDS)
    assert len(at.asked) == 2
