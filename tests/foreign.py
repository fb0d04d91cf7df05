"""English that is left in a page of another language: what a reader meets as text or as a label, without code and names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser

SILENT = frozenset({"script", "style", "code", "pre", "kbd", "samp", "textarea", "svg"})
"""Not read as text: programs, and what stands there as it was typed; nor is what is marked as English or not to be translated."""
VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"})
SPOKEN = ("title", "aria-label", "placeholder", "alt", "data-confirm")
"""Attributes that a reader meets."""
INLINE = frozenset({"a", "b", "em", "i", "span", "strong", "small", "time", "abbr", "mark", "output"})
"""A sentence goes on through them."""


class _Texts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []
        self._open: list[tuple[str, bool]] = []
        self._text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        quiet = self._quiet() or tag in SILENT or given.get("translate") == "no" or given.get("lang") == "en"
        if tag not in INLINE or quiet:
            self._flush()
        if not quiet:
            self.found += [text for name in SPOKEN if (text := given.get(name))]
            if tag == "input" and given.get("type") in ("submit", "button"):
                self.found.append(given.get("value") or "")
        if tag not in VOID:
            self._open.append((tag, quiet))

    def handle_endtag(self, tag: str) -> None:
        if tag not in INLINE or self._quiet():
            self._flush()
        while self._open and tag in (each for each, _ in self._open):
            if self._open.pop()[0] == tag:
                break

    def handle_data(self, data: str) -> None:
        if not self._quiet():
            self._text += data

    def _quiet(self) -> bool:
        return bool(self._open) and self._open[-1][1]

    def _flush(self) -> None:
        if text := " ".join(self._text.split()):
            self.found.append(text)
        self._text = ""

    def close(self) -> None:
        super().close()
        self._flush()


def texts(html: str) -> list[str]:
    """What a reader meets, a paragraph, cell or label each."""
    parser = _Texts()
    parser.feed(html)
    parser.close()
    return parser.found


def english(text: str, words: int) -> Iterator[str]:
    """Each run of at least so many words in Latin letters, with what stands between them."""
    for run in re.finditer(rf"[A-Za-z][A-Za-z'’-]*(?:[ ,;:()/“”\"]+[A-Za-z][A-Za-z'’-]*){{{words - 1},}}", text):
        yield run[0]
