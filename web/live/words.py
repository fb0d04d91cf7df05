"""The state of the box in words of the page's language."""

from __future__ import annotations

from flask_babel import gettext as _


def down(reason: str) -> str:
    """Why a line is down: what its driver says, with the answer of the far end where there is one."""
    what, colon, answer = reason.partition(": ")
    told = {
        "it does not answer OPTIONS": _("it does not answer OPTIONS"), "it does not answer calls": _("it does not answer calls"),
        "its name cannot be resolved": _("its name cannot be resolved"), "registering failed": _("registering failed"),
    }.get(what, what)  # fmt: skip
    return f"{told}{colon}{answer}"


def short_of(what: str) -> str:
    return {"disk": _("space on the disk"), "rtp-ports": _("ports for audio")}.get(what, what)


def shortage(level: str) -> str:
    """What does not happen any more because of it (appliance/ledger/space.py)."""
    return {
        "recordings": _("calls are not recorded any more"), "campaigns": _("campaigns wait"),
        "reserve": _("the reserve is in use"),
    }.get(level, level)  # fmt: skip
