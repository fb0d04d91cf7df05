"""The tables about notification campaigns: lists of numbers, and the scenarios that a desk phone starts."""

# ruff: noqa: RUF012 - msgspec copies empty [] and {} for each struct

from typing import Annotated, Literal

from msgspec import Meta

from appliance.config.kinds import (
    Country,
    Extension,
    FileName,
    HoursName,
    Key,
    Language,
    LineName,
    ListNumber,
    MailAddress,
    NumberText,
    PhoneExtension,
    Pin,
    Table,
    Text,
)


class SubscriberList(Table, frozen=True, kw_only=True):
    """A list of outside numbers, in a CSV file."""

    number: Annotated[Extension, Meta(description="What the operator keys.")]
    name: Annotated[Text, Meta(description="Name for reports.")] = ""
    file: Annotated[
        FileName,
        Meta(min_length=1, description="CSV file; columns number, name and any others. Relative to this file."),
    ]
    number_column: Annotated[
        Text, Meta(description="Header of the column with the number; empty: found by its name.")
    ] = ""
    name_column: Annotated[Text, Meta(description="Header of the column with the name; empty: found by its name.")] = ""
    encoding: Annotated[
        Literal["auto", "utf-8", "utf-16", "cp1251", "latin-1"], Meta(description="Encoding of the file.")
    ] = "auto"
    country: Annotated[
        Country | None, Meta(description="Numbers without + are read as dialled there; empty: the office's.")
    ] = None


class Scenario(Table, frozen=True, kw_only=True):
    """A notification campaign that a desk phone starts by dialling its code."""

    code: Annotated[Extension, Meta(description="What the operator dials.")]
    name: Annotated[Text, Meta(description="Name for reports.")] = ""
    lines: Annotated[int, Meta(ge=1, le=1000, description="Calls at once, never more.")] = 1
    over: Annotated[
        list[LineName], Meta(max_length=32, description="Only over these lines; empty: as the routes say.")
    ] = []
    confirm: Annotated[Key | None, Meta(description="Digit that confirms; leave out for none.")] = None
    ask_confirm: Annotated[
        bool, Meta(description="Say after the message which digit confirms; false where the message itself says it.")
    ] = True
    decline: Annotated[
        str, Meta(pattern=r"^[0-9*#]{0,12}$", description="Digits that decline; empty: every other digit but `repeat`.")
    ] = ""
    repeat: Annotated[Key | None, Meta(description="Digit that plays the message again.")] = "0"
    ring_seconds: Annotated[float, Meta(gt=0, le=300, description="Ring so long.")] = 25.0
    start_after_seconds: Annotated[
        float, Meta(ge=0, le=30, description="Playback starts when the callee has spoken, or after this.")
    ] = 1.0
    confirm_wait_seconds: Annotated[
        float, Meta(ge=0, le=120, description="Digits count from the start of playback until so long after its end.")
    ] = 5.0
    retries: Annotated[int, Meta(ge=0, le=50, description="Further tries for whom we did not reach.")] = 2
    retry_after_minutes: Annotated[float, Meta(ge=0, le=10080, description="Wait before a try after no answer.")] = 10.0
    busy_retry_after_minutes: Annotated[
        Annotated[float, Meta(ge=0, le=10080)] | None,
        Meta(description="Wait after busy; empty: a third of `retry_after_minutes`."),
    ] = None
    machine: Annotated[
        Literal["hang-up", "leave-message", "ignore"],
        Meta(description="At an answering machine: hang up, leave the message after the beep, or look for none."),
    ] = "hang-up"
    max_message_seconds: Annotated[int, Meta(ge=1, le=3600, description="Longest message that can be recorded.")] = 300
    allowed: Annotated[
        list[PhoneExtension], Meta(max_length=500, description="Extensions that may start it; empty: all.")
    ] = []
    pin: Annotated[Pin | None, Meta(description="Digits asked for before anything else.")] = None
    lists: Annotated[list[ListNumber], Meta(max_length=200, description="Lists it may be sent to; empty: all.")] = []
    report_to: Annotated[list[MailAddress], Meta(max_length=32, description="Who gets the report.")] = []
    hours: Annotated[HoursName | None, Meta(description="Opening hours in which it calls; empty: always.")] = None
    callee_hours: Annotated[
        Annotated[list[str], Meta(max_length=32)] | None,
        Meta(description="Hours at the callee's; empty: those of [dialling]."),
    ] = None
    caller_id: Annotated[NumberText | None, Meta(description="Number shown to the callee; empty: the line's.")] = None
    ring_back: Annotated[bool, Meta(description="Ring the operator back at the end with a spoken summary.")] = False
    language: Annotated[
        Language | None, Meta(description="Language of its prompts; empty: the phone's or office's.")
    ] = None
    attach_audio: Annotated[bool, Meta(description="Attach the message to the report.")] = True

    @property
    def busy_retry_minutes(self) -> float:
        """Wait after busy: sooner than after no answer, since the person is there."""
        if self.busy_retry_after_minutes is not None:
            return self.busy_retry_after_minutes
        return self.retry_after_minutes / 3
