"""The ACD after a restart: its state as the ledger has it, and what becomes of those whose calls died with the box.

Virtual callers keep their places. Who waited on a line, or talked, is called back or stands on the list of missed callers, as
the queue's `when_interrupted` says.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import msgspec

from appliance import _core as core
from appliance.acd.past import Rules, replay
from appliance.calls.flows.desk import Customer
from appliance.calls.routing import canonical
from appliance.errors import SwitchroomError
from appliance.ledger import Ledger, OpenCall

if TYPE_CHECKING:
    from appliance.core.acd import Dispatch

log = logging.getLogger("acd")


Talk = core.Connect | core.DialEnded
"""An agent has a contact from the ACD; or is done with one that was passed on."""


class Kept(msgspec.Struct, frozen=True):
    """The state noted whole: up to `seq` of the ledger, under version `version` of the configuration."""

    seq: int
    version: int
    state: dict[str, object]
    last: dict[str, tuple[str, str, float]]


def recall(
    ledger: Ledger, raw: bytes | None, rules: Callable[[int], Rules], seed: int,
    on_talk: Callable[[core.Acd, Talk, float], None],
) -> tuple[core.Acd, dict[str, tuple[str, str, float]]]:
    """The state as it stood: the last one noted, and the ledger's events since. `on_talk` hears of each conversation, also with
    a caller who was passed on."""
    acd, last, seq = core.Acd(seed), {}, 0
    if raw is not None:
        try:
            kept = msgspec.msgpack.decode(raw, type=Kept)
            acd, last, seq = core.Acd.restore(kept.state, *rules(kept.version)), kept.last, kept.seq
        except (msgspec.DecodeError, ValueError, SwitchroomError) as problem:
            log.warning("the ACD's noted state is of no use, the whole ledger is read: %s", problem)
    for at, event, actions in replay((record.event for record in ledger.reader.follow(seq)), rules, acd):
        if isinstance(event, core.DialEnded) and event.contact:
            on_talk(acd, event, at)
        for action in actions:
            if isinstance(action, core.Connect):
                on_talk(acd, action, action.at)
    return acd, last


def interrupted(dispatch: Dispatch, open_calls: Iterable[OpenCall]) -> None:
    """End what the restart cut off, and keep the places that the office wants kept."""
    calls = {call.call: call for call in open_calls}
    for contact in dispatch.core.contact_ids():
        view = dispatch.core.contact(contact)
        if view is None:
            continue
        if view.virtual and view.state in ("waiting", "offered", "dialling"):
            _callback_cut(dispatch, view)
            continue
        customer = customer_of(dispatch, calls.get(contact))
        rules = dispatch.switch.config.queue(view.queue)
        back = rules is not None and rules.when_interrupted == "call-back" and customer is not None
        if back and customer is not None:
            dispatch.customers.keep(contact, customer)
        if back and view.state in ("waiting", "offered"):
            dispatch.tell(core.KeepPlace(contact))
            continue
        dispatch.tell(core.HangUp(contact, "restart"))
        if back:
            dispatch.tell(core.Enter(contact, view.queue, "callback", virtual=True, caller=view.caller, since=view.since,
                                     priority=view.priority))


def _callback_cut(dispatch: Dispatch, view: core.ContactView) -> None:
    """A callback that was under way: the customer was being called, or an agent was being rung for it."""
    if view.state == "dialling":
        dispatch.tell(core.Unreached(view.id, "restart"))
    for agent in view.agents if view.state == "offered" else []:
        dispatch.tell(core.Refuse(view.id, agent))


def customer_of(dispatch: Dispatch, call: OpenCall | None) -> Customer | None:
    """Who was cut off, as far as the ledger knows a number to call."""
    opened = call.legs[0].opened if call is not None and call.legs else None
    if opened is None:
        return None
    config = dispatch.switch.config
    if opened.kind == "phone":
        return Customer(opened.endpoint, opened.name, dispatch.switch.language_of(opened.endpoint), {})
    number = canonical(opened.number, config.office.country)
    return Customer(number, opened.name, config.office.language, {}) if number.startswith("+") else None
