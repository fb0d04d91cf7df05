"""Phones that are registered and leave a call without any answer, not even 100: unplugged, or off the network.

Such a device counts as not registered until something comes from it. It is asked by OPTIONS meanwhile: each question is sent
again and again for 32 s (RFC 3261 17.1.2.2), at most 4 s apart, so a device that is back is known within 4 s. There are phones
that take calls and leave OPTIONS alone: so the next call tries it again after a minute, then two, four. And there are those that
answer OPTIONS and whom no INVITE reaches (it is larger, and lost on the way): an answer counts once, not again and again. Time
and answers in, requests out.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable

import msgspec

from appliance.messages import Event, PhoneGone, PhoneRegistered
from drivers.sip import headers as h
from drivers.sip import wire
from drivers.sip.phones import Phones
from drivers.sip.registrar import Binding

ASK_AGAIN_SECONDS = 5.0
"""A question that failed at once (nothing listens there) is asked again after this."""
TRY_SECONDS = 60.0
"""A device that has left questions alone for so long is there for the next call."""
MOST_SECONDS = 960.0
"""It is twice as long each time that call draws no answer, but no longer than this."""


class _Silent(msgspec.Struct):
    extension: str
    uri: str
    asked: int = 0
    """The question under way; 0: none."""
    again: float = 0.0
    """Not asked before this, monotonic s."""
    until: float = 0.0
    """Not called before this without a sign of life, monotonic s."""
    trusted: bool = True
    """An answer is such a sign: the last one was not followed by silence at once."""


class _Doubt(msgspec.Struct, frozen=True):
    """Of a device that is or was silent and has sent nothing of its own since. Monotonic s."""

    seconds: float
    over: float
    """Silent until then, if nothing comes from it."""
    answered: bool = False
    """That was an answer to a question."""


class Silence:
    """`command` sends to the SIP thread, `handle` gives a new id for a request, `here` is our "host:port" for URIs. Which devices
    are silent stands in `phones.silent`, and is forgotten with the process: the next call finds out."""

    def __init__(self, command: Callable[..., None], handle: Callable[[], int], here: Callable[[], str], phones: Phones) -> None:
        self._command, self._handle, self._here, self._phones = command, handle, here, phones
        self._all: dict[tuple[str, str], _Silent] = {}
        self._asked: dict[int, _Silent] = {}
        self._doubts: dict[tuple[str, str], _Doubt] = {}

    def began(self, extension: str, uri: str, now: float, utc: float) -> list[Event]:
        """A call to this device has drawn no answer."""
        binding = self._binding(extension, uri, utc)
        if binding is None or (extension, uri) in self._all:
            return []
        doubt = self._doubts.get((extension, uri))
        at_once = doubt is not None and doubt.answered and now - doubt.over < TRY_SECONDS
        goes_on = doubt is not None and not doubt.answered and now - doubt.over < MOST_SECONDS
        seconds = min(2 * doubt.seconds, MOST_SECONDS) if doubt is not None and (at_once or goes_on) else TRY_SECONDS
        self._doubts[extension, uri] = _Doubt(seconds, now + seconds)
        one = self._all[extension, uri] = _Silent(extension, uri, until=now + seconds, trusted=not at_once)
        self._phones.silent.add((extension, uri))
        self._ask(one, binding, now)
        return [PhoneGone(extension=extension, contact=uri, reason="unreachable")]

    def heard(self, extension: str, source: str, utc: float) -> list[Event]:
        """The phone itself sends a request: devices of it that are registered from this "address:port" are back."""
        if not self._all:
            return []
        found = (self._binding(extension, one.uri, utc) for one in list(self._all.values()) if one.extension == extension)
        return [event for binding in found if binding is not None and binding.source == source
                for event in self._back(extension, binding)]

    def response(self, record: wire.Record, now: float, utc: float) -> tuple[bool, list[Event]]:
        """An answer of any kind to a question; False where it is to none of ours."""
        _, status, handle, _err, _b, _parts = record
        one = self._asked.pop(handle, None)
        if one is None:
            return False, []
        one.asked = 0
        key = one.extension, one.uri
        binding = self._binding(*key, utc)
        if not status or binding is None or self._all.get(key) is not one:
            one.again = max(one.again, now)
        elif one.trusted:
            self._doubts[key] = _Doubt(self._doubts[key].seconds, now, answered=True)
            return True, self._free(one.extension, binding)
        else:
            one.again = one.until
        return True, []

    def tick(self, now: float, utc: float) -> list[Event]:
        """Ask again where a question is over; forget those whose registration is; let calls try who may not answer questions."""
        for key in [key for key in self._doubts if self._binding(*key, utc) is None]:
            del self._doubts[key]
            self._all.pop(key, None)
            self._phones.silent.discard(key)
        events: list[Event] = []
        for one in list(self._all.values()):
            binding = self._binding(one.extension, one.uri, utc)
            if binding is not None and now >= one.until:
                events += self._free(one.extension, binding)
            elif binding is not None and not one.asked and now >= one.again:
                self._ask(one, binding, now)
        return events

    def _back(self, extension: str, binding: Binding) -> list[Event]:
        self._doubts.pop((extension, binding.uri), None)
        return self._free(extension, binding)

    def _free(self, extension: str, binding: Binding) -> list[Event]:
        """It can be called."""
        self._all.pop((extension, binding.uri), None)
        self._phones.silent.discard((extension, binding.uri))
        return [PhoneRegistered(extension=extension, contact=binding.uri, transport=binding.transport)]

    def _binding(self, extension: str, uri: str, utc: float) -> Binding | None:
        return next((b for b in self._phones.registrar.contacts_of(extension, utc) if b.uri == uri), None)

    def _ask(self, one: _Silent, binding: Binding, now: float) -> None:
        handle = one.asked = self._handle()
        one.again = now + ASK_AGAIN_SECONDS
        self._asked[handle] = one
        own = f"sip:switchroom@{self._here()}"
        routes = "".join(f"Route: {route}\r\n" for route in binding.path)
        strings = ("OPTIONS", binding.uri, h.name_addr(binding.uri), f"<{own}>;tag={secrets.token_hex(4)}",
                   secrets.token_hex(12), "switchroom", binding.source, routes, "")
        self._command(wire.CMD_REQUEST, int(binding.transport == "tcp"), handle, 1,
                      strings=tuple(text.encode() for text in strings))
