"""An office of random people in front of an `Acd`: draws events, follows the actions in a model of its own, and checks each
against what the ACD promises. The model knows the rules and the actions alone, nothing of how the core keeps its order."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from typing import Any

import msgspec

from appliance import _core as acd
from appliance.acd.rules import AgentRules, QueueRules
from tests.property.acd_rules_drawn import SKILLS, draw_agent_rules, draw_queue, draw_rules

RING_AGAIN = 3.0
PAIRS = {(row.state, target) for row in acd.AGENT_TABLE for target in row.targets}


@dataclass
class Person:
    """A caller as the model sees it."""

    id: str
    queue: str
    priority: int
    skills: dict[str, int]
    vip: bool
    sticky: str
    channel: str
    since: float = 0.0
    joined: float = 0.0
    state: str = "waiting"
    virtual: bool = False
    agent: str = ""
    ringing: dict[str, float] = field(default_factory=dict)
    failed: dict[str, float] = field(default_factory=dict)
    parked_until: float = 0.0
    missed: dict[str, float] = field(default_factory=dict)
    silences: list[float] = field(default_factory=list)  # when the last of its phones stopped ringing

    def rung_again_soon(self, agent: str, at: float) -> bool:
        """Who missed it, or whose phone was not there, is rung again soon where it was left with nobody being rung."""
        missed = self.missed.get(agent)
        return missed is not None and any(silence >= missed and at >= silence + RING_AGAIN for silence in self.silences)


@dataclass
class Worker:
    id: str
    state: str = "logged-out"
    ringing: set[str] = field(default_factory=set)
    holding: set[str] = field(default_factory=set)
    wrap_until: float = 0.0


class World:
    """`step` draws one event, lets the ACD take it, and checks all that came of it."""

    def __init__(self, seed: int, agents: int = 6, queues: int = 3, changing: float = 0.005) -> None:
        """`changing`: how often an event is a change of the rules."""
        self.changing = changing
        self.rng = random.Random(seed)
        self.seed = seed
        self.acd = acd.Acd(seed)
        self.now = 1_700_000_000.0
        self.at = 0.0
        self.people: dict[str, Person] = {}
        self.workers: dict[str, Worker] = {}
        self.calling: dict[str, bool] = {}  # queue -> whether its callbacks were being made, as far as the actions have come
        self.known: dict[str, QueueRules] = {}  # also queues that are gone, whose conversations still end
        self.taken: list[tuple[float, acd.AcdEvent | tuple[list[QueueRules], list[AgentRules]]]] = []
        self.steps: list[tuple[float, Any, list[acd.Action]]] = []
        self.next = 0
        self.connects = 0
        self.configure(*draw_rules(self.rng, agents, queues))

    def configure(self, queues: list[QueueRules], agents: list[AgentRules]) -> None:
        # Whatever fell due before did so under the old rules.
        if self.steps:
            self.do(acd.Tick())
        self.queues = {rules.name: rules for rules in queues}
        self.known.update(self.queues)
        self.calling = {name: on for name, on in self.calling.items() if name in self.queues}
        self.agents = {rules.id: rules for rules in agents}
        for rules in agents:
            self.workers.setdefault(rules.id, Worker(rules.id))
        for worker in list(self.workers.values()):
            if worker.id not in self.agents and worker.state == "logged-out":
                del self.workers[worker.id]
        actions = self.acd.configure(queues, agents, self.now)
        self.taken.append((self.now, (queues, agents)))
        self.steps.append((self.now, (queues, agents), actions))
        self.follow(actions, None)

    # ---- what happens

    def step(self) -> None:
        self.now += self.rng.choice((0.0, 0.1, 0.5, 1.0, 1.0, 1.0, 2.0, 3.0, self.rng.uniform(0, 9)))
        if self.rng.random() < 0.02:
            self.now += self.rng.uniform(0, 120)
        if self.rng.random() < self.changing:
            self.configure(*self.draw_change())
        else:
            self.do(self.draw())

    def draw_change(self) -> tuple[list[QueueRules], list[AgentRules]]:
        """Somebody edits the office while it works: agents and queues come and go, their rules and members change."""
        rng = self.rng
        queues, agents = list(self.queues.values()), list(self.agents.values())
        for _ in range(rng.randint(1, 3)):
            kind = rng.randrange(6)
            if kind == 0 and len(agents) > 1:
                agents.remove(rng.choice(agents))
            elif kind == 1 and len(queues) > 1:
                queues.remove(rng.choice(queues))
            elif kind == 2 and len(agents) < 14:
                new = rng.choice([f"a{n}" for n in range(16) if f"a{n}" not in {each.id for each in agents}])
                agents.append(draw_agent_rules(rng, new))
            elif kind == 3 and len(queues) < 6:
                queues.append(self.draw_queue_again(f"q{rng.randrange(8)}", agents))
            elif kind == 4:
                index = rng.randrange(len(agents))
                agents[index] = draw_agent_rules(rng, agents[index].id)
            else:
                index = rng.randrange(len(queues))
                queues[index] = self.draw_queue_again(queues[index].name, agents)
        queues = list({rules.name: rules for rules in queues}.values())
        here = {rules.id for rules in agents}
        kept = [msgspec.structs.replace(q, members=[m for m in q.members if m.agent in here]) for q in queues]
        rng.shuffle(agents)
        return kept, agents

    def draw_queue_again(self, name: str, agents: list[AgentRules]) -> QueueRules:
        return draw_queue(self.rng, name, agents, 0)

    def do(self, event: acd.AcdEvent) -> list[acd.Action]:
        actions = self.acd.step(self.now, event)
        denied = any(isinstance(action, acd.Denied) for action in actions)
        if not denied and not isinstance(event, acd.Tick):
            self.taken.append((self.now, event))
        self.steps.append((self.now, event, actions))
        self.follow(actions, None if denied else event)
        return actions

    def draw(self) -> acd.AcdEvent:
        rng = self.rng
        kind = rng.random()
        ringing = [(p.id, agent) for p in self.people.values() for agent in p.ringing]
        talking = [p.id for p in self.people.values() if p.state == "connected"]
        waiting = [p.id for p in self.people.values() if p.state == "waiting"]
        dialling = [p.id for p in self.people.values() if p.state == "dialling"]
        if kind < 0.22:
            return self.draw_enter()
        if kind < 0.42 and ringing:
            contact, agent = rng.choice(ringing)
            return rng.choices((acd.Answer, acd.Refuse, acd.Unreachable), (12, 2, 1))[0](contact, agent)
        if kind < 0.56 and talking:
            contact = rng.choice(talking)
            return rng.choices(
                (acd.HangUp(contact, rng.choice(("caller", "agent", "cut", "restart"))), acd.HandOver(contact, self.some_agent()),
                 acd.HandOver(contact), acd.Move(contact, self.some_queue(), rng.random() < 0.5)),
                (10, 2, 1, 1),
            )[0]  # fmt: skip
        if kind < 0.62 and waiting:
            contact = rng.choice(waiting)
            return rng.choice((
                acd.HangUp(contact, rng.choice(("caller", "cut", "restart"))), acd.Depart(contact, "voicemail", "voicemail:x"),
                acd.KeepPlace(contact), acd.KeepPlace(contact), acd.Move(contact, self.some_queue(), rng.random() < 0.5),
                acd.CloseCallback(contact),
            ))  # fmt: skip
        if kind < 0.70 and dialling:
            contact = rng.choice(dialling)
            return rng.choice((
                acd.Reached(contact), acd.Reached(contact), acd.Unreached(contact, "busy"), acd.HangUp(contact, "agent"),
                acd.CloseCallback(contact, "reached"),
            ))  # fmt: skip
        if kind < 0.76:
            return acd.Tick()
        return self.draw_agent() if kind < 0.97 else self.draw_odd()

    def draw_enter(self) -> acd.AcdEvent:
        rng = self.rng
        self.next += 1
        return acd.Enter(
            f"c{self.next}", self.some_queue(), rng.choice(("voice",) * 8 + ("chat", "mail", "callback")),
            rng.choice((0, 0, 0, 1, 5)), {rng.choice(SKILLS): rng.randint(1, 5)} if rng.random() < 0.3 else None,
            rng.random() < 0.1, self.some_agent() if rng.random() < 0.2 else "", f"k{rng.randint(1, 40)}", rng.random() < 0.05,
        )  # fmt: skip

    def draw_agent(self) -> acd.AcdEvent:
        rng = self.rng
        agent = self.some_agent()
        return rng.choices(
            (acd.SignIn(agent, rng.random() < 0.9), acd.SignOut(agent), acd.Ready(agent), acd.Break(agent, "lunch"),
             acd.Extend(agent, rng.uniform(0, 20)), acd.Dial(agent), self.draw_dial_ended(agent),
             acd.Reserve(agent, 10.0, "dialler"), acd.Release(agent), acd.PhoneLost(agent), acd.PhoneBack(agent)),
            (8, 1, 8, 2, 2, 2, 4, 1, 1, 1, 2),
        )[0]  # fmt: skip

    def draw_dial_ended(self, agent: str) -> acd.AcdEvent:
        """An own call, or a caller who was passed on out of a queue."""
        queue = self.some_queue() if self.rng.random() < 0.3 else ""
        return acd.DialEnded(agent, queue, "passed" if queue else "", "k1" if queue else "")

    def draw_odd(self) -> acd.AcdEvent:
        """What does not fit, and what happens rarely."""
        rng = self.rng
        known = rng.choice(list(self.people)) if self.people else "c0"
        return rng.choice((
            acd.Answer(known, self.some_agent()), acd.Enter(known, self.some_queue()), acd.Enter("cx", "nowhere"),
            acd.SignIn("nobody"), acd.HangUp("nobody"), acd.Reached(known), acd.Unreached(known), acd.HandOver(known, "nobody"),
            acd.SwitchQueue(self.some_queue(), rng.random() < 0.7, "", rng.choice(("both", "door", "callbacks"))),
            acd.SwitchQueue(self.some_queue(), True), acd.NewDay(),
        ))  # fmt: skip

    def some_queue(self) -> str:
        return self.rng.choice(list(self.queues))

    def some_agent(self) -> str:
        """Now and then one who is no longer configured, but may still be busy."""
        return self.rng.choice(list(self.agents if self.rng.random() < 0.95 else self.workers))

    # ---- what came of it

    def follow(self, actions: list[acd.Action], event: acd.AcdEvent | None) -> None:
        self.inherited: Person | None = None
        entering = event if isinstance(event, acd.Enter) else None
        own_wish = event.agent if isinstance(event, (acd.Ready, acd.Break, acd.SignOut)) else ""
        for action in actions:
            if own_wish and action.at >= self.now:  # after what was due before it
                self.workers[own_wish].wrap_until = 0.0
                own_wish = ""
            assert action.at >= self.at, "time runs backwards"
            self.at = action.at
            getattr(self, f"on_{type(action).__name__}", lambda _a, _e: None)(action, entering or event)

    def on_Queued(self, a: acd.Queued, event: Any) -> None:
        person = self.people.get(a.contact)
        if isinstance(event, acd.Enter) and event.contact == a.contact:
            assert person is None, "a contact in two places"
            person = self.people[a.contact] = Person(
                a.contact, a.queue, event.priority, event.skills, event.vip, event.sticky, event.channel, virtual=event.virtual
            )
            if self.inherited is not None:
                person.priority, person.vip = max(person.priority, self.inherited.priority), person.vip or self.inherited.vip
        assert person is not None
        if isinstance(event, acd.Move):
            person.priority, person.sticky, person.failed = event.priority, "", {}
        if (view := self.acd.contact(a.contact)) is not None:
            person.sticky = view.sticky  # who was cut off from an agent waits for that one
        person.queue, person.since, person.joined, person.state, person.agent = a.queue, a.since, a.at, "waiting", ""
        assert a.position >= 1

    def on_Offer(self, a: acd.Offer, event: Any) -> None:
        person, worker, rules = self.people[a.contact], self.workers[a.agent], self.queues[a.queue]
        assert person.state in ("waiting", "offered"), "offered though it is not waiting"
        assert a.contact not in worker.ringing, "rung twice"
        assert a.agent in [m.agent for m in rules.members] or person.agent == a.agent
        assert worker.state in ("ready", "offered", "on-contact", "reserved")
        if person.channel in ("voice", "callback"):
            assert not self.voice(worker.ringing), "two calls ring at one agent"
            assert not self.voice(worker.holding), "a call offered to who is on a call"
        else:
            assert not self.voice(worker.ringing | worker.holding)
        assert a.at >= worker.wrap_until, "wrap-up cut short"
        rested = a.at >= person.failed.get(a.agent, 0.0) or person.rung_again_soon(a.agent, a.at)
        assert rested, "rung again though just refused or missed"
        self.check_skills(person, a)
        self.check_fifo(person, worker, a)
        person.state = "offered"
        person.failed.pop(a.agent, None)
        person.ringing[a.agent] = a.until
        worker.ringing.add(a.contact)

    def voice(self, contacts: set[str]) -> list[str]:
        return [c for c in contacts if self.people[c].channel in ("voice", "callback")]

    def wanted(self, person: Person, at: float) -> dict[str, int]:
        rules = self.queues[person.queue]
        relaxed = 0
        if rules.relax_seconds:
            while person.since + (relaxed + 1) * rules.relax_seconds <= at:
                relaxed += 1
        names = {*rules.skills, *person.skills}
        return {name: max(rules.skills.get(name, 0), person.skills.get(name, 0)) - relaxed for name in names}

    def able(self, person: Person, agent: str, at: float) -> bool:
        has = self.agents[agent].skills
        return all(has.get(name, 0) >= level for name, level in self.wanted(person, at).items())

    def check_skills(self, person: Person, a: acd.Offer) -> None:
        if a.agent in self.agents and person.agent != a.agent:
            assert self.able(person, a.agent, a.at), "skills violated before relaxing"

    def check_fifo(self, person: Person, worker: Worker, a: acd.Offer | acd.DialCustomer) -> None:
        """Nobody of the same queue and priority who came before and could have had this agent is passed over, whether they hold
        a line or have hung up and wait for the call back. What changes for the other at this very moment (a preference that
        ends, a level relaxed) may come after it."""
        rules = self.queues[a.queue]
        just_before = a.at - 1e-6
        if person.agent:  # the agent was kept free for this one
            return
        for other in self.people.values():
            if other is person or other.queue != person.queue or other.state != "waiting":
                continue
            if other.virtual and not self.callable(other, worker, rules, just_before):
                continue
            if (other.priority, other.vip) != (person.priority, person.vip) or self.kind(other) != self.kind(person):
                continue
            if other.since < person.since and other.joined < a.at and self.able(other, worker.id, just_before):
                waits_for = other.sticky if just_before < other.joined + rules.sticky_seconds else ""
                if waits_for in ("", worker.id) and just_before >= other.failed.get(worker.id, 0.0):
                    raise AssertionError(f"{other.id} was passed over for {person.id} by {worker.id}")

    def kind(self, person: Person) -> str:
        return "call" if person.channel in ("voice", "callback") else person.channel

    def callable(self, person: Person, worker: Worker, rules: QueueRules, at: float) -> bool:
        """Whether a virtual caller could be called now with this agent."""
        calling = self.calling.get(person.queue, True)
        whole = worker.state == "ready" or rules.callback_first == "agent"
        return calling and whole and person.parked_until <= at

    def on_QueueSwitched(self, a: acd.QueueSwitched, event: Any) -> None:
        if a.what != "door":
            self.calling[a.queue] = a.open

    def on_EndOffer(self, a: acd.EndOffer, event: Any) -> None:
        person = self.people[a.contact]
        assert person.ringing.pop(a.agent) >= a.at
        self.workers[a.agent].ringing.remove(a.contact)
        if person.state == "offered" and not person.ringing and a.how != "accepted":
            person.state = "waiting"
            person.silences.append(a.at)
        person.missed.pop(a.agent, None)
        if a.how in ("missed", "unreachable"):
            person.missed[a.agent] = a.at
        if a.how in ("refused", "missed", "unreachable"):
            person.failed[a.agent] = a.at + self.known[a.queue].retry_seconds

    def on_Connect(self, a: acd.Connect, event: Any) -> None:
        person, worker = self.people[a.contact], self.workers[a.agent]
        assert person.state in ("offered", "dialling"), "connected out of nowhere"
        self.connects += 1
        person.state, person.agent, person.virtual = "connected", a.agent, False
        self.hold(worker, person)

    def hold(self, worker: Worker, person: Person) -> None:
        worker.holding.add(person.id)
        assert len(self.voice(worker.holding)) <= 1, "an agent with two calls"

    def on_HandedOver(self, a: acd.HandedOver, event: Any) -> None:
        person = self.people[a.contact]
        self.release(person, a.at)
        if a.to:
            person.agent = a.to
            self.hold(self.workers[a.to], person)
        else:
            del self.people[a.contact]

    def on_Ended(self, a: acd.Ended, event: Any) -> None:
        person = self.people[a.contact]
        assert person.state == "connected"
        self.release(person, a.at)
        if not isinstance(event, acd.Move):
            del self.people[a.contact]

    def release(self, person: Person, at: float) -> None:
        worker = self.workers[person.agent]
        worker.holding.discard(person.id)
        worker.wrap_until = max(worker.wrap_until, at + self.known[person.queue].wrap_up_seconds)

    def on_Leave(self, a: acd.Leave, event: Any) -> None:
        if a.contact in self.people:  # else it was turned away at the door
            assert self.people[a.contact].state in ("waiting", "offered")
            del self.people[a.contact]

    def on_KeptPlace(self, a: acd.KeptPlace, event: Any) -> None:
        person = self.people[a.contact]
        assert person.since == a.since, "the place was not kept"
        person.virtual = True

    def on_DialCustomer(self, a: acd.DialCustomer, event: Any) -> None:
        person = self.people[a.contact]
        assert person.virtual and person.state in ("waiting", "offered")
        if not isinstance(event, acd.Answer) or a.at < self.now:
            self.check_fifo(person, self.workers[a.agent], a)
        person.state = "dialling"
        person.agent = a.agent
        if isinstance(event, acd.Answer) and a.at == self.now and event.contact == a.contact:
            self.hold(self.workers[a.agent], person)

    def on_CallbackClosed(self, a: acd.CallbackClosed, event: Any) -> None:
        person = self.people[a.contact]
        if a.reason == "called-again":
            self.inherited = person
        if a.reason != "reached" or isinstance(event, acd.CloseCallback):
            if person.state == "dialling" and person.agent in self.workers:
                self.workers[person.agent].holding.discard(person.id)
            del self.people[a.contact]
        else:
            person.virtual = False
            if person.agent not in self.workers or a.contact not in self.workers[person.agent].holding:
                person.state = "waiting"

    def on_RetryLater(self, a: acd.RetryLater, event: Any) -> None:
        person = self.people[a.contact]
        if person.agent in self.workers:
            self.workers[person.agent].holding.discard(person.id)
        person.state, person.agent, person.parked_until = "waiting", "", a.again
        person.silences.append(a.again)

    def on_StopDialling(self, a: acd.StopDialling, event: Any) -> None:
        person = self.people[a.contact]
        if (worker := self.workers.get(person.agent)) is not None:
            worker.holding.discard(person.id)
        person.silences.append(a.at)
        person.failed[person.agent] = a.at + self.known[a.queue].retry_seconds
        person.state = "waiting"

    def on_AgentChanged(self, a: acd.AgentChanged, event: Any) -> None:
        worker = self.workers[a.agent]
        assert a.before == worker.state, f"{a.agent} was {worker.state}, not {a.before}"
        assert a.before == a.state or (a.before, a.state) in PAIRS, f"no row leads from {a.before} to {a.state}"
        worker.state = a.state
        if a.state == "logged-out" and a.agent not in self.agents:
            del self.workers[a.agent]
            return
        if a.before == "wrap-up" and isinstance(event, (acd.Ready, acd.Break, acd.SignOut)) and event.agent == a.agent:
            worker.wrap_until = 0.0 if a.at >= self.now else worker.wrap_until
        if a.state == "wrap-up":
            worker.wrap_until = max(worker.wrap_until, a.until)

    # ---- the whole

    def check(self) -> None:
        """Model and core know the same, and nobody waits for whom an agent is free."""
        assert set(self.acd.contact_ids()) == set(self.people), "a contact forgotten"
        for person in self.people.values():
            view = self.acd.contact(person.id)
            assert view is not None and view.queue == person.queue
            state = "waiting" if view.state == "parked" else view.state
            assert state == person.state, f"{person.id}: {view.state}, not {person.state}"
            assert view.virtual == person.virtual
            if view.state == "waiting" and not (person.virtual and not self.acd.queue(person.queue).calling):  # type: ignore[union-attr]
                free = [reason for reason in self.acd.why(person.id) if reason.reason == "next"]
                assert not free, f"{person.id} waits though {free[0].agent} is free"
        for worker in self.workers.values():
            seen = self.acd.agent(worker.id)
            assert seen is not None and seen.state == worker.state
            assert set(seen.offered) == worker.ringing and set(seen.holding) == worker.holding
        for name in self.queues:
            order = self.acd.contact_ids(name)
            assert [self.acd.position(contact) for contact in order] == list(range(1, len(order) + 1))
            assert len(set(order)) == len(order) == self.acd.queue(name).waiting  # type: ignore[union-attr]
