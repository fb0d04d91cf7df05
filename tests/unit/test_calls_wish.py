"""Callers who are to be called back without waiting, and callers of a closed queue: what they are asked and told."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest

from appliance import _core as core
from appliance.calls.flows.callnumber import callable_number
from appliance.calls.flows.closed import closed_target, closed_words
from appliance.calls.flows.queue import QueueFlow
from appliance.calls.flows.wish import Wish
from appliance.calls.routing import ToExcuse
from appliance.config.model import NightSwitch
from appliance.config.opening import ALWAYS, Opening
from appliance.config.values import Target
from tests.callslab import HANG_UP, Caller, Lab, hastily
from tests.unit.test_calls_queue import Desk

FAR = 4_000_000_000.0
NUMBER, ENTER = "callback-wish-number", "callback-enter-number"


class Wished:
    def __init__(self, desk: Desk, said: list[str], call: str) -> None:
        self.desk, self.said, self.call = desk, said, call

    @property
    def number(self) -> str:
        return self.desk.promised.number if self.desk.promised is not None else ""


def wish(
    reacts: dict[str, list[str]], *, caller: str = "+358917700123", kind: str = "line", hours: Opening = ALWAYS,
    ask_number: bool = True, signed_in: bool = False, before: int = 0,
) -> Wished:
    found: list[Wished] = []

    async def work() -> None:
        lab = Lab()
        desk = Desk(lab)
        desk.hours = hours
        queue = next(each for each in lab.config.queues if each.members)
        queue = msgspec.structs.replace(queue, callback=msgspec.structs.replace(queue.callback, ask_number=ask_number))
        agents = [member.agent for member in queue.members]
        if before:
            desk.tell(core.SignIn(agents[0]))
        for n in range(before):
            desk.tell(core.Enter(f"before-{n}", queue.name))
            if n == 0:
                desk.tell(core.Answer("before-0", agents[0]))
        if signed_in:
            desk.tell(core.SignIn(agents[0]))
        leg = lab.comes("600", "gateway" if kind == "line" else "101", kind)
        leg.incoming = msgspec.structs.replace(leg.incoming, caller=caller, caller_name="Ann")
        leg.open_port()
        heard = Caller(lab, leg, reacts)
        await lab.switch.lead(leg.call, Wish(leg, queue, desk).run)
        assert leg.is_ended
        found.append(Wished(desk, heard.said, leg.call.id))

    hastily(work())
    return found[0]


def test_the_own_number_with_one_key() -> None:
    found = wish({NUMBER: ["1"]})
    assert found.number == "+358917700123" and found.said == [NUMBER, "callback-noted"]
    enter = found.desk.told[-1]
    assert isinstance(enter, core.Enter) and (enter.contact, enter.virtual, enter.channel) == (found.call, True, "callback")
    assert found.desk.promised is not None and found.desk.promised.name == "Ann"
    view = found.desk.core.contact(found.call)
    assert view is not None and view.virtual


def test_another_number_is_read_back() -> None:
    found = wish({NUMBER: ["2", "1"], ENTER: ["0401234567#"]})
    assert found.number == "+358401234567" and found.said == [NUMBER, ENTER, NUMBER, "callback-noted"]


def test_a_withheld_number_is_asked_for() -> None:
    found = wish({NUMBER: ["1"], ENTER: ["112#"], "callback-number-bad": ["0401234567#"]}, caller="anonymous")
    assert found.number == "+358401234567" and found.said[:3] == [ENTER, "callback-number-bad", NUMBER]


def test_who_may_name_no_other_number_is_not_promised_one() -> None:
    assert wish({}, caller="anonymous", ask_number=False).said == ["callback-not-possible", "callback-wish-none"]
    found = wish({"callback-wish-confirm": ["1"]}, ask_number=False)
    assert found.number == "+358917700123" and found.said[0] == "callback-wish-confirm"


@pytest.mark.parametrize("keys", [["*"], [], [HANG_UP]])
def test_who_wants_none_is_not_called(keys: list[str]) -> None:
    found = wish({NUMBER: keys})
    assert not found.number and found.desk.told == []


def test_a_phone_of_the_house_by_its_extension() -> None:
    assert wish({NUMBER: ["1"]}, kind="phone").number == "101"


@pytest.mark.parametrize("digits", ["112", "0112", "060012345", "+46812345678", "12", "", "99999999999999999999"])
def test_numbers_that_are_not_called(digits: str) -> None:
    assert callable_number(Lab().config, digits) == ""


def test_what_is_told_of_when() -> None:
    assert wish({NUMBER: ["1"]}, signed_in=True).said[-1] == "callback-noted-now"
    assert wish({NUMBER: ["1"]}, before=3).said[-1] == "callback-noted-wait"
    soon = Opening(open=False, opens=datetime.now().timestamp() + 86400)
    assert wish({NUMBER: ["1"]}, hours=soon).said[-1] == "callback-noted-opens"
    assert wish({NUMBER: ["1"]}, hours=Opening(open=False, forced=True)).said[-1] == "callback-noted"


# ---- closed ------------------------------------------------------------------------------------------------------------------


def test_where_callers_of_a_closed_office_go() -> None:
    config, own, hours, night = Lab().config, Target("extension:101"), Target("menu:main"), Target("voicemail:front")
    assert closed_target(config, Opening(open=False), None) is None
    assert closed_target(config, Opening(open=False, target=hours), own) == own
    assert closed_target(config, Opening(open=False, target=hours), None) == hours
    dark = msgspec.structs.replace(config, night=NightSwitch(target=night))
    assert closed_target(dark, Opening(open=False, forced=True, target=hours), own) == night


def test_the_goodbye_says_when_it_opens_where_that_is_known() -> None:
    config = Lab().config
    now = datetime(2026, 3, 2, 20, tzinfo=ZoneInfo(config.office.timezone)).timestamp()
    prompt, values = closed_words(config, Opening(open=False, opens=now + 12 * 3600), now)
    assert prompt == "closed-office-until" and values["opens"] is not None
    assert closed_words(config, Opening(open=False), now) == ("closed-office", {})


@pytest.mark.parametrize(("hours", "prompt"), [
    (Opening(open=False, opens=FAR), "closed-office"), (Opening(open=False, forced=True), "closed-office"),
    (Opening(open=False, opens=-1.0), "closed-office-until"), (Opening(open=False, target=Target("extension:101")), ""),
])  # fmt: skip
def test_a_closed_queue(hours: Opening, prompt: str) -> None:
    """`opens` -1: tomorrow."""
    sent: list[Any] = []

    async def work() -> None:
        lab = Lab()
        desk = Desk(lab)
        desk.hours = hours if hours.opens != -1.0 else msgspec.structs.replace(hours, opens=lab.switch.clock.utc() + 86400)
        queue = msgspec.structs.replace(lab.config.queues[0], when_closed=None)
        desk.tell(core.SwitchQueue(queue.name, False, "hours", "door"))
        leg = lab.comes(queue.number or "", "103")
        leg.open_port()
        Caller(lab, leg)
        await lab.switch.lead(leg.call, QueueFlow(leg, queue, desk, lab).run)
        sent.extend(lab.sent)

    hastily(work())
    (to,) = sent
    assert (to.prompt if isinstance(to, ToExcuse) else "") == prompt
    assert prompt or to == Target("extension:101")
