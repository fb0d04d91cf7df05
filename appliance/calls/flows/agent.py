"""What an agent does from a desk phone: signs in and out, breaks, wraps up, notes outcomes, asks how the queues stand."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

from appliance._core import Acd, AcdEvent, Action, AgentView, Break, Denied, Extend, Ready, SignOut
from appliance.calls.disk import in_time
from appliance.calls.leg import Leg
from appliance.calls.pins import Pins
from appliance.calls.switch import Switch
from appliance.config.model import Agent, Config, Outcome
from appliance.errors import SwitchroomError
from appliance.media.engine import Clip

log = logging.getLogger("agents")

NUMBER_DIGITS = 12
PIN_DIGITS = 16
KEY_SECONDS = 6.0
ENDS = "#"
MISSED = "missed"
"""The ACD's reason for who is not answering after too many misses in a row."""


class Seating(Protocol):
    def extension_of(self, agent: str) -> str: ...
    def agent_at(self, extension: str) -> str: ...
    def signed_in_at(self, extension: str) -> str: ...


class AgentDesk(Protocol):
    """The core's side (appliance/core/acd.py)."""

    core: Acd

    @property
    def seats(self) -> Seating: ...
    def now(self) -> float:
        """The ACD's time, which its own times count from."""

    def tell(self, event: AcdEvent) -> list[Action]: ...
    def sign_in(self, agent: str, extension: str) -> list[Action]:
        """At this phone."""

    def last_contact(self, agent: str) -> tuple[str, str] | None:
        """The agent's contact now, or the last one: its id and its queue."""

    async def note_outcome(self, agent: str, contact: str, outcome: Outcome) -> None:
        """On disk when this returns."""


async def ask_digits(leg: Leg, clips: list[Clip], most: int, seconds: float = KEY_SECONDS) -> str:
    """Digits keyed while or after the question is heard: up to #, a pause, or as many as can be."""
    keys = "0123456789" + ENDS
    digits, key = "", await leg.play(clips, keys=keys)
    while True:
        if not key:
            key = await leg.key(keys, seconds)
        if key in ("", ENDS):
            return digits
        digits, key = digits + key, ""
        if len(digits) >= most:
            return digits


class AgentCodes:
    """One per core; `table` is what reception is given."""

    def __init__(self, switch: Switch, desk: AgentDesk, pins: Pins) -> None:
        self._switch = switch
        self._desk = desk
        self._pins = pins
        self.bare: dict[str, Callable[[Leg, str], Awaitable[None]]] = {
            "sign_in": self._sign_in,
            "sign_out": self._of_agent(self._sign_out),
            "ready": self._of_agent(self._ready),
            "take_break": self._of_agent(self._break),
            "wrap_up_end": self._of_agent(self._wrap_up_end),
            "wrap_up_extend": self._of_agent(self._wrap_up_extend),
            "outcome": self._of_agent(self._outcome),
            "queue_status": self._queue_status,
        }
        """Key in [codes] -> what it does on a leg that is answered, and stays."""
        self.table = {name: self._answered(work) for name, work in self.bare.items()}

    @property
    def _config(self) -> Config:
        return self._switch.config

    # -- the frame of each --

    def _answered(self, work: Callable[[Leg, str], Awaitable[None]]) -> Callable[[Leg, str], Awaitable[None]]:
        async def flow(leg: Leg, digits: str) -> None:
            leg.answer()
            await work(leg, digits)
            leg.hang_up()

        return flow

    def _of_agent(self, work: Callable[[Leg, str, AgentView], Awaitable[None]]) -> Callable[[Leg, str], Awaitable[None]]:
        """What only somebody who is signed in at this phone can do."""

        async def flow(leg: Leg, digits: str) -> None:
            view = self.view(leg)
            if view is None or view.state == "logged-out":
                await self.say(leg, "agent-not-signed-in")
            else:
                await work(leg, digits, view)

        return flow

    def _agent(self, leg: Leg) -> str:
        """Who is on this leg: at a phone whoever sits there, outside whoever was called."""
        return leg.outsider.agent if leg.outsider is not None else self._desk.seats.agent_at(leg.endpoint)

    def view(self, leg: Leg) -> AgentView | None:
        return self._desk.core.agent(self._agent(leg))

    def _clips(self, leg: Leg, name: str, **values: object) -> list[Clip]:
        return list(self._switch.prompts.clips(name, leg.language, **values))

    async def say(self, leg: Leg, name: str, **values: object) -> None:
        await leg.play(self._clips(leg, name, **values))

    async def _say_missed(self, leg: Leg, view: AgentView | None) -> None:
        """Tell an agent who gets no more calls, for having missed so many, that it is so and what ends it."""
        if view is not None and view.state == "not-answering" and view.reason == MISSED:
            await self.say(leg, "agent-missed")

    def tell(self, event: AcdEvent) -> bool:
        """Whether the ACD took it."""
        return not any(isinstance(action, Denied) for action in self._desk.tell(event))

    def be_ready(self, agent: str) -> None:
        self.tell(Ready(agent))

    # -- in and out --

    async def _sign_in(self, leg: Leg, digits: str) -> None:
        if leg.outsider is not None:  # who calls in from outside has signed in by that
            await self.say(leg, "agent-already-signed-in")
            return
        here = self._desk.seats.signed_in_at(leg.endpoint)
        agent = self._config.agent(here) if here else await self._who(leg)
        if agent is None:
            await self.say(leg, "agent-unknown")
            return
        view = self._desk.core.agent(agent.id)
        if view is not None and view.state != "logged-out":
            elsewhere = self._desk.seats.extension_of(agent.id) != leg.endpoint
            await self.say(leg, "agent-signed-in-elsewhere" if elsewhere else "agent-already-signed-in")
            if not elsewhere:
                await self._say_missed(leg, view)
            return
        if not await self.pin_of(leg, agent):
            return
        # Somebody may have sat down here, or signed in, while the PIN was keyed.
        taken = self._desk.seats.signed_in_at(leg.endpoint)
        if taken and taken != agent.id:
            await self.say(leg, "agent-phone-taken")
        elif any(isinstance(action, Denied) for action in self._desk.sign_in(agent.id, leg.endpoint)):
            await self.say(leg, "agent-already-signed-in")
        else:
            await self.say_signed_in(leg, agent.id)

    async def say_signed_in(self, leg: Leg, agent: str) -> None:
        await self.say(leg, "agent-signed-in", queues=len(self._queues(agent)))

    async def _who(self, leg: Leg) -> Agent | None:
        """Whose phone it is; at a phone that is nobody's, whoever says so by an extension."""
        own = self._sits_at(leg.endpoint)
        if own is not None:
            return own
        return self._sits_at(await ask_digits(leg, self._clips(leg, "agent-enter-extension"), NUMBER_DIGITS))

    def _sits_at(self, extension: str) -> Agent | None:
        return next((agent for agent in self._config.agents if extension and agent.extension == extension), None)

    async def pin_of(self, leg: Leg, agent: Agent) -> bool:
        """Whether this is the agent. A few wrong PINs lock the door, on whichever phones they were keyed."""
        if agent.pin is None:
            return True
        door, prompt = f"agent:{agent.id}", "enter-pin"
        for _ in range(self._config.codes.pin_tries):
            if self._pins.locked(door):
                break
            if self._pins.check(door, agent.pin, await ask_digits(leg, self._clips(leg, prompt), PIN_DIGITS)):
                return True
            prompt = "wrong-pin"
        locked = self._pins.locked(door)
        if locked:
            await self.say(leg, "pin-locked", minutes=locked)
        else:
            await self.say(leg, "wrong-pin-goodbye")
        return False

    def _queues(self, agent: str) -> list[str]:
        return [queue.name for queue in self._config.queues if any(member.agent == agent for member in queue.members)]

    async def _sign_out(self, leg: Leg, digits: str, view: AgentView) -> None:
        self.tell(SignOut(view.id))
        after = self._desk.core.agent(view.id)
        if after is not None and after.state == "logged-out":
            await self.say(leg, "agent-signed-out")
        else:
            await self.say(leg, "agent-sign-out-soon")

    async def _ready(self, leg: Leg, digits: str, view: AgentView) -> None:
        self.tell(Ready(view.id))
        await self.say(leg, "agent-ready")

    async def _break(self, leg: Leg, digits: str, view: AgentView) -> None:
        digit = digits or await ask_digits(leg, self._clips(leg, "break-enter-reason"), 1)
        reason = next((each for each in self._config.breaks if each.digit == digit), None)
        if reason is None:
            await self.say(leg, "break-unknown")
            return
        soon = view.state == "on-contact"
        self.tell(Break(view.id, reason.name))
        title = self._switch.sounds.title(reason, leg.language, self._config.office.language)
        await leg.play([*self._clips(leg, "agent-break-soon" if soon else "agent-break"), *title])

    # -- after a call --

    async def _wrap_up_end(self, leg: Leg, digits: str, view: AgentView) -> None:
        ended = view.state == "wrap-up" and self.tell(Ready(view.id))
        await self.say(leg, "wrap-up-ended" if ended else "wrap-up-none")

    async def _wrap_up_extend(self, leg: Leg, digits: str, view: AgentView) -> None:
        last = self._desk.last_contact(view.id)
        queue = self._config.queue(last[1]) if last else None
        if queue is not None and self.tell(Extend(view.id, queue.wrap_up_extend_seconds)):
            await self.say(leg, "wrap-up-extended", seconds=queue.wrap_up_extend_seconds)
        else:
            await self.say(leg, "wrap-up-none")

    async def _outcome(self, leg: Leg, digits: str, view: AgentView) -> None:
        last = self._desk.last_contact(view.id)
        if last is None:
            await self.say(leg, "outcome-no-call")
            return
        code = digits or await ask_digits(leg, self._clips(leg, "outcome-enter"), 3)
        outcome = next((each for each in self._config.outcomes if each.code == code), None)
        if outcome is None:
            await self.say(leg, "outcome-unknown")
            return
        try:
            await in_time(self._desk.note_outcome(view.id, last[0], outcome), "an outcome", leg.call.id)
        except SwitchroomError as problem:
            log.error("an outcome is not noted: %s", problem, extra={"agent": view.id})
            await self.say(leg, "technical-trouble")
            return
        title = self._switch.sounds.title(outcome, leg.language, self._config.office.language)
        await leg.play([*self._clips(leg, "outcome-noted"), *title])

    # -- how it stands --

    async def _queue_status(self, leg: Leg, digits: str) -> None:
        """Of the queue with this number, else of all the agent's, else of all."""
        if digits:
            names = [queue.name for queue in self._config.queues if queue.number == digits]
            if not names:
                await self.say(leg, "queue-unknown")
                return
        else:
            own = self._queues(self._agent(leg))
            names = own or [queue.name for queue in self._config.queues]
        views = [view for name in names if (view := self._desk.core.queue(name)) is not None]
        waiting = sum(view.waiting for view in views)
        since = min((view.longest for view in views if view.longest), default=0.0)
        clips = self._clips(leg, "queue-status-empty")
        if waiting:
            minutes = max(0.0, self._desk.now() - since) / 60 if since else 0.0
            clips = self._clips(leg, "queue-status", count=waiting, minutes=minutes)
        agents = {member.agent for name in names if (queue := self._config.queue(name)) for member in queue.members}
        states = [agent.state for id in agents if id and (agent := self._desk.core.agent(id)) is not None]
        await leg.play([*clips, *self._clips(leg, "queue-status-agents", ready=states.count("ready"),
                                             busy=states.count("on-contact"))])
        await self._say_missed(leg, self.view(leg))

