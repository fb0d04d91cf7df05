# What the ACD decides: to be done, and written down. Immutable, equal by value. Each `say_...` adds one to the step's actions.

cdef class Action:
    cdef readonly double at

    FIELDS = ("at",)

    def __eq__(self, other):
        return type(self) is type(other) and all(getattr(self, name) == getattr(other, name) for name in self.FIELDS)

    def __hash__(self):
        return hash((type(self), self.at))

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self.FIELDS)})"


@cython.final
@cython.no_gc
cdef class Denied(Action):
    cdef readonly str reason
    cdef readonly str state

    FIELDS = ("at", "reason", "state")


cdef int say_denied(Acd acd, str reason, str state) except -1:
    cdef Denied a = Denied.__new__(Denied)
    a.at = acd.now
    a.reason = reason
    a.state = state
    acd.out.append(a)
    return 0


@cython.final
@cython.no_gc
cdef class Queued(Action):
    cdef readonly str contact
    cdef readonly str queue
    cdef readonly int position
    cdef readonly double since

    FIELDS = ("at", "contact", "queue", "position", "since")


cdef int say_queued(Acd acd, str contact, str queue, int position, double since) except -1:
    cdef Queued a = Queued.__new__(Queued)
    a.at = acd.now
    a.contact = contact
    a.queue = queue
    a.position = position
    a.since = since
    acd.out.append(a)
    return 0


@cython.final
@cython.no_gc
cdef class Offer(Action):
    cdef readonly str contact
    cdef readonly str agent
    cdef readonly str queue
    cdef readonly double until
    cdef readonly bint virtual

    FIELDS = ("at", "contact", "agent", "queue", "until", "virtual")


cdef int say_offer(Acd acd, str contact, str agent, str queue, double until, bint virtual) except -1:
    cdef Offer a = Offer.__new__(Offer)
    a.at = acd.now
    a.contact = contact
    a.agent = agent
    a.queue = queue
    a.until = until
    a.virtual = virtual
    acd.out.append(a)
    return 0


@cython.final
@cython.no_gc
cdef class EndOffer(Action):
    cdef readonly str contact
    cdef readonly str agent
    cdef readonly str queue
    cdef readonly str how

    FIELDS = ("at", "contact", "agent", "queue", "how")


cdef int say_end_offer(Acd acd, str contact, str agent, str queue, str how) except -1:
    cdef EndOffer a = EndOffer.__new__(EndOffer)
    a.at = acd.now
    a.contact = contact
    a.agent = agent
    a.queue = queue
    a.how = how
    acd.out.append(a)
    return 0


@cython.final
@cython.no_gc
cdef class Connect(Action):
    cdef readonly str contact
    cdef readonly str agent
    cdef readonly str queue
    cdef readonly double waited

    FIELDS = ("at", "contact", "agent", "queue", "waited")


cdef int say_connect(Acd acd, str contact, str agent, str queue, double waited) except -1:
    cdef Connect a = Connect.__new__(Connect)
    a.at = acd.now
    a.contact = contact
    a.agent = agent
    a.queue = queue
    a.waited = waited
    acd.out.append(a)
    return 0


@cython.final
@cython.no_gc
cdef class HandedOver(Action):
    cdef readonly str contact
    cdef readonly str agent
    cdef readonly str to
    cdef readonly str queue

    FIELDS = ("at", "contact", "agent", "to", "queue")


cdef int say_handed_over(Acd acd, str contact, str agent, str to, str queue) except -1:
    cdef HandedOver a = HandedOver.__new__(HandedOver)
    a.at = acd.now
    a.contact = contact
    a.agent = agent
    a.to = to
    a.queue = queue
    acd.out.append(a)
    return 0


@cython.final
@cython.no_gc
cdef class Ended(Action):
    cdef readonly str contact
    cdef readonly str agent
    cdef readonly str queue
    cdef readonly double talked
    cdef readonly str reason

    FIELDS = ("at", "contact", "agent", "queue", "talked", "reason")


cdef int say_ended(Acd acd, str contact, str agent, str queue, double talked, str reason) except -1:
    cdef Ended a = Ended.__new__(Ended)
    a.at = acd.now
    a.contact = contact
    a.agent = agent
    a.queue = queue
    a.talked = talked
    a.reason = reason
    acd.out.append(a)
    return 0


@cython.final
@cython.no_gc
cdef class Leave(Action):
    cdef readonly str contact
    cdef readonly str queue
    cdef readonly str reason
    cdef readonly str target
    cdef readonly double waited

    FIELDS = ("at", "contact", "queue", "reason", "target", "waited")


cdef int say_leave(Acd acd, str contact, str queue, str reason, str target, double waited) except -1:
    cdef Leave a = Leave.__new__(Leave)
    a.at = acd.now
    a.contact = contact
    a.queue = queue
    a.reason = reason
    a.target = target
    a.waited = waited
    acd.out.append(a)
    return 0


@cython.final
@cython.no_gc
cdef class KeptPlace(Action):
    cdef readonly str contact
    cdef readonly str queue
    cdef readonly double since
    cdef readonly double expires

    FIELDS = ("at", "contact", "queue", "since", "expires")


cdef int say_kept_place(Acd acd, str contact, str queue, double since, double expires) except -1:
    cdef KeptPlace a = KeptPlace.__new__(KeptPlace)
    a.at = acd.now
    a.contact = contact
    a.queue = queue
    a.since = since
    a.expires = expires
    acd.out.append(a)
    return 0


@cython.final
@cython.no_gc
cdef class DialCustomer(Action):
    cdef readonly str contact
    cdef readonly str agent
    cdef readonly str queue
    cdef readonly int attempt

    FIELDS = ("at", "contact", "agent", "queue", "attempt")


cdef int say_dial_customer(Acd acd, str contact, str agent, str queue, int attempt) except -1:
    cdef DialCustomer a = DialCustomer.__new__(DialCustomer)
    a.at = acd.now
    a.contact = contact
    a.agent = agent
    a.queue = queue
    a.attempt = attempt
    acd.out.append(a)
    return 0


@cython.final
@cython.no_gc
cdef class StopDialling(Action):
    cdef readonly str contact
    cdef readonly str queue

    FIELDS = ("at", "contact", "queue")


cdef int say_stop_dialling(Acd acd, str contact, str queue) except -1:
    cdef StopDialling a = StopDialling.__new__(StopDialling)
    a.at = acd.now
    a.contact = contact
    a.queue = queue
    acd.out.append(a)
    return 0


@cython.final
@cython.no_gc
cdef class RetryLater(Action):
    cdef readonly str contact
    cdef readonly str queue
    cdef readonly str reason
    cdef readonly double again

    FIELDS = ("at", "contact", "queue", "reason", "again")


cdef int say_retry_later(Acd acd, str contact, str queue, str reason, double again) except -1:
    cdef RetryLater a = RetryLater.__new__(RetryLater)
    a.at = acd.now
    a.contact = contact
    a.queue = queue
    a.reason = reason
    a.again = again
    acd.out.append(a)
    return 0


@cython.final
@cython.no_gc
cdef class CallbackClosed(Action):
    cdef readonly str contact
    cdef readonly str queue
    cdef readonly str reason

    FIELDS = ("at", "contact", "queue", "reason")


cdef int say_callback_closed(Acd acd, str contact, str queue, str reason) except -1:
    cdef CallbackClosed a = CallbackClosed.__new__(CallbackClosed)
    a.at = acd.now
    a.contact = contact
    a.queue = queue
    a.reason = reason
    acd.out.append(a)
    return 0


@cython.final
@cython.no_gc
cdef class AgentChanged(Action):
    cdef readonly str agent
    cdef readonly str state
    cdef readonly str before
    cdef readonly str reason
    cdef readonly double until

    FIELDS = ("at", "agent", "state", "before", "reason", "until")


cdef int say_agent_changed(Acd acd, str agent, str state, str before, str reason, double until) except -1:
    cdef AgentChanged a = AgentChanged.__new__(AgentChanged)
    a.at = acd.now
    a.agent = agent
    a.state = state
    a.before = before
    a.reason = reason
    a.until = until
    acd.out.append(a)
    return 0


@cython.final
@cython.no_gc
cdef class DayBegan(Action):
    pass


cdef int say_day_began(Acd acd) except -1:
    cdef DayBegan a = DayBegan.__new__(DayBegan)
    a.at = acd.now
    acd.out.append(a)
    return 0


@cython.final
@cython.no_gc
cdef class QueueSwitched(Action):
    cdef readonly str queue
    cdef readonly str what
    cdef readonly bint open
    cdef readonly str reason

    FIELDS = ("at", "queue", "what", "open", "reason")


cdef int say_queue_switched(Acd acd, str queue, str what, bint open, str reason) except -1:
    cdef QueueSwitched a = QueueSwitched.__new__(QueueSwitched)
    a.at = acd.now
    a.queue = queue
    a.what = what
    a.open = open
    a.reason = reason
    acd.out.append(a)
    return 0
