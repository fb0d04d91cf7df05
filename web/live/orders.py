"""What a supervisor does with agents and calls; the same for the page and the API."""

from __future__ import annotations

from typing import Literal

from flask import g
from flask_babel import gettext as _

from appliance.errors import SwitchroomError
from appliance.messages import (
    AskCalls,
    CallNow,
    CallsReply,
    ContactNow,
    ControlAgent,
    Done,
    EndCall,
    MoveContact,
    Queues,
    QueuesReply,
)
from web.app import services
from web.audit.service import note, who

STATUS_SECONDS = 1.0
AgentAction = Literal["login", "logout", "ready", "break"]


def order_agent(agent: str, action: AgentAction, reason: str = "", extension: str = "") -> Done:
    """Raises SwitchroomError as `ControlAgent` does, and "agent.unknown" for one in none of the queues that you may see."""
    _seen_agent(agent)
    if action == "break" and not reason:
        breaks = services().config.breaks
        reason = breaks[0].name if breaks else ""
    note(f"agent.{action}", agent, f"{reason} {extension}".strip())
    done: Done = services().core.ask(ControlAgent(agent=agent, action=action, reason=reason, extension=extension, by=who()))
    return done


def _seen_agent(agent: str) -> None:
    state: QueuesReply = services().core.ask(Queues())
    found = next((each for each in state.agents if each.id == agent), None)
    if found is None or (found.queues and not any(map(g.user.sees_queue, found.queues))):
        raise SwitchroomError("agent.unknown", "There is no agent {agent}.", "Load the page again.", agent=f"{agent:.40}")


def calls_seen() -> list[CallNow]:
    """The calls that go on, but those in queues that you may not see."""
    state: QueuesReply = services().core.ask(Queues())
    reply: CallsReply = services().core.ask(AskCalls())
    queue_of = {each.id: each.queue for each in state.contacts}
    return [each for each in reply.calls if g.user.sees_queue(queue_of.get(each.call, ""))]


def end_call(call: str) -> Done:
    """Raises SwitchroomError "call.unknown"."""
    if all(each.call != call for each in calls_seen()):
        raise SwitchroomError("call.unknown", "This call is over already.", "Load the page again.")
    note("call.end", call)
    done: Done = services().core.ask(EndCall(call=call, by=who()))
    return done


def waiting(contact: str) -> ContactNow:
    """A contact that waits in one of the queues that you may see, with who it is. Raises SwitchroomError "queue.no-contact"."""
    state: QueuesReply = services().core.ask(Queues(people=["*"]))
    found = next((each for each in state.contacts if each.id == contact and g.user.sees_queue(each.queue)), None)
    if found is None:
        raise SwitchroomError("queue.no-contact", "This caller does not wait any more.", "Go back to what goes on now.")
    return found


def places(contact: ContactNow) -> list[tuple[str, str]]:
    """Where this contact can be moved, as `MoveContact` names it, and its name; of a phone that is not connected also that."""
    config = services().config
    others = [each.name for each in config.queues if each.name != contact.queue]
    queues = [(f"queue:{name}", name) for name in others if g.user.sees_queue(name)]
    if contact.virtual:
        return queues
    status = services().hub.wait(0, STATUS_SECONDS, ("status",)).status
    away = {each.extension for each in status.phones if not each.registered} if status else set()
    agents = [(f"agent:{each.id}", f"{each.name or each.id} ({each.extension})", each.extension) for each in config.agents
              if each.extension]
    owned = {each.extension for each in config.agents}
    phones = [(f"extension:{each.extension}", f"{each.extension} {each.name}".strip(), each.extension) for each in config.phones
              if each.extension not in owned]
    return [*queues, *((target, f"{name} – {_('not there')}" if phone in away else name)
                       for target, name, phone in (*agents, *phones))]


def move(contact: str, to: str) -> Done:
    """Raises SwitchroomError as `MoveContact` does; to queues that you may see alone."""
    waiting(contact)
    kind, _, name = to.partition(":")
    if kind == "queue" and not g.user.sees_queue(name):
        raise SwitchroomError("queue.bad-target", "A caller cannot be moved to {to}.", "Name one of your queues.", to=to[:60])
    note("contact.move", contact, to[:100])
    done: Done = services().core.ask(MoveContact(contact=contact, to=to[:128], by=who()))
    return done
