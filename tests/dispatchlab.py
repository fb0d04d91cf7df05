"""The core's owner of the ACD on noted parts: an office whose ledger is as slow as a test wants it, and a house that is asked by
commands."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import pytest

from appliance import _core as core
from appliance import messages as m
from appliance.acd.of_config import rules_of
from appliance.calls import callers
from appliance.calls.flows.desk import Customer
from appliance.calls.flows.queue import QueueFlow
from appliance.calls.leg import Leg
from appliance.clock import Clock
from appliance.core.acd import Dispatch
from appliance.core.clicks import Clicks
from appliance.core.queue_commands import QueueCommands
from appliance.errors import SwitchroomError
from appliance.messages import Event
from drivers.base import Place
from tests.callslab import Lab, NotedLedger

NUMBER = "+358401234567"


class SlowLedger(NotedLedger):
    """Commits are on disk when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting: list[asyncio.Future[int]] = []

    def commit(self, *events: Event) -> Awaitable[int]:  # type: ignore[override]
        self.events += events
        self.waiting.append(asyncio.get_running_loop().create_future())
        return self.waiting[-1]

    def written(self) -> None:
        for future in self.waiting:
            if not future.done():
                future.set_result(1)

    def fails(self) -> None:
        for future in self.waiting:
            if not future.done():
                future.set_exception(SwitchroomError("ledger.full", "Too much waits for the disk.", "Free space."))

    def get_state(self, namespace: str, key: str) -> bytes | None:
        return self.kept.get((namespace, key))

    async def flush(self) -> int:
        return 1


class Caller:
    """A live caller's flow, of which only the ear is needed."""

    def __init__(self) -> None:
        self.acts: list[core.Action] = []

    def act(self, action: core.Action) -> None:
        self.acts.append(action)

    def agent_left(self, leg: Any, agent: str) -> None: ...

    def heard(self) -> list[str]:
        return [type(action).__name__ for action in self.acts]


class Office:
    """The dispatch of the reference office, whose agents sit at their phones; Daria (104) calls the queue `billing`."""

    def __init__(self, agents: tuple[str, ...] = ("anna", "boris"), clock: Clock | None = None, **callback: Any) -> None:
        self.lab = Lab()
        self.lab.switch.clock = clock or self.lab.switch.clock
        self.lab.ledger = self.ledger = SlowLedger()
        self.lab.switch.ledger = self.ledger
        self.lab.devices = {"101": ["sip:101@a"], "102": ["sip:102@b"], "104": ["sip:104@d"]}
        self.acd = Dispatch(self.lab.switch, self.ledger, self.lab)
        self.lab.switch.on_leg = self.acd.on_leg
        queues, people = self._rules(callback)
        self.acd.core.configure(queues, people, self.lab.switch.clock.utc())
        for agent in agents:
            self.acd.tell(core.SignIn(agent))
        self.caller = Caller()
        self.contact = "call-1"

    def _rules(self, callback: dict[str, Any]) -> Any:
        from msgspec.structs import replace

        queues, people = rules_of(self.lab.config)
        return [replace(queue, skills={}, **callback) for queue in queues], people

    def enters(self) -> None:
        self.acd.lead(self.contact, self.caller, Customer("104", "Daria", "en", {}))
        self.acd.tell(core.Enter(self.contact, "billing", caller="key"))

    def rung(self) -> list[str]:
        return [order.endpoint for order in self.lab.driver.placed]

    def state(self) -> str:
        view = self.acd.core.contact(self.contact)
        return view.state if view else "none"

    def leads(self) -> object:
        return self.acd._parties.get(self.contact)


class House:
    """The commands of a core on noted parts. Anna sits at 101, Boris at 102; both phones are there."""

    def __init__(self) -> None:
        self.lab = Lab()
        self.lab.devices = {"101": ["sip:101@a"], "102": ["sip:102@b"], "104": ["sip:104@d"]}
        self.acd = Dispatch(self.lab.switch, self.lab.ledger, self.lab)
        self.lab.switch.on_leg = self.acd.on_leg
        self.acd.core.configure(*rules_of(self.lab.config), self.lab.switch.clock.utc())
        self.there = {"101", "102", "104"}
        self.cdrs: dict[str, Any] = {}
        box = SimpleNamespace(
            acd=self.acd, switch=self.lab.switch, config=self.lab.config, reception=self.lab, clock=self.lab.switch.clock,
            ledger=SimpleNamespace(flush=self.lab.ledger.flush, reader=SimpleNamespace(cdr=self.cdrs.get)),
            driver=SimpleNamespace(registered=self.there.__contains__), office=SimpleNamespace(callers=callers.NOBODY))
        self.table = {**Clicks(box).table, **QueueCommands(box).table}  # type: ignore[arg-type]
        for agent in ("anna", "boris"):
            self.acd.tell(core.SignIn(agent))

    async def ask(self, command: m.Command) -> m.Reply:
        return await self.table[type(command)](command)

    async def refused(self, command: m.Command) -> str:
        with pytest.raises(SwitchroomError) as problem:
            await self.ask(command)
        assert problem.value.hint
        return problem.value.id

    def picks_up(self, more: Callable[[Place], None] | None = None) -> None:
        """Phones of the house are picked up; `more` is what becomes of numbers outside."""
        def place(order: Place) -> None:
            if order.kind == "phone" or more is None:
                self.lab.answers(order)
            else:
                more(order)

        self.lab.driver.on_place = place

    def state(self, agent: str) -> str:
        view = self.acd.core.agent(agent)
        return view.state if view else ""

    def virtual(self, contact: str, queue: str = "billing") -> None:
        """A customer who waits to be called back; nobody is free for it."""
        for agent in ("anna", "boris"):
            self.acd.tell(core.Break(agent, "lunch"))
        self.acd.customers.keep(contact, Customer(NUMBER, "Eeva", "en", {}))
        self.acd.tell(core.Enter(contact, queue, "callback", virtual=True))

    def waiting(self) -> Leg:
        """A live caller in the queue billing, whom nobody can take: led by its flow."""
        for agent in ("anna", "boris"):
            self.acd.tell(core.Break(agent, "lunch"))
        leg = self.lab.comes("billing", "104")
        queue = self.lab.config.queue("billing")
        assert queue is not None
        self.lab.switch.lead(leg.call, lambda: QueueFlow(leg, queue, self.acd, self.lab).run())
        return leg
