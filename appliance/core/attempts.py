"""Leases: the dialer asks for one attempt, the core commits it, places the call, and commits what became of it."""

from __future__ import annotations

import asyncio

from appliance._core import CAMPAIGN
from appliance.calls.call import GOODBYE_SECONDS, Call
from appliance.calls.flows.notify import Notice, Notify
from appliance.calls.leg import HungUp, Leg
from appliance.calls.routing import caller_id_for, campaign_lines, number_on
from appliance.calls.switch import Switch
from appliance.config import hours
from appliance.core.desk import Desk, Open
from appliance.errors import SwitchroomError
from appliance.ledger import Ledger
from appliance.messages import (
    AskAttempt,
    AttemptEnded,
    AttemptGranted,
    AttemptRefused,
    AttemptStarted,
    Cause,
    Event,
    Subscriber,
)
from appliance.sentences import say

NO_ROUTE = str(say("no line is allowed to call this number"))
NO_OPENING = 3600.0
"""Seconds after which to ask again where the hours never open: a changed configuration may bring it."""


class Attempts:
    def __init__(self, switch: Switch, desk: Desk, ledger: Ledger) -> None:
        self._switch = switch
        self._desk = desk
        self._ledger = ledger
        self._in_flight: set[tuple[int, int, int]] = set()
        self.stopping = False
        desk.on_cancel = self.cancel

    def cancel(self, campaign: int) -> None:
        """The campaign was cancelled: end its calls."""
        for call in list(self._switch.calls.values()):
            if call.campaign == campaign:
                call.break_off("cancelled")

    async def ask(self, command: AskAttempt) -> AttemptGranted | AttemptRefused:
        """Grant or refuse one attempt. Idempotent: the same attempt is never placed twice, whoever asks how often."""
        key = (command.campaign, command.subscriber, command.attempt)
        entry = self._desk.open.get(command.campaign)
        refusal = self._refusal(entry, key)
        if refusal is not None:
            return refusal
        assert entry is not None
        self._in_flight.add(key)
        try:
            return await self._lease(entry, command)
        finally:
            self._in_flight.discard(key)

    def _refusal(self, entry: Open | None, key: tuple[int, int, int]) -> AttemptRefused | None:
        """Why this attempt may not be made now, before lines are looked at."""
        if self.stopping:
            return AttemptRefused(why="stopping", retry_after=5.0)
        if entry is None or entry.book.state != "running":
            return AttemptRefused(why="paused", retry_after=5.0)
        if self._ledger.level in ("campaigns", "reserve"):
            return AttemptRefused(why="short", retry_after=10.0)
        _, subscriber, attempt = key
        if not 0 <= subscriber < len(entry.subscribers) or attempt < 1:
            return AttemptRefused(why="done", retry_after=60.0)
        if key in self._in_flight or entry.book.has_attempt(subscriber, attempt) or subscriber in entry.book.in_progress:
            return AttemptRefused(why="done", retry_after=1.0)
        return self._closed(entry, entry.subscribers[subscriber])

    def _closed(self, entry: Open, subscriber: Subscriber) -> AttemptRefused | None:
        now, planned = self._switch.clock.utc(), entry.book.created.not_before
        if now < planned:
            return AttemptRefused(why="closed", retry_after=planned - now)
        opens = hours.may_call_at(self._switch.config, entry.book.rules, subscriber.number, now)
        if opens is not None and opens <= now:
            return None
        return AttemptRefused(why="closed", retry_after=max(1.0, (opens or now + NO_OPENING) - now))

    async def _lease(self, entry: Open, command: AskAttempt) -> AttemptGranted | AttemptRefused:
        book, subscriber = entry.book, entry.subscribers[command.subscriber]
        # Who was erased has no number: a route for all numbers would take even that.
        names = campaign_lines(self._switch.config, subscriber.number, list(book.rules.over)) if subscriber.number else []
        call = self._switch.new_call("campaign", book.id)
        leg = call.add_leg("out", "line", "", subscriber.number)
        line, why = self._switch.channels.seize(leg.id, names, CAMPAIGN, book.id, book.lines) if names else (None, "no_route")
        if line is None:
            self._drop(call, leg)
            if not names:
                return await self._unroutable(command, call)
            if why == "no_route":
                why = "line_down"  # its lines are out of service for a while: nobody is struck off the list for that
            return AttemptRefused(why=why, retry_after=1.0 if why in ("full", "share") else 10.0)
        try:
            self._equip(leg, line)
            await self._ledger.commit(*self._opening(command, call, leg, subscriber))
        except SwitchroomError as problem:
            self._drop(call, leg)
            return AttemptRefused(why="done" if problem.id.startswith("ledger.duplicate") else "full", retry_after=2.0)
        self._desk.note([self._started(command, call, leg)])
        self._switch.lead(call, lambda: self._conduct(entry, command, call, leg, subscriber))
        return AttemptGranted(call=call.id, line=line)

    def _equip(self, leg: Leg, line: str) -> None:
        entry = self._switch.config.line(line)
        leg.endpoint = line
        leg.supervised = entry is not None and entry.answer_supervision == "audio"
        leg.codecs = self._switch.codecs_of("line", line)
        leg.open_port()

    def _drop(self, call: Call, leg: Leg) -> None:
        """Take back a call that was never placed."""
        self._switch.drop(leg)
        self._switch.calls.pop(call.id, None)

    def _started(self, command: AskAttempt, call: Call, leg: Leg) -> AttemptStarted:
        return AttemptStarted(campaign=command.campaign, subscriber=command.subscriber, attempt=command.attempt, call=call.id,
                              leg=leg.id, line=leg.endpoint)

    def _opening(self, command: AskAttempt, call: Call, leg: Leg, subscriber: Subscriber) -> list[Event]:
        return [self._started(command, call, leg), call.opened(leg, name=subscriber.name)]

    async def _unroutable(self, command: AskAttempt, call: Call) -> AttemptGranted:
        """No line may call this number, today or later: that is its outcome, without a call."""
        started = AttemptStarted(campaign=command.campaign, subscriber=command.subscriber, attempt=command.attempt, call=call.id,
                                 leg="", line="")
        ended = AttemptEnded(campaign=command.campaign, subscriber=command.subscriber, attempt=command.attempt, call=call.id,
                             outcome="unreachable", cause=Cause(by="near", q850=3), why=NO_ROUTE)
        await self._ledger.commit(started, ended)
        self._desk.note([started, ended])
        return AttemptGranted(call=call.id, line="")

    async def _conduct(self, entry: Open, command: AskAttempt, call: Call, leg: Leg, subscriber: Subscriber) -> None:
        """The attempt itself, from the INVITE to its outcome, which is committed with the end of the call."""
        config = self._switch.config
        line = config.line(leg.endpoint)
        rules = entry.book.rules
        notice = Notice(entry.message, entry.samples, rules, rules.language or config.office.language,
                        (line.tones if line else None) or config.office.country)
        notify = Notify(leg, notice)
        number = number_on(config, leg.endpoint, subscriber.number)
        try:
            self._switch.place(leg, number, caller_id_for(config, leg.endpoint, rules.caller_id))
            await notify.run()
        except HungUp:
            pass  # the callee went first: result() knows how far we came
        finally:
            leg.hang_up()
            await self._really_gone(leg)
            call.last_words.append(self._ended(command, call, leg, notify))

    async def _really_gone(self, leg: Leg) -> None:
        try:
            async with asyncio.timeout(GOODBYE_SECONDS):
                await leg.gone()
        except TimeoutError:
            self._switch.leg_ended(leg, Cause(by="network", text="no answer to the hang-up"))

    def _ended(self, command: AskAttempt, call: Call, leg: Leg, notify: Notify) -> AttemptEnded:
        told = notify.result()
        return AttemptEnded(
            campaign=command.campaign, subscriber=command.subscriber, attempt=command.attempt, call=call.id,
            outcome=told.outcome, line=leg.endpoint, seconds_heard=told.seconds_heard, fraction_heard=told.fraction_heard,
            digit=told.digit, cause=leg.cause, why=told.why,
        )
