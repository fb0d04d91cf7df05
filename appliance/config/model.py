"""The configuration as one typed document. Each struct is a TOML table, each field a key of its name.

The descriptions are the reference: `python -m appliance.config.reference` makes docs/configuration.md of them.
Single values are checked by their type here; what ties several keys together is checked in `appliance.config.check`.
Tables about the box itself stand in `box.py`, the kinds of values in `kinds.py`.
"""

# ruff: noqa: RUF012 - msgspec copies empty [] and {} for each struct

from __future__ import annotations

from functools import cached_property
from typing import Annotated, Any, Literal, TypeVar

import msgspec
from msgspec import Meta, field

from appliance.config.box import Log, Mail, Office, Recording, Sip, Storage, Web
from appliance.config.kinds import (
    AnswerSupervision,
    Codec,
    Country,
    Driver,
    Extension,
    Key,
    Language,
    LongText,
    MailAddress,
    Name,
    NumberClass,
    NumberForm,
    NumberPattern,
    NumberText,
    Pin,
    Secret,
    Table,
    Text,
    Timezone,
    Transport,
)
from appliance.config.values import HostPort, Network, Target, enc_hook

T = TypeVar("T")


class Line(Table, frozen=True, kw_only=True):
    """A connection to the outside world: a gateway on our network, or a provider's trunk."""

    name: Annotated[Name, Meta(description="Name that routes, reports and figures use.")]
    driver: Annotated[
        Driver, Meta(description="sip-gateway: a peer known by its address. sip-trunk: a provider that we register to.")
    ]
    enabled: Annotated[bool, Meta(description="false takes the line out of service.")] = True
    address: Annotated[HostPort | None, Meta(description="sip-gateway: where it is.")] = None
    registrar: Annotated[HostPort | None, Meta(description="sip-trunk: where to register.")] = None
    failover: Annotated[
        list[HostPort],
        Meta(max_length=8, description="Further addresses or registrars, tried in order when the first is down."),
    ] = []
    outbound_proxy: Annotated[HostPort | None, Meta(description="Send everything through this proxy.")] = None
    accept_from: Annotated[
        list[Network],
        Meta(max_length=64, description="Networks that calls of this line may come from beside its own addresses."),
    ] = []
    transport: Annotated[Transport, Meta(description="Transport towards the line.")] = "udp"
    username: Annotated[Text, Meta(description="User that we register or authenticate as.")] = ""
    auth_username: Annotated[Text, Meta(description="User in the digest, where it differs from `username`.")] = ""
    secret: Annotated[Secret | None, Meta(description="Password of the account.")] = None
    realm: Annotated[Text, Meta(description="Only answer challenges of this realm; empty: any.")] = ""
    domain: Annotated[Text, Meta(description="Domain in From and To; empty: the registrar's or address's host.")] = ""
    register_seconds: Annotated[int, Meta(ge=30, le=86400, description="sip-trunk: expiry that we ask for.")] = 300
    options_seconds: Annotated[
        int, Meta(ge=0, le=3600, description="Ask for health by OPTIONS so often; 0: never.")
    ] = 30
    channels: Annotated[int, Meta(ge=1, le=1000, description="Calls at once.")] = 1
    keep_free_for_inbound: Annotated[
        int,
        Meta(ge=0, le=1000, description="Channels that campaigns and calls out leave free; emergencies may take them."),
    ] = 0
    answer_supervision: Annotated[
        AnswerSupervision,
        Meta(
            description="signalled: 200 OK means answered. audio: it comes on seizing the line; tones and voice decide."
        ),
    ] = "signalled"
    tones: Annotated[
        Country | None, Meta(description="Country whose call-progress tones to expect; empty: the office's.")
    ] = None
    send_as: Annotated[
        NumberForm,
        Meta(description="How the line wants numbers: national (0917700000), e164 (+358...), digits (358...)."),
    ] = "e164"
    number_prefix: Annotated[
        str,
        Meta(
            pattern=r"^[0-9*#]{0,8}$",
            description="Put before every number, e.g. the 9 of an exchange behind the gateway.",
        ),
    ] = ""
    dtmf: Annotated[
        Literal["auto", "info"],
        Meta(description="How digits travel to it (auto: RFC 4733 where offered, else as tones; info: SIP INFO)."),
    ] = "auto"
    codecs: Annotated[
        Annotated[list[Codec], Meta(max_length=3)] | None,
        Meta(description="Codecs of this line; empty: those of [sip]."),
    ] = None
    caller_id: Annotated[
        NumberText | None, Meta(description="Number shown to the callee; empty: `username` if it is one.")
    ] = None
    inbound_to: Annotated[Target | None, Meta(description="What a call coming in on this line reaches.")] = None
    inbound_numbers: Annotated[
        dict[NumberText, Target], Meta(description="What a call to one of our numbers reaches, before `inbound_to`.")
    ] = {}
    cost_per_minute: Annotated[
        float, Meta(ge=0, le=1000, description="Cost of a minute out, in the office's currency.")
    ] = 0.0
    cost_per_call: Annotated[float, Meta(ge=0, le=1000, description="Cost of each answered call out.")] = 0.0
    cost_step_seconds: Annotated[
        int, Meta(ge=1, le=600, description="Calls are charged in steps of so many seconds.")
    ] = 60
    emergency_allowed: Annotated[
        bool, Meta(description="Emergency calls may go out here (false: only if no other line can).")
    ] = True


class Dialling(Table, frozen=True, kw_only=True):
    """How people here dial."""

    outside_prefix: Annotated[
        str,
        Meta(
            pattern=r"^[0-9*#]{0,4}$",
            description="A phone dials this, then the number; empty: numbers are dialled directly.",
        ),
    ] = ""
    area_code: Annotated[
        str,
        Meta(
            pattern=r"^[0-9]{0,8}$",
            description="Put before numbers dialled without an area code, e.g. 09; empty: none.",
        ),
    ] = ""
    emergency: Annotated[
        Annotated[list[Extension], Meta(max_length=32)] | None,
        Meta(
            description="Emergency numbers, passing with and without the outside prefix; empty: the country's.",
        ),
    ] = None
    emergency_lines: Annotated[
        list[Name], Meta(max_length=32, description="Lines tried first in an emergency; all others follow.")
    ] = []
    callee_hours: Annotated[
        Annotated[list[str], Meta(max_length=32)] | None,
        Meta(description="When campaigns may call, in the callee's own time zone; empty: by `profile`."),
    ] = None
    callee_holidays: Annotated[
        bool, Meta(description="true: campaigns do not call on the callee's public holidays.")
    ] = False
    profile: Annotated[
        Country | None, Meta(description="Country whose dialling law gives the defaults; empty: the office's.")
    ] = None
    ring_seconds: Annotated[
        float, Meta(ge=5, le=300, description="A call between phones or out rings so long at most.")
    ] = 60.0
    max_call_hours: Annotated[float, Meta(gt=0, le=24, description="Longest call; a forgotten one ends then.")] = 8.0


class Route(Table, frozen=True, kw_only=True):
    """Which lines take which numbers. The first route that matches wins."""

    name: Annotated[Name, Meta(description="Name for reports and explanations.")]
    numbers: Annotated[
        list[NumberPattern],
        Meta(
            min_length=1,
            max_length=256,
            description='Numbers as E.164 or their beginnings: "+358*"; "*" is every number.',
        ),
    ]
    lines: Annotated[
        list[Name], Meta(min_length=1, max_length=32, description="Lines in order; the next when one is full or down.")
    ]
    allow: Annotated[
        list[NumberClass], Meta(max_length=4, description="Classes of number let through; emergency always passes.")
    ] = field(default_factory=lambda: ["national", "mobile"])


class Phone(Table, frozen=True, kw_only=True):
    """A phone that registers with us."""

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


class Agent(Table, frozen=True, kw_only=True):
    """A person who takes calls from queues."""

    id: Annotated[Name, Meta(description="Stable id, used in queues and figures.")]
    name: Annotated[Text, Meta(description="Name on screens.")] = ""
    extension: Annotated[Extension | None, Meta(description="The phone at which the agent usually sits.")] = None
    pin: Annotated[Pin | None, Meta(description="Digits to sign in with at a phone.")] = None
    skills: Annotated[
        dict[Name, Annotated[int, Meta(ge=1, le=10)]],
        Meta(description="What the agent can do, 1 (a little) to 10 (best)."),
    ] = {}
    email: Annotated[MailAddress | None, Meta(description="For figures and notes.")] = None


class Queue(Table, frozen=True, kw_only=True):
    """Callers who wait for one of several agents."""

    name: Annotated[Name, Meta(description="Name that targets use: queue:NAME.")]
    number: Annotated[Extension | None, Meta(description="Dialled from inside.")] = None
    strategy: Annotated[
        Literal["longest-idle", "skills", "round-robin", "ring-all", "fewest-calls"],
        Meta(description="Who gets the next caller."),
    ] = "longest-idle"
    agents: Annotated[list[Name], Meta(max_length=500, description="Ids of its agents.")] = []
    skills: Annotated[
        dict[Name, Annotated[int, Meta(ge=1, le=10)]], Meta(description="Least level of each skill an agent needs.")
    ] = {}
    relax_skills_after_seconds: Annotated[
        Annotated[int, Meta(ge=1, le=3600)] | None,
        Meta(description="After so long the wanted levels fall by one, again and again."),
    ] = None
    priority: Annotated[
        int, Meta(ge=0, le=10, description="Where an agent serves several queues, the higher goes first.")
    ] = 0
    ring_seconds: Annotated[
        int, Meta(ge=3, le=300, description="An agent's phone rings so long, then the next one's.")
    ] = 15
    wrap_up_seconds: Annotated[int, Meta(ge=0, le=3600, description="Pause of the agent after a call.")] = 10
    service_level_seconds: Annotated[
        int, Meta(ge=1, le=3600, description="Answered within this counts as in time.")
    ] = 20
    max_wait_seconds: Annotated[int, Meta(ge=1, le=14400, description="Longest wait.")] = 300
    max_waiting: Annotated[int, Meta(ge=1, le=1000, description="Most callers waiting at once.")] = 100
    when_full_or_late: Annotated[
        Target | None, Meta(description="Where callers go then; empty: its own voicemail.")
    ] = None
    announce_position_every: Annotated[
        Annotated[int, Meta(ge=10, le=600)] | None,
        Meta(description="Tell callers their place every so many seconds; empty: never."),
    ] = None
    offer_callback_after_seconds: Annotated[
        Annotated[int, Meta(ge=1, le=3600)] | None,
        Meta(description="Offer to call back after this wait; empty: never."),
    ] = None
    hours: Annotated[Name | None, Meta(description="Opening hours; empty: always open.")] = None
    greeting: Annotated[LongText, Meta(description="Spoken to each caller first.")] = ""
    language: Annotated[Language | None, Meta(description="Language of its prompts; empty: the office's.")] = None


class Menu(Table, frozen=True, kw_only=True):
    """A greeting and a choice by digit."""

    name: Annotated[Name, Meta(description="Name that targets use: menu:NAME.")]
    number: Annotated[Extension | None, Meta(description="Dialled from inside.")] = None
    greeting: Annotated[LongText, Meta(description="Text that is spoken.")] = ""
    greeting_file: Annotated[str, Meta(max_length=1024, description="Audio file instead of the text.")] = ""
    keys: Annotated[dict[Key, Target], Meta(description="What each digit reaches.")] = {}
    no_answer: Annotated[Target | None, Meta(description="Where a caller goes who presses nothing.")] = None
    wait_seconds: Annotated[float, Meta(ge=1, le=60, description="Wait for a digit after the greeting.")] = 5.0
    repeats: Annotated[int, Meta(ge=0, le=10, description="The greeting is repeated so often.")] = 1
    hours: Annotated[Name | None, Meta(description="Opening hours; empty: always open.")] = None
    language: Annotated[Language | None, Meta(description="Language of its prompts; empty: the office's.")] = None


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
    closed: Annotated[Target | None, Meta(description="Where callers go when closed.")] = None


class SubscriberList(Table, frozen=True, kw_only=True):
    """A list of outside numbers, in a CSV file."""

    number: Annotated[Extension, Meta(description="What the operator keys.")]
    name: Annotated[Text, Meta(description="Name for reports.")] = ""
    file: Annotated[
        str,
        Meta(
            min_length=1,
            max_length=1024,
            description="CSV file; columns number, name and any others. Relative to this file.",
        ),
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
        list[Name], Meta(max_length=32, description="Only over these lines; empty: as the routes say.")
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
        list[Extension], Meta(max_length=500, description="Extensions that may start it; empty: all.")
    ] = []
    pin: Annotated[Pin | None, Meta(description="Digits asked for before anything else.")] = None
    lists: Annotated[list[Extension], Meta(max_length=200, description="Lists it may be sent to; empty: all.")] = []
    report_to: Annotated[list[MailAddress], Meta(max_length=32, description="Who gets the report.")] = []
    hours: Annotated[Name | None, Meta(description="Opening hours in which it calls; empty: always.")] = None
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


class Config(Table, frozen=True, kw_only=True, dict=True):
    """The whole document."""

    office: Office
    sip: Sip = Sip()
    web: Web = Web()
    mail: Mail = Mail()
    recording: Recording = Recording()
    storage: Storage = Storage()
    log: Log = Log()
    lines: list[Line] = []
    dialling: Dialling = Dialling()
    routes: list[Route] = []
    phones: list[Phone] = []
    agents: list[Agent] = []
    queues: list[Queue] = []
    menus: list[Menu] = []
    hours: list[Hours] = []
    lists: list[SubscriberList] = []
    scenarios: list[Scenario] = []

    def line(self, name: str) -> Line | None:
        return self._lines.get(name)

    def phone(self, extension: str) -> Phone | None:
        return self._phones.get(extension)

    def agent(self, id: str) -> Agent | None:
        return self._agents.get(id)

    def queue(self, name: str) -> Queue | None:
        return self._queues.get(name)

    def menu(self, name: str) -> Menu | None:
        return self._menus.get(name)

    def hours_named(self, name: str) -> Hours | None:
        return self._hours.get(name)

    def list_numbered(self, number: str) -> SubscriberList | None:
        return self._lists.get(number)

    def scenario(self, code: str) -> Scenario | None:
        return self._scenarios.get(code)

    # Every call looks things up, and a configuration never changes: each index is made once, when first asked for.

    @cached_property
    def _lines(self) -> dict[str, Line]:
        return _first_by(self.lines, "name")

    @cached_property
    def _phones(self) -> dict[str, Phone]:
        return _first_by(self.phones, "extension")

    @cached_property
    def _agents(self) -> dict[str, Agent]:
        return _first_by(self.agents, "id")

    @cached_property
    def _queues(self) -> dict[str, Queue]:
        return _first_by(self.queues, "name")

    @cached_property
    def _menus(self) -> dict[str, Menu]:
        return _first_by(self.menus, "name")

    @cached_property
    def _hours(self) -> dict[str, Hours]:
        return _first_by(self.hours, "name")

    @cached_property
    def _lists(self) -> dict[str, SubscriberList]:
        return _first_by(self.lists, "number")

    @cached_property
    def _scenarios(self) -> dict[str, Scenario]:
        return _first_by(self.scenarios, "code")


def _first_by(entries: list[T], key: str) -> dict[str, T]:
    """Entries by this field. Of several with one value (a document that is being checked) the first counts."""
    found: dict[str, T] = {}
    for entry in entries:
        found.setdefault(getattr(entry, key), entry)
    return found


def to_builtins(table: Table) -> Any:
    """Plain dicts, lists and texts with the TOML keys (defaults left out): for campaign rules, JSON, export."""
    return msgspec.to_builtins(table, enc_hook=enc_hook)
