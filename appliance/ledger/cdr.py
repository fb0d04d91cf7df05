"""Call detail records, derived purely: a fold over the events of one call gives its one CDR.

All durations are differences of monotonic time, in seconds. Where a call crosses a restart of the machine (another
boot),
nothing is counted after its last event before that restart: nobody knows when it really ended.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

import msgspec

from appliance import messages as m

Disposition = Literal["answered", "no_answer", "busy", "failed", "cancelled", "interrupted"]


class LegRecord(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
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


class CdrRow(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
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


class Transfer(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """`at` seconds after the call's start."""

    at: float
    by_leg: str
    kind: Literal["blind", "attended", "pickup"]
    target: str = ""


class Cdr(CdrRow, frozen=True, kw_only=True, array_like=True):
    """The whole record of one call."""

    legs: list[LegRecord] = []
    transfers: list[Transfer] = []


def micros(utc: float) -> int:
    """UTC seconds as whole microseconds, never negative: the time in keys."""
    return max(0, round(utc * 1_000_000))


class _Leg:
    """A leg while its call is open. Times are monotonic seconds."""

    __slots__ = (
        "answered",
        "cause",
        "codec",
        "ended",
        "heard",
        "held_since",
        "holds",
        "opened",
        "quality",
        "rang",
        "start",
        "utc",
    )

    def __init__(self, opened: m.LegOpened, utc: float, mono: float) -> None:
        self.opened = opened
        self.utc = utc
        self.start = mono
        self.rang: float | None = None
        self.answered: float | None = None
        self.ended: float | None = None
        self.holds: list[tuple[float, float]] = []
        self.held_since: float | None = None
        self.codec = ""
        self.heard = False
        self.cause = m.Cause()
        self.quality: m.Quality | None = None

    def close(self, now: float) -> None:
        if self.ended is None:
            self.ended = now
            self.resume(now)

    def resume(self, now: float) -> None:
        if self.held_since is not None:
            self.holds.append((self.held_since, now))
            self.held_since = None

    def record(self) -> LegRecord:
        o, start = self.opened, self.start
        return LegRecord(
            leg=o.leg, direction=o.direction, kind=o.kind, endpoint=o.endpoint, number=o.number, name=o.name,
            sip_call_id=o.sip_call_id, peer=o.peer, line=o.endpoint if o.kind == "line" else "", opened=self.utc,
            rang=None if self.rang is None else self.rang - start,
            answered=None if self.answered is None else self.answered - start,
            ended=None if self.ended is None else self.ended - start,
            held=sum(b - a for a, b in self.holds) if self.holds else 0.0,
            codec=self.codec or (self.quality.codec if self.quality else ""),
            heard=self.heard, cause=self.cause, quality=self.quality,
        )  # fmt: skip


class CallFold:
    """What is known of one open call. Feed it the call's events in order; `finish` gives the CDR."""

    __slots__ = ("attempt", "boot", "call", "ended_attempt", "last", "legs", "reached", "seq", "seqs", "start", "transfers",
                 "utc")  # fmt: skip

    def __init__(self, call: str, seq: int, utc: float, mono: float, boot: int | str) -> None:
        self.call = call
        self.seq = seq
        self.utc = utc
        self.start = mono
        self.boot = boot
        self.last = mono
        self.seqs: list[int] = []
        """Sequence numbers of the events taken so far: what the ledger notes of an open call."""
        self.legs: dict[str, _Leg] = {}
        self.reached = ""
        self.transfers: list[Transfer] = []
        self.attempt: m.AttemptStarted | None = None
        self.ended_attempt: m.AttemptEnded | None = None

    def take(self, seq: int, event: m.Event, utc: float, mono: float, boot: int | str) -> None:
        """One event of this call, in order of sequence."""
        self.seqs.append(seq)
        now = self._time(mono, boot)
        handler = _TAKE.get(event.__class__)
        if handler is not None:
            handler(self, event, utc, now)

    def _time(self, mono: float, boot: int | str) -> float:
        if boot == self.boot:
            self.last = max(self.last, mono)
        return self.last

    def _leg_opened(self, event: m.LegOpened, utc: float, now: float) -> None:
        self.legs[event.leg] = _Leg(event, utc, now)

    def _leg_ringing(self, event: m.LegRinging, utc: float, now: float) -> None:
        if (leg := self.legs.get(event.leg)) and leg.rang is None:
            leg.rang = now

    def _leg_answered(self, event: m.LegAnswered, utc: float, now: float) -> None:
        if (leg := self.legs.get(event.leg)) and leg.answered is None and leg.ended is None:
            leg.answered, leg.codec, leg.heard = now, event.codec, event.heard

    def _leg_held(self, event: m.LegHeld, utc: float, now: float) -> None:
        if (leg := self.legs.get(event.leg)) and leg.held_since is None and leg.ended is None:
            leg.held_since = now

    def _leg_resumed(self, event: m.LegResumed, utc: float, now: float) -> None:
        if leg := self.legs.get(event.leg):
            leg.resume(now)

    def _leg_ended(self, event: m.LegEnded, utc: float, now: float) -> None:
        if (leg := self.legs.get(event.leg)) and leg.ended is None:
            leg.cause, leg.quality = event.cause, event.quality
            leg.close(now)

    def _reached(self, event: m.CallReached, utc: float, now: float) -> None:
        self.reached = event.target

    def _transferred(self, event: m.CallTransferred, utc: float, now: float) -> None:
        self.transfers.append(Transfer(at=now - self.start, by_leg=event.by_leg, kind=event.kind, target=event.target))

    def _attempt_started(self, event: m.AttemptStarted, utc: float, now: float) -> None:
        self.attempt = event

    def _attempt_ended(self, event: m.AttemptEnded, utc: float, now: float) -> None:
        self.ended_attempt = event

    def finish(self, event: m.CallEnded, mono: float, boot: int | str) -> Cdr:
        """The CDR, once CallEnded is there. Legs that were not ended are taken to end with the call."""
        end = self._time(mono, boot)
        legs = list(self.legs.values())
        for leg in legs:
            leg.close(end)
        connected = self._connected(legs)
        hold = _overlap(connected, _union([h for leg in legs for h in leg.holds]))
        rang = min((leg.rang for leg in legs if leg.rang is not None), default=None)
        until = connected[0][0] if connected else end
        first = legs[0].opened if legs else None
        attempt, ended = self.attempt, self.ended_attempt
        key = ended or attempt
        return Cdr(
            call=self.call, seq=self.seq, start=self.utc, duration=end - self.start, disposition=event.disposition,
            direction=_direction(legs), caller=_caller(first), to=_to(legs, attempt),
            ring=max(0.0, until - rang) if rang is not None else 0.0, hold=hold,
            talk=sum(b - a for a, b in connected) - hold,
            purpose=next((leg.opened.purpose for leg in legs if leg.opened.purpose), ""), reached=self.reached,
            line=next((leg.opened.endpoint for leg in legs if leg.opened.kind == "line"), ""),
            campaign=key.campaign if key else next((leg.opened.campaign for leg in legs if leg.opened.campaign), 0),
            subscriber=key.subscriber if key else 0, attempt=key.attempt if key else 0,
            outcome=ended.outcome if ended else "", seconds_heard=ended.seconds_heard if ended else 0.0,
            digit=ended.digit if ended else "", legs=[leg.record() for leg in legs], transfers=self.transfers,
        )  # fmt: skip


    def _connected(self, legs: list[_Leg]) -> Spans:
        """When parties were connected. From an attended transfer on, the other end of whoever is left stands in the record of
        the call that it came from."""
        joined = next((t for t in self.transfers if t.kind == "attended"), None)
        spans = _connected(legs)
        if joined is None:
            return spans
        since = self.start + joined.at
        left = [(max(leg.answered, since), leg.ended) for leg in legs
                if leg.opened.leg != joined.by_leg and leg.answered is not None and leg.ended is not None and leg.ended > since]
        return _union(spans + left)


_TAKE: dict[type[m.Event], Callable[..., None]] = {
    m.LegOpened: CallFold._leg_opened,
    m.LegRinging: CallFold._leg_ringing,
    m.LegAnswered: CallFold._leg_answered,
    m.LegHeld: CallFold._leg_held,
    m.LegResumed: CallFold._leg_resumed,
    m.LegEnded: CallFold._leg_ended,
    m.CallReached: CallFold._reached,
    m.CallTransferred: CallFold._transferred,
    m.AttemptStarted: CallFold._attempt_started,
    m.AttemptEnded: CallFold._attempt_ended,
}


def _direction(legs: list[_Leg]) -> Literal["in", "out", "internal"]:
    if legs and legs[0].opened.kind == "line" and legs[0].opened.direction == "in":
        return "in"
    return "out" if any(leg.opened.kind == "line" for leg in legs) else "internal"


def _caller(first: m.LegOpened | None) -> str:
    """A phone that calls is named by its extension, a caller on a line by number; nobody calls where we call first."""
    if first is None or first.direction == "out":
        return ""
    return first.endpoint if first.kind == "phone" else first.number


def _to(legs: list[_Leg], attempt: m.AttemptStarted | None) -> str:
    """Who was called: what a phone dialled; the first leg we placed otherwise (a number, or an extension)."""
    if not legs:
        return ""
    first = legs[0].opened
    if first.direction == "in" and first.kind == "phone":
        return first.number
    placed = next((leg.opened for leg in legs if leg.opened.direction == "out"), None)
    if placed is None:
        return ""
    return placed.number or placed.endpoint if placed.kind == "line" else placed.endpoint


Spans = list[tuple[float, float]]


def _connected(legs: list[_Leg]) -> Spans:
    """When parties were connected: two answered legs at once, or one where only one ever answered."""
    spans: Spans = [(leg.answered, leg.ended) for leg in legs if leg.answered is not None and leg.ended is not None]
    if len(spans) < 2:
        return spans
    edges = sorted([(a, 1) for a, _ in spans] + [(b, -1) for _, b in spans])
    found: Spans = []
    count, since = 0, 0.0
    for at, step in edges:
        before, count = count, count + step
        if before == 1 and count == 2:
            since = at
        elif before == 2 and count == 1 and at > since:
            found.append((since, at))
    return found


def _union(spans: Spans) -> Spans:
    found: Spans = []
    for a, b in sorted(spans):
        if found and a <= found[-1][1]:
            found[-1] = (found[-1][0], max(b, found[-1][1]))
        else:
            found.append((a, b))
    return found


def _overlap(left: Spans, right: Spans) -> float:
    return sum(max(0.0, min(b, d) - max(a, c)) for a, b in left for c, d in right) if right else 0.0


def with_outcome(cdr: Cdr, event: m.AttemptEnded) -> Cdr:
    """An outcome that comes after its call's end is added to the CDR."""
    return msgspec.structs.replace(
        cdr, campaign=event.campaign, subscriber=event.subscriber, attempt=event.attempt, outcome=event.outcome,
        seconds_heard=event.seconds_heard, digit=event.digit,
    )  # fmt: skip


def fold(records: Iterable[m.Record]) -> list[Cdr]:
    """The CDRs of a run of records, in order of their CallEnded. Calls still open give none."""
    calls: dict[str, CallFold] = {}
    call_of_leg: dict[str, str] = {}
    done: list[Cdr] = []
    ended: dict[str, int] = {}
    for record in records:
        event = record.event
        if isinstance(event, m.LegOpened):
            call_of_leg[event.leg] = event.call
        call: str = getattr(event, "call", "") or call_of_leg.get(getattr(event, "leg", ""), "")
        if not call:
            continue
        if isinstance(event, m.CallEnded):
            if open_call := calls.pop(call, None):
                ended[call] = len(done)
                done.append(open_call.finish(event, record.mono, record.boot))
            continue
        if isinstance(event, m.AttemptEnded) and call not in calls:
            if call in ended:
                done[ended[call]] = with_outcome(done[ended[call]], event)
            continue
        if call not in calls:
            if not isinstance(event, m.LegOpened | m.AttemptStarted | m.CallReached):
                continue
            calls[call] = CallFold(call, record.seq, record.utc, record.mono, record.boot)
        calls[call].take(record.seq, event, record.utc, record.mono, record.boot)
    return done
