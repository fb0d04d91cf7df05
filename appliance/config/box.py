"""The tables about the box itself: where it is, where it listens, how it mails, records and stores."""

# ruff: noqa: RUF012 - msgspec copies empty [] and {} for each struct

from typing import Annotated, Literal

from msgspec import Meta, field

from appliance.config.kinds import (
    Codec,
    Country,
    FileName,
    Language,
    MailAddress,
    MailSecurity,
    QueueName,
    Secret,
    Table,
    Text,
    Timezone,
    Words,
)
from appliance.config.values import HostPort, Network, PortRange, RecordRule


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


LOCAL_NETWORKS = ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8", "::1/128", "fc00::/7",
                  "fe80::/10")
"""Private, link-local and loopback (RFC 1918, 3927, 4193, 4291)."""


class Sip(Table, frozen=True, kw_only=True):
    """The SIP side: where we listen, and how we treat strangers. Most changes here take effect when the core starts again."""

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
    public_address: Annotated[
        HostPort | None,
        Meta(description="IP address (and port, where it differs) of the router that we are behind: told to lines outside."),
    ] = None
    local_networks: Annotated[
        list[Network], Meta(max_length=32, description="Networks that reach us directly: there our own address is told.")
    ] = field(default_factory=lambda: [Network(n) for n in LOCAL_NETWORKS])
    realm: Annotated[
        str,
        Meta(pattern=r'^[^"\\\x00-\x1f]{1,64}$', description="Realm of the digest that phones prove themselves with."),
    ] = "switchroom"
    codecs: Annotated[
        list[Codec], Meta(min_length=1, max_length=3, description="Codecs in order of preference, for all legs.")
    ] = field(default_factory=lambda: ["G722", "PCMA", "PCMU"])
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
    subscription_min_seconds: Annotated[int, Meta(ge=10, le=3600, description="Shortest subscription to a lamp.")] = 60
    subscription_max_seconds: Annotated[int, Meta(ge=60, le=86400, description="Longest subscription to a lamp.")] = 3600
    mailbox_lamps: Annotated[
        Literal["subscribed", "always"],
        Meta(description="always: phones are told of new messages whether they asked (SUBSCRIBE) or not."),
    ] = "always"
    nonce_seconds: Annotated[int, Meta(ge=10, le=3600, description="Life of a digest nonce.")] = 120
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


PublicFigure = Literal["answer_time", "waiting", "open"]


class PublicFigures(Table, frozen=True, kw_only=True):
    """What everybody may see of the queues at /public, without signing in."""

    enabled: Annotated[bool, Meta(description="Whether anything is shown at all.")] = False
    queues: Annotated[
        list[QueueName], Meta(max_length=24, description="Names of the queues that are shown; empty: all.")
    ] = []
    figures: Annotated[
        list[PublicFigure],
        Meta(min_length=1, max_length=3, description="answer_time (how long a caller who came now would wait), waiting, open."),
    ] = field(default_factory=lambda: ["answer_time", "open"])


class Web(Table, frozen=True, kw_only=True):
    """The web pages."""

    listen: Annotated[HostPort, Meta(description="Address and port of the web pages.")] = field(
        default_factory=lambda: HostPort("127.0.0.1:8080")
    )
    tls: Annotated[
        bool | None, Meta(description="HTTPS; empty: everywhere but on loopback, which alone may go without.")
    ] = None
    certificate: Annotated[FileName, Meta(description="PEM certificate; empty: one of our own.")] = ""
    key: Annotated[FileName, Meta(description="PEM private key of the certificate.")] = ""
    public: PublicFigures = PublicFigures()

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
    """How calls and the messages of campaigns are recorded."""

    calls: Annotated[
        RecordRule,
        Meta(
            description='Which calls are recorded where no queue, line or phone says otherwise: "always", "never",'
            ' "on-demand" (by the code in [call_keys]), or a share such as "20%".'
        ),
    ] = field(default_factory=lambda: RecordRule("on-demand"))
    announce: Annotated[
        bool, Meta(description="Callers are told before their call is recorded; the law of most countries wants it.")
    ] = True
    announcement: Annotated[Words, Meta(description="What they are told; empty: a built-in text.")] = ""
    keep_days: Annotated[
        int, Meta(ge=0, le=3650, description="Recordings of calls are erased after so long; 0: never.")
    ] = 180
    level_dbov: Annotated[
        float, Meta(ge=-40, le=-6, description="Speech level that a recorded message is brought to, dBov.")
    ] = -19.0
    stop_after_pause_seconds: Annotated[
        float, Meta(ge=1, le=60, description="A pause of this length ends the recording of a message.")
    ] = 5.0


class Storage(Table, frozen=True, kw_only=True):
    """Short of disk, recordings stop first, then campaigns; live calls go on. Taken over when the core starts again."""

    stop_recordings_below_mb: Annotated[int, Meta(ge=10, le=1000000, description="Free space for recordings.")] = 512
    stop_campaigns_below_mb: Annotated[int, Meta(ge=5, le=1000000, description="Free space for campaigns.")] = 128
    reserve_mb: Annotated[int, Meta(ge=1, le=10000, description="Space kept for the ledger alone.")] = 32


class Log(Table, frozen=True, kw_only=True):
    """What is written about our own doing."""

    level: Annotated[Literal["debug", "info", "warning", "error"], Meta(description="Least weight that is logged.")] = (
        "info"
    )
