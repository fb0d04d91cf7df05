# Rules in. Everything that the order of contacts and agents is kept in is made anew; who waits, rings or talks stays.

cdef tuple check_rules(list queues, list agents):
    """ValueError where they make no sense, before anything is changed."""
    ids = [rules.id for rules in agents]
    names = [rules.name for rules in queues]
    for kind, found in (("agent", ids), ("queue", names)):
        if len(set(found)) != len(found):
            raise ValueError(f"an {kind} comes twice" if kind == "agent" else "a queue comes twice")
    known = set(ids)
    for rules in queues:
        members = [member.agent for member in rules.members]
        if len(set(members)) != len(members):
            raise ValueError(f"queue {rules.name}: an agent comes twice")
        for member in rules.members:
            if member.agent not in known:
                raise ValueError(f"queue {rules.name}: {member.agent} is no agent")
            if not (isfinite(member.weight) and 0.0 < member.weight <= 1e6) or not 0 <= member.rank <= 1000:
                raise ValueError(f"queue {rules.name}: rank or weight of {member.agent} makes no sense")
        if rules.strategy not in STRATEGIES:
            raise ValueError(f"queue {rules.name}: unknown strategy {rules.strategy!r}")
        if not (isfinite(rules.ring_seconds) and rules.ring_seconds > 0.0):
            raise ValueError(f"queue {rules.name}: ring_seconds must be more than 0")
        if not (isfinite(rules.handling_seconds) and rules.handling_seconds > 0.0):
            raise ValueError(f"queue {rules.name}: handling_seconds must be more than 0")
        for name in NOT_NEGATIVE:
            value = getattr(rules, name)
            if not isfinite(value) or value < 0:
                raise ValueError(f"queue {rules.name}: {name} must be 0 or more")
        if rules.strategy == "progressive" and rules.step_seconds <= 0.0:
            raise ValueError(f"queue {rules.name}: step_seconds must be more than 0")
        checked_skills(rules.skills)
    for rules in agents:
        checked_skills(rules.skills)
        for channel, count in rules.capacity.items():
            if channel not in ("chat", "mail") or not 0 <= count <= 100:
                raise ValueError(f"agent {rules.id}: capacity of {channel!r} makes no sense")
    return queues, agents


cdef tuple NOT_NEGATIVE = (
    "weight", "age_seconds", "relax_seconds", "sticky_seconds", "parallel", "step_seconds", "wrap_up_seconds", "retry_seconds",
    "miss_limit", "max_waiting", "max_expected_wait_seconds", "max_wait_seconds", "reclaim_seconds", "callback_attempts",
    "callback_retry_seconds", "callback_expiry_seconds",
    "callback_after_hangup_seconds",
)


cdef int apply_rules(Acd acd, list queues, list agents) except -1:
    cdef Queue q
    cdef Agent a
    cdef Contact c
    take_apart(acd)
    take_agents(acd, agents)
    take_queues(acd, queues)
    for q in acd.queues.values():
        make_plain(acd, q)
    for c in list(acd.contacts.values()):
        if c.state == C_CONNECTED:
            talk_on(acd, c)
        else:
            stand_again(acd, c)
    # Agents who are not configured any more leave, and whoever is free looks at the new queues.
    # All who are free look for contacts before anybody is rung: else one whose agent has just gone would take another's turn.
    for a in acd.agents.values():
        if not a.gone:
            unseat(a)
            acd.freed.append(a)
    for a in list(acd.agents.values()):
        if a.gone:
            see_off(acd, a)
    return 0


cdef int take_apart(Acd acd) except -1:
    cdef Agent a
    cdef Contact c
    cdef Queue q
    for a in acd.agents.values():
        unseat(a)
        a.seats.clear()
        a.queues.clear()
    for q in acd.queues.values():
        count_waiting(acd, q)
    for c in acd.contacts.values():
        give_turn(c, False)
        if c.placed:
            tree_erase(&c.queue.places, &c.place)
        c.lane = None
    for q in acd.queues.values():
        q.lanes.clear()
        q.plain = None
    acd.pools.clear()
    return 0


cdef int talk_on(Acd acd, Contact c) except -1:
    """A queue that comes back has the conversations again that came through it before it went."""
    cdef Queue q = acd.queues.get(c.queue.name)
    if q is None or q is c.queue:
        return 0
    if c.agent is not None and c.agent.worked_for is c.queue:
        c.agent.worked_for = q
    c.queue.talking -= 1
    c.queue = q
    q.talking += 1
    return 0


cdef int take_agents(Acd acd, list agents) except -1:
    cdef Agent a
    cdef int index = 0
    known = {rules.id for rules in agents}
    acd.by_index = []
    for rules in agents:
        a = acd.agents.get(rules.id)
        if a is None:
            a = acd.agents[rules.id] = new_agent(rules.id)
            a.since = acd.now
        a.name = rules.name or rules.id
        a.skills = dict(rules.skills)
        a.capacity[K_CALL] = 1
        a.capacity[K_CHAT] = rules.capacity.get("chat", 0)
        a.capacity[K_MAIL] = rules.capacity.get("mail", 0)
        a.blend = rules.blend
        a.gone = False
        a.index = index
        index += 1
        acd.by_index.append(a)
    for a in acd.agents.values():
        if a.id not in known:
            a.gone = True
            a.index = index
            index += 1
            acd.by_index.append(a)
    acd.agents = {a.id: a for a in acd.by_index}
    return 0


cdef int take_queues(Acd acd, list queues) except -1:
    cdef Queue q
    cdef Member m
    cdef int signed_in
    cdef dict found = {}
    for rules in queues:
        q = acd.queues.pop(rules.name, None)
        if q is None:
            q = new_queue(rules.name)
            q.counted = acd.now
        q.index = len(found)
        found[rules.name] = q
        take_queue(q, rules)
        q.members = {}
        q.ordered = []
        for member in rules.members:
            m = Member.__new__(Member)
            m.agent = acd.agents[member.agent]
            m.rank = member.rank
            m.weight = member.weight
            m.order = len(q.ordered)
            q.ordered.append(m)
            q.members[member.agent] = m
            m.agent.queues.append(q)
        signed_in = q.signed_in
        q.signed_in = sum([1 for m in q.ordered if m.agent.state != A_LOGGED_OUT])
        if signed_in and q.signed_in == 0 and not rules.stay_when_nobody_in:
            acd.emptied.append(q)
        q.on_break = sum([1 for m in q.ordered if away(m.agent.state)])
    for q in acd.queues.values():
        q.gone = True
        q.members = {}
        q.ordered = []
    acd.queues = found
    return 0


cdef int take_queue(Queue q, rules) except -1:
    q.rules = rules
    q.strategy = STRATEGIES[rules.strategy]
    q.priority = rules.priority
    q.vip_priority = rules.vip_priority
    q.weight = rules.weight
    q.age_seconds = rules.age_seconds
    q.ring_seconds = rules.ring_seconds
    q.retry_seconds = rules.retry_seconds
    q.wrap_up_seconds = rules.wrap_up_seconds
    q.relax_seconds = rules.relax_seconds
    q.sticky_seconds = rules.sticky_seconds
    q.max_wait = rules.max_wait_seconds
    q.expiry = rules.callback_expiry_seconds
    q.max_expected_wait = rules.max_expected_wait_seconds
    q.max_waiting = rules.max_waiting
    q.enter_when_nobody_in = rules.enter_when_nobody_in
    q.enter_when_all_on_break = rules.enter_when_all_on_break
    q.customer_first = rules.callback_first == "customer"
    q.skills = tuple(sorted(rules.skills.items()))
    q.wants = rules.parallel or MANY
    if q.strategy == S_RING_ALL and rules.parallel == 1:
        q.wants = MANY
    elif q.strategy == S_PROGRESSIVE:
        q.wants = 1
    return 0


cdef int MANY = 1000000


cdef int make_plain(Acd acd, Queue q) except -1:
    key = (K_CALL, q.skills, "")
    q.plain = new_lane(acd, q, K_CALL, q.skills, None, key)
    return 0


cdef int stand_again(Acd acd, Contact c) except -1:
    """Back to the same place under the new rules; a queue that is gone sends its callers to where it overflowed."""
    cdef Queue q = c.queue
    cdef Agent sticky = None
    if not c.placed:
        return 0
    c.placed = False
    if c.virtual:
        q.virtual -= 1
    take_place(acd, c)
    if q.gone:
        q.plain = None
        if c.virtual:
            return cancel_callback(acd, c, "no-queue")
        return leave(acd, c, "no-queue", target_of(q, "no-queue"))
    c.wants = max(min(c.wants, len(q.ordered)), q.wants) if q.strategy == S_PROGRESSIVE else q.wants
    if q.strategy != S_PROGRESSIVE:
        c.more_at = NEVER
    elif c.more_at == NEVER and c.wants < len(q.ordered):
        c.more_at = acd.now + q.rules.step_seconds
    start_relaxing(acd, c)
    if c.sticky_until > acd.now and c.sticky_until != NEVER:
        sticky = preferred(q, c) if q.sticky_seconds > 0.0 else None
    if sticky is None:
        c.sticky_until = NEVER
    change_lane(acd, c, sticky)
    give_turn(c, wants_agent(c))
    return plan(acd, c)


cdef int see_off(Acd acd, Agent a) except -1:
    """Signed out: at once, or after the conversation and the wrap-up that still last."""
    if a.state == A_LOGGED_OUT:
        return forget_agent(acd, a)
    stop_ringing(acd, a, "refused")
    if a.state == A_OFFERED and a.wrap_until > acd.now:
        agent_to(acd, a, A_WRAP_UP, "", a.wrap_until)
    if a.state == A_ON_CONTACT or a.state == A_WRAP_UP:
        return promise(acd, a, A_LOGGED_OUT, "")
    return retire(acd, a, A_LOGGED_OUT, "")


cdef int forget_agent(Acd acd, Agent a) except -1:
    """No contact has anything to do with this agent any more but in what was tried."""
    cdef Contact c
    unseat(a)
    acd.agenda.drop(&a.timer)
    acd.agents.pop(a.id, None)
    for c in acd.contacts.values():
        if c.agent is a:
            c.agent = None
        if c.skips is not None:
            c.skips.pop(a, None)
    return 0
