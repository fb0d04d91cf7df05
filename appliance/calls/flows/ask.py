"""A number that the caller is asked for, such as an account: keyed once, checked, kept with the contact."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable

import msgspec

from appliance.calls.flows.dialogue import Dialogue
from appliance.calls.leg import Leg
from appliance.config.menus import Ask


class Asked(msgspec.Struct, frozen=True):
    """What was keyed; `label` is what the agent's screen calls it."""

    name: str
    label: str
    digits: str


def luhn(digits: str) -> bool:
    """Whether the last digit is right (ISO/IEC 7812-1 annex B: every second digit from the right counts twice)."""
    total = 0
    for place, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + place % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def fits(rules: Ask, digits: str) -> bool:
    """Whether this is what was asked for: its length, one of its forms ("#" is any digit), its check digit."""
    if not rules.min_digits <= len(digits) <= rules.max_digits:
        return False
    if rules.forms and not any(re.fullmatch(form.replace("#", "[0-9]"), digits) for form in rules.forms):
        return False
    return luhn(digits) if rules.luhn else True


async def ask(talk: Dialogue, rules: Ask, main: str, keyed: Callable[[Leg, Asked], Awaitable[None]]) -> bool:
    """Ask for it, unless this caller was asked before; whether it is known then. `main` is the language of a prompt that names
    none; `keyed` is done before the call goes on."""
    if rules.name in talk.leg.call.facts:
        return True
    question = talk.own(rules.prompt, main) or talk.clips("ask-number")
    said = question
    for _ in range(rules.tries):
        digits = await talk.number(said, most=rules.max_digits, first=rules.wait_seconds, following=rules.wait_seconds)
        if not fits(rules, digits):
            said = [*talk.clips("ask-invalid" if digits else "nothing-pressed"), *question]
            continue
        if rules.read_back and await talk.choose(talk.clips("ask-read-back", number=digits), "12") != "1":
            said = question
            continue
        await keyed(talk.leg, Asked(rules.name, rules.label or rules.name, digits))
        return True
    await talk.say("ask-without")
    return False
