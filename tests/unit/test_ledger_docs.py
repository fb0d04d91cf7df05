"""docs/ledger.md says what the code says."""

from __future__ import annotations

from pathlib import Path

from appliance.ledger.reference import page

DOCS = Path(__file__).parents[2] / "docs" / "ledger.md"


def test_the_page_is_up_to_date() -> None:
    assert DOCS.read_text("utf-8") == page(), "run `python -m appliance.ledger.reference > docs/ledger.md`"
