"""At which number somebody is to be called back: the own one, or another that is keyed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import msgspec

from appliance.calls.leg import Leg
from appliance.calls.routing import ToExcuse, canonical, e164_of, emergency_numbers, to_target
from appliance.config import numbers
from appliance.config.model import Config
from appliance.config.values import Target
from appliance.media.engine import Clip

YES, OTHER, NONE = "1", "2", "*"
ANSWER_SECONDS = 5.0
NUMBER_SECONDS = 8.0
NUMBER_DIGITS = 20
TRIES = 3


class Asker(Protocol):
    """Speaks with the caller."""

    def clips(self, name: str, **values: object) -> list[Clip]: ...
    async def play(self, clips: Sequence[Clip], keys: str = "") -> str:
        """To the end, or to a key out of `keys`, which is given back."""

    async def key(self, keys: str, seconds: float) -> str:
        """A key out of `keys`, "" after so many seconds."""


class Wording(msgspec.Struct, frozen=True):
    """Prompts that put a number to the caller: where another one may be named, and where not."""

    number: str
    confirm: str


async def choose_number(ask: Asker, config: Config, own: str, may_change: bool, wording: Wording) -> str:
    """The number to be called at, "" where the caller wants none, or names none that can be called. `own`: where the caller calls
    from, "" where that cannot be called."""
    number, prompt = own, "callback-enter-number"
    for _ in range(TRIES):
        if number:
            question = wording.number if may_change else wording.confirm
            keys = YES + NONE + (OTHER if may_change else "")
            key = await ask.play(ask.clips(question, number=number), keys) or await ask.key(keys, ANSWER_SECONDS)
            if key != OTHER:
                return number if key == YES else ""
        elif not may_change:
            await ask.play(ask.clips("callback-not-possible"))
            return ""
        number = callable_number(config, await _digits(ask, prompt))
        prompt = "callback-enter-number" if number else "callback-number-bad"
    return ""


async def _digits(ask: Asker, prompt: str) -> str:
    """Digits up to #, or a pause."""
    digits = await ask.play(ask.clips(prompt), "0123456789*")
    while len(digits) < NUMBER_DIGITS:
        key = await ask.key("0123456789#", NUMBER_SECONDS)
        if key in ("", "#"):
            break
        digits += key
    return digits


def callable_number(config: Config, digits: str) -> str:
    """A number that can be called back over one of our lines, as E.164; "" where it cannot: it is none, it calls for help, or the
    routes do not allow it."""
    country, prefix = config.office.country, config.dialling.outside_prefix
    if numbers.is_emergency(digits, country, outside_prefix=prefix, numbers=emergency_numbers(config)):
        return ""
    number = e164_of(digits, country)
    return "" if not number or isinstance(to_target(config, Target(f"outside:{number}")), ToExcuse) else number


def own_number(config: Config, leg: Leg, number: str) -> str:
    """Where this caller, who shows `number`, can be called: a phone of ours by its extension; "" nowhere."""
    return number if leg.kind == "phone" else callable_number(config, canonical(number, config.office.country))
