"""Call detail records, derived purely: a fold over the events of one call gives its one CDR.

All durations are differences of monotonic time, in seconds. Where a call crosses a restart of the machine (another
boot),
nothing is counted after its last event before that restart: nobody knows when it really ended.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from appliance import messages as m

Disposition = Literal["answered", "no_answer", "busy", "failed", "cancelled", "interrupted"]


class LegRecord(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """One leg of a call. `opened` UTC seconds; `rang`, `answered`, `ended` seconds after that (None: never);
    `held` seconds on hold; `line` the line's name for kind "line", else ""."""

    leg: str
    direction: Literal["in", "out"]
    kind: Literal["phone", "line"]
    endpoint: str
    number: str = ""
    name: str = ""
    sip_call_id: str = ""
    peer: str = ""
    line: str = ""
    opened: float = 0.0
    rang: float | None = None
    answered: float | None = None
    ended: float | None = None
    held: float = 0.0
    codec: str = ""
    heard: bool = False
    cause: m.Cause = m.Cause()
    quality: m.Quality | None = None


class CdrRow(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A CDR without its legs: what a list shows.

    `seq` is the call's first event, `start` UTC seconds of it, `duration` until the call ended. `direction`: "in" from a
    line, "out" over a line, "internal" between phones. `talk` is the time in which the parties were connected (two
    answered legs; one where only one ever answered, or where an attended transfer brought the other), less `hold`; `ring`
    from the first ringing to the connection or, without one, to the end. `reached` is the last CallReached. `attempt` 0:
    no campaign."""

    call: str
    seq: int
    start: float
    direction: Literal["in", "out", "internal"]
    disposition: Disposition
    caller: str = msgspec.field(default="", name="from")
    to: str = ""
    duration: float = 0.0
    ring: float = 0.0
    talk: float = 0.0
    hold: float = 0.0
    purpose: str = ""
    reached: str = ""
    line: str = ""
    campaign: int = 0
    subscriber: int = 0
    attempt: int = 0
    outcome: str = ""
    seconds_heard: float = 0.0
    digit: str = ""

    @property
    def key(self) -> str:
        """Names this CDR in `after` of a paged query."""
        return f"{micros(self.start)}-{self.seq}"


class Transfer(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """`at` seconds after the call's start."""

    at: float
    by_leg: str
    kind: Literal["blind", "attended", "pickup"]
    target: str = ""


class Recorded(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """A recording of the call: its file (the path below recordings/) and what part of the call it is. `at` seconds after the
    call's start, `seconds` long; `pauses`: from and to, seconds of the recording, in which it is silent. `reason` "" while it
    runs; `erased` why its file is gone."""

    recording: str
    leg: str
    at: float
    why: str = ""
    seconds: float = 0.0
    bytes: int = 0
    sha256: str = ""
    reason: str = ""
    pauses: list[tuple[float, float]] = []
    erased: str = ""


class Answer(msgspec.Struct, frozen=True, kw_only=True, array_like=True, gc=False):
    """What the caller answered after the call: a `score`, or the `recording` of a comment."""

    survey: str
    question: str
    kind: m.SurveyKind
    score: int | None = None
    recording: str = ""


class Cdr(CdrRow, frozen=True, kw_only=True, array_like=True, gc=False):
    """The whole record of one call."""

    legs: list[LegRecord] = []
    transfers: list[Transfer] = []
    recordings: list[Recorded] = []
    answers: list[Answer] = []


def micros(utc: float) -> int:
    """UTC seconds as whole microseconds, never negative: the time in keys."""
    return max(0, round(utc * 1_000_000))


def with_late(cdr: Cdr, event: m.Event) -> Cdr:
    """What becomes known after the call's end is added to its CDR."""
    if isinstance(event, m.AttemptEnded):
        return with_outcome(cdr, event)
    if isinstance(event, m.SurveyAnswered):
        return msgspec.structs.replace(cdr, answers=answered(cdr.answers, event))
    if isinstance(event, m.RecordingEnded | m.RecordingErased):
        return msgspec.structs.replace(cdr, recordings=[
            recorded(each, event) if each.recording == event.recording else each for each in cdr.recordings])
    return cdr


def recorded(known: Recorded, event: m.RecordingEnded | m.RecordingErased) -> Recorded:
    """The same with how it ended, or that its file is gone. A pause that was not over ends with it."""
    if isinstance(event, m.RecordingErased):
        return msgspec.structs.replace(known, erased=event.reason)
    pauses = [(since, min(until, event.seconds)) for since, until in known.pauses if since < event.seconds]
    return msgspec.structs.replace(
        known, seconds=event.seconds, bytes=event.bytes, sha256=event.sha256, reason=event.reason, pauses=pauses)


def answered(answers: list[Answer], event: m.SurveyAnswered) -> list[Answer]:
    """With this answer; a later one to the same question replaces the earlier."""
    left = [each for each in answers if (each.survey, each.question) != (event.survey, event.question)]
    return [*left, Answer(survey=event.survey, question=event.question, kind=event.kind, score=event.score,
                          recording=event.recording)]


def with_outcome(cdr: Cdr, event: m.AttemptEnded) -> Cdr:
    """An outcome that comes after its call's end is added to the CDR."""
    return msgspec.structs.replace(
        cdr, campaign=event.campaign, subscriber=event.subscriber, attempt=event.attempt, outcome=event.outcome,
        seconds_heard=event.seconds_heard, digit=event.digit,
    )  # fmt: skip
