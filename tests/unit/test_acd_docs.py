"""docs/acd.md shows the state tables as they are."""

from __future__ import annotations

from scripts.acd_tables import DOCS, page


def test_the_tables_are_up_to_date() -> None:
    text = DOCS.read_text("utf-8")
    assert page(text) == text, "run `python -m scripts.acd_tables`"
