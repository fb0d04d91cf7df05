"""Tests against real peers run in real time: on a machine that others load too, a peer may be late through nobody's fault.
Each may therefore be run once more; pytest's summary counts the reruns, so a test that needs them often is seen."""

from __future__ import annotations

from pathlib import Path

import pytest

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE) and not item.get_closest_marker("slow"):
            item.add_marker(pytest.mark.flaky(reruns=1, reruns_delay=2))
