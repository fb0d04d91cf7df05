"""The box: every part of the core made, wired and taken down again. Policy stands elsewhere; here is who knows whom."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from appliance import __version__, audit
from appliance._core import Channels
from appliance.acd.of_config import rules_of
from appliance.acd.past import Rules
from appliance.calls.disk import noted
from appliance.calls.flows.afterwards import Afterwards
from appliance.calls.flows.agent import AgentCodes
from appliance.calls.flows.callin import CallIn
from appliance.calls.flows.ringback import Summary, ring_back, summary_clips
from appliance.calls.lamps import Lamps
from appliance.calls.leg import Leg
from appliance.calls.pickup import watch_policy
from appliance.calls.routing import ToAgents, emergency_numbers
from appliance.calls.settings import SettingsBook
from appliance.calls.switch import Switch
from appliance.campaigns import own
from appliance.campaigns.book import CampaignBook
from appliance.clock import Clock
from appliance.config import numbers
from appliance.config.model import Config, Scenario
from appliance.config.store import Store
from appliance.config.words import languages
from appliance.core.acd import Dispatch
from appliance.core.attempts import Attempts
from appliance.core.desk import Desk
from appliance.core.office import Office
from appliance.core.openings import Openings
from appliance.core.pins import PinGuard
from appliance.core.reception import Reception
from appliance.core.recordings import Recordings
from appliance.core.recovery import Recovery
from appliance.errors import SwitchroomError
from appliance.ledger import Ledger
from appliance.ledger.space import MIB, Level, Thresholds
from appliance.media.engine import Engine
from appliance.messages import (
    BoxStarted,
    BoxStopped,
    ConfigApplied,
    Event,
    LineChanged,
    LineStatus,
    PhoneStatus,
    ShortageChanged,
    StatusReply,
)
from appliance.prompts import Prompts
from appliance.prompts.sounds import Sounds
from appliance.system import logs, paths
from drivers.base import EndpointChanged
from drivers.sip.driver import SipDriver

log = logging.getLogger("core")
MUSIC_READY = 8
"""So many tunes of each music are read before the first caller waits."""
DISK_SECONDS = 2.0
"""How long the box waits for the ledger to note what it does itself. On a full disk phones are served all the same."""


def thresholds_of(config: Config) -> Thresholds:
    """The office's limits of free disk, in bytes."""
    storage = config.storage
    return Thresholds(recordings=storage.stop_recordings_below_mb * MIB, campaigns=storage.stop_campaigns_below_mb * MIB,
                      reserve=storage.reserve_mb * MIB)


class Box:
    """One running core. `start` brings it up on the current event loop; `stop` ends the calls and takes it down."""

    def __init__(self, data: Path, clock: Clock) -> None:
        self.data = data
        self.clock = clock
        self.store = Store(data)
        self.config, self._version = self.store.numbered()
        logs.follow(self.config.log.level)
        self.started = time.monotonic()
        self.ledger = Ledger(data / "ledger", clock, on_shortage=self._on_shortage, on_written=self._on_written,
                             thresholds=thresholds_of(self.config))
        self.channels = Channels()
        sip = self.config.sip
        self.engine = Engine(sip.media_address or sip.listen.host, (sip.media_ports.first, sip.media_ports.last),
                             rtp_timeout=sip.media_timeout_seconds)
        self.driver = SipDriver(self.config, journal=paths.journal_path(data), clock=clock, state=self.ledger,
                                emergency=emergency_numbers(self.config))
        prompts = Prompts(paths.prompts_dir(), data / "prompts")
        self.switch = Switch(
            config=self.config, ledger=self.ledger, engine=self.engine, driver=self.driver, channels=self.channels,
            prompts=prompts, sounds=Sounds(data / "sounds", prompts), clock=clock,
        )
        self.lamps = Lamps(self.switch)
        self.desk = Desk(data, lambda: self.config, self.ledger, clock)
        self.attempts = Attempts(self.switch, self.desk, self.ledger)
        self.recovery = Recovery(self.ledger, self.driver, self.channels, self.desk)
        self.phones_up: dict[str, str] = {}
        self._audit: asyncio.Task[None]
        self.on_wake = lambda seq: None
        self.settings = SettingsBook(self.ledger)
        self.recordings = Recordings(data / "recordings", self.ledger, self.switch)
        self.reception = Reception(self)
        self.acd = Dispatch(self.switch, self.ledger, self.reception)
        self.pins = PinGuard(self.ledger, clock, lambda: self.config.codes)
        codes = AgentCodes(self.switch, self.acd, self.pins)
        self.reception.codes |= codes.table
        self.acd.afterwards = Afterwards(codes).run
        self.reception.flows[ToAgents] = lambda leg, decision: CallIn(codes, self.acd).run(leg)
        self.openings = Openings(self.acd, lambda: self.config)
        self.office = Office(self)
        self.office.night.on_change = self.openings.look
        self.openings.is_open = lambda hours: self.office.night.opening(hours.name).open
        self.switch.on_leg = self._leg
        self.switch.on_incoming = self.reception.incoming
        self.driver.set_watch_policy(lambda by, resource: watch_policy(self.config, by, resource))
        self.switch.on_endpoint = self._endpoint
        self.switch.on_orphan = self.recovery.on_orphan
        self.recovery.on_free = self.reception.channel_free
        self.switch.on_channel_free = self.reception.channel_free
        self.switch.on_last_words = self.desk.note
        self.desk.on_finished = self._ring_back
        self.desk.on_not_started = self._apologise

    # -- life --

    async def start(self) -> None:
        await asyncio.to_thread(own.settle, self.data / "lists", self.config)
        await self._prepare_prompts(self.config)
        self._set_lines()
        clean = not self.ledger.open_calls()
        await self._noted(BoxStarted(version=__version__, clean=clean))
        self._audit = asyncio.create_task(audit.take_waiting(self.data, self.ledger))  # a full disk holds up no phone
        await self.office.start()
        self.engine.start(asyncio.get_running_loop())
        asyncio.get_running_loop().add_reader(self.engine.fileno(), self.switch.on_media)
        self.acd.start(self.ledger, self._rules_of, self._version, self.ledger.open_calls())
        self.openings.look()
        self.driver.start(self.switch.on_driver)
        self.recovery.start()
        self.recordings.start()
        self.acd.look_at_phones()
        await self._make_ready()
        log.info("core is up", extra={"clean": clean, "lines": len(self.config.lines), "phones": len(self.config.phones)})

    async def stop(self, reason: str) -> None:
        """End calls with a word in the ledger, then close everything, the ledger last."""
        self.attempts.stopping = True
        self.openings.stop()
        await self.switch.stop()
        self.acd.stop()
        await self._last(noted(self.acd.note_state(), "the state of the queues"))
        await self.office.stop()
        await self.driver.stop()
        asyncio.get_running_loop().remove_reader(self.engine.fileno())
        self.engine.stop()
        self.switch.on_media()
        await self.recordings.stop()
        self._audit.cancel()
        await self._last(self._noted(BoxStopped(reason=reason)))
        await self.ledger.close()

    @staticmethod
    async def _last(work: Awaitable[None]) -> None:
        """What the ledger takes no more at a stop does not hold the rest of it up."""
        try:
            await work
        except SwitchroomError as problem:
            log.error("not in the ledger: %s", problem)

    async def _noted(self, event: Event) -> None:
        """Committed, or waiting in the ledger's memory where the disk takes nothing: nobody is kept waiting for that."""
        written, waiting = await asyncio.wait([self.ledger.commit(event)], timeout=DISK_SECONDS)
        for future in written:
            await future
        if waiting:
            log.error("the ledger takes nothing: calls go on, their records wait for the disk")

    def _rules_of(self, version: int) -> Rules:
        """Queues and agents as that version of the configuration had them."""
        return rules_of(self.config if version == self._version else self.store.config(version))

    # -- configuration --

    async def take_over(self, by: str) -> int:
        """Run with the configuration that the store holds (or its file, where that changed); calls in progress stay as they
        are. Raises ConfigError, or SwitchroomError "prompts.…" where something cannot be spoken or played, and then nothing
        has changed."""
        before = self.store.version()
        config, number = self.store.reload(by=by)
        try:
            await self._prepare_prompts(config)
        except SwitchroomError:
            if number != before:
                self.store.rollback(before, by=by)
            raise
        self.config = self.switch.config = config
        self._version = number
        logs.follow(config.log.level)
        self._set_lines()
        self.driver.reconfigure(self.config)
        self.acd.configure(number)
        self.openings.look()
        await self.office.take_over()
        version = self.store.entry(number)
        await self._noted(ConfigApplied(version=number, by=by, summary=version.summary))
        return number

    async def _prepare_prompts(self, config: Config) -> None:
        """Raises SwitchroomError "prompts.…" where a language that is asked for, a text or a recording cannot be had."""
        for language in sorted(languages(config)):
            self.switch.prompts.clips("goodbye", language)
        made = await asyncio.to_thread(self.switch.sounds.prepare, config)
        if made:
            log.info("the office's own prompts are made", extra={"made": made})

    async def _make_ready(self) -> None:
        """Load what the first call would otherwise wait for: the tables of numbers, and the queues' music."""
        config, sounds = self.config, self.switch.sounds
        await asyncio.to_thread(numbers.make_ready, config.office.country)
        for music in {queue.music for queue in config.queues}:
            try:
                for tune in sounds.music(config.music_named(music))[:MUSIC_READY]:
                    await self.engine.audio.make_ready(tune)
            except SwitchroomError as problem:
                log.error("music cannot be played: %s", problem, extra={"error": problem.id})

    def _set_lines(self) -> None:
        wanted = {line.name: line for line in self.config.lines if line.enabled}
        for known in self.channels.lines():
            if known.name not in wanted:
                self.channels.remove_line(known.name)
        for line in wanted.values():
            new = self.channels.line(line.name) is None
            self.channels.set_line(line.name, line.channels, line.keep_free_for_inbound)
            if new and line.driver == "sip-trunk":
                self.channels.set_up(line.name, False, "not registered yet")

    # -- what happens --

    def _leg(self, leg: Leg) -> None:
        self.lamps.changed(leg)
        self.acd.on_leg(leg)

    def _endpoint(self, event: EndpointChanged) -> None:
        """A line or a phone came or went."""
        if event.kind == "line":
            self.channels.set_up(event.endpoint, event.up, event.reason)
            self.ledger.append(LineChanged(line=event.endpoint, up=event.up, reason=event.reason))
        elif event.up:
            self.phones_up[event.endpoint] = event.reason
            self.acd.on_phone(event.endpoint, True)
        else:
            self.phones_up.pop(event.endpoint, None)
            self.acd.on_phone(event.endpoint, False)
        if event.event is not None:
            self._note(event.event)

    def _ring_back(self, book: CampaignBook) -> None:
        """A campaign is over: tell the phone that started it, where the scenario wants that and the phone is there."""
        extension = book.created.by
        if not book.rules.ring_back:
            return
        good = book.finals["heard"] + book.finals["confirmed"] + book.finals["declined"]
        summary = Summary(good, book.finals["confirmed"], book.size - good, book.rules.confirm is not None)
        self.ring(extension, book.rules.language, lambda language: summary_clips(self.switch.prompts, summary, language))

    def _apologise(self, scenario: Scenario, extension: str) -> None:
        """Nobody is called although the operator thinks so."""
        self.ring(extension, scenario.language, lambda language: self.switch.prompts.clips("campaign-start-failed", language))

    def ring(self, extension: str, language: str | None, said: Callable[[str], list[Path]]) -> None:
        """Ring a phone of ours, where it is there, to tell it something in this language, or in its own."""
        if self.config.phone(extension) is None or not self.driver.registered(extension):
            log.info("no phone to be rung back", extra={"extension": extension})
            return
        spoken = language or self.switch.language_of(extension)
        call = self.switch.new_call("ring-back")
        leg = call.add_leg("out", "phone", extension, extension)
        leg.language = spoken
        self.switch.lead(call, lambda: ring_back(call, leg, said(spoken)))

    def _note(self, event: Event) -> None:
        self.ledger.append(event)

    def _on_shortage(self, level: Level, detail: str) -> None:
        log.warning("disk: %s", detail, extra={"level": level})
        self._note(ShortageChanged(what="disk", level=level, detail=detail))
        if level != "none":
            self.recordings.short_of_disk()

    def _on_written(self, seq: int) -> None:
        self.on_wake(seq)

    # -- looking --

    def _shortages(self) -> dict[str, str]:
        """What runs short now, and how badly."""
        short: dict[str, str] = {"disk": self.ledger.level} if self.ledger.level != "none" else {}
        if self.switch.ports_short:
            short["rtp-ports"] = "reserve"
        return short

    def status(self) -> StatusReply:
        lines = [
            LineStatus(name=line.name, up=line.up, reason=line.reason, channels=line.channels, busy=line.busy,
                       keep_free=line.reserve)
            for line in self.channels.lines()
        ]
        busy: dict[str, int] = {}
        for leg in self.switch.legs.values():
            if leg.kind == "phone":
                busy[leg.endpoint] = busy.get(leg.endpoint, 0) + 1
        phones = [
            PhoneStatus(extension=p.extension, name=p.name, registered=self.driver.registered(p.extension),
                        contact=self.phones_up.get(p.extension, ""), busy=busy.get(p.extension, 0))
            for p in self.config.phones
        ]
        return StatusReply(
            version=__version__, uptime=time.monotonic() - self.started, config_version=self._version,
            lines=lines, phones=phones, calls=len(self.switch.calls),
            campaigns_running=[c for c, o in self.desk.open.items() if o.book.state == "running"],
            shortages=self._shortages(), hours=self.office.night.status(),
            ledger_seq=self.ledger.seq, health={"media": self.engine.health(), "sip": self.driver.health()},
        )

