"""The figures of a wallboard."""

from __future__ import annotations

from typing import Annotated

import msgspec
from flask import g
from msgspec import Meta

from appliance.messages import Queues, QueuesReply
from appliance.users.rights import Right
from web.api.routes import api
from web.app import services
from web.wallboard import days, service
from web.wallboard.service import Tile


class BoardQuery(msgspec.Struct, frozen=True):
    """Lists are separated by commas; empty: all queues, the usual figures. A limit is written "waiting:3:6", where falling is bad
    "service-level:80:60"."""

    queues: Annotated[str, Meta(max_length=2000)] = ""
    figures: Annotated[str, Meta(max_length=200)] = ""
    limits: Annotated[str, Meta(max_length=400)] = ""


@api.get("/wallboard", Right.WALLBOARD, returns=list[Tile], query=BoardQuery)
def wallboard(query: BoardQuery) -> list[Tile]:
    """The figures of a wallboard: queues as they stand and what the day has come to so far, without callers."""
    limits = [each for each in query.limits.split(",") if each]
    board = service.read(query.queues.split(","), query.figures.split(","), "", limits, "")
    reply: QueuesReply = services().core.ask(Queues())
    return service.tiles(board, reply.queues, g.user.sees_queue, services().clock.utc(),
                         days.today() if service.wants_day(board) else {})
