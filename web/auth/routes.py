"""GET/POST /login, /logout, /start (first administrator), /me."""

from __future__ import annotations

from typing import cast

import msgspec
from flask import Blueprint, flash, g, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_babel import gettext as _

from appliance.errors import SwitchroomError
from appliance.users import passwords
from appliance.users.model import User
from web import i18n
from web.app import services
from web.audit.service import note
from web.auth import service
from web.errors import status_of
from web.security.access import open_to_all, signed_in
from web.security.sessions import WebSession
from web.start import steps

blueprint = Blueprint("auth", __name__, template_folder="templates")


def _address() -> str:
    return request.remote_addr or ""


def enter(user: User) -> None:
    """From now on this browser is this person's."""
    cast(WebSession, session).sign_in(user.login, user.epoch, services().users.clock.utc())


@blueprint.get("/login")
@open_to_all
def login() -> ResponseReturnValue:
    if services().users.setup_code():
        return redirect(url_for("auth.start"))
    if g.user is not None:
        return redirect(service.safe_next(request.args.get("next", "/")))
    return render_template("auth/login.html", next=service.safe_next(request.args.get("next", "/")), problem=None, name="")


@blueprint.post("/login")
@open_to_all
def do_login() -> ResponseReturnValue:
    form = request.form
    then = service.safe_next(form.get("next", "/"))
    try:
        user = service.sign_in(services(), form.get("login", ""), form.get("password", ""), form.get("code", ""), _address())
    except SwitchroomError as problem:
        status = 429 if problem.id == "web.too-many" else 400
        return render_template("auth/login.html", next=then, problem=problem, name=form.get("login", "")[:64]), status
    note("session.begin", user.login, by=f"web:{user.login}")
    enter(user)
    return redirect(then)


@blueprint.post("/logout")
@signed_in
def logout() -> ResponseReturnValue:
    cast(WebSession, session).sign_out(services().users.clock.utc())
    return redirect(url_for("auth.login"))


@blueprint.get("/start")
@open_to_all
def start() -> ResponseReturnValue:
    if not services().users.setup_code():
        return redirect(url_for("auth.login"))
    return render_template("auth/start.html", problem=None, form={})


@blueprint.post("/start")
@open_to_all
def do_start() -> ResponseReturnValue:
    form = request.form
    try:
        user = service.first_admin(services(), form.get("code", ""), form.get("login", "").strip().lower(),
                                   form.get("name", "").strip(), form.get("password", ""), _address())
    except msgspec.ValidationError:
        problem = SwitchroomError("web.bad-name", "This name cannot be used.",
                                  "The name for signing in has small Latin letters, digits, dots and dashes.")
        return render_template("auth/start.html", problem=problem, form=form), 400
    except SwitchroomError as problem:
        return render_template("auth/start.html", problem=problem, form=form), 429 if problem.id == "web.too-many" else 400
    note("user.first", user.login, by=f"web:{user.login}")
    enter(user)
    return redirect(_first_page())


def _first_page() -> str:
    """An office that nobody has set up yet is set up first."""
    store = services().store
    return url_for("start.index") if store.has_current() and steps.is_starter(store.text()) else "/"


@blueprint.post("/language")
@open_to_all
def choose_language() -> ResponseReturnValue:
    """In this browser; for a person who is signed in also on every other."""
    wish = request.form.get("language", "")
    answer = redirect(service.safe_next(request.form.get("next", "/")))
    if wish in i18n.LANGUAGES:
        answer.set_cookie(i18n.COOKIE, wish, max_age=31_536_000, samesite="Lax", httponly=True, secure=request.is_secure)
        if g.user is not None:
            service.change_own(services(), g.user, lambda now: msgspec.structs.replace(now, language=wish))
    return answer


@blueprint.get("/me")
@signed_in
def me() -> ResponseReturnValue:
    return render_template("auth/me.html", problem=None, secret="", picture="")


@blueprint.post("/me/password")
@signed_in
def password() -> ResponseReturnValue:
    form = request.form
    try:
        if form.get("new", "") != form.get("again", ""):
            raise SwitchroomError("web.not-the-same", "The two new passwords differ.", "Type the new password twice.")
        changed = service.change_password(services(), g.user, form.get("old", ""), form.get("new", ""), _address())
    except SwitchroomError as problem:
        return render_template("auth/me.html", problem=problem, secret="", picture=""), 400
    note("user.own-password", g.user.login)
    enter(changed)
    flash(_("The password is changed. Everywhere else you are signed out."))
    return redirect(url_for("auth.me"))


@blueprint.post("/me/second-factor")
@signed_in
def second_factor() -> ResponseReturnValue:
    """Asks for a code of the new secret before it counts: nobody shuts himself out by a slip. The secret comes back with the
    form, and is worth nothing to anybody until then."""
    form = request.form
    box, user = services(), g.user
    secret = form.get("secret") or passwords.totp_secret()
    try:
        if form.get("off") and user.totp:
            service.second_factor_off(box, user, form.get("code", ""), _address(),
                                      lambda: note("user.second-factor-off", user.login))
            flash(_("The second factor is off."))
            return redirect(url_for("auth.me"))
        if form.get("code") and service.second_factor_on(box, user, secret, form["code"],
                                                         lambda: note("user.second-factor-on", user.login)):
            flash(_("The second factor is on."))
            return redirect(url_for("auth.me"))
    except SwitchroomError as problem:
        return render_template("auth/me.html", problem=problem, secret="", picture=""), status_of(problem.id)
    office = services().config.office.name
    picture = _qr(passwords.totp_address(secret, user.login, office))
    return render_template("auth/me.html", problem=None, secret=secret, picture=picture)


def _qr(text: str) -> str:
    """As a data: address, which the policy allows for pictures."""
    import segno  # tables of half a megabyte, and seldom asked for

    made: str = segno.make(text, error="m").svg_data_uri(scale=4, border=2)
    return made


from web.auth import token_routes  # noqa: E402, F401 - adds its pages to the blueprint
