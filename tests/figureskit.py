"""Records of the ledger without a ledger: a story told in events, at times of its own."""

from __future__ import annotations

from appliance import messages as m
from appliance.figures.counts import Counts, add_into
from appliance.figures.fold import OFFICE, Fold, Subject
from appliance.messages_acd import AgentState, LeaveReason, OfferEnd

T0 = 1_800_000_000.0
"""15 January 2027, 08:00 UTC; a quarter hour begins."""


class Listed:
    """Records as the ledger's reader gives them."""

    def __init__(self, records: list[m.Record]) -> None:
        self.records = records

    def last_seq(self) -> int:
        return len(self.records)

    def read(self, after_seq: int = 0, limit: int = 1000) -> list[m.Record]:
        return self.records[after_seq : after_seq + limit]

    def event(self, seq: int) -> m.Record | None:
        return self.records[seq - 1] if 0 < seq <= len(self.records) else None


class Story:
    def __init__(self) -> None:
        self.fold = Fold()
        self.records: list[m.Record] = []
        self.now = T0

    def at(self, seconds: float) -> Story:
        """`seconds` after T0."""
        self.now = T0 + seconds
        return self

    def tell(self, *events: m.Event) -> Story:
        for event in events:
            record = m.Record(len(self.records) + 1, self.now, self.now - T0, "boot", event)
            self.records.append(record)
            self.fold.take(record)
        return self

    # -- what often happens --

    def calls(self, contact: str, queue: str = "front", number: str = "") -> Story:
        """A caller comes in, who withholds the number unless one is given, and enters the queue."""
        leg = m.LegOpened(call=contact, leg=f"{contact}-1", direction="in", kind="line", endpoint="gateway", number=number)
        key = f"key of {number}" if number else ""
        return self.tell(leg, m.LegAnswered(leg=f"{contact}-1")).queues(contact, queue, caller=key)

    def queues(self, contact: str, queue: str = "front", since: float = 0.0, caller: str = "") -> Story:
        return self.tell(m.ContactQueued(at=self.now, contact=contact, queue=queue, since=since or self.now, caller=caller))

    def rings(self, contact: str, agent: str, how: OfferEnd = "accepted", queue: str = "front") -> Story:
        return self.tell(m.ContactOffered(at=self.now, contact=contact, agent=agent, queue=queue),
                         m.OfferEnded(at=self.now, contact=contact, agent=agent, queue=queue, how=how))

    def connects(self, contact: str, agent: str, queue: str = "front") -> Story:
        return self.tell(m.ContactConnected(at=self.now, contact=contact, agent=agent, queue=queue))

    def ends(self, contact: str, agent: str, reason: str = "caller", queue: str = "front") -> Story:
        return self.tell(m.ContactEnded(at=self.now, contact=contact, agent=agent, queue=queue, reason=reason))

    def leaves(self, contact: str, reason: LeaveReason = "abandoned", target: str = "", queue: str = "front") -> Story:
        return self.tell(m.ContactLeft(at=self.now, contact=contact, queue=queue, reason=reason, target=target))

    def hangs_up(self, contact: str) -> Story:
        return self.tell(m.LegEnded(leg=f"{contact}-1"), m.CallEnded(call=contact, disposition="answered"))

    def served(self, contact: str, agent: str = "anna", queue: str = "front", number: str = "", talk: float = 60.0) -> Story:
        """A caller is answered at once, and the call is over."""
        self.calls(contact, queue, number).connects(contact, agent, queue)
        return self.at(self.now - T0 + talk).ends(contact, agent, queue=queue).hangs_up(contact)

    def notes(self, contact: str, name: str, *marks: str, agent: str = "anna") -> Story:
        return self.tell(m.ContactOutcome(at=self.now, contact=contact, agent=agent, code="1", name=name, marks=list(marks)))

    def answers(self, contact: str, question: str, kind: m.SurveyKind, score: int | None, queue: str = "front",
                agent: str = "anna") -> Story:
        return self.tell(m.SurveyAnswered(call=contact, contact=contact, survey="after", queue=queue, agent=agent,
                                          question=question, kind=kind, score=score))

    def agent(self, agent: str, state: AgentState, before: AgentState, reason: str = "") -> Story:
        return self.tell(m.AgentStateChanged(at=self.now, agent=agent, state=state, before=before, reason=reason))

    # -- what it comes to --

    def counts(self, subject: Subject = OFFICE, slot: int | None = None) -> Counts:
        found = Counts()
        for (of, when), sums in self.fold.added.items():
            if of == subject and slot in (None, when):
                add_into(found.sums, sums)
        return found

    def queue(self, name: str = "front") -> dict[str, int]:
        return self.counts(("queue", name)).plain()

    def office(self) -> dict[str, int]:
        return self.counts().plain()
