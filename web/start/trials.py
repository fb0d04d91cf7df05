"""A line and a phone tried by a real call, and what a phone is told: the same for the pages of the first start and the API."""

from __future__ import annotations

from flask import request

from appliance.config.model import Phone
from appliance.errors import SwitchroomError
from appliance.messages import Done, LineTried, RingPhone, TryLine
from web.app import services
from web.audit.service import note, who

DEFAULT_SIP_PORT = 5060
LINE_SECONDS = 90.0
"""Ringing, the sentence, and some more."""


def ring(extension: str) -> Done:
    """Raises SwitchroomError as `RingPhone` does."""
    done: Done = services().core.ask(RingPhone(extension=extension[:10]))
    return done


def line(name: str, number: str) -> LineTried:
    """A real call, which may cost: noted. Raises SwitchroomError as `TryLine` does."""
    note("line.try", name[:64])
    tried: LineTried = services().core.ask(TryLine(line=name[:64], number=number[:32], by=who()), LINE_SECONDS)
    return tried


def account(extension: str) -> Phone:
    """A phone with its password: noted. Raises SwitchroomError "phone.unknown"."""
    found = services().config.phone(extension[:10])
    if found is None:
        raise SwitchroomError("phone.unknown", "There is no such phone.", "Apply the configuration first.")
    note("phone.show-password", found.extension)
    return found


def server() -> str:
    """Where a phone finds the box: host and port."""
    listen = services().config.sip.listen
    host = listen.host
    if host in ("0.0.0.0", "::"):
        host = request.host.rsplit(":", 1)[0].strip("[]")  # by which the browser reaches the box: so will a phone
    return f"{f'[{host}]' if ':' in host else host}:{listen.port_or(DEFAULT_SIP_PORT)}"
