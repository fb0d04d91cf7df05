"""A caller in a queue: how the contact enters, what the agent's phone shows, what the caller is told."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import msgspec
import pytest

from appliance import _core as core
from appliance.acd.of_config import rules_of
from appliance.calls.flows.callback import CallbackFlow
from appliance.calls.flows.desk import Customer
from appliance.calls.flows.label import MOST_LABEL, label
from appliance.calls.flows.queue import QueueFlow
from appliance.calls.flows.ring import Seat
from appliance.calls.leg import Leg
from appliance.calls.routing import ToExtension
from appliance.config.model import CallerList
from appliance.config.opening import ALWAYS, Opening
from appliance.config.values import RecordRule
from appliance.messages import Cause
from drivers.base import Ended
from tests.callslab import Lab, settle


class Desk:
    """The core's side with a real ACD of the reference office; agents sit at their own phones."""

    def __init__(self, lab: Lab) -> None:
        self.lab, self.party = lab, None
        self.core = core.Acd(1)
        self.core.configure(*rules_of(lab.config), lab.switch.clock.utc())
        self.told: list[core.AcdEvent] = []
        self.hours = ALWAYS
        self.promised: Customer | None = None

    def now(self) -> float:
        return self.lab.switch.clock.utc()

    def tell(self, event: core.AcdEvent) -> list[core.Action]:
        self.told.append(event)
        actions = self.core.step(self.lab.switch.clock.utc(), event)
        for action in actions:
            if self.party is not None and getattr(action, "contact", "") == self.party.contact:
                self.party.act(action)
        return actions

    def lead(self, contact: str, party: Any, customer: Customer) -> None:
        self.party = party

    def leave(self, contact: str, party: Any) -> None:
        self.party = None

    async def promise(self, queue: str, call: Any, customer: Customer) -> bool:
        self.promised = customer
        actions = self.tell(core.Enter(call.id, queue, "callback", caller=self.caller_key(customer.number), virtual=True))
        return not any(isinstance(action, core.Denied) for action in actions)

    def opening(self, hours: str | None) -> Opening:
        return self.hours

    def seat_of(self, agent: str, queue: str) -> Seat | None:
        known = self.lab.config.agent(agent)
        return Seat(ToExtension(known.extension), False, "en") if known and known.extension else None

    def caller_key(self, number: str) -> str:
        return f"key of {number}"

    def last_agent(self, caller: str, queue: str) -> str:
        return ""

    def serving(self, leg: Leg, party: Any, agent: str) -> None: ...
    def agent_at(self, extension: str) -> str:
        return ""


class Visit:
    """A phone of the house calls a queue that an agent is signed in to; `heard` is what it is played first."""

    def __init__(self) -> None:
        self.lab = Lab()
        self.desk = Desk(self.lab)
        self.heard: list[bytes] = []
        self.queue = next(queue for queue in self.lab.config.queues if queue.members)
        self.agent = next(member.agent for member in self.queue.members
                          if self.desk.seat_of(member.agent, self.queue.name) is not None)
        self.desk.tell(core.SignIn(self.agent))

    def comes(self, *, rung: bool, vip: CallerList | None = None) -> Leg:
        """The caller; with `rung` the agent has a phone."""
        known = self.lab.config.agent(self.agent)
        assert known is not None and known.extension is not None
        if rung:
            self.lab.devices[known.extension] = ["phone"]
        leg = self.lab.comes(self.queue.number or "", "103" if known.extension != "103" else "101")
        leg.call.vip = vip
        return leg

    async def talk(self, *, vip: CallerList | None = None) -> tuple[Leg, asyncio.Future[None]]:
        """The agent answers: both talk."""
        leg = self.comes(rung=True, vip=vip)
        task = asyncio.ensure_future(QueueFlow(leg, self.queue, self.desk, self.lab).run())
        await settle()
        self.lab.answers(self.lab.driver.placed[0])
        await settle()
        view = self.desk.core.contact(leg.call.id)
        assert view is not None and view.state == "connected"
        return leg, task

    async def call(self, *, vip: CallerList | None = None, facts: dict[str, str] | None = None, rung: bool = False) -> core.Enter:
        """Until the caller hears something, or the agent's phone rings."""
        leg = self.comes(rung=rung, vip=vip)
        leg.call.facts = facts or {}
        self.lab.engine.on_play = lambda port, clips, play: self.heard.extend(clips)
        task = asyncio.ensure_future(QueueFlow(leg, self.queue, self.desk, self.lab).run())
        for _ in range(200):
            await asyncio.sleep(0)
            if self.lab.driver.placed if rung else self.heard:
                break
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        return next(event for event in self.desk.told if isinstance(event, core.Enter) and event.contact == leg.call.id)


@pytest.mark.parametrize(("priority", "entered"), [(None, (0, True)), (7, (7, False)), (0, (0, False))])
def test_a_list_of_vips_has_a_priority_of_its_own_or_the_queues(priority: int | None, entered: tuple[int, bool]) -> None:
    async def work() -> None:
        listed = CallerList(name="friends", kind="vip", numbers=["+3589177"], priority=priority)
        enter = await Visit().call(vip=listed)
        assert (enter.priority, enter.vip) == entered

    asyncio.run(work())


def test_who_is_no_vip_enters_as_all_do() -> None:
    async def work() -> None:
        enter = await Visit().call()
        assert (enter.priority, enter.vip) == (0, False)

    asyncio.run(work())


def test_who_is_cut_off_and_calls_again_is_told_of_the_old_place() -> None:
    async def work() -> None:
        visit = Visit()
        visit.desk.tell(core.Dial(visit.agent))
        first = await visit.call()
        assert b"queue-welcome" in visit.heard and b"queue-place-back" not in visit.heard
        visit.desk.tell(core.HangUp(first.contact, "cut"))
        visit.heard.clear()
        await visit.call()
        assert b"queue-place-back" in visit.heard and b"queue-welcome" not in visit.heard

    asyncio.run(work())


def test_the_agents_phone_shows_what_was_keyed_in() -> None:
    async def work() -> None:
        visit = Visit()
        await visit.call(facts={"account": "4711"}, rung=True)
        assert visit.lab.driver.placed[0].caller_name.endswith(f" - 4711 - {visit.queue.name}")

    asyncio.run(work())


@pytest.mark.parametrize(("name", "number", "keyed", "shown"), [
    ("Anna Virta", "+358401234567", ["4711"], "Anna Virta - 4711 - billing"),
    ("", "+358401234567", [], "+358401234567 - billing"),
    ("Eve\r\nVia: x\x1b[2J\u202eabc", "1", ["", " "], "Eve Via: x [2J abc - billing"),
    ("Ann", "1", ["1" * 24, "2" * 24, "3" * 24, "4"], "Ann - " + "1" * 24 + " - " + "2" * 24 + " - billing"),
    ("A" * 500, "1", ["5" * 500], "A" * 40 + " - " + "5" * 24 + " - billing"),
])  # fmt: skip
def test_labels_are_short_and_printable(name: str, number: str, keyed: list[str], shown: str) -> None:
    found = label(name, number, keyed, "billing")
    assert found == shown and len(found) <= MOST_LABEL and found.isprintable()


def test_a_callback_goes_on_when_its_promise_is_on_disk_after_the_agent_rings() -> None:
    """An agent is free at once: the offer is there before the ledger has the promise."""

    async def work() -> None:
        visit = Visit()
        lab, desk = visit.lab, visit.desk
        known = lab.config.agent(visit.agent)
        assert known is not None and known.extension is not None
        lab.devices[known.extension] = ["phone"]
        call = lab.switch.new_call("callback")
        flow = CallbackFlow(call, "wish", visit.queue.name, desk, lab, Customer("+358917700123", "Ann", "en", {}))
        desk.lead("wish", flow, flow.customer)
        task = lab.switch.lead(call, flow.run)
        kept = desk.tell(core.Enter("wish", visit.queue.name, "callback", virtual=True))
        await settle()
        assert flow.rings and not task.done() and any(isinstance(action, core.KeptPlace) for action in kept)
        lab.answers(lab.driver.placed[0])
        await settle()
        assert any(isinstance(event, core.Answer) for event in desk.told)
        assert [order.number for order in lab.driver.placed[1:]] == ["0917700123"]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(work())


@pytest.mark.parametrize("gone", [False, True])
def test_an_agent_who_hangs_up_while_told_of_the_queue_leaves_nobody_behind(gone: bool) -> None:
    """Back in the old place with the priority of the list; where the queue went meanwhile, on with a word."""

    async def work() -> None:
        visit = Visit()
        lab, desk = visit.lab, visit.desk
        visit.queue = msgspec.structs.replace(visit.queue, tell_agent="A call for billing.")
        queues = [visit.queue if queue.name == visit.queue.name else queue for queue in lab.config.queues]
        lab.config = lab.switch.config = msgspec.structs.replace(lab.config, queues=queues)
        leg, task = await visit.talk(vip=CallerList(name="friends", kind="vip", numbers=["+3589177"], priority=7))
        agent = lab.driver.placed[0].leg
        if gone:
            rest, people = rules_of(lab.config)
            desk.core.configure([queue for queue in rest if queue.name != visit.queue.name], people, lab.switch.clock.utc())
        lab.tell(Ended(leg=agent, cause=Cause(q850=16, by="far")))
        await settle()
        view = desk.core.contact(leg.call.id)
        if gone:
            assert view is None and [sent.prompt for sent in lab.sent] == ["queue-goodbye"]  # type: ignore[union-attr]
        else:
            assert view is not None and view.state in ("waiting", "offered") and view.priority == 7
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(work())


@pytest.mark.parametrize(("party", "cause"), [
    ("agent", Cause(q850=102, by="near", text="no audio")), ("agent", Cause(by="network")), ("agent", Cause(q850=16, by="far")),
    ("caller", Cause(q850=102, by="near", text="no audio")), ("caller", Cause(q850=16, by="far")),
])
def test_who_is_lost_in_a_conversation(party: str, cause: Cause) -> None:
    """A caller whose agent's phone falls silent waits again, in the old place; who hangs up has hung up. A caller who is lost has
    been cut off: whoever calls again has the old place."""

    async def work() -> None:
        visit = Visit()
        lab, desk = visit.lab, visit.desk
        leg, task = await visit.talk()
        agent = lab.driver.placed[0].leg
        lab.engine.on_play = lambda port, clips, play: visit.heard.extend(clips)
        lab.tell(Ended(leg=agent if party == "agent" else leg.id, cause=cause))
        await settle()
        view = desk.core.contact(leg.call.id)
        if party == "agent" and cause.q850 != 16:
            assert view is not None and view.state == "waiting" and not leg.hanging_up and b"queue-place-back" in visit.heard
            lab.tell(Ended(leg=leg.id, cause=Cause(q850=16, by="far")))
            await settle()
            assert desk.core.contact(leg.call.id) is None
        else:
            assert view is None
        ends = [event.by for event in desk.told if isinstance(event, core.HangUp)]
        lost = cause.q850 != 16
        assert ends == ["agent" if party == "agent" and not lost else "cut" if party == "caller" and lost else "caller"]
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(work())


def test_who_waits_again_after_the_agent_was_lost_is_not_recorded_meanwhile() -> None:
    """It goes on to whoever comes next, by the rules for that one: perhaps of another queue, which records nobody."""

    async def work() -> None:
        visit = Visit()
        lab, desk = visit.lab, visit.desk
        config = msgspec.structs.replace(lab.config, recording=msgspec.structs.replace(lab.config.recording, announce=False))
        lab.config = lab.switch.config = config
        lab.recorder.rule = RecordRule("always")
        leg = visit.comes(rung=True)
        task = asyncio.ensure_future(QueueFlow(leg, visit.queue, desk, lab).run())
        await settle()
        made = lab.recorder.recording = SimpleNamespace(leg=leg, over=False)
        made.stop = lambda: setattr(made, "over", True)
        agent = lab.driver.placed[0].leg
        lab.answers(lab.driver.placed[0])
        await settle()
        assert lab.recorder.begun == [(visit.queue.name, "rule")] and not made.over
        lab.tell(Ended(leg=agent, cause=Cause(q850=102, by="near", text="no audio")))
        await settle()
        view = desk.core.contact(leg.call.id)
        assert view is not None and view.state == "waiting" and made.over
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(work())
