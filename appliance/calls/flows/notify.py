"""A campaign's call: ring somebody, play the message, note what they make of it."""

from __future__ import annotations

from pathlib import Path

import msgspec

from appliance.calls.leg import HungUp, Leg, LegState
from appliance.calls.supervision import HANG_UP_TONES, Supervision, Verdict
from appliance.campaigns.causes import GaveUp, verdict_of
from appliance.campaigns.outcome import Story, Told, meaning_of, told
from appliance.config.model import Scenario
from appliance.media.events import Digit, Machine, PlayDone, Silent, Tone, Voice
from appliance.messages import Cause
from drivers.base import Answered

GREETING_LIMIT = 8.0
"""Seconds that a callee's greeting may take before we speak anyhow."""
BEEP_LIMIT = 45.0
"""Seconds that an answering machine may talk before its beep."""
BROKEN_OFF = {"cancelled": GaveUp.CANCELLED, "emergency": GaveUp.PREEMPTED}
"""Why the box broke the call off (`Call.break_off`) -> what that means for the attempt; anything else: we are stopping."""


class Notice(msgspec.Struct, frozen=True):
    """What is to be said, and to be known for it. `total` is the message's length in samples at 8 kHz."""

    message: Path
    total: int
    rules: Scenario
    language: str
    tones: str


class Notify:
    """One attempt at one subscriber. `run` returns when our part is over; `result` may be asked when the leg is gone."""

    def __init__(self, leg: Leg, notice: Notice) -> None:
        self.leg = leg
        self.notice = notice
        self.story = Story()
        self.answered = False
        self._playing = 0
        self._playing_message = False
        self._speaking = False
        """The answer was heard as a voice that may still be speaking."""
        self._tones_since = 0.0
        """When listening for tones began: their `at_ms` count from here."""

    async def run(self) -> None:
        """Raises HungUp when the callee is gone first."""
        leg, rules = self.leg, self.notice.rules
        try:
            if not await self._reach():
                return
            self.answered = True
            await self._greeting()
            if self.story.machine and not await self._at_machine():
                return
            await self._deliver()
        except HungUp:
            if self._playing_message:
                self.story.play_ended(self._now(), leg.played, self.notice.total)
            for event in leg.inbox.drain():
                if isinstance(event, Digit) and leg.owns(event):
                    self.story.pressed(event.digit, self._now())
            raise
        finally:
            if rules.machine != "ignore" and leg.port is not None and not leg.port.closed:
                leg.port.detect(digits=False)

    def result(self) -> Told:
        """What the attempt came to, once the leg is gone."""
        cause = self.leg.cause
        if self.leg.call.interrupted and self.story.gave_up is GaveUp.NOT:
            self.story.gave_up = BROKEN_OFF.get(self.leg.call.interrupted, GaveUp.STOPPING)
        if self.answered:
            self.story.cause = cause
            return told(self.story, self.notice.rules)
        verdict = verdict_of(cause, rang=self.leg.rang, gave_up=self.story.gave_up)
        return Told(outcome=verdict.outcome, why=verdict.why)

    # -- reaching somebody --

    async def _reach(self) -> bool:
        """Wait for the answer. False where we gave up; the story says why."""
        leg, rules = self.leg, self.notice.rules
        if await leg.wait(Answered, timeout=rules.ring_seconds) is None:
            self.story.gave_up = GaveUp.RING_TIMEOUT if leg.state is LegState.RINGING else GaveUp.NO_REPLY
            leg.hang_up(19 if leg.rang else 102)
            return False
        if leg.supervised:
            return await self._supervise()
        return True

    async def _supervise(self) -> bool:
        """The line was seized; listen for what becomes of the call."""
        leg = self.leg
        leg.open_port().detect(digits=False, voice=True, tones=self.notice.tones)
        self._tones_since = self._now()
        watch = Supervision(self._now(), self.notice.rules.ring_seconds)
        while True:
            event = await leg.wait(Tone, Voice, timeout=watch.next_tick(self._now()))
            verdict = watch.heard(event, self._now()) if isinstance(event, Tone | Voice) else None
            verdict = verdict or watch.tick(self._now())
            if isinstance(event, Tone) and event.tone == "ringback":
                leg.rang = True
            if verdict is Verdict.ANSWERED:
                self._speaking = isinstance(event, Voice)
                leg.mark_answered(heard=True)
                return True
            if verdict is not None:
                self._give_up_by(verdict)
                return False

    def _give_up_by(self, verdict: Verdict) -> None:
        if verdict is Verdict.NO_ANSWER:
            self.story.gave_up = GaveUp.RING_TIMEOUT
        else:
            tone = "dial" if verdict is Verdict.DEAD else verdict.value
            self.leg.cause = Cause(by="tone", tone=tone)
        self.leg.hang_up(17 if verdict is Verdict.BUSY else 19)

    # -- speaking --

    async def _greeting(self) -> None:
        """Let the callee say hello: begin after that, or after `start_after_seconds` of silence."""
        leg, rules = self.leg, self.notice.rules
        look = rules.machine != "ignore"
        leg.open_port().detect(digits=True, voice=True, machine=look, beep=look, tones=self.notice.tones)
        until = self._now() + GREETING_LIMIT
        patience = GREETING_LIMIT if self._speaking else rules.start_after_seconds
        event = await leg.wait(Voice, Machine, Tone, timeout=patience)
        while event is not None:
            if isinstance(event, Machine) and event.verdict == "machine" and look:
                self.story.machine = "machine"
                return
            if isinstance(event, Tone) and self._meets_tone(event):
                return
            if isinstance(event, Voice) and not event.speaking:
                return
            event = await leg.wait(Voice, Machine, Tone, timeout=max(0.0, until - self._now()))

    def _meets_tone(self, event: Tone) -> bool:
        """A fax, a modem, or the tone of a line that was hung up; True where that ends the waiting."""
        if event.tone == "fax" or event.tone == "modem":
            self.story.machine = event.tone
            return True
        if event.tone in HANG_UP_TONES and self.leg.supervised:
            if self._playing_message:
                self._pass_over(self.leg.stop_play())
            self.story.gone_since(self._tones_since + event.at_ms / 1000)
            self.leg.cause = Cause(by="tone", tone=event.tone)
            self.leg.hang_up()
            raise HungUp(self.leg)
        return False

    async def _at_machine(self) -> bool:
        """At a machine: wait for its beep where the message is to be left; False where the call is over."""
        leg = self.leg
        if self.story.machine != "machine" or self.notice.rules.machine != "leave-message":
            leg.hang_up()
            return False
        until = self._now() + BEEP_LIMIT
        while True:
            event = await leg.wait(Tone, Voice, timeout=max(0.0, until - self._now()))
            if event is None or (isinstance(event, Tone) and event.tone == "beep"):
                return True
            if isinstance(event, Tone):
                self._meets_tone(event)

    async def _deliver(self) -> None:
        """Play the message (again on the repeat key), ask for the confirmation, wait for it, say goodbye."""
        while True:
            meaning = await self._play_message()
            if meaning == "" and self.notice.rules.confirm and not self.story.machine:
                meaning = await self._ask()
            if meaning == "machine":
                if not await self._at_machine():
                    return
            elif meaning != "repeat":
                break
        if meaning in ("confirm", "decline"):
            await self._say("confirm-thanks" if meaning == "confirm" else "declined-noted")
        self.leg.hang_up()

    async def _play_message(self) -> str:
        """One pass. Returns the meaning of the key that ended it, "machine" where a machine talks over it, "" at the end."""
        leg = self.leg
        self._playing = leg.open_port().play([self.notice.message])
        self._playing_message = True
        self.story.play_started(self._now())
        while True:
            event = await leg.wait(Digit, PlayDone, Machine, Tone, Silent)
            meaning = ""
            if isinstance(event, PlayDone):
                if event.play == self._playing:
                    self._pass_over(event.samples)
                    return ""
            elif isinstance(event, Digit):
                meaning = self._key(event)
            elif isinstance(event, Machine):
                meaning = self._machine_late(event)
            elif isinstance(event, Tone) and self._meets_tone(event):
                meaning = "machine"
            if meaning:
                self._pass_over(leg.stop_play())
                return meaning

    def _machine_late(self, event: Machine) -> str:
        rules = self.notice.rules
        if event.verdict != "machine" or rules.machine == "ignore" or self.story.machine:
            return ""
        self.story.machine = "machine"
        return "machine"

    def _pass_over(self, samples: int) -> None:
        self._playing_message = False
        self.story.play_ended(self._now(), samples, self.notice.total)

    async def _ask(self) -> str:
        """"To confirm, press 1": the pass counts as played until this is said, then `confirm_wait_seconds` are left."""
        rules = self.notice.rules
        if rules.ask_confirm:
            clips = self.leg.call.switch.prompts.clips("confirm-ask", self.notice.language, digit=rules.confirm)
            playing = self.leg.open_port().play(clips)
            last = self.story.passes[-1]
            meaning = await self._listen(playing, None)
            self.leg.stop_play()
            self.story.play_ended(self._now(), last.samples, last.total)
            if meaning:
                return meaning
        return await self._listen(0, self._now() + rules.confirm_wait_seconds)

    async def _listen(self, playing: int, until: float | None) -> str:
        """The meaning of the next key that has one, or "" when the playback is over or the time is up."""
        while True:
            timeout = None if until is None else max(0.0, until - self._now())
            event = await self.leg.wait(Digit, PlayDone, Tone, timeout=timeout)
            if event is None or (isinstance(event, PlayDone) and playing and event.play == playing):
                return ""
            if isinstance(event, Tone):
                self._meets_tone(event)
            if isinstance(event, Digit):
                meaning = self._key(event)
                if meaning:
                    return meaning

    def _key(self, event: Digit) -> str:
        self.story.pressed(event.digit, self._now())
        meaning = meaning_of(event.digit, self.notice.rules)
        return "" if meaning == "none" else meaning

    async def _say(self, name: str) -> None:
        await self.leg.play(self.leg.call.switch.prompts.clips(name, self.notice.language))

    def _now(self) -> float:
        return self.leg.call.switch.clock.mono()
