"""What the page and the API show of webhooks. They are configured as everything else is (Configuration, [[webhooks]])."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import msgspec

from appliance.errors import SwitchroomError
from appliance.webhooks.courier import trial
from appliance.webhooks.store import Delivery, State
from web.audit.service import note

if TYPE_CHECKING:
    from web.app import Services

SHOWN = 100


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """A message; times are UTC seconds, 0: not. `status` of the last answer, 0: there was none."""

    number: int
    hook: str
    id: str
    type: str
    made: float
    state: State
    tries: int
    next_try: float
    done: float
    status: int
    error: str


class HookNow(msgspec.Struct, frozen=True, kw_only=True):
    """`place`: scheme and host of the address, whose path may be a secret. `waiting`, `dead` and `dropped` messages of those
    that are still known; `last` the newest that is not waiting."""

    name: str
    place: str
    active: bool
    events: list[str]
    queues: list[str]
    waiting: int
    dead: int
    dropped: int
    last: Told | None


def told(each: Delivery) -> Told:
    return msgspec.convert(each, Told, from_attributes=True)


def hooks(box: Services) -> list[HookNow]:
    known = box.told.all()
    made = []
    for hook in box.config.webhooks:
        own = [each for each in known if each.hook == hook.name]
        count = {state: sum(each.state == state for each in own) for state in ("waiting", "dead", "dropped")}
        last = max((each for each in own if each.state != "waiting"), key=lambda each: each.done, default=None)
        parts = urlsplit(hook.url)
        made.append(HookNow(name=hook.name, place=f"{parts.scheme}://{parts.netloc}", active=hook.active,
                            events=list(hook.events), queues=list(hook.queues), **count, last=told(last) if last else None))
    return made


def messages(box: Services, hook: str = "", limit: int = SHOWN) -> list[Told]:
    """Newest first."""
    return [told(each) for each in box.told.all(hook)[:limit]]


def test(box: Services, name: str) -> None:
    """Have a message sent that says nothing. Raises SwitchroomError "webhook.unknown"."""
    if all(each.name != name for each in box.config.webhooks):
        raise SwitchroomError("webhook.unknown", "There is no webhook {name}.", "See [[webhooks]] in the configuration.",
                              name=f"{name:.64}")
    note("webhook.test", name)
    box.told.take([trial(name, box.clock.utc())], None)
    box.courier.wake()


def retry(box: Services, number: int) -> Told:
    """Raises SwitchroomError "webhook.unknown", "webhook.no-text"."""
    note("webhook.retry", str(number))
    again = told(box.told.retry(number, box.clock.utc()))
    box.courier.wake()
    return again
