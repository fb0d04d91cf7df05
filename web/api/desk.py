"""The desk of the agent who asks."""

from __future__ import annotations

from typing import Annotated

import msgspec
from flask import g
from msgspec import Meta

from appliance.acd.missed import Missed
from appliance.messages import Done
from appliance.users.rights import Right
from web.api.routes import api
from web.app import services
from web.audit.service import note, who
from web.desk import own, service
from web.desk.follow import Talk
from web.desk.own import OwnFigure
from web.desk.service import DeskAction, DeskNow, NoteText, Waiting
from web.live.hub import State

ContactId = Annotated[str, Meta(max_length=64)]


class DeskOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`reason`: of a break, by its name."""

    action: DeskAction
    reason: Annotated[str, Meta(max_length=64)] = ""


class DeskOutcome(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`contact` empty: the one of now, or the last."""

    code: Annotated[str, Meta(pattern=r"^[0-9]{1,3}$")]
    contact: ContactId = ""


class DeskNote(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Replaces the note before; empty takes it away. `contact` empty: the one of now, or the last."""

    text: NoteText
    contact: ContactId = ""


class DeskCall(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As it is dialled at your phone, or with + and the country's code."""

    number: Annotated[str, Meta(min_length=1, max_length=64)]


class MissedMark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`done` False: you take care of this caller."""

    done: bool = False


def _state() -> State:
    return services().hub.wait(0, 3.0)


@api.get("/desk", Right.DESK, returns=DeskNow)
def desk() -> DeskNow:
    """Your own state, and who rings or talks: with the history, the queue's script, and why it came to you."""
    service.own_agent(g.user)
    return service.look(services(), _state(), g.user)


@api.post("/desk/state", Right.DESK, returns=Done, body=DeskOrder)
def desk_state(body: DeskOrder) -> Done:
    """Sign in or out, be ready, take a break, make the wrap-up longer."""
    return service.order(services(), g.user, who(), body.action, body.reason)


@api.post("/desk/calls", Right.DESK, returns=Done, body=DeskCall)
def desk_call(body: DeskCall) -> Done:
    """Your phone rings, then the number is called, with the rights that the phone has."""
    return service.call(services(), g.user, who(), body.number)


@api.get("/desk/talks", Right.DESK, returns=list[Talk])
def desk_talks() -> list[Talk]:
    """Your last contacts, the newest first, with your outcomes and notes."""
    service.own_agent(g.user)
    return service.talks(services(), _state(), g.user)


@api.post("/desk/outcome", Right.DESK, returns=Done, body=DeskOutcome)
def desk_outcome(body: DeskOutcome) -> Done:
    """How one of your contacts ended."""
    return service.outcome(services(), _state(), g.user, who(), body.code, body.contact)


@api.post("/desk/note", Right.DESK, returns=Done, body=DeskNote)
def desk_note(body: DeskNote) -> Done:
    """What you write about one of your contacts; it is kept with the call."""
    return service.write(services(), _state(), g.user, who(), body.contact, body.text)


@api.get("/desk/figures", Right.DESK, returns=list[OwnFigure])
def desk_figures() -> list[OwnFigure]:
    """Your own figures of today, beside the targets."""
    return own.today(services(), service.own_agent(g.user))


@api.get("/desk/callbacks", Right.DESK, returns=list[Waiting])
def desk_callbacks() -> list[Waiting]:
    """Customers whom your queues have promised to call, by their places."""
    return service.callbacks(_state(), g.user)


@api.post("/desk/callbacks/<contact>", Right.DESK, returns=Done)
def take_callback(contact: str) -> Done:
    """Call this customer now: your phone rings, then the customer is called."""
    note("callback.take", contact[:64])
    return service.take_callback(services(), _state(), g.user, who(), contact)


@api.get("/missed", Right.MISSED, returns=list[Missed])
def missed_callers() -> list[Missed]:
    """Callers whom nobody reached, the oldest first."""
    return service.missed(services(), g.user)


@api.post("/missed/<contact>", Right.MISSED, returns=Done, body=MissedMark)
def mark_missed(contact: str, body: MissedMark) -> Done:
    """Say that you take care of a caller, or have."""
    note("missed.done" if body.done else "missed.take", contact[:64])
    return service.mark(services(), g.user, contact, body.done)
