"""SIP URIs and name-addr headers (RFC 3261 19.1, 20, 25.1), as much as a registrar needs. Pure, linear, bounded.

What cannot be read for certain is refused (ValueError), never guessed: a half-understood Contact must not be stored.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_to_bytes

import msgspec

LENGTH_MAX = 4096
_PARAM_NAME = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
_HOST = re.compile(r"\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.\-_]+")
_DECISIVE = ("user", "ttl", "method", "maddr", "transport")
"""URI parameters that must match even where only one side has them (RFC 3261 19.1.4)."""


class Uri(msgspec.Struct, frozen=True):
    """A sip or sips URI. `user` and the rest are as written (escapes stay); `headers` is what follows "?"."""

    scheme: str
    user: str
    host: str
    port: int
    params: tuple[tuple[str, str], ...] = ()
    headers: str = ""

    def param(self, name: str) -> str | None:
        return next((value for key, value in self.params if key.lower() == name), None)


class NameAddr(msgspec.Struct, frozen=True):
    """One value of Contact: the URI's text, and the parameters of the *header* (after ">" or, without brackets, after
    the first ";": RFC 3261 20.10)."""

    uri: str
    params: tuple[tuple[str, str], ...] = ()

    def param(self, name: str) -> str | None:
        return next((value for key, value in self.params if key.lower() == name), None)


def parse_uri(text: str) -> Uri:
    """Raises ValueError unless `text` is a well-formed sip(s) URI."""
    if len(text) > LENGTH_MAX or not text.isascii() or any(c <= " " or c in '<>"\x7f' for c in text):
        raise ValueError("not a URI")
    scheme, colon, rest = text.partition(":")
    if not colon or scheme.lower() not in ("sip", "sips"):
        raise ValueError("not a sip URI")
    user = ""
    if "@" in rest:
        user, _, rest = rest.rpartition("@")
        if not user or "@" in user:
            raise ValueError("user part")
    rest, question, headers = rest.partition("?")
    hostport, *params = rest.split(";")
    found = _HOST.match(hostport)
    if not found:
        raise ValueError("host")
    port = hostport[found.end() :]
    if port and not (port[0] == ":" and port[1:].isdigit() and 0 < int(port[1:7]) < 65536 and len(port) <= 6):
        raise ValueError("port")
    return Uri(
        scheme.lower(), user, found.group(), int(port[1:]) if port else 0,
        tuple(_param(p) for p in params), headers if question else "",
    )


def _param(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    name = name.strip()
    if not _PARAM_NAME.fullmatch(name):
        raise ValueError("parameter")
    return name, value.strip()


def _plain(text: str) -> bytes:
    return unquote_to_bytes(text)


def same_uri(a: Uri, b: Uri) -> bool:
    """Whether two URIs are equivalent by RFC 3261 19.1.4 (not transitive, by its own admission)."""
    if (a.scheme, a.host.lower(), a.port) != (b.scheme, b.host.lower(), b.port) or _plain(a.user) != _plain(b.user):
        return False
    if sorted(_plain(h) for h in a.headers.split("&")) != sorted(_plain(h) for h in b.headers.split("&")):
        return False
    mine = {name.lower(): value for name, value in a.params}
    theirs = {name.lower(): value for name, value in b.params}
    if any((name in mine) != (name in theirs) for name in _DECISIVE):
        return False
    return all(_plain(value).lower() == _plain(theirs[name]).lower() for name, value in mine.items() if name in theirs)


def split_commas(text: str) -> list[str]:
    """Splits a header at the commas that stand outside quotes and angle brackets."""
    parts, start, quoted, inside = [], 0, False, False
    at = 0
    while at < len(text):
        char = text[at]
        if quoted:
            at += char == "\\"
            quoted = char != '"'
        elif char == '"':
            quoted = not inside
        elif char in "<>":
            inside = char == "<"
        elif char == "," and not inside:
            parts.append(text[start:at])
            start = at + 1
        at += 1
    if quoted or inside:
        raise ValueError("quotes or brackets do not close")
    parts.append(text[start:])
    return [part.strip() for part in parts if part.strip()]


def parse_name_addr(text: str) -> NameAddr:
    """One Contact value. The display name is dropped: nothing of ours uses it. Raises ValueError."""
    if len(text) > LENGTH_MAX or any(c < " " and c not in "\t" for c in text) or "\x7f" in text:
        raise ValueError("control character or too long")
    text = text.strip()
    if text.startswith('"'):
        at = 1
        while at < len(text) and text[at] != '"':
            at += 2 if text[at] == "\\" else 1
        text = text[at + 1 :].lstrip()
        if not text.startswith("<"):
            raise ValueError("no < after the display name")
    if "<" in text:
        display, _, rest = text.partition("<")
        uri, close, tail = rest.partition(">")
        if not close or not re.fullmatch(r"[A-Za-z0-9\-.!%*_+`'~ \t]*", display):
            raise ValueError("brackets")
    else:
        # Without brackets everything after ";" belongs to the header, and "?" or "," may not stand in the URI.
        uri, _, tail = text.partition(";")
        uri, tail = uri.rstrip(), f";{tail}" if tail else ""
        if "?" in uri:
            raise ValueError("a URI with ? needs brackets")
    parse_uri(uri)
    return NameAddr(uri, _header_params(tail))


def _header_params(tail: str) -> tuple[tuple[str, str], ...]:
    params, at, quoted = [], 0, False
    pieces, start = [], 0
    while at < len(tail):
        char = tail[at]
        if quoted and char == "\\":
            at += 1
        elif char == '"':
            quoted = not quoted
        elif char == ";" and not quoted:
            pieces.append(tail[start:at])
            start = at + 1
        at += 1
    pieces.append(tail[start:])
    if quoted or pieces[0].strip():
        raise ValueError("parameters")
    for piece in pieces[1:]:
        if piece.strip():
            name, value = _param(piece)
            value.encode("utf-8")
            if not value.startswith('"') and any(c in ' \t<>,"' for c in value):
                raise ValueError("parameter value")
            params.append((name, value))
    return tuple(params)
