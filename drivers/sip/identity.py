"""Who calls, as headers say it: what we write towards a phone or a line, and what an INVITE tells of its caller. Pure.

Identity and privacy: RFC 3323, RFC 3325. Diverted calls: RFC 5806 (Diversion, what providers read) and RFC 7044 (History-Info).
Answering at once: Call-Info with answer-after, and Alert-Info with a word that most desk phones know.
"""

from __future__ import annotations

from typing import Any

from drivers.base import Place
from drivers.sip import headers as h

ANONYMOUS = '"Anonymous" <sip:anonymous@anonymous.invalid>'
_HIDDEN = frozenset({"id", "user", "header"})
_REASONS = {"always": ("unconditional", 302), "busy": ("user-busy", 486), "no-answer": ("no-answer", 408),
            "unavailable": ("unavailable", 480)}
_ANSWER_NOW = (
    ("Call-Info", "<sip:switchroom.invalid>;answer-after=0"), ("Alert-Info", "<http://switchroom.invalid>;info=alert-autoanswer"),
)


def sender(order: Place, domain: str) -> str:
    """The From value of an INVITE of ours."""
    if order.private:
        return ANONYMOUS
    return h.name_addr(f"sip:{h.escape_user(order.caller or 'anonymous')}@{domain}", order.caller_name)


def lines(order: Place, domain: str, line: Any | None) -> str:
    """Header lines of an INVITE of ours: those ordered, and those that identity, privacy and diversion ask for. `line` is the
    line's configuration, None towards a phone. Raises ValueError for what would break out of a line."""
    found = list(order.headers)
    own = f"sip:{h.escape_user(order.caller or 'anonymous')}@{domain}"
    if line is not None and line.assert_identity and order.caller:
        found.append(("P-Asserted-Identity", h.name_addr(own, order.caller_name)))
    if order.private:
        found.append(("Privacy", "id"))
    if order.answer_now:
        found += _ANSWER_NOW
    if order.diverted_from:
        word, status = _REASONS[order.diverted_why]
        who = f"sip:{h.escape_user(order.diverted_from)}@{domain}"
        target = f"sip:{h.escape_user(order.number)}@{domain}"
        found.append(("Diversion", f"<{who}>;reason={word};counter={max(1, order.diversions)}"))
        found.append(("History-Info", f"<{who}?Reason=SIP%3Bcause%3D{status}>;index=1, <{target}>;index=1.1;mp=1"))
    return h.header_lines(found) if found else ""


def is_anonymous(from_value: str, privacy: str) -> bool:
    """Whether a caller wants not to be known: by Privacy (RFC 3323 4.2), or by the From that stands for nobody (4.1.1.3)."""
    if privacy:
        words = {word.strip().lower() for part in privacy.split("\n") for word in part.replace(",", ";").split(";")}
        if words & _HIDDEN:
            return True
    uri = h.uri_of(from_value).lower()
    return uri.partition("@")[2].partition(";")[0].partition(":")[0] == "anonymous.invalid" or h.user_of(uri) in (
        "anonymous", "unavailable", "restricted", "private")


def diverted_from(diversion: str) -> str:
    """The number that the call was for before it was diverted to us; "" where nothing says so. The topmost value is the latest
    diversion (RFC 5806 5)."""
    return h.user_of(h.uri_of(diversion.partition("\n")[0]))
