"""The pages in the head of every page; each is shown to who may see it."""

from __future__ import annotations

from dataclasses import dataclass

from flask import Flask, request, url_for
from flask_babel import lazy_gettext as _l
from flask_babel.speaklater import LazyString

from appliance.users.rights import Right
from web.security.access import may


@dataclass(frozen=True)
class Entry:
    endpoint: str
    text: LazyString
    icon: str
    right: Right


ENTRIES = [
    Entry("desk.index", _l("My desk"), "desk", Right.DESK),
    Entry("live.index", _l("Live"), "live", Right.LIVE_VIEW),
    Entry("campaigns.index", _l("Campaigns"), "campaign", Right.CAMPAIGNS_VIEW),
    Entry("calls.index", _l("Calls"), "calls", Right.CALLS_VIEW),
    Entry("figures.index", _l("Figures"), "figures", Right.FIGURES_VIEW),
    Entry("wallboard.choose", _l("Wallboard"), "board", Right.WALLBOARD),
    Entry("config.index", _l("Configuration"), "config", Right.CONFIG_VIEW),
    Entry("audit.index", _l("Audit log"), "audit", Right.AUDIT_VIEW),
    Entry("people.index", _l("Users"), "people", Right.USERS_EDIT),
]


@dataclass(frozen=True)
class Shown:
    href: str
    text: str
    icon: str
    here: bool


def navigation() -> list[Shown]:
    here = (request.endpoint or "").split(".")[0]
    return [Shown(url_for(each.endpoint), str(each.text), each.icon, each.endpoint.split(".")[0] == here)
            for each in ENTRIES if may(each.right)]


def init(app: Flask) -> None:
    app.jinja_env.globals["navigation"] = navigation
