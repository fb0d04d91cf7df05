"""Ledger events of what desk phones do: settings made by code, calls sent elsewhere, parked, joined."""

from typing import Literal

import msgspec

from appliance.messages_base import Command, Event, Personal, Reply

Setting = Literal["forward_always", "forward_busy", "forward_no_answer", "forward_unregistered", "do_not_disturb"]
"""What the user of a phone can set; the first four are named as in [[phones]], whose values they replace."""


class PhoneSet(Event, frozen=True, kw_only=True):
    """A phone's user (or the administrator, `by` "cli") set something. `value`: what calls go to, "on" for do not disturb, ""
    for off: also a forwarding that the configuration has is off then; "configured" as the configuration says again."""

    extension: str
    setting: Setting
    value: Personal = ""
    by: str = ""


class CallForwarded(Event, frozen=True, kw_only=True):
    """A call for `extension` went on to `target`, because that was set there for this case."""

    call: str
    extension: str
    when: Literal["always", "busy", "no_answer", "unregistered", "redirected"]
    target: Personal = ""


class CallParked(Event, frozen=True, kw_only=True):
    """A party is put aside in a slot, by this extension."""

    call: str
    leg: str
    slot: int
    by: str = ""


class CallUnparked(Event, frozen=True, kw_only=True):
    """A parked party left its slot: somebody took it (`by`), its time was up, or it hung up."""

    call: str
    leg: str
    slot: int
    how: Literal["taken", "timeout", "gone"]
    by: str = ""


class CallConferenced(Event, frozen=True, kw_only=True):
    """All parties of a call hear each other, `target` being the one who came to them last."""

    call: str
    by_leg: str
    target: Personal = ""


class RecordingStarted(Event, frozen=True, kw_only=True):
    """A conversation is being recorded: what `leg` says on the left, what it hears on the right. `recording` is the file's path
    below recordings/. `why`: "rule", "on-demand", or "survey" for what a caller says after the call (one channel)."""

    call: str
    leg: str
    recording: str
    queue: str = ""
    why: str = ""


class RecordingPaused(Event, frozen=True, kw_only=True):
    """From here on silence is written (`paused`), or what is heard again."""

    call: str
    recording: str
    paused: bool


class RecordingEnded(Event, frozen=True, kw_only=True):
    """The file is whole and on disk. `reason`: "stopped", "limit", "interrupted" (cut off by a kill, made whole at the restart),
    or what went wrong."""

    call: str
    recording: str
    seconds: float = 0.0
    bytes: int = 0
    sha256: str = ""
    reason: str = ""


class RecordingErased(Event, frozen=True, kw_only=True):
    """The file is gone. `reason`: "age", "number" (all of a person were to be erased), or "empty" where a caller said nothing
    after the call."""

    call: str
    recording: str
    reason: str = "age"


DESK_EVENTS: tuple[type[Event], ...] = (
    PhoneSet, CallForwarded, CallParked, CallUnparked, CallConferenced, RecordingStarted, RecordingPaused, RecordingEnded,
    RecordingErased,
)  # fmt: skip


# ---- on the bus ----


class SetPhone(Command, frozen=True, kw_only=True):
    """Set a phone's forwarding or do not disturb as its user would; `value` as in PhoneSet, a number as that phone would dial it
    or a target. -> Done, or Refused."""

    extension: str
    setting: Setting
    value: str = ""
    by: str = "cli"


class AskPhones(Command, frozen=True, kw_only=True):
    """-> PhoneSettings"""


class PhoneState(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What holds for a phone now: its user's wish, else the configuration's. "" is off."""

    extension: str
    name: str = ""
    forward_always: str = ""
    forward_busy: str = ""
    forward_no_answer: str = ""
    forward_unregistered: str = ""
    do_not_disturb: bool = False
    follow_me: str = ""


class PhoneSettings(Reply, frozen=True, kw_only=True):
    phones: list[PhoneState]
