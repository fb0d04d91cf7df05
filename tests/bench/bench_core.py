"""Figures of the ACD: events per second, the time of one decision, memory of a waiting contact.

`python -m tests.bench.bench_core [--calls N] [--json]`

Time is that of `step` alone, less what reading the clock takes. A call is four events (enter, answer, hang up, ready again);
the offer that follows from the first or the last is not counted. All go through the Python `step`, with real rules, every fact
for `why` kept. As many calls come in as are ended, so that the number of those who wait stays as it was set.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import resource
import time
from typing import Any

from rich.console import Console
from rich.table import Table

from appliance import _core as acd
from appliance.acd.rules import AgentRules, Member, QueueRules

SHAPES = [
    (agents, waiting, queues)
    for agents in (10, 100, 1000)
    for waiting in (0, 100, 1000, 10_000)
    for queues in (1, 20)
]  # fmt: skip
SKILLS = ("billing", "finnish", "modems")


def office(agents: int, queues: int, everywhere: bool, strategy: str) -> acd.Acd:
    """Agents of three queues each (or of all), some queues with a skill wanted."""
    rng = random.Random(1)
    people = [
        AgentRules(id=f"a{n}", skills={name: rng.randint(2, 5) for name in SKILLS}) for n in range(agents)
    ]
    rules = [
        QueueRules(
            name=f"q{q}", strategy=strategy, priority=q % 3, age_seconds=60.0, wrap_up_seconds=10.0, max_wait_seconds=3600.0,  # type: ignore[arg-type]
            skills={"billing": 2} if q % 2 else {}, weight=1.0 + q % 2,
            members=[
                Member(agent=f"a{n}", rank=n % 2)
                for n in range(agents) if everywhere or q in {(n + k) % queues for k in (0, 3, 7)}
            ],
        )
        for q in range(queues)
    ]  # fmt: skip
    core = acd.Acd(1)
    core.configure(rules, people, 0.0)
    for n in range(agents):
        core.step(0.0, acd.SignIn(f"a{n}"))
    return core


class Load:
    """Keeps `waiting` contacts in the queues and all agents at work, one event at a time."""

    def __init__(self, core: acd.Acd, agents: int, waiting: int, queues: int) -> None:
        self.core, self.queues, self.waiting = core, queues, waiting
        self.now = 1.0
        self.next = 0
        self.offers: list[tuple[str, str]] = []
        self.talking: list[tuple[str, str]] = []
        self.times: list[float] = []
        self.handled = 0
        for _ in range(waiting + (agents if waiting else 0)):
            self.enter()
        if waiting:
            while self.offers:
                self.answer()

    def do(self, event: acd.AcdEvent) -> list[acd.Action]:
        began = time.perf_counter()
        actions = self.core.step(self.now, event)
        self.times.append(time.perf_counter() - began)
        for action in actions:
            if type(action) is acd.Offer:
                self.offers.append((action.contact, action.agent))
        return actions

    def enter(self) -> None:
        self.next += 1
        self.do(acd.Enter(f"c{self.next}", f"q{self.next % self.queues}"))

    def answer(self) -> None:
        contact, agent = self.offers.pop()
        self.do(acd.Answer(contact, agent))
        self.talking.append((contact, agent))

    def call(self) -> None:
        """One call in, one answered, one ended."""
        self.now += 0.01
        self.enter()
        if self.offers:
            self.answer()
        if self.talking:
            contact, agent = self.talking.pop(0)
            self.do(acd.HangUp(contact, "caller"))
            self.do(acd.Ready(agent))
            self.handled += 1
        while self.offers:
            self.answer()


def throughput(core: acd.Acd, agents: int, waiting: int, queues: int, calls: int) -> dict[str, float]:
    load = Load(core, agents, waiting, queues)
    load.times.clear()
    gc.collect()
    for _ in range(calls):
        load.call()
    clock = clock_seconds()
    times = sorted(max(0.0, taken - clock) for taken in load.times)
    return {
        "events_s": len(times) / sum(times), "p50_us": times[len(times) // 2] * 1e6,
        "p99_us": times[int(len(times) * 0.99)] * 1e6, "max_us": times[-1] * 1e6,
    }  # fmt: skip


def clock_seconds() -> float:
    """What the measurement itself adds to each."""
    taken = []
    for _ in range(20_000):
        began = time.perf_counter()
        taken.append(time.perf_counter() - began)
    return sorted(taken)[len(taken) // 2]


def bytes_per_contact(count: int) -> float:
    core = acd.Acd(1)
    core.configure([QueueRules(name="q0", members=[Member(agent="a0")])], [AgentRules(id="a0")], 0.0)
    ids = [f"c{n}" for n in range(count)]
    gc.collect()
    before = _rss()
    for contact in ids:
        core.step(1.0, acd.Enter(contact, "q0", skills={"billing": 3}))
    return (_rss() - before) / count


def _rss() -> int:
    with open("/proc/self/statm") as statm:  # noqa: PTH123
        return int(statm.read().split()[1]) * resource.getpagesize()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    found: dict[str, Any] = {"bytes_per_contact": bytes_per_contact(50_000)}
    for agents, waiting, queues in SHAPES:
        core = office(agents, queues, False, "longest-idle")
        found[f"{agents} agents, {waiting} waiting, {queues} queues"] = throughput(core, agents, waiting, queues, given.calls)
    found["100 agents in each of 20 queues, 1000 waiting"] = throughput(
        office(100, 20, True, "longest-idle"), 100, 1000, 20, given.calls
    )
    for strategy in ("round-robin", "least-occupied", "weighted-random", "skills"):
        found[f"100 agents, 0 waiting, 5 queues, {strategy}"] = throughput(
            office(100, 5, False, strategy), 100, 0, 5, given.calls
        )
    if given.json:
        print(json.dumps(found))
        return
    table = Table("what", "events/s", "p50 µs", "p99 µs", "max µs", title="The ACD's decisions, one at a time")
    for what, figures in found.items():
        if isinstance(figures, dict):
            print(f"{what}: {figures['events_s']:,.0f} events/s, p99 {figures['p99_us']:.1f} us")
            table.add_row(what, *(f"{figures[name]:,.1f}" for name in ("events_s", "p50_us", "p99_us", "max_us")))
    Console().print(table)
    print(f"memory of a waiting contact: {found['bytes_per_contact']:,.0f} bytes")


if __name__ == "__main__":
    main()
