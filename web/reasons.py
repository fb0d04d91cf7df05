"""Why something did not work, as drivers, far ends and the system say it in English: in the reader's language.

What is stored is the English text (logs, programs and the command line read that). Sentences of ours are found again by their
templates, the system's by the catalogue; the phrases of the standard, which say no more than their number, are left out; what a
far end says in words of its own stays as it is, in quotes.
"""

from __future__ import annotations

from flask_babel import gettext as _

from appliance.sentences import Said, made_of, say, together

PHRASES = frozenset({
    "moved permanently", "moved temporarily", "bad request", "unauthorized", "payment required", "forbidden", "not found",
    "method not allowed", "not acceptable", "proxy authentication required", "request timeout", "gone",
    "request entity too large", "request-uri too long", "unsupported media type", "unsupported uri scheme",
    "bad extension", "extension required",
    "session interval too small", "interval too brief", "temporarily unavailable", "temporarily not available",
    "call/transaction does not exist", "call does not exist", "loop detected", "too many hops", "address incomplete", "ambiguous",
    "busy here", "busy", "request terminated", "request cancelled", "not acceptable here", "request pending", "undecipherable",
    "server internal error", "internal server error", "not implemented", "bad gateway", "service unavailable", "server time-out",
    "version not supported", "message too large", "busy everywhere", "decline", "declined", "does not exist anywhere",
    "unwanted", "rejected", "ok",
})
"""RFC 3261 21, RFC 4028, RFC 8197, RFC 8688, and as some write them."""
OURS = (
    say("no answer from the far end"), say("the answer has no audio that we can use"),
    say("the far end no longer knows the call"),
    say("no ACK from the far end"), say("no common codec"), say("the far end does not take our credentials"), say("stopped"),
    say("the session was not refreshed"), say("no room for another leg"), say("it ended just before the restart"),
    say("the BYE could not be sent"), say("the far end hung up"), say("out of memory"), say("broken off before its INVITE"),
    say("no answer to the hang-up"), say("the caller's own number"), say("forwarded to nowhere"), say("called off"),
    say("the line did not even ring"), say("no answer"), say("all its calls are in use"), say("do not disturb"),
    say("all its calls go elsewhere"), say("{extension} is not registered"),
    say("line {line} has no address that could be called"), say("not registered yet"), say("it does not answer OPTIONS"),
    say("it has not answered yet (is its address right?)"),
    say("it does not answer calls"), say("its name cannot be resolved"), say("registering failed"),
    say("Connection timed out"), say("Connection refused"), say("Connection reset by peer"), say("No route to host"),
    say("Network is unreachable"), say("Host is unreachable"), say("Protocol error"), say("Operation canceled"),
)  # fmt: skip
"""Of the drivers (C and Python), the flows of calls, and the network (strerror(3), glibc)."""
REFUSED = {
    401: say("name and password are not taken"), 403: say("name and password are not taken"),
    404: say("the name is not known there"), 407: say("name and password are not taken"), 408: say("no answer in time"),
    503: say("the other end cannot serve now"), 504: say("no answer in time"),
}  # fmt: skip
"""What a registrar's answer means to whoever set the line up."""
_WEBHOOKS = (
    say("The name {host} is not known ({problem})."), say("The name {host} has no address."),
    say("{host} is this machine or link-local ({text})."), say("The address cannot be used: {problem}."),
    say("Nobody takes the connection ({reason})."), say("It did not answer in time."),
    say("Its certificate is not trusted ({reason})."), say("The connection broke off ({reason})."),
    say("{most} messages waited already."), say("{where} holds no certificate that can be read ({why}); check [[webhooks]]"),
)  # fmt: skip
_HINTS = (say("Check the address."), say("Set allow_local for this webhook if that is meant."))


def reason(text: str) -> str:
    """A cause's own words; "" where they say nothing beside the status."""
    if text.lower() in PHRASES:
        return ""
    found = made_of(text, OURS)
    known = found.values or _(text) != text or any(each.template == text for each in OURS)
    return found.told(_) if known or not text else f"“{text}”"


def down(text: str) -> str:
    """Why a line is down: what its driver says, with the answer of the far end where there is one."""
    what, colon, answer = text.partition(": ")
    told = reason(what) if what else ""
    status, _space, phrase = answer.partition(" ")
    if colon and status.isdecimal():
        why = REFUSED.get(int(status))
        words = [why.told(_) if why else "", reason(phrase), f"SIP {status}"]
        return f"{told}: {', '.join(filter(None, words))}"
    return f"{told}: {reason(answer)}" if colon else told


def webhook(text: str) -> str:
    """Why a message was not taken."""
    hint = next((each for each in _HINTS if text.endswith(f" {each}")), None)
    found = made_of(text.removesuffix(f" {hint}") if hint else text, _WEBHOOKS)
    why = found.values.get("reason")
    if why:
        found = found.about(**{**found.values, "reason": Said(str(why))})
    return (together([found, hint]) if hint else found).told(_)
