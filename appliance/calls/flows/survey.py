"""A caller is asked what it was like, after the agent has hung up: numbers are keyed, a comment is spoken.

Each answer is safe in the ledger before the next question is put. Who keys nothing, or hangs up, is let go; what was keyed by
then counts.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Protocol

import msgspec

from appliance.calls.disk import in_time
from appliance.calls.flows.dialogue import DIGITS, KEYS, Dialogue
from appliance.calls.leg import HungUp, Leg
from appliance.calls.recording import Comment
from appliance.calls.routing import ToSurvey
from appliance.config.callers import Question
from appliance.config.callers import Survey as Rules
from appliance.errors import SwitchroomError
from appliance.media.engine import Clip
from appliance.media.events import Digit, RecordDone
from appliance.messages import SurveyAnswered
from appliance.surveys import DIGITS as MOST
from appliance.surveys import score_of

log = logging.getLogger("survey")

TRIES = 3
"""So often a question is put to who keys what is no answer; then the next one."""
SILENCES = 2
"""So often it is put to who keys nothing; then the caller is let go."""
FIRST_SECONDS, NEXT_SECONDS = 7.0, 3.0


class SurveyDesk(Protocol):
    """What asking needs of the core."""

    def asks(self, leg: Leg, rules: Rules) -> bool:
        """Whether this caller is one of those who are asked, and is asked now."""

    def asked(self, leg: Leg, about: ToSurvey) -> None: ...
    async def answered(self, answer: SurveyAnswered) -> None:
        """Done when it is on disk. Raises SwitchroomError, also where that takes too long."""

    def comment(self, leg: Leg, answer: SurveyAnswered, max_seconds: float) -> Comment | None:
        """Begin to record what the caller says; None while nothing can be recorded."""


class _Silent(Exception):
    """The caller keys nothing."""


class Survey:
    """One caller; `leg` is answered and hears nobody."""

    def __init__(self, leg: Leg, rules: Rules, about: ToSurvey, desk: SurveyDesk) -> None:
        self.leg = leg
        self.rules = rules
        self.about = about
        self.desk = desk
        self.main = leg.call.switch.config.office.language
        self.talk = Dialogue(leg, leg.language or self.main)
        self._given = 0
        self._pressed = ""
        """Keys of the answer that is being keyed."""

    async def run(self) -> None:
        if self.desk.asks(self.leg, self.rules):
            await self._ask()
        self.leg.hang_up()

    async def _ask(self) -> None:
        self.talk.begin()
        self.desk.asked(self.leg, self.about)
        await self.talk.play(self.talk.own(self.rules.intro, self.main) or self.talk.clips("survey-intro"))
        try:
            for question in self.rules.questions:
                await (self._comment(question) if question.kind == "comment" else self._score(question))
        except _Silent:
            pass  # nobody is pressed for an answer
        except SwitchroomError as problem:
            log.error("an answer could not be noted: %s", problem, extra={"call": self.leg.call.id})
            await self.talk.say("technical-trouble")
            return
        thanks = self.talk.own(self.rules.thanks, self.main) or self.talk.clips("survey-thanks")
        await self.talk.play(thanks if self._given else self.talk.clips("goodbye"))

    def _question(self, question: Question) -> Sequence[Clip]:
        return self.talk.own(question.text, self.main) or self.talk.clips(f"survey-{question.kind}")

    def _answer(self, question: Question) -> SurveyAnswered:
        about = self.about
        return SurveyAnswered(call=self.leg.call.id, contact=about.contact, survey=self.rules.name, queue=about.queue,
                              agent=about.agent, question=question.name, kind=question.kind)

    # -- numbers --

    async def _score(self, question: Question) -> None:
        clips = said = self._question(question)
        wrong = silent = 0
        while wrong < TRIES:
            keyed = ""
            try:
                keyed = await self._keys(said, MOST[question.kind])
            except HungUp:
                # What was pressed in the moment of hanging up counts.
                await self._note(question, self._pressed + _keys_of(self.leg.inbox.drain(), self.leg))
                raise
            if not keyed:
                silent += 1
                if silent >= SILENCES:
                    raise _Silent
                said = [*self.talk.clips("nothing-pressed"), *clips]
            elif await self._note(question, keyed):
                return
            else:
                wrong += 1
                said = [*self.talk.clips("survey-invalid"), *clips]

    async def _keys(self, said: Sequence[Clip], most: int) -> str:
        """As many keys as an answer has, ended by "#" or a pause; "" for none. A "#" before them belongs to the answer before.
        `_pressed` has what was keyed so far where the caller goes meanwhile."""
        self._pressed = ""
        key = await self.talk.play(said, keys=KEYS) or await self.leg.key(KEYS, FIRST_SECONDS)
        if key == "#":
            key = await self.leg.key(KEYS, FIRST_SECONDS)
        while key and key != "#":
            self._pressed += key
            if len(self._pressed) >= most:
                break
            key = await self.leg.key(KEYS, NEXT_SECONDS)
        return self._pressed

    async def _note(self, question: Question, keyed: str) -> bool:
        """Whether this is an answer; it is safe then."""
        score = score_of(question.kind, keyed)
        if score is None:
            return False
        await self.desk.answered(msgspec.structs.replace(self._answer(question), score=score))
        self._given += 1
        return True

    # -- words --

    async def _comment(self, question: Question) -> None:
        """What is said until "#", a pause, or the caller hangs up. It is kept by itself, whatever becomes of the call."""
        await self.talk.play([*self._question(question), *self.talk.clips("beep")])
        comment = self.desk.comment(self.leg, self._answer(question), question.max_seconds)
        if comment is None:
            return
        while True:
            event = await self.leg.wait(Digit, RecordDone)
            if isinstance(event, Digit) and event.digit == "#":
                comment.stop()
            elif isinstance(event, RecordDone) and event.record == comment.record:
                break
        self._given += await in_time(asyncio.shield(comment.kept), "a comment", self.leg.call.id)


def _keys_of(events: list[object], leg: Leg) -> str:
    return "".join(event.digit for event in events if isinstance(event, Digit) and leg.owns(event) and event.digit in DIGITS)
