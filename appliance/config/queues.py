"""The tables about queues: who answers, in which order, what callers hear meanwhile and where they go when it takes long."""

# ruff: noqa: RUF012 - msgspec copies empty [] and {} for each struct

from typing import Annotated, Literal

from msgspec import Meta

from appliance.config.kinds import (
    AgentId,
    Extension,
    HoursName,
    Key,
    Language,
    MusicName,
    Name,
    NumberText,
    PhoneExtension,
    SurveyName,
    Table,
    Words,
)
from appliance.config.values import RecordRule, Target

Strategy = Literal[
    "longest-idle",
    "ring-all",
    "round-robin",
    "fewest-calls",
    "least-occupied",
    "random",
    "weighted-random",
    "linear",
    "ring-progressively",
    "skills",
    "equal-load",
]
Level = Annotated[int, Meta(ge=1, le=10)]


class Member(Table, frozen=True, kw_only=True):
    """Somebody who answers a queue: an agent, or a phone that is always signed in."""

    agent: Annotated[AgentId | None, Meta(description="Id of the agent; or else `extension`.")] = None
    extension: Annotated[
        PhoneExtension | None, Meta(description="A phone that takes calls of the queue without anybody signing in.")
    ] = None
    rank: Annotated[
        Level, Meta(description="1 is asked first; the next rank only while nobody of the ranks before is free.")
    ] = 1
    weight: Annotated[
        int, Meta(ge=1, le=100, description="weighted-random: who has twice the weight gets twice as many calls.")
    ] = 1


class CallbackRules(Table, frozen=True, kw_only=True):
    """How callers are called back who would rather not wait. They keep their place in the queue."""

    digit: Annotated[Key, Meta(description="Key that a waiting caller presses to be called back.")] = "1"
    offer_when_wait_over_seconds: Annotated[
        Annotated[int, Meta(ge=1, le=14400)] | None,
        Meta(description="Offer it also at once to whom the expected wait is longer than this; empty: by time alone."),
    ] = None
    offer_again_every_seconds: Annotated[
        int, Meta(ge=15, le=3600, description="The offer is repeated so often.")
    ] = 90
    after_hang_up_seconds: Annotated[
        Annotated[int, Meta(ge=1, le=14400)] | None,
        Meta(description="Who hangs up after waiting so long is called back without asking; empty: nobody is."),
    ] = None
    ask_number: Annotated[
        bool, Meta(description="true: the caller may key another number than the one calling from.")
    ] = True
    first: Annotated[
        Literal["agent", "customer"], Meta(description="Who is called first when the turn has come.")
    ] = "agent"
    attempts: Annotated[int, Meta(ge=1, le=20, description="Calls to the customer at most.")] = 3
    minutes_between: Annotated[float, Meta(ge=0.1, le=1440, description="Wait before the next attempt.")] = 10.0
    expires_hours: Annotated[
        float, Meta(gt=0, le=720, description="After so long a callback is given up and listed as missed.")
    ] = 24.0
    hours: Annotated[
        HoursName | None, Meta(description="When customers are called back; empty: in the hours of the queue.")
    ] = None
    caller_id: Annotated[NumberText | None, Meta(description="Number shown to the customer; empty: the line's.")] = None


class Queue(Table, frozen=True, kw_only=True):
    """Callers who wait for one of several agents."""

    name: Annotated[Name, Meta(description="Name that targets use: queue:NAME.")]
    number: Annotated[Extension | None, Meta(description="Dialled from inside.")] = None
    language: Annotated[
        Language | None, Meta(description="Language of its prompts; empty: the caller's choice, else the office's.")
    ] = None

    # who gets the next caller
    strategy: Annotated[
        Strategy,
        Meta(
            description="Who gets the next caller. longest-idle: whose last call ended first. ring-all: everybody rings."
            " round-robin: the next in the order of `agents` after the one rung last. fewest-calls: who had fewest today."
            " least-occupied: who spent the smallest share of the last hour on calls. equal-load: who spent fewest"
            " seconds on calls today. random, weighted-random: by chance, by `weight`. linear: the first of `agents` who"
            " is free. ring-progressively: the first, then also the second, and so on. skills: who knows the wanted"
            " skills best."
        ),
    ] = "longest-idle"
    agents: Annotated[
        list[AgentId | Member],
        Meta(max_length=500, description='Its agents in order: ids, or tables such as { agent = "anna", rank = 2 }.'),
    ] = []
    skills: Annotated[dict[Name, Level], Meta(description="Least level of each skill an agent needs.")] = {}
    relax_skills_after_seconds: Annotated[
        Annotated[int, Meta(ge=1, le=3600)] | None,
        Meta(description="After so long the wanted levels fall by one, again and again."),
    ] = None
    last_agent_minutes: Annotated[
        int,
        Meta(ge=0, le=43200, description="Who calls again within this is offered to the same agent first; 0: to anyone."),
    ] = 0
    last_agent_wait_seconds: Annotated[
        int, Meta(ge=1, le=600, description="Wait so long for that agent if busy, then anyone takes the call.")
    ] = 30

    # between queues
    priority: Annotated[
        int, Meta(ge=0, le=10, description="Where an agent serves several queues, the higher goes first.")
    ] = 0
    priority_rises_every_seconds: Annotated[
        Annotated[int, Meta(ge=5, le=14400)] | None,
        Meta(description="A waiting caller's priority grows by one so often; empty: it stays."),
    ] = None
    weight: Annotated[
        int, Meta(ge=1, le=100, description="Of callers of equal priority, those of the queue with more weight go first.")
    ] = 1

    # the agents' phones
    ring_seconds: Annotated[
        int, Meta(ge=3, le=300, description="An agent's phone rings so long, then the next one's.")
    ] = 15
    ring_at_once: Annotated[
        int, Meta(ge=1, le=50, description="Agents who are rung for one caller at the same time; ring-all rings all.")
    ] = 1
    ring_more_every_seconds: Annotated[
        int, Meta(ge=2, le=300, description="ring-progressively: so often another agent's phone joins in.")
    ] = 10
    agent_confirms: Annotated[
        bool | None,
        Meta(
            description="An agent takes a call by pressing 1, so that no mailbox of a mobile takes it. Empty: only those"
            " who are rung at an outside number."
        ),
    ] = None
    tell_agent: Annotated[
        Words, Meta(description='Told to the agent before the caller is put through, such as "A call from billing."')
    ] = ""
    script: Annotated[
        str,
        Meta(max_length=4000, description="What the agent is to say and ask; shown at the desk with the caller."),
    ] = ""
    skip_missed_seconds: Annotated[
        int, Meta(ge=0, le=3600, description="Who missed or refused a caller is not offered the same one for so long.")
    ] = 20
    break_after_misses: Annotated[
        int, Meta(ge=0, le=20, description="Who misses so many calls in a row counts as away until ready again; 0: never.")
    ] = 3
    wrap_up_seconds: Annotated[int, Meta(ge=0, le=3600, description="Pause of the agent after a call.")] = 10
    wrap_up_extend_seconds: Annotated[
        int, Meta(ge=5, le=3600, description="The agent's code makes the pause longer by this; an hour at most.")
    ] = 60

    # who may wait, and for how long
    hours: Annotated[HoursName | None, Meta(description="Opening hours; empty: always open.")] = None
    when_closed: Annotated[
        Target | None, Meta(description="Where callers go when closed; empty: as the hours say.")
    ] = None
    when_nobody_signed_in: Annotated[
        Target | None, Meta(description="Where callers go while no agent is signed in; empty: they wait.")
    ] = None
    leave_with_last_agent: Annotated[
        bool, Meta(description="true: when the last agent signs out, those who wait are sent there too.")
    ] = False
    when_all_on_break: Annotated[
        Target | None, Meta(description="Where callers go while all agents are on a break; empty: they wait.")
    ] = None
    max_waiting: Annotated[int, Meta(ge=1, le=1000, description="Most callers waiting at once.")] = 100
    max_expected_wait_seconds: Annotated[
        Annotated[int, Meta(ge=1, le=14400)] | None,
        Meta(description="Whose expected wait is longer goes to `when_wait_too_long` at once; empty: all may wait."),
    ] = None
    when_wait_too_long: Annotated[
        Target | None, Meta(description="Where they go; empty: where those go who are late.")
    ] = None
    max_wait_seconds: Annotated[int, Meta(ge=1, le=14400, description="Longest wait.")] = 300
    when_full_or_late: Annotated[
        Target | None, Meta(description="Where callers go then; empty: its own voicemail.")
    ] = None
    keep_place_seconds: Annotated[
        int, Meta(ge=0, le=3600, description="Who is cut off and calls again within this gets the old place back; 0: no.")
    ] = 120
    vip_priority: Annotated[
        int, Meta(ge=0, le=10, description="Added to the priority of callers on a list of VIPs without one of its own.")
    ] = 5

    # what callers hear
    greeting: Annotated[Words, Meta(description="Told to each caller first.")] = ""
    music: Annotated[
        MusicName | None, Meta(description='Music while waiting; empty: the one named "default", else the built-in.')
    ] = None
    announce_position_every: Annotated[
        Annotated[int, Meta(ge=10, le=600)] | None,
        Meta(description="Tell callers their place every so many seconds; empty: never."),
    ] = None
    announce_wait: Annotated[bool, Meta(description="Tell the expected wait with the place, once it is known.")] = True
    messages: Annotated[list[Words], Meta(max_length=20, description="Told in turn while waiting.")] = []
    message_every_seconds: Annotated[int, Meta(ge=10, le=3600, description="One of the messages comes so often.")] = 60
    offer_callback_after_seconds: Annotated[
        Annotated[int, Meta(ge=1, le=3600)] | None,
        Meta(description="Offer to call back after this wait; empty: never."),
    ] = None
    callback: CallbackRules = CallbackRules()

    # during the call and after
    record: Annotated[
        RecordRule | None, Meta(description="Which of its calls are recorded; empty: as the line or [recording] says.")
    ] = None
    survey: Annotated[SurveyName | None, Meta(description="Asked of the caller after the call; empty: nothing.")] = None
    when_interrupted: Annotated[
        Literal["list", "call-back"],
        Meta(description="A call that a failure cut off: put on the list of missed callers, or called back by itself."),
    ] = "list"

    # figures
    usual_call_seconds: Annotated[
        int, Meta(ge=5, le=7200, description="What a call takes an agent, until the queue has figures of its own.")
    ] = 180
    service_level_seconds: Annotated[
        int, Meta(ge=1, le=3600, description="Answered within this counts as in time.")
    ] = 20
    short_abandon_seconds: Annotated[
        int, Meta(ge=0, le=60, description="Who hangs up within this counts neither as missed nor against the figures.")
    ] = 5

    @property
    def members(self) -> list[Member]:
        """Its agents and phones as tables, in order."""
        return [each if isinstance(each, Member) else Member(agent=each) for each in self.agents]

    @property
    def overflow(self) -> Target:
        """Where callers go whom nobody answers in time."""
        return self.when_full_or_late or Target(f"voicemail:{self.name}")
