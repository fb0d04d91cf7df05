"""The box's own certificate: made once, kept, made anew when it must be; and served over a real connection."""

from __future__ import annotations

import datetime as dt
import ssl
import threading
import urllib.request
from pathlib import Path

import pytest
from flask import Flask

from appliance.errors import SwitchroomError
from tests.peers.net import PATIENCE, free_port
from web import server, tls

NOW = dt.datetime(2026, 3, 2, tzinfo=dt.UTC)


def test_a_certificate_is_kept_until_it_ends_or_the_address_changes(tmp_path: Path) -> None:
    certificate, key = tls.own_certificate(tmp_path, "192.0.2.10", NOW)
    first = certificate.read_bytes()
    assert key.stat().st_mode & 0o077 == 0
    tls.own_certificate(tmp_path, "192.0.2.10", NOW + dt.timedelta(days=700))
    assert certificate.read_bytes() == first
    tls.own_certificate(tmp_path, "192.0.2.10", NOW + dt.timedelta(days=800))
    second = certificate.read_bytes()
    assert second != first
    tls.own_certificate(tmp_path, "192.0.2.11", NOW + dt.timedelta(days=800))
    assert certificate.read_bytes() != second
    certificate.write_text("damaged")
    tls.own_certificate(tmp_path, "192.0.2.11", NOW)
    assert b"BEGIN CERTIFICATE" in certificate.read_bytes()


def test_pages_are_served_over_tls(tmp_path: Path) -> None:
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = 1000
    app.add_url_rule("/", "home", lambda: "hello")
    pair = tls.own_certificate(tmp_path, "127.0.0.1")
    made = server.make(app, "127.0.0.1", free_port(), pair)
    thread = threading.Thread(target=made.serve)
    thread.start()
    try:
        trusting = ssl.create_default_context(cafile=str(pair[0]))
        with urllib.request.urlopen(f"https://127.0.0.1:{made.bind_addr[1]}/", context=trusting, timeout=10) as answer:
            assert answer.read() == b"hello"
    finally:
        made.stop()
        thread.join(PATIENCE)


def test_files_that_are_no_certificate_are_named(tmp_path: Path) -> None:
    (tmp_path / "c.pem").write_text("no")
    with pytest.raises(SwitchroomError, match=r"c\.pem") as caught:
        server.make(Flask(__name__), "127.0.0.1", free_port(), (tmp_path / "c.pem", tmp_path / "c.pem"))
    assert caught.value.id == "web.certificate"
