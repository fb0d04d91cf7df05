"""What a dialled number means. Pure: a configuration and digits in, a decision out."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TypeVar

import msgspec

from appliance.calls.codes import ToCode, code_dialled
from appliance.config import numbers
from appliance.config.model import Config
from appliance.config.routes import lines_of, route_for
from appliance.config.values import Target
from appliance.errors import SwitchroomError
from appliance.voicemail import boxes


class ToExtension(msgspec.Struct, frozen=True):
    extension: str


class ToScenario(msgspec.Struct, frozen=True):
    code: str


class ToOutside(msgspec.Struct, frozen=True):
    """A number beyond our lines. `lines` in the order to try; `number` is E.164, or an emergency number as it is dialled."""

    number: str
    lines: list[str]
    emergency: bool = False


class ToQueue(msgspec.Struct, frozen=True):
    queue: str


class ToMenu(msgspec.Struct, frozen=True):
    menu: str


class ToVoicemail(msgspec.Struct, frozen=True):
    """To leave a message in the mailbox of this name (a phone's extension, an agent, a queue, a menu, or one of its own)."""

    mailbox: str


class ToCallback(msgspec.Struct, frozen=True):
    """To be called back by this queue, without waiting in it."""

    queue: str


class ToSurvey(msgspec.Struct, frozen=True):
    """To be asked by this survey, after the contact was served by this agent of this queue."""

    survey: str
    queue: str
    contact: str
    agent: str


class ToAgents(msgspec.Struct, frozen=True):
    """An agent outside, who calls to sign in."""


class ToHangUp(msgspec.Struct, frozen=True):
    """A spoken goodbye."""


class ToExcuse(msgspec.Struct, frozen=True):
    """Something that cannot be had: `prompt` is spoken, then the call ends with `sip_code`."""

    prompt: str
    sip_code: int
    target: str
    values: dict[str, object] = msgspec.field(default_factory=dict)


Decision = (
    ToExtension | ToScenario | ToOutside | ToQueue | ToMenu | ToVoicemail | ToCallback | ToSurvey | ToAgents | ToHangUp
    | ToCode | ToExcuse
)

MAX_DIALLED = 32

T = TypeVar("T")


def once_per_config(work: Callable[[Config], T]) -> Callable[[Config], T]:
    """Remember the last result: every call asks, and a configuration never changes (a new one is another object)."""
    last: tuple[Config, T] | None = None

    @functools.wraps(work)
    def look(config: Config) -> T:
        nonlocal last
        if last is None or last[0] is not config:
            last = config, work(config)
        return last[1]

    return look


def emergency_numbers(config: Config) -> tuple[str, ...]:
    """The numbers that call for help here: those configured, else the country's."""
    given = config.dialling.emergency
    return numbers.emergency_numbers(config.office.country) if given is None else tuple(given)


@once_per_config
def emergency_lines(config: Config) -> list[str]:
    """Every line, best first: those named for it, then those that allow it, then the rest rather than none."""
    enabled = [line for line in config.lines if line.enabled]
    named = [name for name in config.dialling.emergency_lines if any(line.name == name for line in enabled)]
    allowed = [line.name for line in enabled if line.emergency_allowed]
    rest = [line.name for line in enabled]
    return list(dict.fromkeys(named + allowed + rest))


@once_per_config
def internal_numbers(config: Config) -> dict[str, Decision]:
    """Every number of the house and what it reaches."""
    house: dict[str, Decision] = {phone.extension: ToExtension(phone.extension) for phone in config.phones}
    house |= {scenario.code: ToScenario(scenario.code) for scenario in config.scenarios}
    for kind, entries in (("queue", config.queues), ("menu", config.menus)):
        house |= {entry.number: to_target(config, Target(f"{kind}:{entry.name}")) for entry in entries if entry.number}
    return house


def from_phone(config: Config, extension: str, dialled: str) -> Decision:
    """What `dialled` means at the phone with this extension. Help comes first: nothing stands between a person and 112."""
    house = internal_numbers(config)
    dialling = config.dialling
    read = numbers.read_dialled(
        dialled, config.office.country, outside_prefix=dialling.outside_prefix, internal=house,
        emergency=dialling.emergency, area_code=dialling.area_code,
    )
    if read.kind == "emergency":
        return ToOutside(read.number, emergency_lines(config), emergency=True)
    if read.kind == "internal":
        return house[read.number]
    code = code_dialled(config.codes, dialled)
    if code is not None:
        return _mailbox(config, extension, code.digits) if code.name == "leave_message" else code
    if read.kind == "unknown":
        return ToExcuse("number-unknown", 404, read.number)
    return outside(config, extension, read)


def _mailbox(config: Config, extension: str, number: str) -> Decision:
    """To leave a message: in the mailbox of this number, else in the phone's own."""
    name = boxes.by_number(config, number) if number else extension
    return ToVoicemail(name) if name else ToExcuse("voicemail-unknown", 404, f"voicemail:{number}")


def outside(config: Config, extension: str, read: numbers.Dialled) -> Decision:
    """A number for the outside, checked against the routes and the phone's rights."""
    route = route_for(config, read.number)
    if route is None:
        return ToExcuse("number-not-in-service", 404, read.number)
    phone = config.phone(extension)
    allow = set(route.allow)
    if phone is not None and phone.allow is not None:
        allow &= set(phone.allow)
    if read.cls not in allow:
        return ToExcuse("call-not-allowed", 403, read.number)
    return ToOutside(read.number, list(route.lines))


def to_target(config: Config, target: Target) -> Decision:
    """What a configured target means for a call."""
    made = _TARGETS.get(target.kind)
    return made(config, target.name) if made else ToExcuse("call-not-allowed", 403, str(target))


def _outside_target(config: Config, number: str) -> Decision:
    """A number outside that the office itself wrote down: the routes say which lines, and what they let through."""
    e164 = canonical(number, config.office.country)
    route = route_for(config, e164)
    if route is None or numbers.classify(e164, config.office.country) not in route.allow:
        return ToExcuse("number-not-in-service", 404, f"outside:{number}")
    return ToOutside(e164, list(route.lines))


_TARGETS: dict[str, Callable[[Config, str], Decision]] = {
    "extension": lambda config, name: ToExtension(name),
    "queue": lambda config, name: ToQueue(name),
    "menu": lambda config, name: ToMenu(name),
    "voicemail": lambda config, name: ToVoicemail(name),
    "callback": lambda config, name: ToCallback(name),
    "outside": _outside_target,
    "agents": lambda config, name: ToAgents(),
    "hangup": lambda config, name: ToHangUp(),
}
"""Kind of target -> what it means. A scenario is no target: only phones start one, by its code."""


def from_line(config: Config, line_name: str, dialled: str) -> Decision:
    """What a call coming in on a line reaches: by the number called where we know it, else by `inbound_to`."""
    line = config.line(line_name)
    if line is None:
        return ToExcuse("number-not-in-service", 404, dialled[:MAX_DIALLED])
    ours = inbound_numbers(config)[line_name]
    target = ours.get(dialled) or ours.get(canonical(dialled, config.office.country)) or line.inbound_to
    if target is None:
        return ToExcuse("not-yet-available", 480, "")
    return to_target(config, target)


@once_per_config
def inbound_numbers(config: Config) -> dict[str, dict[str, Target]]:
    """Each line's own numbers, as they are written and as E.164, with what they reach."""
    country = config.office.country
    return {
        line.name: {
            form: target for number, target in line.inbound_numbers.items() for form in (canonical(number, country), number)
        }
        for line in config.lines
    }


@functools.lru_cache(maxsize=4096)
def e164_of(number: str, country: str) -> str:
    """A number as E.164 however it was written, "" where it is none. An office's callers dial the same few."""
    try:
        return numbers.normalise(number, country)
    except SwitchroomError:
        return ""


def canonical(number: str, country: str) -> str:
    """A number as E.164 however it was written, or as it is where it is none."""
    return e164_of(number, country) or number


def caller_on(config: Config, line_name: str, number: str) -> str:
    """A caller's number as E.164, however the line writes it, or as it is where it is none. Digits that are a whole number
    with the country's code are read so first: where numbers have no fixed length (DE: 49 170 ...) they could also be one
    without it, which no line writes without the 0 before it."""
    line = config.line(line_name)
    country = config.office.country
    if number[:1].isdigit() and not number.startswith("0"):
        whole = e164_of("+" + number, country)
        if whole and ((line is not None and line.send_as == "digits") or whole.startswith(numbers.country_prefix(country))):
            return whole
    return canonical(number, country)


def campaign_lines(config: Config, number: str, over: list[str]) -> list[str]:
    """The lines that a campaign may call this number over, in order: its route's, narrowed to `over` where the scenario says."""
    route = route_for(config, number)
    if route is None or numbers.classify(number, config.office.country) not in route.allow:
        return []
    return lines_of(route, over)


def number_on(config: Config, line_name: str, number: str) -> str:
    """A number as this line wants it dialled: in its form, after its prefix."""
    line = config.line(line_name)
    form = line.send_as if line else "e164"
    return (line.number_prefix if line else "") + numbers.send_as(number, form, config.office.country)


def caller_id_for(config: Config, line_name: str, wanted: str | None) -> str:
    """The number shown to a callee: the wanted one, else the line's, else the line's account where that is a number."""
    line = config.line(line_name)
    if wanted:
        return wanted
    if line is None:
        return "anonymous"
    if line.caller_id:
        return line.caller_id
    return line.username or "switchroom"

