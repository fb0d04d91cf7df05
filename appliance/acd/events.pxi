# What the ACD is told. Immutable, equal by value; each field stands in `FIELDS`, which `data` and `event_of` go by.

cdef enum:
    # of contacts: kinds below E_FIRST_AGENT are looked up in the contacts' table
    E_ENTER
    E_MOVE
    E_HANG_UP
    E_DEPART
    E_KEEP_PLACE
    E_ANSWER
    E_REFUSE
    E_UNREACHABLE
    E_HAND_OVER
    E_REACHED
    E_UNREACHED
    E_CLOSE_CALLBACK
    # happening inside: a decision of the core, or the time that is up
    E_OFFER
    E_MISS
    E_TIME
    # of agents
    E_FIRST_AGENT
    E_SIGN_IN
    E_SIGN_OUT
    E_READY
    E_BREAK
    E_EXTEND
    E_DIAL
    E_DIAL_ENDED
    E_RESERVE
    E_RELEASE
    E_PHONE_LOST
    E_PHONE_BACK
    # inside
    E_RING
    E_RING_ENDED
    E_TAKE
    E_DONE
    E_UNDONE
    E_AGENT_TIME
    # of neither
    E_FIRST_OTHER
    E_TICK
    E_SWITCH_QUEUE
    E_NEW_DAY
    E_KINDS


cdef double finite(double value, str what) except? -1.0:
    if not isfinite(value):
        raise ValueError(f"{what} is not a number: {value}")
    return value


cdef class AcdEvent:
    cdef int kind

    FIELDS = ()

    def data(self):
        """A plain dict with its "type"; fields as given."""
        found = {"type": type(self).__name__}
        for name in self.FIELDS:
            value = getattr(self, name)
            found[name] = dict(value) if isinstance(value, dict) else value
        return found

    def __eq__(self, other):
        return type(self) is type(other) and all(getattr(self, name) == getattr(other, name) for name in self.FIELDS)

    def __hash__(self):
        return hash((type(self), self.FIELDS[:1] and getattr(self, self.FIELDS[0])))

    def __repr__(self):
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self.FIELDS)})"


cdef class ContactEvent(AcdEvent):
    cdef readonly str contact


cdef class AgentEvent(AcdEvent):
    cdef readonly str agent


@cython.final
cdef class Tick(AcdEvent):
    def __init__(self):
        self.kind = E_TICK


@cython.final
cdef class NewDay(AcdEvent):
    def __init__(self):
        self.kind = E_NEW_DAY


@cython.final
cdef class SwitchQueue(AcdEvent):
    cdef readonly str queue
    cdef readonly bint open
    cdef readonly str reason
    cdef readonly str what

    FIELDS = ("queue", "open", "reason", "what")

    def __init__(self, str queue not None, bint open, str reason not None="", str what not None="both"):
        self.kind = E_SWITCH_QUEUE
        self.queue = queue
        self.open = open
        self.reason = reason
        self.what = one_of(what, SWITCHES, "what")


@cython.final
@cython.no_gc
cdef class Enter(ContactEvent):
    cdef readonly str queue
    cdef readonly str channel
    cdef readonly int priority
    cdef readonly dict skills
    cdef readonly bint vip
    cdef readonly str sticky
    cdef readonly str caller
    cdef readonly bint virtual
    cdef readonly double since

    FIELDS = ("contact", "queue", "channel", "priority", "skills", "vip", "sticky", "caller", "virtual", "since")

    def __init__(
        self, str contact not None, str queue not None, str channel not None="voice", int priority=0, skills=None,
        bint vip=False, str sticky not None="", str caller not None="", bint virtual=False, double since=0.0,
    ):
        if channel not in CHANNELS:
            raise ValueError(f"unknown channel {channel!r}")
        if priority < -1000 or priority > 1000:
            raise ValueError(f"priority out of range: {priority}")
        self.kind = E_ENTER
        self.contact = contact
        self.queue = queue
        self.channel = channel
        self.priority = priority
        self.skills = checked_skills(skills) if skills else NO_SKILLS
        self.vip = vip
        self.sticky = sticky
        self.caller = caller
        self.virtual = virtual or channel == "callback"
        self.since = finite(since, "since")


CHANNELS = ("voice", "callback", "chat", "mail")
SWITCHES = ("both", "door", "callbacks")
HUNG_UP_BY = ("caller", "agent", "cut", "restart")
DEPART_REASONS = ("left", "transferred", "voicemail", "callback", "overflow")
CLOSE_REASONS = ("cancelled", "reached", "unreachable")
cdef dict NO_SKILLS = {}
cdef int MOST_SKILLS = 32


cdef str one_of(str value, tuple known, str what):
    if value not in known:
        raise ValueError(f"{what} is one of {', '.join(known)}, not {value!r}")
    return value


cdef dict checked_skills(skills):
    """A copy, or ValueError: at most 32 names with levels 1 to 1000."""
    cdef dict found = {}
    if len(skills) > MOST_SKILLS:
        raise ValueError(f"more than {MOST_SKILLS} skills")
    for name, level in skills.items():
        if not isinstance(name, str) or not isinstance(level, int) or not 1 <= level <= 1000:
            raise ValueError(f"a skill is a name and a level from 1 to 1000, not {name!r}: {level!r}")
        found[name] = level
    return found


@cython.final
@cython.no_gc
cdef class Move(ContactEvent):
    cdef readonly str queue
    cdef readonly bint keep
    cdef readonly int priority

    FIELDS = ("contact", "queue", "keep", "priority")

    def __init__(self, str contact not None, str queue not None, bint keep=False, int priority=0):
        self.kind = E_MOVE
        self.contact = contact
        self.queue = queue
        self.keep = keep
        self.priority = priority


@cython.final
@cython.no_gc
cdef class HangUp(ContactEvent):
    cdef readonly str by

    FIELDS = ("contact", "by")

    def __init__(self, str contact not None, str by not None="caller"):
        self.kind = E_HANG_UP
        self.contact = contact
        self.by = one_of(by, HUNG_UP_BY, "by")


@cython.final
@cython.no_gc
cdef class Depart(ContactEvent):
    cdef readonly str reason
    cdef readonly str target

    FIELDS = ("contact", "reason", "target")

    def __init__(self, str contact not None, str reason not None="left", str target not None=""):
        self.kind = E_DEPART
        self.contact = contact
        self.reason = one_of(reason, DEPART_REASONS, "reason")
        self.target = target


@cython.final
@cython.no_gc
cdef class KeepPlace(ContactEvent):
    FIELDS = ("contact",)

    def __init__(self, str contact not None):
        self.kind = E_KEEP_PLACE
        self.contact = contact


@cython.final
@cython.no_gc
cdef class Answer(ContactEvent):
    cdef readonly str agent

    FIELDS = ("contact", "agent")

    def __init__(self, str contact not None, str agent not None):
        self.kind = E_ANSWER
        self.contact = contact
        self.agent = agent


@cython.final
@cython.no_gc
cdef class Refuse(ContactEvent):
    cdef readonly str agent

    FIELDS = ("contact", "agent")

    def __init__(self, str contact not None, str agent not None):
        self.kind = E_REFUSE
        self.contact = contact
        self.agent = agent


@cython.final
@cython.no_gc
cdef class Unreachable(ContactEvent):
    cdef readonly str agent

    FIELDS = ("contact", "agent")

    def __init__(self, str contact not None, str agent not None):
        self.kind = E_UNREACHABLE
        self.contact = contact
        self.agent = agent


@cython.final
@cython.no_gc
cdef class HandOver(ContactEvent):
    cdef readonly str to

    FIELDS = ("contact", "to")

    def __init__(self, str contact not None, str to not None=""):
        self.kind = E_HAND_OVER
        self.contact = contact
        self.to = to


@cython.final
@cython.no_gc
cdef class Reached(ContactEvent):
    FIELDS = ("contact",)

    def __init__(self, str contact not None):
        self.kind = E_REACHED
        self.contact = contact


@cython.final
@cython.no_gc
cdef class Unreached(ContactEvent):
    cdef readonly str reason

    FIELDS = ("contact", "reason")

    def __init__(self, str contact not None, str reason not None=""):
        self.kind = E_UNREACHED
        self.contact = contact
        self.reason = reason


@cython.final
@cython.no_gc
cdef class CloseCallback(ContactEvent):
    cdef readonly str reason

    FIELDS = ("contact", "reason")

    def __init__(self, str contact not None, str reason not None="cancelled"):
        self.kind = E_CLOSE_CALLBACK
        self.contact = contact
        self.reason = one_of(reason, CLOSE_REASONS, "reason")


@cython.final
@cython.no_gc
cdef class SignIn(AgentEvent):
    cdef readonly bint ready

    FIELDS = ("agent", "ready")

    def __init__(self, str agent not None, bint ready=True):
        self.kind = E_SIGN_IN
        self.agent = agent
        self.ready = ready


@cython.final
@cython.no_gc
cdef class SignOut(AgentEvent):
    FIELDS = ("agent",)

    def __init__(self, str agent not None):
        self.kind = E_SIGN_OUT
        self.agent = agent


@cython.final
@cython.no_gc
cdef class Ready(AgentEvent):
    FIELDS = ("agent",)

    def __init__(self, str agent not None):
        self.kind = E_READY
        self.agent = agent


@cython.final
@cython.no_gc
cdef class Break(AgentEvent):
    cdef readonly str reason

    FIELDS = ("agent", "reason")

    def __init__(self, str agent not None, str reason not None=""):
        self.kind = E_BREAK
        self.agent = agent
        self.reason = reason


@cython.final
@cython.no_gc
cdef class Extend(AgentEvent):
    cdef readonly double seconds

    FIELDS = ("agent", "seconds")

    def __init__(self, str agent not None, double seconds):
        self.kind = E_EXTEND
        self.agent = agent
        self.seconds = finite(seconds, "seconds")


@cython.final
@cython.no_gc
cdef class Dial(AgentEvent):
    FIELDS = ("agent",)

    def __init__(self, str agent not None):
        self.kind = E_DIAL
        self.agent = agent


@cython.final
@cython.no_gc
cdef class DialEnded(AgentEvent):
    cdef readonly str queue
    cdef readonly str contact
    cdef readonly str caller

    FIELDS = ("agent", "queue", "contact", "caller")

    def __init__(self, str agent not None, str queue not None="", str contact not None="", str caller not None=""):
        self.kind = E_DIAL_ENDED
        self.agent = agent
        self.queue = queue
        self.contact = contact
        self.caller = caller


@cython.final
@cython.no_gc
cdef class Reserve(AgentEvent):
    cdef readonly double seconds
    cdef readonly str reason

    FIELDS = ("agent", "seconds", "reason")

    def __init__(self, str agent not None, double seconds=30.0, str reason not None=""):
        self.kind = E_RESERVE
        self.agent = agent
        self.seconds = finite(seconds, "seconds")
        self.reason = reason


@cython.final
@cython.no_gc
cdef class Release(AgentEvent):
    FIELDS = ("agent",)

    def __init__(self, str agent not None):
        self.kind = E_RELEASE
        self.agent = agent


@cython.final
@cython.no_gc
cdef class PhoneLost(AgentEvent):
    FIELDS = ("agent",)

    def __init__(self, str agent not None):
        self.kind = E_PHONE_LOST
        self.agent = agent


@cython.final
@cython.no_gc
cdef class PhoneBack(AgentEvent):
    FIELDS = ("agent",)

    def __init__(self, str agent not None):
        self.kind = E_PHONE_BACK
        self.agent = agent


cdef dict EVENT_TYPES = {
    cls.__name__: cls for cls in (
        Tick, Enter, Move, HangUp, Depart, KeepPlace, Answer, Refuse, Unreachable, HandOver, Reached, Unreached, CloseCallback,
        SignIn, SignOut, Ready, Break, Extend, Dial, DialEnded, Reserve, Release, PhoneLost, PhoneBack, SwitchQueue, NewDay,
    )
}


def event_of(data):
    """The event that `data()` described. ValueError for an unknown type or fields that do not fit."""
    cls = EVENT_TYPES.get(data.get("type"))
    if cls is None:
        raise ValueError(f"no event of the ACD: {data.get('type')!r}")
    try:
        return cls(**{name: value for name, value in data.items() if name != "type"})
    except TypeError as wrong:
        raise ValueError(f"{data['type']}: {wrong}") from None
