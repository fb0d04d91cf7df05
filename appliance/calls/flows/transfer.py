"""Transfers: asked for by a phone (REFER, RFC 3515 and 5589), done by phones among themselves (Replaces, RFC 3891), or by a code.
Functions of a Talk in which two talk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from appliance.calls.codes import ToCode
from appliance.calls.flows.park import Parked
from appliance.calls.flows.race import Failed
from appliance.calls.flows.reach import Shown
from appliance.calls.flows.ringing import ringing_tone
from appliance.calls.flows.seek import Elsewhere, Seek
from appliance.calls.forwarding import shown as diverted_by
from appliance.calls.leg import HungUp, Leg, LegState
from appliance.calls.replace import Replacing, replace
from appliance.calls.routing import Decision, ToExcuse, ToExtension, ToOutside, ToScenario, caller_id_for
from appliance.errors import SwitchroomError
from drivers.base import TransferAsked

if TYPE_CHECKING:
    from appliance.calls.flows.talk import Talk

RINGS = 24
"""Rings that somebody who is put through hears at most: 2 minutes, more than `ring_seconds` gives."""


async def asked(talk: Talk, event: TransferAsked) -> None:
    by = talk.party(event.leg)
    other = talk.other_of(by) if by is not None else None
    if by is None or other is None:
        return
    if event.replaces:
        await _attended(talk, by, other, event)
        return
    await _to(talk, by, other, talk.exchange.decide(by, event.target), event.target)


async def _to(talk: Talk, by: Leg, other: Leg, decision: Decision, target: str) -> None:
    """Put through to this, or into a slot; the phone that asked is told where it cannot be."""
    slot = slot_wanted(decision)
    if slot is not None:
        _into(talk, by, other, slot)
    elif may_be_put_through(decision):
        await blind(talk, by, other, decision, target)
    else:
        talk.switch.driver.transfer_state(by.id, 404, "Not Found")


def _into(talk: Talk, by: Leg, other: Leg, slot: str) -> None:
    """Into a slot. Who named it knows it; else the phone is rung and told."""
    try:
        taken = park(talk, by, other, slot)
    except SwitchroomError:
        talk.switch.driver.transfer_state(by.id, 486, "No slot")
        return
    by.hang_up()
    if not slot:
        talk.exchange.ring_and_say(by.endpoint, "parked-at", slot=taken)


def slot_wanted(decision: Decision | None) -> str | None:
    """The slot that a transfer to this parks in, "" for any; None where it is no parking. The key of a slot's lamp dials the code
    that takes from that slot."""
    if isinstance(decision, ToCode) and (decision.name == "park" or (decision.name == "unpark" and decision.digits)):
        return decision.digits
    return None


async def refused(talk: Talk, event: TransferAsked) -> None:
    """Of three parties it is not clear who would be transferred."""
    talk.switch.driver.transfer_state(event.leg, 603, "Decline")


async def not_replaced(talk: Talk, event: Replacing) -> None:
    event.by.reject(603)


def may_be_put_through(decision: Decision) -> bool:
    return not isinstance(decision, ToExcuse | ToScenario | ToCode)


# -- two calls of one phone --


async def _attended(talk: Talk, by: Leg, other: Leg, event: TransferAsked) -> None:
    """The transferring phone has a second call with us: its other end becomes our other end."""
    switch = talk.switch
    second = switch.legs.get(event.replaces)
    ends = [leg for leg in second.call.legs if leg is not second and leg.state is LegState.ANSWERED] if second else []
    own = second is not None and (second.kind, second.endpoint) == (by.kind, by.endpoint)
    if second is None or not own or len(ends) > 1 or second.call is talk.call:
        switch.driver.transfer_state(by.id, 481, "No such call")
        return
    if not ends:
        await _unanswered(talk, by, other, second)
        return
    target = ends[0]
    await talk.call.transferred(by, "attended", target.number or target.endpoint)
    if target.is_ended or other.is_ended:  # they went while that was written
        switch.driver.transfer_state(by.id, 481, "No such call")
        return
    switch.adopt(target, talk.call)
    second.call.inbox.poke()
    talk.resume(other)
    talk.resume(target)
    talk.let_go(by)
    talk.parties = [other, target]
    talk.listen(target)
    switch.driver.transfer_state(by.id, 200, "OK")
    second.hang_up()
    by.hang_up()
    talk.join()


async def _unanswered(talk: Talk, by: Leg, other: Leg, second: Leg) -> None:
    """The second call has reached no party: it waits in a queue, rings, or keeps a slot. The other goes where it was going."""
    slot, decision = talk.exchange.lot.kept_by(second), second.call.bound_for
    if second.answered_at:
        second.hang_up()
    else:
        second.reject(487)
    if slot:
        talk.exchange.lot.give_up(second)
        _into(talk, by, other, str(slot))
    elif decision is None:
        talk.switch.driver.transfer_state(by.id, 481, "No such call")
    else:
        await _to(talk, by, other, decision, second.number)


async def replaced(talk: Talk, event: Replacing) -> None:
    """Another leg takes a party's place: the phones did the transfer among themselves."""
    other = talk.other_of(event.leg)
    if other is None:  # it was replaced by somebody else meanwhile
        event.by.reject(481)
        return
    new = await replace(talk.call, event, other)
    if new is None:
        return
    talk.let_go(event.leg)
    talk.resume(other)
    talk.parties = [other, new]
    talk.listen(new)
    talk.join()


# -- blind --


async def blind(talk: Talk, by: Leg, other: Leg, decision: Decision, target: str) -> None:
    """Bring `other` to a target with the transferring party's rights; it hears that it is put through, then ringing. `by` stays
    until that is answered: it gets the other back where nobody does."""
    switch = talk.switch
    await talk.call.transferred(by, "blind", target)
    talk.let_go(by)
    if not isinstance(decision, ToExtension | ToOutside):
        send_on(talk, by, other, decision)
        return
    if other.port is not None and not other.port.closed:
        talk.let_go(other)
        clips = switch.prompts.clips("transfer-wait", talk.language(other))
        other.port.play([*clips, *[ringing_tone(switch.config.office.country)] * RINGS])
    talk.putting_through = True
    found = await Seek(other, talk.exchange, lambda: shown(talk, other, by), on_early=lambda leg: _early(talk, other, leg)
                       ).run(decision)
    talk.putting_through = False
    if other.is_ended:
        return
    if isinstance(found, Leg):
        other.stop_play()
        talk.parties = [other, found]
        switch.driver.transfer_state(by.id, 200, "OK")
        by.hang_up()
        talk.listen(found)
        talk.join()
    elif isinstance(found, Elsewhere):
        send_on(talk, by, other, found.decision)
    else:
        await _failed(talk, by, other, found)


def send_on(talk: Talk, by: Leg, other: Leg, decision: Decision) -> None:
    """`other` goes to something that is no party (a queue, a mailbox), and `by` is done."""
    talk.switch.driver.transfer_state(by.id, 200, "OK")
    by.hang_up()
    leave(talk, other)
    talk.then = lambda: talk.exchange.send(other, decision)


def leave(talk: Talk, other: Leg) -> None:
    """The one who is left hears nothing more of this conversation."""
    talk.let_go(other)
    talk.resume(other)
    talk.parties = [other]


def _early(talk: Talk, other: Leg, target: Leg) -> None:
    """The target's line sends its own ringing: the waiting one hears that instead."""
    other.stop_play()
    for leg in (other, target):
        if leg.port is not None and not leg.port.closed:
            talk.bridge.add(leg.port)


async def _failed(talk: Talk, by: Leg, other: Leg, why: Failed) -> None:
    """Back to the one who transferred, where still there; else the waiting one is told, and the call ends."""
    talk.switch.driver.transfer_state(by.id, why.cause.sip or 480, "Not reached")
    if not by.is_ended:
        other.stop_play()
        talk.join()
        return
    prompt = "number-busy" if why.cause.sip in (486, 600) else "no-answer"
    try:
        await other.play(talk.switch.prompts.clips(prompt, talk.language(other)))
    except HungUp:
        return


def park(talk: Talk, by: Leg, other: Leg, slot: str = "") -> int:
    """Put `other` into a slot. Who parked by a code is told the slot and then done. Raises SwitchroomError "park.…"."""
    taken = talk.exchange.lot.put(other, slot)
    talk.switch.driver.transfer_state(by.id, 200, "OK")
    leave(talk, other)
    talk.let_go(by)
    talk.then = Parked(other, taken, by, talk.exchange).run
    return taken


def shown(talk: Talk, other: Leg, by: Leg) -> Shown:
    """A transfer's target sees the party that it will talk to; a line gets the number of the one who transferred."""
    config = talk.switch.config
    phone = config.phone(by.extension) if by.extension else None
    if other.direction == "in" and other.kind == "line" and other.incoming is not None:
        who = (other.incoming.caller or by.endpoint, other.incoming.caller_name)
    elif other.kind == "phone":
        entry = config.phone(other.endpoint)
        who = (other.endpoint, entry.name if entry else "")
    else:
        who = (other.number or by.endpoint, "")
    made = talk.call.diverted
    return Shown(on_line=lambda line: caller_id_for(config, line, phone.caller_id if phone else None), to_phone=who,
                 diverted=(lambda line: diverted_by(config, line, made)) if made else None)
