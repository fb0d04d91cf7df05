"""Queues on real SIP where things do not go smoothly: who is turned away or waits too long, callbacks of each kind, rules that
change under the callers' feet, agents and phones that do what they should not. Nobody may be lost."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Any, Self

import pytest

from appliance import bus
from appliance.messages import (
    AcdConfigured,
    CallbackAttempted,
    CallbackClosed,
    CallbackFailed,
    CallReached,
    Changed,
    ContactConnected,
    ContactLeft,
    ContactOffered,
    OfferEnded,
    QueuesReply,
)
from tests.peers.net import wait_for
from tests.peers.queues import PHONES, QueueHouse
from tests.peers.station import Station, StationCall

LATE = "max_wait_seconds = 1\nwhen_full_or_late = "
KEEPS = ('agents = ["anna", "boris"]\noffer_callback_after_seconds = 1\nwhen_full_or_late = "hangup"\n'
         '[queues.callback]\nask_number = false\n')
RULES = {
    "to-queue": f'agents = ["anna"]\n{LATE}"queue:second"',
    "second": 'agents = ["chen"]\nwhen_full_or_late = "hangup"',
    "to-extension": f'{LATE}"extension:104"',
    "to-outside": f'agents = ["anna"]\n{LATE}"outside:+358401112244"',
    "to-mailbox": f'agents = ["anna"]\n{LATE}"voicemail:front"',
    "nobody": 'agents = ["anna"]\nwhen_nobody_signed_in = "extension:104"',
    "breaks": 'agents = ["anna"]\nwhen_all_on_break = "extension:104"',
    "full": 'agents = ["anna"]\nmax_waiting = 1\nwhen_full_or_late = "extension:104"',
    "long": 'agents = ["anna"]\nmax_expected_wait_seconds = 60\nusual_call_seconds = 600\nwhen_wait_too_long = "extension:104"',
    "last-out": 'agents = ["anna"]\nwhen_nobody_signed_in = "extension:104"\nleave_with_last_agent = true',
    "hours": 'agents = ["anna"]\nhours = "office"\nwhen_closed = "extension:104"',
    "agent-first": KEEPS,
    "customer-first": f'{KEEPS}first = "customer"\nattempts = 1',
    "expires": f"{KEEPS}expires_hours = 0.0006",
    "again": f'{KEEPS}first = "customer"\nattempts = 2\nminutes_between = 0.2',
    "by-day": f'{KEEPS}hours = "calling"',
    "gone": f'{KEEPS.replace("hangup", "extension:104")}',
    "rings": 'agents = ["anna", "boris"]\nstrategy = "linear"\nwhen_full_or_late = "hangup"',
}
CALLING = '\n[[hours]]\nname = "calling"\nopen = ["daily 20:00-20:01"]\ncode = "8"\n'
"""Customers are called back in these hours alone; the box's day begins at 10:00."""
NUMBERS = {name: f"{number:02}" for number, name in enumerate(RULES, 1)}


def queue(name: str) -> str:
    head, _, callback = RULES[name].partition("[queues.callback]")
    tail = f"[queues.callback]{callback}" if callback else ""
    times = "wrap_up_seconds = 0\nring_seconds = 120"
    return f'\n[[queues]]\nname = "{name}"\nnumber = "7{NUMBERS[name]}"\n{times}\n{head}\n{tail}\n'


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueueHouse]:
    edits = {r'^code = "701"$': 'code = "999"'}
    queues = "".join(map(queue, RULES)) + CALLING
    with QueueHouse(tmp_path_factory.mktemp("ways-out"), queues, NUMBERS, edits=edits) as house:
        yield house


@pytest.fixture(scope="module")
def desks(house: QueueHouse) -> dict[str, Station]:
    return {agent: house.desk(extension, agent) for agent, extension in PHONES.items()}


@pytest.fixture(scope="module")
def daria(house: QueueHouse) -> Station:
    return house.desk("104", "daria")


@pytest.fixture(autouse=True)
def clean(house: QueueHouse, desks: dict[str, Station], daria: Station) -> Iterator[None]:
    yield
    house.empty([*desks.values(), daria, house.gateway])


def standing(call: StationCall) -> bool:
    return not call.ended


def dials(station: Station, name: str) -> StationCall:
    return station.dial(f"7{NUMBERS[name]}")


def arrives(house: QueueHouse, station: Station, name: str, reason: str, target: str) -> ContactLeft:
    """The caller of this queue comes out at this phone, for this reason."""
    station.wait_call(15, fits=standing).wait_up()
    left: ContactLeft = house.event(ContactLeft, queue=name, reason=reason)
    assert left.target == target
    return left


# ---- ways out --------------------------------------------------------------------------------------------------------


def test_late_callers_go_to_another_queue(house: QueueHouse, desks: dict[str, Station]) -> None:
    house.sign_in("chen")
    dials(desks["boris"], "to-queue").wait_up()
    left = house.event(ContactLeft, queue="to-queue", reason="max-wait")
    assert left.target == "queue:second"
    assert house.event(ContactConnected, queue="second").contact == left.contact


def test_callers_of_a_queue_without_agents_go_to_an_extension(
    house: QueueHouse, daria: Station, desks: dict[str, Station]
) -> None:
    dials(desks["boris"], "to-extension").wait_up()
    arrives(house, daria, "to-extension", "max-wait", "extension:104")


def test_late_callers_go_to_a_number_outside(house: QueueHouse, desks: dict[str, Station]) -> None:
    dials(desks["boris"], "to-outside").wait_up()
    house.gateway.wait_call(20, fits=lambda call: call.number.endswith("401112244")).wait_up()
    assert house.event(ContactLeft, queue="to-outside").target == "outside:+358401112244"


def test_late_callers_come_to_the_mailbox(house: QueueHouse, daria: Station) -> None:
    dials(daria, "to-mailbox").wait_up()
    left = house.event(ContactLeft, queue="to-mailbox", reason="max-wait")
    assert left.target == "voicemail:front"
    house.event(CallReached, call=left.contact, target="voicemail:front")


# ---- at the door -----------------------------------------------------------------------------------------------------


def test_nobody_signed_in(house: QueueHouse, daria: Station, desks: dict[str, Station]) -> None:
    dials(desks["boris"], "nobody").wait_up()
    arrives(house, daria, "nobody", "nobody-in", "extension:104")


def test_all_on_a_break(house: QueueHouse, daria: Station, desks: dict[str, Station]) -> None:
    house.sign_in("anna")
    house.control("anna", "break", reason=house.box.json("config", "show", "--json")["breaks"][0]["name"])
    dials(desks["boris"], "breaks").wait_up()
    arrives(house, daria, "breaks", "all-on-break", "extension:104")


@pytest.mark.parametrize(("name", "reason"), [("full", "full"), ("long", "long-wait")])
def test_full_and_a_wait_that_would_be_too_long(
    house: QueueHouse, daria: Station, desks: dict[str, Station], name: str, reason: str
) -> None:
    """Anna talks to the first; in `full` a second one waits."""
    house.sign_in("anna")
    first = dials(desks["boris"], name)
    desks["anna"].wait_call(fits=standing).wait_up()
    first.wait_up()
    if name == "full":
        dials(desks["chen"], name).wait_up()
        wait_for(lambda: [c.state for c in house.waiting(name, 2)].count("waiting") == 1, 10, "one waits")
    dials(desks["chen"], name).wait_up()
    arrives(house, daria, name, reason, "extension:104")


def test_the_last_agent_goes_home_while_somebody_waits(house: QueueHouse, daria: Station, desks: dict[str, Station]) -> None:
    desks["anna"].plan = [486]
    house.sign_in("anna")
    dials(desks["boris"], "last-out").wait_up()
    house.waiting("last-out")
    house.control("anna", "logout")
    arrives(house, daria, "last-out", "nobody-in", "extension:104")


def test_who_waits_when_the_office_closes_is_served(house: QueueHouse, daria: Station, desks: dict[str, Station]) -> None:
    dials(desks["chen"], "hours").wait_up()
    waits = house.waiting("hours")[0]
    house.box.run("night", "on")
    try:
        dials(desks["boris"], "hours").wait_up()
        arrives(house, daria, "hours", "closed", "extension:104")
        house.sign_in("anna")
        assert house.event(ContactConnected, queue="hours").contact == waits.id
    finally:
        house.box.run("night", "auto")


# ---- callbacks -------------------------------------------------------------------------------------------------------


def keeps_the_place(call: StationCall) -> None:
    """Press the digit of the offer, and yes."""
    for _ in range(2):
        enough = len(call.heard()) + 12000
        wait_for(lambda enough=enough: len(call.heard()) > enough, 10, "music or the question")  # type: ignore[misc]
        call.info_digit("1")


def test_the_place_is_kept_while_an_agents_phone_rings(house: QueueHouse, daria: Station, desks: dict[str, Station]) -> None:
    """The phone that rang is called off; another agent is rung for the callback, not blamed, and reaches the customer."""
    desks["anna"].plan = [180]
    house.sign_in("anna")
    call = dials(daria, "agent-first").wait_up()
    desks["anna"].wait_call(fits=standing)
    contact = house.waiting("agent-first")[0].id
    house.sign_in("boris")
    keeps_the_place(call)
    desks["boris"].wait_call(15, fits=standing).wait_up()
    call.wait_end(15)
    customer = daria.wait_call(15, fits=standing).wait_up()
    assert house.event(CallbackClosed, contact=contact).reason == "reached"
    assert house.event(ContactConnected, contact=contact).agent == "boris"
    ends = [(end.agent, end.how) for end in house.events(OfferEnded, contact=contact)]
    assert ends == [("anna", "withdrawn"), ("boris", "accepted")]
    customer.hang_up()


def test_the_customer_is_called_first(house: QueueHouse, daria: Station, desks: dict[str, Station]) -> None:
    call = dials(daria, "customer-first").wait_up()
    keeps_the_place(call)
    call.wait_end(15)
    contact = house.waiting("customer-first")[0].id
    daria.plan = [180]
    house.sign_in("anna")
    customer = daria.wait_call(15, fits=standing)
    assert not house.events(ContactOffered, contact=contact) and house.agent("anna").state == "reserved"
    customer.answer()
    desks["anna"].wait_call(15, fits=standing).wait_up()
    assert house.event(ContactConnected, contact=contact).agent == "anna"
    customer.hang_up()


def missed(house: QueueHouse, contact: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        return next((row for row in house.box.json("abandoned", "list", "--json") if row["contact"] == contact), None)

    return wait_for(look, 10, f"{contact} on the list of missed callers")  # type: ignore[return-value]


def test_who_is_not_reached_stands_on_the_list(house: QueueHouse, daria: Station, desks: dict[str, Station]) -> None:
    call = dials(daria, "customer-first").wait_up()
    keeps_the_place(call)
    call.wait_end(15)
    contact = house.waiting("customer-first")[0].id
    daria.plan = [486]
    house.sign_in("anna")
    assert house.event(CallbackClosed, 15, contact=contact).reason == "attempts"
    assert missed(house, contact)["number"] == "104"
    assert house.agent("anna").state == "ready"


def test_the_customer_is_called_again_after_a_while(house: QueueHouse, daria: Station, desks: dict[str, Station]) -> None:
    """Busy at first; meanwhile the agent is free, and the place stays. The second attempt reaches."""
    call = dials(daria, "again").wait_up()
    keeps_the_place(call)
    call.wait_end(15)
    contact = house.waiting("again")[0].id
    daria.plan = [486]
    house.sign_in("anna")
    failed = house.event(CallbackFailed, contact=contact)
    assert failed.reason == "sip-486" and 11 < failed.again - failed.at < 13
    assert house.agent("anna").state == "ready" and [c.id for c in house.waiting("again")] == [contact]
    daria.plan = [180, 200]
    customer = daria.wait_call(15, fits=standing).wait_up()
    desks["anna"].wait_call(15, fits=standing).wait_up()
    assert house.event(CallbackClosed, contact=contact).reason == "reached"
    tries = house.events(CallbackAttempted, contact=contact)
    assert [each.attempt for each in tries] == [1, 2] and tries[1].at >= failed.again
    customer.hang_up()


def test_outside_the_hours_nobody_is_called_back(house: QueueHouse, daria: Station, desks: dict[str, Station]) -> None:
    """An agent is free and serves those on the line; the virtual caller waits for the hours in which customers are called."""
    call = dials(daria, "by-day").wait_up()
    keeps_the_place(call)
    call.wait_end(15)
    contact = house.waiting("by-day")[0].id
    house.sign_in("anna")
    live = dials(desks["chen"], "by-day").wait_up()
    served = desks["anna"].wait_call(15, fits=standing).wait_up()
    joined = house.event(ContactConnected, queue="by-day")
    assert joined.contact != contact  # who came later is served first
    assert house.waiting("by-day", 2)[0].position == 1 and not house.events(ContactOffered, contact=contact)
    why = house.box.run("queue", "why", contact).stdout
    assert "callbacks wait" in why, why
    live.hang_up()
    served.wait_end()
    house.switch_night("calling", "open")
    try:
        desks["anna"].wait_call(15, fits=standing).wait_up()
        customer = daria.wait_call(15, fits=standing).wait_up()
        assert house.event(CallbackClosed, contact=contact).reason == "reached"
        customer.hang_up()
    finally:
        house.switch_night("calling", "auto")


def test_a_callback_that_nobody_makes_in_time_stands_on_the_list(house: QueueHouse, daria: Station) -> None:
    call = dials(daria, "expires").wait_up()
    contact = house.waiting("expires")[0].id
    keeps_the_place(call)
    assert house.event(CallbackClosed, 15, contact=contact).reason == "expired"
    assert missed(house, contact)["reason"] == "expired"


# ---- what should not happen ------------------------------------------------------------------------------------------


def test_a_phone_that_vanishes_while_it_rings(house: QueueHouse, desks: dict[str, Station]) -> None:
    anna = desks["anna"]
    anna.plan = [180]
    house.sign_in("anna", "boris")
    dials(desks["chen"], "rings").wait_up()
    anna.wait_call(fits=standing)
    anna._expires = 0
    anna.register()
    try:
        joined = house.event(ContactConnected, queue="rings")
        assert joined.agent == "boris"
        ends = [(end.agent, end.how) for end in house.events(OfferEnded, contact=joined.contact)]
        assert ends[0] == ("anna", "unreachable") and house.agent("anna").state == "not-answering"
    finally:
        anna._expires = 300
        anna.register()
    wait_for(lambda: house.agent("anna").state == "ready", 10, "anna is back with her phone")


def test_a_phone_that_is_dead_is_passed_over_in_seconds(house: QueueHouse, desks: dict[str, Station]) -> None:
    """Unplugged, its registration still stands: no answer at all. Why is told, and it comes back by itself."""
    anna = desks["anna"]
    house.sign_in("anna", "boris")
    anna.deaf = True
    dials(desks["chen"], "rings")
    contact = house.waiting("rings")[0].id
    rung = desks["boris"].wait_call(20, fits=standing).wait_up()
    house.event(ContactConnected, contact=contact, agent="boris")
    offers = house.events(ContactOffered, contact=contact)
    assert [offer.agent for offer in offers] == ["anna", "boris"]
    assert 3.5 < offers[1].at - offers[0].at < 6
    ends = [(end.agent, end.how) for end in house.events(OfferEnded, contact=contact)]
    assert ends[0] == ("anna", "unreachable")
    assert (house.agent("anna").state, house.agent("anna").reason) == ("not-answering", "unreachable")
    assert "the phone could not be reached" in house.box.run("queue", "why", contact).stdout
    rung.hang_up()
    wait_for(lambda: house.status().calls == 0, 10, "the call to end")
    dials(desks["chen"], "rings")
    desks["boris"].wait_call(2, fits=standing).wait_up().hang_up()  # at once: nobody waits for her phone again
    anna.deaf = False
    wait_for(lambda: house.agent("anna").state == "ready", 10, "anna is back with her phone")


def test_a_phone_that_falls_silent_in_a_conversation(house: QueueHouse, desks: dict[str, Station]) -> None:
    """Its caller is not hung up on: the next agent's phone rings."""
    house.sign_in("anna", "boris")
    call = dials(desks["chen"], "rings").wait_up()
    anna = desks["anna"].wait_call(fits=standing).wait_up()
    first = house.event(ContactConnected, queue="rings", agent="anna", seconds=10)
    anna.mute = True
    boris = desks["boris"].wait_call(20, fits=standing).wait_up()
    wait_for(lambda: [each.agent for each in house.events(ContactConnected, contact=first.contact)] == ["anna", "boris"], 10,
             "Boris to have the caller")
    assert anna.ended_by == "box" and call.up
    call.hang_up()
    boris.wait_end()


def test_agents_who_are_unknown_or_signed_in_already(house: QueueHouse, daria: Station, desks: dict[str, Station]) -> None:
    refused = house.box.run("agent", "login", "nobody", check=False)
    assert refused.returncode != 0 and "There is no agent nobody" in refused.stderr and "anna" in refused.stderr
    house.sign_in("anna")
    twice = house.box.run("agent", "login", "anna", "--at", "104", check=False)
    assert twice.returncode != 0 and "anna is signed in already: ready" in twice.stderr
    call = daria.dial("*41").wait_up()
    wait_for(lambda: len(call.heard()) > 8000, 10, "the question for the extension")
    for key in "101#1101#":
        call.info_digit(key)
    call.wait_end(20)
    anna = house.agent("anna")
    assert (anna.state, anna.extension) == ("ready", "101")


def test_a_queue_that_is_taken_out_loses_nobody(house: QueueHouse, daria: Station, desks: dict[str, Station]) -> None:
    """One waits on the line, one to be called back: the one goes where the queue overflowed, the other stands on the list."""
    dials(desks["chen"], "gone").wait_up()
    virtual = dials(daria, "gone").wait_up()
    keeps_the_place(virtual)
    virtual.wait_end(15)
    kept = next(contact for contact in house.waiting("gone", 2) if contact.virtual)
    text = house.box.config.read_text()
    led = f', "+35895550{NUMBERS["gone"]}" = "queue:gone"'
    assert led in text
    house.box.config.write_text(text.replace(queue("gone"), "").replace(led, ""))
    before = len(house.events(AcdConfigured))
    house.box.run("config", "import", str(house.box.config))
    wait_for(lambda: len(house.events(AcdConfigured)) > before, 10, "the new rules hold")
    arrives(house, daria, "gone", "no-queue", "extension:104")
    assert house.event(CallbackClosed, contact=kept.id).reason == "no-queue"
    assert missed(house, kept.id)["number"] == "104"


# ---- who follows -----------------------------------------------------------------------------------------------------


class Follower:
    """A screen that follows the queues (bus.Client.follow) while it is entered, on a loop of its own."""

    def __init__(self, house: QueueHouse) -> None:
        self._data = house.box.data
        self.seen: list[QueuesReply | Changed] = []
        self._thread = threading.Thread(target=lambda: asyncio.run(self._follow()), daemon=True)
        self._stop = threading.Event()

    def __enter__(self) -> Self:
        self._thread.start()
        wait_for(lambda: self.seen, 10, "the whole state")
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        self._thread.join(10)

    async def _follow(self) -> None:
        async with bus.Client(self._data) as client:
            follow = client.follow(every=0.5)
            reading = asyncio.create_task(self._read(follow))
            while not self._stop.is_set():
                await asyncio.sleep(0.05)
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)

    async def _read(self, follow: AsyncIterator[QueuesReply | Changed]) -> None:
        async for each in follow:
            self.seen.append(each)

    def told(self, core: str) -> list[tuple[str, str]]:
        """What happened to contacts in the changes of this core: type and contact."""
        return [(event["type"], event.get("contact", "")) for each in self.seen if isinstance(each, Changed) and each.core == core
                for event in each.events if event.get("contact")]


def served_once(house: QueueHouse, desks: dict[str, Station]) -> str:
    """A caller whom Anna served from beginning to end; the contact."""
    before = len(house.events(ContactConnected))
    caller = dials(desks["chen"], "rings").wait_up()
    at_anna = desks["anna"].wait_call(15, fits=standing).wait_up()
    joined = wait_for(lambda: house.events(ContactConnected)[before:], 10, "the conversation")[0]
    caller.hang_up()
    at_anna.wait_end()
    return joined.contact


def written(house: QueueHouse, contact: str) -> list[str]:
    """The kinds of the contact's events in the ledger."""
    return [type(record.event).__name__ for record in house.reader.read(limit=1_000_000)
            if getattr(record.event, "contact", "") == contact and hasattr(record.event, "at")]


def test_who_follows_sees_every_change_also_over_a_restart(house: QueueHouse, desks: dict[str, Station]) -> None:
    """The whole first, then each change by its number; after a kill the whole again, of another core. What is told is what the
    ledger has, and the last number is the state's own."""
    with Follower(house) as follower:
        first = house.queues().core
        house.sign_in("anna")
        contact = served_once(house, desks)
        wait_for(lambda: ("ContactEnded", contact) in follower.told(first), 10, "the end of the first contact")
        house.box.kill("core")
        wait_for(lambda: follower.seen[-1].core != first, 30, "the state of the new core")
        second = follower.seen[-1].core
        house.sign_in("anna") if house.agent("anna").state == "logged-out" else None
        for desk in desks.values():
            desk.register()
        wait_for(lambda: house.agent("anna").state == "ready", 20, "anna is ready again")
        again = served_once(house, desks)
        wait_for(lambda: ("ContactEnded", again) in follower.told(second), 10, "the end of the second contact")
        wait_for(lambda: (follower.seen[-1].core, follower.seen[-1].number) == (house.queues().core, house.queues().number),
                 10, "nothing more to come")
    known: tuple[str, int] = ("", 0)
    for each in follower.seen:
        if isinstance(each, Changed):
            assert (each.core, each.number) == (known[0], known[1] + 1)
        known = (each.core, each.number)
    wholes = [each.core for each in follower.seen if isinstance(each, QueuesReply)]
    assert list(dict.fromkeys(wholes)) == [first, second]
    wait_for(lambda: all("ContactEnded" in written(house, one) for one in (contact, again)), 10, "the ledger has both")
    for core, one in ((first, contact), (second, again)):
        assert [kind for kind, of in follower.told(core) if of == one] == written(house, one)
