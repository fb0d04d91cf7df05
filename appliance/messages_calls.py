"""Calls that go on now, on the bus: who talks with whom, and ending one."""

from typing import Literal

import msgspec

from appliance.messages_base import Command, Reply


class AskCalls(Command, frozen=True, kw_only=True):
    """All calls that go on now. -> CallsReply"""


class EndCall(Command, frozen=True, kw_only=True):
    """Hang up on everybody in a call. -> Done, or Refused "call.unknown"."""

    call: str
    by: str = "cli"


class LegNow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """`endpoint` is the extension or the line's name; `number` the other party, `answered` UTC (0.0: not yet)."""

    leg: str
    direction: Literal["in", "out"]
    kind: Literal["phone", "line"]
    endpoint: str
    number: str = ""
    state: Literal["new", "ringing", "answered", "ended"]
    held: bool = False
    answered: float = 0.0


class CallNow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A call as it stands; `purpose` is the flow that leads it, `campaign` 0 for none, `recorded`: now. `facts`: what the caller
    keyed, by name."""

    call: str
    purpose: str
    campaign: int = 0
    recorded: bool = False
    legs: list[LegNow]
    facts: dict[str, str]


class CallsReply(Reply, frozen=True, kw_only=True):
    calls: list[CallNow]
