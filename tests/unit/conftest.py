"""What tests of the pages share."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.webkit import Pages


@pytest.fixture
def pages(tmp_path: Path) -> Iterator[Pages]:
    """The pages of the reference office, with a person of each role."""
    from tests.webkit import Pages

    made = Pages(tmp_path)
    yield made
    made.close()
