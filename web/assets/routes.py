"""GET /static/...: our own files, and those of pinned packages (requirements-assets.txt)."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from flask import Blueprint, Response, abort, send_from_directory, url_for
from flask.sansio.blueprints import BlueprintSetupState

from appliance import __version__
from web.security.access import open_to_all

blueprint = Blueprint("assets", __name__)
OWN = Path(__file__).parents[1] / "static"
AGE = 31_536_000
VENDOR = {"htmx.js": ("django_htmx", "static/django_htmx/htmx-2.min.js"),
          "htmx-sse.js": ("django_htmx", "static/django_htmx/ext/hx-sse-2.min.js")}
"""Name at /static/vendor/: the package that brings the file, and where in it the file lies."""


def _package(name: str) -> Path:
    spec = importlib.util.find_spec(name)  # finds, does not import: we want its files alone
    if spec is None or not spec.submodule_search_locations:
        raise RuntimeError(f"{name} is not installed: run ./run --setup")
    return Path(spec.submodule_search_locations[0])


@blueprint.get("/static/vendor/<name>")
@open_to_all
def vendor(name: str) -> Response:
    if name not in VENDOR:
        abort(404)
    package, path = VENDOR[name]
    return _kept(send_from_directory(_package(package), path))


@blueprint.get("/static/<path:name>")
@open_to_all
def own(name: str) -> Response:
    return _kept(send_from_directory(OWN, name))


def _kept(response: Response) -> Response:
    response.headers["Cache-Control"] = f"public, max-age={AGE}, immutable"
    return response


def asset(name: str) -> str:
    """The address of a file, which changes with the file, so that it may be kept for ever."""
    if name.startswith("vendor/"):
        return url_for("assets.vendor", name=name.removeprefix("vendor/"), v=__version__)
    return url_for("assets.own", name=name, v=f"{int((OWN / name).stat().st_mtime):x}")


@blueprint.record_once
def _known_to_templates(state: BlueprintSetupState) -> None:
    state.app.jinja_env.globals["asset"] = asset
