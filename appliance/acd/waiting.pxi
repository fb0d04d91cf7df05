# Where a contact stands in its queue, and what the time it waits brings: rules relaxed, a preference over, the longest wait.

cdef inline long priority_of(Contact c) noexcept:
    return c.priority + c.queue.priority + (c.queue.vip_priority if c.vip else 0)


cdef int take_place(Acd acd, Contact c) except -1:
    """Stand in the queue. With ageing, who waits longer overtakes who came later with more priority; the order of two stays
    the same at all times, so it can be kept in a tree: priority + wait/age is compared as since - priority * age."""
    cdef Queue q = c.queue
    if q.age_seconds > 0.0:
        node_set(&c.place, c.since - priority_of(c) * q.age_seconds, 0.0, 0.0, c.seq, 1.0, <void *>c)
    else:
        node_set(&c.place, -<double>priority_of(c), c.since, 0.0, c.seq, 1.0, <void *>c)
    count_waiting(acd, q)
    tree_insert(&q.places, &c.place)
    c.placed = True
    if c.virtual:
        q.virtual += 1
        if c.caller:
            q.virtual_of[c.caller] = c
    return 0


cdef int leave_place(Acd acd, Contact c) except -1:
    cdef Queue q = c.queue
    if not c.placed:
        return 0
    give_turn(c, False)
    count_waiting(acd, q)
    tree_erase(&q.places, &c.place)
    c.placed = False
    if c.virtual:
        q.virtual -= 1
        if q.virtual_of.get(c.caller) is c:
            del q.virtual_of[c.caller]
    if c.lane is not None:
        c.lane.users -= 1
        c.lane = None
    acd.agenda.drop(&c.timer)
    return 0


cdef int forget_contact(Acd acd, Contact c) except -1:
    """It is gone; nobody is rung for it any more."""
    leave_place(acd, c)
    return strike_out(acd, c)


cdef int strike_out(Acd acd, Contact c) except -1:
    """The last of it. Each offer knows its contact: those that ended would keep it, and it them, until the collector comes by."""
    c.state = C_NONE
    c.tries = []
    del acd.contacts[c.id]
    return 0


cdef int change_lane(Acd acd, Contact c, Agent sticky) except -1:
    cdef Lane lane
    give_turn(c, False)
    if c.lane is not None:
        c.lane.users -= 1
    lane = lane_of(acd, c, sticky)
    lane.users += 1
    c.lane = lane
    return 0


cdef int begin_waiting(Acd acd, Contact c) except -1:
    """All that depends on the queue: when to leave, whose turn first, how many to ring."""
    cdef Queue q = c.queue
    cdef Agent sticky = None
    cdef double limit = q.expiry if c.virtual else q.max_wait
    c.state = C_WAITING
    c.deadline = acd.now + limit if limit > 0.0 else NEVER
    c.more_at = NEVER
    c.again = NEVER
    c.sticky_until = NEVER
    c.wants = q.wants
    if q.strategy == S_PROGRESSIVE:
        c.more_at = acd.now + q.rules.step_seconds
    start_relaxing(acd, c)
    if c.sticky and q.sticky_seconds > 0.0:
        sticky = preferred(q, c)
        if sticky is not None:
            c.sticky_until = acd.now + q.sticky_seconds
    return change_lane(acd, c, sticky)


cdef Agent preferred(Queue q, Contact c):
    """The agent whom the contact would rather have, where that one is here and can take it; else None."""
    cdef Member m = q.members.get(c.sticky)
    if m is None or away(m.agent.state) or m.agent.state == A_LOGGED_OUT or not m.agent.capacity[c.kind]:
        return None
    return m.agent if has_skills(m.agent, wanted_skills(q, c)) else None


cdef int start_relaxing(Acd acd, Contact c) except -1:
    """As far as the time waited has come by the queue's rules."""
    c.relaxed = 0
    c.relax_at = NEVER
    if c.queue.relax_seconds > 0.0 and (c.skills or c.queue.skills):
        c.relax_at = c.since + c.queue.relax_seconds
        relax(acd, c)
    return 0


cdef int relax(Acd acd, Contact c) except -1:
    """Bring the wanted levels down to what the time waited allows; once nothing is wanted it is over."""
    while c.relax_at <= acd.now:
        c.relaxed += 1
        c.relax_at = c.since + (c.relaxed + 1) * c.queue.relax_seconds
        if not wanted_skills(c.queue, c):
            c.relax_at = NEVER
    return 0


cdef int plan(Acd acd, Contact c) except -1:
    """Set the contact's one timer to the next thing that time brings."""
    cdef double when = c.deadline if c.state == C_WAITING or c.state == C_PARKED else NEVER
    if c.state == C_PARKED:
        when = fmin(when, c.again)
    elif c.state == C_WAITING or c.state == C_OFFERED:
        when = fmin(fmin(when, c.more_at), fmin(c.relax_at, c.sticky_until))
        if c.hungry and c.skips is not None:
            for until in c.skips.values():
                if <double>until > acd.now:
                    when = fmin(when, <double>until)
    if when == NEVER:
        acd.agenda.drop(&c.timer)
    elif c.timer.slot < 0 or c.timer.when != when:
        acd.agenda.put(&c.timer, when)
    return 0


cdef inline int position_of(Contact c) noexcept:
    return tree_rank(c.queue.places, &c.place) + 1 if c.placed else 0


cdef str target_of(Queue q, str reason):
    return q.rules.targets.get(reason, q.rules.overflow)


cdef int too_late(Acd acd, Contact c) except -1:
    if c.virtual and not c.queue.calling and c.queue.expiry > 0.0:
        c.deadline = acd.now + c.queue.expiry  # while no calls are made nothing can have been missed
        return plan(acd, c)
    if c.virtual:
        return close_callback(acd, c, "expired")
    return leave(acd, c, "max-wait", target_of(c.queue, "max-wait"))
