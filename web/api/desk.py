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
from web.desk import service
from web.desk.service import DeskAction, DeskNow


class DeskOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`reason`: of a break, by its name."""

    action: DeskAction
    reason: Annotated[str, Meta(max_length=64)] = ""


class DeskOutcome(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    code: Annotated[str, Meta(pattern=r"^[0-9]{1,3}$")]


class MissedMark(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`done` False: you take care of this caller."""

    done: bool = False


@api.get("/desk", Right.DESK, returns=DeskNow)
def desk() -> DeskNow:
    """Your own state, and who rings or talks."""
    return service.look(services().hub.wait(0, 3.0), service.own_agent(g.user))


@api.post("/desk/state", Right.DESK, returns=Done, body=DeskOrder)
def desk_state(body: DeskOrder) -> Done:
    """Sign in or out, be ready, take a break, make the wrap-up longer."""
    return service.order(services(), g.user, who(), body.action, body.reason)


@api.post("/desk/outcome", Right.DESK, returns=Done, body=DeskOutcome)
def desk_outcome(body: DeskOutcome) -> Done:
    """How your contact now, or the last one, ended."""
    return service.outcome(services(), g.user, who(), body.code)


@api.get("/missed", Right.MISSED, returns=list[Missed])
def missed_callers() -> list[Missed]:
    """Callers whom nobody reached, the oldest first."""
    return service.missed(services(), g.user)


@api.post("/missed/<contact>", Right.MISSED, returns=Done, body=MissedMark)
def mark_missed(contact: str, body: MissedMark) -> Done:
    """Say that you take care of a caller, or have."""
    note("missed.done" if body.done else "missed.take", contact[:64])
    return service.mark(services(), g.user, contact, body.done)
