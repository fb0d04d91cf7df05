"""Who called before, and what is said of a contact once it is over: its outcome, and the answers to a survey.

Callers are known by the opaque key that the queue's events have of them, for a week after they last called; who withholds the
number is nobody.
What a caller wants is a matter: it begins with a contact that no other of the same caller to the same queue came before within
that week, and lasts for as long as the next one comes within a week of the last. The figures count matters, in the quarter hour
in which they began, so that those of a day add up to those of a month.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from appliance import messages as m
from appliance import surveys
from appliance.figures.counts import CODES
from appliance.figures.slots import slot_of

from .remembered import Contact, Stay
from .tally import OFFICE, Subject, Tally, ms_between

WEEK = 7 * 86_400.0
USUAL_MARKS = {"solved": ["solved"], "sold": ["solved", "sale"]}
"""Of outcomes noted before their marks stood in the event."""


class Shelf(Protocol):
    """What is remembered beyond a contact's end, on disk: `put` as of `utc`, forgotten a week later."""

    def get(self, key: bytes) -> bytes | None: ...
    def put(self, key: bytes, utc: float, value: bytes) -> None: ...


class Shelved(dict[bytes, bytes]):
    """A shelf in memory."""

    def put(self, key: bytes, utc: float, value: bytes) -> None:
        self[key] = value


class Matter(msgspec.Struct, array_like=True):
    """What a caller wants of a queue (or of the office). `contact` came last, at `last`; `answered` whether an agent was
    connected in it, `again` whether the caller called again after that."""

    began: float
    slot: int
    last: float
    contact: str
    contacts: int = 1
    answered: bool = False
    answered_slot: int = 0
    again: bool = False


class Place(msgspec.Struct, array_like=True):
    """Where a contact stands in a matter: whether it is its first, and when the matter began."""

    first: bool
    began: float


class Keyed(msgspec.Struct, array_like=True):
    """An outcome: of which agent, with which marks, when; and where it is counted: queue, quarter hour, place in its matter."""

    agent: str
    marks: list[str]
    at: float
    queue: str
    slot: int
    place: Place | None


class Known(msgspec.Struct, array_like=True):
    """A contact that was answered: where what is said of it later is counted, and what was counted of it already."""

    queue: str
    slot: int
    office: int
    in_queue: Place | None = None
    in_office: Place | None = None
    outcome: Keyed | None = None
    asked: bool = False
    answers: dict[str, tuple[m.SurveyKind, int | None]] = {}


_encode = msgspec.msgpack.Encoder().encode
_matter_of = msgspec.msgpack.Decoder(Matter).decode
_known_of = msgspec.msgpack.Decoder(Known).decode


class Callers:
    def __init__(self, tally: Tally, shelf: Shelf) -> None:
        self._tally = tally
        self._shelf = shelf
        self.takes: dict[type[m.Event], Callable[[Any, m.Record], None]] = {
            m.ContactOutcome: self._noted, m.SurveyAsked: self._survey_asked, m.SurveyAnswered: self._survey_answered,
        }

    # -- matters --

    def came(self, name: str, contact: Contact, subject: Subject, slot: int, at: float) -> None:
        """A contact entered a queue, or (OFFICE) came at all."""
        if not contact.caller:
            return
        key = _matter_key(contact.caller, subject)
        matter = self._matter(key, at)
        if matter is None:
            matter = Matter(at, slot, at, name)
            self._add(subject, slot, "callers")
        elif matter.contact != name:
            matter.last, matter.contact, matter.contacts = at, name, matter.contacts + 1
            if matter.contacts == 2:
                self._add(subject, matter.slot, "callers_again")
            if matter.answered and not matter.again:
                matter.again = True
                self._add(subject, matter.answered_slot, "answered_again")
        else:
            return
        self._shelf.put(key, at, _encode(matter))

    def answered(self, name: str, contact: Contact, stay: Stay, at: float) -> None:
        """An agent was connected, the first of this stay."""
        known, before = Known(stay.queue, stay.slot, contact.slot), self._known(name)
        known.in_queue = self._place(name, contact, ("queue", stay.queue), stay.slot, at)
        known.in_office = self._place(name, contact, OFFICE, contact.slot, at)
        if before is not None:  # of another queue: what was keyed there holds until something is keyed here
            known.outcome, known.in_office = before.outcome, before.in_office
        self._shelf.put(_known_key(name), at, _encode(known))

    def _place(self, name: str, contact: Contact, subject: Subject, slot: int, at: float) -> Place | None:
        if not contact.caller:
            return None
        key = _matter_key(contact.caller, subject)
        matter = self._matter(key, at)
        if matter is None:  # it waited, or was called back, a week after it came
            return None
        if not matter.answered:
            matter.answered, matter.answered_slot = True, slot
            self._add(subject, slot, "callers_answered")
            self._shelf.put(key, matter.last, _encode(matter))
        return Place(matter.contacts == 1 and matter.contact == name, matter.began)

    def _matter(self, key: bytes, at: float) -> Matter | None:
        """None: there is none, or it is over by then."""
        found = self._shelf.get(key)
        matter = _matter_of(found) if found is not None else None
        return matter if matter is not None and at - matter.last <= WEEK else None

    # -- outcomes --

    def _noted(self, event: m.ContactOutcome, record: m.Record) -> None:
        """A later one replaces it: what was counted is taken back."""
        known = self._known(event.contact)
        if known is None:
            return
        if known.outcome is not None:
            self._outcome(known, known.outcome, -1)
        marks = event.marks or USUAL_MARKS.get(event.name, [])
        known.outcome = Keyed(event.agent, marks, event.at, known.queue, known.slot, known.in_queue)
        self._outcome(known, known.outcome, 1)
        self._keep(event.contact, known, record)

    def _outcome(self, known: Known, keyed: Keyed, number: int) -> None:
        counted = ["noted", *(name for mark, name in (("solved", "solved"), ("sale", "sales")) if mark in keyed.marks)]
        for name in counted:
            self._tally.of_queue(keyed.queue, keyed.slot, name, number)
            self._tally.of_office(known.office, name, number)
            self._tally.of_agent(keyed.agent, keyed.queue, keyed.slot, name, number)
        queue: Subject = ("queue", keyed.queue)
        for subject, slot, place in ((queue, keyed.slot, keyed.place), (OFFICE, known.office, known.in_office)):
            if place is None:
                continue
            if place.first:
                self._add(subject, slot, "first_noted", number)
            if "solved" in keyed.marks:
                if place.first:
                    self._add(subject, slot, "first_solved", number)
                self._add(subject, slot, "resolved", number)
                self._add(subject, slot, "resolved_ms", number * ms_between(place.began, keyed.at))

    # -- surveys --

    def _survey_asked(self, event: m.SurveyAsked, record: m.Record) -> None:
        known = self._known_or_new(event, record)
        if not known.asked:
            known.asked = True
            self._of_survey(event, known, "survey_asked")
            self._keep(event.contact, known, record)

    def _survey_answered(self, event: m.SurveyAnswered, record: m.Record) -> None:
        """A later answer to the same question replaces the one before."""
        known = self._known_or_new(event, record)
        if not known.answers:
            self._of_survey(event, known, "survey_answered")
        before = known.answers.get(event.question)
        if before is not None:
            self._answer(event, known, *before, -1)
        known.answers[event.question] = (event.kind, event.score)
        self._answer(event, known, event.kind, event.score, 1)
        self._keep(event.contact, known, record)

    def _answer(self, event: m.SurveyAnswered, known: Known, kind: m.SurveyKind, score: int | None, number: int) -> None:
        for name, worth in surveys.parts(kind, score).items():
            self._of_survey(event, known, f"{kind}_{name}", number * worth)

    def _of_survey(self, event: m.SurveyAsked | m.SurveyAnswered, known: Known, name: str, number: int = 1) -> None:
        if number:
            self._tally.of_queue(event.queue, known.slot, name, number)
            self._tally.of_office(known.office, name, number)
            if event.agent:
                self._tally.of_agent(event.agent, event.queue, known.slot, name, number)

    # -- the shelf --

    def _known(self, contact: str) -> Known | None:
        found = self._shelf.get(_known_key(contact))
        return _known_of(found) if found is not None else None

    def _known_or_new(self, event: m.SurveyAsked | m.SurveyAnswered, record: m.Record) -> Known:
        """A call that no queue answered as far as is remembered counts where it was asked."""
        slot = slot_of(record.utc)
        return self._known(event.contact) or Known(event.queue, slot, slot)

    def _keep(self, contact: str, known: Known, record: m.Record) -> None:
        self._shelf.put(_known_key(contact), record.utc, _encode(known))

    def _add(self, subject: Subject, slot: int, name: str, number: int = 1) -> None:
        self._tally.add(subject, slot, CODES[name], number)


def _matter_key(caller: str, subject: Subject) -> bytes:
    return f"m{caller} {subject[1]}".encode("utf-8", "replace")[:400]


def _known_key(contact: str) -> bytes:
    return f"k{contact}".encode("utf-8", "replace")[:400]
