"""Call flows on noted parts: who is called, in which order, and what is left behind."""

from __future__ import annotations

import asyncio
import gc
import weakref
from typing import Any

import msgspec
import pytest

from appliance.calls.call import disposition_of
from appliance.calls.flows.race import best_of
from appliance.calls.leg import Leg
from appliance.calls.routing import ToExtension, ToOutside
from appliance.ledger import fold
from appliance.media.events import Silent
from appliance.messages import (
    CallEnded,
    CallTransferred,
    Cause,
    Event,
    LegAnswered,
    LegEnded,
    LegHeld,
    LegOpened,
    LegResumed,
    Record,
    ShortageChanged,
)
from drivers.base import Answered, DigitInfo, Ended, Incoming, MediaChanged, Ringing, TransferAsked
from tests.callslab import Lab, dial, in_time, media, settle

OUTSIDE = ToOutside("+358917700000", ["gateway", "provider"])


# ---- one word for a call -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("called", "calling", "word"), [
    (Cause(sip=486), [], "busy"), (Cause(sip=600), [], "busy"), (Cause(q850=17), [], "busy"),
    (Cause(tone="busy", by="tone"), [], "busy"), (Cause(sip=480), [], "no_answer"), (Cause(sip=408), [], "no_answer"),
    (Cause(q850=19, by="near"), [], "no_answer"), (Cause(sip=408, by="network"), [], "failed"), (Cause(sip=404), [], "failed"),
    (Cause(sip=503), [], "failed"), (Cause(sip=603), [], "failed"), (Cause(sip=480, q850=20, by="near"), [], "failed"),
    (None, [Cause(sip=404, by="near")], "failed"), (Cause(sip=486), [Cause(sip=487, by="far")], "cancelled"),
    (None, [Cause(by="far")], "cancelled"),
])
def test_disposition(called: Cause | None, calling: list[Cause], word: str) -> None:
    assert disposition_of(called, calling) == word


@pytest.mark.parametrize(("statuses", "best"), [
    ([404, 486], 486), ([486, 480], 486), ([480, 404], 480), ([486, 603], 603), ([404], 404), ([], 480), ([503, 487], 487),
])
def test_the_best_of_several_answers(statuses: list[int], best: int) -> None:
    assert best_of([Cause(sip=status) for status in statuses]).sip == best


# ---- reaching ---------------------------------------------------------------------------------------------------------------


def test_all_devices_ring_and_the_losers_are_called_off() -> None:
    async def work() -> None:
        lab = Lab()
        lab.devices["102"] = ["sip:102@a", "sip:102@b", "sip:102@c", "sip:102@d"]
        a = lab.comes("102")
        task = dial(lab, a, ToExtension("102"))
        await settle()
        assert [order.contact for order in lab.driver.placed] == ["sip:102@a", "sip:102@b", "sip:102@c"]  # max_contacts 3
        for order in lab.driver.placed:
            lab.tell(Ringing(leg=order.leg))
        await settle()
        assert [did for did in lab.driver.did if did[0] == "ring"] == [("ring", a.id)]
        lab.answers(lab.driver.placed[1])
        await settle()
        gone = {did[1] for did in lab.driver.did if did[0] == "hang_up"}
        assert gone == {lab.driver.placed[0].leg, lab.driver.placed[2].leg}
        lab.tell(Ended(leg=a.id, cause=Cause(q850=16)))
        await task
        assert [event.disposition for event in lab.ledger.of(CallEnded)] == ["answered"]
        assert not lab.engine.open_ports and not lab.switch.legs and not lab.switch.calls

    in_time(work())


@pytest.mark.parametrize(("status", "by", "lines"), [
    (503, "far", ["gateway", "provider"]), (408, "network", ["gateway", "provider"]), (403, "far", ["gateway", "provider"]),
    (486, "far", ["gateway"]), (404, "far", ["gateway"]), (480, "far", ["gateway"]),
])
def test_only_a_line_that_fails_as_a_line_is_followed_by_the_next(status: int, by: str, lines: list[str]) -> None:
    async def work() -> None:
        lab = Lab()
        lab.driver.on_place = lab.fails(status, by)
        a = lab.comes("00917700000")
        task = dial(lab, a, OUTSIDE)
        await settle()
        assert [order.endpoint for order in lab.driver.placed] == lines
        assert [order.number for order in lab.driver.placed] == ["0917700000", "+358917700000"][: len(lines)]
        a.hang_up()
        await task
        assert lab.busy("gateway") == lab.busy("provider") == 0

    in_time(work())


def test_no_port_for_the_second_leg_leaves_nothing_behind() -> None:
    async def work() -> None:
        lab = Lab(room=1)
        a = lab.comes("00917700000")
        a.open_port()
        task = dial(lab, a, OUTSIDE)
        await task
        assert ("reject", a.id, 503, 5) in lab.driver.did
        assert not lab.driver.placed and lab.busy("gateway") == 0
        assert not lab.engine.open_ports and not lab.switch.legs
        assert [event.what for event in lab.ledger.of(ShortageChanged)] == ["rtp-ports"] * 2
        assert [event.level for event in lab.ledger.of(ShortageChanged)] == ["reserve", "none"]
        assert [event.disposition for event in lab.ledger.of(CallEnded)] == ["failed"]
        assert len(lab.ledger.of(LegOpened)) == len(lab.ledger.of(LegEnded)) == 1

    in_time(work())


# ---- talking ----------------------------------------------------------------------------------------------------------------


class Talking:
    """101 talks to 102, or to the gateway."""

    def __init__(self, decision: ToExtension | ToOutside = ToExtension("102")) -> None:  # noqa: B008 - frozen
        self.lab = Lab()
        self.lab.devices = {"102": ["sip:102@a"], "103": ["sip:103@a"]}
        self.lab.driver.on_place = self.lab.answers
        self.a = self.lab.comes("102")
        self.task = dial(self.lab, self.a, decision)

    async def begin(self) -> None:
        await settle()
        self.b = next(leg for leg in self.a.call.legs if leg is not self.a)
        self.bridge: Any = None

    async def end(self) -> None:
        self.lab.tell(Ended(leg=self.a.id, cause=Cause(q850=16)))
        await self.task


def test_a_leg_of_a_call_that_is_over_is_not_left_to_the_collector() -> None:
    async def work() -> None:
        talk = Talking()
        await talk.begin()
        kept = weakref.ref(talk.b)
        gc.disable()
        try:
            await talk.end()
            await settle()
            del talk.b
            assert kept() is None
        finally:
            gc.enable()

    in_time(work())


@pytest.mark.parametrize("dtmf", ["auto", "info"])
def test_digits_by_info_cross(dtmf: str) -> None:
    async def work() -> None:
        talk = Talking(OUTSIDE)
        lines = [msgspec.structs.replace(line, dtmf=dtmf) for line in talk.lab.config.lines]
        talk.lab.switch.config = msgspec.structs.replace(talk.lab.config, lines=lines)
        await talk.begin()
        talk.lab.tell(DigitInfo(leg=talk.a.id, digit="7"))
        await settle()
        sent = [did for did in talk.lab.driver.did if did[0] == "send_info_digit"]
        port: Any = talk.b.port
        assert (port.digits, sent) == (("7", []) if dtmf == "auto" else ("", [("send_info_digit", talk.b.id, "7")]))
        await talk.end()

    in_time(work())


def test_hold_is_carried_and_counted() -> None:
    async def work() -> None:
        talk = Talking()
        await talk.begin()
        talk.lab.tell(MediaChanged(leg=talk.a.id, media=media(direction="recvonly")))
        await settle()
        port: Any = talk.b.port
        assert port.playing == 1
        talk.lab.tell(MediaChanged(leg=talk.a.id, media=media()))
        await settle()
        assert [event.leg for event in talk.lab.ledger.of(LegHeld)] == [talk.a.id, talk.b.id]
        assert [event.leg for event in talk.lab.ledger.of(LegResumed)] == [talk.a.id, talk.b.id]
        await talk.end()

    in_time(work())


def test_silence_ends_a_call_but_not_of_one_who_holds() -> None:
    async def work() -> None:
        talk = Talking()
        await talk.begin()
        assert talk.a.port is not None and talk.b.port is not None
        talk.lab.tell(MediaChanged(leg=talk.a.id, media=media(direction="recvonly")))
        talk.lab.switch._media_event(Silent(port=talk.a.port.id, seconds=60))
        await settle()
        assert not talk.task.done()
        talk.lab.switch._media_event(Silent(port=talk.b.port.id, seconds=60))
        await talk.task
        assert ("hang_up", talk.b.id, 102) in talk.lab.driver.did
        assert [event.disposition for event in talk.lab.ledger.of(CallEnded)] == ["answered"]

    in_time(work())


def test_attended_transfer_moves_the_leg_and_keeps_both_books() -> None:
    async def work() -> None:
        talk = Talking()
        lab = talk.lab
        await talk.begin()
        second = lab.comes("103")  # 101's second call
        other_task = dial(lab, second, ToExtension("103"))
        await settle()
        target = next(leg for leg in second.call.legs if leg is not second)
        first_call, second_call = talk.a.call, second.call
        lab.tell(TransferAsked(leg=talk.a.id, target="103", replaces=second.id))
        await settle()
        assert target.call is first_call and talk.a.is_ended and second.is_ended and not talk.task.done()
        assert not other_task.done()  # its record waits for the leg that it lent
        lab.tell(Ended(leg=target.id, cause=Cause(q850=16)))
        await asyncio.gather(talk.task, other_task)
        assert {event.call for event in lab.ledger.of(CallEnded)} == {first_call.id, second_call.id}
        assert all(event.disposition == "answered" for event in lab.ledger.of(CallEnded))
        kinds = [type(event) for event in lab.ledger.events]
        assert kinds.index(CallTransferred) < kinds.index(CallEnded)
        assert len(lab.ledger.of(LegEnded)) == 4 and not lab.engine.open_ports

    in_time(work())


def test_nobody_transfers_a_call_of_somebody_else() -> None:
    """REFER with the Replaces of a call that the one who asks has no part in."""
    async def work() -> None:
        talk = Talking()
        lab = talk.lab
        await talk.begin()
        foreign = lab.comes("102", endpoint="104")
        other = dial(lab, foreign, ToExtension("103"))
        await settle()
        lab.tell(TransferAsked(leg=talk.a.id, target="103", replaces=foreign.id))
        await settle()
        assert ("transfer_state", talk.a.id, 481, "No such call") in lab.driver.did
        assert not talk.a.is_ended and not lab.ledger.of(CallTransferred)
        await talk.end()
        lab.tell(Ended(leg=foreign.id, cause=Cause()))
        await other

    in_time(work())


def test_a_transfer_to_nobody_leads_back() -> None:
    async def work() -> None:
        talk = Talking()
        lab = talk.lab
        await talk.begin()
        for target, status in (("104", 480), ("999", 404), ("701", 404)):
            lab.tell(TransferAsked(leg=talk.a.id, target=target))
            await settle()
            states = [did for did in lab.driver.did if did[0] == "transfer_state"]
            assert states[-1][:3] == ("transfer_state", talk.a.id, status)
        assert not talk.task.done() and not talk.a.is_ended and not talk.b.is_ended
        await talk.end()

    in_time(work())


def test_a_call_that_is_broken_off_is_interrupted() -> None:
    async def work() -> None:
        talk = Talking()
        await talk.begin()
        await talk.lab.switch.stop()
        assert talk.task.done()
        assert [event.disposition for event in talk.lab.ledger.of(CallEnded)] == ["interrupted"]

    in_time(work())


def test_a_flow_that_fails_refuses_the_caller() -> None:
    async def work() -> None:
        lab = Lab()
        a = lab.comes("102")

        async def broken() -> None:
            raise RuntimeError("a bug")

        await lab.switch.lead(a.call, broken)
        assert ("reject", a.id, 500, None) in lab.driver.did
        assert [event.disposition for event in lab.ledger.of(CallEnded)] == ["failed"]

    in_time(work())


def test_early_answer_of_a_device_that_was_called_off_is_hung_up() -> None:
    """Two devices answer at the same moment: one wins, the other's answer changes nothing."""
    async def work() -> None:
        lab = Lab()
        lab.devices["102"] = ["sip:102@a", "sip:102@b"]
        a = lab.comes("102")
        task = dial(lab, a, ToExtension("102"))
        await settle()
        first, second = lab.driver.placed
        for order in (first, second):
            lab.tell(Answered(leg=order.leg, media=media()))
        await settle()
        hung = [did[1] for did in lab.driver.did if did[0] == "hang_up"]
        assert hung == [second.leg]
        lab.tell(Ended(leg=a.id, cause=Cause(q850=16)))
        await task
        assert not lab.switch.legs

    in_time(work())


def test_time_after_an_attended_transfer_is_talk() -> None:
    """101 talks to 102 for 10 s, then gives 102 to somebody of another call, for 20 s."""
    events: list[tuple[float, Event]] = [
        (0, LegOpened(call="c", leg="a", direction="in", kind="phone", endpoint="101")),
        (0, LegOpened(call="c", leg="b", direction="out", kind="phone", endpoint="102")),
        (2, LegAnswered(leg="b")), (2, LegAnswered(leg="a")),
        (12, CallTransferred(call="c", by_leg="a", kind="attended", target="103")), (13, LegEnded(leg="a")),
        (32, LegEnded(leg="b")), (32, CallEnded(call="c", disposition="answered")),
    ]
    records = [Record(seq, 1000 + at, at, "boot", event) for seq, (at, event) in enumerate(events, 1)]
    assert [cdr.talk for cdr in fold(records)] == [30]


@pytest.mark.parametrize(("shown", "noted"), [
    ("0401234567", "+358401234567"), ("00358401234567", "+358401234567"), ("+358401234567", "+358401234567"),
    ("358401234567", "+358401234567"), ("anonymous", "anonymous"), ("gateway", "gateway"), ("112", "112"), ("", ""),
])
def test_a_caller_s_number_is_noted_in_one_form_however_the_line_writes_it(shown: str, noted: str) -> None:
    """By it the history is found, and that a missed caller was called and reached."""
    async def work() -> None:
        lab = Lab()
        lab.comes("600")  # whoever comes is led by nobody

        def comes(kind: Any) -> Leg:
            lab.tell(Incoming(leg=f"x-{kind}", endpoint="gateway", kind=kind, number="600", caller=shown, offer=media()))
            return lab.switch.legs[f"x-{kind}"]

        assert (comes("line").number, comes("phone").number) == (noted, "600")
        opened = [event.number for event in lab.ledger.events if isinstance(event, LegOpened)]
        assert opened[-2:] == [noted, "600"]
        assert lab.switch.legs["x-line"].incoming is not None and lab.switch.legs["x-line"].incoming.caller == shown

    in_time(work())
