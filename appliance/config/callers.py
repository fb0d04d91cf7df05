"""The tables about those who call: lists of blocked and important callers, the phone book, surveys after the call."""

# ruff: noqa: RUF012 - msgspec copies empty [] and {} for each struct

from typing import Annotated, Literal

from msgspec import Meta

from appliance.config.kinds import Country, FileName, Name, NumberPattern, Table, Words
from appliance.config.values import Target


class CallerList(Table, frozen=True, kw_only=True):
    """Callers who are turned away, or who go before others. The first list that holds a number counts."""

    name: Annotated[Name, Meta(description="Name for explanations.")]
    kind: Annotated[Literal["block", "vip"], Meta(description="block: turned away. vip: goes before others.")]
    numbers: Annotated[
        list[NumberPattern],
        Meta(max_length=1000, description='Numbers as E.164 or their beginnings: "+35891770*".'),
    ] = []
    file: Annotated[FileName, Meta(description="CSV file with further numbers, such as those of [[lists]].")] = ""
    priority: Annotated[
        Annotated[int, Meta(ge=0, le=10)] | None,
        Meta(description="vip: added to the priority in a queue; empty: as the queue says."),
    ] = None
    silent: Annotated[
        bool, Meta(description="block: true: refused without a word (SIP 603), so that they pay for no answer.")
    ] = False
    to: Annotated[
        Target | None,
        Meta(description="What they reach instead of what they called; empty: block: a spoken refusal, vip: the same."),
    ] = None


class PhoneBook(Table, frozen=True, kw_only=True):
    """Names of outside numbers, shown on phones and screens."""

    file: Annotated[
        FileName, Meta(description="CSV file; columns number, name, company and any others. Empty: no phone book.")
    ] = ""
    country: Annotated[
        Country | None, Meta(description="Numbers without + are read as dialled there; empty: the office's.")
    ] = None


class Question(Table, frozen=True, kw_only=True):
    """One question of a survey."""

    name: Annotated[Name, Meta(description="Name in figures.")]
    kind: Annotated[
        Literal["csat", "nps", "ces", "comment"],
        Meta(
            description="csat: how satisfied, 1 to 5. nps: would you recommend us, 0 to 10 in two digits. ces: how easy"
            " was it, 1 to 7. comment: spoken words."
        ),
    ]
    text: Annotated[Words, Meta(description="The question; empty: the usual one of its kind, in the caller's language.")] = ""
    max_seconds: Annotated[int, Meta(ge=5, le=300, description="comment: longest recording.")] = 60


class Survey(Table, frozen=True, kw_only=True):
    """Questions to the caller after the agent has hung up."""

    name: Annotated[Name, Meta(description="Name that queues use.")]
    questions: Annotated[list[Question], Meta(min_length=1, max_length=10, description="Asked in order.")]
    percent: Annotated[int, Meta(ge=1, le=100, description="Share of the callers who are asked.")] = 100
    ask_again_days: Annotated[
        int, Meta(ge=0, le=365, description="Who was asked is left in peace for so long; 0: asked every time.")
    ] = 30
    intro: Annotated[Words, Meta(description="Told first; empty: a built-in text.")] = ""
    thanks: Annotated[Words, Meta(description="Told at the end; empty: a built-in text.")] = ""


