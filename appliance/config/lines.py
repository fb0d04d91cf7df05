"""The tables about the way to the outside world: lines, how people dial, which line takes which number."""

# ruff: noqa: RUF012 - msgspec copies empty [] and {} for each struct

from typing import Annotated, Literal

from msgspec import Meta, field

from appliance.config.kinds import (
    AnswerSupervision,
    Codec,
    Country,
    Driver,
    Extension,
    Language,
    LineName,
    Name,
    NumberClass,
    NumberForm,
    NumberPattern,
    NumberText,
    Secret,
    Table,
    Text,
    Transport,
)
from appliance.config.values import HostPort, Network, RecordRule, Target


class Line(Table, frozen=True, kw_only=True):
    """A connection to the outside world: a gateway on our network, or a provider's trunk."""

    name: Annotated[Name, Meta(description="Name that routes, reports and figures use.")]
    driver: Annotated[
        Driver, Meta(description="sip-gateway: a peer known by its address. sip-trunk: a provider that we register to.")
    ]
    enabled: Annotated[bool, Meta(description="false takes the line out of service.")] = True
    address: Annotated[HostPort | None, Meta(description="sip-gateway: where it is.")] = None
    registrar: Annotated[
        HostPort | None,
        Meta(description="sip-trunk: where to register. A name without a port is looked up as SRV first."),
    ] = None
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
    assert_identity: Annotated[
        bool, Meta(description="Send the caller's number as P-Asserted-Identity too, for providers that ask for it.")
    ] = False
    inbound_to: Annotated[Target | None, Meta(description="What a call coming in on this line reaches.")] = None
    inbound_numbers: Annotated[
        dict[NumberText, Target], Meta(description="What a call to one of our numbers reaches, before `inbound_to`.")
    ] = {}
    anonymous_to: Annotated[
        Target | None, Meta(description="What callers reach who hide their number; empty: the same as others.")
    ] = None
    trust_caller_id: Annotated[
        bool,
        Meta(
            description="true: the numbers of its callers can be believed, as the exchange or the provider checks them. Agents"
            ' may then sign in from their `outside_number` by calling what leads to "agents"; the PIN is asked for all the same.'
        ),
    ] = False
    language: Annotated[
        Language | None, Meta(description="Language that its callers hear until they choose one; empty: the office's.")
    ] = None
    record: Annotated[
        RecordRule | None, Meta(description="Which of its calls are recorded; empty: as [recording] says.")
    ] = None
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
        list[LineName], Meta(max_length=32, description="Lines tried first in an emergency; all others follow.")
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
        list[LineName], Meta(min_length=1, max_length=32, description="Lines in order; the next when one is full or down.")
    ]
    allow: Annotated[
        list[NumberClass], Meta(max_length=4, description="Classes of number let through; emergency always passes.")
    ] = field(default_factory=lambda: ["national", "mobile"])
