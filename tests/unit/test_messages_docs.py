"""docs/messages.md says what the types say."""

from __future__ import annotations

from pathlib import Path

from appliance.messages_reference import page

PAGE = Path(__file__).parents[2] / "docs" / "messages.md"


def test_the_page_is_the_one_that_the_types_make() -> None:
    assert PAGE.read_text("utf-8") == page(), "run `python -m appliance.messages_reference > docs/messages.md`"
