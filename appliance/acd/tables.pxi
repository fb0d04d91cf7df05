# The two state machines as tables: state x event -> handler. What is not here is refused and changes nothing. Both the dispatch
# and the diagrams in docs/acd.md come from these rows. Events in lower case happen inside the core: its decisions, and time.

ctypedef int (*AgentDo)(Acd, Agent, object) except -1
ctypedef int (*ContactDo)(Acd, Contact, object) except -1

cdef AgentDo AGENT_DO[A_STATES][E_KINDS]
cdef ContactDo CONTACT_DO[C_STATES][E_KINDS]

Transition = collections.namedtuple("Transition", "state event targets what")
AGENT_TABLE = []
CONTACT_TABLE = []

cdef dict EVENT_NAMES = {
    E_ENTER: "Enter", E_MOVE: "Move", E_HANG_UP: "HangUp", E_DEPART: "Depart", E_KEEP_PLACE: "KeepPlace", E_ANSWER: "Answer",
    E_REFUSE: "Refuse", E_UNREACHABLE: "Unreachable", E_HAND_OVER: "HandOver", E_REACHED: "Reached", E_UNREACHED: "Unreached",
    E_CLOSE_CALLBACK: "CloseCallback", E_OFFER: "offered", E_MISS: "missed", E_TIME: "time",
    E_SIGN_IN: "SignIn", E_SIGN_OUT: "SignOut", E_READY: "Ready", E_BREAK: "Break", E_EXTEND: "Extend", E_DIAL: "Dial",
    E_DIAL_ENDED: "DialEnded", E_RESERVE: "Reserve", E_RELEASE: "Release", E_PHONE_LOST: "PhoneLost",
    E_PHONE_BACK: "PhoneBack", E_RING: "offered", E_RING_ENDED: "offer over", E_TAKE: "given contact", E_DONE: "contact over",
    E_UNDONE: "customer not reached", E_AGENT_TIME: "time", E_TICK: "Tick", E_SWITCH_QUEUE: "SwitchQueue", E_NEW_DAY: "NewDay",
}


cdef int agent_row(int state, int event, AgentDo do, tuple targets, str what) except -1:
    AGENT_DO[state][event] = do
    AGENT_TABLE.append(Transition(AGENT_NAMES[state], EVENT_NAMES[event], tuple([AGENT_NAMES[t] for t in targets]), what))
    return 0


cdef int contact_row(int state, int event, ContactDo do, tuple targets, str what) except -1:
    CONTACT_DO[state][event] = do
    CONTACT_TABLE.append(Transition(CONTACT_NAMES[state], EVENT_NAMES[event], tuple([CONTACT_NAMES[t] for t in targets]), what))
    return 0


cdef int fill_agent_table() except -1:
    cdef int s
    memset(AGENT_DO, 0, sizeof(AGENT_DO))
    agent_row(A_LOGGED_OUT, E_SIGN_IN, do_sign_in, (A_READY, A_BREAK), "signs in")

    agent_row(A_READY, E_RING, ring_first, (A_OFFERED,), "a contact is offered")
    agent_row(A_READY, E_TAKE, take_first, (A_ON_CONTACT,), "a contact is handed over")
    agent_row(A_READY, E_RESERVE, do_reserve, (A_RESERVED,), "kept free for a call to come")
    for s in (A_READY, A_OFFERED, A_WRAP_UP, A_BREAK, A_DIALLING_OUT, A_RESERVED, A_NOT_ANSWERING):
        agent_row(s, E_SIGN_OUT, do_sign_out, (A_LOGGED_OUT,), "signs out")
    for s in (A_READY, A_OFFERED, A_WRAP_UP, A_BREAK, A_RESERVED, A_NOT_ANSWERING):
        agent_row(s, E_BREAK, do_break, (A_BREAK,), "takes a break")
        agent_row(s, E_DIAL, do_dial, (A_DIALLING_OUT,), "uses the phone for a call of their own")
    for s in (A_READY, A_OFFERED, A_WRAP_UP, A_RESERVED, A_DIALLING_OUT):
        agent_row(s, E_PHONE_LOST, do_lost, (A_NOT_ANSWERING,), "the phone cannot be reached")
    for s in (A_WRAP_UP, A_BREAK, A_NOT_ANSWERING):
        agent_row(s, E_READY, do_ready, (A_READY,), "is ready")

    agent_row(A_OFFERED, E_RING, ring_more, (A_OFFERED,), "a further chat or mail is offered")
    agent_row(A_OFFERED, E_TAKE, take_first, (A_ON_CONTACT,), "takes the contact")
    agent_row(
        A_OFFERED, E_RING_ENDED, ring_over, (A_OFFERED, A_READY, A_NOT_ANSWERING, A_WRAP_UP, A_BREAK, A_LOGGED_OUT),
        "missed, refused or withdrawn",
    )
    agent_row(A_OFFERED, E_AGENT_TIME, pause_over, (A_OFFERED,), "wrap-up of another contact is over")

    agent_row(A_ON_CONTACT, E_RING, ring_more, (A_ON_CONTACT,), "a further contact is offered")
    agent_row(A_ON_CONTACT, E_TAKE, take_more, (A_ON_CONTACT,), "takes a further contact")
    agent_row(A_ON_CONTACT, E_RING_ENDED, ring_over_busy, (A_ON_CONTACT,), "missed, refused or withdrawn")
    agent_row(
        A_ON_CONTACT, E_DONE, contact_over,
        (A_ON_CONTACT, A_OFFERED, A_WRAP_UP, A_READY, A_BREAK, A_LOGGED_OUT, A_NOT_ANSWERING), "a contact is over",
    )
    agent_row(
        A_ON_CONTACT, E_UNDONE, contact_undone,
        (A_ON_CONTACT, A_OFFERED, A_WRAP_UP, A_READY, A_BREAK, A_LOGGED_OUT, A_NOT_ANSWERING), "the customer was not reached",
    )
    agent_row(A_ON_CONTACT, E_READY, later_ready, (A_ON_CONTACT,), "takes back a break or sign-out")
    agent_row(A_ON_CONTACT, E_BREAK, later_break, (A_ON_CONTACT,), "asks for a break after it")
    agent_row(A_ON_CONTACT, E_SIGN_OUT, later_sign_out, (A_ON_CONTACT,), "asks to be signed out after it")
    agent_row(A_ON_CONTACT, E_PHONE_LOST, later_lost, (A_ON_CONTACT,), "the phone cannot be reached")
    agent_row(A_ON_CONTACT, E_PHONE_BACK, back_in_time, (A_ON_CONTACT,), "the phone can be reached again")
    agent_row(A_ON_CONTACT, E_EXTEND, do_extend, (A_ON_CONTACT,), "asks for a longer wrap-up")
    agent_row(A_ON_CONTACT, E_AGENT_TIME, pause_over, (A_ON_CONTACT,), "wrap-up of another contact is over")

    agent_row(A_WRAP_UP, E_PHONE_BACK, back_in_time, (A_WRAP_UP,), "the phone can be reached again")
    agent_row(A_WRAP_UP, E_EXTEND, do_extend, (A_WRAP_UP,), "wrap-up lasts longer")
    agent_row(
        A_WRAP_UP, E_AGENT_TIME, wrap_up_over, (A_READY, A_BREAK, A_LOGGED_OUT, A_NOT_ANSWERING), "wrap-up is over",
    )

    agent_row(
        A_DIALLING_OUT, E_DIAL_ENDED, do_dial_ended, (A_READY, A_WRAP_UP, A_BREAK, A_NOT_ANSWERING), "the own call is over",
    )
    agent_row(A_DIALLING_OUT, E_TAKE, take_first, (A_ON_CONTACT,), "a contact is handed over")
    agent_row(A_DIALLING_OUT, E_READY, dialling_ready, (A_DIALLING_OUT,), "will be ready after it")
    agent_row(A_DIALLING_OUT, E_BREAK, dialling_break, (A_DIALLING_OUT,), "takes a break after it")

    agent_row(A_RESERVED, E_RING, ring_first, (A_OFFERED,), "the customer was reached: the contact is offered")
    agent_row(A_RESERVED, E_TAKE, take_first, (A_ON_CONTACT,), "a contact is handed over")
    agent_row(A_RESERVED, E_RELEASE, do_release, (A_READY,), "the reservation is over")
    agent_row(A_RESERVED, E_AGENT_TIME, do_release, (A_READY,), "the reservation is over")

    agent_row(A_NOT_ANSWERING, E_PHONE_BACK, do_back, (A_READY, A_WRAP_UP), "the phone can be reached again")
    return 0


cdef int fill_contact_table() except -1:
    cdef int s
    memset(CONTACT_DO, 0, sizeof(CONTACT_DO))
    contact_row(C_NONE, E_ENTER, do_enter, (C_WAITING, C_OFFERED, C_DIALLING, C_NONE), "enters, or is turned away")
    for s in (C_WAITING, C_OFFERED):
        contact_row(s, E_OFFER, do_offer, (C_OFFERED, C_DIALLING), "its turn has come with an agent")
        contact_row(s, E_HANG_UP, hang_up_waiting, (C_NONE, s), "hangs up (or is called back by rule)")
        contact_row(s, E_DEPART, do_depart, (C_NONE,), "leaves for another target")
        contact_row(s, E_KEEP_PLACE, do_keep_place, (C_WAITING, C_OFFERED, C_DIALLING), "will be called back")
    for s in (C_WAITING, C_OFFERED, C_CONNECTED):
        contact_row(s, E_MOVE, do_move, (C_WAITING, C_OFFERED, C_DIALLING), "goes to another queue")
    for s in (C_WAITING, C_OFFERED, C_PARKED, C_DIALLING):
        contact_row(s, E_CLOSE_CALLBACK, do_close, (C_NONE,), "no callback any more")
    for s in (C_WAITING, C_OFFERED):
        contact_row(s, E_TIME, waiting_time, (C_WAITING, C_OFFERED, C_DIALLING, C_NONE), "time: limit, relaxing, one more agent")
    contact_row(C_OFFERED, E_ANSWER, do_answer, (C_CONNECTED, C_DIALLING), "an agent answers")
    contact_row(C_OFFERED, E_REFUSE, do_refuse, (C_WAITING, C_OFFERED, C_NONE), "an agent refuses")
    contact_row(C_OFFERED, E_UNREACHABLE, do_unreachable, (C_WAITING, C_OFFERED, C_NONE), "a phone cannot be rung")
    contact_row(C_OFFERED, E_MISS, do_miss, (C_WAITING, C_OFFERED, C_NONE), "an agent misses it")
    contact_row(C_CONNECTED, E_HANG_UP, hang_up_connected, (C_NONE,), "the conversation is over")
    contact_row(C_CONNECTED, E_HAND_OVER, do_hand_over, (C_CONNECTED, C_NONE), "goes on with another agent, or outside")
    contact_row(C_DIALLING, E_REACHED, do_reached, (C_CONNECTED, C_OFFERED, C_WAITING), "the customer answers")
    contact_row(C_DIALLING, E_UNREACHED, do_unreached, (C_PARKED, C_NONE), "the customer is not reached")
    contact_row(C_DIALLING, E_HANG_UP, hang_up_dialling, (C_WAITING, C_OFFERED, C_DIALLING, C_NONE), "the agent goes away")
    contact_row(C_PARKED, E_TIME, parked_time, (C_WAITING, C_OFFERED, C_DIALLING, C_NONE), "time for another attempt, or too late")
    return 0


fill_agent_table()
fill_contact_table()


cdef int agent_does(Acd acd, Agent a, int event, object about) except -1:
    """Something inside the core happens to an agent. That it may, whoever calls has seen to."""
    cdef AgentDo do = AGENT_DO[a.state][event]
    if do == NULL:
        raise RuntimeError(f"agent {a.id} in {AGENT_NAMES[a.state]} cannot take {EVENT_NAMES[event]!r}")
    return do(acd, a, about)


cdef int contact_does(Acd acd, Contact c, int event, object about) except -1:
    cdef ContactDo do = CONTACT_DO[c.state][event]
    if do == NULL:
        raise RuntimeError(f"contact {c.id} in {CONTACT_NAMES[c.state]} cannot take {EVENT_NAMES[event]!r}")
    return do(acd, c, about)


# ---- refusals --------------------------------------------------------------------------------------------------------

DENIALS = {
    "unknown-contact": "There is no such contact here.",
    "known-contact": "A contact with this id is here already.",
    "unknown-queue": "There is no such queue.",
    "unknown-agent": "There is no such agent.",
    "state": "That cannot happen in this state.",
    "not-offered": "This agent is not being rung for this contact (any more).",
    "not-free": "That agent cannot take a contact now.",
    "not-lost": "The agent is away for another reason than the phone.",
    "already": "It is so already.",
    "bad-time": "The time must be more than nothing.",
    "virtual": "The caller holds no line: it is a callback. Close it as one.",
    "not-virtual": "The contact is no callback.",
    "not-a-call": "Only calls can be called back.",
    "dialling": "The customer is being called: say Reached or Unreached.",
    "closed": "The queue is closed.",
    "nobody-in": "Nobody is signed in to the queue.",
    "all-on-break": "All agents of the queue are on a break.",
    "full": "The queue is full.",
    "long-wait": "The expected wait is longer than the queue allows.",
}


cdef int deny(Acd acd, str reason, int agent_state) except -1:
    return say_denied(acd, reason, <str>AGENT_NAMES[agent_state])


cdef int deny_contact(Acd acd, str reason, int contact_state) except -1:
    return say_denied(acd, reason, <str>CONTACT_NAMES[contact_state])
