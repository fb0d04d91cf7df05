"""Phone numbers: read as people of a country dial them, kept as E.164, sent as each line wants them. Pure.

Facts about numbering plans come from the phonenumbers library (ITU-T E.164 plans as gathered by libphonenumber).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection
from functools import lru_cache
from typing import Literal

import msgspec
import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumber, PhoneNumberFormat, PhoneNumberType, ShortNumberCost, shortnumberinfo

from appliance.errors import SwitchroomError
from appliance.sentences import Said, say

NumberClass = Literal["national", "mobile", "international", "premium", "emergency"]
NumberForm = Literal["national", "e164", "digits"]

MAX_TEXT = 64
_DIGITS = re.compile(r"\+?[0-9]+")
_LONGEST_SHORT = 8
_SATELLITE_AND_PREMIUM_CODES = frozenset({870, 878, 881, 882, 883, 979})
"""Country codes without a country that cost like premium numbers: satellites, universal premium rate."""
_PREMIUM_TYPES = frozenset(
    {
        PhoneNumberType.PREMIUM_RATE,
        PhoneNumberType.SHARED_COST,
        PhoneNumberType.PERSONAL_NUMBER,
        PhoneNumberType.PAGER,
    }
)
_SAME_PLAN = {"FI": {"AX"}, "NO": {"SJ"}, "IT": {"VA"}, "AX": {"FI"}, "SJ": {"NO"}, "VA": {"IT"}}
"""Territories that are dialled and charged as home. Others that share a country code (US and Jamaica, GB and Jersey,
RU and KZ) are not: calls there cost as calls abroad, and fraud lives on mistaking them."""
_FALLBACK_EMERGENCY = ("112",)


class Dialled(msgspec.Struct, frozen=True):
    """What a phone dialled. `number` is the internal number, E.164, a short number's digits, or the emergency number
    without the outside prefix; `kind` "unknown" keeps what was dialled, and `why` says what is wrong with it."""

    kind: Literal["internal", "outside", "short", "emergency", "unknown"]
    number: str
    cls: NumberClass | None = None
    why: Said | None = None


def normalise(text: str, country: str, *, strict: bool = True) -> str:
    """The number as E.164 ("0917700000" in FI -> "+358917700000").

    `strict` wants a number that the country's plan knows; otherwise a possible length is enough (numbers dialled by
    hand: plans grow faster than tables). Raises SwitchroomError "number.*" that says why it cannot be called."""
    return phonenumbers.format_number(_parse(text, country, strict), PhoneNumberFormat.E164)


def make_ready(country: str) -> None:
    """Have the library load the country's tables now, so that no call waits for them (tens of milliseconds)."""
    example = phonenumbers.example_number(country) or PhoneNumber(country_code=358, national_number=917700000)
    e164 = phonenumbers.format_number(example, PhoneNumberFormat.E164)
    classify(normalise(e164, country, strict=False), country)


def _parse(text: str, country: str, strict: bool) -> PhoneNumber:
    plain = _plain(text)
    try:
        number = phonenumbers.parse(plain, country)
    except phonenumbers.NumberParseException as error:
        raise SwitchroomError("number.unreadable", "{number} is no phone number.", _PARSE_HINTS[error.error_type],
                              number=_show(text)) from None
    if number.extension:
        raise SwitchroomError("number.extension", "{number} has an extension.", "Give the number alone.", number=_show(text))
    reason = phonenumbers.is_possible_number_with_reason(number)
    # For an unknown code after "+", the library reads the digits as dialled in the country: another number altogether.
    misread = plain.startswith("+") and not plain[1:].startswith(str(number.country_code))
    if misread or reason == phonenumbers.ValidationResult.INVALID_COUNTRY_CODE:
        raise SwitchroomError("number.country", "{number} has an unknown country code.", _HINT, number=_show(text))
    if reason != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise SwitchroomError("number.length", _LENGTH.get(reason, _IMPOSSIBLE).about(number=_show(text)), _HINT)
    if strict and not phonenumbers.is_valid_number(number):
        region = phonenumbers.region_code_for_country_code(number.country_code or 0)
        raise SwitchroomError("number.not-in-plan", "{number} does not exist in the numbering plan of {region}.", _HINT,
                              number=_show(text), region=region)
    return number


_HINT = say("Write it as E.164, such as +358917700000, or as it is dialled in the country.")
_PARSE_HINTS = {
    phonenumbers.NumberParseException.INVALID_COUNTRY_CODE: say("Begin with + and a country code, or as in the country."),
    phonenumbers.NumberParseException.NOT_A_NUMBER: _HINT,
    phonenumbers.NumberParseException.TOO_SHORT_AFTER_IDD: say("Something is missing after the international prefix."),
    phonenumbers.NumberParseException.TOO_SHORT_NSN: say("It is too short."),
    phonenumbers.NumberParseException.TOO_LONG: say("It is too long."),
}
_LENGTH = {
    phonenumbers.ValidationResult.TOO_SHORT: say("{number} is too short."),
    phonenumbers.ValidationResult.TOO_LONG: say("{number} is too long."),
    phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY: say("{number} lacks the area code."),
}
_IMPOSSIBLE = say("{number} has an impossible length.")


def _plain(text: str) -> str:
    """Digits and + of any script as ASCII; what spreadsheets do to numbers is named instead of guessed."""
    if len(text) > MAX_TEXT:
        raise SwitchroomError("number.unreadable", "The number is far too long.", _HINT)
    if _DIGITS.fullmatch(text):  # as signalling has them
        return text
    plain = unicodedata.normalize("NFKC", text).strip().lstrip("'")
    if re.fullmatch(r"[0-9]([.,][0-9]+)?[eE]\+?[0-9]+", plain):
        raise SwitchroomError("number.rounded", "{number} was rounded by a spreadsheet.",
                              "Format the column as text and enter the number again.", number=_show(text))
    if re.fullmatch(r"\+?[0-9]{6,}\.0", plain):  # a number cell exported as a decimal
        plain = plain[:-2]
    plain = "".join(str(unicodedata.digit(char, char)) if char.isdigit() else char for char in plain)
    plain = re.sub(r"[\s‐-―\-()./\u00ad\u200b-\u200f\u202a-\u202e\u2060\ufeff]", "", plain)
    if not _DIGITS.fullmatch(plain):
        raise SwitchroomError("number.unreadable", "{number} is no phone number.", _HINT, number=_show(text))
    return plain


def _show(text: str) -> str:
    clean = "".join(char if char.isprintable() else "?" for char in text[:40])
    return f'"{clean}"' if clean else "An empty text"


def classify(e164: str, country: str) -> NumberClass:
    """What kind of call it is from `country`: what `allow` of a route goes by. Emergency numbers in any form are
    "emergency"; premium rate, shared cost, personal, paging and satellite numbers are "premium", at home and abroad."""
    if is_emergency(e164, country):
        return "emergency"
    try:
        number = phonenumbers.parse(e164, country)
    except phonenumbers.NumberParseException:
        return "international"  # the class with the least rights that is not premium; normalise() refuses it anyway
    kind = phonenumbers.number_type(number)
    if number.country_code in _SATELLITE_AND_PREMIUM_CODES or kind in _PREMIUM_TYPES:
        return "premium"
    region = phonenumbers.region_code_for_number(number)
    if region is None:  # not in the plan: home only where the country code is ours alone
        regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(number.country_code or 0, ())
        home = regions[:1] == (country,) and set(regions) <= {country, *_SAME_PLAN.get(country, ())}
    else:
        home = region == country or region in _SAME_PLAN.get(country, ())
    if not home:
        return "international"
    return "mobile" if kind == PhoneNumberType.MOBILE else "national"


def send_as(number: str, form: NumberForm, country: str) -> str:
    """The number in the form a line wants: national ("0917700000"; abroad with the international prefix), e164
    ("+358917700000") or digits ("358917700000"). Emergency and short numbers go as they are."""
    if not number.startswith("+"):
        return number
    if form == "e164":
        return number
    if form == "digits":
        return number[1:]
    parsed = phonenumbers.parse(number)
    region = phonenumbers.region_code_for_number(parsed)
    same_code = parsed.country_code == phonenumbers.country_code_for_region(country)
    # Within one country code but abroad (US and Jamaica), the library knows what to dial first.
    if same_code and region in (None, country, *_SAME_PLAN.get(country, ())):
        text = phonenumbers.format_number(parsed, PhoneNumberFormat.NATIONAL)
    else:
        text = phonenumbers.format_out_of_country_calling_number(parsed, country)
    digits = re.sub(r"[^0-9]", "", text)
    # Countries without an international prefix of their own in the table: 00 is ITU-T E.164's recommendation.
    return "00" + number[1:] if "+" in text else digits


def country_prefix(country: str) -> str:
    """What E.164 numbers of a country begin with: FI -> "+358"."""
    return f"+{phonenumbers.country_code_for_region(country)}"


@lru_cache(maxsize=64)
def emergency_numbers(country: str) -> tuple[str, ...]:
    """The emergency numbers of a country, e.g. FI -> ("112",). An unknown country has 112 (ETSI TS 122 101)."""
    metadata = PhoneMetadata.short_metadata_for_region(country)
    known = metadata.emergency if metadata is not None else None
    if known is None or known.national_number_pattern is None:
        return _FALLBACK_EMERGENCY
    pattern = re.compile(known.national_number_pattern)  # asking the library for each of 11,100 takes 50 times as long
    candidates = (f"{n:0{width}d}" for width in (2, 3, 4) for n in range(10**width))
    found = tuple(filter(pattern.fullmatch, candidates))
    return found or _FALLBACK_EMERGENCY


def is_emergency(
    dialled: str, country: str, *, outside_prefix: str = "", numbers: Collection[str] | None = None
) -> bool:
    """Whether these digits call for help, with or without the outside prefix. `numbers` overrides the country's."""
    known = emergency_numbers(country) if numbers is None else numbers
    digits = re.sub(r"[\s\-()./]", "", dialled)
    return digits in known or bool(outside_prefix and digits.removeprefix(outside_prefix) in known)


def read_dialled(
    dialled: str,
    country: str,
    *,
    outside_prefix: str = "",
    internal: Collection[str] = (),
    emergency: Collection[str] | None = None,
    area_code: str = "",
) -> Dialled:
    """What a phone means by what it dialled: help first, then a number of the house, then the outside world.

    With an outside prefix, only what begins with it (or with +) goes out; what follows is dialled as anywhere in the
    country. `area_code` completes numbers that the plan knows only with one."""
    digits = re.sub(r"[\s\-()./]", "", dialled[:MAX_TEXT])
    known = emergency_numbers(country) if emergency is None else emergency
    for candidate in (digits, digits.removeprefix(outside_prefix) if outside_prefix else digits):
        if candidate in known:
            return Dialled("emergency", candidate, "emergency")
    if digits in internal:
        return Dialled("internal", digits)
    if outside_prefix and not digits.startswith((outside_prefix, "+")):
        return Dialled("unknown", digits, why=say("Nobody has the number {number} here.", number=_show(digits)))
    outside = digits if digits.startswith("+") else digits.removeprefix(outside_prefix)
    return _read_outside(outside, country, area_code)


def _read_outside(digits: str, country: str, area_code: str) -> Dialled:
    if _is_short(digits, country):
        return Dialled("short", digits, _short_class(digits, country))
    try:
        e164 = normalise(digits, country, strict=False)
    except SwitchroomError as error:
        if not area_code or digits.startswith(("+", "0")):
            return Dialled("unknown", digits, why=error.said)
        try:
            e164 = normalise(area_code + digits, country, strict=False)
        except SwitchroomError:
            return Dialled("unknown", digits, why=error.said)
    return Dialled("outside", e164, classify(e164, country))


def _short_number(digits: str, country: str) -> PhoneNumber:
    code = phonenumbers.country_code_for_region(country)
    return PhoneNumber(country_code=code, national_number=int(digits), italian_leading_zero=digits.startswith("0"))


def _is_short(digits: str, country: str) -> bool:
    """Service numbers that exist only inside the country and have no E.164 form (directory enquiries, information)."""
    if not digits.isascii() or not digits.isdigit() or not 2 <= len(digits) <= _LONGEST_SHORT:
        return False
    return bool(shortnumberinfo.is_valid_short_number_for_region(_short_number(digits, country), country))


def _short_class(digits: str, country: str) -> NumberClass:
    cost = shortnumberinfo.expected_cost_for_region(_short_number(digits, country), country)
    # An unknown price is treated as a high one: the office can allow "premium" on the route.
    return "national" if cost in (ShortNumberCost.TOLL_FREE, ShortNumberCost.STANDARD_RATE) else "premium"


def matches(pattern: str, number: str) -> bool:
    """Whether a route's pattern ("+358*", "+358917700000", "*") takes the number (E.164, short or emergency)."""
    if pattern.endswith("*"):
        return number.startswith(pattern[:-1])
    return number == pattern


def is_country(country: str) -> bool:
    """Whether the numbering plan of this country is known."""
    return country in phonenumbers.SUPPORTED_REGIONS
