"""The campaigns under way, as their own page and the live page show them."""

from __future__ import annotations

from flask import render_template

from appliance.users.model import User
from web.app import services
from web.campaigns import words
from web.i18n import language


def draw(user: User) -> str:
    return render_template("campaigns/running.html", running=services().campaigns.running(user.sees_list), words=words)


def draw_if_any(user: User, version: int) -> str:
    """With its heading; "" while none is under way. Kept for all who see the same until the box's state has another `version`."""
    key = ("campaigns", language(), tuple(user.lists) if user.lists is not None else None, version)
    return services().hub.drawn.get(key, lambda: render_template(
        "campaigns/live.html", running=services().campaigns.running(user.sees_list), words=words))
