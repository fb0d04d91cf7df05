"""The reference page is up to date, and every key of the model is described."""

from __future__ import annotations

from pathlib import Path

from appliance.config.reference import reference

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"


def test_the_page_is_up_to_date() -> None:
    remedy = "run: python -m appliance.config.reference > docs/configuration.md"
    assert PAGE.read_text(encoding="utf-8") == reference(), remedy


def test_every_key_is_described() -> None:
    rows = [line for line in reference().splitlines() if line.startswith("| `")]
    assert len(rows) > 250
    undescribed = [row for row in rows if not row.rsplit("|", 2)[1].strip()]
    assert not undescribed
