cdef void put_u64(char *to, unsigned long long value) noexcept

cdef class Leg:
    cdef readonly object opened, start, rang, answered, ended, held_since, heard, cause, quality
    cdef readonly double utc
    cdef readonly list holds
    cdef readonly str codec
    cdef void close(self, now)
    cdef void resume(self, now)
    cdef object since_start(self, at)
    cdef object record(self)

cdef class CallFold:
    cdef readonly str call, reached
    cdef readonly unsigned long long seq
    cdef readonly double utc, start, last
    cdef readonly object boot, attempt, ended_attempt
    cdef readonly dict legs
    cdef readonly list transfers
    cdef readonly list queues, agents
    cdef dict _recorded
    cdef list _answers
    cdef bytearray _seqs
    cdef public bint stored
    cdef object time(self, double mono, boot)
    cdef int take(self, unsigned long long seq, int kind, event, double utc, double mono, boot) except -1
    cdef int _leg(self, int kind, event, now) except -1
    cdef bint _place(self, int kind, event) except -1
    cdef int _record(self, int kind, event, now) except -1
    cdef object finish(self, event, double mono, boot)
    cdef list _connected(self, list legs)

cdef class Calls:
    cdef readonly dict open
    cdef dict _call_of_leg
    cpdef CallFold take(self, unsigned long long seq, event, double utc, double mono, boot)
    cpdef tuple end(self, event, double mono, boot)
