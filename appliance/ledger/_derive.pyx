# cython: language_level=3, boundscheck=False
"""Everything that follows from the events, kept up with them in the same transaction: indexes, open calls, CDRs, sums.

`Deriver.take` gets each event once, tokenised and in order; `put` writes what came of them, sorted and a table at a time.
`Intake` is the writer's: it also hides, encodes and numbers new events. `ledger rebuild` feeds a plain `Deriver` with the
stored ones, so both come to the same. Compiled, as `_fold` is: at 1,600 calls a second this is what the ledger's thread does.
"""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_FromStringAndSize

import msgspec

from appliance import messages as m

from ._fold cimport CallFold, Calls, put_u64
from .cdr import Cdr, micros, with_late
from .codec import MARK, VERSIONS, decode
from .durability import CAMPAIGN_EVENTS
from .keys import attempt_key, call_key, sip_key, text_key
from .persons import HIDING
from .rollup import Rollup, head_of
from .store import U32, U64, U64x2

cdef enum:
    SLOT = 900  # rollup.SLOT
    OPEN_EVERY = 2000  # events between two looks at the table of open calls

cdef Py_ssize_t MOST_CACHED = 10_000
cdef object _encode = msgspec.msgpack.Encoder().encode
cdef object _cdr_of = msgspec.msgpack.Decoder(Cdr).decode
cdef object _rollup_of = msgspec.msgpack.Decoder(Rollup).decode
cdef dict _VERSIONS = VERSIONS
cdef object _CAMPAIGN_EVENTS = CAMPAIGN_EVENTS
cdef object _HIDING = HIDING
cdef tuple _UNSTORABLE = (TypeError, ValueError, OverflowError, msgspec.MsgspecError)
cdef tuple _TABLES = (
    "cdr", "cdr_call", "cdr_sip", "cdr_number", "cdr_line", "cdr_extension", "cdr_campaign", "cdr_queue", "cdr_agent",
    "campaign_events", "audit",
)
cdef bytes _MARK_KEY = b"\0"
"""In the table of open calls, and no call's key: the event up to which the table is complete."""
cdef object _CallEnded = m.CallEnded
cdef object _AuditNoted = m.AuditNoted
cdef object _Connected = m.ContactConnected
cdef object _HandedOver = m.ContactHandedOver
cdef frozenset _LATE = frozenset({m.AttemptEnded, m.RecordingEnded, m.RecordingErased, m.SurveyAnswered})
"""What may come after the end of its call."""
cdef frozenset _PLACES = frozenset(
    {m.ContactQueued, m.ContactLeft, m.CallbackRequested, m.ContactConnected, m.ContactHandedOver})
"""What says which queues and agents a call came to. Of one who is called back it comes when the call is over."""


cdef bytes u64(unsigned long long value):
    cdef bytes made = PyBytes_FromStringAndSize(NULL, 8)
    put_u64(PyBytes_AS_STRING(made), value)
    return made


cdef bytes u64x2(unsigned long long first, unsigned long long second):
    cdef bytes made = PyBytes_FromStringAndSize(NULL, 16)
    put_u64(PyBytes_AS_STRING(made), first)
    put_u64(PyBytes_AS_STRING(made) + 8, second)
    return made


cdef bytes u32(unsigned long long value):
    return u64(value)[4:]


cpdef bytes encode(event, double utc, double mono, boot):
    """Bytes of a tokenised event: `codec.Stored`. Raises msgspec/Unicode errors for what msgpack cannot carry."""
    return _encode((_VERSIONS[event.__class__], utc, mono, boot, event))


def cdr_key(cdr):
    """When it started, then its first event."""
    return u64x2(micros(cdr.start), cdr.seq)


cdef int put_sorted(txn, dbs, str name, list pairs, bint append=False) except -1:
    """In the order of their keys a B-tree's pages are found once each."""
    if not pairs:
        return 0
    if len(pairs) > 1 and not append:
        pairs.sort()
    with txn.cursor(db=dbs[name]) as cursor:
        _, added = cursor.putmulti(pairs, append=append)
    if append and added != len(pairs):
        raise RuntimeError("keys did not ascend")
    pairs.clear()
    return 0


cdef class Sums:
    """Quarter-hour sums touched in a transaction, put at its end (rollup.py says what they are)."""

    cdef dict _sums
    cdef dict _heads
    cdef set _touched

    def __init__(self):
        self._sums, self._heads, self._touched = {}, {}, set()

    cdef forget(self):
        self._sums.clear()
        self._touched.clear()

    cdef int add(self, txn, db, str subject, bytes slot, cdr) except -1:
        head = self._heads.get(subject)
        if head is None:
            if len(self._heads) > MOST_CACHED:
                self._heads.clear()
            head = self._heads[subject] = head_of(subject)
        key = <bytes>head + slot
        found = self._sums.get(key)
        if found is None:
            stored = txn.get(key, db=db)
            found = self._sums[key] = _rollup_of(stored) if stored else Rollup()
        found.calls += 1
        disposition = cdr.disposition
        setattr(found, disposition, getattr(found, disposition) + 1)
        found.ring += cdr.ring
        found.talk += cdr.talk
        found.hold += cdr.hold
        found.duration += cdr.duration
        self._touched.add(key)
        return 0

    cdef int put(self, txn, dbs) except -1:
        put_sorted(txn, dbs, "rollup", [(key, _encode(self._sums[key])) for key in self._touched])
        self._touched.clear()
        if len(self._sums) > MOST_CACHED:
            self._sums.clear()
        return 0


cdef class Deriver:
    """State between transactions: the open calls. `load` reads it back after a start or a failed transaction.

    Their table is brought up to date every OPEN_EVERY events, not with each: most calls are over by then and leave no trace in
    it. It says how far it is complete; `load` takes the events since from the events themselves."""

    cdef readonly Calls calls
    cdef Sums _sums
    cdef dict _rows
    cdef dict _touched
    cdef set _gone
    cdef list _seconds
    cdef dict _names
    cdef unsigned long long _last
    cdef object _complete

    def __init__(self):
        self.calls = Calls()
        self._sums = Sums()
        self._names = {}
        self._clear()

    cdef _clear(self):
        self._touched = {}
        self._gone = set()
        self._rows = {name: [] for name in _TABLES}
        self._seconds = []
        self._last = 0
        self._complete = None

    def load(self, txn, dbs):
        """The open calls as they stand on disk."""
        cdef CallFold fold
        self.calls.clear()
        self._sums.forget()
        self._clear()
        with txn.cursor(db=dbs["open"]) as cursor:
            rows = dict(cursor)
        complete = rows.pop(_MARK_KEY, None)
        for seq in sorted([seq for row in rows.values() for (seq,) in U64.iter_unpack(row)]):
            self._again(seq, txn.get(u64(seq), db=dbs["events"]))
        self._touched.clear()
        for fold in self.calls.open.values():
            fold.stored = True
        with txn.cursor(db=dbs["events"]) as cursor:
            if complete is None:  # made before there was a mark: complete as it stands
                self._last = U64.unpack(cursor.key())[0] if cursor.last() else 0
            else:
                self._last = self._complete = U64.unpack(complete)[0]
                if cursor.set_range(u64(self._complete + 1)):
                    for key, value in cursor:
                        self._again(U64.unpack(key)[0], value)

    cdef _again(self, unsigned long long seq, bytes data):
        """An event that was taken before: for the open calls alone."""
        found = decode(data)
        self._last = seq
        if found.event.__class__ is _CallEnded:
            closed = self.calls.end(found.event, found.mono, found.boot)
            if closed is not None:
                self._over(closed[0])
        else:
            fold = self.calls.take(seq, found.event, found.utc, found.mono, found.boot)
            if fold is not None:
                self._touched[fold.call] = None

    cdef _over(self, CallFold fold):
        self._touched[fold.call] = None
        if fold.stored:
            self._gone.add(fold.call)

    cpdef int take(self, txn, dbs, unsigned long long seq, event, double utc, double mono, boot) except -1:
        """One event, after its checks. `event` holds tokens."""
        cdef long long second = max(0, <long long>utc)
        cdef CallFold fold
        cdef list span = self._seconds[len(self._seconds) - 1] if self._seconds else None
        if span is not None and span[0] == second:
            span[2] = seq
        else:
            self._seconds.append([second, seq, seq])
        self._last = seq
        if event.__class__ in _CAMPAIGN_EVENTS:
            self._campaign(txn, dbs, seq, event)
        if event.__class__ is _CallEnded:
            self._call_ended(txn, dbs, event, mono, boot)
            return 0
        if event.__class__ is _AuditNoted:
            (<list>self._rows["audit"]).append((u64(seq), b""))
            return 0
        fold = self.calls.take(seq, event, utc, mono, boot)
        if fold is not None:
            self._touched[fold.call] = None
        elif event.__class__ in _LATE:
            self._late(txn, dbs, event)
        elif event.__class__ in _PLACES:
            self._late_place(txn, dbs, event)
        return 0

    # -- campaigns --

    cdef _campaign(self, txn, dbs, unsigned long long seq, event):
        number = U32.pack(event.campaign)
        (<list>self._rows["campaign_events"]).append((number + u64(seq), b""))
        if isinstance(event, m.CampaignCreated):
            txn.put(number, u64x2(seq, 0), db=dbs["campaigns"])
        elif isinstance(event, m.CampaignStateChanged):
            found = txn.get(number, db=dbs["campaigns"])
            if found:
                txn.put(number, u64x2(U64x2.unpack(found)[0], seq), db=dbs["campaigns"])
        elif isinstance(event, m.AttemptStarted):
            txn.put(attempt_key(event), u64x2(seq, 0), db=dbs["attempts"])
        elif isinstance(event, m.AttemptEnded):
            found = txn.get(attempt_key(event), db=dbs["attempts"])
            started = U64x2.unpack(found)[0] if found else 0
            txn.put(attempt_key(event), u64x2(started, seq), db=dbs["attempts"])

    # -- calls --

    cdef _call_ended(self, txn, dbs, event, double mono, boot):
        cdef CallFold fold
        closed = self.calls.end(event, mono, boot)
        if closed is None:
            return
        fold, cdr = closed
        self._over(fold)
        self.add(txn, dbs, cdr)
        reached = cdr.reached
        if fold.queues is not None or fold.agents is not None or reached.startswith(("queue:", "callback:")):
            key = cdr_key(cdr)
            queues = set(fold.queues or ())
            if reached.startswith(("queue:", "callback:")):
                queues.add(reached.partition(":")[2])
            for name in queues:
                (<list>self._rows["cdr_queue"]).append((self._name(name) + key, b""))
            for name in fold.agents or ():
                (<list>self._rows["cdr_agent"]).append((self._name(name) + key, b""))

    cpdef int add(self, txn, dbs, cdr) except -1:
        """A CDR, its place in each index and in the sums."""
        cdef dict rows = self._rows
        cdef bytes key = cdr_key(cdr)
        cdef bytes slot = u32(max(0, <long long>cdr.start) // SLOT)
        cdef set people = set(), lines = set(), extensions = set()
        rollup = dbs["rollup"]
        (<list>rows["cdr"]).append((key, _encode(cdr)))
        (<list>rows["cdr_call"]).append((call_key(cdr.call), key))
        for leg in cdr.legs:
            (lines if leg.kind == "line" else extensions).add(leg.endpoint)
            if leg.number.startswith(MARK):
                people.add(leg.number)
            if leg.sip_call_id:
                (<list>rows["cdr_sip"]).append((sip_key(leg.sip_call_id), key))
        for number in people:
            (<list>rows["cdr_number"]).append((u64(int(number[1:])) + key, b""))
        self._sums.add(txn, rollup, "all", slot, cdr)
        for name in lines:
            (<list>rows["cdr_line"]).append((self._name(name) + key, b""))
            self._sums.add(txn, rollup, "line:" + name, slot, cdr)
        for name in extensions:
            (<list>rows["cdr_extension"]).append((self._name(name) + key, b""))
            self._sums.add(txn, rollup, "extension:" + name, slot, cdr)
        if cdr.campaign:
            (<list>rows["cdr_campaign"]).append((U32.pack(cdr.campaign) + key, b""))
            self._sums.add(txn, rollup, f"campaign:{cdr.campaign}", slot, cdr)
        return 0

    cdef bytes _name(self, name):
        found = self._names.get(name)
        if found is None:
            if len(self._names) > MOST_CACHED:
                self._names.clear()
            found = self._names[name] = text_key(name)
        return found

    cdef _late(self, txn, dbs, event):
        """The CDR is put again. The campaign's index has the call already where its legs named the campaign; if not, it gets it
        now."""
        self._put_rows(txn, dbs)
        key = txn.get(call_key(event.call), db=dbs["cdr_call"])
        if key is None:
            return
        cdr = with_late(_cdr_of(txn.get(key, db=dbs["cdr"])), event)
        txn.put(key, _encode(cdr), db=dbs["cdr"])
        if cdr.campaign:
            txn.put(U32.pack(cdr.campaign) + key, b"", db=dbs["cdr_campaign"])

    cdef _late_place(self, txn, dbs, event):
        """A queue or an agent of a call that is over."""
        self._put_rows(txn, dbs)
        key = txn.get(call_key(event.contact), db=dbs["cdr_call"])
        if key is None:
            return
        agent = event.agent if event.__class__ is _Connected else event.to if event.__class__ is _HandedOver else ""
        if event.queue:
            txn.put(self._name(event.queue) + key, b"", db=dbs["cdr_queue"])
        if agent:
            txn.put(self._name(agent) + key, b"", db=dbs["cdr_agent"])

    # -- writing --

    cdef _put_rows(self, txn, dbs):
        for name, pairs in self._rows.items():
            put_sorted(txn, dbs, name, pairs)

    cdef _put_open(self, txn, dbs):
        cdef CallFold fold
        cdef list rows = []
        if self._complete is not None and self._last - <unsigned long long>self._complete < OPEN_EVERY:
            return
        for call in self._touched:
            fold = self.calls.open.get(call)
            if fold is not None:
                rows.append((call_key(call), fold.seqs))
                fold.stored = True
            elif call in self._gone:
                txn.delete(call_key(call), db=dbs["open"])
        rows.append((_MARK_KEY, u64(self._last)))
        put_sorted(txn, dbs, "open", rows)
        self._complete = self._last
        self._touched.clear()
        self._gone.clear()

    cpdef put(self, txn, dbs):
        """Write what the events taken since the last `put` came to."""
        put_sorted(txn, dbs, "utc", [(u32(second) + u64(first), u64(last)) for second, first, last in self._seconds])
        self._seconds.clear()
        self._put_open(txn, dbs)
        self._put_rows(txn, dbs)
        self._sums.put(txn, dbs)


cdef class Intake(Deriver):
    """New events on their way in. `boot` is to be set before the first."""

    cdef readonly object persons
    cdef public unsigned long long seq
    cdef public object boot
    cdef public unsigned long long refused
    cdef list _events

    def __init__(self, persons):
        Deriver.__init__(self)
        self.persons = persons
        self._events = []

    def load(self, txn, dbs):
        self._events.clear()
        self.persons.forget()
        with txn.cursor(db=dbs["events"]) as cursor:
            self.seq = U64.unpack(cursor.key())[0] if cursor.last() else 0
        Deriver.load(self, txn, dbs)

    def append(self, txn, dbs, tuple item):
        """A write-behind event. One that cannot be encoded is counted and left out: it must not hold up the others."""
        try:
            hidden, data = self.hide(txn, dbs, item)
        except _UNSTORABLE:
            self.refused += 1
            return
        self.accept(txn, dbs, hidden, data, item)

    cpdef tuple hide(self, txn, dbs, tuple item):
        """The event with tokens for personal texts, and its bytes."""
        event, utc, mono = item
        if event.__class__ in _HIDING:
            event = self.persons.hide(txn, dbs, event)
        return event, encode(event, utc, mono, self.boot)

    cpdef int accept(self, txn, dbs, event, bytes data, tuple item) except -1:
        """Number it, and take it into everything that is derived."""
        self.seq += 1
        self._events.append((u64(self.seq), data))
        return self.take(txn, dbs, self.seq, event, item[1], item[2], self.boot)

    cpdef put(self, txn, dbs):
        put_sorted(txn, dbs, "events", self._events, True)
        self.persons.put(txn, dbs)
        Deriver.put(self, txn, dbs)
