"""CDRs as a pure fold over events."""

from __future__ import annotations

import msgspec

from appliance import messages as m
from appliance.ledger import Cdr, fold


def tell(*steps: tuple[float, m.Event], boot: str = "b") -> list[m.Record]:
    """Records at these monotonic seconds; UTC jumps about to show that no duration comes from it."""
    return [m.Record(i + 1, 1e9 + (i * 977) % 13, at, boot, event) for i, (at, event) in enumerate(steps)]


def one(*steps: tuple[float, m.Event]) -> Cdr:
    (cdr,) = fold(tell(*steps))
    return cdr


def line(leg: str, direction: str = "out", **more: object) -> m.LegOpened:
    return m.LegOpened(call="c", leg=leg, direction=direction, kind="line", endpoint="gw", **more)  # type: ignore[arg-type]


def phone(leg: str, extension: str, direction: str = "out", **more: object) -> m.LegOpened:
    return m.LegOpened(call="c", leg=leg, direction=direction, kind="phone", endpoint=extension, **more)  # type: ignore[arg-type]


END = m.CallEnded(call="c", disposition="answered")


def test_a_call_between_phones_with_hold() -> None:
    cdr = one(
        (10, phone("a", "101", "in", number="102")), (10.5, phone("b", "102")), (11, m.LegRinging(leg="b")),
        (14, m.LegAnswered(leg="b", codec="PCMA")), (14.5, m.LegAnswered(leg="a", codec="G722")),
        (20, m.LegHeld(leg="a")), (21, m.LegHeld(leg="b")), (25, m.LegResumed(leg="a")), (27, m.LegResumed(leg="b")),
        (34, m.LegEnded(leg="a")), (34.5, m.LegEnded(leg="b")), (34.5, END),
    )  # fmt: skip
    assert (cdr.direction, cdr.caller, cdr.to) == ("internal", "101", "102")
    assert (cdr.ring, cdr.talk, cdr.hold, cdr.duration) == (3.5, 12.5, 7.0, 24.5)
    a, b = cdr.legs
    assert (a.answered, a.held, a.codec, b.rang, b.ended) == (4.5, 5.0, "G722", 0.5, 24.0)


def test_a_campaign_call_has_one_leg_and_an_outcome() -> None:
    cdr = one(
        (0, m.AttemptStarted(campaign=7, subscriber=3, attempt=2, call="c", leg="a", line="gw")),
        (0, line("a", number="+35840", sip_call_id="x", campaign=7, purpose="campaign")),
        (2, m.LegRinging(leg="a")), (6, m.LegAnswered(leg="a", heard=True)),
        (18, m.AttemptEnded(campaign=7, subscriber=3, attempt=2, call="c", outcome="confirmed", digit="1", seconds_heard=9.0)),
        (19, m.LegEnded(leg="a", cause=m.Cause(sip=200, by="near"), quality=m.Quality(mos=4.2, codec="PCMU"))), (19, END),
    )  # fmt: skip
    assert (cdr.direction, cdr.caller, cdr.to, cdr.line, cdr.purpose) == ("out", "", "+35840", "gw", "campaign")
    assert (cdr.campaign, cdr.subscriber, cdr.attempt, cdr.outcome, cdr.digit) == (7, 3, 2, "confirmed", "1")
    assert (cdr.ring, cdr.talk, cdr.seconds_heard) == (4, 13, 9.0)
    assert cdr.legs[0].codec == "PCMU"
    assert cdr.legs[0].heard


def test_a_call_from_outside_names_caller_and_extension() -> None:
    cdr = one(
        (0, line("a", "in", number="+35850")), (1, m.CallReached(call="c", target="extension:102")), (1, phone("b", "102")),
        (2, m.LegRinging(leg="b")), (9, m.LegEnded(leg="b")), (9, m.LegEnded(leg="a")),
        (9, m.CallEnded(call="c", disposition="no_answer")),
    )  # fmt: skip
    assert (cdr.direction, cdr.caller, cdr.to, cdr.reached) == ("in", "+35850", "102", "extension:102")
    assert (cdr.ring, cdr.talk, cdr.disposition) == (7, 0, "no_answer")


def test_a_transfer_keeps_the_call_and_its_talk() -> None:
    cdr = one(
        (0, line("a", "in", number="+35850")), (0, phone("b", "101")), (1, m.LegAnswered(leg="b")), (1, m.LegAnswered(leg="a")),
        (11, m.CallTransferred(call="c", by_leg="b", kind="blind", target="102")), (11, m.LegEnded(leg="b")),
        (12, phone("d", "102")), (15, m.LegAnswered(leg="d")), (25, m.LegEnded(leg="d")), (25, m.LegEnded(leg="a")), (25, END),
    )  # fmt: skip
    assert cdr.talk == 20
    assert [(x.at, x.by_leg, x.target) for x in cdr.transfers] == [(11, "b", "102")]
    assert [leg.leg for leg in cdr.legs] == ["a", "b", "d"]


def test_another_boot_counts_nothing() -> None:
    before = tell((100, line("a")), (101, m.LegAnswered(leg="a")), (105, m.LegHeld(leg="a")))
    after = [m.Record(9, 2e9, 3.0, "other", m.LegEnded(leg="a")), m.Record(10, 2e9, 4.0, "other", END)]
    (cdr,) = fold(before + after)
    assert (cdr.duration, cdr.talk, cdr.hold) == (5, 4, 0)


def test_what_does_not_belong_together_is_left_out() -> None:
    assert fold(tell((0, m.LegRinging(leg="x")), (1, END), (2, m.LegEnded(leg="x")))) == []
    records = tell((0, line("a")), (1, END), (2, END), (3, m.LegEnded(leg="a")))
    assert len(fold(records)) == 1
    twice = one((0, line("a")), (1, m.LegAnswered(leg="a")), (4, m.LegEnded(leg="a")), (9, m.LegEnded(leg="a")), (9, END))
    assert (twice.legs[0].ended, twice.talk, twice.duration) == (4, 3, 9)


# ---- recordings and answers --------------------------------------------------------------------------------

WAV = "2026-03-02/c-1.wav"
TALK = (
    (0.0, line("a", "in", number="+35850")), (0.0, phone("b", "101")), (1.0, m.LegAnswered(leg="b")),
    (1.0, m.LegAnswered(leg="a")), (3.0, m.RecordingStarted(call="c", leg="a", recording=WAV, queue="front", why="rule")),
)  # fmt: skip
OVER = ((20.0, m.LegEnded(leg="b")), (20.0, m.LegEnded(leg="a")))
WHOLE = m.RecordingEnded(call="c", recording=WAV, seconds=17.0, bytes=544044, sha256="ab" * 32, reason="stopped")


def pause(at: float, paused: bool) -> tuple[float, m.Event]:
    return at, m.RecordingPaused(call="c", recording=WAV, paused=paused)


def test_a_recording_and_its_pauses() -> None:
    early = one(*TALK, pause(5, True), pause(7, False), pause(7.5, False), (19, WHOLE), *OVER, (20, END))
    late = one(*TALK, pause(5, True), pause(7, False), pause(19, True), *OVER, (20, END), (21, WHOLE))
    (kept,) = early.recordings
    assert (kept.recording, kept.leg, kept.at, kept.why, kept.seconds, kept.reason) == (WAV, "a", 3.0, "rule", 17.0, "stopped")
    assert kept.sha256 == "ab" * 32 and kept.bytes == 544044 and kept.pauses == [(2.0, 4.0)]
    assert late.recordings[0].pauses == [(2.0, 4.0), (16.0, 17.0)]


def test_a_recording_that_is_erased_is_still_listed() -> None:
    cdr = one(*TALK, *OVER, (20, END), (21, WHOLE), (99, m.RecordingErased(call="c", recording=WAV, reason="age")))
    assert [(each.recording, each.erased, each.seconds) for each in cdr.recordings] == [(WAV, "age", 17.0)]


def answer(question: str, score: int) -> m.SurveyAnswered:
    return m.SurveyAnswered(call="c", contact="c", survey="after", queue="front", question=question, kind="nps", score=score)


def test_answers_before_and_after_the_end() -> None:
    cdr = one(*TALK, (15, answer("x", 2)), (16, answer("y", 0)), (17, answer("x", 9)), *OVER, (20, END), (22, answer("z", 10)))
    assert [(each.question, each.score) for each in cdr.answers] == [("y", 0), ("x", 9), ("z", 10)]


def test_what_is_said_of_an_unknown_recording_or_call_changes_nothing() -> None:
    cdr = one(*TALK[:-1], pause(5, True), (6, WHOLE), *OVER, (20, END))
    assert cdr.recordings == [] and cdr.answers == []
    assert fold(tell((0, WHOLE), (1, answer("x", 1)))) == []


def test_records_of_before_have_neither() -> None:
    """As a release wrote them that knew no recordings."""
    row = msgspec.to_builtins(one(*TALK, *OVER, (20, END)))
    old = msgspec.msgpack.decode(msgspec.msgpack.encode(row[:-2]), type=Cdr)
    assert old.recordings == [] and old.answers == [] and len(old.legs) == 2
