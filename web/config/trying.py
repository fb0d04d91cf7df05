""" "What happens if I dial …?" - asked of the draft, answered by what routes the calls. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from flask_babel import gettext as _

from appliance.calls import routing
from appliance.calls.codes import ToCode
from appliance.config import numbers
from appliance.config.model import Config
from appliance.config.routes import route_for
from web.i18n import tell


@dataclass(frozen=True)
class Answer:
    """`good`: the call reaches somebody. `steps`: how it was decided."""

    good: bool
    text: str
    steps: list[str]


def dial(config: Config, extension: str, dialled: str) -> Answer:
    """A call from a phone of ours."""
    dialled = dialled.strip()[: routing.MAX_DIALLED]
    found = routing.from_phone(config, extension, dialled)
    steps: list[str] = []
    read = numbers.read_dialled(
        dialled, config.office.country, outside_prefix=config.dialling.outside_prefix,
        internal=routing.internal_numbers(config), emergency=config.dialling.emergency, area_code=config.dialling.area_code)
    if read.kind in ("outside", "short"):
        steps.append(_("It is the number %(number)s (%(kind)s).", number=read.number, kind=read.cls or "?"))
        route = route_for(config, read.number)
        if route is not None:
            steps.append(_("The route %(name)s takes it; it lets through: %(classes)s.", name=route.name,
                           classes=", ".join(route.allow) or _("nothing")))
        else:
            steps.append(_("No route takes it."))
        phone = config.phone(extension)
        if phone is not None and phone.allow is not None:
            steps.append(_("The phone may dial: %(classes)s.", classes=", ".join(phone.allow) or _("nothing")))
    elif read.why:
        steps.append(tell(read.why))
    return Answer(not isinstance(found, routing.ToExcuse), _said(config, found), steps)


def call_in(config: Config, line: str, number: str) -> Answer:
    """A call from outside on this line, to this number of ours."""
    found = routing.from_line(config, line, number.strip()[: routing.MAX_DIALLED])
    return Answer(not isinstance(found, routing.ToExcuse), _said(config, found), [])


def _said(config: Config, found: routing.Decision) -> str:
    if isinstance(found, routing.ToOutside):
        sent = ", ".join(f"{name} ({routing.number_on(config, name, found.number)})" if not found.emergency else name
                         for name in found.lines) or _("no line")
        if found.emergency:
            return _("An emergency call, over the first line that is free: %(lines)s.", lines=sent)
        return _("It goes out, over the first line that is free: %(lines)s.", lines=sent)
    if isinstance(found, ToCode):
        return _("It is a code: %(name)s.", name=found.name.replace("_", " "))
    if isinstance(found, routing.ToExcuse):
        said = _EXCUSES.get(found.prompt)
        return said() if said is not None else found.prompt
    if isinstance(found, routing.ToExtension):
        return _("The phone %(name)s rings.", name=found.extension)
    if isinstance(found, routing.ToScenario):
        return _("The scenario %(name)s begins.", name=found.code)
    if isinstance(found, routing.ToQueue):
        return _("The queue %(name)s takes it.", name=found.queue)
    if isinstance(found, routing.ToMenu):
        return _("The menu %(name)s answers.", name=found.menu)
    if isinstance(found, routing.ToVoicemail):
        return _("The mailbox %(name)s takes a message.", name=found.mailbox)
    if isinstance(found, routing.ToCallback):
        return _("The queue %(name)s notes a callback.", name=found.queue)
    return _("The caller hears a goodbye.")


_EXCUSES = {
    "number-unknown": lambda: _("Nobody has this number; the caller is told so."),
    "number-not-in-service": lambda: _("No route takes it; the caller is told that the number is not in service."),
    "call-not-allowed": lambda: _("It is not allowed; the caller is told so."),
    "not-yet-available": lambda: _("The line does not say where its calls go; the caller is told that nobody can be reached."),
}
