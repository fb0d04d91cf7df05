"""Codes: none may hide another, nor a number of the house, nor help.

What is dialled is looked up by its beginning, since digits may follow a code (**101). So a code must not be the beginning
of another one, and no number of the house may begin with one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from appliance.config.check_rules import Where
from appliance.config.decode import Report, shown
from appliance.config.locate import Path
from appliance.config.model import CallKeys, Codes, Config
from appliance.config.numbers import emergency_numbers
from appliance.config.walk import Leaf
from appliance.sentences import Said, say


def run(config: Config, report: Report, where: Where, texts: Sequence[Leaf]) -> None:
    """All rules; each problem goes to `report` with the path that `where` gives its table."""
    _among_themselves(config.codes, ("codes",), report)
    _among_themselves(config.call_keys, ("call_keys",), report)
    _beside_numbers(config, report)


def _among_themselves(codes: Codes | CallKeys, path: Path, report: Report) -> None:
    keys = [
        (key, code) for key in codes.__struct_fields__ if isinstance(code := getattr(codes, key), str) and code
    ]
    defaults = type(codes)()
    for key, code in keys:
        for other, taken in keys:
            if other == key or not code.startswith(taken) or (code == taken and key < other):
                continue
            changed = key if code != getattr(defaults, key) else other  # tell it of what the office wrote
            what = say("{code} ({key}) begins with {taken} ({other}).", code=shown(code), key=key, taken=shown(taken),
                       other=other)
            fix = say('Choose codes of which none begins with another; "" switches one off.')
            report("config.clash", (*path, changed), what, fix)


def _beside_numbers(config: Config, report: Report) -> None:
    prefix = config.dialling.outside_prefix
    emergency = config.dialling.emergency
    if emergency is None:
        emergency = list(emergency_numbers(config.office.country))
    for code, key in config.codes.in_use().items():
        path = ("codes", key)
        for number in emergency:
            if number.startswith(code) or code.startswith(number):
                what = say("{code} stands in the way of the emergency number {number}.", code=shown(code), number=number)
                report("config.clash", path, what, say("Choose another code."))
        if prefix and (code.startswith(prefix) or prefix.startswith(code)):
            what = say("{code} begins like the outside prefix {prefix}.", code=shown(code), prefix=shown(prefix))
            report("config.clash", path, what, say("Choose another code."))
        for number, owner in _numbers(config):
            if number.startswith(code):
                what = say("{code} ({key}) stands in the way of {owner} {number}.", code=shown(code), key=key, owner=owner,
                           number=number)
                report("config.clash", path, what, say("Choose a code that begins with * or #."))


def _numbers(config: Config) -> Iterator[tuple[str, Said]]:
    yield from ((phone.extension, say("the phone")) for phone in config.phones)
    yield from ((queue.number, say("the queue {name}", name=queue.name)) for queue in config.queues if queue.number)
    yield from ((menu.number, say("the menu {name}", name=menu.name)) for menu in config.menus if menu.number)
    yield from ((scenario.code, say("the scenario")) for scenario in config.scenarios)
