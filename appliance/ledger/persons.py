"""Personal text apart from the events: rows that can be erased. Events and CDRs hold their ids (tokens).

"persons": id -> scope + text. "person_ids": scope + text -> id. A number has scope 0; a name has the id of the number
it came
with as its scope, so that erasing a number takes its names along and nobody else's. A row of a list that could not be
read has scope 0, and why not has its id.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from appliance import messages as m

from .codec import ERASED, PERSONAL, person_of, token
from .store import U64, Dbs

CACHE = 100_000
HIDING: frozenset[type[m.Event]] = frozenset({*PERSONAL, m.CampaignCreated})
"""Event types that may hold personal text; `Persons.hide` leaves all others as they are."""
_LONGEST_KEY = 400
_TAIL = 7
"""So many last digits of a number tell that a row of a list is about it."""


def id_key(scope: int, text: str) -> bytes:
    raw = text.encode("utf-8", "replace")
    if len(raw) > _LONGEST_KEY:
        raw = b"\x00" + hashlib.blake2b(raw, digest_size=32).digest()
    return U64.pack(scope) + raw


def text_of(txn: Any, dbs: Dbs, value: str) -> str:
    """The text behind a token; other text as it is."""
    person = person_of(value)
    if not person:
        return value
    row = txn.get(U64.pack(person), db=dbs["persons"])
    return ERASED if row is None else row[8:].decode()


class Texts:
    """Looks tokens up in one transaction, each once."""

    def __init__(self, txn: Any, dbs: Dbs) -> None:
        self._txn = txn
        self._dbs = dbs
        self._seen: dict[str, str] = {}

    def __call__(self, value: str) -> str:
        found = self._seen.get(value)
        if found is None:
            found = self._seen[value] = text_of(self._txn, self._dbs, value)
        return found


class Persons:
    """The writer's side: gives out ids. Its cache is dropped when a transaction fails or something is erased."""

    def __init__(self) -> None:
        self._ids: dict[tuple[int, str], int] = {}
        self._new: list[tuple[bytes, bytes, bytes]] = []
        """(key of "person_ids", id, row of "persons") of this transaction: `put` writes them; until then the cache has them."""
        self._last = 0
        """The highest id given; 0: to be looked up."""
        self._stored = 0
        """The highest id on disk."""

    def forget(self) -> None:
        self._ids.clear()
        self._new.clear()
        self._last = 0
        self._stored = 0

    def id_of(self, txn: Any, dbs: Dbs, text: str, scope: int = 0) -> int:
        """The id of a text, made if there is none."""
        person = self._ids.get((scope, text))
        if person is not None:
            return person
        key = id_key(scope, text)
        known = not self._last or scope <= self._stored  # nothing is on disk under an id that is not there itself
        found = txn.get(key, db=dbs["person_ids"]) if known else None
        if found:
            person = int.from_bytes(found, "big")
        else:
            person = self._new_id(txn, dbs)
            self._new.append((key, U64.pack(person), U64.pack(scope) + text.encode("utf-8", "replace")))
        self._ids[scope, text] = person
        return person

    def _new_id(self, txn: Any, dbs: Dbs) -> int:
        """Ids are never given twice, not even after an erasure: the highest one ever is noted."""
        if not self._last:
            noted = txn.get(b"last_person", db=dbs["meta"])
            self._last = self._stored = U64.unpack(noted)[0] if noted else 0
        self._last += 1
        return self._last

    def put(self, txn: Any, dbs: Dbs) -> None:
        """Write the ids given out since the last `put`."""
        if self._new:
            with txn.cursor(db=dbs["persons"]) as cursor:
                cursor.putmulti([(person, row) for _, person, row in self._new], append=True)
            with txn.cursor(db=dbs["person_ids"]) as cursor:
                cursor.putmulti(sorted((key, person) for key, person, _ in self._new))
            txn.put(b"last_person", U64.pack(self._last), db=dbs["meta"])
            self._stored = self._last
            self._new.clear()
        if len(self._ids) >= CACHE:
            self._ids.clear()

    def hide(self, txn: Any, dbs: Dbs, event: m.Event) -> m.Event:
        """The event with tokens in place of its personal text."""
        fields = PERSONAL.get(event.__class__)
        if fields is None:
            return self._hide_rows(txn, dbs, event) if isinstance(event, m.CampaignCreated) else event
        scope = 0
        tokens: dict[str, str] = {}
        for field in fields:
            if text := getattr(event, field):
                person = self.id_of(txn, dbs, text, scope)
                tokens[field] = token(person)
                if field is fields[0]:
                    scope = person
        return msgspec.structs.replace(event, **tokens) if tokens else event

    def _hide_rows(self, txn: Any, dbs: Dbs, event: m.CampaignCreated) -> m.CampaignCreated:
        """The reason of a row belongs to its text."""
        rows = []
        for row in event.bad_rows:
            text = self.id_of(txn, dbs, row.text) if row.text else 0
            reason = token(self.id_of(txn, dbs, row.reason, text)) if row.reason else ""
            rows.append(m.BadRow(row=row.row, text=token(text) if text else "", reason=reason))
        return msgspec.structs.replace(event, bad_rows=rows)

    def hide_reasons(self, txn: Any, dbs: Dbs, event: m.CampaignCreated) -> m.CampaignCreated | None:
        """A campaign as earlier releases noted it, the texts of its rows hidden, not the reasons: with these hidden, too. None
        where they are."""
        if all(not row.reason or person_of(row.reason) for row in event.bad_rows):
            return None
        rows = [msgspec.structs.replace(row, reason=token(self.id_of(txn, dbs, row.reason, person_of(row.text))))
                if row.reason and not person_of(row.reason) else row for row in event.bad_rows]
        return msgspec.structs.replace(event, bad_rows=rows)

    def erase(self, txn: Any, dbs: Dbs, number: str) -> int:
        """Take a number, the names that came with it, and unreadable rows of lists that hold it out of "persons".
        Returns how many texts went."""
        self.put(txn, dbs)
        self.forget()
        doomed = rows_of(txn, dbs, number)
        for key, value in doomed:
            txn.delete(key, db=dbs["person_ids"])
            txn.delete(value, db=dbs["persons"])
        return len(doomed)


def rows_of(txn: Any, dbs: Dbs, number: str) -> list[tuple[bytes, bytes]]:
    """Rows of "person_ids" that are about a number: itself, what came with it, unreadable rows of lists that hold it with what
    is said of them."""
    found = [(key, value) for key, value in _under(txn, dbs, 0) if _holds(key[8:], number)]
    found += [each for _, row in list(found) for each in _under(txn, dbs, U64.unpack(row)[0])]
    person = txn.get(id_key(0, number), db=dbs["person_ids"])
    if person:
        found += [(id_key(0, number), bytes(person)), *_under(txn, dbs, U64.unpack(person)[0])]
    return found


def _under(txn: Any, dbs: Dbs, scope: int) -> list[tuple[bytes, bytes]]:
    """Rows of "person_ids" with this scope."""
    prefix, found = U64.pack(scope), []
    with txn.cursor(db=dbs["person_ids"]) as cursor:
        if cursor.set_range(prefix):
            for key, value in cursor:
                if not key.startswith(prefix):
                    break
                found.append((key, value))
    return found


def _holds(text: bytes, number: str) -> bool:
    """Whether free text (no plain number itself) has this number in it, however it is punctuated or prefixed."""
    digits = bytes(c for c in text if 48 <= c < 58)
    return len(digits) != len(text.removeprefix(b"+")) and len(number) > _TAIL and number[-_TAIL:].encode() in digits
