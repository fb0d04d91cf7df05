"""The shelf of recordings: folders by day, what each file is (size, SHA-256), what a kill left open, and what is too old.

A recording that runs stands in a state record; after a kill each is made whole and its facts are noted as if it had just ended.
"""

from __future__ import annotations

import asyncio
import datetime
import hashlib
import logging
import os
import random
from collections.abc import Sequence
from pathlib import Path

import msgspec

from appliance.calls.leg import Leg
from appliance.calls.recording import Comment, Recording, by_chance, recorded_leg, rule_of
from appliance.calls.switch import Switch
from appliance.errors import SwitchroomError
from appliance.ledger import Ledger
from appliance.media import message as audio_of
from appliance.media import wav
from appliance.media.events import RecordDone
from appliance.messages import Event, RecordingEnded, RecordingErased, SurveyAnswered

log = logging.getLogger("recording")
NAMESPACE = "recording"
LOOK_SECONDS = 3600.0
"""How often old recordings are looked for."""
MOST_COMMENT_SECONDS = 300.0
"""As [[surveys.questions]] allows."""


class Open(msgspec.Struct, frozen=True):
    """What is kept of a recording that runs; `answer` where it is a comment to a survey."""

    call: str
    answer: SurveyAnswered | None = None


class Recordings:
    """One per core."""

    def __init__(self, folder: Path, ledger: Ledger, switch: Switch) -> None:
        self.folder = folder
        self._ledger = ledger
        self._switch = switch
        self._running: set[Recording] = set()
        self._chance = random.Random()
        self._keeper: asyncio.Task[None] | None = None

    # -- what conversations ask --

    def wanted(self, legs: Sequence[Leg], queue: str) -> bool:
        """Whether this conversation is recorded by itself."""
        return by_chance(rule_of(self._switch.config, queue, legs), self._chance) and self.may_record()

    def on_demand(self, legs: Sequence[Leg], queue: str) -> bool:
        """Whether a phone may switch recording on."""
        return rule_of(self._switch.config, queue, legs).on_demand and self.may_record()

    def begin(self, legs: Sequence[Leg], queue: str, why: str) -> Recording | None:
        """Start; None where the file cannot be made (the call goes on)."""
        try:
            recording = Recording(self._switch, self, recorded_leg(legs), queue, why)
            recording.start()
        except (SwitchroomError, OSError) as problem:
            log.error("a call is not recorded: %s", problem, extra={"call": legs[0].call.id})
            return None
        return recording

    def comment(self, leg: Leg, answer: SurveyAnswered, max_seconds: float) -> Comment | None:
        """Record what a caller says to a survey; None where that cannot be."""
        if not self.may_record():
            return None
        try:
            made = Comment(self._switch, self, leg, answer, max_seconds)
            made.start()
        except (SwitchroomError, OSError) as problem:
            log.error("a comment is not recorded: %s", problem, extra={"call": leg.call.id})
            return None
        return made

    # -- appliance.calls.recording.Shelf --

    def may_record(self) -> bool:
        return self._ledger.level == "none"

    def path_for(self, call: str, day: datetime.date) -> Path:
        folder = self.folder / day.isoformat()
        folder.mkdir(parents=True, exist_ok=True)
        number = next(n for n in range(1, 1000) if not (folder / f"{call}-{n}.wav").exists())
        return folder / f"{call}-{number}.wav"

    def name_of(self, path: Path) -> str:
        return str(path.relative_to(self.folder))

    def began(self, recording: Recording) -> None:
        self._running.add(recording)
        self._ledger.put_state(NAMESPACE, recording.name, msgspec.msgpack.encode(
            Open(recording.call, recording.answer if isinstance(recording, Comment) else None)))

    async def digest(self, path: Path) -> tuple[int, str]:
        return await asyncio.to_thread(digest_of, path)

    def ended(self, recording: Recording, event: RecordingEnded) -> None:
        self._running.discard(recording)
        self._ledger.append(event)
        self._ledger.put_state(NAMESPACE, recording.name, None)

    async def said(self, comment: Comment, done: RecordDone) -> bool:
        """Trimmed and levelled, or erased where nothing was said; noted all at once. Raises SwitchroomError."""
        self._running.discard(comment)
        return await self._keep_comment(comment.name, comment.answer, done.error or done.reason)

    async def _keep_comment(self, name: str, answer: SurveyAnswered, reason: str) -> bool:
        path = self.folder / name
        seconds = await asyncio.to_thread(spoken, path, self._switch.config.recording.level_dbov)
        size, digest = await self.digest(path) if path.exists() else (0, "")
        events: list[Event] = [RecordingEnded(
            call=answer.call, recording=name, seconds=seconds, bytes=size, sha256=digest, reason=reason)]
        if seconds:
            events.append(msgspec.structs.replace(answer, recording=name, seconds=seconds))
        else:
            await asyncio.to_thread(path.unlink, True)
            events.append(RecordingErased(call=answer.call, recording=name, reason="empty"))
        await self._ledger.commit(*events)
        self._ledger.put_state(NAMESPACE, name, None)
        return bool(seconds)

    # -- the house --

    def start(self) -> None:
        """Look after what the last run left open, and then after what is too old, again and again."""
        self._keeper = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """Wait until everything that was being recorded has its facts in the ledger."""
        if self._keeper is not None:
            self._keeper.cancel()
        await self._switch.settle()

    async def _keep(self) -> None:
        await self.recover()
        while True:
            try:
                await self.erase_old()
            except OSError as problem:
                log.error("old recordings cannot be erased: %s", problem)
            await asyncio.sleep(LOOK_SECONDS)

    def short_of_disk(self) -> None:
        """Recordings stop first."""
        for recording in list(self._running):
            recording.stop()

    async def recover(self) -> None:
        """Make whole what the last run left open."""
        for name, value in self._ledger.states(NAMESPACE).items():
            path = self.folder / name
            left = msgspec.msgpack.decode(value, type=Open)
            call = left.call
            try:
                if left.answer is not None:
                    await asyncio.to_thread(wav.repair, path)
                    await self._keep_comment(name, left.answer, "interrupted")
                    continue
                frames = await asyncio.to_thread(wav.repair, path)
                size, digest = await self.digest(path)
            except (SwitchroomError, OSError) as problem:
                log.error("a recording that was cut off cannot be made whole: %s", problem, extra={"call": call})
                frames, size, digest = 0, 0, ""
            self._ledger.append(RecordingEnded(
                call=call, recording=name, seconds=frames / 8000, bytes=size, sha256=digest, reason="interrupted"))
            self._ledger.put_state(NAMESPACE, name, None)

    async def erase_old(self) -> int:
        """Erase what is older than the office keeps; how many files."""
        days = self._switch.config.recording.keep_days
        if not days:
            return 0
        today = datetime.datetime.fromtimestamp(self._switch.clock.utc(), datetime.UTC).date()
        erased = await asyncio.to_thread(erase_before, self.folder, today - datetime.timedelta(days=days))
        for name in erased:
            self._ledger.append(RecordingErased(call=call_of(name), recording=name, reason="age"))
        return len(erased)

    def remove(self, names: Sequence[str]) -> None:
        """Erase these files. Raises OSError."""
        for name in names:
            (self.folder / name).unlink(missing_ok=True)


def digest_of(path: Path) -> tuple[int, str]:
    """Bytes and SHA-256 of a file. Raises OSError."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
        return os.fstat(file.fileno()).st_size, digest


def call_of(name: str) -> str:
    """The call of a recording, by the name that `path_for` gave it."""
    return name.rpartition("/")[2].rpartition("-")[0]


def spoken(path: Path, level_dbov: float) -> float:
    """Make what was said fit to be heard, in place; its seconds, 0.0 where there is nothing. Raises SwitchroomError."""
    try:
        return audio_of.prepare(path, path, max_seconds=MOST_COMMENT_SECONDS, target_dbov=level_dbov).seconds
    except SwitchroomError as problem:
        if problem.id in ("message.silent", "message.empty", "message.unreadable"):
            return 0.0
        raise


def erase_before(folder: Path, day: datetime.date) -> list[str]:
    """Erase the recordings of the days before this one; their names."""
    erased: list[str] = []
    for each in sorted(folder.glob("????-??-??")):
        try:
            of = datetime.date.fromisoformat(each.name)
        except ValueError:
            continue
        if of >= day:
            continue
        for file in sorted(each.glob("*.wav")):
            file.unlink(missing_ok=True)
            erased.append(str(file.relative_to(folder)))
        if not any(each.iterdir()):
            each.rmdir()
    return erased


