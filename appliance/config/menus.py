"""The tables about menus, opening hours and the night switch."""

# ruff: noqa: RUF012 - msgspec copies empty [] and {} for each struct

from typing import Annotated, Literal

from msgspec import Meta

from appliance.config.kinds import (
    Extension,
    HoursName,
    Key,
    Language,
    Name,
    PhoneExtension,
    Pin,
    Table,
    Text,
    Timezone,
    Words,
)
from appliance.config.values import Target

Mask = Annotated[str, Meta(pattern=r"^[0-9#]{1,32}$")]


class Ask(Table, frozen=True, kw_only=True):
    """Digits that the caller is asked for before the menu, such as an account number. They stay with the contact, the
    agent sees them, and nobody is asked twice."""

    name: Annotated[Name, Meta(description='What they are, such as "account"; kept under this name.')]
    label: Annotated[Text, Meta(description="The same for the agent's screen; empty: the name.")] = ""
    prompt: Annotated[Words, Meta(description="The question; empty: a general one.")] = ""
    min_digits: Annotated[int, Meta(ge=1, le=32, description="Fewest digits.")] = 1
    max_digits: Annotated[int, Meta(ge=1, le=32, description="Most digits; after them no # is needed.")] = 16
    forms: Annotated[
        list[Mask],
        Meta(max_length=16, description='How it must look, "#" for any digit: ["7#######", "9###"]; empty: anyhow.'),
    ] = []
    luhn: Annotated[bool, Meta(description="true: its last digit is a check digit by Luhn (ISO/IEC 7812-1).")] = False
    read_back: Annotated[bool, Meta(description="true: it is read back and confirmed with 1.")] = False
    tries: Annotated[int, Meta(ge=1, le=10, description="After so many wrong ones the caller goes on without.")] = 3
    wait_seconds: Annotated[float, Meta(ge=1, le=60, description="Wait for a digit.")] = 6.0
    then: Annotated[Target | None, Meta(description="Where the caller goes next; empty: on with the menu.")] = None


class Menu(Table, frozen=True, kw_only=True):
    """A greeting and a choice by digit. One without keys only speaks, and goes on to `no_answer`."""

    name: Annotated[Name, Meta(description="Name that targets use: menu:NAME.")]
    number: Annotated[Extension | None, Meta(description="Dialled from inside.")] = None
    language: Annotated[
        Language | None, Meta(description="Language of its prompts; empty: the caller's choice, else the office's.")
    ] = None
    hours: Annotated[HoursName | None, Meta(description="Opening hours; empty: always open.")] = None
    when_closed: Annotated[
        Target | None, Meta(description="Where callers go when closed; empty: as the hours say.")
    ] = None
    ask: Annotated[Ask | None, Meta(description="Digits to ask for first.")] = None
    greeting: Annotated[
        Words, Meta(description="What callers are told. A greeting recorded from a phone is played instead.")
    ] = ""
    keys: Annotated[dict[Key, Target], Meta(description="What each digit reaches.")] = {}
    languages: Annotated[
        dict[Key, Language], Meta(description='Digits that choose a language for the rest of the call: { 9 = "fi" }.')
    ] = {}
    dial_extensions: Annotated[bool, Meta(description="true: callers may dial an extension here.")] = False
    dialable: Annotated[
        list[PhoneExtension], Meta(max_length=500, description="Extensions that may be dialled; empty: all.")
    ] = []
    digit_seconds: Annotated[
        float, Meta(ge=0.5, le=10, description="Wait for a further digit where an extension could follow.")
    ] = 2.0
    wait_seconds: Annotated[float, Meta(ge=1, le=60, description="Wait for a digit after the greeting.")] = 5.0
    repeats: Annotated[
        int, Meta(ge=0, le=10, description="The greeting is repeated so often, after silence or a wrong digit.")
    ] = 1
    no_answer: Annotated[
        Target | None, Meta(description="Where a caller goes who presses nothing; empty: a goodbye.")
    ] = None
    invalid: Annotated[
        Target | None, Meta(description="Where a caller goes who presses wrong digits; empty: as `no_answer`.")
    ] = None


class Hours(Table, frozen=True, kw_only=True):
    """Opening hours."""

    name: Annotated[Name, Meta(description="Name that menus, queues and scenarios use.")]
    open: Annotated[
        list[str],
        Meta(max_length=64, description='"mon-fri 08:00-18:00", "sat,sun 10:00-14:00"; past midnight: "22:00-02:00".'),
    ]
    holidays: Annotated[bool, Meta(description="true: closed on public holidays of the country.")] = False
    region: Annotated[
        str, Meta(max_length=10, description="Part of the country whose holidays count, e.g. BY in DE.")
    ] = ""
    dates: Annotated[
        dict[str, str],
        Meta(description='Single days that differ: { "2026-12-24" = "08:00-12:00", "12-31" = "closed" }.'),
    ] = {}
    timezone: Annotated[Timezone | None, Meta(description="Time zone of these hours; empty: the office's.")] = None
    closed: Annotated[
        Target | None, Meta(description="Where callers go when closed; empty: they are told when you open, and a goodbye.")
    ] = None
    code: Annotated[
        str,
        Meta(
            pattern=r"^[0-9]{0,3}$",
            description="Digits after the code of the night switch that turn these hours alone; empty: with all others.",
        ),
    ] = ""


class NightSwitch(Table, frozen=True, kw_only=True):
    """Opening hours set aside by a code from a phone: open or closed whatever the clock says, until switched back."""

    allowed: Annotated[
        list[PhoneExtension], Meta(max_length=500, description="Extensions that may switch it; empty: all.")
    ] = []
    pin: Annotated[Pin | None, Meta(description="Digits asked for before.")] = None
    lasts: Annotated[
        Literal["until-changed", "until-next-hours"],
        Meta(description="until-next-hours: it ends by itself when the hours next open or close."),
    ] = "until-changed"
    target: Annotated[
        Target | None, Meta(description="Where callers go in forced night; empty: where they go when closed.")
    ] = None
