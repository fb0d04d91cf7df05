# Virtual callers: they keep their place among the live ones while nobody holds a line, and are called when their turn comes.

cdef int do_keep_place(Acd acd, Contact c, object event) except -1:
    """The caller hangs up and stays in the queue. The place does not change."""
    cdef Queue q = c.queue
    if c.virtual or c.kind != K_CALL:
        return deny_contact(acd, "virtual" if c.virtual else "not-a-call", c.state)
    stop_offers(acd, c, HOW_WITHDRAWN)
    count_waiting(acd, q)
    c.virtual = c.was_virtual = True
    c.reached = False
    q.virtual += 1
    if c.caller:
        q.virtual_of[c.caller] = c
    c.deadline = acd.now + q.expiry if q.expiry > 0.0 else NEVER
    say_kept_place(acd, c.id, q.name, c.since, c.deadline if c.deadline != NEVER else 0.0)
    feed(acd, c)
    return plan(acd, c) if c.state == C_WAITING else 0


cdef int reserve_and_dial(Acd acd, Contact c, Agent a) except -1:
    """Customer first: the agent is kept free while the customer's phone rings."""
    c.state = C_DIALLING
    c.agent = a
    c.attempts += 1
    c.taken = acd.now
    c.queue.last_rung = a.id
    acd.agenda.drop(&c.timer)
    say_dial_customer(acd, c.id, a.id, c.queue.name, c.attempts)
    return agent_to(acd, a, A_RESERVED, c.id, 0.0)


cdef inline bint reserved_for(Agent a, Contact c) except -1:
    return a is not None and a.state == A_RESERVED and a.reason == c.id


cdef int do_reached(Acd acd, Contact c, object event) except -1:
    cdef Agent a = c.agent
    cdef Queue q = c.queue
    say_callback_closed(acd, c.id, q.name, "reached")
    if a is not None and c in a.holding:
        connect(acd, c)
        return 0
    # Customer first: a live caller now, with the old place. The agent kept for it is rung, or the next where that one is gone.
    count_waiting(acd, q)
    q.virtual -= 1
    if q.virtual_of.get(c.caller) is c:
        del q.virtual_of[c.caller]
    c.virtual = False
    c.reached = True
    c.agent = None
    c.state = C_WAITING
    c.deadline = acd.now + q.max_wait if q.max_wait > 0.0 else NEVER
    if reserved_for(a, c):
        ring(acd, c, a)
    plan(acd, c)
    return feed(acd, c)


cdef int do_unreached(Acd acd, Contact c, object event) except -1:
    cdef str reason = (<Unreached>event).reason
    cdef Queue q = c.queue
    cdef Agent a = c.agent
    c.agent = None
    if c.attempts >= q.rules.callback_attempts:
        close_callback(acd, c, "attempts")
    else:
        c.state = C_PARKED
        c.again = acd.now + q.rules.callback_retry_seconds
        say_retry_later(acd, c.id, q.name, reason, c.again)
        plan(acd, c)
    return free_of(acd, a, c)


cdef int free_of(Acd acd, Agent a, Contact c) except -1:
    """The agent who waited for the customer waits no more; there was no conversation, so there is no wrap-up."""
    if a is None:
        return 0
    if c in a.holding:
        return agent_does(acd, a, E_UNDONE, c)
    if reserved_for(a, c):
        return become_ready(acd, a)
    return 0


cdef int hang_up_dialling(Acd acd, Contact c, object event) except -1:
    """The agent went away while the customer was called, or the box restarted: the place is kept, the next agent is asked."""
    cdef str by = (<HangUp>event).by
    cdef Agent a = c.agent
    if by != "agent" and by != "restart":
        return deny_contact(acd, "dialling", c.state)
    say_stop_dialling(acd, c.id, c.queue.name)
    c.agent = None
    c.state = C_WAITING
    if a is not None:
        if c.skips is None:
            c.skips = {}
        c.skips[a] = acd.now + c.queue.retry_seconds
        free_of(acd, a, c)
    return next_try(acd, c)


cdef int do_close(Acd acd, Contact c, object event) except -1:
    if not c.virtual:
        return deny_contact(acd, "not-virtual", c.state)
    return cancel_callback(acd, c, (<CloseCallback>event).reason)


cdef int cancel_callback(Acd acd, Contact c, str reason) except -1:
    cdef Agent a = c.agent
    if c.state == C_DIALLING:
        say_stop_dialling(acd, c.id, c.queue.name)
        c.agent = None
    close_callback(acd, c, reason)
    return free_of(acd, a, c)


cdef int close_callback(Acd acd, Contact c, str reason) except -1:
    stop_offers(acd, c, HOW_WITHDRAWN)
    say_callback_closed(acd, c.id, c.queue.name, reason)
    return forget_contact(acd, c)


cdef int parked_time(Acd acd, Contact c, object nothing) except -1:
    """Time for another attempt, or none any more."""
    if c.deadline <= acd.now:
        too_late(acd, c)
        if c.state == C_NONE:
            return 0
    c.state = C_WAITING
    c.again = NEVER
    feed(acd, c)
    return plan(acd, c) if c.state == C_WAITING else 0
