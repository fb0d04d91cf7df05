# What screens and flows may look at: copies, made when asked for.

AgentView = collections.namedtuple(
    "AgentView", "id state reason since until idle_since contacts busy misses offered holding pending"
)
QueueView = collections.namedtuple(
    "QueueView", "name open calling waiting virtual talking longest handling ready signed_in on_break"
)
ContactView = collections.namedtuple(
    "ContactView",
    "id queue channel state priority skills vip sticky caller virtual entered since agents attempts",
)


cdef object view_agent(Agent a):
    cdef Ringing r
    cdef Contact c
    return AgentView(
        a.id, AGENT_NAMES[a.state], a.reason, a.since, a.until, a.idle_since, a.taken, a.busy, a.misses,
        [r.contact.id for r in a.offers], [c.id for c in a.holding], "" if a.pending == A_READY else AGENT_NAMES[a.pending],
    )


cdef object view_queue(Acd acd, Queue q):
    cdef Member m
    cdef Contact c
    cdef double longest = 0.0
    cdef int ready = 0
    for m in q.ordered:
        if m.agent.state == A_READY:
            ready += 1
    cdef Node *n = tree_first(q.places)
    while n != NULL:
        c = <Contact>n.owner
        if longest == 0.0 or c.since < longest:
            longest = c.since
        if q.age_seconds == 0.0:
            # Within one priority the first is the oldest: on to the next priority.
            n = next_priority(q, n)
        else:
            n = tree_after(q.places, n)
    return QueueView(
        q.name, bool(q.open), bool(q.calling), size_of(q.places), q.virtual, q.talking, longest, handling_of(q), ready, q.signed_in, q.on_break,
    )


cdef Node *next_priority(Queue q, Node *n) noexcept:
    cdef Node probe
    node_set(&probe, n.k0, NEVER, 0.0, 0, 0.0, NULL)
    return tree_after(q.places, &probe)


cdef object view_contact(Contact c):
    cdef Ringing r
    cdef list agents = [r.agent.id for r in c.live] if c.agent is None else [c.agent.id]
    return ContactView(
        c.id, c.queue.name, c.channel, CONTACT_NAMES[c.state], c.priority, dict(c.skills), bool(c.vip), c.sticky, c.caller,
        bool(c.virtual), c.entered, c.since, agents, c.attempts,
    )
