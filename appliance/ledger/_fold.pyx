# cython: language_level=3, boundscheck=False
"""Open calls, folded event by event, and the CDR that each comes to. Pure; compiled because every event of every call goes
through it on the ledger's thread, which shares Python's lock with the event loop.

Times inside are monotonic seconds; a leg's are None until it happened.
"""

from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_GET_SIZE, PyByteArray_Resize

import msgspec

from appliance import messages as m

from .cdr import Cdr, LegRecord, Recorded, Transfer, answered, recorded, with_late

cdef enum:
    OTHER = 0
    LEG_OPENED = 1
    LEG_RINGING = 2
    LEG_ANSWERED = 3
    LEG_HELD = 4
    LEG_RESUMED = 5
    LEG_ENDED = 6
    CALL_REACHED = 7
    CALL_TRANSFERRED = 8
    CALL_ENDED = 9
    ATTEMPT_STARTED = 10
    ATTEMPT_ENDED = 11
    RECORDING_STARTED = 12
    RECORDING_PAUSED = 13
    RECORDING_ENDED = 14
    RECORDING_ERASED = 15
    SURVEY_ANSWERED = 16
    PLACED = 17
    SERVED = 18
    HANDED_OVER = 19

cdef dict _KINDS = {
    m.LegOpened: LEG_OPENED, m.LegRinging: LEG_RINGING, m.LegAnswered: LEG_ANSWERED, m.LegHeld: LEG_HELD,
    m.LegResumed: LEG_RESUMED, m.LegEnded: LEG_ENDED, m.CallReached: CALL_REACHED, m.CallTransferred: CALL_TRANSFERRED,
    m.CallEnded: CALL_ENDED, m.AttemptStarted: ATTEMPT_STARTED, m.AttemptEnded: ATTEMPT_ENDED,
    m.RecordingStarted: RECORDING_STARTED, m.RecordingPaused: RECORDING_PAUSED, m.RecordingEnded: RECORDING_ENDED,
    m.RecordingErased: RECORDING_ERASED, m.SurveyAnswered: SURVEY_ANSWERED,
    m.ContactQueued: PLACED, m.ContactLeft: PLACED, m.CallbackRequested: PLACED, m.ContactConnected: SERVED,
    m.ContactHandedOver: HANDED_OVER,
}
"""Events of calls. Those from LEG_RINGING to LEG_ENDED name their leg only, those from PLACED on the contact that came with the
call and has its id, the others their call."""

cdef object _NO_CAUSE = m.Cause()
cdef double FOREVER = 1e9
cdef tuple _LATE = (m.AttemptEnded, m.RecordingEnded, m.RecordingErased, m.SurveyAnswered)
"""What may come after the end of its call."""


cdef void put_u64(char *to, unsigned long long value) noexcept:
    """Big-endian, as in LMDB's keys."""
    cdef int i
    for i in range(8):
        to[7 - i] = <char>(value & 255)
        value >>= 8


cdef class Leg:
    """A leg while its call is open."""

    def __init__(self, opened, double utc, now):
        self.opened = opened
        self.utc = utc
        self.start = now
        self.holds = []
        self.codec = ""
        self.heard = False
        self.cause = _NO_CAUSE

    cdef void close(self, now):
        if self.ended is None:
            self.ended = now
            self.resume(now)

    cdef void resume(self, now):
        if self.held_since is not None:
            self.holds.append((self.held_since, now))
            self.held_since = None

    cdef object since_start(self, at):
        return None if at is None else at - self.start

    cdef object record(self):
        o = self.opened
        kind, endpoint = o.kind, o.endpoint
        return LegRecord(
            leg=o.leg, direction=o.direction, kind=kind, endpoint=endpoint, number=o.number, name=o.name,
            sip_call_id=o.sip_call_id, peer=o.peer, line=endpoint if kind == "line" else "", opened=self.utc,
            rang=self.since_start(self.rang), answered=self.since_start(self.answered), ended=self.since_start(self.ended),
            held=sum([b - a for a, b in self.holds]) if self.holds else 0.0,
            codec=self.codec or (self.quality.codec if self.quality is not None else ""),
            heard=self.heard, cause=self.cause, quality=self.quality,
        )


cdef class CallFold:
    """What is known of one open call. `queues` and `agents` that it came to, None: none. `stored` where the ledger's table of open calls has a row of it."""

    def __init__(self, str call, unsigned long long seq, double utc, double mono, boot):
        self.call = call
        self.seq = seq
        self.utc = utc
        self.start = mono
        self.last = mono
        self.boot = boot
        self.legs = {}
        self.reached = ""
        self.transfers = []
        self._seqs = bytearray()

    @property
    def seqs(self):
        """Sequence numbers of the events taken so far, 8 bytes each: what the ledger notes of an open call."""
        return bytes(self._seqs)

    cdef object time(self, double mono, boot):
        """Where a call crosses a restart of the machine, nothing is counted after its last event before."""
        if mono > self.last and boot == self.boot:
            self.last = mono
        return self.last

    cdef int take(self, unsigned long long seq, int kind, event, double utc, double mono, boot) except -1:
        """One event of this call, in order of sequence."""
        cdef Py_ssize_t size = PyByteArray_GET_SIZE(self._seqs)
        if kind >= PLACED and not self._place(kind, event):
            return 0  # nothing new
        PyByteArray_Resize(self._seqs, size + 8)
        put_u64(PyByteArray_AS_STRING(self._seqs) + size, seq)
        if kind >= PLACED:
            return 0
        now = self.time(mono, boot)
        if kind == LEG_OPENED:
            self.legs[event.leg] = Leg(event, utc, now)
        elif kind <= LEG_ENDED:
            self._leg(kind, event, now)
        elif kind == CALL_REACHED:
            self.reached = event.target
        elif kind == CALL_TRANSFERRED:
            self.transfers.append(
                Transfer(at=now - self.start, by_leg=event.by_leg, kind=event.kind, target=event.target))
        elif kind == ATTEMPT_STARTED:
            self.attempt = event
        elif kind == ATTEMPT_ENDED:
            self.ended_attempt = event
        elif kind >= RECORDING_STARTED:
            self._record(kind, event, now)
        return 0

    cdef bint _place(self, int kind, event) except -1:
        """Whether that names a queue or an agent that was not known of this call."""
        cdef bint new = False
        queue = event.queue
        agent = event.agent if kind == SERVED else event.to if kind == HANDED_OVER else ""
        if queue and (self.queues is None or queue not in self.queues):
            self.queues = [queue] if self.queues is None else self.queues + [queue]
            new = True
        if agent and (self.agents is None or agent not in self.agents):
            self.agents = [agent] if self.agents is None else self.agents + [agent]
            new = True
        return new

    cdef int _record(self, int kind, event, now) except -1:
        """What is recorded of the call, and what its caller answers. Most calls have neither."""
        if kind == SURVEY_ANSWERED:
            self._answers = answered(self._answers or [], event)
            return 0
        if self._recorded is None:
            self._recorded = {}
        if kind == RECORDING_STARTED:
            self._recorded[event.recording] = Recorded(
                recording=event.recording, leg=event.leg, at=now - self.start, why=event.why)
            return 0
        known = self._recorded.get(event.recording)
        if known is None:
            return 0
        if kind == RECORDING_PAUSED:
            known = _paused(known, event.paused, now - self.start - known.at)
        else:
            known = recorded(known, event)
        self._recorded[event.recording] = known
        return 0

    cdef int _leg(self, int kind, event, now) except -1:
        cdef Leg leg = self.legs.get(event.leg)
        if leg is None:
            return 0
        if kind == LEG_RINGING:
            if leg.rang is None:
                leg.rang = now
        elif kind == LEG_RESUMED:
            leg.resume(now)
        elif leg.ended is not None:
            return 0
        elif kind == LEG_ANSWERED:
            if leg.answered is None:
                leg.answered, leg.codec, leg.heard = now, event.codec, event.heard
        elif kind == LEG_HELD:
            if leg.held_since is None:
                leg.held_since = now
        elif kind == LEG_ENDED:
            leg.cause, leg.quality = event.cause, event.quality
            leg.close(now)
        return 0

    cdef object finish(self, event, double mono, boot):
        """The CDR, once CallEnded is there. Legs that were not ended are taken to end with the call."""
        cdef Leg leg
        cdef list legs = list(self.legs.values())
        end = self.time(mono, boot)
        rang, line, purpose, campaign = None, "", "", 0
        holds = []
        for leg in legs:
            leg.close(end)
            holds += leg.holds
            if leg.rang is not None and (rang is None or leg.rang < rang):
                rang = leg.rang
            opened = leg.opened
            purpose = purpose or opened.purpose
            campaign = campaign or opened.campaign
            if not line and opened.kind == "line":
                line = opened.endpoint
        connected = self._connected(legs)
        hold = _overlap(connected, _union(holds)) if holds else 0.0
        until = connected[0][0] if connected else end
        attempt, ended = self.attempt, self.ended_attempt
        key = ended or attempt
        return Cdr(
            call=self.call, seq=self.seq, start=self.utc, duration=end - self.start, disposition=event.disposition,
            direction=_direction(legs), caller=_caller(legs), to=_to(legs),
            ring=max(0.0, until - rang) if rang is not None else 0.0, hold=hold,
            talk=sum([b - a for a, b in connected]) - hold,
            purpose=purpose, reached=self.reached, line=line,
            campaign=key.campaign if key is not None else campaign,
            subscriber=key.subscriber if key is not None else 0, attempt=key.attempt if key is not None else 0,
            outcome=ended.outcome if ended is not None else "", seconds_heard=ended.seconds_heard if ended is not None else 0.0,
            digit=ended.digit if ended is not None else "", legs=[leg.record() for leg in legs], transfers=self.transfers,
            recordings=list(self._recorded.values()) if self._recorded is not None else [],
            answers=self._answers if self._answers is not None else [],
        )

    cdef list _connected(self, list legs):
        """When parties were connected. From an attended transfer on, the other end of whoever is left stands in the record
        of the call that it came from."""
        cdef Leg leg
        spans = _connected(legs)
        for joined in self.transfers:
            if joined.kind == "attended":
                break
        else:
            return spans
        since = self.start + joined.at
        return _union(spans + [
            (max(leg.answered, since), leg.ended) for leg in legs
            if leg.opened.leg != joined.by_leg and leg.answered is not None and leg.ended > since])


cdef class Calls:
    """The calls that are open, by id."""

    def __init__(self):
        self.open = {}
        self._call_of_leg = {}

    def clear(self):
        self.open.clear()
        self._call_of_leg.clear()

    cpdef CallFold take(self, unsigned long long seq, event, double utc, double mono, boot):
        """One event, in order of sequence. -> the open call that it belongs to, if any. CallEnded is for `end`."""
        cdef int kind = _KINDS.get(event.__class__, OTHER)
        cdef CallFold fold
        if kind == OTHER:
            return None
        if LEG_RINGING <= kind <= LEG_ENDED:
            call = self._call_of_leg.get(event.leg)
            if call is None:
                return None
        elif kind >= PLACED:
            call = event.contact
        else:
            call = event.call
            if kind == LEG_OPENED:
                self._call_of_leg[event.leg] = call
        fold = self.open.get(call)
        if fold is None:
            if kind != LEG_OPENED and kind != ATTEMPT_STARTED and kind != CALL_REACHED:
                return None
            fold = self.open[call] = CallFold(call, seq, utc, mono, boot)
        fold.take(seq, kind, event, utc, mono, boot)
        return fold

    cpdef tuple end(self, event, double mono, boot):
        """CallEnded: the call that it closes and its CDR; None where no such call is open."""
        cdef CallFold fold = self.open.pop(event.call, None)
        if fold is None:
            return None
        for leg in fold.legs:
            if self._call_of_leg.get(leg) == fold.call:
                del self._call_of_leg[leg]
        return fold, fold.finish(event, mono, boot)


cdef object _paused(known, bint paused, double at):
    """The same, silent from `at` on (until it ends, for all we know), or to be heard again."""
    pauses = list(known.pauses)
    if paused:
        pauses.append((at, FOREVER))
    elif pauses and pauses[-1][1] == FOREVER:
        pauses[-1] = (pauses[-1][0], at)
    return msgspec.structs.replace(known, pauses=pauses)


cdef str _direction(list legs):
    cdef Leg leg
    if legs:
        first = (<Leg>legs[0]).opened
        if first.kind == "line" and first.direction == "in":
            return "in"
    for leg in legs:
        if leg.opened.kind == "line":
            return "out"
    return "internal"


cdef str _caller(list legs):
    """A phone that calls is named by its extension, a caller on a line by number; nobody calls where we call first."""
    if not legs:
        return ""
    first = (<Leg>legs[0]).opened
    if first.direction == "out":
        return ""
    return first.endpoint if first.kind == "phone" else first.number


cdef str _to(list legs):
    """Who was called: what a phone dialled; the first leg we placed otherwise (a number, or an extension)."""
    cdef Leg leg
    if not legs:
        return ""
    first = (<Leg>legs[0]).opened
    if first.direction == "in" and first.kind == "phone":
        return first.number
    for leg in legs:
        placed = leg.opened
        if placed.direction == "out":
            return placed.number or placed.endpoint if placed.kind == "line" else placed.endpoint
    return ""


cdef list _connected(list legs):
    """Spans in which parties were connected: two answered legs at once, or one where only one ever answered."""
    cdef Leg leg
    spans = [(leg.answered, leg.ended) for leg in legs if leg.answered is not None]
    if len(spans) < 2:
        return spans
    edges = sorted([(a, 1) for a, _ in spans] + [(b, -1) for _, b in spans])
    found = []
    count, since = 0, 0.0
    for at, step in edges:
        before, count = count, count + step
        if before == 1 and count == 2:
            since = at
        elif before == 2 and count == 1 and at > since:
            found.append((since, at))
    return found


cdef list _union(spans):
    found = []
    for a, b in sorted(spans):
        if found and a <= found[-1][1]:
            found[-1] = (found[-1][0], max(b, found[-1][1]))
        else:
            found.append((a, b))
    return found


cdef object _overlap(left, right):
    return sum([max(0.0, min(b, d) - max(a, c)) for a, b in left for c, d in right])


def fold(records):
    """The CDRs of a run of records, in order of their CallEnded. Calls still open give none."""
    cdef Calls calls = Calls()
    cdef list done = []
    cdef dict ended = {}
    for record in records:
        event = record.event
        if isinstance(event, m.CallEnded):
            closed = calls.end(event, record.mono, record.boot)
            if closed is not None:
                ended[event.call] = len(done)
                done.append(closed[1])
        elif (
            calls.take(record.seq, event, record.utc, record.mono, record.boot) is None
            and isinstance(event, _LATE) and event.call in ended
        ):
            done[ended[event.call]] = with_late(done[ended[event.call]], event)
    return done
