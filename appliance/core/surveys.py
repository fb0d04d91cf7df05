"""Surveys: who is asked, and that nobody is asked again too soon (calls.flows.survey.SurveyDesk).

When somebody was asked last is kept by an opaque key of the number, for as long as any survey could want to know.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

from appliance.calls.disk import in_time
from appliance.calls.flows.survey import Survey
from appliance.calls.leg import Leg
from appliance.calls.recording import Comment
from appliance.calls.routing import ToSurvey, canonical
from appliance.clock import Clock
from appliance.config.callers import Survey as Rules
from appliance.config.model import Config
from appliance.core.recordings import Recordings
from appliance.ledger import Ledger
from appliance.messages import SurveyAnswered, SurveyAsked

NAMESPACE = "survey"
DAY = 86400.0
MOST_DAYS = 365
"""As `ask_again_days` allows."""
TIDY_SECONDS = 3600.0
_UTC = struct.Struct(">d")


class Surveys:
    """One per core. `key_of` makes the opaque key of a number."""

    def __init__(
        self, ledger: Ledger, recordings: Recordings, config: Callable[[], Config], clock: Clock, key_of: Callable[[str], str],
    ) -> None:
        self._ledger = ledger
        self._recordings = recordings
        self._config = config
        self._clock = clock
        self._key_of = key_of
        self._chance = random.Random()
        self._tidied = 0.0

    async def lead(self, leg: Leg, about: ToSurvey) -> None:
        """Ask a caller whom the agent has left, or hang up."""
        rules = self._config().survey(about.survey)
        if rules is None:  # it went with a new configuration while they talked
            leg.hang_up()
            return
        await Survey(leg, rules, about, self).run()

    # -- calls.flows.survey.SurveyDesk --

    def asks(self, leg: Leg, rules: Rules) -> bool:
        key = self._key(leg)
        last = self._ledger.get_state(NAMESPACE, key) if key and rules.ask_again_days else None
        if last is not None and self._clock.utc() - _UTC.unpack(last)[0] < rules.ask_again_days * DAY:
            return False
        return rules.percent >= 100 or self._chance.random() * 100 < rules.percent

    def asked(self, leg: Leg, about: ToSurvey) -> None:
        key = self._key(leg)
        if key:
            self._ledger.put_state(NAMESPACE, key, _UTC.pack(self._clock.utc()))
        self._ledger.append(SurveyAsked(
            call=leg.call.id, contact=about.contact, survey=about.survey, queue=about.queue, agent=about.agent))

    async def answered(self, answer: SurveyAnswered) -> None:
        await in_time(self._ledger.commit(answer), "an answer to a survey", answer.call)

    def comment(self, leg: Leg, answer: SurveyAnswered, max_seconds: float) -> Comment | None:
        return self._recordings.comment(leg, answer, max_seconds)

    def _key(self, leg: Leg) -> str:
        """Of whoever is on this leg; "" where the number is not known."""
        if leg.kind == "phone":
            return self._key_of(leg.endpoint)
        said = leg.incoming.caller if leg.incoming is not None else leg.number
        number = canonical(said, self._config().office.country)
        return self._key_of(number) if number.startswith("+") else ""

    # -- the house --

    def tidy(self) -> None:
        """Forget when somebody was asked once no survey can want to know."""
        now = self._clock.utc()
        if now - self._tidied < TIDY_SECONDS:
            return
        self._tidied = now
        for key, value in self._ledger.states(NAMESPACE).items():
            if now - _UTC.unpack(value)[0] > MOST_DAYS * DAY:
                self._ledger.put_state(NAMESPACE, key, None)
