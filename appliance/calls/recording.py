"""Recording of conversations: which are recorded, and one recording while it runs.

What is recorded is one leg: what it says on the left, what it hears on the right. That is the caller's (the party outside, where
there is one), so the recording goes on over transfers and ends with that leg.
"""

from __future__ import annotations

import asyncio
import datetime
import random
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from appliance.calls.leg import Leg
from appliance.config.model import Config
from appliance.config.values import RecordRule
from appliance.media.events import RecordDone
from appliance.messages import RecordingEnded, RecordingPaused, RecordingStarted, SurveyAnswered

if TYPE_CHECKING:
    from appliance.calls.switch import Switch


def rule_of(config: Config, queue: str, legs: Sequence[Leg]) -> RecordRule:
    """The rule for a conversation of these legs: the queue's, else a phone's, else the line's, else the office's."""
    if queue and (known := config.queue(queue)) is not None and known.record is not None:
        return known.record
    for kind in ("phone", "line"):
        for leg in legs:
            entry = (config.phone(leg.endpoint) if kind == "phone" else config.line(leg.endpoint)) if leg.kind == kind else None
            if entry is not None and entry.record is not None:
                return entry.record
    return config.recording.calls


def recorded_leg(legs: Sequence[Leg]) -> Leg:
    """Whose leg is recorded: the first that is outside, else the first."""
    return next((leg for leg in legs if leg.kind == "line"), legs[0])


class Shelf(Protocol):
    """Where recordings go."""

    def may_record(self) -> bool:
        """False while the disk is short."""

    def path_for(self, call: str, day: datetime.date) -> Path:
        """A new file's path; its folder is there."""

    def name_of(self, path: Path) -> str:
        """Its name in the ledger: the path below the folder of recordings."""

    def began(self, recording: Recording) -> None: ...
    async def digest(self, path: Path) -> tuple[int, str]:
        """Bytes and SHA-256 of a file."""

    def ended(self, recording: Recording, event: RecordingEnded) -> None: ...
    async def said(self, comment: Comment, done: RecordDone) -> bool:
        """The file of a comment is closed: make it fit to be heard, and note it; whether there is anything in it."""


class Recorder(Protocol):
    """What conversations ask of the core (appliance/core/recordings.py)."""

    def wanted(self, legs: Sequence[Leg], queue: str) -> bool:
        """Whether this conversation is recorded by itself."""

    def on_demand(self, legs: Sequence[Leg], queue: str) -> bool:
        """Whether a phone may switch recording on."""

    def begin(self, legs: Sequence[Leg], queue: str, why: str) -> Recording | None:
        """Start; None where the file cannot be made (the call goes on)."""


class Recording:
    """One recording. Its facts are in the ledger under its name."""

    def __init__(self, switch: Switch, shelf: Shelf, leg: Leg, queue: str, why: str) -> None:
        self.switch = switch
        self.shelf = shelf
        self.leg = leg
        self.call = leg.call.id
        self.queue = queue
        self.why = why
        self.paused = False
        self.over = False
        now = datetime.datetime.fromtimestamp(switch.clock.utc(), datetime.UTC)
        self.path = shelf.path_for(self.call, now.date())
        self.name = shelf.name_of(self.path)

    def start(self) -> None:
        """Raises SwitchroomError "media.record"."""
        record = self._record()
        self.switch.ledger.append(RecordingStarted(
            call=self.call, leg=self.leg.id, recording=self.name, queue=self.queue, why=self.why))
        self.shelf.began(self)
        self.switch.later(self._facts(self.switch.recording(record)))

    def _record(self) -> int:
        limit = self.switch.config.dialling.max_call_hours * 3600
        return self.leg.open_port().record(self.path, max_seconds=limit, stereo=True)

    def pause(self, on: bool) -> None:
        if not self.over and on is not self.paused and self.leg.port is not None and not self.leg.port.closed:
            self.paused = on
            self.leg.port.pause_record(on)
            self.switch.ledger.append(RecordingPaused(call=self.call, recording=self.name, paused=on))

    def stop(self) -> None:
        if not self.over and self.leg.port is not None and not self.leg.port.closed:
            self.leg.port.stop_record()

    async def _facts(self, done: asyncio.Future[RecordDone]) -> None:
        """Once the file is safe on disk, what it is goes into the ledger."""
        event = await done
        self.over = True
        size, digest = await self.shelf.digest(self.path)
        self.shelf.ended(self, RecordingEnded(
            call=self.call, recording=self.name, seconds=event.samples / 8000, bytes=size, sha256=digest,
            reason=event.error or event.reason))


class Comment(Recording):
    """What a caller says after the call: the caller alone, until a pause. `answer` is what is noted once there is something."""

    def __init__(self, switch: Switch, shelf: Shelf, leg: Leg, answer: SurveyAnswered, max_seconds: float) -> None:
        super().__init__(switch, shelf, leg, answer.queue, "survey")
        self.answer = answer
        self.max_seconds = max_seconds
        self.record = 0
        self.kept: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        """Done when it is safe: whether anything was said."""

    def _record(self) -> int:
        pause = self.switch.config.recording.stop_after_pause_seconds
        self.record = self.leg.open_port().record(self.path, max_seconds=self.max_seconds, stop_silence_seconds=pause)
        return self.record

    async def _facts(self, done: asyncio.Future[RecordDone]) -> None:
        event = await done
        self.over = True
        try:
            self.kept.set_result(await self.shelf.said(self, event))
        except Exception as problem:
            self.kept.set_exception(problem)
            raise


def by_chance(rule: RecordRule, chance: random.Random) -> bool:
    """Whether this call is one of the share that is recorded by itself."""
    return rule.percent > 0 and (rule.percent >= 100 or chance.random() * 100 < rule.percent)
