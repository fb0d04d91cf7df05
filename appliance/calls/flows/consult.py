"""What a phone does by codes during a call: transfer, consult, confer, go back, park. Functions of a Talk; `CODES` says which
code does what in which stage."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from appliance.calls.flows import record, transfer
from appliance.calls.flows.keyed import DIGITS, END, FIRST_SECONDS, MOST, NEXT_SECONDS
from appliance.calls.flows.park import trouble
from appliance.calls.flows.ringing import ringing_tone
from appliance.calls.flows.seek import Elsewhere, Seek
from appliance.calls.flows.stage import Stage
from appliance.calls.keys import Code, KeyReader, codes_of
from appliance.calls.leg import Leg
from appliance.calls.routing import Decision, ToExcuse, ToExtension, ToOutside
from appliance.errors import SwitchroomError
from appliance.media.events import Digit, PlayDone
from appliance.messages import CallConferenced

if TYPE_CHECKING:
    from appliance.calls.flows.talk import Talk

Handler = Callable[["Talk", Leg], Awaitable[None]]
PATIENCE = 20.0
"""Seconds for a prompt to end that somebody waits for."""
NOTHING = {"conference": "conference-none", "go_back": "conference-none"}
"""What is said of a code that does nothing in this stage; of the others, nothing."""


async def refuse(talk: Talk, by: Leg, code: str) -> None:
    if code in NOTHING:
        talk.say(by, NOTHING[code])


# -- to whom --


async def ask_number(talk: Talk, by: Leg) -> tuple[str, Decision] | None:
    """Ask for the number to transfer to; whoever is on the other side waits meanwhile. None where there is none that can be
    called: `by` has heard so and is back, or somebody has gone."""
    waits = [leg for leg in talk.parties if leg is not by]
    talk.let_go(by)
    if len(waits) == 1:
        talk.hold(waits[0])
    keyed = await _keys(talk, by)
    if any(leg.is_ended for leg in talk.parties):
        return None
    decision = talk.exchange.decide(by, keyed) if keyed else None
    slot = transfer.slot_wanted(decision)
    if slot is not None:
        back(talk, by)
        _park(talk, by, waits, slot)
        return None
    emergency = isinstance(decision, ToOutside) and decision.emergency
    own = isinstance(decision, ToExtension) and decision.extension == by.extension
    if decision is not None and not own and not emergency and transfer.may_be_put_through(decision):
        return keyed, decision
    back(talk, by)
    talk.say(by, "transfer-number-bad")
    return None


async def _keys(talk: Talk, by: Leg) -> str:
    """The digits keyed by `by` until "#" or a pause."""
    clock, keyed = talk.switch.clock, ""
    playing = talk.say(by, "transfer-enter-number")
    until = clock.mono() + PATIENCE
    while clock.mono() < until and not any(leg.is_ended for leg in talk.parties):
        event = await talk.call.inbox.get(max(0.0, until - clock.mono()))
        if isinstance(event, PlayDone) and event.play == playing and not keyed:
            until = clock.mono() + FIRST_SECONDS
        elif isinstance(event, Digit) and by.port is not None and event.port == by.port.id:
            by.stop_play()
            if event.digit == END or len(keyed) >= MOST:
                break
            keyed += event.digit if event.digit in DIGITS else ""
            until = clock.mono() + NEXT_SECONDS
    return keyed


def back(talk: Talk, by: Leg) -> None:
    """Everybody hears everybody again."""
    by.stop_play()
    for leg in talk.parties:
        if leg is not by and leg.port is not None and leg.port not in talk.bridge.ports:
            talk.resume(leg)
    talk.join()


# -- the codes --


async def blind_transfer(talk: Talk, by: Leg) -> None:
    other = talk.other_of(by)
    found = await ask_number(talk, by) if other is not None else None
    if other is None or found is None:
        return
    talk.resume(other)
    if by.port is not None:
        by.port.play([ringing_tone(talk.switch.config.office.country)], loop=True)
    await transfer.blind(talk, by, other, found[1], found[0])
    if not by.is_ended and by in talk.parties:
        by.stop_play()
        if not by.hanging_up:
            talk.say(by, "transfer-failed")


async def attended_transfer(talk: Talk, by: Leg) -> None:
    """Call somebody while the others wait. Who hangs up meanwhile has put the other through."""
    others = [leg for leg in talk.parties if leg is not by]
    found = await ask_number(talk, by)
    if found is None:
        return
    keyed, decision = found
    if not isinstance(decision, ToExtension | ToOutside):
        back(talk, by)
        talk.say(by, "transfer-number-bad")
        return
    if by.port is not None:
        by.port.play([ringing_tone(talk.switch.config.office.country)], loop=True)
    reader = KeyReader(codes_of(talk.switch.config.call_keys), talk.switch.config.call_keys.digit_seconds)
    put_through = False

    def on_event(event: object) -> bool:
        """True: taken back by its code, or the one who waits has gone. Who hangs up puts through, where one waits."""
        nonlocal put_through
        if isinstance(event, Digit) and by.port is not None and event.port == by.port.id:
            return Code("go_back") in reader.press(event.digit, talk.switch.clock.mono())
        if by.is_ended and not put_through and len(others) == 1 and not others[0].is_ended:
            put_through = talk.putting_through = True
            seek.wait_for(others[0])
        return all(leg.is_ended for leg in others)

    seek = Seek(by, talk.exchange, lambda: transfer.shown(talk, others[0], by), on_event=on_event)
    reached = await seek.run(decision)
    talk.putting_through = False
    for leg in [leg for leg in others if leg.is_ended]:
        talk.parties.remove(leg)
    if isinstance(reached, Leg):
        await _consulted(talk, by, reached, keyed)
    elif by.is_ended:
        await _unreached(talk, by, others[0], reached)
    else:
        back(talk, by)
        talk.say(by, "transfer-failed")


async def _consulted(talk: Talk, by: Leg, target: Leg, keyed: str) -> None:
    """Somebody has answered: talk to it aside; or, where `by` has hung up before, put through."""
    talk.parties.append(target)
    talk.listen(target)
    by.stop_play()
    if len(talk.parties) == 2:  # nobody waits any more
        talk.stage = Stage.TALKING
        talk.join()
        return
    talk.aside = (by, target)
    talk.stage = Stage.CONSULTING
    if by.is_ended:
        return  # the talk sees that it has gone, and puts through
    talk.side = talk.switch.engine.bridge([])
    for leg in (by, target):
        if leg.port is not None and not leg.port.closed:
            talk.side.add(leg.port)


async def _unreached(talk: Talk, by: Leg, other: Leg, reached: object) -> None:
    """Who consulted has hung up, and nobody answers: the one who waited is told, or goes where the search led."""
    if other.is_ended:
        return
    if isinstance(reached, Elsewhere):
        transfer.send_on(talk, by, other, reached.decision)
        return
    transfer.leave(talk, other)
    nobody = ToExcuse("no-answer", 480, "transfer")
    talk.then = lambda: talk.exchange.send(other, ToExtension(by.extension) if by.extension else nobody)


def _end_aside(talk: Talk) -> None:
    talk.aside = None
    if talk.side is not None:
        talk.side.close()
        talk.side = None


async def left(talk: Talk, gone: Leg) -> None:
    """Somebody of a consultation has gone. It is taken from the parties already."""
    assert talk.aside is not None
    by, target = talk.aside
    waiting = [leg for leg in talk.parties if leg not in (by, target)]
    if gone is by and waiting:
        await talk.call.transferred(by, "attended", target.number or target.endpoint)
    _end_aside(talk)
    talk.stage = Stage.TALKING if len(talk.parties) <= 2 else Stage.CONFERENCE
    for leg in talk.parties:
        talk.resume(leg)
    talk.join()


async def go_back(talk: Talk, by: Leg) -> None:
    """Give up the second call."""
    if talk.aside is None or by is not talk.aside[0]:
        return
    target = talk.aside[1]
    target.hang_up()
    talk.parties.remove(target)
    await left(talk, target)
    talk.say(by, "transfer-back")


async def conference(talk: Talk, by: Leg) -> None:
    """All hear each other."""
    if talk.aside is None or by is not talk.aside[0]:
        return
    target = talk.aside[1]
    _end_aside(talk)
    talk.stage = Stage.CONFERENCE
    talk.switch.ledger.append(CallConferenced(
        call=talk.call.id, by_leg=by.id, target=target.number or target.endpoint))
    for leg in talk.parties:
        talk.resume(leg)
    talk.join()
    talk.say(by, "conference-on")


async def park(talk: Talk, by: Leg) -> None:
    """Put the other aside; `by` hears where, and is done."""
    _park(talk, by, [leg for leg in talk.parties if leg is not by], "")


def _park(talk: Talk, by: Leg, others: list[Leg], slot: str) -> None:
    if len(others) != 1:
        talk.say(by, "transfer-number-bad")
        return
    try:
        transfer.park(talk, by, others[0], slot)
    except SwitchroomError as problem:
        talk.say(by, trouble(problem))


CODES: dict[tuple[Stage, str], Handler] = {
    (Stage.TALKING, "blind_transfer"): blind_transfer,
    (Stage.TALKING, "attended_transfer"): attended_transfer,
    (Stage.TALKING, "park"): park,
    (Stage.CONSULTING, "go_back"): go_back,
    (Stage.CONSULTING, "conference"): conference,
    (Stage.CONFERENCE, "attended_transfer"): attended_transfer,
    **{(stage, "record"): record.on_demand for stage in Stage},
    **{(stage, "record_pause"): record.pause for stage in Stage},
}
"""(stage, key of [call_keys]) -> what it does."""
