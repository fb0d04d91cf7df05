# What the ACD knows: agents, queues, contacts, and what ties them.
#
# A queue's contacts have a `place` in one tree per queue (their position). Those of them that want an agent now have a `turn` in
# a lane: one per queue, kind of channel and wanted skills, so that everybody in a lane can be served by the same agents. A pool
# is such a set of agents, with those who are free in a tree ordered by the strategy; lanes with the same agents and order share
# a pool. So "who is next for this agent" and "who is next for this contact" both look at first nodes only.

cdef enum:
    A_LOGGED_OUT
    A_READY
    A_OFFERED
    A_ON_CONTACT
    A_WRAP_UP
    A_BREAK
    A_DIALLING_OUT
    A_RESERVED
    A_NOT_ANSWERING
    A_STATES

cdef tuple AGENT_NAMES = (
    "logged-out", "ready", "offered", "on-contact", "wrap-up", "break", "dialling-out", "reserved", "not-answering",
)

cdef enum:
    C_NONE
    C_WAITING
    C_OFFERED
    C_CONNECTED
    C_PARKED
    C_DIALLING
    C_STATES

cdef tuple CONTACT_NAMES = ("none", "waiting", "offered", "connected", "parked", "dialling")

cdef enum:
    K_CALL              # voice and callbacks: one at a time
    K_CHAT
    K_MAIL
    KINDS

cdef dict KIND_OF = {"voice": K_CALL, "callback": K_CALL, "chat": K_CHAT, "mail": K_MAIL}

cdef enum:
    T_CONTACT
    T_RINGING
    T_AGENT

cdef enum:
    S_RING_ALL
    S_LONGEST_IDLE
    S_ROUND_ROBIN
    S_FEWEST
    S_LEAST_OCCUPIED
    S_EQUAL_LOAD
    S_RANDOM
    S_WEIGHTED
    S_LINEAR
    S_PROGRESSIVE
    S_SKILLS

cdef dict STRATEGIES = {
    "ring-all": S_RING_ALL, "longest-idle": S_LONGEST_IDLE, "round-robin": S_ROUND_ROBIN, "fewest-contacts": S_FEWEST,
    "least-occupied": S_LEAST_OCCUPIED, "equal-load": S_EQUAL_LOAD, "random": S_RANDOM, "weighted-random": S_WEIGHTED,
    "linear": S_LINEAR, "progressive": S_PROGRESSIVE, "skills": S_SKILLS,
}

cdef double NEVER = float("inf")
cdef double OCCUPANCY_SECONDS = 3600.0
cdef double RING_AGAIN_SECONDS = 3.0    # who missed a contact is rung again after it, where nobody else is left
cdef double MOST_WRAP_UP = 3600.0
SET_BACK_SECONDS = 43_200.0             # a calendar that is set back further is followed: the gaps of a night do not make up for it
cdef int MOST_TRIES = 64
cdef int MOST_IDLE_LANES = 64
cdef int MOST_RECLAIMS = 10000


cdef class Agent
cdef class Queue
cdef class Contact
cdef class Pool
cdef class Group


@cython.final
cdef class Member:
    """An agent's place in a queue's list."""
    cdef Agent agent
    cdef int rank
    cdef int order
    cdef double weight


@cython.final
cdef class Seat:
    """An agent in a pool; its node is in the pool's tree while he is free for it."""
    cdef Node node
    cdef bint free
    cdef Agent agent
    cdef Pool pool
    cdef Group group
    cdef int rank
    cdef double fixed       # what the strategy orders by that does not change: order in the list, or match of skills
    cdef double weight


@cython.final
cdef class Pool:
    cdef int kind
    cdef int strategy
    cdef Node *free
    cdef list seats
    cdef list groups
    cdef list lanes
    cdef object key


@cython.final
cdef class Group:
    """Those of a pool who serve the same queues: alike to the estimate, which so need not look at each of them."""
    cdef list queues
    cdef int present        # signed in and on no break


@cython.final
cdef class Lane:
    cdef Queue queue
    cdef Pool pool
    cdef Node *turns
    cdef int kind
    cdef tuple skills
    cdef Agent sticky
    cdef int users          # contacts that belong here, having their turn or not
    cdef object key


@cython.final
@cython.freelist(256)
cdef class Ringing:
    """One offer of one contact to one agent; when it is over it stays with the contact as a fact for `why`."""
    cdef Contact contact
    cdef Agent agent
    cdef double at
    cdef double until
    cdef double ended
    cdef str how            # None while it lasts
    cdef Timer timer


@cython.final
cdef class Agent:
    cdef str id
    cdef str name
    cdef int index
    cdef dict skills
    cdef int capacity[3]
    cdef bint blend
    cdef bint gone          # no longer configured; forgotten when signed out

    cdef int state
    cdef str reason
    cdef double since
    cdef double until
    cdef Timer timer
    cdef int pending        # the state after the contact and its wrap-up: A_READY, or what was asked for meanwhile
    cdef str pending_reason
    cdef int resume         # while dialling out: what was before
    cdef str resume_reason
    cdef double left        # and how much wrap-up was left
    cdef double wrap_until  # no further contact before this
    cdef double extra       # wrap-up asked for in advance

    cdef double idle_since
    cdef long taken         # contacts today
    cdef double busy        # seconds of contacts and wrap-up today, and the start given to who came late
    cdef double handicap
    cdef double occupancy   # as of `weighed`, over about OCCUPANCY_SECONDS
    cdef double weighed
    cdef int misses
    cdef Queue worked_for   # whose contact is being or was just handled
    cdef double working     # since when; 0: not

    cdef int load[3]        # contacts held, by kind
    cdef int ringing[3]
    cdef list offers
    cdef list holding
    cdef list seats
    cdef list queues


@cython.final
cdef class Queue:
    cdef str name
    cdef int index
    cdef object rules
    cdef int strategy
    cdef int priority
    cdef double weight
    cdef double age_seconds
    cdef double ring_seconds
    cdef double retry_seconds
    cdef double wrap_up_seconds
    cdef double relax_seconds
    cdef double sticky_seconds
    cdef double max_wait
    cdef double expiry
    cdef double max_expected_wait
    cdef int vip_priority
    cdef int max_waiting
    cdef int wants          # agents rung at once for one contact
    cdef bint enter_when_nobody_in
    cdef bint enter_when_all_on_break
    cdef bint customer_first
    cdef tuple skills
    cdef dict members       # agent id -> Member
    cdef list ordered       # Members in order of the list
    cdef dict lanes
    cdef Lane plain         # of calls that bring no wishes of their own
    cdef bint open
    cdef bint calling       # callbacks are made
    cdef bint gone

    cdef Node *places
    cdef int ringing        # contacts with a place that are being offered
    cdef int virtual
    cdef int talking
    cdef int signed_in
    cdef int on_break
    cdef str last_rung      # round-robin's memory
    cdef dict virtual_of    # caller -> Contact, for who calls again
    cdef dict reclaims      # caller -> (since, seq, until, agent)

    # figures for the estimate, forgotten slowly
    cdef double handled     # seconds, and of how many
    cdef double handlings
    cdef double abandons
    cdef double waited      # contact-seconds in the queue
    cdef double counted     # up to when `waited` is counted

    cdef double demand       # scratch of the estimate
    cdef Contact best       # scratch of the matching
    cdef unsigned long long stamp


@cython.final
@cython.freelist(256)
cdef class Contact:
    cdef str id
    cdef Queue queue
    cdef Lane lane
    cdef str channel
    cdef int kind
    cdef int state
    cdef int priority
    cdef dict skills
    cdef bint vip
    cdef str sticky
    cdef str caller
    cdef bint virtual
    cdef double entered
    cdef double since
    cdef unsigned long long seq

    cdef Node place
    cdef Node turn
    cdef bint placed
    cdef bint hungry        # has its turn: wants (another) agent
    cdef Timer timer
    cdef double deadline
    cdef double sticky_until
    cdef double relax_at
    cdef double more_at
    cdef double again
    cdef int relaxed
    cdef int wants          # agents to ring at once

    cdef list live          # Ringing
    cdef list tries         # Ringing that ended
    cdef dict skips         # Agent -> until
    cdef Agent agent        # talking to, or waiting for the customer
    cdef double taken       # when the agent was given it
    cdef double connected
    cdef int attempts
    cdef bint reached       # a callback whose customer is on the line
    cdef bint was_virtual


cdef Contact new_contact(str id):
    cdef Contact c = Contact.__new__(Contact)
    c.id = id
    c.live = []
    c.tries = []
    c.skips = None
    timer_init(&c.timer, T_CONTACT, <void *>c)
    return c


cdef Agent new_agent(str id):
    cdef Agent a = Agent.__new__(Agent)
    a.id = id
    a.pending = A_READY
    a.reason = ""
    a.pending_reason = ""
    a.resume_reason = ""
    a.offers = []
    a.holding = []
    a.seats = []
    a.queues = []
    timer_init(&a.timer, T_AGENT, <void *>a)
    return a


cdef Queue new_queue(str name):
    cdef Queue q = Queue.__new__(Queue)
    q.name = name
    q.members = {}
    q.ordered = []
    q.lanes = {}
    q.places = NULL
    q.open = True
    q.calling = True
    q.last_rung = ""
    q.virtual_of = {}
    q.reclaims = {}
    return q


AGENT_STATES = AGENT_NAMES
CONTACT_STATES = CONTACT_NAMES
