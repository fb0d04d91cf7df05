"""The one contract that all lines and phones follow (design rule: all lines look alike).

A driver owns signalling for its endpoints. The core speaks to it about *legs*, named by the core's own leg id (a string),
and hears of them through typed events given to one sink, always on the core's event loop. Audio is not the driver's:
it is told where our media stands (`MediaOffer`) and tells where the far end's stands (`MediaAnswer`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal, Protocol

import msgspec

from appliance.messages import Cause, Event

# ---- media as signalled ----------------------------------------------------------------------------------------------

CODECS = ("PCMA", "PCMU", "G722")


class MediaOffer(msgspec.Struct, frozen=True, kw_only=True):
    """Our side of the audio: address and RTP port (RTCP is muxed or port+1), codecs in order of preference."""

    host: str
    port: int
    codecs: tuple[str, ...] = CODECS
    ptime_ms: int = 20
    direction: Literal["sendrecv", "sendonly", "recvonly", "inactive"] = "sendrecv"


class MediaAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """What was agreed: where to send, with which codec and payload types. `telephone_event` 0 means none (then digits
    are heard in-band). `direction` is ours: "recvonly" and "inactive" mean that the far end holds us (RFC 3264 8.4)."""

    host: str
    port: int
    codec: str
    payload_type: int
    telephone_event: int = 0
    ptime_ms: int = 20
    direction: Literal["sendrecv", "sendonly", "recvonly", "inactive"] = "sendrecv"
    rtcp_mux: bool = False
    rtcp_port: int = 0


# ---- what a driver says ----------------------------------------------------------------------------------------------


class LegEvent(msgspec.Struct, frozen=True, kw_only=True):
    leg: str


class Incoming(LegEvent, frozen=True, kw_only=True):
    """A new leg calls us; the driver made up the leg id. Answer with `ring`, `early`, `answer` or `reject`.

    `endpoint` is the extension (kind "phone", already authenticated) or the line's name (kind "line", known by address or by
    registration). `number` is what was dialled as it came (user part, unescaped once); `caller` and `caller_name` come from
    From or P-Asserted-Identity. `offer` is None where the INVITE had no SDP. `replaces` is the leg whose place this one is to
    take (RFC 3891): an answered one (attended transfer), or one of ours that still rings (pick-up). It was there, and the far
    end knew both its tags, when the INVITE came; whether this endpoint may have it is the core's to say."""

    endpoint: str
    kind: Literal["phone", "line"]
    number: str
    caller: str
    caller_name: str = ""
    peer: str = ""
    sip_call_id: str = ""
    offer: MediaAnswer | None = None
    replaces: str = ""
    emergency: bool = False
    anonymous: bool = False
    """The caller wants not to be known (RFC 3323): `caller` is "anonymous" then, and `caller_name` empty."""
    diverted_from: str = ""
    """The number that was called before the call was diverted to us."""


class Ringing(LegEvent, frozen=True, kw_only=True):
    """The far end rings (180, or 183 without SDP)."""


class EarlyMedia(LegEvent, frozen=True, kw_only=True):
    """The far end sends audio before answering (183/180 with SDP)."""

    media: MediaAnswer


class Answered(LegEvent, frozen=True, kw_only=True):
    media: MediaAnswer


class MediaChanged(LegEvent, frozen=True, kw_only=True):
    """A re-INVITE or UPDATE of the far end was answered: new address, codec, or hold (`media.direction`)."""

    media: MediaAnswer


class Ended(LegEvent, frozen=True, kw_only=True):
    """The leg is gone; its id is never used again. Comes exactly once per leg, also after `hang_up`."""

    cause: Cause
    target: str = ""
    """Where the far end wants the call to go instead (301, 302): user part of its Contact. Whether that is followed is the
    core's to say: a phone forwards with its own rights, a line must not steer us to a number that costs."""


class DigitInfo(LegEvent, frozen=True, kw_only=True):
    """A digit by SIP INFO (application/dtmf-relay or application/dtmf)."""

    digit: str
    duration_ms: int = 0


class TransferAsked(LegEvent, frozen=True, kw_only=True):
    """REFER from the far end. `target` is the user part to call; `replaces` our leg id for an attended transfer, or "".
    Answer with `transfer_state` (NOTIFY sipfrag) until a final status."""

    target: str
    replaces: str = ""


class Referred(LegEvent, frozen=True, kw_only=True):
    """What came of our `refer`: its refusal (`sip_code` 300 and more), or what the far end says of the call that it makes (100,
    180; from 200 on it is final: then hang up)."""

    sip_code: int


class EndpointChanged(msgspec.Struct, frozen=True, kw_only=True):
    """A line or phone came up or went down; `event` is what belongs in the ledger."""

    endpoint: str
    kind: Literal["phone", "line"]
    up: bool
    reason: str = ""
    event: Event | None = None


class OrphanFound(msgspec.Struct, frozen=True, kw_only=True):
    """A dialog left over from before a restart is being ended; OrphanEnded follows. Until then it takes up a channel of `line`
    (a line's or phone's name; "" where they had called us)."""

    sip_call_id: str
    line: str = ""


class OrphanEnded(msgspec.Struct, frozen=True, kw_only=True):
    """A dialog from before a restart was ended, or found gone, or was over just before: its channel may count as free. Of those
    that were over most have their record."""

    sip_call_id: str
    line: str = ""
    ended: bool = True
    detail: str = ""


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody began to watch this resource (`on`), or the last one who did is gone. Comes before the watcher is told a state:
    `set_lamp` it now. While nobody watches a resource its lamp need not be kept up to date (`Driver.watched`)."""

    resource: str
    on: bool


DriverEvent = LegEvent | EndpointChanged | OrphanFound | OrphanEnded | Watched
Sink = Callable[[DriverEvent], None]


# ---- what a driver does ----------------------------------------------------------------------------------------------


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """One outgoing leg. `number` is already in the form the endpoint wants (`send_as`); `caller` is shown to the callee.
    `contact` names one of a phone's registered devices (`contacts`); "" is the best one. `private` hides the caller (RFC 3323),
    `answer_now` asks a phone to answer by itself (intercom), `diverted_from` is the number that forwards the call, for the
    `diversions`th time."""

    leg: str
    endpoint: str
    kind: Literal["phone", "line"]
    number: str
    caller: str
    caller_name: str = ""
    media: MediaOffer
    headers: tuple[tuple[str, str], ...] = ()
    contact: str = ""
    private: bool = False
    answer_now: bool = False
    diverted_from: str = ""
    diverted_why: Literal["always", "busy", "no-answer", "unavailable"] = "always"
    diversions: int = 1


class LampCall(msgspec.Struct, frozen=True, kw_only=True):
    """One call of an extension as those who watch it see it: it rings there, it calls somebody, or it talks. `leg` is ours with
    that extension: who may pick up is told how (the Call-ID and tags of a leg that rings). `other` is the other party."""

    leg: str = ""
    state: Literal["ringing", "calling", "talking"] = "talking"
    other: str = ""
    other_name: str = ""


LAMP_ON = (LampCall(),)
LAMP_OFF: tuple[LampCall, ...] = ()
"""For resources that are no phones: a night switch, whether an agent is logged in."""

WatchPolicy = Callable[[str, str], Literal["no", "look", "pick-up"]]
"""What a phone (first) may do with a resource (second) that there is."""


class Driver(Protocol):
    """All methods return at once; results arrive as events. Calls on a leg that has ended are ignored (it raced)."""

    def start(self, sink: Sink) -> None: ...
    async def stop(self) -> None: ...

    def call_id_of(self, leg: str) -> str:
        """The Call-ID that `place` will use for this leg id: known before the INVITE so that it can be committed first."""

    def contacts(self, extension: str) -> list[str]:
        """The devices that a phone is registered with now, best first; empty: it is not."""

    def place(self, order: Place) -> None: ...
    def ring(self, leg: str) -> None: ...
    def early(self, leg: str, media: MediaOffer) -> None: ...
    def answer(self, leg: str, media: MediaOffer) -> None: ...
    def reject(self, leg: str, sip_code: int, reason: str = "", retry_after: int | None = None) -> None: ...
    def hang_up(self, leg: str, q850: int = 16, text: str = "") -> None:
        """CANCEL before the answer, BYE after it; an unanswered incoming leg gets 603."""

    def modify(self, leg: str, media: MediaOffer) -> None:
        """Re-INVITE with this media (hold, resume, other codec). The outcome comes as MediaChanged; glare is the driver's."""

    def send_info_digit(self, leg: str, digit: str, duration_ms: int = 160) -> None: ...
    def refer(self, leg: str, target: str, replaces_leg: str = "") -> None:
        """Ask the far end of `leg` to call `target` instead of us (RFC 3515): a number of ours, a SIP URI, or, with
        `replaces_leg`, "" for where that leg's far end says that it is. With `replaces_leg` the far end takes our place in
        that dialog (RFC 5589: both are rid of us); or, where `target` is a number of ours, that leg's place with us. `Referred`
        tells what comes of it."""

    def transfer_state(self, leg: str, sip_code: int, reason: str = "") -> None: ...

    def watched(self, resource: str) -> bool:
        """Whether anybody watches it now: an extension, or what `set_lamp` has named."""

    def set_lamp(self, resource: str, calls: Sequence[LampCall]) -> None:
        """What lamps that show this resource show from now on: free (no calls), ringing, busy. A resource that is no
        extension can be watched once it was named here."""

    def set_watch_policy(self, policy: WatchPolicy) -> None:
        """Who may watch what; without one every phone may look at everything, and pick up nothing."""

    def set_mailbox(self, extension: str, new: int, old: int) -> None:
        """Messages in this extension's mailbox, new and heard: its phone's lamp is told."""

    def end_orphans(self, sip_call_ids: Sequence[str]) -> None:
        """After a restart: end these dialogs (by what the driver wrote down of them); one OrphanEnded each."""

    def reconfigure(self, lines: Sequence[object], phones: Sequence[object]) -> None:
        """New configuration: endpoints added, changed, removed; legs in progress stay."""

    def health(self) -> dict[str, object]: ...
