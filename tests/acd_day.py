"""A day in front of the ACD at any speed: Poisson arrivals, lognormal handling, impatient callers; and what theory says of it
(Erlang C; Erlang A after Palm 1957)."""

from __future__ import annotations

import heapq
import math
import random
from collections.abc import Callable
from dataclasses import dataclass, field

from appliance import _core as acd
from appliance.acd.rules import AgentRules, Member, QueueRules


@dataclass
class Day:
    """One queue. Rates per second; `patience` mean seconds (0: endless); handling lognormal with mean `handling` and a
    coefficient of variation of `spread`, or exponential where that is 0, as the theory has it."""

    agents: int
    arrivals: float
    handling: float = 180.0
    spread: float = 1.0
    patience: float = 0.0
    seed: int = 1
    within: float = 20.0
    waits: list[float] = field(default_factory=list)
    in_time: int = 0
    abandoned: int = 0
    given: float = 0.0
    """Seconds that those waited in all who gave up."""
    entered: int = 0
    told: list[tuple[float, float]] = field(default_factory=list)
    """(estimated, really waited) of those who were served."""
    told_at: list[tuple[float, int, float]] = field(default_factory=list)
    """(estimated, at which place, really waited) of those who were served."""
    again: float = 0.0
    """Who waits is told again so often (0: never)."""
    last_told: list[tuple[float, float]] = field(default_factory=list)
    """(the whole wait as it was told last, really waited) of those who were served."""

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.core = acd.Acd(self.seed)
        self.core.configure(*self.rules(), 0.0)
        for n in range(self.agents):
            self.core.step(0.0, acd.SignIn(f"a{n}"))
        self.heap: list[tuple[float, int, Callable[[float], acd.AcdEvent | None]]] = []
        self.order = 0
        self.entry: dict[str, float] = {}
        self.estimate: dict[str, float | None] = {}
        self.place: dict[str, int] = {}
        self.whole: dict[str, float] = {}
        """What each caller expects in all, since told last."""
        self.at(self.rng.expovariate(self.arrivals), self.arrive)

    def rules(self) -> tuple[list[QueueRules], list[AgentRules]]:
        members = [Member(agent=f"a{n}") for n in range(self.agents)]
        queue = QueueRules(name="q", members=members, wrap_up_seconds=0.0, handling_seconds=self.handling)
        return [queue], [AgentRules(id=f"a{n}") for n in range(self.agents)]

    def at(self, when: float, what: Callable[[float], acd.AcdEvent | None]) -> None:
        self.order += 1
        heapq.heappush(self.heap, (when, self.order, what))

    def length(self) -> float:
        if not self.spread:
            return self.rng.expovariate(1.0 / self.handling)
        sigma2 = math.log(1.0 + self.spread**2)
        return self.rng.lognormvariate(math.log(self.handling) - sigma2 / 2, math.sqrt(sigma2))

    def arrive(self, now: float) -> acd.AcdEvent:
        self.entered += 1
        contact = f"c{self.entered}"
        self.entry[contact] = now
        self.at(now + self.rng.expovariate(self.arrivals), self.arrive)
        if self.patience:
            self.at(now + self.rng.expovariate(1.0 / self.patience), lambda later: self.give_up(later, contact))
        return acd.Enter(contact, "q")

    def tell(self, now: float, contact: str) -> None:
        """Say how long it will take from now, and again later."""
        estimate = self.core.estimate(contact) if contact in self.entry else None
        if estimate:
            self.whole[contact] = now - self.entry[contact] + estimate
            if self.again:
                self.at(now + self.again, lambda later: self.tell(later, contact))

    def give_up(self, now: float, contact: str) -> acd.AcdEvent | None:
        if contact not in self.entry:
            return None
        self.given += now - self.entry.pop(contact)
        self.whole.pop(contact, None)
        self.abandoned += 1
        return acd.HangUp(contact)

    def run(self, until: float, warm: float = 0.0) -> Day:
        while self.heap and self.heap[0][0] <= until:
            now, _, what = heapq.heappop(self.heap)
            if now > warm and warm:
                self.abandoned, self.given, self.waits, self.in_time, warm = 0, 0.0, [], 0, 0.0
            event = what(now)
            if event is None:
                continue
            self.take(now, self.core.step(now, event))
            if isinstance(event, acd.Enter):
                self.estimate[event.contact] = self.core.estimate(event.contact)
                self.place[event.contact] = self.core.position(event.contact)
                self.tell(now, event.contact)
        return self

    def take(self, now: float, actions: list[acd.Action]) -> None:
        for action in actions:
            if isinstance(action, acd.Offer):
                self.answered(now, action.contact, action.agent)

    def answered(self, now: float, contact: str, agent: str) -> None:
        waited = now - self.entry.pop(contact)
        self.waits.append(waited)
        self.in_time += waited <= self.within
        estimate = self.estimate.pop(contact, None)
        whole, place = self.whole.pop(contact, None), self.place.pop(contact, 0)
        if estimate is not None and estimate > 0.0:
            self.told.append((estimate, waited))
            self.told_at.append((estimate, place, waited))
        if whole is not None:
            self.last_told.append((whole, waited))
        self.core.step(now, acd.Answer(contact, agent))
        self.at(now + self.length(), lambda _now: acd.HangUp(contact))


def erlang_c(agents: int, load: float) -> float:
    """Probability that a caller waits; `load` in erlangs."""
    blocked = 1.0
    for n in range(1, agents + 1):
        blocked = load * blocked / (n + load * blocked)
    return blocked / (1.0 - load / agents * (1.0 - blocked))


def erlang_a(agents: int, arrivals: float, handling: float, patience: float) -> tuple[float, float]:
    """(share of callers who abandon, mean wait of all callers) by the birth-death chain of M/M/n+M."""
    weights, weight, n = [1.0], 1.0, 0
    while n < agents or weight > 1e-15 * sum(weights):
        n += 1
        weight *= arrivals / (min(n, agents) / handling + max(0, n - agents) / patience)
        weights.append(weight)
    total = sum(weights)
    queue = sum(max(0, n - agents) * each for n, each in enumerate(weights)) / total
    return queue / patience / arrivals, queue / arrivals
