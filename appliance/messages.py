"""Every message of the house as a typed struct: ledger events, and commands and replies on the bus.

Ledger events are facts in the past tense; the ledger stamps each with a sequence, UTC and a monotonic
time (`Record`). Fields marked `Personal` never stand in an event on disk: the ledger keeps them in erasable records of
their own and the event holds an id (appliance/ledger). Numbers are E.164 with "+", or an extension or service code.
"""

# ruff: noqa: RUF012 - msgspec copies empty [] and {} for each struct

from typing import Any, Literal

import msgspec

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
from appliance.messages_calls import (  # noqa: F401 - the same
    AskCalls,
    CallEnded,
    CallNow,
    CallReached,
    CallsReply,
    CallTransferred,
    Cause,
    EndCall,
    LegAnswered,
    LegEnded,
    LegHeld,
    LegNow,
    LegOpened,
    LegResumed,
    LegRinging,
    Quality,
)
from appliance.messages_campaigns import (  # noqa: F401 - the same
    AskAttempt,
    AttemptEnded,
    AttemptGranted,
    AttemptRefused,
    AttemptStarted,
    BadRow,
    CampaignCreated,
    CampaignStarted,
    CampaignState,
    CampaignStateChanged,
    ControlCampaign,
    NoteReport,
    Outcome,
    ReportRequested,
    ReportSent,
    StartCampaign,
    Subscriber,
)
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
