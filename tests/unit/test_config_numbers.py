"""Numbers: read as people dial them, kept as E.164, sent as each line wants them, classed by what they cost."""

from __future__ import annotations

import pytest
from phonenumbers import shortnumberinfo

from appliance.config import numbers
from appliance.config.numbers import Dialled
from appliance.errors import SwitchroomError


@pytest.mark.parametrize(
    ("text", "country", "e164"),
    [
        ("0917700000", "FI", "+358917700000"),
        ("09 1770 0000", "FI", "+358917700000"),
        ("(09) 1770-0000", "FI", "+358917700000"),
        ("+358 9 17700000", "SE", "+358917700000"),
        ("00358917700000", "FI", "+358917700000"),
        ("358917700000", "FI", "+358917700000"),
        ("'0917700000", "FI", "+358917700000"),
        ("917700000.0", "FI", "+358917700000"),
        ("０９１７７０００００", "FI", "+358917700000"),
        ("٠٩١٧٧٠٠٠٠٠", "FI", "+358917700000"),
        ("040\u00a0123\u20114567", "FI", "+358401234567"),
        ("8 (916) 123-45-67", "RU", "+79161234567"),
        ("050 123 45 67", "UA", "+380501234567"),
        ("138 1234 5678", "CN", "+8613812345678"),
        ("(202) 555-0123", "US", "+12025550123"),
    ],
)
def test_numbers_are_read_as_dialled_in_the_country(text: str, country: str, e164: str) -> None:
    assert numbers.normalise(text, country) == e164


@pytest.mark.parametrize(
    ("text", "id", "says"),
    [
        ("", "number.unreadable", "no phone number"),
        ("abc", "number.unreadable", "no phone number"),
        ("1-800-FLOWERS", "number.unreadable", "no phone number"),
        ("3.58918E+11", "number.rounded", "spreadsheet"),
        ("3,58E+11", "number.rounded", "spreadsheet"),
        ("12", "number.length", "too short"),
        ("+3589177000001234567", "number.length", "too long"),
        ("+999123456", "number.country", "country code"),
        ("+35800000000", "number.not-in-plan", "FI"),
        ("0" * 500, "number.unreadable", "too long"),
        ("+358917700000;ext=5", "number.unreadable", ""),
        ("+358917700000\r\nX: y", "number.unreadable", ""),
    ],
)
def test_what_cannot_be_called_says_why(text: str, id: str, says: str) -> None:
    with pytest.raises(SwitchroomError) as caught:
        numbers.normalise(text, "FI")
    assert caught.value.id == id
    assert says in caught.value.message
    assert caught.value.hint
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("number", "country", "cls"),
    [
        ("+358917700000", "FI", "national"),
        ("+358401234567", "FI", "mobile"),
        ("+358600123456", "FI", "premium"),
        ("+3581812345", "FI", "national"),  # Åland is dialled as home
        ("+46812345678", "FI", "international"),
        ("+358600123456", "SE", "premium"),  # premium abroad is premium
        ("+881612345678", "FI", "premium"),
        ("+18765550123", "US", "international"),  # Jamaica shares the country code of the US
        ("+447911123456", "GB", "international"),  # a mobile of Guernsey
        ("+79161234567", "RU", "mobile"),
        ("112", "FI", "emergency"),
        ("911", "US", "emergency"),
    ],
)
def test_classes(number: str, country: str, cls: str) -> None:
    assert numbers.classify(number, country) == cls


@pytest.mark.parametrize(
    ("number", "form", "country", "sent"),
    [
        ("+358917700000", "national", "FI", "0917700000"),
        ("+358917700000", "e164", "FI", "+358917700000"),
        ("+358917700000", "digits", "FI", "358917700000"),
        ("+46812345678", "national", "FI", "0046812345678"),
        ("+79161234567", "national", "RU", "89161234567"),
        ("+8613812345678", "national", "CN", "13812345678"),
        ("+18765550123", "national", "US", "18765550123"),
        ("112", "national", "FI", "112"),
        ("112", "e164", "FI", "112"),
        ("116111", "digits", "FI", "116111"),
    ],
)
def test_a_line_gets_the_number_in_its_form(number: str, form: numbers.NumberForm, country: str, sent: str) -> None:
    assert numbers.send_as(number, form, country) == sent


def test_the_last_digit_stays_in_national_form() -> None:
    """The reference gateway behaves by the last digit of what it is asked to dial."""
    for digit in "0123456789":
        assert numbers.send_as(f"+35891770000{digit}", "national", "FI") == f"091770000{digit}"


@pytest.mark.parametrize(
    ("dialled", "kind", "number", "cls"),
    [
        ("112", "emergency", "112", "emergency"),
        ("0112", "emergency", "112", "emergency"),
        ("101", "internal", "101", None),
        ("701", "internal", "701", None),
        ("00917700000", "outside", "+358917700000", "national"),
        ("0 0401234567", "outside", "+358401234567", "mobile"),
        ("000358917700000", "outside", "+358917700000", "national"),
        ("+46812345678", "outside", "+46812345678", "international"),
        ("0116111", "short", "116111", "national"),
        ("999", "unknown", "999", None),
        ("01", "unknown", "1", None),
    ],
)
def test_what_a_phone_means(dialled: str, kind: str, number: str, cls: str | None) -> None:
    read = numbers.read_dialled(dialled, "FI", outside_prefix="0", internal={"101", "701"})
    assert (read.kind, read.number, read.cls) == (kind, number, cls)
    assert bool(read.why) == (kind == "unknown")


def test_without_an_outside_prefix_numbers_are_dialled_directly() -> None:
    assert numbers.read_dialled("0917700000", "FI", internal={"101"}) == Dialled("outside", "+358917700000", "national")
    assert numbers.read_dialled("101", "FI", internal={"101"}).kind == "internal"


def test_the_area_code_completes_a_local_number() -> None:
    assert numbers.read_dialled("5550123", "US", area_code="202").number == "+12025550123"
    assert numbers.read_dialled("5550123", "US").kind == "unknown"


def test_help_comes_before_everything_else() -> None:
    """An extension that shadows an emergency number does not win, whatever configuration let it through."""
    assert numbers.read_dialled("112", "FI", internal={"112"}).kind == "emergency"
    assert numbers.read_dialled("999", "FI", emergency=["999"]).kind == "emergency"
    assert not numbers.is_emergency("112", "FI", numbers=["999"])


@pytest.mark.parametrize(
    ("country", "some"), [("FI", {"112"}), ("US", {"911"}), ("GB", {"999", "112"}), ("RU", {"112", "101"}), ("CN", {"110"})]
)
def test_emergency_numbers_of_countries(country: str, some: set[str]) -> None:
    assert some <= set(numbers.emergency_numbers(country))


@pytest.mark.parametrize("country", ["FI", "US", "CN"])
def test_emergency_numbers_are_those_that_the_library_answers_for(country: str) -> None:
    asked = (str(number) for number in range(10, 2000))
    known = {number for number in asked if shortnumberinfo.is_emergency_number(number, country)}
    assert known
    assert known == {number for number in numbers.emergency_numbers(country) if number[0] != "0" and int(number) < 2000}


@pytest.mark.parametrize("country", ["ZZ", "QQ"])
def test_a_country_without_a_table_has_112(country: str) -> None:
    assert numbers.emergency_numbers(country) == ("112",)


def test_patterns_of_routes() -> None:
    assert numbers.matches("+358*", "+358917700000")
    assert not numbers.matches("+358*", "+46812345678")
    assert numbers.matches("*", "116111")
    assert numbers.matches("+358917700000", "+358917700000")
    assert not numbers.matches("+35891770000", "+358917700000")
