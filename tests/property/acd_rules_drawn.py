"""Random rules of an office: agents with skills, queues with everything that a queue can be told."""

from __future__ import annotations

import random

from appliance.acd.rules import AgentRules, Member, QueueRules

STRATEGIES = (
    "ring-all", "longest-idle", "round-robin", "fewest-contacts", "least-occupied", "equal-load", "random", "weighted-random",
    "linear", "progressive", "skills",
)  # fmt: skip
SKILLS = ("billing", "finnish", "modems")


def draw_rules(rng: random.Random, agents: int, queues: int) -> tuple[list[QueueRules], list[AgentRules]]:
    people = [draw_agent_rules(rng, f"a{n}") for n in range(agents)]
    return [draw_queue(rng, f"q{n}", people, 0 if n else 1) for n in range(queues)], people


def draw_agent_rules(rng: random.Random, id: str) -> AgentRules:
    return AgentRules(
        id=id,
        skills={name: rng.randint(1, 5) for name in SKILLS if rng.random() < 0.6},
        capacity={"chat": rng.randint(0, 3), "mail": rng.randint(0, 2)},
        blend=rng.random() < 0.3,
    )


def draw_queue(rng: random.Random, name: str, people: list[AgentRules], fewest: int) -> QueueRules:
    members = rng.sample(people, rng.randint(fewest, len(people)))
    return QueueRules(
        name=name,
        strategy=rng.choice(STRATEGIES),  # type: ignore[arg-type]
        members=[Member(agent=m.id, rank=rng.choice((0, 0, 1)), weight=rng.uniform(0.5, 3)) for m in members],
        priority=rng.randint(0, 2),
        weight=rng.choice((1.0, 2.0)),
        age_seconds=rng.choice((0.0, 0.0, 60.0)),
        vip_priority=rng.choice((0, 5)),
        skills={rng.choice(SKILLS): rng.randint(1, 4)} if rng.random() < 0.4 else {},
        relax_seconds=rng.choice((0.0, 15.0)),
        sticky_seconds=rng.choice((0.0, 20.0)),
        ring_seconds=rng.choice((5.0, 15.0)),
        parallel=rng.choice((1, 1, 2, 0)),
        step_seconds=rng.choice((4.0, 10.0)),
        wrap_up_seconds=rng.choice((0.0, 8.0, 20.0)),
        retry_seconds=rng.choice((0.0, 5.0, 20.0)),
        miss_limit=rng.choice((0, 2)),
        max_waiting=rng.choice((0, 8)),
        max_expected_wait_seconds=rng.choice((0.0, 0.0, 400.0)),
        enter_when_nobody_in=rng.random() < 0.7,
        enter_when_all_on_break=rng.random() < 0.7,
        stay_when_nobody_in=rng.random() < 0.7,
        max_wait_seconds=rng.choice((0.0, 60.0, 300.0)),
        overflow=rng.choice(("", "voicemail:front")),
        reclaim_seconds=rng.choice((0.0, 60.0)),
        callback_after_hangup_seconds=rng.choice((0.0, 0.0, 0.0, 10.0)),
        targets={"full": "extension:102"} if rng.random() < 0.3 else {},
        callback_first=rng.choice(("agent", "customer")),  # type: ignore[arg-type]
        callback_attempts=rng.randint(1, 3),
        callback_retry_seconds=rng.choice((0.0, 30.0)),
        callback_expiry_seconds=rng.choice((0.0, 600.0)),
        handling_seconds=60.0,
    )
