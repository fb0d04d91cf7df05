# Agents rung for a contact: whom and how many, how each offer ends, and what is tried next.

cdef int feed(Acd acd, Contact c) except -1:
    """Ring as many agents as it wants and as are free; where that is too few it has its turn when one frees up."""
    cdef Agent a
    while wants_agent(c):
        a = best_agent(acd, c)
        if a is None:
            break
        contact_does(acd, c, E_OFFER, a)
    give_turn(c, wants_agent(c))
    if c.hungry and c.skips is not None and not c.live:
        ring_again_soon(acd, c)
    if c.hungry or c.more_at != NEVER:
        plan(acd, c)
    return 0


cdef int ring_again_soon(Acd acd, Contact c) except -1:
    """Nobody is rung and nobody else is free: who missed it (and did not refuse it) is not left in peace for the usual time, or
    the caller would wait beside phones that are silent."""
    cdef double soon = acd.now + RING_AGAIN_SECONDS
    for a in list(c.skips):
        if <double>c.skips[a] > soon and has_missed(c, a):
            c.skips[a] = soon
    return 0


cdef bint has_missed(Contact c, Agent a) except -1:
    """Whether the last offer of this contact to this agent was missed."""
    cdef Ringing r
    for r in reversed(c.tries):
        if r.agent is a:
            return r.how == HOW_MISSED or r.how == HOW_UNREACHABLE
    return False


cdef inline bint wants_agent(Contact c) except -1:
    if c.state != C_WAITING and c.state != C_OFFERED:
        return False
    if c.virtual and not c.queue.calling:
        return False
    if c.live and c.virtual and c.queue.customer_first:
        return False  # rung for it under rules that called the agent first
    return len(c.live) < c.wants


cdef int do_offer(Acd acd, Contact c, object agent) except -1:
    """This contact's turn has come with this agent."""
    if c.virtual and c.queue.customer_first:
        return reserve_and_dial(acd, c, <Agent>agent)
    return ring(acd, c, <Agent>agent)


cdef int ring(Acd acd, Contact c, Agent a) except -1:
    cdef Queue q = c.queue
    cdef Ringing r = Ringing.__new__(Ringing)
    r.contact = c
    r.agent = a
    r.at = acd.now
    r.until = acd.now + q.ring_seconds
    timer_init(&r.timer, T_RINGING, <void *>r)
    acd.agenda.put(&r.timer, r.until)
    c.live.append(r)
    a.offers.append(r)
    a.ringing[c.kind] += 1
    if c.state == C_WAITING:
        c.state = C_OFFERED
        q.ringing += 1
    q.last_rung = a.id
    say_offer(acd, c.id, a.id, q.name, r.until, c.virtual)
    return agent_does(acd, a, E_RING, r)


cdef int end_ringing(Acd acd, Ringing r, str how) except -1:
    """Take one offer down and note how it ended; what agent and contact do next is the caller's."""
    cdef Contact c = r.contact
    cdef Agent a = r.agent
    acd.agenda.drop(&r.timer)
    take_out(c.live, r)
    take_out(a.offers, r)
    a.ringing[c.kind] -= 1
    r.ended = acd.now
    r.how = how
    if len(c.tries) >= MOST_TRIES:
        del c.tries[0]
    c.tries.append(r)
    say_end_offer(acd, c.id, a.id, c.queue.name, how)
    if how is not HOW_ACCEPTED and how is not HOW_WITHDRAWN:
        if c.skips is None:
            c.skips = {}
        c.skips[a] = acd.now + c.queue.retry_seconds
        a.idle_since = acd.now
        if how is HOW_MISSED:
            a.misses += 1
    return 0


cdef inline int take_out(list found, object item) except -1:
    """`found.remove(item)`, quick for the usual list of one."""
    if len(found) == 1 and found[0] is item:
        found.pop()
    else:
        found.remove(item)
    return 0


cdef str HOW_ACCEPTED = "accepted"
cdef str HOW_MISSED = "missed"
cdef str HOW_WITHDRAWN = "withdrawn"
cdef str HOW_UNREACHABLE = "unreachable"


cdef int stop_offers(Acd acd, Contact c, str how) except -1:
    """No agent is rung for this contact any more; each is free for others."""
    cdef Ringing r
    for r in list(c.live) if c.live else c.live:
        end_ringing(acd, r, how)
        agent_does(acd, r.agent, E_RING_ENDED, r)
    if c.state == C_OFFERED:
        c.state = C_WAITING
        c.queue.ringing -= 1
    return 0


cdef int stop_ringing(Acd acd, Agent a, str how) except -1:
    """This agent is rung for nothing any more; the contacts go on to others. The agent's next state is the caller's."""
    cdef Ringing r
    for r in list(a.offers):
        end_ringing(acd, r, how)
        acd.hungry.append(r.contact)
    return 0


cdef int offer_failed(Acd acd, Ringing r, str how) except -1:
    end_ringing(acd, r, how)
    agent_does(acd, r.agent, E_RING_ENDED, r)
    return next_try(acd, r.contact)


cdef int next_try(Acd acd, Contact c) except -1:
    """After an offer ended without success: who waited too long meanwhile leaves, others are tried."""
    if c.state == C_OFFERED and not c.live:
        c.state = C_WAITING
        c.queue.ringing -= 1
    if c.state != C_WAITING and c.state != C_OFFERED:
        return 0
    if c.state == C_WAITING and c.deadline <= acd.now:
        return too_late(acd, c)
    if c.state == C_WAITING:
        plan(acd, c)
    return feed(acd, c)
