# The contacts' machine: handlers of a few lines, called through the table in tables.pxi.

cdef str at_the_door(Acd acd, Queue q, Enter e):
    """Why this contact may not enter, or None."""
    if not q.open:
        return "closed"
    if q.signed_in == 0 and not q.enter_when_nobody_in:
        return "nobody-in"
    if q.signed_in and q.signed_in == q.on_break and not q.enter_when_all_on_break:
        return "all-on-break"
    if q.max_waiting > 0 and size_of(q.places) - q.virtual >= q.max_waiting:
        return "full"
    if q.max_expected_wait > 0.0:
        expected = expected_wait(acd, q, e.priority + (q.vip_priority if e.vip else 0), e.skills)
        if expected is None or expected > q.max_expected_wait:
            return "long-wait"
    return None


cdef int do_enter(Acd acd, Contact nothing, object event) except -1:
    cdef Enter e = <Enter>event
    cdef Queue q = acd.queues.get(e.queue)
    cdef Contact c
    cdef Contact old = None
    cdef str why
    if q is None:
        return deny_contact(acd, "unknown-queue", C_NONE)
    if e.caller:
        old = q.virtual_of.get(e.caller)
        if old is not None and old.state != C_WAITING and old.state != C_PARKED and old.state != C_OFFERED:
            old = None
    held = q.reclaims.get(e.caller) if e.caller and old is None else None
    if held is not None and held[2] <= acd.now:
        held = None
    if not e.virtual and not (q.open and (old is not None or held is not None)):
        why = at_the_door(acd, q, e)
        if why is not None:
            return say_leave(acd, e.contact, q.name, why, target_of(q, why), 0.0)
    c = new_contact(e.contact)
    c.queue = q
    c.channel = e.channel
    c.kind = KIND_OF[e.channel]
    c.priority = e.priority
    c.skills = e.skills
    c.vip = e.vip
    c.sticky = e.sticky
    c.caller = e.caller
    c.virtual = c.was_virtual = e.virtual
    c.entered = acd.now
    c.since = e.since if 0.0 < e.since < acd.now else acd.now
    acd.seq += 1
    c.seq = acd.seq
    if old is not None:
        c.since, c.seq, c.vip = old.since, old.seq, c.vip or old.vip
        c.priority = max(c.priority, old.priority)
        close_callback(acd, old, "called-again")
    elif held is not None:
        c.since, c.seq = held[0], held[1]
        if not c.sticky:
            c.sticky = held[3]
    if e.caller:
        q.reclaims.pop(e.caller, None)
    acd.contacts[c.id] = c
    return join(acd, c)


cdef int join(Acd acd, Contact c) except -1:
    begin_waiting(acd, c)
    take_place(acd, c)
    say_queued(acd, c.id, c.queue.name, position_of(c), c.since)
    if c.virtual:
        say_kept_place(acd, c.id, c.queue.name, c.since, c.deadline if c.deadline != NEVER else 0.0)
    feed(acd, c)
    if c.state == C_WAITING and not c.hungry:
        plan(acd, c)
    return 0


cdef int leave(Acd acd, Contact c, str reason, str target) except -1:
    stop_offers(acd, c, HOW_WITHDRAWN)
    say_leave(acd, c.id, c.queue.name, reason, target, acd.now - c.since)
    return forget_contact(acd, c)


cdef int remember_place(Acd acd, Contact c, str agent) except -1:
    """For who calls again. Old ones are let go where there are many: the first in are the first to run out."""
    cdef Queue q = c.queue
    cdef double span = q.rules.reclaim_seconds
    if not c.caller or span <= 0.0:
        return 0
    q.reclaims.pop(c.caller, None)
    for caller in list(q.reclaims):
        if q.reclaims[caller][2] > acd.now and len(q.reclaims) < MOST_RECLAIMS:
            break
        del q.reclaims[caller]
    q.reclaims[c.caller] = (c.since, c.seq, acd.now + span, agent)
    return 0


cdef int hang_up_waiting(Acd acd, Contact c, object event) except -1:
    cdef str by = (<HangUp>event).by
    if c.virtual:
        return deny_contact(acd, "virtual", c.state)
    cdef double limit = c.queue.rules.callback_after_hangup_seconds
    if limit > 0.0 and acd.now - c.since >= limit and by != "agent" and c.kind == K_CALL and c.caller:
        return do_keep_place(acd, c, event)
    if not c.was_virtual:
        remember_place(acd, c, "")
    c.queue.abandons += 1.0
    return leave(acd, c, "cut" if by == "cut" else "interrupted" if by == "restart" else "abandoned", "")


cdef int hang_up_connected(Acd acd, Contact c, object event) except -1:
    cdef str by = (<HangUp>event).by
    cdef Agent a = c.agent
    if by == "cut" or by == "restart":
        remember_place(acd, c, a.id)
    end_talk(acd, c, by)
    return strike_out(acd, c)


cdef int end_talk(Acd acd, Contact c, str reason) except -1:
    cdef Agent a = c.agent
    c.agent = None
    c.queue.talking -= 1
    say_ended(acd, c.id, a.id, c.queue.name, acd.now - c.connected, reason)
    return agent_does(acd, a, E_DONE, c)


cdef int do_depart(Acd acd, Contact c, object event) except -1:
    if c.virtual:
        return deny_contact(acd, "virtual", c.state)
    return leave(acd, c, (<Depart>event).reason, (<Depart>event).target)


cdef int do_move(Acd acd, Contact c, object event) except -1:
    """To another queue, if it lets it in; else nothing changes and whoever has it keeps it. Who comes back to the old place in its
    own queue has been let in already."""
    cdef Move e = <Move>event
    cdef Queue q = acd.queues.get(e.queue)
    cdef str why
    if q is None:
        return deny_contact(acd, "unknown-queue", c.state)
    why = None if e.keep and q is c.queue else at_the_door(acd, q, Enter(c.id, e.queue, "voice", e.priority, c.skills, c.vip))
    if why is not None:
        return deny_contact(acd, why, c.state)
    if c.state == C_CONNECTED:
        end_talk(acd, c, "moved")
    else:
        stop_offers(acd, c, "withdrawn")
        leave_place(acd, c)
    c.queue = q
    c.priority = e.priority
    c.sticky = ""
    c.skips = None
    if not e.keep:
        c.since = acd.now
        acd.seq += 1
        c.seq = acd.seq
    return join(acd, c)


cdef int do_answer(Acd acd, Contact c, object event) except -1:
    cdef Ringing r = ringing_at(c, (<Answer>event).agent)
    cdef Agent a
    if r is None:
        return deny_contact(acd, "not-offered", c.state)
    a = r.agent
    end_ringing(acd, r, HOW_ACCEPTED)
    c.queue.ringing -= 1
    c.state = C_DIALLING if c.virtual else C_CONNECTED
    c.agent = a
    c.taken = r.at
    a.misses = 0
    a.taken += 1
    a.holding.append(c)
    a.load[c.kind] += 1
    start_work(acd, a, c.queue, r.at)
    if c.virtual:
        give_turn(c, False)
        acd.agenda.drop(&c.timer)
        c.attempts += 1
        say_dial_customer(acd, c.id, a.id, c.queue.name, c.attempts)
    else:
        connect(acd, c)
    agent_does(acd, a, E_TAKE, c)
    return stop_offers(acd, c, HOW_WITHDRAWN)


cdef Ringing ringing_at(Contact c, str agent):
    cdef Ringing r
    for r in c.live:
        if r.agent.id == agent:
            return r
    return None


cdef int connect(Acd acd, Contact c) except -1:
    leave_place(acd, c)
    c.virtual = False
    c.state = C_CONNECTED
    c.connected = acd.now
    c.queue.talking += 1
    return say_connect(acd, c.id, c.agent.id, c.queue.name, acd.now - c.since)


cdef int do_refuse(Acd acd, Contact c, object event) except -1:
    cdef Ringing r = ringing_at(c, (<Refuse>event).agent)
    if r is None:
        return deny_contact(acd, "not-offered", c.state)
    return offer_failed(acd, r, "refused")


cdef int do_unreachable(Acd acd, Contact c, object event) except -1:
    cdef Ringing r = ringing_at(c, (<Unreachable>event).agent)
    if r is None:
        return deny_contact(acd, "not-offered", c.state)
    return offer_failed(acd, r, HOW_UNREACHABLE)


cdef int do_miss(Acd acd, Contact c, object ringing) except -1:
    return offer_failed(acd, <Ringing>ringing, HOW_MISSED)


cdef int do_hand_over(Acd acd, Contact c, object event) except -1:
    cdef str to = (<HandOver>event).to
    cdef Agent giver = c.agent
    cdef Agent taker = None
    if to:
        taker = acd.agents.get(to)
        if taker is None:
            return deny_contact(acd, "unknown-agent", c.state)
        if taker is giver or taker.gone or AGENT_DO[taker.state][E_TAKE] == NULL or taker.ringing[K_CALL] or taker.load[K_CALL]:
            return deny_contact(acd, "not-free", c.state)
    say_handed_over(acd, c.id, giver.id, to, c.queue.name)
    agent_does(acd, giver, E_DONE, c)
    if taker is None:
        c.agent = None
        c.queue.talking -= 1
        return strike_out(acd, c)
    c.agent = taker
    c.taken = c.connected = acd.now
    taker.misses = 0
    taker.taken += 1
    taker.holding.append(c)
    taker.load[c.kind] += 1
    start_work(acd, taker, c.queue, acd.now)
    return agent_does(acd, taker, E_TAKE, c)


cdef int waiting_time(Acd acd, Contact c, object nothing) except -1:
    """Something of time came: the longest wait, the end of a preference, a level less, one agent more, a second chance."""
    if c.state == C_WAITING and c.deadline <= acd.now:
        return too_late(acd, c)
    if c.sticky_until <= acd.now:
        c.sticky_until = NEVER
        change_lane(acd, c, None)
    if c.relax_at <= acd.now:
        relax(acd, c)
        change_lane(acd, c, c.lane.sticky)
    if c.more_at <= acd.now:
        c.wants += 1
        c.more_at = acd.now + c.queue.rules.step_seconds if c.wants < len(c.queue.ordered) else NEVER
    give_turn(c, False)
    feed(acd, c)
    return plan(acd, c) if c.state != C_NONE else 0
