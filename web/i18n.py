"""The language of a page: the person's own, what was chosen in this browser, what the browser asks for, the office's."""

from __future__ import annotations

from flask import Flask, g, request
from flask_babel import Babel, gettext

from appliance.config.box import Office
from appliance.errors import SwitchroomError
from appliance.sentences import Said

LANGUAGES = {"en": "English", "fi": "Suomi", "ru": "Русский", "uk": "Українська", "zh": "中文"}
COOKIE = "language"


def init(app: Flask) -> None:
    app.config["BABEL_TRANSLATION_DIRECTORIES"] = "translations"
    Babel(app, locale_selector=locale, timezone_selector=timezone)
    app.jinja_env.globals.update(LANGUAGES=LANGUAGES, language=language)
    app.jinja_env.filters["told"] = tell


def language() -> str:
    if "language" not in g:
        g.language = _choose()
    chosen: str = g.language
    return chosen


def _choose() -> str:
    user = g.get("user")
    for wish in (user.language if user else "", request.cookies.get(COOKIE, "")):
        if wish in LANGUAGES:
            return wish
    office = _office().language
    return request.accept_languages.best_match(list(LANGUAGES)) or (office if office in LANGUAGES else "en")


def locale() -> str:
    """How days, times and numbers are written. English is that of most of the world, day before month and 24 hours, as in
    reports by mail; that of the United States for an office there."""
    chosen = language()
    return chosen if chosen != "en" or _office().country == "US" else "en_GB"


def tell(said: Said) -> str:
    """A sentence of the box in the reader's language; programs (/api/) get what logs have: English."""
    return str(said) if request.path.startswith("/api/") else said.told(gettext)


def timezone() -> str:
    return _office().timezone


def _office() -> Office:
    from web.app import services

    try:
        return services().config.office
    except SwitchroomError:
        return Office(name="", country="GB")  # before the first configuration
