"""GET /health: 200 while the core answers, 503 while it does not. Open to all, so it tells nothing else."""

from __future__ import annotations

from pathlib import Path

from flask import Blueprint, current_app
from flask.typing import ResponseReturnValue

from appliance import bus
from web.security.access import open_to_all

blueprint = Blueprint("health", __name__)


@blueprint.get("/health")
@open_to_all
def health() -> ResponseReturnValue:
    data: Path = current_app.config["DATA"]
    up = bus.running(data)
    return {"core": "up" if up else "down"}, 200 if up else 503
