"""The records of calls, and what was recorded of them."""

from __future__ import annotations

from typing import Annotated

import msgspec
from flask import Response
from msgspec import Meta

from appliance.users.rights import Right
from web.api.routes import api
from web.calls import service
from web.calls.routes import send_recording
from web.calls.search import Filter, Found
from web.calls.service import CallTold
from web.calls.timeline import Step


class CallsQuery(Filter, frozen=True, kw_only=True):
    """`before`: `before` of the answer that came last; "": from the newest."""

    limit: Annotated[int, Meta(ge=1, le=200)] = 50


class Reasoned(msgspec.Struct, frozen=True):
    """A decision of the queues, and below it why each agent was or was not chosen."""

    text: str


@api.get("/calls", Right.CALLS_VIEW, returns=Found, query=CallsQuery)
def calls(query: CallsQuery) -> Found:
    """The calls that fit, newest first. A page may hold none and still say where to go on: so many are looked at."""
    return service.find(query, query.limit)


@api.get("/calls/<id>", Right.CALLS_VIEW, returns=CallTold)
def call(id: str) -> CallTold:
    """All about one call, by its id or the SIP Call-ID of one of its legs."""
    return service.tell(id)


@api.get("/calls/<id>/timeline", Right.CALLS_VIEW, returns=list[Step])
def timeline(id: str) -> list[Step]:
    """What happened in a call, in order."""
    return service.tell(id).steps


@api.get("/calls/<id>/why", Right.CALLS_VIEW, returns=list[Reasoned])
def call_why(id: str) -> list[Reasoned]:
    """Why each agent did or did not get this call, at each decision of the queues."""
    return [Reasoned(moment.text(service.clock)) for moment in service.why(id)]


@api.get("/recordings/<id>", Right.CALLS_LISTEN, returns=bytes, content="audio/wav")
def recording(id: str) -> Response:
    """The sound of a recording (WAV; the caller on the left), whole or a Range of it. That it was taken is noted."""
    return send_recording(id, "recording.download")


@api.get("/recordings/<id>/shape", Right.CALLS_LISTEN, returns=list[list[float]])
def recording_shape(id: str) -> list[list[float]]:
    """How loud a recording is over time, 0..1, of each channel."""
    return service.shape(id)
