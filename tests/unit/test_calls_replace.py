"""One leg takes another's place (appliance/calls/replace.py): who may, what the parties hear, what the record says."""

from __future__ import annotations

import asyncio

import pytest

from appliance.calls.flows.dial import Dial
from appliance.calls.leg import Leg
from appliance.calls.routing import ToExtension, ToOutside
from appliance.messages import CallEnded, CallTransferred, Cause, Event, LegOpened, LegResumed
from drivers.base import Answered, Ended, Incoming, MediaChanged, Ringing
from tests.callslab import Lab, media, settle


class Scene:
    """101 has called 102 (or the gateway); it rings there, or they talk."""

    def __init__(self, decision: ToExtension | ToOutside = ToExtension("102"), *, up: bool = True) -> None:  # noqa: B008 - frozen
        self.lab = Lab()
        self.lab.devices = {"102": ["sip:102@a", "sip:102@b"], "103": ["sip:103@a"]}
        self.a = self.lab.comes("102")
        if up:
            self.lab.driver.on_place = lambda order: self.lab.answers(order) if order.contact != "sip:102@b" else None
        self.task = self.lab.switch.lead(self.a.call, lambda: Dial(self.a, self.lab).run(decision))

    async def begin(self) -> Leg:
        await settle()
        return self.a.call.legs[1]

    def takes(self, leg: Leg, endpoint: str = "103", kind: str = "phone") -> str:
        """An INVITE with Replaces comes."""
        id = f"new-{endpoint}"
        self.lab.tell(Incoming(leg=id, endpoint=endpoint, kind=kind, number="x", caller=endpoint, offer=media(),  # type: ignore[arg-type]
                               replaces=leg.id))
        return id

    def did(self, name: str, leg: str) -> bool:
        return any(did[:2] == (name, leg) for did in self.lab.driver.did)

    async def end(self, leg: str) -> CallEnded:
        self.lab.tell(Ended(leg=leg, cause=Cause(q850=16)))
        await self.task
        ended = self.lab.ledger.of(CallEnded)
        assert len(ended) == 1 and not self.lab.engine.open_ports and not self.lab.switch.legs
        return ended[0]


def test_a_party_is_replaced_and_the_other_hears_the_new_one() -> None:
    async def work() -> None:
        scene = Scene()
        b = await scene.begin()
        scene.lab.tell(MediaChanged(leg=b.id, media=media(direction="recvonly")))  # B holds: it is about to transfer
        await settle()
        new = scene.takes(b)
        await settle()
        leg = scene.lab.switch.legs[new]
        assert leg.call is scene.a.call and leg.answered_at and b.is_ended and not scene.task.done()
        assert scene.did("hang_up", b.id) and not scene.did("hang_up", scene.a.id)
        assert [(e.by_leg, e.kind, e.target) for e in scene.lab.ledger.of(CallTransferred)] == [(b.id, "attended", "103")]
        assert scene.a.id in [e.leg for e in scene.lab.ledger.of(LegResumed)]
        assert {e.call for e in scene.lab.ledger.of(LegOpened)} == {scene.a.call.id}
        assert (await scene.end(new)).disposition == "answered"
        assert scene.did("hang_up", scene.a.id)

    asyncio.run(work())


def test_a_leg_that_rings_is_picked_up() -> None:
    async def work() -> None:
        scene = Scene(up=False)
        b = await scene.begin()
        scene.lab.tell(Ringing(leg=b.id))
        await settle()
        new = scene.takes(b)
        await settle()
        assert scene.lab.switch.legs[new].answered_at and scene.a.answered_at
        assert all(leg.is_ended for leg in scene.a.call.legs[1:3])  # both devices of 102
        assert [e.kind for e in scene.lab.ledger.of(CallTransferred)] == ["pickup"]
        assert (await scene.end(new)).disposition == "answered"

    asyncio.run(work())


def test_who_answers_first_while_it_is_picked_up_has_it() -> None:
    async def work() -> None:
        scene = Scene(up=False)
        b = await scene.begin()
        new = scene.takes(b)
        scene.lab.tell(Answered(leg=b.id, media=media()))
        await settle()
        assert scene.did("reject", new) and not b.is_ended and scene.a.answered_at
        assert (await scene.end(b.id)).disposition == "answered"

    asyncio.run(work())


@pytest.mark.parametrize(("endpoint", "kind", "may"), [
    ("103", "phone", True), ("gateway", "line", True), ("provider", "line", False),
])
def test_a_line_has_its_own_calls_only(endpoint: str, kind: str, may: bool) -> None:
    async def work() -> None:
        scene = Scene(ToOutside("+358917700000", ["gateway"]))
        b = await scene.begin()
        assert b.endpoint == "gateway"
        new = scene.takes(b, endpoint, kind)
        await settle()
        assert b.is_ended is may and scene.did("reject", new) is not may
        if may:
            await scene.end(new)
        else:
            scene.lab.tell(Ended(leg=b.id, cause=Cause()))
            await scene.task

    asyncio.run(work())


def test_a_call_that_is_led_by_another_flow_keeps_its_legs() -> None:
    async def work() -> None:
        scene = Scene()
        await scene.begin()
        other = scene.lab.comes("701", endpoint="104")
        new = scene.takes(other)
        await settle()
        assert ("reject", new, 603, None) in scene.lab.driver.did and not other.is_ended
        await asyncio.sleep(0)
        scene.lab.tell(Ended(leg=scene.a.id, cause=Cause()))
        await scene.task

    asyncio.run(work())


@pytest.mark.parametrize("up", [True, False])
def test_without_a_free_port_everybody_stays_where_they_are(up: bool) -> None:
    """Whoever wanted to come in is refused; the call of the others goes on."""
    async def work() -> None:
        scene = Scene(up=up)
        b = await scene.begin()
        scene.lab.engine.room = len(scene.lab.engine.open_ports)
        new = scene.takes(b)
        await settle()
        assert ("reject", new, 503, None) in scene.lab.driver.did and not scene.did("hang_up", b.id)
        assert not b.is_ended and not scene.a.is_ended and not scene.task.done() and not scene.lab.ledger.of(CallTransferred)
        if not up:
            scene.lab.tell(Answered(leg=b.id, media=media()))
            await settle()
        assert (await scene.end(b.id)).disposition == "answered"

    asyncio.run(work())


def test_who_was_refused_while_it_was_written_down_takes_nobodys_place() -> None:
    """The disk was slow: the new leg's time was over meanwhile, though its end is not here yet."""
    async def work() -> None:
        scene = Scene()
        b = await scene.begin()
        slow = asyncio.Event()
        quick = scene.lab.ledger.commit

        async def commit(*events: Event) -> None:
            await slow.wait()
            await quick(*events)

        scene.lab.ledger.commit = commit  # type: ignore[method-assign]
        new = scene.takes(b)
        await settle()
        scene.lab.driver.reject = lambda *order: scene.lab.driver.did.append(("reject", *order))  # type: ignore[method-assign]
        scene.lab.switch.legs[new].reject(603)
        slow.set()
        await settle()
        assert not scene.did("answer", new) and not scene.did("hang_up", b.id) and not scene.task.done()
        scene.lab.tell(Ended(leg=new, cause=Cause(sip=603)))
        await settle()
        await scene.end(b.id)

    asyncio.run(work())


def test_two_at_once_for_one_place() -> None:
    async def work() -> None:
        scene = Scene()
        b = await scene.begin()
        first, second = scene.takes(b, "103"), scene.takes(b, "104")
        await settle()
        assert first in scene.lab.switch.legs and scene.did("reject", second)
        await scene.end(first)

    asyncio.run(work())
