"""What is counted, in quarter hours: names, their codes on disk, and sums of them. Pure.

Everything is a whole number (of contacts, or of milliseconds), so that sums of sums are exact in any order. A sum is a sparse map
from code to number; a spread of waiting times is part of it, by the second in which a wait ended.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping

COUNTERS: dict[str, str] = {
    "offered": "contacts that entered the queue",
    "answered": "contacts whose first agent was connected (callbacks apart)",
    "wait_ms": "from entering the queue to that connection",
    "first_n": "contacts that a person answered, arrival known",
    "first_ms": "from the call's arrival to that answer",
    "abandoned": "left before an answer by hanging up, or were cut off",
    "gave_up_ms": "how long those waited",
    "to_voicemail": "left for a mailbox",
    "to_callback": "left to be called back",
    "overflowed": "left by a rule of the queue (longest wait, nobody in)",
    "pressed_out": "left by a key of their own",
    "moved": "taken to another queue while they waited",
    "broken_off": "lost by a restart of the box",
    "left_otherwise": "left in another way",
    "messages": "left a voicemail after all",
    "turned_closed": "turned away at the door: closed",
    "turned_full": "turned away at the door: full",
    "turned_nobody": "turned away at the door: nobody in, or all on a break",
    "turned_long": "turned away at the door: the wait would be too long",
    "turned_otherwise": "turned away at the door in another way",
    "handled": "conversations that ended normally (callbacks too)",
    "broken": "conversations that a failure ended",
    "talk_ms": "talked, less hold",
    "hold_ms": "on hold in a conversation",
    "wrap_ms": "after-call work",
    "passed": "contacts that an agent passed on",
    "passed_blind": "of these without asking first",
    "passed_attended": "of these after asking",
    "rung": "times that an agent was rung",
    "rung_missed": "of these rung in vain",
    "rung_refused": "of these declined",
    "rung_unreachable": "of these at a phone that could not be rung",
    "cb_requested": "callbacks asked for",
    "cb_attempts": "calls made for them",
    "cb_reached": "customers reached",
    "cb_ms": "from asking to that answer",
    "cb_expired": "whose time was over first",
    "cb_given_up": "whose attempts were used up",
    "cb_cancelled": "cancelled",
    "cb_called_again": "who called again themselves",
    "ready_ms": "agents' time: ready",
    "ringing_ms": "agents' time: being rung",
    "contact_ms": "agents' time: on contacts",
    "held_ms": "of this with the caller on hold",
    "wrapping_ms": "agents' time: after-call work",
    "break_ms": "agents' time: on a break",
    "dialling_ms": "agents' time: own calls",
    "reserved_ms": "agents' time: kept for a customer who is being dialled",
    "away_ms": "agents' time: signed in, but not answering",
    "blocked": "calls refused because no line or channel was there",
    "dialled": "attempts of campaigns",
    "retries": "of these not the first of their subscriber",
    "out_confirmed": "heard and confirmed",
    "out_heard": "heard to the end",
    "out_hung_up": "hung up before the end",
    "out_declined": "declined by key",
    "out_machine": "a machine answered",
    "out_busy": "busy",
    "out_no_answer": "no answer",
    "out_unreachable": "cannot be reached",
    "out_no_line": "no line was free",
    "out_cancelled": "cancelled",
    "out_interrupted": "cut off by a restart",
    "early_ms": "how much those who hung up early had heard",
    "calls": "calls of all kinds",
    "calls_answered": "of these answered",
    "calls_no_answer": "of these without an answer",
    "calls_busy": "of these busy",
    "calls_failed": "of these failed",
    "calls_cancelled": "of these given up by the caller",
    "calls_interrupted": "of these cut off by a restart",
    "call_ms": "from the first sign of a call to its end",
    "call_talk_ms": "connected, less hold",
    "callers": "matters that callers of a known number came with: a week without a call between two",
    "callers_again": "of these with a second contact",
    "callers_answered": "matters in which an agent was connected",
    "answered_again": "of these with another contact within a week of it",
    "noted": "contacts whose agent keyed an outcome",
    "solved": "of these solved",
    "sales": "of these sold",
    "first_noted": "with an outcome, and the first of their matter",
    "first_solved": "of these solved",
    "resolved": "contacts keyed as solved whose matter is known",
    "resolved_ms": "from the first contact of their matter to that",
    "survey_asked": "callers who were asked after the call",
    "survey_answered": "of these who answered anything",
    "csat_n": "answers to how satisfied",
    "csat_good": "of these 4 or 5",
    "nps_n": "answers to whether they would recommend",
    "nps_up": "of these 9 or 10",
    "nps_down": "of these 0 to 6",
    "ces_n": "answers to how easy it was",
    "ces_sum": "what they add up to",
    "unpaid_ms": "of agents' time on a break: breaks that are not paid",
}
"""Name -> meaning. The order is the code on disk: new ones are added at the end, and `VERSION` is raised."""
SPREADS = ("waits", "gave_up", "first")
"""Waits of answered, of abandoned contacts, and until the first answer: how many ended in which second."""
VERSION = 5
"""Of what the fold makes of the ledger: another one on disk is computed anew."""

SPAN = 100_000
"""Codes of a spread: its base and the second."""
CODES = {name: code for code, name in enumerate(COUNTERS)}
SPREAD_CODES = {name: SPAN * (1 + n) for n, name in enumerate(SPREADS)}
EDGES = [*range(121), *range(125, 601, 5), *range(660, 3601, 60), *range(3900, 14_401, 300)]
"""Upper ends in seconds: each second to two minutes, five seconds to ten minutes, minutes to the hour, then coarser."""
LAST = 86_400
Sums = dict[int, int]


def edge_of(ms: int) -> int:
    """The upper end in seconds of the step in which a wait falls."""
    seconds = -(-ms // 1000)
    return EDGES[bisect_left(EDGES, seconds)] if seconds <= EDGES[-1] else LAST


def add_into(total: Sums, more: Mapping[int, int]) -> None:
    get = total.get
    for code, number in more.items():
        total[code] = get(code, 0) + number


class Counts:
    """A sum, by name: `counts["offered"]`; absent is 0."""

    __slots__ = ("sums",)

    def __init__(self, sums: Mapping[int, int] | None = None) -> None:
        self.sums: Sums = dict(sums) if sums else {}

    def __getitem__(self, name: str) -> int:
        return self.sums.get(CODES[name], 0)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Counts) and self.plain() == other.plain()

    __hash__ = None  # type: ignore[assignment]

    def __bool__(self) -> bool:
        return any(self.sums.values())

    def plain(self) -> dict[str, int]:
        """By name, without the spreads."""
        return {name: self.sums[code] for name, code in CODES.items() if self.sums.get(code)}

    def spread(self, name: str) -> dict[int, int]:
        """Seconds (upper ends of steps) -> how many."""
        base = SPREAD_CODES[name]
        return {code - base: number for code, number in self.sums.items() if base <= code < base + SPAN and number}

    def within(self, name: str, seconds: float) -> int:
        """How many waits of this spread ended within so many seconds."""
        return sum(number for edge, number in self.spread(name).items() if edge <= seconds)

    def percentile(self, name: str, share: float) -> int | None:
        """The seconds within which this share of the waits ended."""
        spread = sorted(self.spread(name).items())
        wanted, seen = share * sum(number for _, number in spread), 0
        for edge, number in spread:
            seen += number
            if seen >= wanted:
                return edge
        return None


class Fixed(Counts):
    """A sum that does not change any more: its spreads are looked through once, however many figures ask."""

    __slots__ = ("_spreads", "_within")

    def __init__(self, counts: Counts) -> None:
        self.sums = counts.sums
        self._spreads: dict[str, dict[int, int]] | None = None
        self._within: dict[tuple[str, float], int] = {}

    def spread(self, name: str) -> dict[int, int]:
        if self._spreads is None:
            found: list[dict[int, int]] = [{} for _ in SPREADS]
            for code, number in self.sums.items():
                if code >= SPAN and number:
                    found[code // SPAN - 1][code % SPAN] = number
            self._spreads = dict(zip(SPREADS, found, strict=True))
        return self._spreads[name]

    def within(self, name: str, seconds: float) -> int:
        key = name, seconds
        found = self._within.get(key)
        if found is None:
            found = self._within[key] = super().within(name, seconds)
        return found


def total(parts: Iterable[Counts]) -> Counts:
    found = Counts()
    for each in parts:
        add_into(found.sums, each.sums)
    return found
