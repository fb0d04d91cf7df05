"""How people are spoken of on the pages."""

from __future__ import annotations

from flask_babel import gettext as _


def role(name: str) -> str:
    return roles().get(name, name)


def roles() -> dict[str, str]:
    return {"admin": _("Administrator"), "supervisor": _("Supervisor"), "controller": _("Quality controller"),
            "agent": _("Agent"), "operator": _("Campaign operator"), "viewer": _("Viewer")}
