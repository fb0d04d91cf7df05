"""Calls and their legs: what the ledger holds of them; and on the bus, who talks with whom now, and ending a call."""

from typing import Literal

import msgspec

from appliance.messages_base import Command, Event, Personal, Reply


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


# ---- calls that go on now ---------------------------------------------------------------------------------------------


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
