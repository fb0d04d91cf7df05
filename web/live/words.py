"""The state of the box in words of the page's language."""

from __future__ import annotations

from flask_babel import gettext as _


def short_of(what: str) -> str:
    return {"disk": _("space on the disk"), "rtp-ports": _("ports for audio")}.get(what, what)


def shortage(level: str) -> str:
    """What does not happen any more because of it (appliance/ledger/space.py)."""
    return {
        "recordings": _("calls are not recorded any more"), "campaigns": _("campaigns wait"),
        "reserve": _("the reserve is in use"),
    }.get(level, level)  # fmt: skip
