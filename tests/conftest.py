"""Puts the repository on the path, so that tests share helpers (`from tests.fuzz.guardlib import Guard`), and sets aside what of
the machine is none of theirs: how wide and how coloured its terminal is, how long an example takes."""

import os

from hypothesis import HealthCheck, settings

from tests.second_chance import pytest_runtest_setup

TERMINAL = ("COLUMNS", "LINES", "FORCE_COLOR", "NO_COLOR", "CLICOLOR", "CLICOLOR_FORCE", "TTY_COMPATIBLE", "TTY_INTERACTIVE",
            "GITHUB_ACTIONS", "JUPYTER_COLUMNS", "JUPYTER_LINES")
for _name in TERMINAL:  # before anything prints a table
    os.environ.pop(_name, None)
settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")

__all__ = ["pytest_runtest_setup"]
