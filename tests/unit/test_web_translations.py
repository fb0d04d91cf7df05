"""Every text of the pages in every language, with the same places to fill in."""

from __future__ import annotations

import re
from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.frontend import parse_mapping_cfg
from babel.messages.pofile import read_po

from web.i18n import LANGUAGES

ROOT = Path(__file__).parents[2]
CATALOGUES = ROOT / "web" / "translations"
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "lazy_gettext": None, "_l": None, "N_": None,
            "pgettext": ((1, "c"), 2)}
PLACE = re.compile(r"%(?:\(\w+\))?[sd]|\{\w+\}")


@pytest.fixture(scope="module")
def wanted() -> set[tuple[str, str | None]]:
    """Texts, each with its context: what tells it from the same words elsewhere."""
    with (ROOT / "babel.cfg").open() as file:
        methods, options = parse_mapping_cfg(file)
    found: set[tuple[str, str | None]] = set()
    for _, _, message, _, context in extract_from_dir(ROOT, methods, options, keywords=KEYWORDS):
        found.add((message if isinstance(message, str) else message[0], context))  # a plural is known by its singular
    assert len(found) > 50
    return found


def catalogue(language: str) -> Catalog:
    path = CATALOGUES / language / "LC_MESSAGES" / "messages.po"
    return read_po(BytesIO(path.read_bytes()), locale=language)


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {"en"}))
def test_every_text_is_translated(language: str, wanted: set[tuple[str, str | None]]) -> None:
    known = catalogue(language)
    missing = sorted(text for text, context in wanted
                     if not (message := known.get(text, context)) or not _whole(message.string))
    assert not missing, f"{len(missing)} texts have no translation; run scripts/translations and fill them in: {missing[:10]}"
    assert not [message.id for message in known if message.fuzzy and message.id]


@pytest.mark.parametrize("language", sorted(set(LANGUAGES) - {"en"}))
def test_what_is_filled_in_is_the_same(language: str) -> None:
    for message in catalogue(language):
        if message.id and isinstance(message.id, str):
            wanted, found = set(PLACE.findall(message.id)), set(PLACE.findall(str(message.string)))
            assert wanted == found, message.id


def _whole(string: object) -> bool:
    return bool(string) and (isinstance(string, str) or (isinstance(string, list | tuple) and all(string)))
