"""Where the parts of the fold put their numbers: (subject, quarter hour) -> sums."""

from __future__ import annotations

from appliance.figures.counts import CODES, SPREAD_CODES, Sums, edge_of

from .remembered import Stay

OFFICE = ("office", "")
Subject = tuple[str, str]
"""("office", ""), ("queue", NAME), ("agent", ID), ("seat", QUEUE NUL AGENT), ("campaign", NUMBER)."""


class Tally:
    """`added`: since it was last emptied."""

    def __init__(self) -> None:
        self.added: dict[tuple[Subject, int], Sums] = {}

    def add(self, subject: Subject, slot: int, code: int, number: int) -> None:
        sums = self.added.get((subject, slot))
        if sums is None:
            sums = self.added[subject, slot] = {}
        sums[code] = sums.get(code, 0) + number

    def of_stay(self, stay: Stay, name: str, number: int = 1, agent: str = "") -> None:
        """Of the queue, and of the agent in it."""
        self.of_queue(stay.queue, stay.slot, name, number)
        if agent:
            self.of_agent(agent, stay.queue, stay.slot, name, number)

    def of_queue(self, queue: str, slot: int, name: str, number: int = 1) -> None:
        self.add(("queue", queue), slot, CODES[name], number)

    def of_agent(self, agent: str, queue: str, slot: int, name: str, number: int = 1) -> None:
        self.add(("agent", agent), slot, CODES[name], number)
        self.add(("seat", f"{queue}\0{agent}"), slot, CODES[name], number)

    def of_office(self, slot: int, name: str, number: int = 1) -> None:
        self.add(OFFICE, slot, CODES[name], number)

    def wait(self, subject: Subject, slot: int, spread: str, name: str, ms: int) -> None:
        self.add(subject, slot, SPREAD_CODES[spread] + edge_of(ms), 1)
        self.add(subject, slot, CODES[name], ms)


def ms_between(since: float, until: float) -> int:
    return max(0, round((until - since) * 1000))
