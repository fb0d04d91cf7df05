"""A caller in a queue: greeted, told the truth, played music, put through; or sent where the office wants it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Literal

from appliance._core import DENIALS, Action, Connect, Denied, Enter, HangUp, KeepPlace, KeptPlace, Leave, Queued
from appliance.calls import disk
from appliance.calls.call import OutOf
from appliance.calls.flows.callnumber import Wording, choose_number, own_number
from appliance.calls.flows.closed import closed_target, closed_words
from appliance.calls.flows.contact import ContactCall, Decided
from appliance.calls.flows.desk import Customer, QueueDesk
from appliance.calls.flows.moved import Moved
from appliance.calls.flows.reach import Exchange
from appliance.calls.flows.waiting import Item, Schedule, minutes_told
from appliance.calls.leg import HungUp, Leg
from appliance.calls.routing import ToExcuse, ToExtension, to_target
from appliance.config.model import Queue
from appliance.config.values import Target
from appliance.errors import SwitchroomError
from appliance.media.engine import MAX_CLIPS, Clip
from appliance.media.events import Digit
from appliance.sentences import Said

log = logging.getLogger("queue")

WORDING = Wording("callback-number", "callback-confirm")

DOOR = {"nobody-in": "queue-nobody", "all-on-break": "queue-nobody", "full": "queue-full", "long-wait": "queue-full",
        "max-wait": "queue-late", "overflow": "queue-late"}
"""Why a caller must leave -> what is said before the next target."""


class QueueFlow(ContactCall):
    """One caller, from entering to the end of the conversation or the next target."""

    def __init__(self, leg: Leg, queue: Queue, desk: QueueDesk, exchange: Exchange) -> None:
        super().__init__(leg.call, leg.call.id, queue.name, desk, exchange, leg)
        self.leg = leg
        self.rules = queue
        self.language = queue.language or leg.language or self.switch.config.office.language
        self._number = own_number(self.switch.config, leg, self.who()[0])
        now = self.switch.clock.mono()
        self._schedule = Schedule(queue, now)
        self._spoken_until = 0.0
        self._tunes: list[Clip] = []

    async def run(self) -> None:
        self.call.reached(f"queue:{self.queue}")
        self.call.out_of = None
        self.leg.open_port()
        self.desk.lead(self.contact, self, self._customer())
        try:
            self._enter()
            while not await self._served():
                continue
        finally:
            self.desk.leave(self.contact, self)
            self.stop_rings()

    def _enter(self) -> None:
        key = self.desk.caller_key(self._number) if self._number else ""
        listed = self.call.vip
        own = listed.priority if listed else None
        actions = self.desk.tell(
            Enter(self.contact, self.queue, priority=own or 0, vip=listed is not None and own is None,
                  sticky=self.desk.last_agent(key, self.queue), caller=key, since=self.call.waits_since))
        self.call.waits_since = 0.0
        denied = next((action for action in actions if isinstance(action, Denied)), None)
        if denied is not None:
            raise SwitchroomError("queue.refused", "The queue {queue} cannot be entered: {reason}",
                                  "Reload the configuration.", queue=self.queue, reason=Said(DENIALS[denied.reason]))
        self._back = any(isinstance(action, Queued) and action.since < action.at for action in actions)

    async def _served(self) -> bool:
        """Wait for what becomes of the caller, and do it. False: the caller waits again."""
        try:
            if self.verdict is None or isinstance(self.verdict, Connect):
                self.leg.answer()
            await self._wait()
        except Decided:
            verdict = self.verdict
        except HungUp:
            self.desk.tell(HangUp(self.contact, self._gone_by()))
            raise
        if isinstance(verdict, Connect):
            return await self.talk(verdict)
        self.verdict = None
        if isinstance(verdict, Leave):
            await self._leave(verdict)
        elif isinstance(verdict, KeptPlace):
            self.stop_rings()
            await self.leg.play(self.clips("callback-noted"))
            self.leg.hang_up()
        return True

    def _gone_by(self) -> Literal["caller", "cut", "restart"]:
        if self.call.interrupted:
            return "restart"
        return "cut" if self.leg.cause.by == "network" or self.leg.cause.q850 == 102 else "caller"

    # -- waiting --

    async def _wait(self) -> None:
        """What the caller hears until the ACD decides. Ends by `Decided` or `HungUp`."""
        await self._next(0)
        self._schedule.expect(self.desk.core.estimate(self.contact))
        main = self.rules.language or self.switch.config.office.language
        first = list(self.switch.greeting("queue", self.rules.name, self.rules.greeting, self.language, main))
        view = self.desk.core.contact(self.contact)
        if view is not None and view.state == "waiting":
            first += [*self.clips("queue-place-back" if self._back else "queue-welcome"), *self._place()]
        self._play(first)
        while True:
            now, due = self.switch.clock.mono(), self._schedule.next()
            if due is not None:
                due = max(due, self._spoken_until)  # nobody is cut short in a sentence
            event = await self._next(None if due is None else max(0.0, due - now))
            if isinstance(event, Digit) and self.leg.owns(event):
                await self._pressed(event.digit)
            elif due is not None and self.switch.clock.mono() >= due:
                self._tell()

    def _play(self, words: Sequence[Clip]) -> None:
        """Something to say, and music after it without a gap, again and again."""
        seconds = sum(self.switch.engine.audio.load(clip).seconds for clip in words if isinstance(clip, str | Path))
        self._spoken_until = self.switch.clock.mono() + seconds
        tunes = self._music()
        self.leg.open_port().play([*words, *tunes], loop=True, loop_from=len(words))
        self._tunes = [*tunes[1:], tunes[0]]  # another one first next time

    def _music(self) -> list[Clip]:
        if not self._tunes:
            music = self.switch.config.music_named(self.rules.music)
            chance = Random(self.contact) if music is not None and music.shuffle else None
            self._tunes[:] = [*self.switch.sounds.music(music, chance)][: MAX_CLIPS // 2]
        return self._tunes

    def _tell(self) -> None:
        words: list[Clip] = []
        for item in self._schedule.take(self.switch.clock.mono()):
            words += self._item(item)
        if words:
            self._play(words)

    def _item(self, item: Item) -> list[Clip]:
        if item == "place":
            return self._place()
        if item == "message":
            return self._words(self.rules.messages[self._schedule.message()])
        return self.clips("callback-offer", digit=self.rules.callback.digit)

    def _place(self) -> list[Clip]:
        """The place and the expected wait as they are now."""
        if self.rules.announce_position_every is None:
            return []
        place = self.desk.core.position(self.contact)
        if place < 1:
            return []
        clips: list[Clip] = self.clips("queue-next") if place == 1 else self.clips("queue-position", place=place)
        wait = self.desk.core.estimate(self.contact) if self.rules.announce_wait else None
        if wait is not None:
            clips += self._wait_told(*minutes_told(wait, place))
        return clips

    def _wait_told(self, low: int, high: int) -> list[Clip]:
        """What can honestly be said of one caller's wait: between so many minutes and so many."""
        if low:
            return self.clips("queue-wait-between", low=low, high=high)
        return self.clips("queue-wait-most", minutes=high) if high > 1 else self.clips("queue-wait-short")

    def _words(self, words: object) -> list[Clip]:
        office = self.switch.config.office.language
        return list(self.switch.sounds.say(words, self.language, self.rules.language or office))  # type: ignore[arg-type]

    def clips(self, name: str, **values: object) -> list[Clip]:
        return list(self.switch.prompts.clips(name, self.language, **values))

    # -- being called back instead --

    async def _pressed(self, digit: str) -> None:
        if digit != self.rules.callback.digit or not self._schedule.offers:
            return
        number = await choose_number(self, self.switch.config, self._number, self.rules.callback.ask_number, WORDING)
        if number:
            if await self._disk_takes():
                await self._keep_place(number)
            await self.play(self.clips("callback-not-possible"))
        self._play([])

    async def _keep_place(self, number: str) -> None:
        """Ends in Decided once the ledger has it; comes back where the ACD does not take it."""
        self._number = number
        self.desk.lead(self.contact, self, self._customer())
        actions = self.desk.tell(KeepPlace(self.contact))
        if any(isinstance(action, KeptPlace) for action in actions):
            await self._next(disk.SECONDS)
            while True:  # the disk took something a moment ago, and stopped; nothing is promised before it goes on
                self._play(self.clips("please-wait"))
                await self._next()

    async def _disk_takes(self) -> bool:
        """Whether the disk takes something just now: what it does not, nobody is promised; the caller waits on in the old
        place. Raises `Decided`, `HungUp`."""
        try:
            flushed = self.desk.flushed()
            flushed.add_done_callback(self._flushed)
            now = asyncio.get_running_loop().time
            late = now() + disk.SECONDS
            while not flushed.done() and (left := late - now()) > 0:
                await self._next(left)
            if flushed.done():
                flushed.result()
                return True
        except SwitchroomError as problem:
            log.error("the ledger takes nothing: %s", problem, extra={"call": self.contact})
        log.error("nobody is promised a call while the disk takes nothing", extra={"call": self.contact})
        return False

    def _flushed(self, done: asyncio.Future[int]) -> None:
        if not done.cancelled():
            done.exception()  # told where somebody still waits for it
        self.call.inbox.poke()

    def _customer(self) -> Customer:
        return Customer(self._number, self.who()[1], self.language, dict(self.call.facts))

    # -- the way out --

    def act(self, action: Action) -> None:
        if isinstance(action, Leave) and action.reason == "resumed":
            return  # an older contact of this caller, whose place this one has now
        super().act(action)

    async def _leave(self, leave: Leave) -> None:
        """Turned away or late: a word, and the next target."""
        self.leg.check()
        self.leg.answer()
        self.leg.language = self.language
        self.call.out_of = OutOf(self.contact, leave.queue, self.leg.id, self.desk.now() - leave.waited)
        prompt = DOOR.get(leave.reason)
        if prompt:
            await self.leg.play(self.clips(prompt))
        if leave.reason == "transferred":
            await self._moved(leave)
        elif leave.reason == "closed":
            await self.exchange.send(self.leg, self._closed(leave))
        else:
            target = Target(leave.target) if leave.target else None
            await self.exchange.send(self.leg, target or ToExcuse("queue-goodbye", 480, leave.reason))

    async def _moved(self, leave: Leave) -> None:
        """The office has sent the caller on (`MoveContact`): the time waited counts wherever that leads."""
        self.call.waits_since = self.desk.now() - leave.waited
        where = to_target(self.switch.config, Target(leave.target))
        if isinstance(where, ToExtension):
            self.call.hops += 1
            await Moved(self.leg, self.exchange, self.queue).run(where)
        else:
            await self.exchange.send(self.leg, where)

    def _closed(self, leave: Leave) -> Target | ToExcuse:
        """Where callers of a closed queue go, or a goodbye that says when it opens."""
        config, opening = self.switch.config, self.desk.opening(self.rules.hours)
        target = closed_target(config, opening, self.rules.when_closed)
        if target is not None:
            return target
        prompt, values = closed_words(config, opening, self.switch.clock.utc())
        return ToExcuse(prompt, 480, leave.reason, values)
