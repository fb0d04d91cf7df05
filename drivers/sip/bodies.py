"""What NOTIFY says of a phone: dialog-info (RFC 4235), PIDF presence (RFC 3863), message summary (RFC 3842). Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from drivers.base import LampCall

TYPES = {
    "dialog": "application/dialog-info+xml",
    "presence": "application/pidf+xml",
    "message-summary": "application/simple-message-summary",
}
"""Event packages that we serve, with the one body type of each."""

CALLS_MAX = 8
"""Calls of one extension that a body names: it has to fit a datagram."""

Tags = tuple[str, str, str]
"""A dialog as its far end sees it: Call-ID, its own tag, ours."""

_MARKED = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "\t": "&#9;", "\n": "&#10;", "\r": "&#13;"})
"""What XML would not take as it is. (The library's own way to do it loads all of HTTP first.)"""

_STATES = {"ringing": ("early", "recipient"), "calling": ("early", "initiator"), "talking": ("confirmed", "recipient")}


def dialog_info(entity: str, version: int, calls: Sequence[LampCall], pick_up: Mapping[str, Tags]) -> str:
    """Full state, always. An extension without calls has one terminated dialog: that is what phones wait for to put a lamp out.
    `pick_up` has the legs that this watcher may have."""
    host = entity.partition("@")[2]
    dialogs = [_dialog(number, call, entity, host, pick_up.get(call.leg)) for number, call in enumerate(calls[:CALLS_MAX], 1)]
    if not dialogs:
        dialogs = ['<dialog id="0">\n<state>terminated</state>\n</dialog>']
    return (f'<?xml version="1.0"?>\n<dialog-info xmlns="urn:ietf:params:xml:ns:dialog-info" version="{version}" state="full" '
            f"entity={_attribute(entity)}>\n" + "\n".join(dialogs) + "\n</dialog-info>\n")


def _dialog(number: int, call: LampCall, entity: str, host: str, tags: Tags | None) -> str:
    state, direction = _STATES[call.state]
    known = ""
    if tags is not None:
        known = f" call-id={_attribute(tags[0])} local-tag={_attribute(tags[1])} remote-tag={_attribute(tags[2])}"
    lines = [f'<dialog id="{number}"{known} direction="{direction}">', f"<state>{state}</state>", _party("local", entity, "")]
    if call.other:
        lines.append(_party("remote", f"sip:{_clean(call.other)}@{host}", _clean(call.other_name)))
    return "\n".join([*lines, "</dialog>"])


def _clean(text: str) -> str:
    """What may stand in XML, and no more than a display shows: callers choose their names."""
    return "".join(c for c in text if c.isprintable())[:64]


def _attribute(text: str) -> str:
    return f'"{text.translate(_MARKED)}"'


def _party(side: str, uri: str, name: str) -> str:
    display = f" display={_attribute(name)}" if name else ""
    return f"<{side}>\n<identity{display}>{uri.translate(_MARKED)}</identity>\n<target uri={_attribute(uri)}/>\n</{side}>"


def pidf(entity: str, there: bool, calls: Sequence[LampCall]) -> str:
    """Open where the phone is registered; what it does is a note."""
    note = "On the phone" if any(call.state == "talking" for call in calls) else "Ringing" if calls else "Ready"
    return ('<?xml version="1.0" encoding="UTF-8"?>\n'
            f'<presence xmlns="urn:ietf:params:xml:ns:pidf" entity={_attribute(entity)}>\n<tuple id="phone">\n'
            f"<status><basic>{'open' if there else 'closed'}</basic></status>\n"
            f"<note>{note if there else 'Not connected'}</note>\n</tuple>\n</presence>\n")


def message_summary(account: str, new: int, old: int) -> str:
    return (f"Messages-Waiting: {'yes' if new else 'no'}\r\nMessage-Account: {account}\r\n"
            f"Voice-Message: {new}/{old} (0/0)\r\n")
