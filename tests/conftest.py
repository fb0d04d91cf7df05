"""Puts the repository on the path, so that tests share helpers (`from tests.fuzz.guardlib import Guard`)."""

from tests.second_chance import pytest_runtest_setup

__all__ = ["pytest_runtest_setup"]
