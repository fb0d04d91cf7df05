# The ACD: one step at a time.

cdef class Acd:
    """Queues and agents: events and time in, actions out. See _core.pyi."""

    cdef double now
    cdef dict agents        # id -> Agent
    cdef dict queues        # name -> Queue
    cdef dict contacts      # id -> Contact
    cdef dict pools
    cdef list by_index
    cdef Agenda agenda
    cdef unsigned long long seq     # of contacts
    cdef unsigned long long random
    cdef unsigned long long stamp
    cdef list out
    # What is left to do in this step, in this order: contacts that lost an offer, queues that lost their last agent, agents who
    # may take something.
    cdef list hungry
    cdef list emptied
    cdef list freed

    def __cinit__(self, unsigned long long seed=0):
        self.now = 0.0
        self.agents = {}
        self.queues = {}
        self.contacts = {}
        self.pools = {}
        self.by_index = []
        self.agenda = Agenda()
        self.seq = 0
        self.random = mix(seed + <unsigned long long>0x9E3779B97F4A7C15)
        self.stamp = 0
        self.out = []
        self.hungry = []
        self.emptied = []
        self.freed = []

    def step(self, double now, AcdEvent event not None):
        """What to do, in order."""
        cdef list out = []
        if not isfinite(now):
            raise ValueError(f"now is not a time: {now}")
        self.out = out
        self._until(now)
        if now > self.now:
            self.now = now
        self._take(event)
        self._finish()
        self._until(self.now)
        return out

    def next_timer(self):
        """When the next thing falls due, or None."""
        return self.agenda.heap[0].when if self.agenda.size else None

    def configure(self, queues, agents, double now):
        """Take over these rules; nobody loses a place or a conversation."""
        cdef list out = []
        if not isfinite(now):
            raise ValueError(f"now is not a time: {now}")
        rules = check_rules(list(queues), list(agents))
        self.out = out
        if now < self.now - SET_BACK_SECONDS and not self.contacts and not self.agenda.size:
            set_back(self, now)
        self._until(now)
        if now > self.now:
            self.now = now
        apply_rules(self, rules[0], rules[1])
        self._finish()
        self._until(self.now)
        return out

    def position(self, str contact not None):
        cdef Contact c = self.contacts.get(contact)
        return position_of(c) if c is not None else 0

    def estimate(self, str contact not None):
        cdef Contact c = self.contacts.get(contact)
        if c is None or c.lane is None:
            return None
        if c.state == C_OFFERED:
            return 0.0
        return estimated(self, c.queue, c.lane.pool, &c.place)

    def expected_wait(self, str queue not None, int priority=0, skills=None):
        return expected_wait(self, self.queues[queue], priority, checked_skills(skills) if skills else NO_SKILLS)

    def why(self, str contact not None, now=None):
        return explain(self, self.contacts[contact], self.now if now is None else fmax(now, self.now))

    def agent(self, str id not None):
        cdef Agent a = self.agents.get(id)
        return view_agent(a) if a is not None else None

    def queue(self, str name not None):
        cdef Queue q = self.queues.get(name)
        return view_queue(self, q) if q is not None else None

    def contact(self, str id not None):
        cdef Contact c = self.contacts.get(id)
        return view_contact(c) if c is not None else None

    def agent_ids(self):
        return list(self.agents)

    def queue_names(self):
        return list(self.queues)

    def contact_ids(self, queue=None):
        return list(self.contacts) if queue is None else in_order(self.queues[queue])

    def snapshot(self):
        """The whole state as plain data."""
        return take_snapshot(self)

    @classmethod
    def restore(cls, snapshot, queues, agents):
        """An ACD that goes on exactly where that one stood."""
        cdef Acd acd = cls()
        rules = check_rules(list(queues), list(agents))
        apply_rules(acd, rules[0], rules[1])
        load_snapshot(acd, snapshot)
        acd.out = []
        return acd

    # ---- inside ------------------------------------------------------------------------------------------------------

    cdef int _take(self, AcdEvent event) except -1:
        """Look the pair of state and event up, and do it."""
        cdef int kind = event.kind
        cdef Contact c
        cdef Agent a
        cdef ContactDo contact_do
        cdef AgentDo agent_do
        cdef int state = C_NONE
        if kind < E_FIRST_AGENT:
            c = self.contacts.get((<ContactEvent>event).contact)
            if c is not None:
                state = c.state
            contact_do = CONTACT_DO[state][kind]
            if contact_do == NULL:
                return deny_contact(self, self._no_row(kind, c), state)
            return contact_do(self, c, event)
        if kind < E_FIRST_OTHER:
            a = self.agents.get((<AgentEvent>event).agent)
            if a is None or (a.gone and kind != E_SIGN_OUT and kind != E_EXTEND):
                return deny(self, "unknown-agent", A_LOGGED_OUT if a is None else a.state)
            agent_do = AGENT_DO[a.state][kind]
            if agent_do == NULL:
                return deny(self, "state", a.state)
            return agent_do(self, a, event)
        if kind == E_SWITCH_QUEUE:
            return switch_queue(self, <SwitchQueue>event)
        if kind == E_NEW_DAY:
            return new_day(self)
        return 0

    cdef str _no_row(self, int kind, Contact c):
        if c is None:
            return "unknown-contact"
        if kind == E_ENTER:
            return "known-contact"
        return "not-offered" if kind == E_ANSWER or kind == E_REFUSE or kind == E_UNREACHABLE else "state"

    cdef int _until(self, double now) except -1:
        """Do what falls due up to `now`, each thing at its own time."""
        cdef Timer *t
        cdef Contact c
        cdef Ringing r
        cdef Agent a
        while self.agenda.size and self.agenda.heap[0].when <= now:
            t = self.agenda.heap[0]
            if t.when > self.now:
                self.now = t.when
            self.agenda.drop(t)
            if t.kind == T_RINGING:
                r = <Ringing>t.owner
                contact_does(self, r.contact, E_MISS, r)
            elif t.kind == T_AGENT:
                a = <Agent>t.owner
                agent_does(self, a, E_AGENT_TIME, None)
            else:
                c = <Contact>t.owner
                contact_does(self, c, E_TIME, None)
            self._finish()
        return 0

    cdef int _finish(self) except -1:
        """Everything that the step set free finds its next."""
        cdef Contact c
        cdef Queue q
        while True:
            if self.hungry:
                c = self.hungry.pop(0)
                next_try(self, c)
            elif self.emptied:
                q = self.emptied.pop(0)
                if q.signed_in == 0:
                    send_away(self, q)
            elif self.freed:
                settle(self, self.freed.pop(0))
            else:
                return 0

    cdef double unit(self) noexcept:
        """The next of the random numbers, 0 <= x < 1 (splitmix64)."""
        self.random += <unsigned long long>0x9E3779B97F4A7C15
        return (mix(self.random) >> 11) * (1.0 / 9007199254740992.0)

    cdef int below(self, int limit) noexcept:
        return <int>(self.unit() * limit)


cdef int settle(Acd acd, Agent a) except -1:
    """Give an agent who may be free what waits for them; who gets nothing sits down among the free."""
    cdef Contact c
    while True:
        c = best_contact(acd, a)
        if c is None:
            break
        contact_does(acd, c, E_OFFER, a)
        give_turn(c, wants_agent(c))
        if c.more_at != NEVER:
            plan(acd, c)
    return take_seats(acd, a)


cdef int take_seats(Acd acd, Agent a) except -1:
    cdef Seat s
    for s in a.seats:
        if not s.free and available(acd, a, s.pool.kind):
            sit(s)
    return 0


cdef int send_away(Acd acd, Queue q) except -1:
    """The last agent signed out of a queue that lets nobody wait then."""
    cdef Contact c
    for id in in_order(q):
        c = acd.contacts[id]
        if not c.virtual and c.state == C_WAITING:
            leave(acd, c, "nobody-in", target_of(q, "nobody-in"))
    return 0


cdef int switch_queue(Acd acd, SwitchQueue e) except -1:
    cdef Queue q = acd.queues.get(e.queue)
    cdef Contact c
    if q is None:
        return deny_contact(acd, "unknown-queue", C_NONE)
    if (e.what == "callbacks" or q.open == e.open) and (e.what == "door" or q.calling == e.open):
        return deny_contact(acd, "already", C_NONE)
    if e.what != "callbacks":
        q.open = e.open
    if e.what != "door":
        q.calling = e.open
    say_queue_switched(acd, q.name, e.what, e.open, e.reason)
    for id in in_order(q):
        c = acd.contacts[id]
        if c.virtual:
            feed(acd, c)
    return 0


cdef int new_day(Acd acd) except -1:
    """Counts of the day begin anew; those who are free sit in the order that follows."""
    cdef Agent a
    for a in acd.agents.values():
        unseat(a)
        a.taken = 0
        a.busy = 0.0
        acd.freed.append(a)
    return say_day_began(acd)


cdef list in_order(Queue q):
    """Ids of all with a place, the next to be served first."""
    cdef list found = []
    cdef Node *n = tree_first(q.places)
    while n != NULL:
        found.append((<Contact>n.owner).id)
        n = tree_after(q.places, n)
    return found
