"""Queues, agents and callers as they stand, and what a supervisor does with them."""

from __future__ import annotations

from typing import Annotated

import msgspec
from flask import g
from msgspec import Meta

from appliance.errors import SwitchroomError
from appliance.messages import (
    AgentNow,
    CallNow,
    ContactNow,
    Done,
    QueueNow,
    Queues,
    QueuesReply,
    Reasons,
    Status,
    StatusReply,
    Why,
)
from appliance.users.rights import Right
from web.api.routes import api
from web.app import services
from web.live import orders
from web.live.orders import AgentAction


class AgentOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`reason`: of a break, by its name; `extension`: where to sign in, empty for the agent's own phone."""

    action: AgentAction
    reason: str = ""
    extension: str = ""


class ContactMove(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`to`: "queue:NAME", "extension:NUMBER" or "agent:ID"."""

    to: Annotated[str, Meta(min_length=1, max_length=128)]


def _now() -> QueuesReply:
    reply: QueuesReply = services().core.ask(Queues())
    return reply


class ReasonsShown(msgspec.Struct, frozen=True):
    """One line an agent, in English."""

    lines: list[str]


@api.get("/status", Right.LIVE_VIEW, returns=StatusReply)
def status() -> StatusReply:
    """Lines, phones, calls and troubles of the box."""
    reply: StatusReply = services().core.ask(Status())
    return reply


@api.get("/queues", Right.LIVE_VIEW, Right.WALLBOARD, returns=list[QueueNow])
def queues() -> list[QueueNow]:
    """All queues that you may see, as they stand."""
    return [each for each in _now().queues if g.user.sees_queue(each.name)]


@api.get("/agents", Right.LIVE_VIEW, returns=list[AgentNow])
def agents() -> list[AgentNow]:
    """The agents of the queues that you may see."""
    return [each for each in _now().agents if not each.queues or any(map(g.user.sees_queue, each.queues))]


@api.post("/agents/<id>", Right.LIVE_ACT, returns=Done, body=AgentOrder)
def order_agent(id: str, body: AgentOrder) -> Done:
    """Sign an agent in or out, make them ready, send them on a break."""
    return orders.order_agent(id, body.action, body.reason, body.extension)


@api.get("/calls/now", Right.LIVE_VIEW, returns=list[CallNow])
def calls_now() -> list[CallNow]:
    """Calls that go on, with their parties."""
    return orders.calls_seen()


@api.post("/calls/<id>/end", Right.LIVE_ACT, returns=Done)
def end_call(id: str) -> Done:
    """Hang up on everybody in a call."""
    return orders.end_call(id)


@api.get("/contacts", Right.LIVE_VIEW, returns=list[ContactNow])
def contacts() -> list[ContactNow]:
    """Who waits and who talks, in the queues that you may see."""
    return [each for each in _now().contacts if g.user.sees_queue(each.queue)]


@api.post("/contacts/<id>/move", Right.LIVE_ACT, returns=Done, body=ContactMove)
def move_contact(id: str, body: ContactMove) -> Done:
    """Send a waiting caller to another queue, a phone or an agent."""
    return orders.move(id, body.to)


@api.get("/contacts/<id>/why", Right.LIVE_VIEW, returns=ReasonsShown)
def why(id: str) -> ReasonsShown:
    """Why each agent has or has not got this caller, who is here now."""
    if not any(each.id == id and g.user.sees_queue(each.queue) for each in _now().contacts):
        raise SwitchroomError("queue.no-contact", "There is no such contact now.", "See /api/v1/contacts.")
    reply: Reasons = services().core.ask(Why(contact=id))
    return ReasonsShown([str(line) for line in reply.lines])
