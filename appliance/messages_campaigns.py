"""Campaigns: what the ledger holds of them, and what clients and the dialer ask of the core."""

# ruff: noqa: RUF012 - msgspec copies empty [] and {} for each struct

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from appliance.messages_base import Command, Event, Reply
from appliance.messages_calls import Cause

Outcome = Literal[
    "confirmed", "heard", "hung_up", "declined", "machine", "busy", "no_answer",
    "unreachable", "no_line", "cancelled", "interrupted",
]
CampaignState = Literal["running", "paused", "finished", "cancelled"]


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


# ---- commands and replies --------------------------------------------------------------------------------------------


class StartCampaign(Command, frozen=True, kw_only=True):
    """`message` is the path of an audio file the core can read; `not_before`: UTC from which it may call, 0 for at once (list and
    message are taken as they are now). `order`: any text that the caller makes up once; sent again it starts nothing, and the
    reply tells of the campaign that it started at first ("": each starts one). Where one of this scenario calls this list already
    it is refused ("campaign.under-way"), but for `beside`. -> CampaignStarted"""

    scenario: str
    list: str
    message: str
    lines: int | None = None
    by: str = "cli"
    not_before: float = 0.0
    order: Annotated[str, Meta(max_length=64)] = ""
    beside: bool = False


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
