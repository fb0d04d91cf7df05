"""Numbers, counted things, clock times and lengths of time as rows of words, each word a clip.

Pure: a value and a language in, `Word`s out. Numbers are said in the nominative everywhere; the texts are written so
that this is right ("Called: 5"), which spares whole tables of cases.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime

import msgspec

from appliance.errors import SwitchroomError
from appliance.prompts.texts import Noun, Numbers, speech

LARGEST = 999_999
DAY_WEEK = 7
_HOUR_MINUTES = 60
_LONG_MINUTES = 90
_HUNDRED = 100
_THOUSAND = 1000
_TEN_THOUSAND = 10_000
_TWENTY = 20
_MONTHS = 12
_LONGEST_MONTH = 31


class Word(msgspec.Struct, frozen=True):
    """One clip: `name` is its file, `text` what espeak-ng is given."""

    name: str
    text: str


class Moment(msgspec.Struct, frozen=True):
    """A time as people say it, on the clock of the office: `day` "today", "tomorrow", "yesterday" or 0 (Monday) to 6; with
    a `month` (1 to 12) it is the day of that month."""

    day: int | str
    hour: int
    minute: int = 0
    month: int = 0


def moment(now: datetime, then: datetime) -> Moment | None:
    """How to say `then`, heard at `now` (both in the office's time zone). None where it is past or a week away or
    more: a weekday alone would be misunderstood then."""
    days = (then.date() - now.date()).days
    if not 0 <= days < DAY_WEEK or then < now:
        return None
    day: int | str = {0: "today", 1: "tomorrow"}.get(days, then.weekday())
    return Moment(day, then.hour, then.minute)


def moment_past(now: datetime, then: datetime) -> Moment:
    """How to say when something was, heard at `now` (both in the office's time zone): by the weekday within the last six
    days, by the date before that. Where `then` is not past (a clock was set back), by the date too."""
    days = (now.date() - then.date()).days
    if not 0 <= days < DAY_WEEK:
        return Moment(then.day, then.hour, then.minute, then.month)
    day: int | str = {0: "today", 1: "yesterday"}.get(days, then.weekday())
    return Moment(day, then.hour, then.minute)


def _one_other(n: int) -> str:
    return "one" if n == 1 else "other"


def _one_few_many(n: int) -> str:
    """Russian and Ukrainian: 1, 21, 101 · 2 to 4, 22 to 24 · the rest, and 11 to 14."""
    teens, last = n % 100 // 10 == 1, n % 10
    if last == 1 and not teens:
        return "one"
    return "few" if last in (2, 3, 4) and not teens else "many"


_PLURAL = {"en": _one_other, "fi": _one_other, "ru": _one_few_many, "uk": _one_few_many, "zh": lambda n: "other"}
"""CLDR's plural categories of whole numbers; the tests compare them with babel's, which would cost each process 6 MB."""


def plural(noun: Noun, n: int, language: str) -> tuple[str, str]:
    """The form of a noun after `n`: its CLDR category (one, few, many, other) and the word."""
    category = _PLURAL[language](n)
    word = getattr(noun, category, "")
    return (category, word) if word else ("other", noun.other)


def number(n: int, language: str, variant: str = "") -> list[Word]:
    """0 to 999,999 in words. `variant` is the gender or use that changes 1 and 2 ("f" in Russian and Ukrainian,
    "measure" in Chinese). Raises SwitchroomError "prompts.number-range"."""
    if not 0 <= n <= LARGEST:
        raise SwitchroomError("prompts.number-range", "The number {n} cannot be said.", "Numbers from 0 to {largest} can.",
                              n=n, largest=LARGEST)
    numbers = speech(language).numbers
    if variant and str(n) in numbers.exact.get(variant, {}):
        return [Word(f"number-{n}-{variant}", numbers.exact[variant][str(n)])]
    if numbers.system == "myriads":
        return list(_myriads(n, numbers))
    return list(_thousands(n, language, numbers, variant))


def _thousands(n: int, language: str, numbers: Numbers, variant: str) -> Iterator[Word]:
    """Number words grouped by the thousand: en, fi, ru, uk."""
    thousands, rest = divmod(n, _THOUSAND)
    if thousands == 1 and numbers.one_thousand:
        yield Word("number-1000", " ".join(numbers.one_thousand))
    elif thousands:
        noun = speech(language).nouns["thousand"]
        yield from _below_thousand(thousands, numbers, noun.variant)
        category, word = plural(noun, thousands, language)
        yield Word(f"thousand-{category}", word)
    if rest and rest < _HUNDRED and thousands and numbers.and_:
        yield Word("number-and", numbers.and_)
    if rest or not thousands:
        yield from _below_thousand(rest, numbers, variant)


def _below_thousand(n: int, numbers: Numbers, variant: str) -> Iterator[Word]:
    hundreds, rest = divmod(n, _HUNDRED)
    if hundreds:
        yield Word(f"number-{hundreds * _HUNDRED}", numbers.hundreds[hundreds - 1])
        if rest and numbers.and_:
            yield Word("number-and", numbers.and_)
    if rest or not hundreds:
        yield below_hundred(rest, numbers, variant)


def below_hundred(n: int, numbers: Numbers, variant: str = "") -> Word:
    """0 to 99 as one clip: they are said in one breath, and joined words would not be."""
    changed = numbers.variants.get(variant, {})
    if n < _TWENTY:
        text = changed.get(str(n), numbers.units[n])
        return Word(f"number-{n}-{variant}" if str(n) in changed else f"number-{n}", text)
    tens, unit = divmod(n, 10)
    text = numbers.tens[tens - 2]
    if not unit:
        return Word(f"number-{n}", text)
    text += numbers.tens_joiner + changed.get(str(unit), numbers.units[unit])
    return Word(f"number-{n}-{variant}" if str(unit) in changed else f"number-{n}", text)


def _myriads(n: int, numbers: Numbers) -> Iterator[Word]:
    """Number words grouped by the ten thousand: zh. A gap of empty places is said as one zero (一千零五)."""
    high, low = divmod(n, _TEN_THOUSAND)
    if high:
        if high == 2:
            yield Word("number-2-measure", numbers.exact["measure"]["2"])
        else:
            yield from _myriad_group(high, numbers, inside=False)
        yield Word("number-ten-thousand", numbers.ten_thousand)
        if low and low < _THOUSAND:
            yield Word("number-zero-gap", numbers.zero)
    if low or not high:
        yield from _myriad_group(low, numbers, inside=bool(high))


def _myriad_group(n: int, numbers: Numbers, inside: bool) -> Iterator[Word]:
    """0 to 9999. `inside` a larger number, 10 to 19 are said 一十…."""
    thousands, rest = divmod(n, _THOUSAND)
    if thousands:
        yield Word(f"number-{thousands * _THOUSAND}", numbers.thousands[thousands - 1])
        if rest and rest < _HUNDRED:
            yield Word("number-zero-gap", numbers.zero)
    hundreds, low = divmod(rest, _HUNDRED)
    if hundreds:
        yield Word(f"number-{hundreds * _HUNDRED}", numbers.hundreds[hundreds - 1])
        if low and low < 10:
            yield Word("number-zero-gap", numbers.zero)
    if not low and n:
        return
    word = below_hundred(low, numbers)
    if (inside or n >= _HUNDRED) and 10 <= low < _TWENTY:
        word = Word(f"{word.name}-inside", numbers.one + word.text)
    yield word


def counted(n: int, noun_name: str, language: str) -> list[Word]:
    """A number and what is counted, in the right gender and plural: 2 линии, 5 номеров, 两条线路.
    Raises SwitchroomError "prompts.unknown-noun"."""
    noun = speech(language).nouns.get(noun_name)
    if noun is None:
        raise SwitchroomError("prompts.unknown-noun", "There is no noun {noun_name} in the language {language}.",
                              "The nouns stand in appliance/prompts/texts.", noun_name=repr(noun_name),
                              language=repr(language))
    category, word = plural(noun, n, language)
    return [*number(n, language, noun.variant), Word(f"{noun_name}-{category}", word)]


def span(minutes: float, language: str) -> list[Word]:
    """A length of time given in minutes, rounded up: minutes, from 90 on hours and minutes."""
    whole = max(1, math.ceil(minutes))
    if whole < _LONG_MINUTES and whole != _HOUR_MINUTES:
        return counted(whole, "minute", language)
    hours, rest = divmod(whole, _HOUR_MINUTES)
    words = counted(hours, "hour", language)
    return words + (counted(rest, "minute", language) if rest else [])


def digits(text: str, language: str, keys: bool = False) -> list[Word]:
    """Digits one by one, with star and hash; anything else in `text` is left out. `keys`: as keys to press."""
    table = speech(language).digits
    names = {"*": "star", "#": "hash"}
    words = []
    for character in text:
        key = names.get(character, character)
        if keys and key in speech(language).keys:
            words.append(Word(f"key-{key}", speech(language).keys[key]))
        elif key in table:
            words.append(Word(f"digit-{key}", table[key]))
    return words


def clock(hour: int, minute: int, language: str) -> list[Word]:
    """A clock time (office time, 24 hours in) as people say it."""
    words = speech(language).clock
    text = f"{words.before} {words.hours[hour]}".strip()
    out = [Word(f"clock-{hour}", text)]
    if minute and words.minute_noun:
        out += counted(minute, words.minute_noun, language)
    elif minute:
        if minute < 10 and words.zero:
            out.append(Word("clock-zero", words.zero))
        out += number(minute, language)
        if words.minute_suffix:
            out.append(Word("clock-minute", words.minute_suffix))
    if words.halves:
        half = hour // 12
        out.append(Word(f"clock-half-{half}", words.halves[half]))
    return out


def say_moment(value: Moment, language: str) -> list[Word]:
    """A day and a clock time."""
    return [*_day(value, language), *clock(value.hour, value.minute, language)]


def _day(value: Moment, language: str) -> list[Word]:
    days = speech(language).days
    if isinstance(value.day, str):
        return [Word(f"day-{value.day}", getattr(days, value.day))]
    if not value.month:
        return [Word(f"day-{value.day}", days.week[value.day])]
    date = Word(f"date-{value.day}", days.dates[value.day - 1])
    month = Word(f"month-{value.month}", days.months[value.month - 1])
    return [month, date] if days.month_first else [date, month]


def say(value: object, form: str, language: str) -> list[Word]:
    """A slot's value in its form. Raises SwitchroomError "prompts.bad-value" where the value is not of that kind."""
    if form in {"key", "digits"}:
        return digits(str(value), language, keys=form == "key")
    if form == "moment" and isinstance(value, Moment):
        return say_moment(value, language)
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        if form == "span":
            return span(value, language)
        if form == "plain":
            return number(int(value), language)
        if form != "moment":
            return counted(int(value), form, language)
    raise SwitchroomError("prompts.bad-value", "{value} cannot be said as {form}.", "Give a value of the right kind.",
                          value=repr(value), form=form)


def vocabulary(language: str) -> dict[str, Word]:
    """Every word that `say` can ever ask for, by clip name."""
    out: dict[str, Word] = {}

    def add(words: list[Word]) -> None:
        for word in words:
            out.setdefault(word.name, word)

    nouns = speech(language).nouns
    for variant in {"", *(noun.variant for noun in nouns.values())}:
        for n in [*range(2 * _HUNDRED), *range(0, 10_000, 100), *range(1000, 200_000, 1000), 1001, 10_001]:
            add(number(n, language, variant))
    for noun in nouns:
        for n in range(_HUNDRED):
            add(counted(n, noun, language)[-1:])
    for key in (False, True):
        add(digits("0123456789*#", language, key))
    for hour in range(24):
        add(clock(hour, 5, language) + clock(hour, 15, language) + clock(hour, 0, language))
    for day in ("today", "yesterday", "tomorrow", *range(DAY_WEEK)):
        add(say_moment(Moment(day, 0), language))
    for date in range(_LONGEST_MONTH):
        add(say_moment(Moment(date + 1, 0, month=date % _MONTHS + 1), language))
    return out
