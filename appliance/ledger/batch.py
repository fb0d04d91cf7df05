"""What the writer thread does within one transaction: check each group of events, encode, number, derive, put."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from appliance import messages as m
from appliance.errors import SwitchroomError
from appliance.sentences import say

from ._derive import Intake, encode
from .codec import decode
from .keys import attempt_key, subscriber_key
from .persons import Persons
from .store import U32, U64, Dbs, U64x2

Stamped = tuple[m.Event, float, float]
"""An event, its UTC seconds, its monotonic seconds."""
_encoder = msgspec.msgpack.Encoder()


class Group:
    """Events that stand or fall together, and whom to tell: `done` is the caller's future (asyncio) or event
    (thread)."""

    __slots__ = ("done", "error", "events", "result", "subscribers", "work")

    def __init__(
        self,
        events: Sequence[Stamped],
        done: asyncio.Future[int] | threading.Event,
        subscribers: Sequence[m.Subscriber] = (),
        work: Callable[[Any, Dbs], Any] | None = None,
    ) -> None:
        self.events = events
        self.done = done
        self.subscribers = subscribers
        self.work = work
        """Instead of events: something else to do in the transaction; what it returns is the result."""
        self.result: Any = 0
        self.error: SwitchroomError | None = None


class StatePut:
    """A state record to put (or delete, `value` None)."""

    __slots__ = ("key", "value")

    def __init__(self, key: bytes, value: bytes | None) -> None:
        self.key = key
        self.value = value


Item = Group | StatePut | Stamped


class Batch:
    """Applies items to a transaction. All state it keeps between transactions can be loaded again from disk."""

    def __init__(self, boot_id: str) -> None:
        self.persons = Persons()
        self.intake = Intake(self.persons)
        self._boot_id = boot_id

    @property
    def seq(self) -> int:
        """The last number given."""
        return self.intake.seq

    @property
    def refused(self) -> int:
        """Write-behind events left out because they cannot be encoded."""
        return self.intake.refused

    def load(self, txn: Any, dbs: Dbs) -> None:
        """Take the state from disk: at a start, and after a transaction that failed."""
        self.intake.load(txn, dbs)
        self.intake.boot = 0

    def apply(self, txn: Any, dbs: Dbs, items: Sequence[Item]) -> None:
        """Everything in `items`, in order. A group that is refused carries its error and leaves nothing behind."""
        if not self.intake.boot:
            self.intake.boot = self._boot_row(txn, dbs)
        append = self.intake.append
        for item in items:
            if item.__class__ is tuple:
                append(txn, dbs, item)
            elif isinstance(item, Group):
                self._group(txn, dbs, item)
            elif isinstance(item, StatePut):
                self._state(txn, dbs, item)
        self.intake.put(txn, dbs)

    def _boot_row(self, txn: Any, dbs: Dbs) -> int:
        with txn.cursor(db=dbs["boots"]) as cursor:
            last = 0
            for key, value in cursor:
                last = U32.unpack(key)[0]
                if value.decode() == self._boot_id:
                    return last
        txn.put(U32.pack(last + 1), self._boot_id.encode(), db=dbs["boots"])
        return last + 1

    def _group(self, txn: Any, dbs: Dbs, group: Group) -> None:
        group.error, group.result = None, 0
        try:
            if group.work is not None:
                self.intake.put(txn, dbs)
                group.result = group.work(txn, dbs)
                return
            _check(txn, dbs, group.events)
            encoded = [self.intake.hide(txn, dbs, item) for item in group.events]
            rows = [_subscriber_row(group.events[0][0], x) for x in group.subscribers]
        except SwitchroomError as error:
            group.error = error
            return
        except (TypeError, ValueError, OverflowError, msgspec.MsgspecError) as error:
            group.error = SwitchroomError("ledger.unencodable", "An event cannot be stored: {error}.",
                                          "This is a bug: report it.", error=error)
            return
        for (hidden, data), item in zip(encoded, group.events, strict=True):
            self.intake.accept(txn, dbs, hidden, data, item)
        if rows:
            with txn.cursor(db=dbs["subscribers"]) as cursor:
                cursor.putmulti(rows)
        group.result = self.seq

    def _state(self, txn: Any, dbs: Dbs, item: StatePut) -> None:
        if item.value is None:
            txn.delete(item.key, db=dbs["states"])
        else:
            txn.put(item.key, item.value, db=dbs["states"])

    def _hide_reasons(self, txn: Any, dbs: Dbs) -> None:
        """In campaigns of earlier releases the reasons of rows that could not be read are open to all: hidden, they can be
        erased."""
        with txn.cursor(db=dbs["campaigns"]) as cursor:
            created = [U64x2.unpack(value)[0] for _, value in cursor]
        for seq in created:
            stored = decode(txn.get(U64.pack(seq), db=dbs["events"]))
            if isinstance(stored.event, m.CampaignCreated):
                hidden = self.persons.hide_reasons(txn, dbs, stored.event)
                if hidden is not None:
                    txn.put(U64.pack(seq), encode(hidden, stored.utc, stored.mono, stored.boot), db=dbs["events"])
        self.persons.put(txn, dbs)

    def erase(self, txn: Any, dbs: Dbs, number: str) -> int:
        """Erase a number, the names that came with it, and its places in campaign lists. How many texts went."""
        self._hide_reasons(txn, dbs)
        count = self.persons.erase(txn, dbs, number)
        with txn.cursor(db=dbs["subscribers"]) as cursor:
            for key, value in cursor:
                found = msgspec.msgpack.decode(value, type=m.Subscriber)
                if found.number == number:
                    txn.put(
                        key,
                        _encoder.encode(m.Subscriber(index=found.index, number="", row=found.row)),
                        db=dbs["subscribers"],
                    )
                    count += 1
        return count


def _subscriber_row(event: m.Event, subscriber: m.Subscriber) -> tuple[bytes, bytes]:
    if not isinstance(event, m.CampaignCreated):
        raise TypeError("subscribers come with a CampaignCreated")
    return subscriber_key(event.campaign, subscriber.index), _encoder.encode(subscriber)


def _check(txn: Any, dbs: Dbs, events: Sequence[Stamped]) -> None:
    """Refuse what must happen only once, before anything of the group is written."""
    here: set[tuple[type, bytes]] = set()
    for event, _, _ in events:
        if isinstance(event, m.AttemptStarted | m.AttemptEnded):
            key = attempt_key(event)
            found = txn.get(key, db=dbs["attempts"])
            ended = isinstance(event, m.AttemptEnded)
            if (event.__class__, key) in here or (found and (not ended or U64x2.unpack(found)[1])):
                raise _twice(event)
            here.add((event.__class__, key))
        elif isinstance(event, m.CampaignCreated) and txn.get(U32.pack(event.campaign), db=dbs["campaigns"]):
            raise SwitchroomError("ledger.duplicate-campaign", "Campaign {campaign} already exists.",
                                  "Ask `next_campaign` for a number.", campaign=event.campaign)


def _twice(event: m.AttemptStarted | m.AttemptEnded) -> SwitchroomError:
    what = say("Attempt {attempt} at subscriber {subscriber} of campaign {campaign}", attempt=event.attempt,
               subscriber=event.subscriber, campaign=event.campaign)
    if isinstance(event, m.AttemptStarted):
        return SwitchroomError("ledger.duplicate-attempt", "{what} was already started.",
                               "Look its outcome up with `attempt`.", what=what)
    return SwitchroomError("ledger.attempt-ended", "{what} already has an outcome.", "The first outcome stands.", what=what)


def next_campaign(txn: Any, dbs: Dbs) -> int:
    with txn.cursor(db=dbs["campaigns"]) as cursor:
        return U32.unpack(cursor.key())[0] + 1 if cursor.last() else 1
