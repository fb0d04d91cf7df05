"""The report of a campaign as data: the document of `switchroom campaign report ID --json`, and what mail shows.

Built from the book and the list alone, so the same ledger always gives the same report. Scripts rely on the names of
`Report`'s first seven fields, of a subscriber's first six, and of the outcomes; new fields may be added. While a
campaign runs, a subscriber to whom more may happen has outcome null.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import get_args

import msgspec

from appliance.campaigns.book import Attempt, CampaignBook
from appliance.messages import BadRow, CampaignState, Outcome, Subscriber

OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)
ANSWERED: frozenset[Outcome] = frozenset({"confirmed", "heard", "hung_up", "declined", "machine"})


class AttemptRow(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt. `seconds`: how long it kept its line; `outcome` null while it lasts; `sip`, `q850`: what the line
    said (0: nothing); times UTC."""

    attempt: int
    outcome: Outcome | None
    started: datetime
    ended: datetime | None
    seconds: float
    seconds_heard: float
    digit: str
    line: str
    call: str
    sip: int
    q850: int
    why: str


class SubscriberRow(msgspec.Struct, frozen=True, kw_only=True):
    """One subscriber. `seconds_heard`, `digit` and `time` (start) are those of the attempt that decided."""

    number: str
    name: str
    outcome: Outcome | None
    seconds_heard: float
    digit: str
    attempts: list[AttemptRow]
    time: datetime | None
    row: int
    extra: dict[str, str]


class Totals(msgspec.Struct, frozen=True, kw_only=True):
    """Counts of subscribers by final outcome, `pending` for those without one; then figures of the run (kpi: Campaign).

    `dialled`: subscribers tried at least once; `answered`: attempts that somebody or something answered; `retries`:
    attempts beyond each subscriber's first; `line_use`: share 0..1 of the lines' time spent on calls while untried
    numbers remained; `first_round_seconds`: until everybody had been tried once; `call_seconds`: line time of all
    attempts."""

    subscribers: int
    confirmed: int
    heard: int
    hung_up: int
    declined: int
    machine: int
    busy: int
    no_answer: int
    unreachable: int
    no_line: int
    cancelled: int
    interrupted: int
    pending: int
    in_progress: int
    dialled: int
    answered: int
    attempts: int
    retries: int
    peak_lines: int
    line_use: float
    seconds: float
    first_round_seconds: float
    call_seconds: float
    duplicates: int
    bad_rows: int


class Report(msgspec.Struct, frozen=True, kw_only=True):
    id: int
    state: CampaignState
    scenario: str
    list_number: str = msgspec.field(name="list")
    lines: int
    totals: Totals
    subscribers: list[SubscriberRow]
    name: str
    by: str
    started: datetime
    ended: datetime | None
    message: str
    """Path of the recording under the data directory."""
    message_seconds: float
    bad_rows: list[BadRow]
    reason: str
    """Why it was paused or cancelled, where somebody said so."""


def _time(utc: float) -> datetime:
    return datetime.fromtimestamp(round(utc, 3), UTC)


def _attempt_row(made: Attempt) -> AttemptRow:
    return AttemptRow(
        attempt=made.attempt, outcome=made.outcome, started=_time(made.started),
        ended=None if made.ended is None else _time(made.ended), seconds=round(made.seconds, 3),
        seconds_heard=made.seconds_heard, digit=made.digit, line=made.line, call=made.call,
        sip=made.cause.sip, q850=made.cause.q850, why=made.why)


def subscriber_row(book: CampaignBook, subscriber: Subscriber) -> SubscriberRow:
    """One line of the report."""
    made = book.attempts(subscriber.index)
    outcome = book.outcome(subscriber.index)
    decided = next((a for a in reversed(made) if outcome is not None and a.outcome == outcome), None)
    return SubscriberRow(
        number=subscriber.number, name=subscriber.name, outcome=outcome,
        seconds_heard=decided.seconds_heard if decided else 0.0, digit=decided.digit if decided else "",
        attempts=[_attempt_row(a) for a in made], time=_time(decided.started) if decided else None,
        row=subscriber.row, extra=subscriber.extra)


def line_use(book: CampaignBook) -> float:
    """Share 0..1 of `lines` x (first attempt's start .. last first attempt's start) during which a line had a call."""
    if book.last_first_utc is None:
        return 0.0
    begin, end, busy = math.inf, book.last_first_utc, 0.0
    for index in range(book.size):
        for made in book.attempts(index):
            begin = min(begin, made.started)
            busy += max(0.0, min(made.ended if made.ended is not None else end, end) - made.started)
    span = (end - begin) * min(book.lines, book.size)
    return min(1.0, busy / span) if span > 0 else 0.0


def totals(book: CampaignBook) -> Totals:
    """The figures of a campaign, running or over."""
    every = [made for index in range(book.size) for made in book.attempts(index)]
    dialled = sum(1 for index in range(book.size) if book.attempts(index))
    first = min((a.started for a in every), default=None)
    last = max((a.ended or a.started for a in every), default=None)
    return Totals(
        subscribers=book.size,
        **{outcome: book.finals[outcome] for outcome in OUTCOMES},
        pending=book.size - book.done, in_progress=book.busy_lines, dialled=dialled,
        answered=sum(a.outcome in ANSWERED for a in every), attempts=len(every), retries=len(every) - dialled,
        peak_lines=book.peak, line_use=round(line_use(book), 4),
        seconds=0.0 if first is None or last is None else round(last - first, 3),
        first_round_seconds=0.0 if first is None or book.last_first_utc is None else round(
            book.last_first_utc - first, 3),
        call_seconds=round(sum(a.seconds for a in every), 3),
        duplicates=book.created.duplicates, bad_rows=len(book.created.bad_rows))


def report(book: CampaignBook, subscribers: Iterable[Subscriber]) -> Report:
    """The whole document. `subscribers` in the order of the list, as the ledger keeps them."""
    created = book.created
    return Report(
        id=book.id, state=book.state, scenario=created.scenario, list_number=created.list, lines=book.lines,
        totals=totals(book), subscribers=[subscriber_row(book, s) for s in subscribers],
        name=created.name, by=created.by, started=_time(book.started_utc),
        ended=None if book.ended_utc is None else _time(book.ended_utc),
        message=created.message, message_seconds=created.message_seconds, bad_rows=created.bad_rows,
        reason=book.state_reason)


def to_json(document: Report, indent: int = 2) -> bytes:
    """The document as JSON (UTF-8), times as RFC 3339 in UTC."""
    return msgspec.json.format(msgspec.json.encode(document), indent=indent)
