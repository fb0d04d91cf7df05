"""What the processes do not load at their start: libraries that only some offices need, or only now and then."""

from __future__ import annotations

import subprocess
import sys

import pytest

SELDOM = {"xlsxwriter", "openpyxl", "aiosmtplib", "holidays", "urllib3", "cryptography", "segno", "phonenumbers.timezone"}
FEATURES = "import tempfile; from pathlib import Path; from web.app import create_app; create_app(Path(tempfile.mkdtemp()))"


@pytest.mark.parametrize(("begins", "without"), [
    ("import appliance.cli.serve, appliance.cli.keeping",
     SELDOM | {"appliance.config", "appliance.ledger", "phonenumbers", "uvloop", "zmq", "babel"}),
    ("import appliance.core.__main__", SELDOM | {"babel", "flask"}),
    ("import appliance.dialer.__main__", SELDOM | {"babel", "flask", "appliance.media", "drivers"}),
    (f"import web.__main__; {FEATURES}", SELDOM),
], ids=["serve", "core", "dialer", "web"])  # fmt: skip
def test_what_is_seldom_needed_is_not_loaded(begins: str, without: set[str]) -> None:
    told = subprocess.run([sys.executable, "-c", f"{begins}\nimport sys; print(*sys.modules)"], check=True, text=True,
                          stdout=subprocess.PIPE, timeout=60).stdout.split()
    assert len(told) > 100
    assert without.isdisjoint(told)
