"""Ledger events of what callers and phones do without an agent: numbers keyed in, voicemail, greetings,
the night switch, surveys."""

from typing import Literal

from appliance.messages_base import Event, Personal

SurveyKind = Literal["csat", "nps", "ces", "comment"]


class FactKeyed(Event, frozen=True, kw_only=True):
    """A caller keyed in a number that was asked for ("account"). It stays with the contact, which has the call's id; `digits` are
    erased with the caller."""

    call: str
    caller: Personal = ""
    digits: Personal = ""
    name: str
    label: str = ""


class CallerScreened(Event, frozen=True, kw_only=True):
    """A caller was turned away or went another way: by a list of callers (`list`), or for hiding the number ("")."""

    call: str
    verdict: Literal["block", "vip", "anonymous"]
    list: str = ""
    target: str = ""


class VoicemailLeft(Event, frozen=True, kw_only=True):
    """A message is safe in a mailbox. Committed before the caller is told so; after a kill it may come twice for one message."""

    message: str
    box: str
    call: str
    seconds: float
    sha256: str
    caller: Personal = ""


class VoicemailHeard(Event, frozen=True, kw_only=True):
    """A new message was listened to, at the phone `by`."""

    message: str
    box: str
    by: str = ""


class VoicemailDeleted(Event, frozen=True, kw_only=True):
    """A message was erased: by its owner, because its time was over, because it was delivered by mail, or with all else that is
    known of its caller."""

    message: str
    box: str
    by: str = ""
    reason: Literal["asked", "expired", "mailed", "caller"] = "asked"


class GreetingChanged(Event, frozen=True, kw_only=True):
    """A greeting was recorded from a phone (`seconds` long), or its text is used again (0)."""

    owner: Literal["menu", "queue", "voicemail"]
    name: str
    by: str = ""
    seconds: float = 0.0


class NightSwitched(Event, frozen=True, kw_only=True):
    """Opening hours were set aside, or follow the clock again ("auto"). `hours` "": all together."""

    setting: Literal["open", "closed", "auto"]
    hours: str = ""
    by: str = ""


class SurveyAsked(Event, frozen=True, kw_only=True):
    """A caller is asked what it was like, after the agent has hung up: by this survey, for a call of this queue with this agent.
    `contact` is the ACD's, `call` the one that the caller was on."""

    call: str
    contact: str
    survey: str
    queue: str
    agent: str = ""


class SurveyAnswered(Event, frozen=True, kw_only=True):
    """One answer, committed before the next question. `score`: of csat 1..5, of nps 0..10, of ces 1..7; a comment has a
    `recording` (the file's path below recordings/) instead. A later one to the same question of a call replaces it."""

    call: str
    contact: str
    survey: str
    queue: str
    question: str
    kind: SurveyKind
    agent: str = ""
    score: int | None = None
    recording: str = ""
    seconds: float = 0.0


OFFICE_EVENTS: tuple[type[Event], ...] = (
    FactKeyed, CallerScreened, VoicemailLeft, VoicemailHeard, VoicemailDeleted, GreetingChanged, NightSwitched, SurveyAsked,
    SurveyAnswered,
)  # fmt: skip
