"""`create_app`: the Flask application of its features, with what stands before each page."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flask import Blueprint, Flask, current_app, g, request
from flask_wtf.csrf import CSRFProtect

from appliance.clock import Clock, SystemClock
from appliance.config.model import Config
from appliance.config.store import Store
from appliance.users.store import UserStore
from appliance.users.throttle import Throttle
from appliance.webhooks.courier import Courier
from appliance.webhooks.store import WebhookStore
from web import errors, i18n, navigation, ui
from web.campaigns.books import CampaignBooks
from web.core_link import CoreLink
from web.desk.follow import Follow
from web.figures.keeper import Keeper
from web.live.hub import Hub
from web.security import access, bodies, headers, identity, sessions
from web.start.finder import Finder

MAX_BODY = 32 << 20
"""Bytes of the largest upload: a list of 200,000 rows, an hour of message."""


@dataclass
class Services:
    """What the pages work with; one set a process."""

    data: Path
    users: UserStore
    core: CoreLink
    store: Store
    hub: Hub
    throttle: Throttle
    clock: Clock
    figures: Keeper
    campaigns: CampaignBooks
    desks: Follow
    told: WebhookStore
    courier: Courier
    finder: Finder
    _read: tuple[Config, int] | None = None

    @property
    def config(self) -> Config:
        """The configuration in force: read once a version, of which none ever changes. For looking at only."""
        if self._read is None or self._read[1] != self.store.version():
            self._read = self.store.numbered()
        return self._read[0]

    def close(self) -> None:
        self.hub.close()
        self.finder.close()
        self.courier.close()
        self.told.close()
        self.figures.close()
        self.desks.close()
        self.core.close()
        self.users.close()


def services() -> Services:
    made: Services = current_app.extensions["switchroom"]
    return made


def make_services(data: Path, clock: Clock | None = None) -> Services:
    core, clock = CoreLink(data), clock or SystemClock()
    store, told = Store(data, clock), WebhookStore(data)
    return Services(data=data, users=UserStore(data, clock), core=core, store=store, hub=Hub(core), throttle=Throttle(),
                    clock=clock, figures=Keeper(data, clock), campaigns=CampaignBooks(data, clock), finder=Finder(),
                    desks=Follow(data, clock, store.current), told=told, courier=Courier(data, told, store.current, clock))


def features() -> list[Blueprint]:
    """One folder each; a new feature adds its line here."""
    from web.api import routes as api
    from web.assets import routes as assets
    from web.audit import routes as audit
    from web.auth import routes as auth
    from web.calls import routes as calls
    from web.campaigns import routes as campaigns
    from web.config import routes as config
    from web.desk import routes as desk
    from web.figures import routes as figures
    from web.health import routes as health
    from web.hooks import routes as hooks
    from web.live import routes as live
    from web.people import routes as people
    from web.public import routes as public
    from web.start import routes as start
    from web.wallboard import routes as wallboard

    return [each.blueprint for each in (api, assets, audit, auth, calls, campaigns, config, desk, figures, health, hooks, live,
                                        people, public, start, wallboard)]


def create_app(data: Path, made: Services | None = None, *, secure: bool = False) -> Flask:
    """`secure`: served over TLS, so cookies are for that alone."""
    app = Flask(__name__, static_folder=None)
    found = made or make_services(data)
    app.extensions["switchroom"] = found
    app.config.update(DATA=data, MAX_CONTENT_LENGTH=MAX_BODY, MAX_FORM_MEMORY_SIZE=1 << 20, WTF_CSRF_TIME_LIMIT=None,
                      WTF_CSRF_CHECK_DEFAULT=False, SECRET_KEY=None)
    app.session_interface = sessions.StoredSessions(found.users, secure)
    app.config["SECRET_KEY"] = found.users.signing_key()
    i18n.init(app)
    ui.init(app)
    navigation.init(app)
    errors.init(app)
    for blueprint in features():
        app.register_blueprint(blueprint)
    identity.identify(app, found.users)
    app.before_request(bodies.bound)
    access.guard(app)
    app.extensions["csrf-guard"] = CSRFProtect(app)
    app.before_request(_forged)
    app.after_request(headers.harden)
    return app


def _forged() -> None:
    """A form that another site made the browser send has no token of ours. Programs with a token of their own send no cookie."""
    if request.endpoint is not None and not g.get("by_token"):
        guard: CSRFProtect = current_app.extensions["csrf-guard"]
        guard.protect()
