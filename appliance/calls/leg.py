"""One leg as flows use it: a party with a voice, an ear and a keypad, that may hang up at any moment."""

from __future__ import annotations

import asyncio
import enum
import math
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import msgspec

from appliance.calls.inbox import Inbox
from appliance.media.engine import Clip, Port
from appliance.media.events import Digit, PlayDone, RecordDone
from appliance.messages import Cause, LegAnswered, Quality
from drivers.base import Incoming, MediaAnswer, MediaOffer

if TYPE_CHECKING:
    from appliance.calls.call import Call
    from appliance.calls.routing import Decision


LAST_WORDS_SECONDS = 0.12
"""Between the end of what a leg was told and our hanging up: a phone's jitter buffer holds 40 to 100 ms, the last packet 20."""


class LegState(enum.Enum):
    """`NEW` until the far end rings or is answered; `ENDED` is final."""

    NEW = "new"
    RINGING = "ringing"
    ANSWERED = "answered"
    ENDED = "ended"


class Outsider(msgspec.Struct, frozen=True):
    """Somebody of ours at a number outside: the phone whose rights the leg has ("" for none), and which agent it is, if any."""

    extension: str
    agent: str = ""


class HungUp(Exception):
    """The leg that a flow was busy with is gone. Unwinds the flow to its end; never an error."""

    def __init__(self, leg: Leg) -> None:
        super().__init__(leg.id)
        self.leg = leg


class Leg:
    """A leg of a call. Created by `Call`; its events reach the call's inbox after the state here is up to date."""

    afterwards: Decision | None = None
    """Where it goes when all others have left the conversation, instead of being hung up (a survey)."""

    def __init__(
        self, call: Call, id: str, direction: Literal["in", "out"], kind: Literal["phone", "line"], endpoint: str,
        number: str = "", *, supervised: bool = False,
    ) -> None:
        self.call = call
        self.id = id
        self.direction = direction
        self.kind = kind
        self.endpoint = endpoint
        self.number = number
        self.contact = ""
        """Which of the phone's devices is called; "" lets the driver choose."""
        self.outsider: Outsider | None = None
        self.types_ahead = False
        """What is pressed while something is said to it counts, too."""
        self.supervised = supervised
        """The line answers on seizing: `Answered` only means that audio flows; whether somebody answered must be heard."""
        self.state = LegState.NEW
        self.rang = False
        self.incoming: Incoming | None = None
        self.port: Port | None = None
        self.media: MediaAnswer | None = None
        self.codecs: tuple[str, ...] = ()
        self.shown: tuple[str, str] = ("", "")
        """Number and name of the caller as this leg's far end was shown them."""
        self.cause = Cause()
        self.diverted_to = ""
        """Where the phone wants the call to go instead (302)."""
        self.quality: Quality | None = None
        self.answered_at = 0.0
        """Monotonic seconds; 0.0 while nobody answered."""
        self.held = False
        self.language = ""
        self.hanging_up = False
        self.took_over = False
        """It came to stand in another leg's place: by RFC 3891, or by a code."""
        self.played = 0
        """Samples of the last playback that had been sent when the leg ended."""
        self.told_at = -math.inf
        """Monotonic seconds at which the last of something that was played to its end had been sent."""
        self.recorded: asyncio.Future[RecordDone] | None = None
        """Done when the file of the last `record` is closed, also where the far end hung up meanwhile."""
        self._gone: asyncio.Event | None = None
        """Made where somebody waits for the end."""

    @property
    def is_ours(self) -> bool:
        """A phone of the house, or somebody of ours outside: whose keys in a call may be codes."""
        return self.kind == "phone" or self.outsider is not None

    @property
    def extension(self) -> str:
        """The phone that it is, or whose rights it has; "" for none."""
        if self.kind == "phone":
            return self.endpoint
        return self.outsider.extension if self.outsider is not None else ""

    # -- state --

    @property
    def inbox(self) -> Inbox:
        return self.call.inbox

    @property
    def is_ended(self) -> bool:
        return self.state is LegState.ENDED

    def check(self) -> None:
        """Raise HungUp where the leg is gone: the way out of every wait of a flow."""
        if self.state is LegState.ENDED:
            raise HungUp(self)

    def mark_ended(self, cause: Cause) -> None:
        self.state = LegState.ENDED
        self.cause = cause
        if self.port is not None:
            self.played = self.port.play_position()
            self.quality = self.port.close()
        if self._gone is not None:
            self._gone.set()

    async def gone(self) -> None:
        """Wait until the far end is really gone: only then is its channel free."""
        if self.state is not LegState.ENDED:
            self._gone = self._gone or asyncio.Event()
            await self._gone.wait()

    # -- media --

    def open_port(self, near: Leg | None = None) -> Port:
        """The leg's RTP port, opened when first needed. Raises SwitchroomError "media.ports-exhausted"."""
        if self.port is None:
            self.port = self.call.switch.open_port(self, near.port if near else None)
        return self.port

    def offer(self, direction: Literal["sendrecv", "sendonly", "recvonly", "inactive"] = "sendrecv") -> MediaOffer:
        """What we tell the far end about our side of the audio."""
        port = self.open_port()
        return MediaOffer(host=port.host, port=port.port, codecs=self.codecs, direction=direction)

    def connect(self, media: MediaAnswer) -> None:
        self.media = media
        if self.port is not None and not self.port.closed:
            self.port.connect(media)

    # -- what a flow does --

    def ring(self) -> None:
        if self.state is LegState.NEW:
            self.state = LegState.RINGING
            self.call.switch.driver.ring(self.id)

    def early(self) -> None:
        """Let the caller hear us before the call is answered (183 with SDP): excuses cost nothing that way."""
        self.check()
        if self.incoming is not None and self.incoming.offer is not None and self.media is None:
            self.call.switch.driver.early(self.id, self.offer())
            self.connect(self.incoming.offer)

    def answer(self) -> None:
        """Answer an incoming leg; audio flows from here on where the INVITE brought an offer, else from the ACK's answer."""
        self.check()
        if self.state is LegState.ANSWERED:
            return
        self.call.switch.driver.answer(self.id, self.offer())
        self.mark_answered()
        if self.incoming is not None and self.incoming.offer is not None and self.media is None:
            self.connect(self.incoming.offer)

    def mark_answered(self, *, heard: bool = False) -> None:
        """Note the answer in the ledger, once."""
        if self.state in (LegState.ANSWERED, LegState.ENDED):
            return
        self.state = LegState.ANSWERED
        self.answered_at = self.call.switch.clock.mono()
        codec = self.media.codec if self.media else (self.incoming.offer.codec if self.incoming and self.incoming.offer else "")
        self.call.switch.ledger.append(LegAnswered(leg=self.id, codec=codec, heard=heard))
        self.call.switch.on_leg(self)

    def reject(self, sip_code: int, reason: str = "", retry_after: int | None = None) -> None:
        if self.state in (LegState.NEW, LegState.RINGING):
            self.hanging_up = True
            self._once_heard(lambda: self.call.switch.driver.reject(self.id, sip_code, reason, retry_after))

    def reject_incoming(self, sip_code: int, retry_after: int | None = None) -> None:
        """Refuse the leg where it called us and is not answered; others are left as they are."""
        if self.incoming is not None:
            self.reject(sip_code, retry_after=retry_after)

    def hang_up(self, q850: int = 16, text: str = "") -> None:
        if self.state is not LegState.ENDED and not self.hanging_up:
            self.hanging_up = True
            self._once_heard(lambda: self.call.switch.driver.hang_up(self.id, q850, text))

    def _once_heard(self, end: Callable[[], None]) -> None:
        """What was played to its end is still in the phone's jitter buffer: with the BYE the phone would throw it away."""
        left = self.told_at + LAST_WORDS_SECONDS - self.call.switch.clock.mono()
        if left <= 0:
            end()
        else:
            asyncio.get_running_loop().call_later(left, lambda: None if self.is_ended else end())

    async def wait(self, *kinds: type, timeout: float | None = None) -> object | None:
        """The next event of these kinds that is this leg's; others are passed over. None after `timeout` s. Raises HungUp."""
        loop = asyncio.get_running_loop()
        until = None if timeout is None else loop.time() + timeout
        while True:
            self.check()
            event = await self.inbox.get(None if until is None else max(0.0, until - loop.time()))
            if self.is_ended and event is not None:
                self.inbox.put_back([event])  # a key pressed in the moment of hanging up is still to be had
            self.check()
            if event is None:
                if until is not None and loop.time() >= until:
                    return None
                continue  # woken to look again (the call is being broken off), not because the time is up
            if isinstance(event, kinds) and self.owns(event):
                return event

    def owns(self, event: object) -> bool:
        port = getattr(event, "port", None)
        if port is not None:
            return self.port is not None and port == self.port.id
        return getattr(event, "leg", self.id) == self.id

    async def play(self, clips: Sequence[Clip], *, keys: Iterable[str] = "") -> str:
        """Play to the end and return "", or stop at a digit out of `keys` and return it. Other digits are ignored, or (with
        `types_ahead`) wait for whoever asks next."""
        wanted = set(keys)
        ahead: list[object] = []
        self.check()
        playing = self.open_port().play(clips)
        while True:
            event = await self.wait(Digit, PlayDone)
            if isinstance(event, PlayDone) and event.play == playing:
                self.inbox.put_back(ahead)
                return ""
            if isinstance(event, Digit) and event.digit in wanted:
                self.stop_play()
                return event.digit
            if isinstance(event, Digit) and self.types_ahead:
                ahead.append(event)

    def stop_play(self) -> int:
        return self.port.stop_play() if self.port is not None and not self.port.closed else 0

    async def key(self, keys: Iterable[str], timeout: float) -> str:
        """One digit out of `keys`, or "" after `timeout` seconds."""
        wanted = set(keys)
        loop = asyncio.get_running_loop()
        until = loop.time() + timeout
        while True:
            event = await self.wait(Digit, timeout=max(0.0, until - loop.time()))
            if event is None:
                return ""
            if isinstance(event, Digit) and event.digit in wanted:
                return event.digit

    async def record(self, path: Path, max_seconds: float, pause_seconds: float, end_keys: str = "#") -> RecordDone:
        """Record until `#`, a pause, the limit, or the caller hangs up (then the recording is closed and HungUp raised)."""
        self.check()
        recording = self.open_port().record(path, max_seconds=max_seconds, stop_silence_seconds=pause_seconds)
        self.recorded = self.call.switch.recording(recording)
        stopped = False
        ahead: list[object] = []  # keys pressed after the end key belong to the next question
        while True:
            event = await self.wait(Digit, RecordDone)
            if isinstance(event, RecordDone) and event.record == recording:
                self.inbox.put_back(ahead)
                return event
            if isinstance(event, Digit) and stopped:
                ahead.append(event)
            elif isinstance(event, Digit) and event.digit in end_keys and self.port is not None:
                stopped = True
                self.port.stop_record()
