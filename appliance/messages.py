"""Every message of the house as a typed struct: ledger events, and commands and replies on the bus.

Ledger events are facts in the past tense; the ledger stamps each with a sequence, UTC and a monotonic
time (`Record`). Fields marked `Personal` never stand in an event on disk: the ledger keeps them in erasable records of
their own and the event holds an id (appliance/ledger). Numbers are E.164 with "+", or an extension or service code.
"""

# ruff: noqa: RUF012 - msgspec copies empty [] and {} for each struct

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from appliance.messages_acd import (  # noqa: F401 - every message is had from here
    ACD_EVENTS,
    AcdConfigured,
    AgentStateChanged,
    CallbackAttempted,
    CallbackClosed,
    CallbackFailed,
    CallbackRequested,
    ContactConnected,
    ContactEnded,
    ContactHandedOver,
    ContactLeft,
    ContactOffered,
    ContactQueued,
    DayBegan,
    OfferEnded,
    QueueSwitched,
)
from appliance.messages_audit import AUDIT_EVENTS, AuditNoted, NoteAudit  # noqa: F401 - the same
from appliance.messages_base import Command, Event, Personal, Reply
from appliance.messages_calls import AskCalls, CallNow, CallsReply, EndCall, LegNow  # noqa: F401
from appliance.messages_desk import (  # noqa: F401 - the same
    DESK_EVENTS,
    AskPhones,
    CallConferenced,
    CallForwarded,
    CallParked,
    CallUnparked,
    PhoneSet,
    PhoneSettings,
    PhoneState,
    RecordingEnded,
    RecordingErased,
    RecordingPaused,
    RecordingStarted,
    SetPhone,
    Setting,
)
from appliance.messages_office import (  # noqa: F401 - the same
    OFFICE_EVENTS,
    CallerScreened,
    FactKeyed,
    GreetingChanged,
    NightSwitched,
    SurveyAnswered,
    SurveyAsked,
    SurveyKind,
    VoicemailDeleted,
    VoicemailHeard,
    VoicemailLeft,
)
from appliance.messages_persons import ErasePerson, PersonErased  # noqa: F401 - the same
from appliance.messages_queues import (  # noqa: F401
    AgentNow,
    AskSurveys,
    CallNumber,
    CancelCallback,
    Changed,
    ContactNow,
    ControlAgent,
    MarkMissed,
    MoveContact,
    NoteContact,
    NoteOutcome,
    Person,
    QueueNow,
    Queues,
    QueuesReply,
    Reasons,
    SurveyFigure,
    SurveyFigures,
    TakeCallback,
    Why,
)
from appliance.messages_trial import LineTried, RecordMessage, RingPhone, TryLine  # noqa: F401
from appliance.sentences import NOTHING, Said

Outcome = Literal[
    "confirmed", "heard", "hung_up", "declined", "machine", "busy", "no_answer",
    "unreachable", "no_line", "cancelled", "interrupted",
]
CampaignState = Literal["running", "paused", "finished", "cancelled"]


# ---- calls and legs --------------------------------------------------------------------------------------------------


class Quality(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """What RTP was like on one leg, as received by us (RFC 3550 6.4) and, where RTCP told, by the far end.

    `loss` is a fraction 0..1, `jitter_ms` milliseconds, `mos` 1..4.5 estimated by the E-model (ITU-T G.107)."""

    packets_in: int = 0
    packets_out: int = 0
    lost: int = 0
    loss: float = 0.0
    jitter_ms: float = 0.0
    mos: float = 0.0
    far_loss: float | None = None
    rtt_ms: float | None = None
    codec: str = ""


class Cause(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """Why a leg ended: SIP status (RFC 3261) and Q.850 cause where known, and who ended it.

    `by`: "far" (the other end), "near" (we), "restart" (found open after a restart), "network" (timeout, no route),
    "tone" (heard in-band on lines with audio supervision; `tone` says which)."""

    sip: int = 0
    q850: int = 0
    by: Literal["far", "near", "restart", "network", "tone"] = "far"
    tone: str = ""
    text: str = ""


class LegOpened(Event, frozen=True, kw_only=True):
    """A leg exists: a phone or a line called us (`in`) or we call it (`out`). A campaign's is committed before its INVITE leaves.

    A phone that we ring because its user clicked on a number to call is `in` as well: its user calls.
    `endpoint` is the extension or the line's name; `number` the other party (caller of an `in` leg on a line, callee of an
    `out` leg) or what a phone dialled; `sip_call_id` is the Call-ID on the wire; `purpose` says which flow owns the call.
    """

    call: str
    leg: str
    direction: Literal["in", "out"]
    kind: Literal["phone", "line"]
    endpoint: str
    number: Personal = ""
    name: Personal = ""
    sip_call_id: str = ""
    peer: str = ""
    media_port: int = 0
    purpose: str = ""
    campaign: int = 0


class LegRinging(Event, frozen=True, kw_only=True):
    leg: str
    early_media: bool = False


class LegAnswered(Event, frozen=True, kw_only=True):
    leg: str
    codec: str = ""
    heard: bool = False
    """True where the answer was heard (audio supervision) and not signalled."""


class LegHeld(Event, frozen=True, kw_only=True):
    leg: str
    by: Literal["far", "near"] = "far"


class LegResumed(Event, frozen=True, kw_only=True):
    leg: str


class LegEnded(Event, frozen=True, kw_only=True):
    leg: str
    cause: Cause = Cause()
    quality: Quality | None = None


class CallReached(Event, frozen=True, kw_only=True):
    """What the call came to: "extension:102", "scenario:701", "excuse:queue:front", "line:gateway"."""

    call: str
    target: str


class CallTransferred(Event, frozen=True, kw_only=True):
    """A party was put through to somebody else. `by_leg` is the leg that goes: the one that transferred, or (pickup) the one that
    rang in vain."""

    call: str
    by_leg: str
    kind: Literal["blind", "attended", "pickup"]
    target: Personal = ""


class CallEnded(Event, frozen=True, kw_only=True):
    """The last leg is gone; the CDR is derived and written in the same transaction."""

    call: str
    disposition: Literal["answered", "no_answer", "busy", "failed", "cancelled", "interrupted"]


# ---- campaigns -------------------------------------------------------------------------------------------------------


class Subscriber(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One entry of a list as the campaign took it over. `row` is the line in the file; `extra` the other columns in order."""

    index: int
    number: str
    name: str = ""
    row: int = 0
    extra: dict[str, str] = {}


class BadRow(msgspec.Struct, frozen=True, kw_only=True):
    """A row of a list that cannot be called: line in the file, what stands there, why not."""

    row: int
    text: str
    reason: str


BadRows = list[BadRow]
Addresses = list[str]
"""Named here because inside CampaignCreated `list` is a field, and its annotations are evaluated with the fields in sight."""


class CampaignCreated(Event, frozen=True, kw_only=True):
    """A campaign starts. Its subscribers are stored in the same transaction (`Ledger.append_campaign`). The scenario is
    copied as it stood (`rules`, the TOML keys), so that a later change of configuration does not alter a run."""

    campaign: int
    scenario: str
    name: str
    list: str
    lines: int
    message: str
    """Path of the recording under the data directory."""
    message_seconds: float
    subscribers: int
    duplicates: int = 0
    bad_rows: BadRows = []
    rules: dict[str, Any] = {}
    by: str = ""
    """Who: "101" from a phone, "cli", "api:NAME"."""
    report_to: Addresses = []
    not_before: float = 0.0
    """UTC from which it may call, where it was planned for later; 0: at once."""
    order: str = ""
    """Which order it came of: the same one, given twice, starts one campaign."""


class CampaignStateChanged(Event, frozen=True, kw_only=True):
    campaign: int
    state: CampaignState
    by: str = ""
    reason: str = ""


class AttemptStarted(Event, frozen=True, kw_only=True):
    """The lease of one attempt, committed before its INVITE leaves, in one transaction with its LegOpened."""

    campaign: int
    subscriber: int
    attempt: int
    call: str
    leg: str
    line: str


class AttemptEnded(Event, frozen=True, kw_only=True):
    """What became of an attempt. Committed before anybody acts on it; a committed success is never called again."""

    campaign: int
    subscriber: int
    attempt: int
    call: str
    outcome: Outcome
    line: str = ""
    seconds_heard: float = 0.0
    fraction_heard: float = 0.0
    digit: str = ""
    cause: Cause = Cause()
    why: str = ""


class ReportRequested(Event, frozen=True, kw_only=True):
    """Somebody asked for the report to be mailed (again)."""

    campaign: int
    by: str = ""
    to: list[str] = []


class ReportSent(Event, frozen=True, kw_only=True):
    campaign: int
    to: list[str]
    mail_id: str


# ---- the box ---------------------------------------------------------------------------------------------------------


class BoxStarted(Event, frozen=True, kw_only=True):
    version: str
    clean: bool
    """False where the last run did not end by a stop: orphans were looked for."""


class BoxStopped(Event, frozen=True, kw_only=True):
    reason: str = ""


class ConfigApplied(Event, frozen=True, kw_only=True):
    version: int
    by: str = ""
    summary: str = ""


class LineChanged(Event, frozen=True, kw_only=True):
    line: str
    up: bool
    reason: str = ""


class PhoneRegistered(Event, frozen=True, kw_only=True):
    extension: str
    contact: str
    transport: str = "udp"


class PhoneGone(Event, frozen=True, kw_only=True):
    extension: str
    contact: str
    reason: Literal["expired", "unregistered", "unreachable", "removed"] = "expired"


class SourceBanned(Event, frozen=True, kw_only=True):
    address: str
    reason: str
    seconds: float


class ShortageChanged(Event, frozen=True, kw_only=True):
    """Something runs short ("disk", "rtp-ports", "memory"); `level` "none", "recordings", "campaigns", "reserve"."""

    what: str
    level: str
    detail: str = ""


# ---- queues, beside what the ACD decides --------------------------------------------------------------------------------


class ContactOutcome(Event, frozen=True, kw_only=True):
    """How a contact ended, as its agent keyed it: code, name and marks of [[outcomes]]. A later one replaces it."""

    at: float
    contact: str
    agent: str
    code: str
    name: str
    marks: list[str] = []


class ContactNoted(Event, frozen=True, kw_only=True):
    """What an agent wrote about a contact; a later one replaces it, "" takes it away. It is erased with the caller."""

    at: float
    contact: str
    agent: str
    caller: Personal = ""
    text: Personal = ""


class MissedMarked(Event, frozen=True, kw_only=True):
    """Somebody takes care of a missed caller, known by the contact (appliance/acd/missed.py), or has done so."""

    contact: str
    by: str
    done: bool = False


_APART = (*OFFICE_EVENTS, *DESK_EVENTS, *ACD_EVENTS, *AUDIT_EVENTS)
EVENTS: tuple[type[Event], ...] = (*(cls for cls in Event.__subclasses__() if cls not in _APART), *_APART)


class Record(msgspec.Struct, frozen=True):
    """An event as the ledger holds it. `utc` seconds since 1970; `mono` monotonic seconds, comparable within one `boot`."""

    seq: int
    utc: float
    mono: float
    boot: str
    event: Event


# ---- commands on the bus (client -> core), each with its reply -------------------------------------------------------


class Status(Command, frozen=True, kw_only=True):
    """-> StatusReply"""


class Reload(Command, frozen=True, kw_only=True):
    """Take over the configuration that the store holds now, without dropping a call. -> Done, or Refused."""

    by: str = "cli"


class StartCampaign(Command, frozen=True, kw_only=True):
    """`message` is the path of an audio file the core can read; `not_before`: UTC from which it may call, 0 for at once (list and
    message are taken as they are now). `order`: any text that the caller makes up once; sent again it starts nothing, and the
    reply tells of the campaign that it started at first ("": each starts one). -> CampaignStarted"""

    scenario: str
    list: str
    message: str
    lines: int | None = None
    by: str = "cli"
    not_before: float = 0.0
    order: Annotated[str, Meta(max_length=64)] = ""


class ControlCampaign(Command, frozen=True, kw_only=True):
    """-> Done"""

    campaign: int
    action: Literal["pause", "resume", "cancel", "finish", "report"]
    by: str = "cli"
    reason: str = ""
    to: list[str] = []


class AskAttempt(Command, frozen=True, kw_only=True):
    """The dialer asks for one attempt; idempotent by (campaign, subscriber, attempt). -> AttemptGranted | AttemptRefused"""

    campaign: int
    subscriber: int
    attempt: int


class NoteReport(Command, frozen=True, kw_only=True):
    """The dialer's mailer says that a report left. -> Done"""

    campaign: int
    to: list[str]
    mail_id: str


class SwitchNight(Command, frozen=True, kw_only=True):
    """The night switch of these hours ("": of all), as by its code. -> Done"""

    setting: Literal["open", "closed", "auto"]
    hours: str = ""
    by: str = "cli"


class DeleteVoicemail(Command, frozen=True, kw_only=True):
    """One message of a mailbox; or, with `caller`, all that this number left anywhere. -> Done (`text`: how many)"""

    box: str = ""
    message: str = ""
    caller: str = ""
    by: str = "cli"


class VoicemailMailed(Command, frozen=True, kw_only=True):
    """The dialer's mailer says that the mail about a message left. -> Done"""

    box: str
    message: str


class RemoveGreeting(Command, frozen=True, kw_only=True):
    """What was recorded at a phone for a menu, queue or mailbox (by its name) goes; the text or file of the configuration is
    heard again. -> Done, or Refused "greeting.not-recorded"."""

    owner: Literal["menu", "queue", "voicemail"]
    name: str
    by: str = "cli"


class Done(Reply, frozen=True, kw_only=True):
    text: str = ""


class Refused(Reply, frozen=True, kw_only=True):
    """The command was not carried out; nothing changed. `id` and sentences of a SwitchroomError."""

    id: str
    message: Said
    hint: Said = NOTHING


class CampaignStarted(Reply, frozen=True, kw_only=True):
    campaign: int
    subscribers: int
    duplicates: int = 0
    bad_rows: list[BadRow] = []
    lines: int = 0
    minutes: float = 0.0
    opens: float = 0.0
    """UTC from which it calls, where that is not now: its hours are closed, or it is planned for later; else 0."""


class AttemptGranted(Reply, frozen=True, kw_only=True):
    call: str
    line: str


class AttemptRefused(Reply, frozen=True, kw_only=True):
    """Not now. `why` is one of: full (no free channel), share (campaign's lines in use), line_down, closed (outside the
    callee's hours), paused, done (attempt already in the ledger), short (of disk), no_route, stopping.
    Ask again after `retry_after` seconds or when the bus wakes, whichever is first."""

    why: str
    retry_after: float = 1.0


class LineStatus(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    name: str
    up: bool
    reason: str = ""
    channels: int = 0
    busy: int = 0
    keep_free: int = 0


class PhoneStatus(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    extension: str
    name: str = ""
    registered: bool = False
    contact: str = ""
    busy: int = 0


class HoursStatus(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Opening hours now; `setting` of the night switch: "open", "closed", or "auto" by the clock."""

    name: str
    open: bool
    setting: str = "auto"


class StatusReply(Reply, frozen=True, kw_only=True):
    version: str
    uptime: float
    config_version: int
    lines: list[LineStatus]
    phones: list[PhoneStatus]
    calls: int
    campaigns_running: list[int]
    shortages: dict[str, str] = {}
    hours: list[HoursStatus] = []
    ledger_seq: int = 0
    health: dict[str, Any] = {}


COMMANDS: tuple[type[Command], ...] = tuple(Command.__subclasses__())
REPLIES: tuple[type[Reply], ...] = tuple(Reply.__subclasses__())


class Wake(msgspec.Struct, frozen=True, tag="wake"):
    """Published by the core when the ledger grew: readers catch up to `seq` from LMDB. Loss is harmless."""

    seq: int
