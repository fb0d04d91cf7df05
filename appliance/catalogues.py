"""The catalogues of the pages' texts, for what leaves the box in the office's language: mails, and files that people read."""

from __future__ import annotations

import gettext
from collections.abc import Callable
from functools import cache
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "web" / "translations"


@cache
def text_in(language: str) -> Callable[[str], str]:
    """What puts a constant English text into a language ("fi"); English, and what is in no catalogue, stays as it is."""
    known = gettext.translation("messages", FOLDER, [language], fallback=True)
    return lambda text: known.gettext(text) if text else ""  # of "" gettext gives the heading of its catalogue
