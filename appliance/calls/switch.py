"""Where signalling and audio meet the flows: events of drivers and media are noted and handed to the call they belong to."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any, Protocol

from appliance._core import Channels
from appliance.calls.call import Call
from appliance.calls.leg import Leg, LegState
from appliance.calls.replace import Replacing, may_replace
from appliance.calls.routing import caller_on
from appliance.clock import Clock
from appliance.config.model import Config
from appliance.config.words import Words
from appliance.errors import SwitchroomError
from appliance.ids import call_id
from appliance.media.engine import Clip, Engine, Port
from appliance.media.events import Digit, MediaEvent, PlayDone, RecordDone, Silent
from appliance.messages import Cause, Event, LegEnded, LegHeld, LegResumed, LegRinging, ShortageChanged
from appliance.prompts import Prompts
from appliance.prompts.sounds import Sounds
from appliance.voicemail.greetings import Owner
from drivers.base import (
    Answered,
    DigitInfo,
    Driver,
    DriverEvent,
    EarlyMedia,
    Ended,
    EndpointChanged,
    Incoming,
    LegEvent,
    MediaAnswer,
    MediaChanged,
    OrphanEnded,
    OrphanFound,
    Place,
    Ringing,
    Watched,
)

log = logging.getLogger("switch")
REPLACE_SECONDS = 4.0
"""How long a leg that is to take another's place waits for the flow that leads the call: it may be busy with something else."""


class LedgerWriter(Protocol):
    """What calls need of the ledger."""

    def append(self, event: Event) -> None: ...
    def commit(self, *events: Event) -> Awaitable[object]: ...


class Switch:
    """The calls in progress. One per core; everything runs on its event loop."""

    def __init__(
        self, *, config: Config, ledger: LedgerWriter, engine: Engine, driver: Driver, channels: Channels,
        prompts: Prompts, sounds: Sounds, clock: Clock,
    ) -> None:
        self.config = config
        self.ledger = ledger
        self.engine = engine
        self.driver = driver
        self.channels = channels
        self.prompts = prompts
        self.sounds = sounds
        self.clock = clock
        self.calls: dict[str, Call] = {}
        self.legs: dict[str, Leg] = {}
        self._phones: dict[str, dict[str, Leg]] = {}
        """Extension -> those of the legs that are its phone's."""
        self._ports: dict[int, Leg] = {}
        self._recordings: dict[int, asyncio.Future[RecordDone]] = {}
        self.ports_short = False
        """No RTP port was free when one was last wanted."""
        self._tasks: set[asyncio.Task[None]] = set()
        self.on_incoming: Callable[[Leg, Incoming], Awaitable[None]] = self._nobody
        self.on_caller: Callable[[Incoming], Incoming] = lambda event: event
        """A call comes in: the same with the caller's name, where somebody knows it."""
        self.greeting: Callable[[Owner, str, Words, str, str], Sequence[Clip]] = lambda owner, name, words, language, main: (
            self.sounds.say(words, language, main))
        """The greeting of a menu, queue or mailbox of this name: recorded at a phone, or its words, in the caller's language;
        `main` is that of words that name none."""
        self.on_endpoint: Callable[[EndpointChanged], None] = lambda event: None
        self.on_orphan: Callable[[OrphanFound | OrphanEnded], None] = lambda event: None
        self.on_last_words: Callable[[Sequence[Event]], None] = lambda events: None
        """The outcome that a call ended with is committed."""
        self.on_channel_free: Callable[[], None] = lambda: None
        self.on_leg: Callable[[Leg], None] = lambda leg: None
        """A leg came to be, rings, was answered or is gone."""
        self.on_watched: Callable[[Watched], None] = lambda event: None
        self._handlers: dict[type, Callable[[Leg, LegEvent], None]] = {
            Ringing: self._ringing,
            EarlyMedia: self._early_media,
            Answered: self._answered,
            MediaChanged: self._media_changed,
            DigitInfo: self._digit_info,
            Ended: self._ended,
        }

    # -- calls --

    def new_call(self, purpose: str, campaign: int = 0) -> Call:
        call = Call(self, call_id(self.clock.utc()), purpose, campaign)
        self.calls[call.id] = call
        return call

    def calls_of(self, extension: str) -> int:
        """Calls that this phone is in now."""
        return len({leg.call.id for leg in self.legs_at(extension)})

    def add(self, leg: Leg) -> None:
        self.legs[leg.id] = leg
        if leg.kind == "phone":
            self._phones.setdefault(leg.endpoint, {})[leg.id] = leg

    def _remove(self, leg: Leg) -> None:
        self.legs.pop(leg.id, None)
        others = self._phones.get(leg.endpoint) if leg.kind == "phone" else None
        if others is not None:
            others.pop(leg.id, None)
            if not others:
                del self._phones[leg.endpoint]

    def legs_at(self, extension: str) -> Collection[Leg]:
        """The legs of this phone, in the order they were made."""
        return self._phones.get(extension, {}).values()

    def lead(self, call: Call, flow: Callable[[], Awaitable[None]]) -> asyncio.Task[None]:
        """Run a call's flow as a task of its own."""
        task = asyncio.create_task(call.lead(flow))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def later(self, work: Awaitable[None]) -> None:
        """As a task of its own; `stop` waits for it."""

        async def guarded() -> None:
            try:
                await work
            except Exception:
                log.exception("work beside the calls failed")

        task = asyncio.create_task(guarded())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settle(self, seconds: float = 5.0) -> None:
        """Wait for what is still being done for calls that are over."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    def adopt(self, leg: Leg, call: Call) -> None:
        """Move a leg to another call (attended transfer): its events go to that call's flow from now on. In the ledger the
        leg stays with the call that opened it, which ends with it; CallTransferred ties the two together."""
        leg.call.legs.remove(leg)
        leg.call.lent.append(leg)
        leg.call = call
        call.legs.append(leg)

    async def stop(self, seconds: float = 5.0) -> None:
        """End all calls and wait for their books to close."""
        for call in list(self.calls.values()):
            call.break_off("the appliance stops")
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)

    # -- media --

    def open_port(self, leg: Leg, near: Port | None = None) -> Port:
        try:
            port = self.engine.open(near=near if near is not None and not near.closed else None)
        except SwitchroomError as problem:
            if problem.id == "media.ports-exhausted":
                self._ports_short(True)
            raise
        self._ports[port.id] = leg
        return port

    def _ports_short(self, short: bool) -> None:
        """Announce, once each, that no RTP port is free and that there are some again."""
        if short == self.ports_short:
            return
        self.ports_short = short
        detail = "no RTP port is free: new calls are refused" if short else "RTP ports are free again"
        log.log(logging.WARNING if short else logging.INFO, detail)
        self.ledger.append(ShortageChanged(what="rtp-ports", level="reserve" if short else "none", detail=detail))

    def close_port(self, port: Port) -> None:
        """Close a port whose leg was never placed."""
        self._ports.pop(port.id, None)
        port.close()
        self._ports_short(False)

    def drop(self, leg: Leg) -> None:
        """Forget a leg that was never placed, with its port and its channel."""
        self._remove(leg)
        if leg.port is not None:
            self.close_port(leg.port)
        if self.channels.release(leg.id):
            self.on_channel_free()

    def on_media(self) -> None:
        """The engine's eventfd is readable: hand every event to its call."""
        for event in self.engine.events():
            self._media_event(event)

    def _media_event(self, event: MediaEvent) -> None:
        if isinstance(event, RecordDone):
            self._recording_done(event)
        leg = self._ports.get(event.port)
        if leg is None:
            return
        if isinstance(event, Silent):
            self._silent(leg, event)
        elif isinstance(event, PlayDone) and event.complete:
            leg.told_at = self.clock.mono()
        leg.inbox.put(event)

    def recording(self, id: int) -> asyncio.Future[RecordDone]:
        """Done when this recording's file is closed: its leg may be gone by then, and hear of it no more."""
        return self._recordings.setdefault(id, asyncio.get_running_loop().create_future())

    def _recording_done(self, event: RecordDone) -> None:
        waiting = self._recordings.pop(event.record, None)
        if waiting is not None and not waiting.done():
            waiting.set_result(event)

    def _silent(self, leg: Leg, event: Silent) -> None:
        """No audio came for `media_timeout_seconds`: the far end is dead, and nobody else would end the call. One that holds
        us need not send any."""
        if leg.state is LegState.ANSWERED and not leg.held:
            log.warning("no audio from the far end, hanging up", extra={
                "call": leg.call.id, "leg": leg.id, "seconds": round(event.seconds, 1)})
            leg.hang_up(102, "no audio")

    # -- signalling --

    def place(self, leg: Leg, number: str, caller: str, caller_name: str = "", **more: Any) -> None:
        """Send the INVITE of an outgoing leg. What must be committed first has been. A leg that was hung up while that went
        on (its campaign was cancelled) never leaves: it ends as any other does, by an event. `more` goes into Place."""
        if leg.hanging_up:
            gone = Ended(leg=leg.id, cause=Cause(by="near", text="broken off before its INVITE"))
            asyncio.get_running_loop().call_soon(self.on_driver, gone)
            return
        leg.shown = (caller, caller_name)
        self.driver.place(
            Place(leg=leg.id, endpoint=leg.endpoint, kind=leg.kind, number=number, caller=caller, caller_name=caller_name,
                  media=leg.offer(), contact=leg.contact, **more)
        )

    def on_driver(self, event: DriverEvent) -> None:
        """The drivers' sink. A failing handler must not take the others' calls with it."""
        try:
            self._driver_event(event)
        except Exception:
            log.exception("an event could not be handled", extra={"event": type(event).__name__})

    def _driver_event(self, event: DriverEvent) -> None:
        if isinstance(event, Incoming):
            self._incoming(event)
        elif isinstance(event, LegEvent):
            leg = self.legs.get(event.leg)
            if leg is None:
                log.debug("event of a leg that is gone", extra={"leg": event.leg, "event": type(event).__name__})
                return
            handler = self._handlers.get(type(event))
            if handler is not None:
                handler(leg, event)
            leg.inbox.put(event)
        elif isinstance(event, EndpointChanged):
            self.on_endpoint(event)
        elif isinstance(event, Watched):
            self.on_watched(event)
        else:
            self.on_orphan(event)

    def _incoming(self, event: Incoming) -> None:
        event = self.on_caller(event)
        replaced = self.legs.get(event.replaces) if event.replaces else None
        if replaced is not None and may_replace(event, replaced):
            leg = self._open(replaced.call, event)
            replaced.call.inbox.put(Replacing(replaced, leg))
            asyncio.get_running_loop().call_later(REPLACE_SECONDS, leg.reject, 603)  # nothing, where it was answered
            return
        call = self.new_call(event.kind)
        leg = self._open(call, event)
        self.lead(call, lambda: self._refuse(leg) if event.replaces else self.on_incoming(leg, event))

    def _number_of(self, event: Incoming) -> str:
        """The caller's number, or what a phone has dialled. Lines write numbers as they like: records have one form of each, so
        that who called is found by it, and is the same as whom we call."""
        if event.kind != "line":
            return event.number
        return caller_on(self.config, event.endpoint, event.caller) if event.caller[:1].isdigit() else event.caller

    def _open(self, call: Call, event: Incoming) -> Leg:
        """A leg that calls us, as part of `call`, and its first event in the ledger."""
        leg = call.add_leg("in", event.kind, event.endpoint, self._number_of(event), id=event.leg)
        leg.incoming = event
        leg.codecs = self.codecs_of(leg.kind, leg.endpoint)
        self.ledger.append(call.opened(leg, event.caller_name, event.peer, event.sip_call_id))
        self.on_leg(leg)
        return leg

    async def _refuse(self, leg: Leg) -> None:
        """The leg to be replaced is gone, not this caller's to have, or led by a flow that keeps it (RFC 3891 3)."""
        leg.reject(603)
        await leg.gone()

    async def _nobody(self, leg: Leg, event: Incoming) -> None:
        leg.reject(503, "Starting", 5)

    def _ringing(self, leg: Leg, event: LegEvent) -> None:
        if leg.state is LegState.NEW:
            leg.state = LegState.RINGING
            leg.rang = True
            self.ledger.append(LegRinging(leg=leg.id))
            self.on_leg(leg)

    def _early_media(self, leg: Leg, event: LegEvent) -> None:
        assert isinstance(event, EarlyMedia)
        if leg.state is LegState.NEW:
            leg.state = LegState.RINGING
            self.ledger.append(LegRinging(leg=leg.id, early_media=True))
            self.on_leg(leg)
        leg.connect(event.media)

    def _answered(self, leg: Leg, event: LegEvent) -> None:
        assert isinstance(event, Answered)
        if event.media != leg.media:  # the ACK of what we answered brings nothing new
            leg.connect(event.media)
        if not leg.supervised:
            leg.mark_answered()

    def _media_changed(self, leg: Leg, event: LegEvent) -> None:
        assert isinstance(event, MediaChanged)
        was_held, leg.held = leg.held, holds(event.media)
        leg.connect(event.media)
        if leg.held and not was_held:
            self.ledger.append(LegHeld(leg=leg.id))
        elif was_held and not leg.held:
            self.ledger.append(LegResumed(leg=leg.id))

    def _digit_info(self, leg: Leg, event: LegEvent) -> None:
        """A digit by INFO is a digit like any other."""
        assert isinstance(event, DigitInfo)
        if leg.port is not None:
            leg.inbox.put(Digit(port=leg.port.id, digit=event.digit, source="info", duration_ms=event.duration_ms))

    def _ended(self, leg: Leg, event: LegEvent) -> None:
        assert isinstance(event, Ended)
        leg.diverted_to = event.target
        self.leg_ended(leg, event.cause)

    def leg_ended(self, leg: Leg, cause: Cause) -> None:
        """A leg is gone: close its audio, free its channel, note it."""
        if leg.state is LegState.ENDED:
            return
        port = leg.port
        leg.mark_ended(cause if leg.cause.by != "tone" else leg.cause)
        if port is not None:
            self._ports.pop(port.id, None)
            self._ports_short(False)
        self._remove(leg)
        self.ledger.append(LegEnded(leg=leg.id, cause=leg.cause, quality=leg.quality))
        self.on_leg(leg)
        if self.channels.release(leg.id):
            self.on_channel_free()

    # -- configuration --

    def codecs_of(self, kind: str, endpoint: str) -> tuple[str, ...]:
        """Codecs to offer there, best first."""
        entry = self.config.phone(endpoint) if kind == "phone" else self.config.line(endpoint)
        return tuple((entry.codecs if entry else None) or self.config.sip.codecs)

    def language_of(self, endpoint: str) -> str:
        """The language that is spoken to a phone, or to callers on a line until they choose one."""
        entry = self.config.phone(endpoint) or self.config.line(endpoint)
        return (entry.language if entry else None) or self.config.office.language


def holds(media: MediaAnswer) -> bool:
    """Whether the far end holds us: it will not play what we send (RFC 3264 8.4)."""
    return media.direction in ("recvonly", "inactive")
