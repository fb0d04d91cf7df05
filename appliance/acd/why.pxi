# Why an agent has or has not been given a contact. Nothing is kept for it but how each offer ended; the rest is read off the
# state when somebody asks. (For the past the ledger is replayed to that moment and asked: appliance.core.acd_ledger.)

REASONS = {
    "offered": "being rung since {since}",
    "talking": "has it since {since}",
    "dialling": "waits for the customer, who is being called",
    "missed": "offered, missed at {at}",
    "refused": "offered, refused at {at}",
    "withdrawn": "offered at {since}, withdrawn at {at}",
    "unreachable": "offered at {since}, the phone could not be reached",
    "skipped": "not asked again for this contact before {until}",
    "not-in-queue": "not in queue",
    "signed-out": "not signed in",
    "skill": "{skill} {has} < {wants}",
    "skill-relaxing": "{skill} {has} < {wants} until {until}",
    "no-channel": "takes no {channel}",
    "break": "on a break ({reason}) since {since}",
    "not-answering": "not answering ({reason}) since {since}",
    "on-contact": "on a contact since {since}",
    "wrap-up": "wrap-up until {until}",
    "dialling-out": "on a call of their own since {since}",
    "reserved": "reserved ({reason}) since {since}",
    "ringing-other": "being rung for another contact since {since}",
    "sticky": "it waits for {agent} until {until}",
    "closed": "callbacks wait while the queue is closed",
    "parked": "the customer is called again at {again}",
    "taken": "{agent} has it since {since}",
    "others-asked": "by {strategy} others were asked first",
    "next": "free, and next",
}


def _clock(when):
    return time.strftime("%H:%M:%S", time.gmtime(when))


class Reason(collections.namedtuple("Reason", "agent name reason values")):
    """One agent and one reason; `text` says it in English."""

    __slots__ = ()

    def text(self, clock=_clock):
        shown = {
            name: clock(value) if name in ("at", "since", "until", "again") else value for name, value in self.values.items()
        }
        return f"{self.name}: {REASONS[self.reason].format(**shown)}"


cdef list explain(Acd acd, Contact c, double now):
    cdef Member m
    cdef Agent a
    cdef list found = []
    for m in c.queue.ordered:
        explain_agent(acd, c, m.agent, now, found)
    for a in acd.agents.values():
        if a.id not in c.queue.members:
            explain_agent(acd, c, a, now, found)
    return found


cdef int explain_agent(Acd acd, Contact c, Agent a, double now, list found) except -1:
    """What became of it, and then what holds now."""
    cdef Ringing r
    cdef Ringing last = None
    for r in c.tries:
        if r.agent is a and r.how != "accepted":
            last = r
    if last is not None:
        found.append(Reason(a.id, a.name, last.how, {"since": last.at, "at": last.ended}))
    reason, values = reason_now(acd, c, a, now)
    found.append(Reason(a.id, a.name, reason, values))
    return 0


cdef tuple reason_now(Acd acd, Contact c, Agent a, double now):
    cdef Ringing r = ringing_at(c, a.id)
    cdef Queue q = c.queue
    if r is not None:
        return "offered", {"since": r.at, "until": r.until}
    if c.agent is a:
        if c.state == C_CONNECTED:
            return "talking", {"since": c.connected}
        return "dialling", {}
    if a.id not in q.members:
        return "not-in-queue", {}
    if a.state == A_LOGGED_OUT:
        return "signed-out", {}
    lacking = lacking_skill(c, a)
    if lacking is not None:
        return lacking
    if a.capacity[c.kind] == 0:
        return "no-channel", {"channel": c.channel}
    if c.state == C_CONNECTED:
        return "taken", {"agent": c.agent.name, "since": c.connected}
    if c.state == C_PARKED:
        return "parked", {"again": c.again}
    if c.virtual and not q.calling:
        return "closed", {}
    if not available(acd, a, c.kind) or (c.virtual and q.customer_first and a.state != A_READY):
        return reason_of_state(a)
    if c.skips is not None and c.skips.get(a, 0.0) > now:
        return "skipped", {"until": c.skips[a]}
    if c.lane is not None and c.lane.sticky is not None and c.lane.sticky is not a:
        return "sticky", {"agent": c.lane.sticky.name, "until": c.sticky_until}
    if c.live or c.agent is not None:
        return "others-asked", {"strategy": q.rules.strategy, "agents": [r.agent.id for r in c.live]}
    return "next", {}


cdef tuple lacking_skill(Contact c, Agent a):
    """The first skill that is too low, with when it will do."""
    cdef Queue q = c.queue
    cdef dict wanted = dict(q.skills)
    for name, level in c.skills.items():
        wanted[name] = max(level, wanted.get(name, 0))
    for name, level in sorted(wanted.items()):
        has = a.skills.get(name, 0)
        if has < level - c.relaxed:
            values = {"skill": name, "has": has, "wants": level - c.relaxed}
            if q.relax_seconds > 0.0 and c.placed:
                values["until"] = c.since + (level - has) * q.relax_seconds
                return "skill-relaxing", values
            return "skill", values
    return None


cdef tuple reason_of_state(Agent a):
    if a.state == A_BREAK or a.state == A_NOT_ANSWERING or a.state == A_RESERVED:
        return AGENT_NAMES[a.state], {"reason": a.reason, "since": a.since}
    if a.state == A_WRAP_UP:
        return "wrap-up", {"until": a.until}
    if a.state == A_OFFERED:
        return "ringing-other", {"since": a.since, "contact": a.reason}
    return AGENT_NAMES[a.state], {"since": a.since}
