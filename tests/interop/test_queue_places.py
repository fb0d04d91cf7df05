"""Places in queues on real SIP: who goes first where one agent serves several, who has the old place again, who keeps it without
a line, and what becomes of it where calls of another kind, closed hours or a kill come in between."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from appliance.messages import (
    CallbackAttempted,
    CallbackClosed,
    CallbackFailed,
    CallbackRequested,
    ContactConnected,
    ContactLeft,
    ContactOffered,
)
from tests.peers.ear import Party
from tests.peers.net import wait_for
from tests.peers.queues import QueueHouse
from tests.peers.station import Station, StationCall

AGES = 5.0
"""Seconds in which a caller of `aged` gains one priority."""
ANNA = 'agents = ["anna"]\n'
RULES = {
    "aged": f"{ANNA}priority_rises_every_seconds = {AGES:.0f}",
    "low": ANNA,
    "second": ANNA,
    "heavy": f"{ANNA}weight = 10",
    "one": f"{ANNA}priority = 1",
    "urgent": f"{ANNA}priority = 5",
    "vips": ANNA,
    "cut": f"{ANNA}short_abandon_seconds = 0",
    "hung-up": f"{ANNA}[queues.callback]\nafter_hang_up_seconds = 1",
    "over": f'{ANNA}max_wait_seconds = 1\nwhen_full_or_late = "callback:agent-again"',
    "agent-again": f'{ANNA}offer_callback_after_seconds = 1\n[queues.callback]\nask_number = false\nfirst = "agent"\n'
                   "attempts = 2\nminutes_between = 0.2",
    "own": ANNA,
    "confirms": f"{ANNA}agent_confirms = true",
    "pause": f"{ANNA}wrap_up_seconds = 60",
    "restarted": f'{ANNA}hours = "office"\nwhen_interrupted = "call-back"\nwhen_nobody_signed_in = "hangup"',
}
NUMBERS = {name: f"{number:02}" for number, name in enumerate(RULES, 1)}
FROM_OUTSIDE = ", ".join(f'"+3589111112{NUMBERS[name]}" = "queue:{name}"' for name in ("vips", "cut"))
EDITS = {
    r'^code = "701"$': 'code = "999"',
    r"^keep_free_for_inbound = 0$": f"keep_free_for_inbound = 0\ninbound_numbers = {{ {FROM_OUTSIDE} }}",
}
VIP = '\n[[callers]]\nname = "dear"\nkind = "vip"\nnumbers = ["+358917700077"]\n'


def queue(name: str) -> str:
    pause = "" if "wrap_up_seconds" in RULES[name] else "wrap_up_seconds = 0\n"
    return f'\n[[queues]]\nname = "{name}"\nnumber = "7{NUMBERS[name]}"\nring_seconds = 120\n{pause}{RULES[name]}\n'


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QueueHouse]:
    queues = "".join(map(queue, RULES)) + VIP
    with QueueHouse(tmp_path_factory.mktemp("places"), queues, {}, edits=EDITS, provider=False) as house:
        yield house


@pytest.fixture(scope="module")
def anna(house: QueueHouse) -> Station:
    return house.desk("101", "anna")


@pytest.fixture(scope="module")
def daria(house: QueueHouse) -> Station:
    return house.desk("104", "daria")


@pytest.fixture(scope="module")
def boris(house: QueueHouse) -> Station:
    """A phone that calls."""
    return house.desk("102", "boris")


@pytest.fixture(autouse=True)
def clean(house: QueueHouse, anna: Station, boris: Station, daria: Station) -> Iterator[None]:
    house.gateway.user = "0917700123"
    yield
    house.empty([anna, boris, daria, house.gateway])


def standing(call: StationCall) -> bool:
    return not call.ended


def enters(house: QueueHouse, station: Station, name: str, count: int = 1) -> StationCall:
    """A caller, once so many are in that queue."""
    outside = f"09111112{NUMBERS[name]}" if station is house.gateway else f"7{NUMBERS[name]}"
    call = station.dial(outside).wait_up()
    house.waiting(name, count)
    return call


def listed(house: QueueHouse) -> list[str]:
    """Missed callers of the queue `cut`."""
    return [row["contact"] for row in house.box.json("abandoned", "list", "--json") if row["queue"] == "cut"]


def presses(call: StationCall, keys: str) -> None:
    """Each when what comes next has begun."""
    for key in keys:
        enough = len(call.heard()) + 12000
        wait_for(lambda enough=enough: len(call.heard()) > enough, 10, "music or the question")  # type: ignore[misc]
        call.info_digit(key)


def served(house: QueueHouse, anna: Station, calls: dict[str, StationCall]) -> list[str]:
    """Anna signs in and serves one after the other; their names (a key of `calls` is a queue's, or stands for its contact)."""
    before = len(house.events(ContactConnected))
    house.sign_in("anna")
    order: list[str] = []
    for number in range(len(calls)):
        at_anna = anna.wait_call(fits=standing).wait_up()
        joined = wait_for(lambda number=number: house.events(ContactConnected)[before + number:], 10, "the conversation")[0]  # type: ignore[misc]
        name = joined.contact if joined.contact in calls else joined.queue
        order.append(name)
        calls[name].hang_up()
        at_anna.wait_end()
    return order


# ---- who goes first --------------------------------------------------------------------------------------------------


def test_one_agent_of_several_queues_takes_by_priority_ageing_weight_and_wait(
    house: QueueHouse, anna: Station, boris: Station, daria: Station
) -> None:
    names = ["aged", "low", "heavy", "second", "one", "urgent"]
    calls = {name: enters(house, station, name) for name, station in zip(names, [daria, boris] * 3, strict=True)}
    came = house.waiting("aged")[0].since
    wait_for(lambda: house.queues().now - came > AGES, 15, "one priority more for who came first")
    assert served(house, anna, calls) == ["urgent", "aged", "one", "heavy", "low", "second"]


def test_a_vip_goes_before_who_came_earlier(house: QueueHouse, anna: Station, daria: Station) -> None:
    first = enters(house, daria, "vips")
    usual = house.waiting("vips")[0].id
    house.gateway.user = "0917700077"
    dear = enters(house, house.gateway, "vips", 2)
    vip = next(contact.id for contact in house.waiting("vips", 2) if contact.id != usual)
    assert served(house, anna, {usual: first, vip: dear}) == [vip, usual]


# ---- who has the old place again ---------------------------------------------------------------------------------------


def test_who_is_cut_off_and_calls_again_has_the_old_place(house: QueueHouse, anna: Station, daria: Station) -> None:
    """And stands on the list of missed callers only until served."""
    lost = enters(house, house.gateway, "cut")
    before = house.waiting("cut")[0]
    other = enters(house, daria, "cut", 2)
    second = next(contact.id for contact in house.waiting("cut", 2) if contact.id != before.id)
    lost.hang_up()
    assert house.event(ContactLeft, contact=before.id).reason == "abandoned"
    assert listed(house) == [before.id]
    again = enters(house, house.gateway, "cut", 2)
    now = {contact.id: contact for contact in house.waiting("cut", 2)}
    (back,) = now.keys() - {second}
    assert (now[back].since, now[back].position, now[second].position) == (before.since, 1, 2)
    assert served(house, anna, {back: again, second: other}) == [back, second]
    wait_for(lambda: not listed(house), 5, "nobody on the list")


def test_who_hangs_up_is_called_back_where_the_office_wants_it_and_may_call_again(
    house: QueueHouse, anna: Station, daria: Station
) -> None:
    call = enters(house, daria, "hung-up")
    first = house.waiting("hung-up")[0]
    wait_for(lambda: house.queues().now - first.since > 1.2, 10, "a wait that counts")
    call.hang_up()
    assert house.event(CallbackRequested, contact=first.id).since == first.since
    again = enters(house, daria, "hung-up")
    assert house.event(CallbackClosed, contact=first.id).reason == "called-again"
    second = house.waiting("hung-up")[0]
    assert second.id != first.id and second.since == first.since and not second.virtual
    again.hang_up()
    house.event(CallbackRequested, contact=second.id)
    house.sign_in("anna")
    anna.wait_call(fits=standing).wait_up()
    customer = daria.wait_call(15, fits=standing).wait_up()
    assert house.event(CallbackClosed, contact=second.id).reason == "reached"
    customer.hang_up()


def test_who_is_reached_by_any_call_is_off_the_list_of_missed_callers(house: QueueHouse, daria: Station) -> None:
    lost = enters(house, house.gateway, "cut")
    contact = house.waiting("cut")[0].id
    lost.hang_up()
    wait_for(lambda: contact in listed(house), 5, "who gave up on the list")
    call = daria.dial("00917700123").wait_up()
    assert house.gateway.wait_call(fits=standing).number.endswith("917700123")
    wait_for(lambda: contact not in listed(house), 10, "nobody on the list")
    call.hang_up()


# ---- who keeps it without a line -----------------------------------------------------------------------------------------


def test_late_callers_are_promised_a_call(house: QueueHouse, daria: Station) -> None:
    """Overflow to a callback of another queue: who says yes has it on disk."""
    call = enters(house, daria, "over")
    contact = house.event(ContactLeft, queue="over", reason="max-wait").contact
    Party(call).hear("queue-late")
    presses(call, "1")
    assert house.event(CallbackRequested, contact=contact).queue == "agent-again"
    house.box.run("callback", "cancel", contact)


def test_the_agent_is_called_first_and_tries_again_after_a_while(house: QueueHouse, anna: Station, daria: Station) -> None:
    """Between the two tries she is free, without a pause, and the place is kept."""
    call = enters(house, daria, "agent-again")
    kept = house.waiting("agent-again")[0]
    presses(call, "11")  # the offer's digit, and yes
    house.event(CallbackRequested, contact=kept.id)
    call.hang_up()
    daria.plan = [486]
    house.sign_in("anna")
    at_anna = anna.wait_call(15, fits=standing).wait_up()
    failed = house.event(CallbackFailed, contact=kept.id)
    assert failed.reason == "sip-486" and 11 < failed.again - failed.at < 13
    wait_for(lambda: house.agent("anna").state == "ready", 5, "anna is free again")
    now = house.waiting("agent-again")[0]
    assert (now.id, now.since, now.attempts) == (kept.id, kept.since, 1)
    daria.plan = [180, 200]
    at_anna.hang_up()  # she need not hear out what became of it
    anna.wait_call(15, fits=standing).wait_up()
    customer = daria.wait_call(15, fits=standing).wait_up()
    assert house.event(CallbackClosed, contact=kept.id).reason == "reached"
    tries = house.events(CallbackAttempted, contact=kept.id)
    assert [each.attempt for each in tries] == [1, 2] and tries[1].at >= failed.again
    assert [each.agent for each in house.events(ContactOffered, contact=kept.id)] == ["anna", "anna"]
    customer.hang_up()


@pytest.mark.parametrize("when", ["between two tries", "while the customer is rung"])
def test_the_agent_is_called_first_again_after_a_kill(house: QueueHouse, anna: Station, daria: Station, when: str) -> None:
    """The tries that were made before the kill count, nobody is called twice for one of them, and she need not sign in again."""
    call = enters(house, daria, "agent-again")
    kept = house.waiting("agent-again")[0]
    presses(call, "11")
    house.event(CallbackRequested, contact=kept.id)
    call.hang_up()
    rung = len(daria.calls)
    daria.plan = [486] if when == "between two tries" else [180]
    house.sign_in("anna")
    at_anna = anna.wait_call(15, fits=standing).wait_up()
    if when == "between two tries":
        house.event(CallbackFailed, contact=kept.id)
        at_anna.hang_up()
        wait_for(lambda: house.agent("anna").state == "ready", 5, "anna is free again")
    else:
        daria.wait_call(15, fits=standing)
    house.event(CallbackAttempted, contact=kept.id)
    restarted(house, [anna, daria])
    for each in (at_anna, *daria.calls):
        each.wait_end(20)
    now = house.waiting("agent-again")[0]
    assert (now.id, now.since, now.attempts, now.virtual) == (kept.id, kept.since, 1, True)
    daria.plan = [180, 200]
    anna.wait_call(30, fits=standing).wait_up()
    customer = daria.wait_call(15, fits=standing).wait_up()
    assert house.event(CallbackClosed, contact=kept.id).reason == "reached"
    assert [each.attempt for each in house.events(CallbackAttempted, contact=kept.id)] == [1, 2]
    assert [each.agent for each in house.events(ContactOffered, contact=kept.id)] == ["anna", "anna"]
    assert len(daria.calls) == rung + 2
    customer.hang_up()


def restarted(house: QueueHouse, phones: list[Station]) -> None:
    before = house.box.pid("core")
    house.box.kill("core")
    wait_for(lambda: house.box.pid("core") not in (0, before), 30, "another core")
    house.box.wait_up()
    for phone in phones:
        phone.register()


# ---- what comes in between -----------------------------------------------------------------------------------------------


def test_who_is_called_at_the_own_extension_is_busy_for_the_queue(
    house: QueueHouse, anna: Station, boris: Station, daria: Station
) -> None:
    house.sign_in("anna")
    direct = boris.dial("101").wait_up()
    at_anna = anna.wait_call(fits=standing)
    wait_for(lambda: house.agent("anna").state == "dialling-out", 5, "anna is shown busy")
    waits = enters(house, daria, "own")
    contact = house.waiting("own")[0].id
    why = house.box.run("queue", "why", contact).stdout
    assert "Anna" in why
    assert not house.events(ContactOffered, contact=contact) and len([call for call in anna.calls if standing(call)]) == 1
    direct.hang_up()
    at_anna.wait_end()
    anna.wait_call(fits=standing).wait_up()
    assert house.event(ContactConnected, contact=contact).agent == "anna"
    assert house.agent("anna").state == "on-contact"
    waits.hang_up()


def test_a_call_that_the_agent_must_confirm_is_taken_by_pressing_1(house: QueueHouse, anna: Station, daria: Station) -> None:
    house.sign_in("anna")
    caller = daria.dial(f"7{NUMBERS['confirms']}").wait_up()
    at_anna = anna.wait_call(fits=standing).wait_up()
    Party(at_anna).hear("agent-confirm")
    contact = house.waiting("confirms")[0]
    assert contact.state == "offered" and not house.events(ContactConnected, contact=contact.id)
    at_anna.info_digit("1")
    assert house.event(ContactConnected, contact=contact.id).agent == "anna"
    caller.hang_up()


def test_a_pause_after_the_call_is_the_queues_own_and_ends_when_the_agent_says_so(
    house: QueueHouse, anna: Station, boris: Station, daria: Station
) -> None:
    house.sign_in("anna")
    talks = daria.dial(f"7{NUMBERS['pause']}").wait_up()
    at_anna = anna.wait_call(fits=standing).wait_up()
    talks.hang_up()
    at_anna.wait_end()
    wait_for(lambda: house.agent("anna").state == "wrap-up", 5, "the pause")
    now = house.agent("anna")
    assert 55 < now.until - house.queues().now <= 60
    house.control("anna", "extend")
    assert house.agent("anna").until == pytest.approx(now.until + 60)
    waits = enters(house, boris, "own")
    contact = house.waiting("own")[0].id
    assert not house.events(ContactOffered, contact=contact)
    house.control("anna", "ready")
    anna.wait_call(fits=standing).wait_up()
    waits.hang_up()
    wait_for(lambda: house.agent("anna").state == "ready", 5, "no pause after a call of the other queue")


def test_who_waits_or_talks_at_a_kill_keeps_the_place_also_where_it_closes(
    house: QueueHouse, anna: Station, boris: Station, daria: Station
) -> None:
    """The door is shut when the box comes back, and nobody is signed in: who was inside stays, and is called when it opens."""
    house.sign_in("anna")
    talks = daria.dial(f"7{NUMBERS['restarted']}").wait_up()
    anna.wait_call(fits=standing).wait_up()
    first = house.waiting("restarted")[0]
    waits = enters(house, boris, "restarted", 2)
    second = next(each for each in house.waiting("restarted", 2) if each.id != first.id)
    house.control("anna", "logout")
    house.box.run("night", "on")
    try:
        wait_for(lambda: {each.contact for each in house.events(ContactConnected)} >= {first.id}, 5, "the ledger has it")
        restarted(house, [anna, boris, daria])
        for call in (talks, waits):
            call.wait_end(20)
        kept = house.waiting("restarted", 2)
        assert [(each.id, each.since, each.position, each.virtual) for each in sorted(kept, key=lambda each: each.position)] == [
            (first.id, first.since, 1, True), (second.id, second.since, 2, True)]
        house.sign_in("anna")
        assert "callbacks wait" in house.box.run("queue", "why", first.id).stdout
        assert len(house.events(ContactOffered, contact=first.id)) == 1  # before the kill
    finally:
        house.box.run("night", "auto")
    for contact, phone in ((first.id, daria), (second.id, boris)):
        anna.wait_call(15, fits=standing).wait_up()
        customer = phone.wait_call(15, fits=standing).wait_up()
        assert house.event(CallbackClosed, contact=contact).reason == "reached"
        customer.hang_up()


def test_who_is_moved_to_an_agents_phone_is_wrapped_up_as_a_caller_of_the_queue(
    house: QueueHouse, anna: Station, daria: Station
) -> None:
    """On real SIP; the agent may end it as any other."""
    house.sign_in("anna")
    house.control("anna", "break", reason="lunch")
    call = enters(house, daria, "pause")
    contact = house.waiting("pause")[0].id
    house.box.run("queue", "move", contact, "agent:anna")
    rung = anna.wait_call(fits=standing).wait_up()
    wait_for(lambda: house.agent("anna").last == contact, 5, "anna is known to talk with the caller")
    call.hang_up()
    rung.wait_end()
    wait_for(lambda: house.agent("anna").state == "wrap-up", 5, "the queue's pause after the call")
    assert house.agent("anna").until - house.queues().now > 50
    house.control("anna", "ready")
    assert house.agent("anna").state == "ready"
