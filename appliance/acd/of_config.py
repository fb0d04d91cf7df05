"""The ACD's rules, made of the configuration. Pure."""

from __future__ import annotations

from typing import cast

from appliance.acd.rules import AgentRules, Member, QueueRules, Strategy
from appliance.config.model import Config
from appliance.config.people import Agent
from appliance.config.queues import Queue

STRATEGIES: dict[str, Strategy] = {"fewest-calls": "fewest-contacts", "ring-progressively": "progressive"}
"""Where the configuration says it in words of the desk and the ACD in its own; the others are called the same."""


def phone_agent(extension: str) -> str:
    """The ACD's name of a phone that answers a queue without anybody signing in."""
    return f"extension:{extension}"


def rules_of(config: Config) -> tuple[list[QueueRules], list[AgentRules]]:
    """What `Acd.configure` takes: all queues, all agents, and the phones that queues name as members."""
    agents = [_agent(agent) for agent in config.agents]
    phones = dict.fromkeys(member.extension for queue in config.queues for member in queue.members if member.extension)
    for extension in phones:
        phone = config.phone(extension)
        agents.append(AgentRules(id=phone_agent(extension), name=(phone.name if phone else "") or extension))
    return [_queue(queue) for queue in config.queues], agents


def _agent(agent: Agent) -> AgentRules:
    return AgentRules(
        id=agent.id,
        name=agent.name or agent.id,
        skills=dict(agent.skills),
        capacity={channel: agent.capacity.get(channel, 1) for channel in ("chat", "mail")},
    )


def _queue(queue: Queue) -> QueueRules:
    targets = {
        "closed": queue.when_closed,
        "nobody-in": queue.when_nobody_signed_in,
        "all-on-break": queue.when_all_on_break,
        "long-wait": queue.when_wait_too_long,
    }
    return QueueRules(
        name=queue.name,
        strategy=cast(Strategy, STRATEGIES.get(queue.strategy, queue.strategy)),
        members=[
            Member(agent=member.agent or phone_agent(member.extension or ""), rank=member.rank - 1, weight=float(member.weight))
            for member in queue.members
        ],
        priority=queue.priority,
        weight=float(queue.weight),
        age_seconds=float(queue.priority_rises_every_seconds or 0),
        vip_priority=queue.vip_priority,
        skills=dict(queue.skills),
        relax_seconds=float(queue.relax_skills_after_seconds or 0),
        sticky_seconds=float(queue.last_agent_wait_seconds),
        ring_seconds=float(queue.ring_seconds),
        parallel=queue.ring_at_once,
        step_seconds=float(queue.ring_more_every_seconds),
        wrap_up_seconds=float(queue.wrap_up_seconds),
        retry_seconds=float(queue.skip_missed_seconds),
        miss_limit=queue.break_after_misses,
        max_waiting=queue.max_waiting,
        max_expected_wait_seconds=float(queue.max_expected_wait_seconds or 0),
        enter_when_nobody_in=queue.when_nobody_signed_in is None,
        enter_when_all_on_break=queue.when_all_on_break is None,
        stay_when_nobody_in=not queue.leave_with_last_agent,
        max_wait_seconds=float(queue.max_wait_seconds),
        overflow=str(queue.overflow),
        targets={reason: str(target) for reason, target in targets.items() if target is not None},
        reclaim_seconds=float(queue.keep_place_seconds),
        callback_after_hangup_seconds=float(queue.callback.after_hang_up_seconds or 0),
        callback_first=queue.callback.first,
        callback_attempts=queue.callback.attempts,
        callback_retry_seconds=queue.callback.minutes_between * 60.0,
        callback_expiry_seconds=queue.callback.expires_hours * 3600.0,
        handling_seconds=float(queue.usual_call_seconds),
    )
