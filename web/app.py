"""`create_app`: the Flask application with its features and the headers every answer carries."""

from __future__ import annotations

from pathlib import Path

from flask import Flask, Response

from web.health.routes import blueprint as health


def create_app(data: Path) -> Flask:
    app = Flask(__name__, static_folder=None)
    app.config["DATA"] = data
    app.config["MAX_CONTENT_LENGTH"] = 1 << 20
    app.register_blueprint(health)
    app.after_request(harden)
    return app


def harden(response: Response) -> Response:
    """Nothing may be framed, sniffed, cached or fetched from elsewhere."""
    response.headers["Content-Security-Policy"] = "default-src 'none'; style-src 'self'; frame-ancestors 'none'"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    response.headers["Cache-Control"] = "no-store"
    return response
