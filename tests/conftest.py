"""Puts the repository on the path, so that tests share helpers (`from tests.fuzz.guardlib import Guard`)."""
