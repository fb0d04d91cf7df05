"""The book of a campaign, its report, and the forecast."""

from __future__ import annotations

import json

import pytest

from appliance.campaigns.book import Books, CampaignBook, Due, Standing, book_of
from appliance.campaigns.causes import FREE_LIMIT, Retry
from appliance.campaigns.estimate import Shares, expected_minutes
from appliance.campaigns.summary import line_use, report, to_json, totals
from appliance.config.model import Scenario
from appliance.messages import (
    AttemptEnded,
    AttemptStarted,
    CampaignCreated,
    CampaignState,
    CampaignStateChanged,
    Cause,
    Event,
    Outcome,
    Record,
    Subscriber,
)

UTC = 1_800_000_000.0
RULES = {"code": "701", "confirm": "1", "retries": 2, "retry_after_minutes": 10.0, "a key of another release": 1}


class Campaign:
    """Writes the records of campaign 1, one second apart unless told otherwise."""

    def __init__(self, size: int, lines: int = 5) -> None:
        self.now = 0.0
        self.records: list[Record] = []
        self.book: CampaignBook | None = None
        self.add(CampaignCreated(campaign=1, scenario="701", name="N", list="12", lines=lines, message="m.wav",
                                 message_seconds=5.0, subscribers=size, rules=RULES))
        self.book = book_of(self.records, 1)

    def add(self, event: Event, boot: str = "b") -> None:
        record = Record(len(self.records) + 1, UTC + self.now, self.now, boot, event)
        self.records.append(record)
        if self.book is not None:
            self.book.apply(record)

    def start(self, who: int, attempt: int = 1) -> None:
        self.add(AttemptStarted(campaign=1, subscriber=who, attempt=attempt, call=f"{who}/{attempt}", leg="l", line="gateway"))

    def end(self, who: int, attempt: int, outcome: Outcome, cause: Cause | None = None, **more: float | str) -> None:
        self.add(AttemptEnded(campaign=1, subscriber=who, attempt=attempt, call=f"{who}/{attempt}", outcome=outcome,
                              cause=cause or Cause(), **more))  # type: ignore[arg-type]

    def call(self, who: int, attempt: int, outcome: Outcome, seconds: float = 1.0, cause: Cause | None = None,
             **more: float | str) -> None:
        self.start(who, attempt)
        self.now += seconds
        self.end(who, attempt, outcome, cause, **more)

    def state(self, state: CampaignState) -> None:
        self.add(CampaignStateChanged(campaign=1, state=state))

    @property
    def it(self) -> CampaignBook:
        assert self.book is not None
        return self.book

    @property
    def utc(self) -> float:
        return UTC + self.now


def test_the_list_is_called_in_order_and_retries_wait_for_the_untried() -> None:
    c = Campaign(3)
    assert c.it.next_due(c.utc) == Due(0, 1)
    c.call(0, 1, "busy", cause=Cause(sip=486))
    c.now += 3600
    assert c.it.next_due(c.utc) == Due(1, 1)
    assert c.it.next_due(c.utc, {1}) == Due(2, 1)
    assert c.it.next_due(c.utc, {1, 2}) == Due(0, 2)
    assert c.it.next_due(c.utc, {0, 1, 2}) is None
    assert c.it.next_due(c.utc, {1, 2}) == Due(0, 2), "looking does not take"


def test_who_stands_on_another_shelf_is_not_looked_at() -> None:
    c = Campaign(4)
    c.call(3, 1, "busy", cause=Cause(sip=486))
    c.now += 3600
    c.it.put(0, 1)
    c.it.put(3, 1)
    assert c.it.next_due(c.utc) == Due(1, 1)
    assert c.it.next_due(c.utc, {1, 2}) is None and c.it.next_time() is None
    assert c.it.next_due(c.utc, {1, 2}, [0, 1]) == Due(0, 1)
    c.call(0, 1, "busy", cause=Cause(sip=486))
    c.now += 3600
    assert c.it.next_due(c.utc, (), [1]) == Due(3, 2), "a retry stays where its subscriber stands"
    c.it.put(3, 0)
    c.it.put(0, 0)
    c.it.put(3, 0)
    assert c.it.next_due(c.utc, {1, 2}) == Due(3, 2) and c.it.next_due(c.utc, {1, 2, 3}) == Due(0, 2)
    assert c.it.next_due(c.utc, (), [1]) is None and c.it.next_time([1]) is None


def test_busy_is_due_sooner_than_no_answer() -> None:
    c = Campaign(2)
    c.call(0, 1, "no_answer", cause=Cause(sip=480))
    c.call(1, 1, "busy", cause=Cause(sip=486))
    assert c.it.due_at(0) == UTC + 1 + 600
    assert c.it.due_at(1) == UTC + 2 + 200
    assert c.it.next_time() == UTC + 2 + 200
    assert c.it.next_due(UTC + 201) is None
    assert c.it.next_due(UTC + 202) == Due(1, 2)
    assert c.it.next_due(UTC + 700, {1}) == Due(0, 2)


def test_nobody_is_due_twice_at_once_or_after_a_success() -> None:
    c = Campaign(1)
    c.start(0)
    assert c.it.standing(0) is Standing.IN_PROGRESS
    assert c.it.next_due(c.utc + 1e9) is None
    c.end(0, 1, "heard")
    assert c.it.outcome(0) == "heard"
    assert c.it.next_due(c.utc + 1e9) is None
    assert c.it.all_final


@pytest.mark.parametrize(
    ("outcomes", "final"),
    [
        (["no_answer", "busy", "no_answer"], "no_answer"),
        (["busy", "no_answer", "busy"], "busy"),
        (["machine", "no_answer", "busy"], "machine"),
        (["busy", "heard"], "heard"),
        (["no_answer", "unreachable"], "unreachable"),
        (["no_answer", "hung_up"], "hung_up"),
        (["busy", "declined"], "declined"),
    ],
)
def test_the_most_telling_outcome_stands(outcomes: list[Outcome], final: Outcome) -> None:
    c = Campaign(1)
    for attempt, outcome in enumerate(outcomes, 1):
        due = c.it.next_due(c.utc + 1e6)
        assert due == Due(0, attempt)
        c.call(0, attempt, outcome)
    assert c.it.all_final
    assert c.it.outcome(0) == final
    assert c.it.next_due(c.utc + 1e9) is None


@pytest.mark.parametrize(("outcome", "kind"), [("no_line", Retry.FREE_LINE), ("interrupted", Retry.FREE_BROKEN)])
def test_what_was_not_their_fault_uses_up_no_retry_but_has_an_end(outcome: Outcome, kind: Retry) -> None:
    c = Campaign(1)
    for attempt in range(1, FREE_LIMIT[kind]):
        c.call(0, attempt, outcome)
        assert not c.it.all_final
    for attempt in range(FREE_LIMIT[kind], FREE_LIMIT[kind] + 3):
        c.call(0, attempt, "no_answer")
    assert c.it.outcome(0) == "no_answer"
    d = Campaign(1)
    for attempt in range(1, FREE_LIMIT[kind] + 1):
        assert not d.it.all_final
        d.call(0, attempt, outcome)
    assert d.it.outcome(0) == outcome


def test_cancelling_settles_everybody_who_is_not_on_the_phone() -> None:
    c = Campaign(4)
    c.call(0, 1, "heard")
    c.call(1, 1, "busy")
    c.start(2)
    c.state("cancelled")
    assert [c.it.outcome(i) for i in range(4)] == ["heard", "busy", None, "cancelled"]
    assert not c.it.all_final
    c.end(2, 1, "cancelled")
    assert c.it.all_final
    assert c.it.finals == {"heard": 1, "busy": 1, "cancelled": 2}
    c.state("running")
    assert c.it.state == "cancelled"


def test_a_paused_campaign_has_nobody_due() -> None:
    c = Campaign(2)
    c.state("paused")
    assert c.it.next_due(c.utc) is None
    c.state("running")
    assert c.it.next_due(c.utc) == Due(0, 1)


def test_strange_records_change_nothing() -> None:
    c = Campaign(2)
    c.call(0, 1, "heard")
    before = to_json(report(c.it, ()))
    c.end(0, 1, "busy")
    c.start(0, 1)
    c.start(7)
    c.end(-1, 1, "heard")
    c.add(AttemptStarted(campaign=2, subscriber=1, attempt=1, call="x", leg="l", line="gateway"))
    assert to_json(report(c.it, ())) == before
    c.end(1, 1, "heard")  # its start is not there, its end counts
    assert c.it.outcome(1) == "heard"


def test_a_book_folded_again_is_the_same_book() -> None:
    c = Campaign(5)
    for who, outcome in enumerate(("heard", "busy", "no_answer", "interrupted", "no_line")):
        c.call(who, 1, outcome)  # type: ignore[arg-type]
    c.start(1, 2)
    again = Books(c.records).by_id[1]
    people = [Subscriber(index=i, number=f"+35891770000{i}") for i in range(5)]
    assert to_json(report(again, people)) == to_json(report(c.it, people))
    assert again.next_due(c.utc + 1e6) == c.it.next_due(c.utc + 1e6)


def test_the_report() -> None:
    c = Campaign(3, lines=2)
    c.call(0, 1, "busy", cause=Cause(sip=486, q850=17))
    c.call(0, 2, "confirmed", seconds=8.0, digit="1", seconds_heard=5.0, fraction_heard=1.0)
    c.call(1, 1, "hung_up", seconds=3.0, seconds_heard=1.5, fraction_heard=0.3)
    people = [Subscriber(index=0, number="+358917700000", name="A", row=2, extra={"house": "1"}),
              Subscriber(index=1, number="+358917700001", name="B", row=3), Subscriber(index=2, number="+358917700002")]
    document = json.loads(to_json(report(c.it, people)))
    first, second, third = document["subscribers"]
    assert (first["outcome"], first["digit"], first["seconds_heard"], first["extra"]) == ("confirmed", "1", 5.0, {"house": "1"})
    assert [(a["outcome"], a["sip"], a["q850"]) for a in first["attempts"]] == [("busy", 486, 17), ("confirmed", 0, 0)]
    assert (second["outcome"], second["seconds_heard"]) == ("hung_up", 1.5)
    assert (third["outcome"], third["attempts"], third["time"]) == (None, [], None)
    figures = totals(c.it)
    assert (figures.confirmed, figures.hung_up, figures.pending, figures.dialled) == (1, 1, 1, 2)
    assert (figures.attempts, figures.retries, figures.answered, figures.call_seconds) == (3, 1, 2, 12.0)


def test_line_use_counts_only_while_untried_numbers_remain() -> None:
    c = Campaign(3, lines=2)
    c.start(0)
    c.start(1)
    c.now = 10.0
    c.end(0, 1, "heard")
    c.now = 15.0
    c.start(2)  # from here on nobody is untried: one line stood still for 5 of 2 x 15 s
    c.end(1, 1, "heard")
    c.now = 90.0
    c.end(2, 1, "heard")
    assert line_use(c.it) == pytest.approx(25 / 30)
    assert line_use(Campaign(3).it) == 0.0


def test_the_forecast_grows_with_work_and_shrinks_with_lines() -> None:
    rules = Scenario(code="701", confirm="1", ring_seconds=25, retries=2, retry_after_minutes=10)
    usual = expected_minutes(300, 5, 20.0, rules)
    assert 30 < usual < 75  # the office's "one hour for 300 people over 5 lines"
    assert expected_minutes(600, 5, 20.0, rules) > usual
    assert expected_minutes(300, 5, 60.0, rules) > usual
    assert expected_minutes(300, 10, 20.0, rules) < usual
    assert expected_minutes(300, 5, 20.0, Scenario(code="701", retries=0)) < usual
    assert expected_minutes(0, 5, 20.0, rules) == 0.0
    one = expected_minutes(1, 5, 20.0, Scenario(code="701", retries=0))
    assert one == expected_minutes(1, 1, 20.0, Scenario(code="701", retries=0)) > 0


def test_the_forecast_learns_from_earlier_campaigns() -> None:
    assert Shares.of({"heard": 10}) is None
    shares = Shares.of({"heard": 40, "confirmed": 30, "hung_up": 10, "no_answer": 10, "busy": 5, "unreachable": 5})
    assert shares is not None
    assert (shares.answered, shares.no_answer, shares.busy) == (0.8, 0.1, 0.05)
    assert shares.hung_up == pytest.approx(10 / 80)
    rules = Scenario(code="701", retries=0)
    nobody = Shares(answered=0.0, no_answer=0.0, busy=1.0, hung_up=0.0)
    assert expected_minutes(300, 5, 20.0, rules, nobody) < expected_minutes(300, 5, 20.0, rules, shares)


def test_retries_keep_their_distance_when_the_clock_is_set_back() -> None:
    c = Campaign(1)
    c.call(0, 1, "no_answer")
    due = c.it.next_time()
    assert due is not None and c.it.next_due(c.utc) is None
    back = c.utc - 3600.0
    assert c.it.next_due(back) is None, "not at once either"
    assert c.it.next_time() == pytest.approx(due - 3600.0)
    assert c.it.next_due(due - 3600.0 + 1) == Due(0, 2)


def test_a_clock_set_back_for_good_does_not_keep_pulling() -> None:
    c = Campaign(1)
    c.call(0, 1, "no_answer")
    due = c.it.next_time()
    assert due is not None
    for ago in (3600.0, 3599.0, 3598.0):
        c.it.next_due(c.utc - ago)
    assert c.it.next_time() == pytest.approx(due - 3600.0)
