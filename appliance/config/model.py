"""The configuration as one typed document. Each struct is a TOML table, each field a key of its name.

The descriptions are the reference: `python -m appliance.config.reference` makes docs/configuration.md of them.
Single values are checked by their type here; what ties several keys together is checked in `appliance.config.check`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, field

from appliance.config.values import HostPort, Network, PortRange, Target, enc_hook

Driver = Literal["sip-gateway", "sip-trunk"]
AnswerSupervision = Literal["signalled", "audio"]
NumberForm = Literal["national", "e164", "digits"]
NumberClass = Literal["national", "mobile", "international", "premium"]
"""Classes that rules can allow. "emergency" is one too (numbers.classify), but always passes and is never listed."""
Language = Literal["en", "fi", "ru", "uk", "zh"]
Codec = Literal["PCMA", "PCMU", "G722"]
Transport = Literal["udp", "tcp"]
MailSecurity = Literal["none", "starttls", "tls"]

Name = Annotated[str, Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]
"""What other keys refer to: letters, digits, "-", "_", "."."""
Text = Annotated[str, Meta(max_length=200, pattern=r"^[^\x00-\x1f\x7f]*$")]
"""One line: it may end up in a SIP header, a mail header or a log."""
LongText = Annotated[str, Meta(max_length=2000)]
Secret = Annotated[str, Meta(max_length=128, pattern=r"^[^\x00-\x1f\x7f]+$", extra={"secret": True})]
"""Masked wherever a configuration is shown, unless asked for."""
Extension = Annotated[str, Meta(pattern=r"^[0-9]{1,10}$")]
Pin = Annotated[str, Meta(pattern=r"^[0-9]{1,12}$", extra={"secret": True})]
Key = Annotated[str, Meta(pattern=r"^[0-9*#]$")]
MailAddress = Annotated[str, Meta(pattern=r"^[^@\s<>,;]{1,64}@[^@\s<>,;]{1,255}$")]
Country = Annotated[str, Meta(pattern=r"^[A-Z]{2}$")]
Timezone = Annotated[str, Meta(max_length=64, extra={"timezone": True})]
NumberText = Annotated[str, Meta(pattern=r"^\+?[0-9 ()./-]{2,32}$", extra={"number": True})]
NumberPattern = Annotated[str, Meta(pattern=r"^(\*|\+?[0-9]{1,20}\*?|\+\*)$")]
"""A number, or its beginning followed by "*"; "*" alone is every number."""


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """A table of the document. Immutable: a change is a new version."""


class Office(Table, frozen=True, kw_only=True):
    """Who and where the office is. Language, time zone and country are the defaults of everything below."""

    name: Annotated[Text, Meta(description="Name of the office, spoken and printed in reports.")]
    language: Annotated[Language, Meta(description="Language of prompts and pages.")] = "en"
    timezone: Annotated[Timezone, Meta(description="IANA time zone, e.g. Europe/Helsinki.")] = "UTC"
    country: Annotated[
        Country,
        Meta(description="ISO 3166 country code: tones, holidays, number format, emergency numbers, dialling law."),
    ]
    currency: Annotated[
        str, Meta(pattern=r"^[A-Z]{3}$", description="ISO 4217 code of the money that costs are counted in.")
    ] = "EUR"


class Sip(Table, frozen=True, kw_only=True):
    """The SIP side: where we listen, and how we treat strangers."""

    listen: Annotated[HostPort, Meta(description="Address and port for SIP, UDP and TCP.")] = field(
        default_factory=lambda: HostPort("0.0.0.0:5060")
    )
    also_listen: Annotated[
        list[HostPort], Meta(max_length=8, description="More addresses to listen on, e.g. [::]:5060 for IPv6.")
    ] = []
    media_ports: Annotated[PortRange, Meta(description="UDP ports for audio; each leg takes two (RTP and RTCP).")] = (
        field(default_factory=lambda: PortRange("20000-23999"))
    )
    media_address: Annotated[
        str, Meta(max_length=64, description="IP address for audio; empty: the one SIP uses towards the peer.")
    ] = ""
    external_address: Annotated[
        str,
        Meta(max_length=253, description="Public address or name to announce to lines beyond our router; empty: none."),
    ] = ""
    local_networks: Annotated[
        list[Network], Meta(max_length=64, description="Networks that reach us without `external_address`.")
    ] = field(
        default_factory=lambda: [
            Network(n) for n in ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "::1/128", "fc00::/7")
        ]
    )
    transports: Annotated[
        list[Transport], Meta(min_length=1, max_length=2, description="Transports that we listen on.")
    ] = field(default_factory=lambda: ["udp", "tcp"])
    realm: Annotated[
        str,
        Meta(pattern=r'^[^"\\\x00-\x1f]{1,64}$', description="Realm of the digest that phones prove themselves with."),
    ] = "switchroom"
    codecs: Annotated[
        list[Codec], Meta(min_length=1, max_length=3, description="Codecs in order of preference, for all legs.")
    ] = field(default_factory=lambda: ["G722", "PCMA", "PCMU"])
    packet_time_ms: Annotated[Literal[10, 20, 30, 40], Meta(description="Milliseconds of audio in a packet.")] = 20
    jitter_max_ms: Annotated[
        int, Meta(ge=40, le=1000, description="The longest delay that the jitter buffer may grow to.")
    ] = 200
    dscp_signalling: Annotated[int, Meta(ge=0, le=63, description="DSCP of SIP packets (24: CS3).")] = 24
    dscp_media: Annotated[int, Meta(ge=0, le=63, description="DSCP of audio packets (46: EF).")] = 46
    media_timeout_seconds: Annotated[
        int, Meta(ge=5, le=3600, description="A call from which no audio came for so long is ended.")
    ] = 60
    session_expires_seconds: Annotated[
        int, Meta(ge=90, le=86400, description="Session timer (RFC 4028): an unrefreshed call ends after this.")
    ] = 1800
    min_session_expires_seconds: Annotated[
        int, Meta(ge=90, le=86400, description="Shortest session timer that we accept.")
    ] = 90
    register_min_seconds: Annotated[int, Meta(ge=10, le=86400, description="Shortest registration of a phone.")] = 60
    register_max_seconds: Annotated[int, Meta(ge=60, le=86400, description="Longest registration of a phone.")] = 3600
    nonce_seconds: Annotated[int, Meta(ge=10, le=3600, description="Life of a digest nonce.")] = 120
    max_message_bytes: Annotated[
        int, Meta(ge=2048, le=65535, description="A longer SIP message is refused before it is read.")
    ] = 16384
    max_new_calls_per_second: Annotated[
        int, Meta(ge=1, le=100000, description="New calls beyond this are told 503 with Retry-After; emergencies pass.")
    ] = 2000
    ban_after_failures: Annotated[
        int, Meta(ge=1, le=1000, description="A source is shut out after so many failed tries within the window.")
    ] = 5
    ban_window_seconds: Annotated[int, Meta(ge=1, le=86400, description="The window that failures are counted in.")] = (
        60
    )
    ban_seconds: Annotated[int, Meta(ge=1, le=604800, description="First ban; each next one is twice as long.")] = 600
    ban_max_seconds: Annotated[int, Meta(ge=1, le=2592000, description="Longest ban.")] = 86400
    never_ban: Annotated[
        list[Network],
        Meta(max_length=256, description="Networks never shut out. Configured lines and registered phones never are."),
    ] = []


class Web(Table, frozen=True, kw_only=True):
    """The web pages."""

    listen: Annotated[HostPort, Meta(description="Address and port of the web pages.")] = field(
        default_factory=lambda: HostPort("127.0.0.1:8080")
    )
    tls: Annotated[
        bool | None, Meta(description="HTTPS; empty: everywhere but on loopback, which alone may go without.")
    ] = None
    certificate: Annotated[str, Meta(max_length=1024, description="PEM certificate; empty: one of our own.")] = ""
    key: Annotated[str, Meta(max_length=1024, description="PEM private key of the certificate.")] = ""

    @property
    def use_tls(self) -> bool:
        return not self.listen.is_loopback if self.tls is None else self.tls


class Mail(Table, frozen=True, kw_only=True):
    """The mail server that reports leave through. Without `server` mail is kept in the outbox and shown by the CLI."""

    server: Annotated[
        HostPort | None, Meta(description="SMTP server; without a port: 25, 587 (starttls) or 465 (tls).")
    ] = None
    tls: Annotated[MailSecurity, Meta(description="none, starttls or tls (from the first byte).")] = "none"
    verify: Annotated[bool, Meta(description="Check the server's certificate.")] = True
    ca_file: Annotated[
        str,
        Meta(max_length=1024, description="PEM file with certificates to trust, full path; empty: the system's."),
    ] = ""
    username: Annotated[Text, Meta(description="Login; empty: none.")] = ""
    secret: Annotated[Secret | None, Meta(description="Password of the login.")] = None
    sender: Annotated[MailAddress | None, Meta(description="From address of our mail.")] = None
    sender_name: Annotated[Text, Meta(description="Name beside the From address; empty: the office's name.")] = ""
    timeout_seconds: Annotated[int, Meta(ge=1, le=600, description="Limit of one delivery attempt.")] = 30
    keep_trying_hours: Annotated[
        int, Meta(ge=1, le=720, description="An undeliverable mail is retried for so long, then kept as failed.")
    ] = 72
    max_attachment_mb: Annotated[
        int, Meta(ge=1, le=100, description="Larger attachments are left out and named in the mail.")
    ] = 15


class Recording(Table, frozen=True, kw_only=True):
    """Recordings: messages of campaigns, and calls."""

    calls: Annotated[
        Literal["none", "outside", "all"], Meta(description="Which calls are recorded (outside: over a line).")
    ] = "none"
    max_hours: Annotated[float, Meta(gt=0, le=24, description="Longest recording of a call.")] = 4.0
    keep_days: Annotated[int, Meta(ge=1, le=3650, description="Recordings of calls are deleted after this.")] = 90
    keep_messages_days: Annotated[int, Meta(ge=1, le=3650, description="Messages of campaigns are kept so long.")] = 365
    trim_silence: Annotated[bool, Meta(description="Cut silence at both ends of a recorded message.")] = True
    level_dbov: Annotated[
        float, Meta(ge=-40, le=-6, description="Speech level that a recorded message is brought to, dBov.")
    ] = -19.0
    stop_after_pause_seconds: Annotated[
        float, Meta(ge=1, le=60, description="A pause of this length ends the recording of a message.")
    ] = 5.0


class Storage(Table, frozen=True, kw_only=True):
    """Short of disk, recordings stop first, then campaigns; live calls go on."""

    stop_recordings_below_mb: Annotated[int, Meta(ge=10, le=1000000, description="Free space for recordings.")] = 512
    stop_campaigns_below_mb: Annotated[int, Meta(ge=5, le=1000000, description="Free space for campaigns.")] = 128
    reserve_mb: Annotated[int, Meta(ge=1, le=10000, description="Space kept for the ledger alone.")] = 32
    keep_calls_days: Annotated[int, Meta(ge=1, le=36500, description="Call records are kept so long.")] = 730


class Log(Table, frozen=True, kw_only=True):
    """What is written about our own doing."""

    level: Annotated[Literal["debug", "info", "warning", "error"], Meta(description="Least weight that is logged.")] = (
        "info"
    )
    personal: Annotated[
        Literal["full", "masked"], Meta(description="How outside numbers appear in logs (masked: last 3 digits).")
    ] = "masked"


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
        Literal["auto", "rfc4733", "info", "inband"],
        Meta(description="How digits travel (auto: RFC 4733 where offered)."),
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
    max_contacts: Annotated[int, Meta(ge=1, le=10, description="Devices registered at once; all of them ring.")] = 3
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


class Config(Table, frozen=True, kw_only=True):
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
        return next((line for line in self.lines if line.name == name), None)

    def phone(self, extension: str) -> Phone | None:
        return next((phone for phone in self.phones if phone.extension == extension), None)

    def agent(self, id: str) -> Agent | None:
        return next((agent for agent in self.agents if agent.id == id), None)

    def queue(self, name: str) -> Queue | None:
        return next((queue for queue in self.queues if queue.name == name), None)

    def menu(self, name: str) -> Menu | None:
        return next((menu for menu in self.menus if menu.name == name), None)

    def hours_named(self, name: str) -> Hours | None:
        return next((hours for hours in self.hours if hours.name == name), None)

    def list_numbered(self, number: str) -> SubscriberList | None:
        return next((entry for entry in self.lists if entry.number == number), None)

    def scenario(self, code: str) -> Scenario | None:
        return next((scenario for scenario in self.scenarios if scenario.code == code), None)


def to_builtins(table: Table) -> Any:
    """Plain dicts, lists and texts with the TOML keys (defaults left out): for campaign rules, JSON, export."""
    return msgspec.to_builtins(table, enc_hook=enc_hook)
