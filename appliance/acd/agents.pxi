# The agents' machine: handlers of a few lines, called through the table in tables.pxi.

cdef int agent_to(Acd acd, Agent a, int state, str reason, double until) except -1:
    """Enter a state. `until` 0: it does not end by itself. Whoever calls says what happens next (`acd.free`)."""
    cdef int before = a.state
    unseat(a)
    if present(before) != present(state) or away(before) != away(state):
        count_presence(acd, a, before, state)
    a.state = state
    a.reason = reason
    a.since = acd.now
    a.until = until
    set_timer(acd, a)
    say_agent_changed(acd, a.id, <str>AGENT_NAMES[state], <str>AGENT_NAMES[before], reason, until)
    return 0


cdef int set_timer(Acd acd, Agent a) except -1:
    """When the state ends; beside other contacts, when the wrap-up of one that ended does."""
    if a.until > 0.0:
        acd.agenda.put(&a.timer, a.until)
    elif (a.state == A_ON_CONTACT or a.state == A_OFFERED) and a.wrap_until > acd.now:
        acd.agenda.put(&a.timer, a.wrap_until)
    else:
        acd.agenda.drop(&a.timer)
    return 0


cdef inline bint away(int state) noexcept:
    return state == A_BREAK or state == A_NOT_ANSWERING


cdef inline bint present(int state) noexcept:
    """Signed in and on no break."""
    return state != A_LOGGED_OUT and not away(state)


cdef int count_presence(Acd acd, Agent a, int before, int state) except -1:
    cdef Queue q
    cdef Seat s
    cdef int signed = (state != A_LOGGED_OUT) - (before != A_LOGGED_OUT)
    cdef int paused = away(state) - away(before)
    for s in a.seats:
        s.group.present += present(state) - present(before)
    for q in a.queues:
        q.signed_in += signed
        q.on_break += paused
        if signed < 0 and q.signed_in == 0 and not q.rules.stay_when_nobody_in:
            acd.emptied.append(q)
    return 0


cdef int become_ready(Acd acd, Agent a) except -1:
    agent_to(acd, a, A_READY, "", 0.0)
    acd.freed.append(a)
    return 0


# ---- work and its figures --------------------------------------------------------------------------------------------

cdef void weigh(Agent a, double t, bint busy) noexcept:
    """Carry the occupancy on to `t`."""
    cdef double fade
    if t > a.weighed:
        fade = exp((a.weighed - t) / OCCUPANCY_SECONDS)
        a.occupancy = a.occupancy * fade + (1.0 - fade if busy else 0.0)
        a.weighed = t


cdef int start_work(Acd acd, Agent a, Queue q, double since) except -1:
    if a.working == 0.0:
        weigh(a, since, False)
        a.working = since
    a.worked_for = q
    return 0


cdef int finish_work(Acd acd, Agent a, bint counts) except -1:
    """The contact and its wrap-up are over. `counts`: it tells how long a contact of that queue takes."""
    cdef double spent
    if a.working == 0.0:
        return 0
    spent = acd.now - a.working
    weigh(a, acd.now, True)
    a.busy += spent
    a.working = 0.0
    a.idle_since = acd.now
    a.wrap_until = 0.0
    if counts and a.worked_for is not None:
        note_handling(a.worked_for, spent)
    a.worked_for = None
    return 0


cdef int after_work(Acd acd, Agent a) except -1:
    """Wrap-up is over: to what was asked for meanwhile, or ready."""
    cdef int pending = a.pending
    finish_work(acd, a, True)
    a.pending = A_READY
    if pending == A_READY:
        return become_ready(acd, a)
    return retire(acd, a, pending, a.pending_reason)


cdef int retire(Acd acd, Agent a, int state, str reason) except -1:
    """To break, logged out or not answering."""
    finish_work(acd, a, True)
    a.pending = A_READY
    a.misses = 0
    a.extra = 0.0
    a.wrap_until = 0.0
    agent_to(acd, a, state, reason, 0.0)
    if a.gone and state == A_LOGGED_OUT:
        forget_agent(acd, a)
    return 0


cdef int let_go(Acd acd, Agent a, Contact c, bint wrap_up) except -1:
    """The agent is done with this contact; the last one leads to wrap-up, which none that ended before may have cut short."""
    cdef double until
    take_out(a.holding, c)
    a.load[c.kind] -= 1
    if wrap_up:
        until = acd.now + fmin(c.queue.wrap_up_seconds + a.extra, MOST_WRAP_UP)
        a.extra = 0.0
        a.wrap_until = fmax(a.wrap_until, until)
        if c.kind != K_CALL:
            note_handling(c.queue, acd.now - c.taken)
    if a.holding:
        set_timer(acd, a)
        unseat(a)
        acd.freed.append(a)
        return 0
    if a.offers:
        agent_to(acd, a, A_OFFERED, "", 0.0)
        acd.freed.append(a)
        return 0
    if a.wrap_until > acd.now:
        return agent_to(acd, a, A_WRAP_UP, c.id, a.wrap_until)
    if not wrap_up:
        finish_work(acd, a, False)
    return after_work(acd, a)


# ---- handlers: (state, event) -> what it leads to --------------------------------------------------------------------

cdef int do_sign_in(Acd acd, Agent a, object event) except -1:
    a.idle_since = acd.now
    a.misses = 0
    a.weighed = acd.now
    a.occupancy = 0.0
    catch_up(acd, a)
    if (<SignIn>event).ready:
        return become_ready(acd, a)
    return agent_to(acd, a, A_BREAK, "signed-in", 0.0)


cdef int catch_up(Acd acd, Agent a) except -1:
    """equal-load: who comes later starts at the average of those who are here, and gets no pile of calls for it."""
    cdef Agent other
    cdef double total = 0.0
    cdef int count = 0
    for other in acd.agents.values():
        if other.state != A_LOGGED_OUT and other is not a:
            total += other.busy
            count += 1
    if count and total / count > a.busy:
        a.busy = total / count
    return 0


cdef int do_sign_out(Acd acd, Agent a, object event) except -1:
    stop_ringing(acd, a, "refused")
    return retire(acd, a, A_LOGGED_OUT, "")


cdef int do_break(Acd acd, Agent a, object event) except -1:
    stop_ringing(acd, a, "refused")
    return retire(acd, a, A_BREAK, (<Break>event).reason)


cdef int do_lost(Acd acd, Agent a, object event) except -1:
    stop_ringing(acd, a, "unreachable")
    return lose_phone(acd, a)


cdef int lose_phone(Acd acd, Agent a) except -1:
    """Not answering; what is left of a wrap-up is kept for when the phone is back sooner."""
    cdef double until = acd.now + a.left if a.state == A_DIALLING_OUT and a.resume == A_WRAP_UP else a.wrap_until
    retire(acd, a, A_NOT_ANSWERING, "unreachable")
    a.wrap_until = until
    return 0


cdef int do_back(Acd acd, Agent a, object event) except -1:
    if a.reason != "unreachable":
        return deny(acd, "not-lost", A_NOT_ANSWERING)
    if a.wrap_until > acd.now:
        return agent_to(acd, a, A_WRAP_UP, "", a.wrap_until)
    return become_ready(acd, a)


cdef int do_ready(Acd acd, Agent a, object event) except -1:
    finish_work(acd, a, True)
    a.misses = 0
    a.pending = A_READY
    a.extra = 0.0
    a.wrap_until = 0.0
    return become_ready(acd, a)


cdef int later_ready(Acd acd, Agent a, object event) except -1:
    if a.pending == A_READY:
        return deny(acd, "already", a.state)
    return promise(acd, a, A_READY, "")


cdef int later_break(Acd acd, Agent a, object event) except -1:
    return promise(acd, a, A_BREAK, (<Break>event).reason)


cdef int later_sign_out(Acd acd, Agent a, object event) except -1:
    return promise(acd, a, A_LOGGED_OUT, "")


cdef int later_lost(Acd acd, Agent a, object event) except -1:
    """Who has asked for a break or to be signed out after it has that, phone or none."""
    cdef bint rang = len(a.offers) > 0
    stop_ringing(acd, a, "unreachable")
    if a.pending == A_READY:
        return promise(acd, a, A_NOT_ANSWERING, "unreachable")
    return 0 if rang else deny(acd, "already", a.state)


cdef int back_in_time(Acd acd, Agent a, object event) except -1:
    """The phone was away for a part of the conversation, or of the wrap-up, alone."""
    if a.pending != A_NOT_ANSWERING or a.pending_reason != "unreachable":
        return deny(acd, "not-lost", a.state)
    return promise(acd, a, A_READY, "")


cdef int promise(Acd acd, Agent a, int state, str reason) except -1:
    """What follows when the contact and its wrap-up are over. Said as a change from a state to itself, for the ledger."""
    a.pending = state
    a.pending_reason = reason
    unseat(a)
    acd.freed.append(a)
    say_agent_changed(acd, a.id, <str>AGENT_NAMES[a.state], <str>AGENT_NAMES[a.state], f"then {AGENT_NAMES[state]}", a.until)
    return 0


cdef int do_extend(Acd acd, Agent a, object event) except -1:
    cdef double seconds = (<Extend>event).seconds
    if seconds <= 0.0:
        return deny(acd, "bad-time", a.state)
    if a.state == A_WRAP_UP:
        a.wrap_until = fmax(a.until, fmin(a.until + seconds, a.since + MOST_WRAP_UP))
        a.until = a.wrap_until
        acd.agenda.put(&a.timer, a.until)
    else:
        a.extra = fmin(a.extra + seconds, MOST_WRAP_UP)
    say_agent_changed(acd, a.id, <str>AGENT_NAMES[a.state], <str>AGENT_NAMES[a.state], a.reason, a.until)
    return 0


cdef int do_dial(Acd acd, Agent a, object event) except -1:
    stop_ringing(acd, a, "refused")
    a.resume = A_READY if a.state == A_OFFERED or a.state == A_RESERVED else a.state
    a.resume_reason = a.reason
    a.left = a.until - acd.now if a.state == A_WRAP_UP else 0.0
    return agent_to(acd, a, A_DIALLING_OUT, "", 0.0)


cdef int do_dial_ended(Acd acd, Agent a, object event) except -1:
    cdef DialEnded call = <DialEnded>event
    cdef Queue q = acd.queues.get(call.queue)
    if q is not None and q.wrap_up_seconds > 0.0:
        return wrap_up_passed_on(acd, a, call, q.wrap_up_seconds)
    if a.resume == A_READY:
        return become_ready(acd, a)
    if a.resume == A_WRAP_UP:
        a.wrap_until = acd.now + a.left
        return agent_to(acd, a, A_WRAP_UP, a.resume_reason, a.wrap_until)
    return agent_to(acd, a, a.resume, a.resume_reason, 0.0)


cdef int wrap_up_passed_on(Acd acd, Agent a, DialEnded call, double seconds) except -1:
    """After a caller who was passed on from a queue as after one whom it gave; what was to follow the call follows that."""
    if a.resume == A_WRAP_UP:
        seconds = fmax(seconds, a.left)
    elif a.resume != A_READY:
        a.pending = a.resume
        a.pending_reason = a.resume_reason
    a.wrap_until = acd.now + fmin(seconds, MOST_WRAP_UP)
    return agent_to(acd, a, A_WRAP_UP, call.contact, a.wrap_until)


cdef int dialling_ready(Acd acd, Agent a, object event) except -1:
    """Ready when the own call is over: wrap-up that was left is given up by the agent's own wish."""
    finish_work(acd, a, True)
    a.left = 0.0
    a.misses = 0
    return resume_with(acd, a, A_READY, "")


cdef int dialling_break(Acd acd, Agent a, object event) except -1:
    finish_work(acd, a, True)
    a.left = 0.0
    return resume_with(acd, a, A_BREAK, (<Break>event).reason)


cdef int resume_with(Acd acd, Agent a, int state, str reason) except -1:
    """In place of what was wished before, be it while a contact went on."""
    a.resume = state
    a.resume_reason = reason
    a.pending = A_READY
    say_agent_changed(acd, a.id, "dialling-out", "dialling-out", f"then {AGENT_NAMES[state]}", 0.0)
    return 0


cdef int do_reserve(Acd acd, Agent a, object event) except -1:
    cdef double seconds = (<Reserve>event).seconds
    if seconds <= 0.0:
        return deny(acd, "bad-time", a.state)
    return agent_to(acd, a, A_RESERVED, (<Reserve>event).reason, acd.now + fmin(seconds, MOST_WRAP_UP))


cdef int do_release(Acd acd, Agent a, object event) except -1:
    return become_ready(acd, a)


cdef int wrap_up_over(Acd acd, Agent a, object event) except -1:
    return after_work(acd, a)


cdef int pause_over(Acd acd, Agent a, object event) except -1:
    """Beside other contacts: the wrap-up of one that ended is over, more may be given."""
    acd.freed.append(a)
    return 0


# ---- handlers of what the core does itself ---------------------------------------------------------------------------

cdef int ring_first(Acd acd, Agent a, object ringing) except -1:
    if (<Ringing>ringing).contact.kind != K_CALL:
        acd.freed.append(a)
    return agent_to(acd, a, A_OFFERED, (<Ringing>ringing).contact.id, 0.0)


cdef int ring_more(Acd acd, Agent a, object ringing) except -1:
    """Beside other contacts: no change of state, but of what else may be given."""
    unseat(a)
    acd.freed.append(a)
    return 0


cdef int ring_over(Acd acd, Agent a, object ringing) except -1:
    """The last offer ended and nothing is held: ready again, or not answering after too many misses or for a dead phone."""
    cdef Ringing r = <Ringing>ringing
    if a.offers:
        unseat(a)
        acd.freed.append(a)
        return 0
    if r.how == "unreachable":
        return lose_phone(acd, a)
    if r.how == "missed" and too_many_misses(a, r):
        return retire(acd, a, A_NOT_ANSWERING, "missed")
    if a.wrap_until > acd.now:
        return agent_to(acd, a, A_WRAP_UP, "", a.wrap_until)
    if a.working != 0.0:
        return after_work(acd, a)
    return become_ready(acd, a)


cdef int ring_over_busy(Acd acd, Agent a, object ringing) except -1:
    cdef Ringing r = <Ringing>ringing
    if r.how == "unreachable":
        return promise(acd, a, A_NOT_ANSWERING, "unreachable")
    if r.how == "missed" and too_many_misses(a, r):
        return promise(acd, a, A_NOT_ANSWERING, "missed")
    unseat(a)
    acd.freed.append(a)
    return 0


cdef bint too_many_misses(Agent a, Ringing r) except -1:
    cdef int limit = r.contact.queue.rules.miss_limit
    return limit > 0 and a.misses >= limit


cdef int take_first(Acd acd, Agent a, object contact) except -1:
    """A contact is his now. Wrap-up that an own call had interrupted comes after it."""
    if a.state == A_DIALLING_OUT and a.resume == A_WRAP_UP:
        a.extra = fmin(a.extra + a.left, MOST_WRAP_UP)
    if a.state == A_DIALLING_OUT and a.resume == A_BREAK:
        a.pending = A_BREAK
        a.pending_reason = a.resume_reason
    if (<Contact>contact).kind != K_CALL:
        acd.freed.append(a)
    return agent_to(acd, a, A_ON_CONTACT, (<Contact>contact).id, 0.0)


cdef int contact_over(Acd acd, Agent a, object contact) except -1:
    return let_go(acd, a, <Contact>contact, True)


cdef int contact_undone(Acd acd, Agent a, object contact) except -1:
    """A callback whose customer was not reached: there is nothing to wrap up."""
    return let_go(acd, a, <Contact>contact, False)


cdef int take_more(Acd acd, Agent a, object contact) except -1:
    unseat(a)
    acd.freed.append(a)
    return 0
