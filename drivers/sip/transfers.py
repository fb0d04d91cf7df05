"""REFER, both ways (RFC 3515, RFC 5589): what we ask of a far end, what it asks of us, and how each is told what came of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from drivers.base import LegEvent, Referred, TransferAsked
from drivers.sip import headers as h
from drivers.sip import wire


class Known(Protocol):
    """What is kept of a leg."""

    id: str
    handle: int
    call_id: str


class Transfers:
    """`legs` by id; `command` sends to the SIP thread, `tell` to the core; `here` is host and port of URIs of ours."""

    def __init__(
        self, command: Callable[..., None], legs: Mapping[str, Known], tell: Callable[[LegEvent], None], here: Callable[[], str]
    ) -> None:
        self._command, self._legs, self._tell, self._here = command, legs, tell, here

    def refer(self, leg: str, target: str, replaces_leg: str = "") -> None:
        """drivers.base.Driver.refer."""
        entry, other = self._legs.get(leg), self._legs.get(replaces_leg)
        if entry is None:
            return
        if replaces_leg and other is None:  # it ended just now
            self._tell(Referred(leg=leg, sip_code=481))
            return
        ours = bool(target) and not target.startswith("sip:")
        uri = f"sip:{h.escape_user(target)}@{self._here()}" if ours else target
        if not uri and other is None:
            raise ValueError("a transfer without a target")
        if any(c <= " " or c in '<>"\x7f' for c in uri):
            raise ValueError(f"not a URI: {uri!r}")
        handle = other.handle if other is not None else 0
        self._command(wire.CMD_REFER, int(ours), entry.handle, handle & 0xFFFFFFFF, handle >> 32, strings=(uri.encode(),))

    def state(self, leg: str, sip_code: int, reason: str = "") -> None:
        """drivers.base.Driver.transfer_state."""
        entry = self._legs.get(leg)
        if entry is None:
            return
        state = "terminated;reason=noresource" if sip_code >= 200 else "active;expires=60"
        lines = h.header_lines([("Event", "refer"), ("Subscription-State", state)])
        body = f"SIP/2.0 {sip_code} {reason or h.REASONS.get(sip_code, 'Status')}\r\n"
        self._command(wire.CMD_INDIALOG, 0, entry.handle,
                      strings=(b"NOTIFY", lines.encode(), body.encode(), b"message/sipfrag;version=2.0"))

    def asked(self, leg: str, refer_to: str) -> None:
        """A REFER came in on this leg; it has been accepted (202), so whatever is wrong is told by NOTIFY."""
        target, call_id = h.refer_target(refer_to)
        other = next((entry.id for entry in self._legs.values() if call_id and entry.call_id == call_id), "")
        self.state(leg, 100, "Trying")
        if not target or (call_id and not other):
            self.state(leg, 404 if not target else 481)
            return
        self._tell(TransferAsked(leg=leg, target=target, replaces=other))
