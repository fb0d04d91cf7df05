"""Header values as the driver needs them: parts of From, Refer-To, URIs; and what it writes. Pure, linear, bounded."""

from __future__ import annotations

from urllib.parse import quote, unquote

_USER_SAFE = "-_.!~*'()&=+$,;?/"  # RFC 3261 25.1, user-unreserved and unreserved
_DIGITS = "0123456789*#ABCDabcd"

REASONS = {
    100: "Trying", 180: "Ringing", 200: "OK", 302: "Moved Temporarily", 400: "Bad Request", 403: "Forbidden", 404: "Not Found",
    408: "Request Timeout", 480: "Temporarily Unavailable", 481: "Call Does Not Exist", 486: "Busy Here",
    487: "Request Terminated", 488: "Not Acceptable Here", 500: "Server Internal Error", 503: "Service Unavailable",
    600: "Busy Everywhere", 603: "Decline",
}


def value_lines(text: str) -> list[str]:
    """Header values that the thread put one in a line."""
    return text.split("\n") if text else []


def one_line(text: str) -> bytes:
    """One line of text for the wire: no control characters, bounded."""
    if not (text.isascii() and text.isprintable()):
        text = "".join(c for c in text if c >= " " and c != "\x7f")
    return text.encode()[:120]


def plain(text: str) -> str:
    """A header value on one line: folds become blanks."""
    return "".join(c if c >= " " else " " for c in text).strip()


def printable(text: str) -> str:
    """What a stranger wrote, as a log may hold it: short, and no control characters."""
    return "".join(char if char.isprintable() else "?" for char in text[:40])


def _after_quoted(value: str) -> int:
    """Where a quoted display name has ended (RFC 3261, 25.1 quoted-string): what stands in it is text, `<` too. 0 without one."""
    begin = len(value) - len(value.lstrip())
    if not value.startswith('"', begin):
        return 0
    at = begin + 1
    while at < len(value) and value[at] != '"':
        at += 2 if value[at] == "\\" else 1
    return at


def uri_of(value: str) -> str:
    """The URI of a name-addr or addr-spec: `"A" <sip:a@b>;tag=1` -> `sip:a@b`."""
    start = value.find("<", _after_quoted(value))
    if start >= 0:
        return value[start + 1 :].partition(">")[0].strip()
    return value.partition(";")[0].strip()


def split_tag(value: str) -> tuple[str, str]:
    """A From or To value without its tag, and the tag ("" where it has none). The value's other parts stay as they are."""
    opened = value.find("<", _after_quoted(value))
    start = value.find(">", opened) + 1 if opened >= 0 else value.find(";")
    if start <= 0:
        return value, ""
    kept, tag = [value[:start].rstrip()], ""
    for part in value[start:].split(";")[1:]:  # what is glued to the address is no parameter
        name, _, text = part.partition("=")
        if name.strip().lower() == "tag":
            tag = text.strip()
        elif part.strip():
            kept.append(part.strip())
    return ";".join(kept), tag


def display_of(value: str) -> str:
    """The display name of a name-addr, unquoted; "" where there is none."""
    opened = value.find("<", _after_quoted(value))
    head = value[:opened].strip() if opened >= 0 else ""
    if len(head) >= 2 and head[0] == '"' == head[-1]:
        head = head[1:-1].replace('\\"', '"').replace("\\\\", "\\")
    return head[:128]


def user_of(uri: str) -> str:
    """The user part, unescaped once, without parameters of its own; "" where the URI has none."""
    scheme, _, rest = uri.partition(":")
    if scheme.lower() == "tel":
        return _unescaped(rest.partition(";")[0])
    if "@" not in rest:
        return ""
    user = rest.rpartition("@")[0]
    return _unescaped(user.partition(":")[0].partition(";")[0])


def _unescaped(text: str) -> str:
    return (unquote(text) if "%" in text else text)[:128]


def escape_user(text: str) -> str:
    """Text as the user part of a URI."""
    return text if text.isascii() and text.isalnum() else quote(text, safe=_USER_SAFE)


def host_text(host: str) -> str:
    """A host as it stands in a URI: IPv6 in brackets."""
    return f"[{host}]" if ":" in host and not host.startswith("[") else host


def name_addr(uri: str, name: str = "") -> str:
    """`"name" <uri>`; what cannot stand between quotes is left out."""
    if not name:
        return f"<{uri}>"
    clean = "".join(c for c in name if c >= " " and c not in '"\\\x7f')[:128]
    return f'"{clean}" <{uri}>' if clean else f"<{uri}>"


def header_lines(headers: tuple[tuple[str, str], ...] | list[tuple[str, str]]) -> str:
    """Lines with CRLF. Raises ValueError for a name or value that would break out of its line."""
    lines = []
    for name, value in headers:
        if not name.replace("-", "").isalnum() or any(c in value for c in "\r\n\0"):
            raise ValueError(f"not a header: {name!r}")
        lines.append(f"{name}: {value}\r\n")
    return "".join(lines)


def refer_target(refer_to: str) -> tuple[str, str]:
    """User part and Call-ID to replace ("" for a blind transfer) of a Refer-To value (RFC 3515, RFC 3891 6)."""
    uri, _, headers = uri_of(refer_to).partition("?")
    for part in headers.split("&"):
        name, _, value = part.partition("=")
        if name.lower() == "replaces":
            return user_of(uri), unquote(value).partition(";")[0]
    return user_of(uri), ""


def info_digit(content_type: str, body: str) -> tuple[str, int] | None:
    """Digit and milliseconds of an INFO body, application/dtmf-relay ("Signal=5\\r\\nDuration=160") or
    application/dtmf ("5"); None where it is neither."""
    kind = content_type.lower()
    if kind == "application/dtmf":
        text = body.strip()
        return (_digit(text), 0) if _digit(text) else None
    if kind != "application/dtmf-relay":
        return None
    fields = {k.strip().lower(): v.strip() for k, _, v in (line.partition("=") for line in body.splitlines()[:8])}
    digit = _digit(fields.get("signal", ""))
    duration = fields.get("duration", "")
    return (digit, int(duration[:5]) if duration[:5].isdigit() else 0) if digit else None


def _digit(text: str) -> str:
    if text in ("10", "11"):
        return {"10": "*", "11": "#"}[text]
    return text.upper() if len(text) == 1 and text in _DIGITS else ""
