"""The report's words, one file per language, and numbers, times and money as written there (CLDR through babel)."""

from __future__ import annotations

import tomllib
from datetime import datetime
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_datetime, format_time
from babel.numbers import format_currency, format_decimal

from appliance.catalogues import text_in
from appliance.percent import percent

FOLDER = Path(__file__).parent / "strings"
LOCALES = {"en": "en_GB", "fi": "fi_FI", "ru": "ru_RU", "uk": "uk_UA", "zh": "zh_Hans_CN"}
_HOUR, _MINUTE = 3600, 60


@cache
def table(language: str) -> dict[str, str]:
    """All words of a language by key."""
    return {key: str(text) for key, text in tomllib.loads((FOLDER / f"{language}.toml").read_text("utf-8")).items()}


def outcome_in(language: str, outcome: str | None) -> str:
    """The one word for an outcome ("hung_up"; None or "pending": none yet) on pages, in mails, tables and on the command line;
    "" for what is none."""
    return table(language if language in LOCALES else "en").get(f"outcome_{outcome or 'pending'}", "")


class Words:
    """How one office writes: its language and its time zone."""

    def __init__(self, language: str, timezone: str) -> None:
        self.language = language if language in LOCALES else "en"
        self.locale = Locale.parse(LOCALES[self.language])
        self.zone = ZoneInfo(timezone)
        self._table = table(self.language)
        self.tell = text_in(self.language)
        """Sentences of the box as the pages tell them."""

    def __call__(self, key: str, **values: object) -> str:
        text = self._table[key]
        return text.format(**values) if values else text

    def local(self, when: datetime) -> datetime:
        return when.astimezone(self.zone)

    def moment(self, when: datetime | None) -> str:
        """Day and clock time."""
        return format_datetime(self.local(when), "short", locale=self.locale, tzinfo=self.zone) if when else ""

    def clock(self, when: datetime) -> str:
        return format_time(self.local(when), "short", locale=self.locale, tzinfo=self.zone)

    def count(self, n: int) -> str:
        return str(format_decimal(n, locale=self.locale))

    def percent(self, share: float) -> str:
        return percent(share, self.locale, 1)

    def money(self, amount: float, currency: str) -> str:
        return str(format_currency(amount, currency, locale=self.locale))

    def span(self, seconds: float) -> str:
        """A length of time as h:mm:ss, read alike everywhere."""
        whole = round(seconds)
        hours, rest = divmod(whole, _HOUR)
        minutes, left = divmod(rest, _MINUTE)
        return f"{hours}:{minutes:02}:{left:02}"
