"""What the ACD is configured with. Times are seconds; 0 means "never" or "no limit" where the field says so.

`appliance.acd.of_config` makes these from the configuration. Targets ("voicemail:front") are opaque to the ACD: it hands them
back in `Leave`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

Strategy = Literal[
    "ring-all", "longest-idle", "round-robin", "fewest-contacts", "least-occupied", "equal-load", "random", "weighted-random",
    "linear", "progressive", "skills",
]  # fmt: skip
"""Who of the agents that could take a contact gets it. Lower rank goes first whatever the strategy; ties go to the longest idle.

ring-all         all at once (up to `parallel`, 0: no limit)
longest-idle     whose last contact ended first
round-robin      the next after the one rung last, in the order of the list; remembered over restarts
fewest-contacts  who has taken the fewest contacts since midnight (`NewDay`)
least-occupied   whose share of time on contacts and wrap-up over about the last hour is smallest
equal-load       who has had the fewest seconds of contacts and wrap-up today; who comes later starts at the average
random           any, all equally likely
weighted-random  any, with likelihood by the member's `weight`
linear           the first of the list who is free
progressive      the first of the list, after `step_seconds` also the second, and so on
skills           whose levels of the wanted skills are highest
"""


class Member(msgspec.Struct, frozen=True, kw_only=True):
    """An agent's place in a queue. `rank` 0 is asked first; `weight` counts for weighted-random alone."""

    agent: str
    rank: int = 0
    weight: float = 1.0


class QueueRules(msgspec.Struct, frozen=True, kw_only=True):
    """One queue. See docs/acd.md for how the rules work together."""

    name: str
    strategy: Strategy = "longest-idle"
    members: list[Member] = []

    priority: int = 0
    """Added to each contact's own priority."""
    weight: float = 1.0
    """Between contacts of equal priority in several queues, the queue with the higher weight goes first."""
    age_seconds: float = 0.0
    """Each such span of waiting counts as one priority more; 0: priority never grows."""
    vip_priority: int = 5
    """Added for a VIP."""

    skills: dict[str, int] = {}
    """Least levels an agent needs, beside those that the contact brings."""
    relax_seconds: float = 0.0
    """After each such span of waiting the wanted levels fall by one; 0: never."""
    sticky_seconds: float = 30.0
    """A contact with a sticky agent waits for that agent alone so long, if he is signed in; 0: no preference."""

    ring_seconds: float = 15.0
    parallel: int = 1
    """Agents rung at once for one contact; 0: no limit (ring-all: 1 means no limit too)."""
    step_seconds: float = 10.0
    """progressive: another agent is added each time."""
    wrap_up_seconds: float = 10.0
    retry_seconds: float = 20.0
    """Who refused or missed a contact is not rung again for it within this time. Where nobody else is left, who missed it is rung
    again after 3 s."""
    miss_limit: int = 3
    """After so many misses in a row the agent is "not answering" until ready again; 0: never."""

    max_waiting: int = 0
    """At the door: no more than so many wait; 0: no limit."""
    max_expected_wait_seconds: float = 0.0
    """At the door: turned away where the estimate is longer; 0: no limit."""
    enter_when_nobody_in: bool = True
    enter_when_all_on_break: bool = True
    stay_when_nobody_in: bool = True
    """False: when the last agent signs out, who waits leaves to `overflow`."""
    max_wait_seconds: float = 0.0
    """Waiting ends after this (`Leave` with "max-wait"); 0: no limit. Virtual callers have `callback_expiry_seconds` instead."""
    overflow: str = ""
    """Target for all who are turned away or must leave, where `targets` has none for the reason."""
    targets: dict[str, str] = {}
    """By the reason of `Leave`: "closed", "nobody-in", "all-on-break", "full", "long-wait", "max-wait", "no-queue"."""

    reclaim_seconds: float = 120.0
    """A caller who was cut off and calls again within this time gets the old place; 0: never."""
    callback_after_hangup_seconds: float = 0.0
    """A caller who hangs up after waiting at least so long becomes a virtual caller; 0: never. Not who has no `caller` key:
    nobody knows whom to call."""
    callback_first: Literal["agent", "customer"] = "agent"
    """Whom to call first when a virtual caller's turn comes."""
    callback_attempts: int = 3
    callback_retry_seconds: float = 300.0
    callback_expiry_seconds: float = 14400.0

    handling_seconds: float = 180.0
    """What a contact takes an agent, wrap-up included, until the queue has figures of its own."""


class AgentRules(msgspec.Struct, frozen=True, kw_only=True):
    """One agent. `capacity`: contacts at once by channel ("chat", "mail"); voice and callbacks are one at a time and exclude
    the rest, but with `blend` a call is also offered to an agent who is on chats or mails."""

    id: str
    name: str = ""
    skills: dict[str, int] = {}
    capacity: dict[str, int] = {}
    blend: bool = False
