"""Puts the repository on the path, so that tests share helpers (`from tests.fuzz.guardlib import Guard`)."""

from hypothesis import HealthCheck, settings

from tests.second_chance import pytest_runtest_setup

settings.register_profile("any machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")  # how long an example takes is the machine's affair, and that of what else it does

__all__ = ["pytest_runtest_setup"]
