# The contacts' machine: places, turns, offers, and handlers of a few lines called through the table in tables.pxi.

# ---- places ----------------------------------------------------------------------------------------------------------

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


# ---- offers ----------------------------------------------------------------------------------------------------------

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
            return r.how == HOW_MISSED
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


cdef str target_of(Queue q, str reason):
    return q.rules.targets.get(reason, q.rules.overflow)


cdef int too_late(Acd acd, Contact c) except -1:
    if c.virtual and not c.queue.calling and c.queue.expiry > 0.0:
        c.deadline = acd.now + c.queue.expiry  # while no calls are made nothing can have been missed
        return plan(acd, c)
    if c.virtual:
        return close_callback(acd, c, "expired")
    return leave(acd, c, "max-wait", target_of(c.queue, "max-wait"))


# ---- handlers --------------------------------------------------------------------------------------------------------

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


cdef inline int position_of(Contact c) noexcept:
    return tree_rank(c.queue.places, &c.place) + 1 if c.placed else 0


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
    return offer_failed(acd, r, "unreachable")


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
