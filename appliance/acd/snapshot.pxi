# The whole state as plain data, and back. What follows from it (trees, lanes, pools, counts) is made anew.

cdef int SNAPSHOT_VERSION = 1



cdef object maybe(double value):
    return None if value == NEVER else value


cdef double sure(value) except? -1.0:
    return NEVER if value is None else value


cdef object timer_data(Timer *t):
    return [t.when, t.order] if t.slot >= 0 else None


cdef int timer_load(Acd acd, Timer *t, data) except -1:
    if data is not None:
        acd.agenda.put_as(t, data[0], data[1])
    return 0


cdef dict take_snapshot(Acd acd):
    cdef Agent a
    cdef Queue q
    cdef Contact c
    return {
        "version": SNAPSHOT_VERSION, "now": acd.now, "seq": acd.seq, "random": acd.random, "ticket": acd.agenda.ticket,
        "agents": {a.id: agent_data(a) for a in acd.agents.values()},
        "queues": {q.name: queue_data(q) for q in acd.queues.values()},
        "contacts": [contact_data(c) for c in acd.contacts.values()],
    }


cdef list agent_data(Agent a):
    cdef Ringing r
    cdef Contact c
    return [
        a.state, a.reason, a.since, a.until, a.pending, a.pending_reason, a.resume, a.resume_reason, a.left, a.wrap_until, a.extra,
        a.idle_since, a.taken, a.busy, a.occupancy, a.weighed, a.misses, "" if a.worked_for is None else a.worked_for.name,
        a.working, bool(a.gone), timer_data(&a.timer), [r.contact.id for r in a.offers], [c.id for c in a.holding],
    ]


cdef dict queue_data(Queue q):
    cdef Contact c
    return {
        "open": bool(q.open), "calling": bool(q.calling), "last_rung": q.last_rung, "handled": q.handled, "handlings": q.handlings, "abandons": q.abandons,
        "waited": q.waited, "counted": q.counted,
        "reclaims": [[caller, *held] for caller, held in q.reclaims.items()],
        "virtual_of": [[caller, c.id] for caller, c in q.virtual_of.items()],
    }


cdef list ringing_data(Ringing r):
    return [r.agent.id, r.at, r.until, r.ended, r.how, timer_data(&r.timer)]


cdef dict contact_data(Contact c):
    cdef Ringing r
    cdef Agent a
    return {
        "id": c.id, "queue": c.queue.name, "channel": c.channel, "state": c.state, "priority": c.priority, "skills": c.skills,
        "vip": bool(c.vip), "sticky": c.sticky, "caller": c.caller, "virtual": bool(c.virtual), "entered": c.entered,
        "since": c.since, "seq": c.seq, "placed": bool(c.placed), "hungry": bool(c.hungry), "timer": timer_data(&c.timer),
        "deadline": maybe(c.deadline), "sticky_until": maybe(c.sticky_until), "relax_at": maybe(c.relax_at),
        "more_at": maybe(c.more_at), "again": maybe(c.again), "relaxed": c.relaxed, "wants": c.wants,
        "sticky_lane": c.lane is not None and c.lane.sticky is not None,
        "live": [ringing_data(r) for r in c.live], "tries": [ringing_data(r) for r in c.tries],
        "skips": None if c.skips is None else [[a.id, until] for a, until in c.skips.items()],
        "agent": None if c.agent is None else c.agent.id, "taken": c.taken, "connected": c.connected, "attempts": c.attempts,
        "reached": bool(c.reached), "was_virtual": bool(c.was_virtual), "wrap_up": c.queue.wrap_up_seconds,
    }


cdef int load_snapshot(Acd acd, data) except -1:
    """Into an ACD that has its rules and nothing else."""
    cdef Agent a
    cdef Queue q
    if not isinstance(data, dict) or data.get("version") != SNAPSHOT_VERSION:
        raise ValueError("this is no snapshot of the ACD that this release can read")
    try:
        acd.freed.clear()
        for a in acd.agents.values():
            unseat(a)
        acd.now, acd.seq, acd.random = data["now"], data["seq"], data["random"]
        for id, values in data["agents"].items():
            load_agent(acd, id, values)
        for name, values in data["queues"].items():
            if name in acd.queues:
                load_queue(acd.queues[name], values)
        for values in data["contacts"]:
            load_contact(acd, values)
        for id, values in data["agents"].items():
            load_work(acd, acd.agents[id], values)
        for name, values in data["queues"].items():
            q = acd.queues.get(name)
            if q is not None:
                q.virtual_of = {caller: acd.contacts[id] for caller, id in values["virtual_of"]}
                q.signed_in = sum([1 for id in q.members if (<Agent>acd.agents[id]).state != A_LOGGED_OUT])
                q.on_break = sum([1 for id in q.members if away((<Agent>acd.agents[id]).state)])
        acd.agenda.ticket = data["ticket"]
    except (KeyError, TypeError, IndexError, AttributeError) as wrong:
        raise ValueError(f"this snapshot of the ACD is damaged or does not fit its rules: {wrong!r}") from wrong
    for pool in acd.pools.values():
        count_present(pool)
    for a in acd.agents.values():
        unseat(a)
        take_seats(acd, a)
    return 0


cdef int count_present(Pool pool) except -1:
    cdef Group group
    cdef Seat s
    for group in pool.groups:
        group.present = 0
    for s in pool.seats:
        s.group.present += present(s.agent.state)
    return 0


cdef int load_agent(Acd acd, str id, list v) except -1:
    cdef Agent a = acd.agents.get(id)
    if a is None:
        # No longer configured but still on a contact when the snapshot was taken.
        a = acd.agents[id] = new_agent(id)
        a.name = id
        a.index = len(acd.by_index)
        a.skills = {}
        acd.by_index.append(a)
    (
        a.state, a.reason, a.since, a.until, a.pending, a.pending_reason, a.resume, a.resume_reason, a.left, a.wrap_until, a.extra,
        a.idle_since, a.taken, a.busy, a.occupancy, a.weighed, a.misses,
    ) = v[:17]
    a.working = v[18]
    a.gone = v[19]
    timer_load(acd, &a.timer, v[20])
    return 0


cdef int load_work(Acd acd, Agent a, list v) except -1:
    """What an agent holds and is rung for, in its order."""
    cdef Contact c
    cdef Ringing r
    a.worked_for = queue_or_gone(acd, v[17], 0.0) if v[17] else None
    for id in v[21]:
        r = ringing_at(acd.contacts[id], a.id)
        a.offers.append(r)
        a.ringing[r.contact.kind] += 1
    for id in v[22]:
        c = acd.contacts[id]
        a.holding.append(c)
        a.load[c.kind] += 1
    return 0


cdef int load_queue(Queue q, dict v) except -1:
    q.open = v["open"]
    q.calling = v["calling"]
    q.last_rung = v["last_rung"]
    q.handled, q.handlings, q.abandons, q.waited = v["handled"], v["handlings"], v["abandons"], v["waited"]
    q.counted = v["counted"]
    q.reclaims = {caller: (since, seq, until, agent) for caller, since, seq, until, agent in v["reclaims"]}
    return 0


cdef Queue queue_or_gone(Acd acd, str name, double wrap_up):
    """A queue that is not configured any more still ends the conversations that came through it."""
    cdef Queue q = acd.queues.get(name)
    if q is None:
        q = new_queue(name)
        take_queue(q, QueueRules(name=name, wrap_up_seconds=wrap_up))
        q.gone = True
    return q


cdef Ringing load_ringing(Acd acd, Contact c, list v):
    cdef Ringing r = Ringing.__new__(Ringing)
    timer_init(&r.timer, T_RINGING, <void *>r)
    r.contact = c
    r.agent = acd.agents.get(v[0])
    if r.agent is None:
        r.agent = new_agent(v[0])
        r.agent.name = v[0]
    r.at, r.until, r.ended, r.how = v[1:5]
    timer_load(acd, &r.timer, v[5])
    return r


cdef int load_contact(Acd acd, dict v) except -1:
    cdef Contact c = new_contact(v["id"])
    cdef double counted
    c.queue = queue_or_gone(acd, v["queue"], v["wrap_up"])
    c.channel = v["channel"]
    c.kind = KIND_OF[c.channel]
    c.state, c.priority, c.skills, c.vip = v["state"], v["priority"], v["skills"], v["vip"]
    c.sticky, c.caller, c.virtual, c.entered = v["sticky"], v["caller"], v["virtual"], v["entered"]
    c.since, c.seq = v["since"], v["seq"]
    c.deadline, c.sticky_until, c.relax_at = sure(v["deadline"]), sure(v["sticky_until"]), sure(v["relax_at"])
    c.more_at, c.again, c.relaxed, c.wants = sure(v["more_at"]), sure(v["again"]), v["relaxed"], v["wants"]
    c.taken, c.connected, c.attempts = v["taken"], v["connected"], v["attempts"]
    c.reached, c.was_virtual = v["reached"], v["was_virtual"]
    c.agent = None if v["agent"] is None else acd.agents[v["agent"]]
    acd.contacts[c.id] = c
    c.live = [load_ringing(acd, c, each) for each in v["live"]]
    c.tries = [load_ringing(acd, c, each) for each in v["tries"]]
    if v["skips"] is not None:
        c.skips = {acd.agents[id]: until for id, until in v["skips"] if id in acd.agents}
    if v["placed"]:
        counted = c.queue.counted
        c.queue.counted = acd.now
        take_place(acd, c)
        c.queue.counted = counted
        change_lane(acd, c, acd.agents.get(c.sticky) if v["sticky_lane"] else None)
        give_turn(c, v["hungry"])
    if c.state == C_OFFERED:
        c.queue.ringing += 1
    elif c.state == C_CONNECTED:
        c.queue.talking += 1
    timer_load(acd, &c.timer, v["timer"])
    return 0
