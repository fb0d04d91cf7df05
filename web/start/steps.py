"""What each step of the first start writes into the draft. Pure but for the draft itself, and the page's language for names."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import Any

from flask_babel import gettext as _

from appliance.config import edit, starter
from appliance.config.problems import ConfigProblem
from appliance.errors import SwitchroomError
from web.config import week
from web.config.service import Work
from web.start import places

Form = Mapping[str, str]
STEPS = ("office", "hours", "line", "phones", "queue", "greeting", "finish")
SECTIONS = {"office": ("office",), "hours": ("hours",), "line": ("lines", "routes", "dialling"), "phones": ("phones",),
            "queue": ("queues", "agents"), "greeting": ("queues",), "finish": ()}
"""Whose mistakes are shown at which step."""
HOURS, QUEUE, ROUTE = "office", "front", "everything"
MAX_PHONES = 50
USUAL_WEEK = ["09:00-17:00"] * 5 + ["", ""]
_MARK = "Switchroom made this file with two phones"


def is_starter(text: str) -> bool:
    """Whether the box still runs what it made for itself: nobody has set up an office yet."""
    return _MARK in text and not edit.plain(text).get("lines")


def row(values: dict[str, Any], section: str, key: str, name: str) -> tuple[int, dict[str, Any]]:
    """Index and table of the row of this name; -1 and {} where there is none."""
    rows = values.get(section)
    for index, each in enumerate(rows if isinstance(rows, list) else []):
        if isinstance(each, dict) and each.get(key) == name:
            return index, each
    return -1, {}


def first(values: dict[str, Any], section: str) -> dict[str, Any]:
    rows = values.get(section)
    return rows[0] if isinstance(rows, list) and rows and isinstance(rows[0], dict) else {}


def put(work: Work, section: str, key: str, name: str, changes: dict[str, Any]) -> None:
    """The row of this name with these keys, made where it is not there."""
    index, old = row(work.values, section, key, name)
    if index < 0:
        work.add_row(section, {key: name, **changes})
    else:
        work.set_keys((section, index), {k: v for k, v in changes.items() if old.get(k) != v})


def _text(form: Form, name: str) -> str | None:
    return form.get(name, "").strip() or None


def office(work: Work, form: Form) -> None:
    """No time zone: that of the country. Raises SwitchroomError "start.timezone" where it has several."""
    wanted = {name: _text(form, name) for name in ("name", "language", "country", "timezone")}
    wanted["timezone"] = wanted["timezone"] or places.zone_of(wanted["country"] or "") or None
    if wanted["timezone"] is None:
        raise SwitchroomError("start.timezone", "This country has several time zones.", "Choose yours.")
    old = work.values.get("office", {})
    work.set_keys(("office",), {key: value for key, value in wanted.items() if old.get(key) != value})
    _number_phones(work, wanted["country"] or "")


def _number_phones(work: Work, country: str) -> None:
    """Those that the box began with have numbers by which people in some countries call for help."""
    phones = work.values.get("phones", [])
    if work.values.get("agents") or [each.get("extension") for each in phones] != list(starter.USUAL_EXTENSIONS):
        return  # somebody chose them
    for index, (old, new) in enumerate(zip(starter.USUAL_EXTENSIONS, starter.extensions(country), strict=True)):
        if old != new:
            work.set_keys(("phones", index), {"extension": new})


def hours(work: Work, form: Form) -> None:
    entries = week.entries_of([form.get(f"day{number}", "") for number in range(7)])
    put(work, "hours", "name", HOURS, {"open": entries, "holidays": True if form.get("holidays") else None})


def line(work: Work, form: Form) -> None:
    kind = form.get("kind", "")
    if kind not in ("sip-gateway", "sip-trunk"):
        return  # later
    old = first(work.values, "lines")
    name = str(old.get("name") or "line1")
    where = "address" if kind == "sip-gateway" else "registrar"
    channels = form.get("channels", "").strip()
    changes: dict[str, Any] = {
        "driver": kind, "address": None, "registrar": None, where: _text(form, "address"), "username": _text(form, "username"),
        "channels": int(channels) if channels.isdecimal() and len(channels) < 5 else channels or None,
        "send_as": _text(form, "send_as"), "caller_id": _text(form, "caller_id")}
    if form.get("secret"):
        changes["secret"] = form["secret"]
    put(work, "lines", "name", name, changes)
    prefix = _text(form, "outside_prefix")
    if work.values.get("dialling", {}).get("outside_prefix") != prefix:
        work.set_keys(("dialling",), {"outside_prefix": prefix})
    if not work.values.get("routes"):
        work.add_row("routes", {"name": ROUTE, "numbers": ["*"], "lines": [name], "allow": ["national", "mobile"]})
    _connect(work)


def phones(work: Work, form: Form) -> None:
    """`extN` and `nameN` of the phones that are there; a new one where `ext` is given. Each new one gets a password."""
    rows = [each for each in work.values.get("phones", []) if isinstance(each, dict)]
    for index, old in enumerate(rows[:MAX_PHONES]):
        changes = {"extension": _text(form, f"ext{index}"), "name": _text(form, f"name{index}")}
        if changes["extension"]:
            work.set_keys(("phones", index), {k: v for k, v in changes.items() if old.get(k) != v})
    if _text(form, "ext"):
        work.add_row("phones", {"extension": _text(form, "ext"), "name": _text(form, "name"), "secret": starter.password()})


def agent_id(name: str, extension: str, taken: set[str]) -> str:
    """ "Zoë Lind" -> "zoe-lind"; a name without Latin letters is called by its phone."""
    plain = "".join(char for char in unicodedata.normalize("NFKD", name) if not unicodedata.combining(char))
    made = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-")[:32] or f"phone-{extension}"
    return made if made not in taken else f"{made}-{extension}"


def queue(work: Work, form: Form) -> None:
    """`agentN`: the phone of this extension answers. Who sits there is signed in whenever the phone is connected."""
    values = work.values
    by_extension = {str(each.get("extension")): str(each.get("id"))
                    for each in values.get("agents", []) if isinstance(each, dict)}
    members: list[str] = []
    for each in values.get("phones", []):
        extension, name = str(each.get("extension", "")), str(each.get("name", ""))
        if not form.get(f"agent{extension}"):
            continue
        if extension not in by_extension:
            made = agent_id(name, extension, set(by_extension.values()))
            by_extension[extension] = made
            shown = name or _("Phone %(number)s", number=extension)
            work.add_row("agents", {"id": made, "name": shown, "extension": extension, "always_signed_in": True})
        members.append(by_extension[extension])
    old = first(work.values, "queues")
    name = str(old.get("name") or QUEUE)
    put(work, "queues", "name", name, {"number": _text(form, "number"), "agents": members,
                                       "hours": HOURS if row(work.values, "hours", "name", HOURS)[1] else None})
    _connect(work)


def greeting(work: Work, form: Form) -> None:
    """A text, or the recording that a text names ("file:…"); without either what is there stays, unless a text is to be typed."""
    if "greeting" not in form and form.get("do") != "text":
        return
    old = first(work.values, "queues")
    put(work, "queues", "name", str(old.get("name") or QUEUE), {"greeting": _text(form, "greeting")})


def _connect(work: Work) -> None:
    """Calls from outside come to the queue, as soon as there are both."""
    values = work.values
    line, queue = first(values, "lines"), first(values, "queues")
    if line and queue and not line.get("inbound_to"):
        work.set_keys(("lines", 0), {"inbound_to": f"queue:{queue.get('name')}"})


SAVE: dict[str, Callable[[Work, Form], None]] = {
    "office": office, "hours": hours, "line": line, "phones": phones, "queue": queue, "greeting": greeting,
    "finish": lambda work, form: None,
}


def problems_of(step: str, problems: list[ConfigProblem]) -> list[ConfigProblem]:
    return [each for each in problems if each.key.partition("[")[0].partition(".")[0] in SECTIONS[step]]


def after(step: str) -> str:
    return STEPS[min(STEPS.index(step) + 1, len(STEPS) - 1)]
