"""While the disk takes nothing: nobody listens to silence for ever, and nobody is promised what does not stand."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from appliance import _core as core
from appliance.calls import disk
from appliance.calls.flows.agent import AgentCodes
from appliance.calls.flows.ask import Asked
from appliance.calls.flows.desk import Customer
from appliance.calls.flows.dialogue import Dialogue, Goodbye
from appliance.calls.flows.greeting import RecordGreeting
from appliance.calls.flows.nightswitch import night_switch
from appliance.calls.flows.queue import QueueFlow
from appliance.calls.flows.survey import Survey
from appliance.calls.flows.voicemail import Voicemail
from appliance.calls.routing import ToExtension
from appliance.config.callers import Question
from appliance.config.callers import Survey as Rules
from appliance.core.office import Office as OfficeDesk
from appliance.core.queue_commands import QueueCommands
from appliance.core.surveys import Surveys
from appliance.errors import SwitchroomError
from appliance.messages import CallbackClosed, CallTransferred, CancelCallback
from drivers.base import TransferAsked
from tests.callslab import Caller, Lab, dial, hastily, settle
from tests.unit import test_calls_queue, test_calls_survey, test_calls_voicemail, test_core_acd

LATE = 10 * disk.SECONDS
"""Nobody waits for so long."""


def never() -> asyncio.Future[Any]:
    """A disk that takes nothing."""
    return asyncio.get_running_loop().create_future()


async def stuck(*_: object) -> Any:
    await never()


# ---- waiting ---------------------------------------------------------------------------------------------------------


def test_work_is_waited_for_and_goes_on_by_itself() -> None:
    async def work() -> None:
        assert await disk.in_time(asyncio.sleep(disk.SECONDS / 2, 7), "sums") == 7
        goes_on = never()
        with pytest.raises(SwitchroomError) as late:
            await disk.in_time(goes_on, "a sum")
        assert late.value.id == "ledger.late" and not goes_on.cancelled()
        await disk.noted(goes_on, "a sum")
        goes_on.set_exception(SwitchroomError("ledger.full", "Full.", ""))
        with pytest.raises(SwitchroomError):
            await disk.noted(goes_on, "a sum")

    hastily(work())


# ---- the queue and callbacks -----------------------------------------------------------------------------------------


class Waiting(test_calls_queue.Visit):
    """A caller who waits, hears the offer of a callback, and takes it."""

    def __init__(self, flushed: Any, tells: bool = True) -> None:
        super().__init__()
        self.flushed, self.tells = flushed, tells
        self.desk.flushed = lambda: asyncio.ensure_future(flushed())  # type: ignore[attr-defined]
        tell = self.desk.tell

        def told(event: core.AcdEvent) -> list[core.Action]:
            party = self.desk.party
            if isinstance(event, core.KeepPlace) and not self.tells:
                self.desk.party = None  # what is decided waits for the ledger
            try:
                return tell(event)
            finally:
                self.desk.party = party

        self.desk.tell = told  # type: ignore[method-assign]

    async def run(self) -> tuple[list[str], asyncio.Future[None], QueueFlow]:
        self.desk.tell(core.Dial(self.agent))
        leg = self.lab.comes(self.queue.number or "", "gateway", "line")
        leg.incoming = msgspec.structs.replace(leg.incoming, caller="+358917700123")
        caller = Caller(self.lab, leg, {"queue-welcome": [self.queue.callback.digit], "callback-number": ["1"]})
        queue = msgspec.structs.replace(self.queue, offer_callback_after_seconds=0)
        flow = QueueFlow(leg, queue, self.desk, self.lab)
        return caller.said, asyncio.ensure_future(flow.run()), flow


async def heard(said: list[str], prompt: str) -> None:
    async with asyncio.timeout(LATE):
        while prompt not in said:
            await asyncio.sleep(0.01)


def test_nobody_is_promised_a_call_while_the_disk_takes_nothing() -> None:
    """The caller hears so, and waits on in the old place."""

    async def work() -> None:
        visit = Waiting(stuck)
        said, task, flow = await visit.run()
        await heard(said, "callback-not-possible")
        assert not [event for event in visit.desk.told if isinstance(event, core.KeepPlace)]
        view = visit.desk.core.contact(flow.contact)
        assert view is not None and view.state == "waiting" and not view.virtual and not task.done()
        assert "callback-noted" not in said
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    hastily(work())


def test_a_caller_hears_no_silence_where_the_disk_stops_in_the_moment_of_the_promise() -> None:
    async def work() -> None:
        visit = Waiting(lambda: asyncio.sleep(0), tells=False)
        said, task, flow = await visit.run()
        await heard(said, "please-wait")
        assert "callback-noted" not in said
        flow.act(core.KeptPlace(flow.contact, flow.queue, 0.0, 0.0, 0.0))  # the disk goes on
        await heard(said, "callback-noted")
        await asyncio.wait_for(task, LATE)

    hastily(work())


def test_a_wish_that_does_not_stand_is_not_promised_and_not_kept() -> None:
    async def work() -> None:
        office = test_core_acd.Office(agents=())
        office.ledger.flush = stuck  # type: ignore[method-assign]
        call = office.lab.switch.new_call("queue")
        customer = Customer("104", "Daria", "en", {})
        assert not await asyncio.wait_for(office.acd.promise("billing", call, customer), LATE)
        assert office.acd.core.contact(call.id) is None and office.ledger.of(CallbackClosed)

    hastily(work())


@pytest.mark.parametrize("first", ["customer", "agent"])
def test_nobody_is_rung_for_a_wish_that_was_refused(first: str) -> None:
    """An agent is free at once. The disk takes the promise after all, and what called it off only with its next breath."""

    async def work() -> None:
        office = test_core_acd.Office(callback_first=first)
        office.ledger.flush = stuck  # type: ignore[method-assign]
        call = office.lab.switch.new_call("queue")
        assert not await office.acd.promise("billing", call, Customer("+358401234567", "Daria", "en", {}))
        for written in office.ledger.waiting:
            if not written.done():
                written.set_result(1)
            await settle()
        assert office.rung() == [] and not office.acd._order.waits(call.id)

    hastily(work())


def test_who_calls_a_callback_off_is_told_that_it_is_not_on_the_disk() -> None:
    async def work() -> None:
        office = test_core_acd.Office(agents=())
        office.enters()
        office.acd.tell(core.KeepPlace(office.contact))
        office.ledger.flush = stuck  # type: ignore[method-assign]
        box = SimpleNamespace(acd=office.acd, ledger=office.ledger)
        with pytest.raises(SwitchroomError) as late:
            await asyncio.wait_for(QueueCommands._cancel_callback(
                SimpleNamespace(_box=box), CancelCallback(contact=office.contact)), LATE)  # type: ignore[arg-type]
        assert late.value.id == "ledger.late"

    hastily(work())


def test_who_waits_on_the_line_for_a_decision_is_not_kept_by_the_disk() -> None:
    """A promise waits for the disk, whatever it takes; an agent who waits for what becomes of a customer does not."""

    async def work() -> None:
        office = test_core_acd.Office()
        office.enters()
        order, done = office.acd._order, list[core.Action]()
        order._do = done.append  # type: ignore[method-assign]
        retry, kept = core.RetryLater("c1", "billing", "busy", 1.0, 0.0), core.KeptPlace("c2", "billing", 0.0, 0.0, 0.0)
        order.put("c1", retry, never())
        order.put("c2", kept, never())
        await asyncio.sleep(LATE)
        assert done == [retry] and order.waits("c2")

    hastily(work())


# ---- codes, surveys, messages ----------------------------------------------------------------------------------------


def test_an_answer_that_does_not_stand_ends_the_survey_with_a_word() -> None:
    async def work() -> None:
        lab = Lab()
        lab.ledger.commit = lambda *events: never()  # type: ignore[method-assign]
        leg = lab.comes("600", "gateway", "line")
        leg.open_port()
        leg.answer()
        said = Caller(lab, leg, {"survey-csat": ["5"]}).said
        desk = Surveys(lab.ledger, None, lambda: lab.config, lab.switch.clock, str)  # type: ignore[arg-type]
        rules = Rules(name="after", questions=[Question(name="q", kind="csat"), Question(name="r", kind="nps")])
        await asyncio.wait_for(lab.switch.lead(leg.call, Survey(leg, rules, test_calls_survey.ABOUT, desk).run), LATE)
        assert said == ["survey-intro", "survey-csat", "technical-trouble"]

    hastily(work())


def test_a_comment_that_does_not_stand_ends_the_survey_with_a_word(tmp_path: Path) -> None:
    async def work() -> None:
        lab = Lab()
        leg = lab.comes("600", "gateway", "line")
        leg.open_port()
        leg.answer()
        shelf = test_calls_survey.Shelf(tmp_path)
        shelf.said = stuck  # type: ignore[method-assign, assignment]
        said = Caller(lab, leg, {}).said
        desk = test_calls_survey.Desk(lab, shelf=shelf)
        rules = Rules(name="after", questions=[test_calls_survey.COMMENT])
        lab.switch.lead(leg.call, Survey(leg, rules, test_calls_survey.ABOUT, desk).run)
        await heard(said, "technical-trouble")

    hastily(work())


class StuckSwitch(test_calls_voicemail.Switch):
    async def switch(self, hours: str, setting: Any, by: str) -> None:
        await never()


def test_who_switches_the_night_is_told_that_it_does_not_stand() -> None:
    _, said = test_calls_voicemail.converse(lambda talk: night_switch(talk, "", StuckSwitch()), {"night-menu": ["2"]})
    assert said == ["night-by-hours-open", "night-menu", "technical-trouble"]


@pytest.mark.parametrize("problem", [None, SwitchroomError("greeting.unwritable", "No.", "")])
def test_who_sets_a_greeting_is_told_that_it_does_not_stand(tmp_path: Path, problem: SwitchroomError | None) -> None:
    class Studio(test_calls_voicemail.Studio):
        async def use_text(self, owner: str, name: str, by: str) -> None:
            if problem is not None:
                raise problem
            await never()

    def record(talk: Dialogue) -> Awaitable[None]:
        return RecordGreeting(talk.leg, "menu", "main", Studio(tmp_path, tmp_path / "old.wav"), talk).run()

    _, said = test_calls_voicemail.converse(record, {"greeting-menu": ["0"]})
    assert said == ["greeting-menu", "technical-trouble"]


def test_who_leaves_a_message_is_told_that_it_does_not_stand(tmp_path: Path) -> None:
    class Room(test_calls_voicemail.Room):
        async def keep(self, message: Any) -> None:
            await never()

    async def work() -> None:
        lab = Lab()
        leg = lab.comes("600", "gateway", "line")
        said = Caller(lab, leg, {"voicemail-review": ["1"]}).said
        await asyncio.wait_for(
            lab.switch.lead(leg.call, Voicemail(leg, "office", [], Room(tmp_path, audio=[True])).run), LATE)  # type: ignore[arg-type]
        assert said[-1] == "technical-trouble" and "voicemail-saved" not in said

    hastily(work())


def test_an_agent_whose_outcome_does_not_stand_is_told_so() -> None:
    async def work() -> None:
        lab = Lab()
        desk = SimpleNamespace(last_contact=lambda agent: ("c1", "billing"), note_outcome=stuck)
        outcome = lab.config.outcomes[0]
        leg = lab.comes("*47")
        leg.answer()
        said = Caller(lab, leg, {}).said
        codes = AgentCodes(lab.switch, desk, None)  # type: ignore[arg-type]
        await asyncio.wait_for(codes._outcome(leg, outcome.code, SimpleNamespace(id="anna")), LATE)  # type: ignore[arg-type]
        assert said == ["technical-trouble"]

    hastily(work())


# ---- what is promised to nobody --------------------------------------------------------------------------------------


def test_a_caller_in_a_menu_goes_on_with_what_was_keyed() -> None:
    async def work() -> None:
        lab = Lab()
        lab.ledger.commit = lambda *events: never()  # type: ignore[method-assign]
        leg = lab.comes("600", "gateway", "line")
        office = SimpleNamespace(_box=SimpleNamespace(config=lab.config, ledger=lab.ledger))
        await asyncio.wait_for(OfficeDesk.keyed(office, leg, Asked("account", "Account", "4711")), LATE)  # type: ignore[arg-type]
        assert leg.call.facts == {"account": "4711"}

    hastily(work())


def test_a_transfer_is_made_and_noted_later() -> None:
    async def work() -> None:
        lab = Lab()
        lab.devices = {"102": ["sip:102@a"], "103": ["sip:103@a"]}
        lab.driver.on_place = lab.answers
        leg = lab.comes("102")
        task = dial(lab, leg, ToExtension("102"))
        await settle()
        commits, lab.ledger.commit = list[Any](), lambda *events: (commits.extend(events), never())[1]  # type: ignore[method-assign]
        lab.tell(TransferAsked(leg=leg.id, target="103"))
        await asyncio.sleep(LATE)
        assert [type(event) for event in commits] == [CallTransferred]
        assert [order.endpoint for order in lab.driver.placed] == ["102", "103"]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    hastily(work())


def test_goodbye_of_what_is_no_matter_of_the_disk_is_another() -> None:
    async def work() -> None:
        lab = Lab()
        leg = lab.comes("*28")
        Caller(lab, leg, {})
        from appliance.calls.flows.dialogue import promised

        async def refused() -> None:
            raise SwitchroomError("night.no-hours", "No.", "")

        with pytest.raises(SwitchroomError):
            await promised(refused(), "a switch", Dialogue(leg, "en"))
        with pytest.raises(Goodbye):
            await promised(never(), "a switch", Dialogue(leg, "en"))

    hastily(work())
