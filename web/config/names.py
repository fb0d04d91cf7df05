"""What the tables of the document are called in pages, and in which order a person meets them."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from flask_babel import pgettext
from flask_babel.speaklater import LazyString

GROUPS: list[tuple[LazyString, list[str]]] = [
    (_l("Calls in and out"), ["lines", "dialling", "routes"]),
    (_l("People and phones"), ["phones", "agents", "breaks", "outcomes"]),
    (_l("What callers meet"), ["queues", "menus", "hours", "night", "callers", "surveys", "music"]),
    (_l("Messages and campaigns"), ["scenarios", "lists", "voicemail", "mailboxes", "recording"]),
    (_l("Figures"), ["targets", "reports"]),
    (_l("Codes and keys"), ["codes", "call_keys", "parking", "phone_book"]),
    (_l("The box"), ["office", "mail", "webhooks", "sip", "web", "storage", "log"]),
]
TITLES: dict[str, LazyString] = {
    "lines": _l("Lines"), "dialling": _l("Dialling"), "routes": _l("Routes"), "phones": _l("Phones"), "agents": _l("Agents"),
    "breaks": _l("Breaks"), "outcomes": _l("Outcomes"), "queues": _l("Queues"), "menus": _l("Menus"),
    "hours": _l("Opening hours"), "night": _l("Night switch"), "callers": _l("Lists of callers"), "surveys": _l("Surveys"),
    "music": _l("Music"), "scenarios": _l("Scenarios"), "lists": _l("Lists of numbers"), "voicemail": _l("Voicemail"),
    "mailboxes": _l("Mailboxes"), "recording": _l("Recording"), "codes": _l("Codes"), "call_keys": _l("Keys in a call"),
    "parking": _l("Parking"), "phone_book": _l("Phone book"), "office": _l("Office"), "mail": _l("Mail"), "sip": _l("SIP"),
    "web": _l("Web pages"), "storage": _l("Storage"), "log": _l("Log"), "webhooks": _l("Webhooks"), "targets": _l("Targets"),
    "reports": _l("Figures by mail"),
}
"""A test finds a table that is missing here."""
FIRST: dict[str, tuple[str, ...]] = {
    "lines": ("name", "driver", "address", "registrar", "username", "secret", "channels", "inbound_to", "send_as", "caller_id"),
    "phones": ("extension", "name", "secret", "email"),
    "agents": ("id", "name", "extension", "pin", "skills"),
    "queues": ("name", "number", "agents", "strategy", "hours", "greeting", "max_wait_seconds", "when_full_or_late",
               "offer_callback_after_seconds", "service_level_seconds"),
    "menus": ("name", "number", "greeting", "keys", "hours", "no_answer"),
    "hours": ("name", "open", "holidays", "dates", "closed"),
    "scenarios": ("code", "name", "lines", "confirm", "lists", "pin", "report_to", "hours"),
    "targets": ("name", "figure", "of", "queues", "agents", "at_least", "at_most"),
    "reports": ("name", "to", "every", "at", "by"),
    "webhooks": ("name", "url", "secret", "events", "queues", "active"),
    "sip": ("listen", "public_address", "codecs"),
}
"""What stands at the top of a form; the rest is folded away."""


def title(section: str) -> str:
    return str(TITLES[section])


LABEL = "configuration key"
"""What tells a label from the same word elsewhere in the catalogues."""


def plain_label(key: str) -> str:
    """A key as a label in English: "ring_seconds" -> "Ring seconds"."""
    return key.replace("_", " ").capitalize()


def label(key: str) -> str:
    """The same in the reader's language."""
    return str(pgettext(LABEL, plain_label(key)))
