"""The stream of a page that follows the box: server-sent events, each a piece of the page, sent only when it changed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

from flask import Response, g, stream_with_context

from appliance.errors import SwitchroomError
from appliance.users.model import User
from web.app import services
from web.live.hub import QUEUES, Part, State

MAX_STREAMS = 200
BEAT = 15.0
"""Seconds: a stream on which nothing changed says so, and so finds out that its browser is gone."""
_streams = threading.BoundedSemaphore(MAX_STREAMS)
Pieces = Callable[[State, User], dict[str, str]]
"""What the page shows of a state to a person: HTML by the name of its event."""


def respond(pieces: Pieces, parts: tuple[Part, ...] = QUEUES) -> Response:
    """text/event-stream; besides the pieces "core" with up or down, and "gone" when whoever asks may not see it any more.
    `parts` of the state are what the pieces show."""
    if not _streams.acquire(blocking=False):
        raise SwitchroomError("web.too-many", "Too many screens are connected.", "Close some that nobody looks at.")
    response = Response(stream_with_context(_stream(g.user, pieces, parts)), content_type="text/event-stream")
    response.call_on_close(_streams.release)  # also where the stream never began
    return response


def _stream(user: User, pieces: Pieces, parts: tuple[Part, ...]) -> Iterator[str]:
    box = services()
    sent: dict[str, str] = {}
    version = 0
    yield "retry: 1000\n\n"
    while not box.hub.closed:
        state = box.hub.wait(version, BEAT, parts)
        now = box.users.user(user.login)
        if now is None or now.epoch != user.epoch or now.disabled:
            yield event("gone", "")  # signed out meanwhile
            return
        if state.version == version:
            yield ": still here\n\n"
            continue
        version = state.version
        for name, html in (pieces(state, user) | {"core": "up" if state.up else "down"}).items():
            if sent.get(name) != html:
                sent[name] = html
                yield event(name, html)


def event(name: str, data: str) -> str:
    """One server-sent event (WHATWG HTML, 9.2)."""
    lines = "".join(f"data: {line}\n" for line in data.splitlines() or [""])
    return f"event: {name}\n{lines}\n"
