# How long a caller will wait, from what is here now.
#
# With N agents who take h seconds for each contact, contacts leave the head of the queue at the rate N/h. Those before a caller
# also give up, each at the rate theta. With k before it, the caller waits the sum over i = 0..k of 1/(N/h + i theta): the mean
# of Erlang A seen from a given place (Palm 1957; Whitt 1999, "Predicting queueing delays"). Agents of several queues
# count in each by the share of those before the caller who wait in it. h and theta are measured, and forgotten slowly.

cdef double FORGET_HANDLING = 1.0 - 1.0 / 200.0
cdef double TRUST_HANDLING = 8.0        # contacts that the configured figure counts for
cdef double TRUST_PATIENCE = 1800.0     # contact-seconds without an abandonment that are taken for granted


cdef int note_handling(Queue q, double seconds) except -1:
    q.handled = q.handled * FORGET_HANDLING + seconds
    q.handlings = q.handlings * FORGET_HANDLING + 1.0
    q.abandons *= FORGET_HANDLING
    q.waited *= FORGET_HANDLING
    return 0


cdef double handling_of(Queue q) except -1.0:
    cdef double given = q.rules.handling_seconds
    return (given * TRUST_HANDLING + q.handled) / (TRUST_HANDLING + q.handlings)


cdef inline void count_waiting(Acd acd, Queue q) noexcept:
    """Before the number of live callers who wait changes."""
    q.waited += (size_of(q.places) - q.virtual) * (acd.now - q.counted)
    q.counted = acd.now


cdef double drain(double rate, double theta, int ahead) noexcept:
    """The sum of 1/(rate + i theta) for i = 0..ahead: exact for the first, then by the integral."""
    cdef double total = 0.0
    cdef int i = 0
    if theta <= 0.0:
        return (ahead + 1) / rate
    while i <= ahead and i < 64:
        total += 1.0 / (rate + i * theta)
        i += 1
    if i <= ahead:
        total += log((rate + (ahead + 0.5) * theta) / (rate + (i - 0.5) * theta)) / theta
    return total


cdef double rate_of(Acd acd, Queue q, Pool pool, Node *place, int ahead) except -1.0:
    """Contacts per second that the agents of `pool` take from this queue, while they also serve others that go before `place`."""
    cdef Group group
    cdef Queue other
    cdef double rate = 0.0
    cdef double handling = handling_of(q)
    cdef double demand
    for other in acd.queues.values():
        other.demand = -1.0
    q.demand = ahead + 1.0
    for group in pool.groups:
        if group.present == 0:
            continue
        demand = 0.0
        for other in group.queues:
            if other.demand < 0.0:
                other.demand = others_before(q, other, place)
            demand += other.demand
        rate += group.present * q.demand / fmax(demand, q.demand) / handling
    return rate


cdef double others_before(Queue mine, Queue other, Node *place) except -1.0:
    """How many of another queue go before one who stands at `place` in `mine`; all of them, where the one ages and the other
    does not, so that their orders cannot be compared."""
    cdef int count = size_of(other.places)
    if (mine.age_seconds > 0.0) == (other.age_seconds > 0.0):
        count = tree_rank(other.places, place)
    count -= other.ringing
    return count if count > 0 else 0.0


cdef object estimated(Acd acd, Queue q, Pool pool, Node *place):
    """Seconds, or None where nobody who could take it is signed in."""
    cdef double rate
    cdef double theta
    cdef int ahead = tree_rank(q.places, place) - q.ringing
    if ahead < 0:
        ahead = 0
    if ahead < size_of(pool.free):
        return 0.0
    rate = rate_of(acd, q, pool, place, ahead)
    if rate <= 0.0:
        return None
    theta = q.abandons / (q.waited + TRUST_PATIENCE)
    return drain(rate, theta, ahead)


cdef object expected_wait(Acd acd, Queue q, int priority, dict skills):
    """For a contact that would enter now."""
    cdef Contact c = new_contact("")
    c.queue = q
    c.kind = K_CALL
    c.priority = priority
    c.skills = skills
    c.since = acd.now
    c.seq = acd.seq + 1
    if q.age_seconds > 0.0:
        node_set(&c.place, c.since - priority_of(c) * q.age_seconds, 0.0, 0.0, c.seq, 1.0, NULL)
    else:
        node_set(&c.place, -<double>priority_of(c), c.since, 0.0, c.seq, 1.0, NULL)
    return estimated(acd, q, lane_of(acd, c, None).pool, &c.place)
