""" "What happens if I dial …?" - asked of a configuration, answered by what routes the calls. Pure."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from appliance.calls import routing
from appliance.calls.codes import ToCode
from appliance.config import numbers
from appliance.config.model import Config
from appliance.config.routes import route_for
from appliance.errors import SwitchroomError
from appliance.sentences import Said, listed, say

_CLASSES = {"national": say("national"), "mobile": say("mobile"), "international": say("international"),
            "premium": say("premium rate"), "emergency": say("emergency")}
"""Of numbers."""


class Answer(msgspec.Struct, frozen=True):
    """`good`: the call reaches somebody. `steps`: how it was decided."""

    good: bool
    text: Said
    steps: list[Said]


def ask(config: Config, number: str, *, phone: str = "", line: str = "") -> Answer:
    """Dialled at this phone, or called from outside over this line. Raises SwitchroomError "try.where", "phone.unknown",
    "line.unknown"."""
    if bool(phone) == bool(line):
        raise SwitchroomError("try.where", "Either a phone or a line is wanted.",
                              "Name the phone where it is dialled, or the line where it comes in.")
    if phone and config.phone(phone) is None:
        raise SwitchroomError("phone.unknown", "There is no phone {extension}.", "Look at the phones of the configuration.",
                              extension=phone)
    if line and config.line(line) is None:
        raise SwitchroomError("line.unknown", "There is no line {line}.", "Look at the lines of the configuration.", line=line)
    return dial(config, phone, number) if phone else call_in(config, line, number)


def dial(config: Config, extension: str, dialled: str) -> Answer:
    """A call from a phone of ours."""
    dialled = dialled.strip()[: routing.MAX_DIALLED]
    found = routing.from_phone(config, extension, dialled)
    steps: list[Said] = []
    read = numbers.read_dialled(
        dialled, config.office.country, outside_prefix=config.dialling.outside_prefix,
        internal=routing.internal_numbers(config), emergency=config.dialling.emergency, area_code=config.dialling.area_code)
    if read.kind in ("outside", "short"):
        steps.append(say("It is the number {number} ({kind}).", number=read.number, kind=_CLASSES.get(read.cls or "", Said("?"))))
        route = route_for(config, read.number)
        if route is not None:
            steps.append(say("The route {name} takes it; it lets through: {classes}.", name=route.name,
                             classes=_classes(route.allow)))
        else:
            steps.append(say("No route takes it."))
        phone = config.phone(extension)
        if phone is not None and phone.allow is not None:
            steps.append(say("The phone may dial: {classes}.", classes=_classes(phone.allow)))
    elif dialled and dialled == config.dialling.outside_prefix:
        steps.append(say("It comes before outside numbers: one has to follow."))
    elif read.why and isinstance(found, routing.ToExcuse):
        steps.append(read.why)
    return Answer(not isinstance(found, routing.ToExcuse), _said(config, found), steps)


def _classes(names: Iterable[str]) -> Said:
    return listed(_CLASSES.get(each, Said(each)) for each in names) or say("nothing")


def call_in(config: Config, line: str, number: str) -> Answer:
    """A call from outside on this line, to this number of ours."""
    found = routing.from_line(config, line, number.strip()[: routing.MAX_DIALLED])
    return Answer(not isinstance(found, routing.ToExcuse), _said(config, found), [])


def _said(config: Config, found: routing.Decision) -> Said:
    if isinstance(found, routing.ToOutside):
        sent = ", ".join(f"{name} ({routing.number_on(config, name, found.number)})" if not found.emergency else name
                         for name in found.lines) or say("no line")
        if found.emergency:
            return say("An emergency call, over the first line that is free: {lines}.", lines=sent)
        return say("It goes out, over the first line that is free: {lines}.", lines=sent)
    if isinstance(found, ToCode):
        return say("It is a code: {name}.", name=found.name.replace("_", " "))
    if isinstance(found, routing.ToExcuse):
        return _EXCUSES[found.prompt]
    if isinstance(found, routing.ToExtension):
        return say("The phone {name} rings.", name=found.extension)
    if isinstance(found, routing.ToScenario):
        return say("The scenario {name} begins.", name=found.code)
    if isinstance(found, routing.ToQueue):
        return say("The queue {name} takes it.", name=found.queue)
    if isinstance(found, routing.ToMenu):
        return say("The menu {name} answers.", name=found.menu)
    if isinstance(found, routing.ToVoicemail):
        return say("The mailbox {name} takes a message.", name=found.mailbox)
    if isinstance(found, routing.ToCallback):
        return say("The queue {name} notes a callback.", name=found.queue)
    if isinstance(found, routing.ToAgents):
        return say("Agents sign in there from outside, by number and PIN.")
    return say("The caller hears a goodbye.")


_EXCUSES = {
    "voicemail-unknown": say("There is no such mailbox; the caller is told so."),
    "number-unknown": say("Nobody has this number; the caller is told so."),
    "number-not-in-service": say("No route takes it; the caller is told that the number is not in service."),
    "call-not-allowed": say("It is not allowed; the caller is told so."),
    "not-yet-available": say("The line does not say where its calls go; the caller is told that nobody can be reached."),
}
