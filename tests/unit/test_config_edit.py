"""Editing a configuration's text key by key: comments stay, secrets come back where they were, hostile texts are refused."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from appliance.config import edit
from appliance.config.diff import mask_text
from appliance.config.load import loads
from appliance.config.starter import machine_place, starter_text
from appliance.errors import SwitchroomError

OFFICE = (Path(__file__).parents[1] / "office" / "office.toml").read_text()
TEXT = '''# mine
[office]      # where we are
name = "A"    # the name
country = "FI"

[[phones]]
extension = "101"   # reception
secret = "one"

[[phones]]
extension = "102"
secret = "two"
'''


def test_what_is_not_changed_stays_as_it_was_written() -> None:
    made = edit.set_keys(TEXT, ("office",), {"name": "B", "currency": "EUR"})
    assert "# mine" in made and 'name = "B"    # the name' in made and "# where we are" in made and "# reception" in made
    made = edit.set_keys(made, ("phones", 1), {"name": "Zoë \"x\"", "secret": None})
    assert tomllib.loads(made)["phones"][1] == {"extension": "102", "name": 'Zoë "x"'}


def test_rows_come_go_and_move() -> None:
    made = edit.add_row(TEXT, "lines", {"name": "gw", "channels": 4, "inbound_numbers": {"+358": "hangup"}, "none": None})
    assert tomllib.loads(made)["lines"] == [{"name": "gw", "channels": 4, "inbound_numbers": {"+358": "hangup"}}]
    made = edit.move_row(edit.add_row(made, "phones", {"extension": "103"}), "phones", 2, 0)
    assert [each["extension"] for each in tomllib.loads(made)["phones"]] == ["103", "101", "102"]
    made = edit.remove_row(edit.remove_row(edit.remove_row(made, "phones", 1), "phones", 0), "phones", 0)
    assert "phones" not in tomllib.loads(made) and "# mine" in made


def test_every_table_of_the_reference_office_can_be_edited() -> None:
    for section, rows in tomllib.loads(OFFICE).items():
        if isinstance(rows, list):
            for index in range(len(rows)):
                edit.set_keys(OFFICE, (section, index), {"zz": ["1", {"a": 1}]})
                edit.remove_row(OFFICE, section, index)
        else:
            edit.set_keys(OFFICE, (section,), {"zz": 1})
    loads(edit.set_keys(starter_text(machine_place()), ("dialling",), {"outside_prefix": "0"}))


@pytest.mark.parametrize("change", [
    lambda: edit.set_keys(TEXT, ("phones", 7), {"a": 1}), lambda: edit.remove_row(TEXT, "phones", 7),
    lambda: edit.remove_row(TEXT, "nothing", 0), lambda: edit.move_row(TEXT, "phones", 0, 2),
    lambda: edit.move_row(TEXT, "phones", 0, -1),
])
def test_what_is_gone_is_told(change: object) -> None:
    with pytest.raises(SwitchroomError) as problem:
        change()  # type: ignore[operator]
    assert problem.value.id == "config.edit-gone"


@pytest.mark.parametrize("bomb", [
    "a = " + "[" * 50_000, "a = " + "{a = " * 20_000, "[" + "a." * 20_000 + "a]", 'a = "x', "a = 1\na = 2", "a = " + "9" * 10_000,
    "\x00",
])
def test_bombs_are_refused_quickly(bomb: str) -> None:
    with pytest.raises(SwitchroomError) as problem:
        edit.plain(bomb)
    assert problem.value.id == "config.edit-syntax"


def test_a_text_too_long_for_forms_says_so() -> None:
    with pytest.raises(SwitchroomError) as problem:
        edit.set_keys("# " + "x" * edit.MAX_TEXT, ("office",), {"name": "A"})
    assert problem.value.id == "config.edit-too-long"


def test_a_layout_that_a_form_cannot_change_is_left_alone() -> None:
    inline = 'phones = [{ extension = "101", secret = "x" }]\n'
    made = edit.set_keys(inline, ("phones", 0), {"name": "A"})
    assert tomllib.loads(made)["phones"] == [{"extension": "101", "secret": "x", "name": "A"}]
    with pytest.raises(SwitchroomError) as problem:
        edit.set_keys('office = "text"\n', ("office",), {"name": "A"})
    assert problem.value.id == "config.edit-failed"


def test_masked_secrets_come_back_also_where_rows_moved() -> None:
    masked = mask_text(edit.move_row(TEXT, "phones", 1, 0))
    assert '"one"' not in masked and '"two"' not in masked
    back = tomllib.loads(edit.restore_secrets(masked.replace('"A"', '"B"'), TEXT))
    assert [(each["extension"], each["secret"]) for each in back["phones"]] == [("102", "two"), ("101", "one")]
    typed = edit.restore_secrets(mask_text(TEXT).replace('"***"', '"new"', 1), TEXT)
    assert [each["secret"] for each in tomllib.loads(typed)["phones"]] == ["new", "two"]


def test_a_mask_without_a_secret_behind_it_is_refused() -> None:
    for text in (mask_text(TEXT).replace("102", "109"), TEXT.replace('"two"', "'***'").replace("102", "109")):
        with pytest.raises(SwitchroomError) as problem:
            edit.restore_secrets(text, TEXT)
        assert problem.value.id == "config.secret-unknown"
