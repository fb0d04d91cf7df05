"""The pieces of the live pages, drawn once for all browsers that show the same in the same language."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from flask import render_template

from appliance.users.model import User
from appliance.users.rights import Right
from web.app import services
from web.i18n import language
from web.live.hub import QUEUES, Part, State

Sees = Callable[[str], bool]


def _queues(state: State, sees: Sees) -> dict[str, Any]:
    return {"queues": [each for each in state.queues.queues if sees(each.name)] if state.queues else []}


def _agents(state: State, sees: Sees) -> dict[str, Any]:
    agents = state.queues.agents if state.queues else []
    limits = {each.name: 60 * (each.max_minutes or 0) for each in services().config.breaks} if agents else {}
    return {"agents": [each for each in agents if not each.queues or any(map(sees, each.queues))], "limits": limits}


def _waiting(state: State, sees: Sees) -> dict[str, Any]:
    contacts = [each for each in state.queues.contacts if sees(each.queue)] if state.queues else []
    names = {each.id: each.name or each.id for each in state.queues.agents} if state.queues else {}
    return {"contacts": sorted(contacts, key=lambda each: (each.queue, each.position or 1 << 30)), "names": names}


def _calls(state: State, sees: Sees) -> dict[str, Any]:
    """Of a call in a queue, those who may see the queue; other calls are the whole office's."""
    queue_of = {each.id: each.queue for each in state.queues.contacts} if state.queues else {}
    calls = state.calls.calls if state.calls else []
    return {"calls": [each for each in calls if sees(queue_of.get(each.call, ""))], "queue_of": queue_of,
            "names": _at_phones(state) if calls else {}}


def _at_phones(state: State) -> dict[str, str]:
    """Extension: who is signed in there, else the phone's name, else whose phone it is."""
    config, agents = services().config, state.queues.agents if state.queues else []
    here = {each.extension: each.name for each in agents if each.state != "logged-out"}
    named = {each.extension: each.name for each in config.phones}
    owners = {each.extension or "": each.name for each in config.agents}
    return {phone: name for phone in (*named, *here) if (name := here.get(phone) or named.get(phone) or owners.get(phone, ""))}


def _box(state: State, sees: Sees) -> dict[str, Any]:
    return {"status": state.status}


FRAGMENTS: dict[str, Callable[[State, Sees], dict[str, Any]]] = {
    "queues": _queues, "agents": _agents, "waiting": _waiting, "calls": _calls, "box": _box,
}
"""Name, which is also its template live/NAME.html: what it shows of the state."""

OF: dict[str, tuple[Part, ...]] = {
    "queues": QUEUES, "agents": QUEUES, "waiting": QUEUES, "calls": ("calls", "queues"), "box": ("status",),
}
"""Name: the parts of the state that it shows."""


def parts_of(names: Iterable[str]) -> tuple[Part, ...]:
    return tuple({part: None for name in names for part in OF[name]})


def draw(name: str, state: State, user: User) -> str:
    """The fragment's HTML for this person; kept until the state changes."""
    acts = user.may(Right.LIVE_ACT)
    key = ("live", name, language(), tuple(user.queues) if user.queues is not None else None, acts, state.version)
    return services().hub.drawn.get(key, lambda: render_template(
        f"live/{name}.html", state=state, acts=acts, **FRAGMENTS[name](state, user.sees_queue)))
