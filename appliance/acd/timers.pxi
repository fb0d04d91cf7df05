# What falls due when: a binary heap of timers that know their slot, so that each can be moved or dropped in log n and none is
# left behind. Ties go by the order in which they were set. A timer lives inside its owner.

cdef struct Timer:
    double when
    unsigned long long order
    int kind
    int slot            # index in the heap; -1: not set
    void *owner


cdef inline void timer_init(Timer *t, int kind, void *owner) noexcept:
    t.when = 0.0
    t.order = 0
    t.kind = kind
    t.slot = -1
    t.owner = owner


cdef inline bint sooner(const Timer *a, const Timer *b) noexcept nogil:
    return a.when < b.when or (a.when == b.when and a.order < b.order)


@cython.final
cdef class Agenda:
    cdef Timer **heap
    cdef int size
    cdef int room
    cdef unsigned long long ticket

    def __cinit__(self):
        self.heap = NULL
        self.size = 0
        self.room = 0
        self.ticket = 0

    def __dealloc__(self):
        free(self.heap)

    cdef int put(self, Timer *t, double when) except -1:
        """Set `t`, or move it."""
        self.ticket += 1
        return self.put_as(t, when, self.ticket)

    cdef int put_as(self, Timer *t, double when, unsigned long long order) except -1:
        cdef Timer **grown
        t.when = when
        t.order = order
        if t.slot < 0:
            if self.size == self.room:
                grown = <Timer **>realloc(self.heap, (2 * self.room + 64) * sizeof(Timer *))
                if grown == NULL:
                    raise MemoryError
                self.heap = grown
                self.room = 2 * self.room + 64
            t.slot = self.size
            self.heap[self.size] = t
            self.size += 1
        self._up(t.slot)
        self._down(t.slot)
        return 0

    cdef void drop(self, Timer *t) noexcept:
        """Unset it; one that is not set stays so."""
        cdef int slot = t.slot
        cdef Timer *last
        if slot < 0:
            return
        t.slot = -1
        self.size -= 1
        if slot == self.size:
            return
        last = self.heap[self.size]
        self.heap[slot] = last
        last.slot = slot
        self._up(slot)
        self._down(last.slot)

    cdef void _up(self, int slot) noexcept nogil:
        cdef Timer *t = self.heap[slot]
        cdef int above
        while slot > 0:
            above = (slot - 1) >> 1
            if not sooner(t, self.heap[above]):
                break
            self.heap[slot] = self.heap[above]
            self.heap[slot].slot = slot
            slot = above
        self.heap[slot] = t
        t.slot = slot

    cdef void _down(self, int slot) noexcept nogil:
        cdef Timer *t = self.heap[slot]
        cdef int below
        while True:
            below = 2 * slot + 1
            if below >= self.size:
                break
            if below + 1 < self.size and sooner(self.heap[below + 1], self.heap[below]):
                below += 1
            if not sooner(self.heap[below], t):
                break
            self.heap[slot] = self.heap[below]
            self.heap[slot].slot = slot
            slot = below
        self.heap[slot] = t
        t.slot = slot


cdef int set_back(Acd acd, double now) except -1:
    """The calendar was set back while nothing waited for its time: all that is remembered of time goes back with it."""
    cdef Agent a
    cdef Queue q
    cdef double by = now - acd.now
    acd.now = now
    for a in acd.agents.values():
        unseat(a)
        a.since, a.idle_since, a.weighed = back(a.since, by), back(a.idle_since, by), back(a.weighed, by)
        a.wrap_until, a.working = back(a.wrap_until, by), back(a.working, by)
        take_seats(acd, a)
    for q in acd.queues.values():
        q.counted = back(q.counted, by)
        q.reclaims = {caller: (since + by, seq, until + by, agent) for caller, (since, seq, until, agent) in q.reclaims.items()}
    return 0


cdef inline double back(double at, double by) noexcept:
    """0 stands for never."""
    return at + by if at > 0.0 else at
