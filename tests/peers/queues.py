"""What tests of queues on real SIP share: an office with queues of the test's own, sipp as its callers, what became of them."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeVar

from appliance import bus
from appliance.messages import AgentNow, ContactNow, ControlAgent, Event, Queues, QueuesReply, SwitchNight
from tests.peers.house import House
from tests.peers.net import free_port, media_base, wait_for
from tests.peers.station import Station

E = TypeVar("E", bound=Event)
SCENARIO = Path(__file__).parents[1] / "sipp" / "queue_caller.xml"
PHONES = {"anna": "101", "boris": "102", "chen": "103"}


class QueueHouse(House):
    """The reference office with more queues (`queues`: TOML, one `[[queues]]` after the other), each called from outside at
    `number_of` over a line whose far end is sipp. Agents are Stations that pick up; nobody is signed in."""

    def __init__(self, folder: Path, queues: str, numbers: dict[str, str], **options: Any) -> None:
        self.caller_port = free_port()
        self._numbers = {queue: f"+35895550{number}" for queue, number in numbers.items()}
        inbound = ", ".join(f'"{number}" = "queue:{queue}"' for queue, number in self._numbers.items())
        line = (f'\n[[lines]]\nname = "callers"\ndriver = "sip-gateway"\naddress = "127.0.0.1:{self.caller_port}"\n'
                f'channels = 30\nsend_as = "e164"\ninbound_to = "queue:front"\ninbound_numbers = {{ {inbound} }}\n')
        super().__init__(folder, more=line + queues, **options)

    def sign_in(self, *agents: str) -> None:
        for agent in agents:
            self.control(agent, "login")

    def control(self, agent: str, action: Any, **more: Any) -> None:
        bus.ask_once(self.box.data, ControlAgent(agent=agent, action=action, **more))

    def switch_night(self, hours: str, setting: Any) -> None:
        bus.ask_once(self.box.data, SwitchNight(hours=hours, setting=setting))

    def queues(self) -> QueuesReply:
        reply: QueuesReply = bus.ask_once(self.box.data, Queues())
        return reply

    def agent(self, id: str) -> AgentNow:
        return next(agent for agent in self.queues().agents if agent.id == id)

    def waiting(self, queue: str, count: int = 1, seconds: float = 10) -> list[ContactNow]:
        """The contacts of this queue, once there are so many."""
        def look() -> list[ContactNow]:
            found = [contact for contact in self.queues().contacts if contact.queue == queue]
            return found if len(found) >= count else []

        return wait_for(look, seconds, f"{count} contacts in {queue}")

    def events(self, kind: type[E], **fields: Any) -> list[E]:
        found: Iterable[E] = (record.event for record in self.reader.read(limit=1_000_000) if isinstance(record.event, kind))
        return [event for event in found if all(getattr(event, name) == value for name, value in fields.items())]

    def event(self, kind: type[E], seconds: float = 10, **fields: Any) -> E:
        """The first event of this kind and with these fields, now or soon."""
        return wait_for(lambda: self.events(kind, **fields), seconds, f"{kind.__name__} {fields}")[0]

    def call(self, queue: str, count: int = 1, hold_ms: int = 400, number: str = "+358401112233", at_once: bool = False) -> None:
        """So many sipp calls, one after the other (or all at once), each to its end."""
        done = subprocess.run([*self._sipp(queue, count, hold_ms, number), "-l", str(count if at_once else 1)],
                              capture_output=True, text=True, timeout=60, check=False, cwd=self.folder)
        assert done.returncode == 0, (done.returncode, done.stdout[-1500:], self.box.log()[-1500:])

    def _sipp(self, queue: str, count: int, hold_ms: int, number: str) -> list[str]:
        return ["sipp", "-sf", str(SCENARIO), "-i", "127.0.0.1", "-p", str(self.caller_port), "-mp", str(media_base()),
                "-nostdin", "-s", self._numbers[queue], "-key", "from", number, "-m", str(count), "-r", "20", "-d", str(hold_ms),
                "-timeout", "50", f"127.0.0.1:{self.box.sip_port}"]

    def empty(self, agents: Iterable[Station]) -> None:
        """Between two tests: all calls over, all signed out, every phone picks up."""
        for station in agents:
            station.plan, station.deaf = [180, 200], False
            for call in station.calls:
                if call.up:
                    call.hang_up()
        wait_for(lambda: self.status().calls == 0, 10, "all calls to end")
        for agent in self.queues().agents:
            if agent.state != "logged-out":
                self.control(agent.id, "logout")
