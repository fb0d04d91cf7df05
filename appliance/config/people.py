"""The tables about those who answer: phones, agents, reasons for a break, outcomes of a call."""

# ruff: noqa: RUF012 - msgspec copies empty [] and {} for each struct

from typing import Annotated, Literal

from msgspec import Meta, field

from appliance.config.kinds import (
    Codec,
    Extension,
    Language,
    MailAddress,
    Name,
    NumberClass,
    NumberText,
    PhoneExtension,
    Pin,
    Secret,
    Table,
    Text,
)
from appliance.config.values import Network, RecordRule, Target


class Phone(Table, frozen=True, kw_only=True):
    """A phone that registers with us. What its user sets by a code (forwarding, do not disturb) is kept by the box and
    goes before the forwarding that stands here."""

    extension: Annotated[Extension, Meta(description="Its number, and the user it registers as.")]
    name: Annotated[Text, Meta(description="Shown to whom it calls.")] = ""
    secret: Annotated[Secret, Meta(description="Password of the registration.")]
    digest: Annotated[Literal["md5", "sha-256"], Meta(description="Digest that this phone is challenged with.")] = "md5"
    codecs: Annotated[
        Annotated[list[Codec], Meta(max_length=3)] | None,
        Meta(description="Codecs of this phone; empty: those of [sip]."),
    ] = None
    language: Annotated[Language | None, Meta(description="Language it hears prompts in; empty: the office's.")] = None
    allow: Annotated[
        Annotated[list[NumberClass], Meta(max_length=4)] | None,
        Meta(description="Classes of number it may dial; empty: what the route allows."),
    ] = None
    caller_id: Annotated[NumberText | None, Meta(description="Number shown outside; empty: the line's.")] = None
    email: Annotated[MailAddress | None, Meta(description="Where its voicemail is sent.")] = None
    from_networks: Annotated[
        list[Network], Meta(max_length=64, description="It may register only from here; empty: from anywhere.")
    ] = []
    max_contacts: Annotated[int, Meta(ge=1, le=10, description="Most devices that ring at once.")] = 3
    max_calls: Annotated[int, Meta(ge=1, le=32, description="Calls at once; further callers hear busy.")] = 4
    forward_always: Annotated[Target | None, Meta(description="Where all its calls go; empty: to the phone.")] = None
    forward_busy: Annotated[
        Target | None, Meta(description="Where calls go while it is busy or not to be disturbed; empty: nowhere.")
    ] = None
    forward_no_answer: Annotated[
        Target | None, Meta(description="Where calls go that nobody answers; empty: nowhere.")
    ] = None
    forward_after_seconds: Annotated[float, Meta(ge=3, le=300, description="It rings so long before.")] = 20.0
    forward_unregistered: Annotated[
        Target | None, Meta(description="Where calls go while it is not connected; empty: nowhere.")
    ] = None
    follow_me: Annotated[
        NumberText | None,
        Meta(description="An outside number that rings too; a call there is taken by pressing 1."),
    ] = None
    follow_me_after_seconds: Annotated[
        float, Meta(ge=0, le=300, description="It rings so much later than the phone.")
    ] = 0.0
    pickup_groups: Annotated[
        list[Name], Meta(max_length=16, description="Calls ringing at phones of the same group can be picked up.")
    ] = field(default_factory=lambda: ["office"])
    watched_by: Annotated[
        Annotated[list[PhoneExtension], Meta(max_length=500)] | None,
        Meta(description="Extensions whose lamps may show whether it is in use; empty: all, []: none."),
    ] = None
    reject_anonymous: Annotated[bool, Meta(description="true: callers who hide their number are turned away.")] = False
    record: Annotated[
        RecordRule | None, Meta(description="Which of its calls are recorded; empty: as the line or [recording] says.")
    ] = None


class Agent(Table, frozen=True, kw_only=True):
    """A person who takes calls from queues."""

    id: Annotated[Name, Meta(description="Stable id, used in queues and figures.")]
    name: Annotated[Text, Meta(description="Name on screens.")] = ""
    extension: Annotated[PhoneExtension | None, Meta(description="The phone at which the agent usually sits.")] = None
    outside_number: Annotated[
        NumberText | None,
        Meta(description="An outside number where the agent is called instead of the phone: working from home."),
    ] = None
    pin: Annotated[Pin | None, Meta(description="Digits to sign in with at a phone.")] = None
    skills: Annotated[
        dict[Name, Annotated[int, Meta(ge=1, le=10)]],
        Meta(description="What the agent can do, 1 (a little) to 10 (best)."),
    ] = {}
    capacity: Annotated[
        dict[Literal["chat", "mail"], Annotated[int, Meta(ge=0, le=20)]],
        Meta(description="Contacts of a channel at once; of voice it is always one, of others one unless it stands here."),
    ] = {}
    always_signed_in: Annotated[
        bool, Meta(description="true: signed in and ready whenever the phone is connected, without a code.")
    ] = False
    email: Annotated[MailAddress | None, Meta(description="For figures and notes.")] = None


class Break(Table, frozen=True, kw_only=True):
    """A reason for a break. Without any table there are 1 short, 2 lunch, 3 meeting and 4 training, spoken in every
    language."""

    digit: Annotated[str, Meta(pattern=r"^[0-9]$", description="Keyed after the code for a break.")]
    name: Annotated[Name, Meta(description="Name in figures. The four built-in names are translated.")]
    title: Annotated[Text, Meta(description="What is spoken and shown; empty: the name.")] = ""
    paid: Annotated[bool, Meta(description="true: it counts as working time (figures: paid breaks).")] = True
    max_minutes: Annotated[
        Annotated[int, Meta(ge=1, le=600)] | None, Meta(description="A longer break is pointed out; empty: never.")
    ] = None


class Outcome(Table, frozen=True, kw_only=True):
    """How a call ended, keyed by the agent. Without any table there are 1 solved, 2 sold, 3 call again and 4 not solved."""

    code: Annotated[str, Meta(pattern=r"^[0-9]{1,3}$", description="Keyed after the code for an outcome.")]
    name: Annotated[Name, Meta(description="Name in figures. The four built-in names are translated.")]
    title: Annotated[Text, Meta(description="What is spoken and shown; empty: the name.")] = ""
    marks: Annotated[
        list[Literal["solved", "sale", "call-again"]],
        Meta(max_length=3, description="What it counts as; call-again puts the caller on the list of those to call."),
    ] = []


def usual_breaks() -> list[Break]:
    """What an office has that names none of its own."""
    return [
        Break(digit="1", name="short", max_minutes=15),
        Break(digit="2", name="lunch", paid=False, max_minutes=60),
        Break(digit="3", name="meeting"),
        Break(digit="4", name="training"),
    ]


def usual_outcomes() -> list[Outcome]:
    """What an office has that names none of its own."""
    return [
        Outcome(code="1", name="solved", marks=["solved"]),
        Outcome(code="2", name="sold", marks=["solved", "sale"]),
        Outcome(code="3", name="call-again", marks=["call-again"]),
        Outcome(code="4", name="not-solved"),
    ]
