# Who gets whom: pools of free agents in the strategy's order, lanes of contacts in the order of their places.

cdef tuple wanted_skills(Queue q, Contact c):
    """What an agent needs now: the higher of the queue's and the contact's levels, less what waiting has relaxed."""
    if not c.skills and not c.relaxed:
        return q.skills
    cdef dict wanted = dict(q.skills)
    cdef str name
    for name, level in c.skills.items():
        if level > wanted.get(name, 0):
            wanted[name] = level
    return tuple(sorted([(name, level - c.relaxed) for name, level in wanted.items() if level > c.relaxed]))


cdef bint has_skills(Agent a, tuple skills) except -1:
    for name, level in skills:
        if a.skills.get(name, 0) < level:
            return False
    return True


cdef Lane lane_of(Acd acd, Contact c, Agent sticky):
    """The lane where this contact has its turns now, made where it is the first of its kind."""
    cdef Queue q = c.queue
    cdef Lane lane
    if sticky is None and c.kind == K_CALL and not c.skills and not c.relaxed and q.plain is not None:
        return q.plain
    cdef tuple skills = wanted_skills(q, c)
    key = (c.kind, skills, "" if sticky is None else sticky.id)
    lane = q.lanes.get(key)
    if lane is None:
        if len(q.lanes) >= MOST_IDLE_LANES:
            drop_idle_lanes(acd, q)
        lane = new_lane(acd, q, c.kind, skills, sticky, key)
    return lane


cdef Lane new_lane(Acd acd, Queue q, int kind, tuple skills, Agent sticky, key):
    cdef Lane lane = Lane.__new__(Lane)
    lane.queue = q
    lane.kind = kind
    lane.skills = skills
    lane.sticky = sticky
    lane.key = key
    lane.turns = NULL
    lane.pool = pool_of(acd, q, kind, skills, sticky)
    lane.pool.lanes.append(lane)
    q.lanes[key] = lane
    return lane


cdef int drop_idle_lanes(Acd acd, Queue q) except -1:
    cdef Lane lane
    for lane in list(q.lanes.values()):
        if lane.users == 0 and lane is not q.plain:
            drop_lane(acd, lane)
    return 0


cdef int drop_lane(Acd acd, Lane lane) except -1:
    cdef Pool pool = lane.pool
    cdef Seat seat
    del lane.queue.lanes[lane.key]
    pool.lanes.remove(lane)
    if not pool.lanes:
        del acd.pools[pool.key]
        for seat in pool.seats:
            if seat.free:
                tree_erase(&pool.free, &seat.node)
            seat.agent.seats.remove(seat)
    return 0


cdef Pool pool_of(Acd acd, Queue q, int kind, tuple skills, Agent sticky):
    cdef int strategy = S_LONGEST_IDLE if q.strategy == S_RING_ALL else q.strategy
    cdef Member m
    cdef Pool pool
    cdef Seat seat
    cdef list eligible = []
    cdef dict groups = {}
    for m in q.ordered:
        if sticky is not None and m.agent is not sticky:
            continue
        if m.agent.gone or m.agent.capacity[kind] == 0 or not has_skills(m.agent, skills):
            continue
        fixed, weight = 0.0, 1.0
        if strategy in (S_ROUND_ROBIN, S_LINEAR, S_PROGRESSIVE):
            fixed = m.order
        elif strategy == S_SKILLS:
            fixed = -sum([m.agent.skills.get(name, 0) for name, _ in skills])
        elif strategy == S_WEIGHTED:
            weight = m.weight
        eligible.append((m.agent.index, m.rank, fixed, weight))
    eligible.sort()
    key = (kind, strategy, tuple(eligible))
    pool = acd.pools.get(key)
    if pool is not None:
        return pool
    pool = Pool.__new__(Pool)
    pool.kind = kind
    pool.strategy = strategy
    pool.free = NULL
    pool.seats = []
    pool.lanes = []
    pool.key = key
    acd.pools[key] = pool
    for index, rank, fixed, weight in eligible:
        seat = Seat.__new__(Seat)
        seat.pool = pool
        seat.agent = acd.by_index[index]
        seat.rank = rank
        seat.fixed = fixed
        seat.weight = weight
        seat.group = group_of(groups, seat.agent)
        pool.seats.append(seat)
        seat.agent.seats.append(seat)
        # Who has just become free looks for contacts first, and sits down after that.
        if available(acd, seat.agent, kind) and seat.agent not in acd.freed:
            sit(seat)
    pool.groups = list(groups.values())
    return pool


cdef Group group_of(dict groups, Agent a):
    cdef Queue q
    cdef Group group
    key = tuple([q.name for q in a.queues])
    group = groups.get(key)
    if group is None:
        group = groups[key] = Group.__new__(Group)
        group.queues = list(a.queues)
        group.present = 0
    group.present += present(a.state)
    return group


# ---- agents who are free ---------------------------------------------------------------------------------------------

cdef bint available(Acd acd, Agent a, int kind) noexcept:
    """Whether the agent can be given one more contact of this kind now."""
    if a.state == A_READY:
        return a.capacity[kind] > 0
    if a.ringing[K_CALL] or a.load[K_CALL] or a.pending != A_READY or acd.now < a.wrap_until:
        return False
    if a.state != A_ON_CONTACT and a.state != A_OFFERED:
        return False
    if kind == K_CALL:
        return a.blend and not a.ringing[K_CHAT] and not a.ringing[K_MAIL]
    return a.load[kind] + a.ringing[kind] < a.capacity[kind]


cdef void sit(Seat s) noexcept:
    """Take the place among the free that the strategy gives now. Nothing it depends on changes while the agent sits."""
    cdef Agent a = s.agent
    cdef double k1 = a.idle_since
    cdef double k2 = 0.0
    cdef int strategy = s.pool.strategy
    if strategy == S_ROUND_ROBIN or strategy == S_LINEAR or strategy == S_PROGRESSIVE:
        k1 = s.fixed
    elif strategy == S_RANDOM or strategy == S_WEIGHTED:
        k1 = 0.0
    elif strategy != S_LONGEST_IDLE:
        k2 = k1
        if strategy == S_SKILLS:
            k1 = s.fixed
        elif strategy == S_FEWEST:
            k1 = <double>a.taken
        elif strategy == S_EQUAL_LOAD:
            k1 = a.busy
        else:
            # The occupancy of all free agents fades by the same factor, so their order stays.
            k1 = log(fmax(a.occupancy, 1e-9)) + a.weighed / OCCUPANCY_SECONDS
    node_set(&s.node, s.rank, k1, k2, <unsigned long long>a.index, s.weight, <void *>s)
    tree_insert(&s.pool.free, &s.node)
    s.free = True


cdef void unseat(Agent a) noexcept:
    cdef Seat s
    for s in a.seats:
        if s.free:
            tree_erase(&s.pool.free, &s.node)
            s.free = False


cdef bint skipped(Acd acd, Contact c, Agent a) except -1:
    """Whether this agent has just refused or missed it, is being rung for it already, or would have to be kept free for it (a
    callback that calls the customer first) while having chats."""
    cdef Ringing r
    if c.virtual and c.queue.customer_first and a.state != A_READY:
        return True
    if c.skips is not None:
        until = c.skips.get(a)
        if until is not None and <double>until > acd.now:
            return True
    for r in a.offers:
        if r.contact is c:
            return True
    return False


cdef Node *starting_with(Acd acd, Queue q, Node *free) except? NULL:
    """The free agent whom the strategy asks first, of those of the lowest rank."""
    cdef Node *first = tree_first(free)
    cdef Node *found
    cdef Node probe
    cdef Member last
    if q.strategy == S_ROUND_ROBIN:
        last = q.members.get(q.last_rung)
        if last is not None:
            node_set(&probe, first.k0, last.order, NEVER, 0, 0.0, NULL)
            found = tree_after(free, &probe)
            if found != NULL and found.k0 == first.k0:
                return found
    elif q.strategy == S_RANDOM:
        node_set(&probe, first.k0, NEVER, 0.0, 0, 0.0, NULL)
        return tree_at(free, acd.below(tree_rank(free, &probe)))
    elif q.strategy == S_WEIGHTED:
        node_set(&probe, first.k0, NEVER, 0.0, 0, 0.0, NULL)
        found = tree_at_weight(free, acd.unit() * tree_weight_before(free, &probe))
        return found if found.k0 == first.k0 else first
    return first


cdef Agent best_agent(Acd acd, Contact c):
    """The free agent who should get this contact, or None. Goes round in the first rank from where the strategy starts, then
    through the others in order."""
    cdef Node *free = c.lane.pool.free
    cdef Node *start
    cdef Node *n
    cdef Node *first
    cdef Node probe
    cdef Agent a
    cdef bint round = True
    if free == NULL:
        return None
    start = n = starting_with(acd, c.queue, free)
    first = tree_first(free)
    while n != NULL:
        a = (<Seat>n.owner).agent
        if not skipped(acd, c, a):
            return a
        n = tree_after(free, n)
        if round and (n == NULL or n.k0 != start.k0):
            n = first
        if round and n == start:
            round = False
            node_set(&probe, start.k0, NEVER, NEVER, 0, 0.0, NULL)
            n = tree_after(free, &probe)
    return None


# ---- contacts whose turn it is ---------------------------------------------------------------------------------------

cdef int give_turn(Contact c, bint hungry) except -1:
    """Let the contact have its turn in its lane, or not."""
    if hungry == c.hungry:
        return 0
    c.hungry = hungry
    if hungry:
        node_set(&c.turn, c.place.k0, c.place.k1, 0.0, c.place.tie, 1.0, <void *>c)
        tree_insert(&c.lane.turns, &c.turn)
    else:
        tree_erase(&c.lane.turns, &c.turn)
    return 0


cdef inline long level_of(Acd acd, Contact c) noexcept:
    """Priority with what waiting has added, in whole steps."""
    cdef Queue q = c.queue
    cdef long level = priority_of(c)
    if q.age_seconds > 0.0:
        level += <long>floor((acd.now - c.since) / q.age_seconds)
    return level


cdef bint goes_first(Acd acd, Contact a, Contact b) noexcept:
    """Between the first contacts of two queues: priority with ageing, then the queue's weight, then the longer wait."""
    cdef long la = level_of(acd, a)
    cdef long lb = level_of(acd, b)
    if la != lb:
        return la > lb
    if a.queue.weight != b.queue.weight:
        return a.queue.weight > b.queue.weight
    if a.since != b.since:
        return a.since < b.since
    return a.seq < b.seq


cdef Contact best_contact(Acd acd, Agent a):
    """Whom this agent should get next, or None: of each of the agent's queues the first it may take, of those the first."""
    cdef Seat seat
    cdef Lane lane
    cdef Node *n
    cdef Contact c
    cdef Contact best = None
    cdef Queue q
    cdef list touched = None
    acd.stamp += 1
    for seat in a.seats:
        if not available(acd, a, seat.pool.kind):
            continue
        for lane in seat.pool.lanes:
            if lane.turns == NULL:
                continue
            n = tree_first(lane.turns)
            while n != NULL and skipped(acd, <Contact>n.owner, a):
                n = tree_after(lane.turns, n)
            if n == NULL:
                continue
            c = <Contact>n.owner
            q = c.queue
            if q.stamp != acd.stamp:
                q.stamp = acd.stamp
                if touched is None:
                    touched = []
                touched.append(q)
                q.best = c
            elif before(&c.place, &q.best.place):
                q.best = c
    if touched is None:
        return None
    for q in touched:
        if best is None or goes_first(acd, q.best, best):
            best = q.best
        q.best = None
    return best
